"""What can be chosen on the panel: values are what the library takes, labels what users read."""

from __future__ import annotations

import enum

from slicer.i18n import tr as _

__all__ = [
    "Alignment",
    "Anatomy",
    "Axis",
    "Device",
    "Diffeomorphic",
    "Extent",
    "Precision",
    "Refinement",
    "Similarity",
]


class Extent(enum.Enum):
    """What of the volumes is registered."""

    WHOLE = "whole volume"
    VIEW = "slice shown in a view"
    RANGE = "range of slices"
    FRAMES = "all frames of a sequence"

    def label(self) -> str:
        return {
            Extent.WHOLE: _("Whole volumes"),
            Extent.VIEW: _("The slice shown in a view"),
            Extent.RANGE: _("A range of slices, one by one"),
            Extent.FRAMES: _("All frames of a sequence"),
        }[self]


class Axis(enum.Enum):
    """The plane of a range of slices."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"

    def label(self) -> str:
        return {
            Axis.AXIAL: _("Axial"),
            Axis.CORONAL: _("Coronal"),
            Axis.SAGITTAL: _("Sagittal"),
        }[self]


class Anatomy(enum.Enum):
    """What tells a model with regions where they are."""

    AUTOMATIC = "automatic"
    LABELS = "fixed labels"
    MODEL = "model"
    NONE = "none"

    def label(self) -> str:
        return {
            Anatomy.AUTOMATIC: _("Automatic"),
            Anatomy.LABELS: _("The fixed labels below"),
            Anatomy.MODEL: _("A segmentation by the model"),
            Anatomy.NONE: _("Nothing"),
        }[self]


class Alignment(enum.Enum):
    """How the images are brought together before they are deformed."""

    AUTO = "auto"
    NONE = "none"
    CENTER = "center"
    RIGID = "rigid"
    AFFINE = "affine"

    def label(self) -> str:
        return {
            Alignment.AUTO: _("Automatic"),
            Alignment.NONE: _("None: they lie well already"),
            Alignment.CENTER: _("Centres of mass"),
            Alignment.RIGID: _("Rigid"),
            Alignment.AFFINE: _("Affine"),
        }[self]


class Device(enum.Enum):
    """Where the computation runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"

    def label(self) -> str:
        return {
            Device.AUTO: _("Automatic"),
            Device.CPU: _("Processor (CPU)"),
            Device.CUDA: _("NVIDIA or AMD graphics card (CUDA)"),
            Device.MPS: _("Apple graphics card (MPS)"),
        }[self]


class Precision(enum.Enum):
    """Of the network."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"

    def label(self) -> str:
        return _("Automatic") if self is Precision.AUTO else self.value


class Refinement(enum.Enum):
    """Whether the field is optimised on the pair."""

    MODEL = None
    ON = True
    OFF = False

    def label(self) -> str:
        return {
            Refinement.MODEL: _("As the model recommends"),
            Refinement.ON: _("On"),
            Refinement.OFF: _("Off"),
        }[self]


class Similarity(enum.Enum):
    """What the refinement improves."""

    AUTO = "auto"
    MSE = "mse"
    LNCC = "lncc"
    MIND = "mind"

    def label(self) -> str:
        return {
            Similarity.AUTO: _("As the model recommends"),
            Similarity.MSE: _("Mean squares (equal intensities)"),
            Similarity.LNCC: _("Local correlation (one modality)"),
            Similarity.MIND: _("MIND (different modalities)"),
        }[self]


class Diffeomorphic(enum.Enum):
    """Whether the map must not fold."""

    MODEL = None
    YES = True
    NO = False

    def label(self) -> str:
        return {
            Diffeomorphic.MODEL: _("As the model recommends"),
            Diffeomorphic.YES: _("Yes"),
            Diffeomorphic.NO: _("No"),
        }[self]
