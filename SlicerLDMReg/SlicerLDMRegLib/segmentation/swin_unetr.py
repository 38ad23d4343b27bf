"""The public SwinUNETR of 13 abdominal organs in CT (BTCV), with the preparation it was trained on.

Hatamizadeh et al., Swin UNETR, 2022; weights and tutorial: Project-MONAI/research-contributions,
SwinUNETR/BTCV. The weights are not part of LDMReg. They were trained on 24 of the 30 scans that are
also those of Learn2Reg's abdominal CT: results on these scans flatter them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor, nn

from .._monai import SwinUNETR
from .._weight_files import misfit
from ..errors import InputError, ModelError
from ..geometry import ImageGeometry
from ..intensity import IntensityMap
from ..lattice import covering_lattice
from ..resampling import antialiased, coverage, resample
from ..text.schemes import scheme_names
from .assignment import most_likely_labels
from .inference import class_probabilities
from .segmentation import ReportsProgress, Segmentation

__all__ = ["FEATURE_SIZES", "SwinUNETRSegmenter", "build_swin_unetr", "load_swin_unetr"]

#: Feature size of the base, small and tiny network.
FEATURE_SIZES = {"base": 48, "small": 24, "tiny": 12}

CLASSES = 14  # 13 organs and the background
SPACING = (1.5, 1.5, 2.0)  # mm
ORIENTATION = "RAS"
WINDOW = (96, 96, 96)
HOUNSFIELD = IntensityMap(-175.0, 250.0)

_AIR = -200  # HU; CT of a body always has darker voxels, images mapped to [0, 255] never
_PREDICTION = 0.9  # of the time of a segmentation, roughly
_PATCHES = "swinViT.patch_embed.proj.weight"
_RENAMED = (
    (re.compile(r"^(module|model)\."), ""),
    (re.compile(r"^swin_vit\."), "swinViT."),
    (re.compile(r"\.mlp\.fc([12])\."), r".mlp.linear\1."),
)


def build_swin_unetr(feature_size: int) -> nn.Module:
    """Build the network with fresh weights: 48 (base), 24 (small) or 12 (tiny).

    Raises:
        ModelError: for another feature size.
    """
    if feature_size not in FEATURE_SIZES.values():
        known = ", ".join(f"{size} ({name})" for name, size in FEATURE_SIZES.items())
        raise ModelError(f"feature size of SwinUNETR must be one of {known}, got {feature_size!r}")
    return SwinUNETR(in_channels=1, out_channels=CLASSES, feature_size=feature_size)


def load_swin_unetr(state: Mapping[str, Tensor], feature_size: int | None = None) -> nn.Module:
    """Return the network with published weights, ready to predict.

    Names may be those of MONAI or of older code: a prefix ``module.`` or ``model.`` is removed,
    ``swin_vit`` becomes ``swinViT`` and ``mlp.fc1`` becomes ``mlp.linear1``. The tables
    ``relative_position_index`` are fixed by the architecture and may be missing. Nothing else may
    be missing or left over.

    Args:
        state: tensors by name.
        feature_size: 48, 24 or 12; None: what the tensors say.

    Raises:
        ModelError: when they are not the weights of this network.
    """
    for pattern, replacement in _RENAMED:
        state = {pattern.sub(replacement, name): tensor for name, tensor in state.items()}
    if _PATCHES not in state:
        hint = "; these are weights of the encoder alone, which cannot segment" * any(
            name.startswith(("patch_embed.", "layers1.")) for name in state
        )
        raise ModelError(f"these are no weights of SwinUNETR: {_PATCHES} is missing{hint}")
    found = state[_PATCHES].shape[0]
    if feature_size not in (None, found):
        raise ModelError(f"weights of SwinUNETR: expected feature size {feature_size}, got {found}")
    with torch.random.fork_rng(devices=[]):  # the weights drawn here are replaced
        network = build_swin_unetr(found)
    expected = network.state_dict()
    fixed = {name: t for name, t in expected.items() if "relative_position_index" in name}
    state = {**fixed, **state}
    if problem := misfit(state, expected):
        raise ModelError(
            f"the weights do not fit SwinUNETR of MONAI with {CLASSES} classes: {problem}"
        )
    network.load_state_dict(state)
    return network.requires_grad_(False).eval()


class SwinUNETRSegmenter:
    """Segments 13 abdominal organs in CT.

    The image must be CT in Hounsfield units, unmapped: these weights find little in images that
    were prepared otherwise (research-contributions issue 79). It is brought to 1.5 x 1.5 x 2 mm
    along RAS, the window -175 to 250 HU becomes [0, 1], what is brighter than the window's lower
    end is cut out, and windows of 96^3 overlap by half.

    Args:
        state: tensors by name, see :func:`load_swin_unetr`;
            :func:`SlicerLDMRegLib.model_store.build_segmenter` reads them from a file.
        feature_size: 48 (base), 24 (small) or 12 (tiny); None: what the tensors say.
        device: where the network runs.
        overlap: of the windows. Less is faster, and worse at the borders of the windows.

    Raises:
        ModelError: when the tensors are not weights of this network.
    """

    def __init__(
        self,
        state: Mapping[str, Tensor],
        feature_size: int | None = None,
        device: torch.device | str = "cpu",
        overlap: float = 0.5,
    ) -> None:
        self.network = load_swin_unetr(state, feature_size).to(device)
        self.device = torch.device(device)
        self.overlap = overlap

    @property
    def names(self) -> Mapping[int, str]:
        """Name of each organ by its number, ascending."""
        return scheme_names("btcv")

    def segment(self, image: sitk.Image, progress: ReportsProgress | None = None) -> Segmentation:
        """Segment a 3D CT in Hounsfield units.

        Raises:
            InputError: when the image is not one.
        """
        first = second = None
        if progress is not None:
            first, second = progress.part(0, _PREDICTION), progress.part(_PREDICTION, 1)
        probabilities, lattice = self.probabilities(image, first)
        geometry = ImageGeometry.from_image(image)
        numbers = range(CLASSES)
        labels, confidence = most_likely_labels(probabilities, lattice, numbers, geometry, second)
        return Segmentation(labels, self.names, confidence)

    def probabilities(
        self, image: sitk.Image, progress: ReportsProgress | None = None
    ) -> tuple[np.ndarray, ImageGeometry]:
        """Return the probability of each class, ``(14, z, y, x)`` float16, and their lattice.

        Raises:
            InputError: when the image is not a 3D CT in Hounsfield units.
        """
        _check_ct(image)
        lattice = covering_lattice(ImageGeometry.from_image(image), SPACING, ORIENTATION)
        array = sitk.GetArrayFromImage(resample(antialiased(image, lattice), lattice))
        array = HOUNSFIELD(array)
        array *= coverage(image, lattice)
        lattice, array = _cropped(lattice, array)
        _check_lattice(lattice)
        # MONAI's arrays have the axes x, y, z, those of ITK z, y, x.
        result = class_probabilities(
            self.network,
            array.transpose(),
            WINDOW,
            overlap=self.overlap,
            device=self.device,
            progress=progress,
        )
        return result.transpose(0, 3, 2, 1), lattice


def _check_ct(image: sitk.Image) -> None:
    if image.GetDimension() != 3:
        raise InputError(f"SwinUNETR segments 3D CT, got a {image.GetDimension()}D image")
    voxels = sitk.GetArrayViewFromImage(image)
    least, most = float(voxels.min()), float(voxels.max())
    if least > _AIR or most <= HOUNSFIELD.low:
        raise InputError(
            "SwinUNETR segments CT in Hounsfield units, with air near -1000 and organs near 50, "
            f"got values from {least:g} to {most:g}; give the CT as it came from the scanner"
        )


def _check_lattice(lattice: ImageGeometry) -> None:
    """The weights work on one kind of lattice only: nothing else may reach the network."""
    got = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(lattice.direction)
    if got != ORIENTATION or not np.allclose(lattice.spacing, SPACING):
        raise InputError(
            f"SwinUNETR: expected a lattice along {ORIENTATION} with {SPACING} mm, "
            f"got {got} with {lattice.spacing} mm"
        )


def _cropped(lattice: ImageGeometry, array: np.ndarray) -> tuple[ImageGeometry, np.ndarray]:
    """Cut out what is not black, as it was done in training."""
    start, stop = _extent(array)
    where = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    size = [b - a for a, b in zip(start, stop, strict=True)]
    return lattice.crop(start[::-1], size[::-1]), array[where]


def _extent(array: np.ndarray) -> tuple[Sequence[int], Sequence[int]]:
    start, stop = [], []
    for axis in range(array.ndim):
        others = tuple(a for a in range(array.ndim) if a != axis)
        found = np.flatnonzero((array > 0).any(axis=others))
        start.append(int(found[0]))
        stop.append(int(found[-1]) + 1)
    return start, stop
