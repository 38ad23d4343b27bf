"""Draws the thumbnails of the sample pairs from their images.

    python docs/make_thumbnails.py

Needs matplotlib. Writes Resources/SampleData/<pair>.png for every pair: the fixed image left, the
moving one right, both with the outlines of the fixed labels, so that the difference shows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

SAMPLES = Path(__file__).resolve().parents[1] / "Resources" / "SampleData"
# Slicer's thumbnails have an aspect of 3:2; twice the usual 144 x 96 pixels, for dense screens.
WIDTH, HEIGHT = 288, 192
GAP = 4
# Okabe and Ito's colours, distinguishable for the colour-blind.
COLORS = ("#f0e442", "#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#d55e00")
FEW = 6  # outlined structures, one for each colour
DEEP = 0.06  # of many labels only smaller shares of the labelled area are outlined; not tuned


def read(pair: str, name: str) -> sitk.Image:
    image = sitk.ReadImage(str(SAMPLES / f"{pair}_{name}.nrrd"))
    return sitk.DICOMOrient(image, "LPS") if image.GetDimension() == 3 else image


def plane(image: sitk.Image, slice_number: int) -> np.ndarray:
    """Return a slice of a volume, or a 2D image itself, the patient's right on the left."""
    array = sitk.GetArrayFromImage(image)
    return array[slice_number] if array.ndim == 3 else array


def middle(labels: sitk.Image) -> int:
    """Return the number of the axial slice in the middle of all labels."""
    array = sitk.GetArrayFromImage(labels)
    return int(np.nonzero(array.any(axis=(1, 2)))[0].mean()) if array.ndim == 3 else 0


def masks(labels: np.ndarray) -> list[np.ndarray]:
    """Return the masks of the few largest labels, widest first, since later ones are drawn on top.

    Of many labels, only small ones: outlines of a whole cortex would hide the image.
    """
    numbers, counts = np.unique(labels[labels > 0], return_counts=True)
    if len(numbers) > 2 * FEW:
        deep = counts < DEEP * counts.sum()
        numbers, counts = numbers[deep], counts[deep]
    chosen = numbers[np.argsort(-counts)][:FEW]
    found = [(labels == number).astype(float) for number in chosen]
    return sorted(found, key=lambda mask: -np.ptp(np.nonzero(mask), axis=1).prod())


def draw(pair: str) -> Path:
    """Write the thumbnail of a pair."""
    labels = read(pair, "fixed_labels")
    number = middle(labels)
    outlined = masks(plane(labels, number))
    spacing = labels.GetSpacing()
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor="black")
    canvas = FigureCanvasAgg(figure)
    panel = (WIDTH - GAP) / 2
    for column, role in enumerate(("fixed", "moving")):
        image = read(pair, role)
        if image.GetDimension() == 3:
            image = sitk.Resample(image, labels, sitk.Transform(), sitk.sitkLinear, 0.0)
        array = plane(image, number).astype(float)
        left = column * (panel + GAP) / WIDTH
        axes = figure.add_axes((left, 0, panel / WIDTH, 1))
        rows, columns = array.shape
        axes.imshow(
            array,
            cmap="gray",
            norm=PowerNorm(0.7 if number == 0 else 1.0, *np.percentile(array, (0.5, 99.7))),
            interpolation="bicubic",
            aspect=spacing[1] / spacing[0],
        )
        for mask, color in zip(outlined, COLORS, strict=False):
            axes.contour(mask, [0.5], colors=[color], linewidths=1.3)
        # The whole height, or as much of it as the width of the outlines needs.
        shape = spacing[1] / spacing[0] * panel / HEIGHT
        inside = np.nonzero(np.max(outlined, axis=(0, 1)))[0]
        width = min(columns, max(rows * shape, 1.08 * np.ptp(inside)))
        middle_column = np.clip(np.mean(inside[[0, -1]]), width / 2, columns - width / 2)
        axes.set_xlim(middle_column - width / 2 - 0.5, middle_column + width / 2 - 0.5)
        axes.set_ylim((rows + width / shape) / 2 - 0.5, (rows - width / shape) / 2 - 0.5)
        axes.axis("off")
    path = SAMPLES / f"{pair}.png"
    canvas.print_png(str(path))
    return path


def main() -> None:
    for file in sorted(SAMPLES.glob("*_fixed_labels.nrrd")):
        print(draw(file.name.removesuffix("_fixed_labels.nrrd")))


if __name__ == "__main__":
    main()
