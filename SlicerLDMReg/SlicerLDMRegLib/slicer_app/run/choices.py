"""The choices on the panel: values that the library takes, with the labels that users read."""

from __future__ import annotations

import enum
from typing import Any

from slicer.i18n import tr as _

__all__ = [
    "Alignment",
    "Anatomy",
    "Axis",
    "Choice",
    "Device",
    "Diffeomorphic",
    "Extent",
    "LandmarkUse",
    "Precision",
    "Refinement",
    "RegisterBy",
    "Similarity",
]


class Choice(enum.Enum):
    """A choice of a combo box; parameter nodes store its name."""

    _text: str

    def __new__(cls, value: Any, label: str) -> Choice:
        choice = object.__new__(cls)
        choice._value_, choice._text = value, label
        return choice

    def label(self) -> str:
        """Return the text in the combo box, which Slicer asks for."""
        return self._text


class Extent(Choice):
    """The part of the volumes that is registered."""

    WHOLE = "whole volume", _("Whole volumes")
    VIEW = "slice shown in a view", _("The slice shown in a view")
    RANGE = "range of slices", _("A range of slices, one by one")
    FRAMES = "all frames of a sequence", _("All frames of a sequence")


class Axis(Choice):
    """The plane of a range of slices."""

    AXIAL = "axial", _("Axial")
    CORONAL = "coronal", _("Coronal")
    SAGITTAL = "sagittal", _("Sagittal")


class Anatomy(Choice):
    """The source of the regions of a model with regions."""

    AUTOMATIC = "automatic", _("Automatic")
    LABELS = "fixed labels", _("The fixed labels below")
    MODEL = "model", _("A segmentation by the model")
    NONE = "none", _("Nothing")


class Alignment(Choice):
    """The alignment of the images before they are deformed."""

    AUTO = "auto", _("Automatic")
    NONE = "none", _("None: they lie well already")
    CENTER = "center", _("Centres of mass")
    RIGID = "rigid", _("Rigid")
    AFFINE = "affine", _("Affine")


class RegisterBy(Choice):
    """The basis of a registration: images, labels, or both."""

    IMAGES = "images", _("The images")
    LABELS = "labels", _("The labels alone")
    BOTH = "both", _("The images and the labels")


class LandmarkUse(Choice):
    """The part that pairs of points have in a registration."""

    MEASURE = "measure", _("Measure only")
    HOLD = "hold", _("Hold together")
    START = "start", _("Thin-plate warp first")
    BOTH = "start+hold", _("Warp first, then hold")


class Device(Choice):
    """The device that computes."""

    AUTO = "auto", _("Automatic")
    CPU = "cpu", _("Processor (CPU)")
    CUDA = "cuda", _("NVIDIA or AMD graphics card (CUDA)")
    MPS = "mps", _("Apple graphics card (MPS)")


class Precision(Choice):
    """The precision of the network."""

    AUTO = "auto", _("Automatic")
    FLOAT32 = "float32", "float32"
    BFLOAT16 = "bfloat16", "bfloat16"


class Refinement(Choice):
    """Whether the field is optimised on the pair."""

    MODEL = None, _("As the model recommends")
    ON = True, _("On")
    OFF = False, _("Off")


class Similarity(Choice):
    """The similarity of the images that the refinement improves."""

    AUTO = "auto", _("As the model recommends")
    MSE = "mse", _("Mean squares (equal intensities)")
    LNCC = "lncc", _("Local correlation (one modality)")
    MIND = "mind", _("MIND (different modalities)")
    MIND_LNCC = "mind-lncc", _("MIND, then local correlation")


class Diffeomorphic(Choice):
    """Whether the map must not fold."""

    MODEL = None, _("As the model recommends")
    YES = True, _("Yes")
    NO = False, _("No")
