"""Segmenters with the network of a model folder or of a weights file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from torch import nn

from .._weight_files import read_checkpoint
from ..errors import InputError, ModelError
from ..geometry import ImageGeometry
from ..lattice import anatomical_lattice, fitted_lattice, foreground_box
from ..resampling import antialiased, coverage, resample
from ..segmentation import ReportsProgress, Segmentation, Segmenter, SwinUNETRSegmenter
from ..segmentation.assignment import most_likely_labels
from ..segmentation.inference import class_probabilities
from .card import ModelCard
from .load import load_network
from .store import find_model

__all__ = ["ModelSegmenter", "build_segmenter"]

_CHECKPOINTS = (".pt", ".pth", ".ckpt", ".tar")

# Share of the network in the time of a segmentation, for the progress bar only; roughly estimated.
_PREDICTION = 0.6
# Enlargement of a grid that the foreground box exceeds, because the box cuts off the outermost
# foreground. A larger value costs time and memory. Not tuned.
_MARGIN = 1.1


class ModelSegmenter:
    """Segmenter with the network of a model folder of the kind "segmentation".

    The image is resampled to the model's spacing and orientation (smoothed first if that is
    coarser) and its intensities are scaled between the percentiles of the card. A foreground that
    fits the model's grid is segmented in one pass, a larger one in a sliding window. A 2D image is
    fitted to the grid of a 2D model.

    Args:
        card: the model.
        network: its network; :func:`build_segmenter` loads both.
        device: device of the network.

    Raises:
        ModelError: when the model is not for segmentation.
    """

    def __init__(
        self, card: ModelCard, network: nn.Module, device: torch.device | str = "cpu"
    ) -> None:
        if card.kind != "segmentation":
            raise ModelError(f"model {card.id!r} is for {card.kind}, expected one for segmentation")
        self.card = card
        self.network = network.to(device).eval()
        self.device = torch.device(device)

    @property
    def names(self) -> Mapping[int, str]:
        """Label names by label number, ascending."""
        return self.card.label_names

    def segment(self, image: sitk.Image, progress: ReportsProgress | None = None) -> Segmentation:
        """Segment an image; voxels outside of the network's grid are background, confidence 1.

        Raises:
            InputError: when the image has another dimension than the model.
        """
        first = second = None
        if progress is not None:
            first, second = progress.part(0, _PREDICTION), progress.part(_PREDICTION, 1)
        probabilities, lattice = self.probabilities(image, first)
        labels, confidence = most_likely_labels(
            probabilities,
            lattice,
            self.card.label_numbers,
            ImageGeometry.from_image(image),
            second,
        )
        return Segmentation(labels, self.names, confidence)

    def probabilities(
        self,
        image: sitk.Image,
        progress: ReportsProgress | None = None,
        lattice: ImageGeometry | None = None,
    ) -> tuple[np.ndarray, ImageGeometry]:
        """Return class probabilities on the model's lattice.

        Args:
            image: of the dimension of the model.
            progress: receives the progress.
            lattice: lattice to use instead of :meth:`lattice`, e.g. a registration network's grid;
                with the spacing and orientation of the model.

        Returns:
            ``(N, *S)`` float16, background first, then the labels in ascending order; the lattice.

        Raises:
            InputError: when the image has another dimension than the model, or the lattice does not
                suit it.
        """
        dims = self.card.spatial_dims
        if image.GetDimension() != dims:
            advice = "give the volume" if dims == 3 else "give a slice as a 2D image"
            raise InputError(
                f"model {self.card.id!r} segments {dims}D images, got a {image.GetDimension()}D "
                f"one; {advice}"
            )
        if lattice is None:
            lattice = self.lattice(image)
        elif dims == 3:
            self._check(lattice)
        window = self.card.grid.size if dims == 3 else lattice.size
        scale = self.card.intensity.of(image)
        smooth = antialiased(image, lattice)
        array = scale(sitk.GetArrayFromImage(resample(smooth, lattice)))
        array *= coverage(image, lattice)
        probabilities = class_probabilities(
            self.network,
            array,
            window[::-1],
            device=self.device,
            progress=progress,
        )
        if len(probabilities) != len(self.card.label_numbers):
            raise ModelError(
                f"model {self.card.id!r}: expected {len(self.card.label_numbers)} classes "
                f"(background and label_scheme), its network has {len(probabilities)}"
            )
        return probabilities, lattice

    def lattice(self, image: sitk.Image) -> ImageGeometry:
        """Return the lattice for an image: the model's grid, enlarged to hold the foreground.

        A 2D image is fitted into the grid.
        """
        if self.card.spatial_dims == 2:
            grid = self.card.grid
            return fitted_lattice(ImageGeometry.from_image(image), grid.size, grid.divisor)
        spacing, orientation = self._spacing_and_orientation()
        low, high = foreground = foreground_box(image, orientation)
        divisor = self.card.grid.divisor
        size = list(self.card.grid.size)
        for axis, extent in enumerate((high - low).tolist()):
            if extent > size[axis] * spacing:
                size[axis] = math.ceil(_MARGIN * extent / spacing / divisor) * divisor
        return anatomical_lattice(image, size, spacing, orientation, foreground)

    def _check(self, lattice: ImageGeometry) -> None:
        spacing, orientation = self._spacing_and_orientation()
        direction = sitk.DICOMOrientImageFilter.GetDirectionCosinesFromOrientation(orientation)
        if not (
            np.allclose(lattice.spacing, spacing, rtol=1e-3)
            and np.allclose(lattice.direction, direction, atol=1e-3)
        ):
            raise InputError(
                f"lattice: expected {spacing:g} mm along {orientation} for model {self.card.id!r}, "
                f"got {lattice.spacing} mm along {lattice.direction}; let the model choose"
            )

    def _spacing_and_orientation(self) -> tuple[float, str]:
        grid = self.card.grid
        assert grid.spacing is not None and grid.orientation is not None  # cards are checked
        return grid.spacing, grid.orientation


def build_segmenter(spec: str | Path | ModelCard, device: torch.device | str = "cpu") -> Segmenter:
    """Load a segmenter.

    Args:
        spec: id, folder or card of a model of the kind "segmentation"; or a file (``.pt``,
            ``.pth``) with the public weights of SwinUNETR for BTCV.
        device: device of its network.

    Raises:
        ModelError: when the model does not exist, is not for segmentation, or is damaged.
    """
    if isinstance(spec, ModelCard):
        card = spec
    else:
        path = Path(spec).expanduser()
        if path.suffix.lower() in _CHECKPOINTS:
            return SwinUNETRSegmenter(read_checkpoint(path), device=device)
        card = find_model(spec, "segmentation")
    return ModelSegmenter(card, load_network(card, device), device)
