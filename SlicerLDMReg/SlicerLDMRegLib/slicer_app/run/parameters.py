"""The choices on the panel, kept in a parameter node, which is saved with the scene."""

# Annotations are read by the wrapper, which older Slicers do not give them as text.
from typing import Annotated, Any, Union

import slicer
from slicer.parameterNodeWrapper import Decimals, SingleStep, WithinRange, parameterNodeWrapper

from .choices import (
    Alignment,
    Anatomy,
    Axis,
    Device,
    Diffeomorphic,
    Extent,
    LandmarkUse,
    Precision,
    Refinement,
    RegisterBy,
    Similarity,
)

__all__ = [
    "NODE_FIELDS",
    "OPTIONS",
    "OUTPUT_PARAMETERS",
    "REQUEST_FIELDS",
    "RegistrationParameters",
    "changed",
    "refinement",
    "restore",
]

# The wrapper of Slicer 5.10 does not know A | B.
Labels = Union[  # noqa: UP007
    slicer.vtkMRMLSegmentationNode, slicer.vtkMRMLLabelMapVolumeNode, None
]
Number = Annotated[int, WithinRange(0, 99999)]


@parameterNodeWrapper
class RegistrationParameters:
    """One set of choices; the names of ``SlicerParameterName`` in the .ui file."""

    fixedVolume: slicer.vtkMRMLScalarVolumeNode
    movingVolume: slicer.vtkMRMLScalarVolumeNode
    model: str = "auto"
    extent: Extent = Extent.WHOLE
    view: str = "Red"
    axis: Axis = Axis.AXIAL
    firstSlice: Number = 0
    lastSlice: Number = 0
    referenceFrame: Number = 0

    anatomy: Anatomy = Anatomy.AUTOMATIC
    registerBy: RegisterBy = RegisterBy.IMAGES
    fixedLabels: Labels
    movingLabels: Labels
    # Of the fixed labels, by the keys of anatomy.Structure.
    leftOut: list[str]
    prompts: dict[str, str]

    alignment: Alignment = Alignment.AUTO
    initialTransform: slicer.vtkMRMLTransformNode

    fixedLandmarks: slicer.vtkMRMLMarkupsFiducialNode
    movingLandmarks: slicer.vtkMRMLMarkupsFiducialNode
    landmarkUse: LandmarkUse = LandmarkUse.MEASURE
    landmarkMm: Annotated[float, WithinRange(0.1, 50), Decimals(1), SingleStep(0.5)] = 1.0

    device: Device = Device.AUTO
    precision: Precision = Precision.AUTO
    refinement: Refinement = Refinement.MODEL
    similarity: Similarity = Similarity.AUTO
    iterations: str = ""
    smoothness: Annotated[float, WithinRange(0, 100), Decimals(3), SingleStep(0.01)] = 0.0
    diffeomorphic: Diffeomorphic = Diffeomorphic.MODEL
    fixedMask: Labels
    movingMask: Labels
    seed: Annotated[int, WithinRange(0, 2**31 - 1)] = 0

    makeWarped: bool = True
    makeWarpedLabels: bool = True
    makeTransform: bool = True
    makeInverse: bool = False
    makeJacobian: bool = True
    makeDisplacement: bool = True
    makeRoundTrip: bool = False
    makeUncertainty: bool = False
    makeFolds: bool = True
    makeMetrics: bool = True
    applyInverse: bool = False
    applyHarden: bool = False
    applyCopies: bool = False
    applyAlong: bool = False
    warpedNode: slicer.vtkMRMLScalarVolumeNode
    warpedLabelsNode: slicer.vtkMRMLSegmentationNode
    transformNode: slicer.vtkMRMLTransformNode
    inverseNode: slicer.vtkMRMLTransformNode
    jacobianNode: slicer.vtkMRMLScalarVolumeNode
    displacementNode: slicer.vtkMRMLScalarVolumeNode
    roundTripNode: slicer.vtkMRMLScalarVolumeNode
    uncertaintyNode: slicer.vtkMRMLScalarVolumeNode
    foldsNode: slicer.vtkMRMLSegmentationNode
    metricsNode: slicer.vtkMRMLTableNode


#: By parameter: the field of a request that is read from the node.
NODE_FIELDS = {
    "fixedVolume": "fixed",
    "movingVolume": "moving",
    "fixedLabels": "fixed_labels",
    "movingLabels": "moving_labels",
    "fixedMask": "fixed_mask",
    "movingMask": "moving_mask",
    "fixedLandmarks": "fixed_landmarks",
    "movingLandmarks": "moving_landmarks",
    "initialTransform": "initial_transform",
}

#: By parameter: the field of a request that it is as it is.
REQUEST_FIELDS = {
    "model": "model",
    "registerBy": "register_by",
    "alignment": "align",
    "landmarkUse": "landmark_use",
    "landmarkMm": "landmark_mm",
    "device": "device",
    "precision": "precision",
    "diffeomorphic": "diffeomorphic",
    "makeUncertainty": "uncertainty",
    "seed": "seed",
}

#: By output: the parameters that say whether it is wanted, and where it goes.
OUTPUT_PARAMETERS = {
    "warped": ("makeWarped", "warpedNode"),
    "warped_labels": ("makeWarpedLabels", "warpedLabelsNode"),
    "transform": ("makeTransform", "transformNode"),
    "inverse": ("makeInverse", "inverseNode"),
    "jacobian": ("makeJacobian", "jacobianNode"),
    "displacement": ("makeDisplacement", "displacementNode"),
    "round_trip": ("makeRoundTrip", "roundTripNode"),
    "uncertainty": ("makeUncertainty", "uncertaintyNode"),
    "folds": ("makeFolds", "foldsNode"),
    "metrics": ("makeMetrics", "metricsNode"),
}

#: What "Restore defaults" restores.
OPTIONS = (
    "device",
    "precision",
    "refinement",
    "similarity",
    "iterations",
    "smoothness",
    "diffeomorphic",
    "fixedMask",
    "movingMask",
    "seed",
)


def restore(parameters: Any, names: tuple[str, ...] = OPTIONS) -> None:
    """Set parameters to their defaults."""
    with slicer.util.NodeModify(parameters.parameterNode):
        for name in names:
            default = parameters.default(name).value
            parameters.setValue(name, default)


def changed(parameters: Any, names: tuple[str, ...] = OPTIONS) -> list[str]:
    """Return the parameters that do not have their defaults."""
    return [name for name in names if getattr(parameters, name) != parameters.default(name).value]


def refinement(parameters: RegistrationParameters) -> bool | dict[str, Any] | None:
    """Return the refinement as a request takes it; what was not chosen is left to the model."""
    if parameters.refinement is Refinement.OFF:
        return False
    chosen: dict[str, Any] = {}
    if parameters.similarity is not Similarity.AUTO:
        chosen["similarity"] = parameters.similarity.value
    if parameters.smoothness > 0:
        chosen["smoothness"] = parameters.smoothness
    if parameters.iterations.strip():
        chosen["iterations"] = parameters.iterations
    return chosen or parameters.refinement.value
