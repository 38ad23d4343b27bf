from __future__ import annotations

import numpy as np
import pytest
import torch

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.slices import (
    SliceRange,
    SliceSelection,
    embed_displacement,
    to_batch,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", ("k", None, None)),
        ("7", ("k", 7, 7)),
        ("i:2-4", ("i", 2, 4)),
        ("Axial:all", ("axial", None, None)),
        ("coronal", ("coronal", None, None)),
        (" sagittal:0 ", ("sagittal", 0, 0)),
    ],
)
def test_parse(text: str, expected: tuple[str, int | None, int | None]) -> None:
    assert SliceSelection.parse(text) == SliceSelection(*expected)


@pytest.mark.parametrize("text", ["", "l:3", "k:", "3-1", "-1", "k:1,2", "k:all:3", "1-2-3", "k3"])
def test_parse_refuses(text: str) -> None:
    with pytest.raises(InputError, match="slice"):
        SliceSelection.parse(text)


def test_anatomical_planes_find_their_axis(volume: ImageGeometry) -> None:
    # i runs backwards (A-P), j upwards (I-S), k to the left (R-L).
    found = {p: SliceSelection.parse(p).resolve(volume) for p in ("axial", "coronal", "sagittal")}
    assert found == {
        "axial": SliceRange(1, 0, 32),
        "coronal": SliceRange(0, 0, 36),
        "sagittal": SliceRange(2, 0, 10),
    }


def test_oblique_volume_uses_each_axis_once() -> None:
    angle = np.deg2rad(44)
    c, s = np.cos(angle), np.sin(angle)
    direction = (c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0)
    volume = ImageGeometry((8, 9, 10), (1, 1, 1), (0, 0, 0), direction)
    axes = [SliceSelection(p).resolve(volume).axis for p in ("sagittal", "coronal", "axial")]
    assert axes == [0, 1, 2]


def test_resolve_refuses(volume: ImageGeometry, plane: ImageGeometry) -> None:
    with pytest.raises(InputError, match="0 to 9"):
        SliceSelection.parse("k:10").resolve(volume)
    with pytest.raises(InputError, match="2D"):
        SliceSelection.parse("all").resolve(plane)


def test_crop_keeps_the_place(volume: ImageGeometry) -> None:
    part = SliceRange(1, 5, 8).crop(volume)
    assert part.size == (36, 3, 10)
    np.testing.assert_allclose(
        part.index_to_physical([3, 0, 2]), volume.index_to_physical([3, 5, 2])
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_and_back(axis: int) -> None:
    array = np.random.default_rng(0).random((4, 5, 6))
    batch = to_batch(array, axis)
    np.testing.assert_array_equal(batch[1], np.take(array, 1, axis=2 - axis))
    np.testing.assert_array_equal(np.moveaxis(batch, 0, 2 - axis), array)


@pytest.mark.parametrize(("axis", "channels"), [(0, (0, 1)), (1, (0, 2)), (2, (1, 2))])
def test_in_plane_displacement_has_nothing_through_the_plane(
    axis: int, channels: tuple[int, int]
) -> None:
    shape = [4, 5, 6]
    count = shape.pop(2 - axis)
    displacement = torch.zeros(count, 2, *shape).numpy()
    displacement[:, 0], displacement[:, 1] = 1.0, 2.0
    whole = embed_displacement(displacement, axis)
    assert whole.shape == (3, 4, 5, 6)
    means = whole.reshape(3, -1).mean(axis=1)
    assert means[channels[0]] == 1.0
    assert means[channels[1]] == 2.0
    assert means[2 - axis] == 0.0
