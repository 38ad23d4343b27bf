"""The nodes of a result: all of them or none, the same nodes when it is computed again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import SimpleITK as sitk

from ...errors import InputError
from ...pipeline.result import RegistrationResult
from ..scene.nodes import PREFIX, nodes_of_class, roles_of, set_attributes, set_roles
from ..scene.scene_change import SceneChange
from ..scene.scene_images import SceneImages
from ..scene.segment_layers import on_lattice
from ..scene.transform_nodes import check_transform_node, interpolate_linearly
from ..scene.volume_nodes import Node
from ..texts import tr as _
from .displacements import StructureDisplacement, structure_displacements
from .result_contents import WriteContent, place, result_contents

__all__ = [
    "FRAMES_PART",
    "KEPT",
    "OUTPUTS",
    "ResultWriter",
    "WrittenResult",
    "after_loading",
    "check_in_scene",
    "check_outputs",
    "find_outputs",
    "output_roles",
    "output_title",
    "part_of",
    "result_attributes",
]

_SCALAR_VOLUME = "vtkMRMLScalarVolumeNode"
_SEGMENTATION = "vtkMRMLSegmentationNode"
_TRANSFORM = "vtkMRMLTransformNode"

#: Every output: the class of its node, and the name of a new one.
OUTPUTS: dict[str, tuple[str, str]] = {
    "warped": (_SCALAR_VOLUME, "{moving} warped to {fixed}"),
    "warped_labels": (_SEGMENTATION, "Labels of {moving} warped to {fixed}"),
    "transform": (_TRANSFORM, "{moving} to {fixed}"),
    "inverse": (_TRANSFORM, "{moving} to {fixed}, inverse"),
    "jacobian": (_SCALAR_VOLUME, "{moving} to {fixed}, Jacobian"),
    "displacement": (_SCALAR_VOLUME, "{moving} to {fixed}, displacement"),
    "round_trip": (_SCALAR_VOLUME, "{moving} to {fixed}, there and back"),
    "uncertainty": (_SCALAR_VOLUME, "{moving} to {fixed}, uncertainty"),
    "folds": (_SEGMENTATION, "{moving} to {fixed}, folds"),
    "metrics": ("vtkMRMLTableNode", "{moving} to {fixed}, measurements"),
}

#: Attribute of the nodes of a result that is kept beside the current one: its name.
KEPT = "Kept"
#: The part of two volumes that are the frames of a sequence.
FRAMES_PART = "frames"

_DESCRIPTIONS = {
    "transform": "From parent: fixed to moving points. What is put under it moves from the moving "
    "anatomy onto the fixed one.",
    "inverse": "From parent: moving to fixed points. What is put under it moves from the fixed "
    "anatomy onto the moving one.",
    "jacobian": "Determinant of the map from fixed to moving points: above 1 the moving tissue was "
    "larger, 0 and below the map folds.",
    "displacement": "Length of the displacement at each voxel of the fixed image, in mm.",
    "round_trip": "Distance of each voxel of the fixed image from itself after the transform and "
    "the inverse, in mm; 0 where it leaves the moving image.",
    "uncertainty": "Error of the map to expect at each voxel of the fixed image, root mean square "
    "in mm, by the spread over other ways to register.",
    "folds": "Where the map from fixed to moving points has a determinant of 0 or below.",
}

# Outputs that tell what was measured.
_MEASURED = ("transform", "metrics")


def result_attributes(
    provenance: Mapping[str, Any], metrics: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Return the attributes of the nodes of a result.

    Args:
        provenance: of the :class:`~SlicerLDMRegLib.pipeline.RegistrationResult`.
        metrics: of it; None leaves them out.

    Returns:
        ``Model`` (id, or ``none``), ``WeightsSHA256``, ``Options`` (JSON), ``Seed``, ``Version`` of
        LDMReg, ``Date``, and ``Metrics`` (JSON).
    """
    model = provenance.get("model") or {}
    found = {
        "Model": model.get("id") or "none",
        "WeightsSHA256": model.get("sha256") or "",
        "Options": json.dumps(provenance.get("options") or {}, sort_keys=True),
        "Seed": str(provenance.get("seed", "")),
        "Version": str((provenance.get("versions") or {}).get("ldmreg", "")),
        "Date": str(provenance.get("date", "")),
    }
    if metrics is not None:
        found["Metrics"] = json.dumps(metrics)
    return found


def output_roles(output: str, fixed: Node, moving: Node) -> tuple[Node, Node]:
    """Return the fixed and the moving image of an output; the inverse moves the fixed image."""
    return (moving, fixed) if output == "inverse" else (fixed, moving)


def output_title(output: str, fixed: Node, moving: Node, part: str = "") -> str:
    """Return the name of a new node for an output of two volumes, or of a part of them."""
    title = OUTPUTS[output][1].format(fixed=fixed.GetName(), moving=moving.GetName())
    return f"{title}, {part}" if part and part != FRAMES_PART else title


def find_outputs(fixed: Node, moving: Node, part: str | None = None) -> dict[str, Node]:
    """Return the nodes that an earlier registration of two volumes has written.

    Of several, the newest of each kind; also after the scene was saved and loaded. Those that are
    kept beside it do not count.

    Args:
        fixed, moving: the volumes.
        part: of the volumes that was registered, such as one slice; empty: all of them. None: the
            part that was registered last.
    """
    found: dict[str, dict[str, Node]] = {}
    dates: dict[str, str] = {}
    for node in nodes_of_class(fixed.GetScene()):
        output = node.GetAttribute(PREFIX + "Output")
        if node.GetAttribute(PREFIX + KEPT):
            continue
        if output in OUTPUTS and roles_of(node) == output_roles(output, fixed, moving):
            own = part_of(node)
            found.setdefault(own, {})[output] = node
            dates[own] = max(dates.get(own, ""), node.GetAttribute(PREFIX + "Date") or "")
    if part is None and dates:
        # Of those of one second, the one whose nodes came last.
        part = max(reversed(dates), key=dates.__getitem__)
    return found.get(part or "", {})


def part_of(node: Node) -> str:
    """Return the part of its volumes that a node of a result is of; empty: all of them."""
    return str(node.GetAttribute(PREFIX + "Part") or "")


def after_loading(scene: Any) -> None:
    """Bring back what a scene's file does not hold: call it when a scene was loaded.

    Slicer interpolates every grid that it reads with cubic splines; those of results are linear
    between their nodes, as in ITK.
    """
    for node in nodes_of_class(scene, _TRANSFORM):
        if node.GetAttribute(PREFIX + "Output") in OUTPUTS:
            interpolate_linearly(node)


def check_outputs(outputs: Mapping[str, Node | None], fixed: Node, moving: Node) -> None:
    """Check that results can go into some nodes.

    Args:
        outputs: by the names of :data:`OUTPUTS`; None stands for a new node.
        fixed, moving: the volumes that are registered.

    Raises:
        InputError: for a node of another kind, one that is chosen twice, or an input.
    """
    chosen: list[Node] = []
    for output, node in outputs.items():
        if output not in OUTPUTS:
            raise InputError(
                _("outputs: expected some of {names}, got {output!r}").format(
                    names=", ".join(OUTPUTS), output=output
                )
            )
        if node is None:
            continue
        class_name = OUTPUTS[output][0]
        if class_name == _TRANSFORM:
            check_transform_node(node)
        elif node.GetClassName() != class_name:
            raise InputError(
                _(
                    "output {output}: expected a {class_name}, got {node!r}, which is a"
                    " {kind}; select another node"
                ).format(
                    output=output,
                    class_name=class_name,
                    node=node.GetName(),
                    kind=node.GetClassName(),
                )
            )
        if node is fixed or node is moving:
            raise InputError(
                _(
                    "output {output}: {node!r} is an input and would be overwritten; select"
                    " another node"
                ).format(output=output, node=node.GetName())
            )
        if node in chosen:
            raise InputError(
                _(
                    "output {output}: {node!r} is already another output; select another node"
                ).format(output=output, node=node.GetName())
            )
        chosen.append(node)


def check_in_scene(nodes: Mapping[str, Node]) -> None:
    """Raise an InputError for a node, named by its role, that the scene has lost."""
    for role, node in nodes.items():
        if node.GetScene() is None:
            raise InputError(
                _(
                    "the {role} {node!r} was removed from the scene before the result was"
                    " there; nothing was written"
                ).format(role=role, node=node.GetName())
            )


@dataclass(frozen=True, eq=False)
class WrittenResult:
    """The nodes of a result.

    Attributes:
        nodes: by the names of :data:`OUTPUTS`.
        change: takes them back, ``change.revert()``; also what the views show.
    """

    nodes: dict[str, Node]
    change: SceneChange


class ResultWriter:
    """Writes the result of two images into their scene: computed first, then written at once.

    New nodes stand under the fixed volume in the subject hierarchy. All refer to both volumes in
    Slicer's roles of spatial registration, and have attributes that tell where they come from, see
    :func:`result_attributes`. Beyond the fixed image, or the slices of it that were registered, a
    transform goes on as at the border.

    Args:
        outputs: the wanted ones, by the names of :data:`OUTPUTS`, and the nodes to write into; None
            for the node of an earlier result of the same part of these volumes, else a new one.
            Labels that were not registered have none, and a map that does not fold has no folds.
    """

    def __init__(self, outputs: Mapping[str, Node | None]) -> None:
        self._outputs = outputs
        self._part = ""
        self._moved: list[StructureDisplacement] = []
        self._result: RegistrationResult
        self._images: SceneImages
        self._contents: dict[str, WriteContent]

    def add(self, result: RegistrationResult, images: SceneImages, part: str = "") -> None:
        """Compute the contents of the nodes; any thread may do it.

        Args:
            result: of the registration of ``images``.
            images: from :func:`~..scene.scene_images.scene_images`.
            part: of the volumes that was registered, see :func:`find_outputs`.
        """
        self._result, self._images, self._part = result, images, part
        self._folded = bool(sitk.GetArrayViewFromImage(result.folds).any())
        placed = place(result, images)
        self._moved = _displacements(placed, images)
        self._contents = result_contents(placed, images, self._outputs, self._moved)

    def write(self) -> WrittenResult:
        """Change the scene; if that fails, it is as before.

        Raises:
            InputError: for nodes that cannot be written into, or volumes that the scene has lost.
        """
        fixed, moving = self._images.shown
        check_in_scene({_("fixed volume"): fixed, _("moving volume"): moving})
        earlier = find_outputs(fixed, moving, self._part)
        free = {o: node for o, node in earlier.items() if node not in self._outputs.values()}
        outputs = {output: node or free.get(output) for output, node in self._outputs.items()}
        check_outputs(outputs, fixed, moving)
        left_out = set()
        if not self._folded and outputs.get("folds") is None:  # else it would show old ones
            left_out.add("folds")
        wanted = [o for o in OUTPUTS if o in self._contents and o not in left_out]
        with SceneChange(fixed.GetScene()) as change:
            change.keep_views()
            nodes = {output: self._write_node(output, outputs[output], change) for output in wanted}
            return WrittenResult(nodes, change)

    def _write_node(self, output: str, node: Node | None, change: SceneChange) -> Node:
        fixed, moving = self._images.shown
        if node is not None and node.GetScene() is None:
            node = None  # the user has removed it
        is_new = node is None
        if node is None:
            title = output_title(output, fixed, moving, self._part)
            node = change.add(OUTPUTS[output][0], title)
        change.keep_with_display(node)
        self._contents[output](node, is_new)
        metrics = self._result.metrics if output in _MEASURED else None
        attributes = result_attributes(self._result.provenance, metrics)
        if output in _MEASURED and self._moved:
            moved = [found.to_json() for found in self._moved]
            attributes = {**attributes, "Displacements": json.dumps(moved)}
        part = {"Part": self._part} if self._part else {}
        set_attributes(node, {**attributes, "Output": output, **part})
        node.SetDescription(_DESCRIPTIONS.get(output, ""))
        set_roles(node, *output_roles(output, fixed, moving))
        if is_new:
            change.place_under(node, fixed)
        return node


def _displacements(placed: RegistrationResult, images: SceneImages) -> list[StructureDisplacement]:
    """Return how far the labelled structures of the fixed image have moved."""
    labels = images.fixed_labels
    if labels is None:
        return []
    if images.planes is not None:
        labels = images.planes[0].embed(labels)
    found = on_lattice(labels, placed.field.geometry)
    return structure_displacements(placed.field, found, images.label_names)
