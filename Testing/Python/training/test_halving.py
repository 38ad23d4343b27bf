"""Half the resolution, and displacements doubled on the way back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from SlicerLDMRegLib.functional import identity_grid, warp
from SlicerLDMRegLib.geometry import ImageGeometry
from Testing.Python.training.layout_folders import write_abdomen
from training.datasets.layouts import open_data_set
from training.datasets.layouts.halving import (
    double_displacement,
    half_geometry,
    halve_image,
    halve_labels,
)


def test_blocks_become_their_mean_and_their_most_frequent_label() -> None:
    image = np.arange(4 * 6, dtype=np.float32).reshape(4, 6)
    np.testing.assert_allclose(halve_image(image)[0], [3.5, 5.5, 7.5])
    labels = np.array([[1, 1, 5, 0, 2, 2], [3, 1, 0, 5, 4, 4], [0] * 6, [0] * 6], np.uint8)
    np.testing.assert_array_equal(halve_labels(labels), [[1, 0, 2], [0, 0, 0]])
    assert halve_image(np.zeros((5, 7, 9), np.float32)).shape == (2, 3, 4)


def test_the_half_lattice_lies_at_the_middles_of_the_blocks() -> None:
    direction = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    geometry = ImageGeometry((8, 6, 10), (2.0, 1.0, 3.0), (5.0, 6.0, 7.0), direction)
    half = half_geometry(geometry)
    assert half.size == (4, 3, 5) and half.spacing == (4.0, 2.0, 6.0)
    index = np.array([[0, 0, 0], [3, 2, 4], [1, 2, 0]])
    np.testing.assert_allclose(
        half.index_to_physical(index), geometry.index_to_physical(2 * index + 0.5)
    )


def test_an_affine_map_is_the_same_on_both_lattices() -> None:
    matrix = torch.tensor([[0.05, 0.02, 0.0], [-0.03, 0.04, 0.01], [0.0, 0.06, -0.02]])
    size = (12, 16, 20)
    full = identity_grid(size) + 0.5 - torch.tensor(size).view(3, 1, 1, 1) / 2
    u = torch.einsum("ij,jxyz->ixyz", matrix, full)[None]
    half_size = tuple(n // 2 for n in size)
    half = identity_grid(half_size) + 0.5 - torch.tensor(half_size).view(3, 1, 1, 1) / 2
    v = torch.einsum("ij,jxyz->ixyz", matrix, half)[None]
    found = double_displacement(v, size)
    inner = (..., *[slice(1, -1)] * 3)  # the outermost voxels lie outside of the half lattice
    torch.testing.assert_close(found[inner], u[inner], atol=1e-5, rtol=0)


def test_a_shift_found_at_half_the_size_aligns_the_whole() -> None:
    rng = np.random.default_rng(0)
    image = rng.random((8, 10, 12), np.float32)
    moving = torch.from_numpy(np.roll(image, 2, axis=1))[None, None]
    v = torch.zeros(1, 3, 4, 5, 6)
    v[:, 1] = 1  # a voxel of the half lattice, two of the whole
    warped = warp(moving, double_displacement(v, (8, 10, 12)))[0, 0].numpy()
    np.testing.assert_allclose(warped[:, :8], image[:, :8], atol=1e-6)


def test_sizes_that_do_not_belong_together_are_refused() -> None:
    assert double_displacement(torch.zeros(1, 2, 4, 5), (9, 10)).shape == (1, 2, 9, 10)
    with pytest.raises(ValueError, match=r"expected a size whose half is \(4, 5\)"):
        double_displacement(torch.zeros(1, 2, 4, 5), (4, 5))


def test_the_abdomen_is_halved_on_demand(tmp_path: Path) -> None:
    root = write_abdomen(tmp_path)
    whole = open_data_set("abdomen-ct", root).pairs("train")[0]
    half = open_data_set("abdomen-ct", root, halve=True).pairs("train")[0]
    assert half.fixed.shape == (12, 10, 14) and half.lattice.spacing == (4.0, 4.0, 4.0)
    np.testing.assert_allclose(half.fixed, halve_image(whole.fixed))
    assert half.lattice.center() == pytest.approx(whole.lattice.center())
