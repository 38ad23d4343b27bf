"""Finite differences against numpy, and what each kind can see."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from SlicerLDMRegLib.functional import central_differences, forward_differences, identity_grid


def test_central_differences_follow_numpy_gradient(shape):
    field = torch.rand(2, 3, *shape)
    for axis, result in enumerate(central_differences(field)):
        np.testing.assert_allclose(result, np.gradient(field.numpy(), axis=2 + axis), atol=1e-6)


def test_forward_differences_follow_numpy_diff(shape):
    field = torch.rand(2, 3, *shape)
    for axis, result in enumerate(forward_differences(field)):
        np.testing.assert_allclose(result, np.diff(field.numpy(), axis=2 + axis), atol=1e-6)


def test_only_forward_differences_see_a_checkerboard(shape):
    checkerboard = (identity_grid(shape).sum(0) % 2)[None, None]
    inside = (..., *[slice(1, -1)] * len(shape))
    for central, forward in zip(
        central_differences(checkerboard), forward_differences(checkerboard), strict=True
    ):
        assert (central[inside] == 0).all()
        assert (forward.abs() == 1).all()


def test_axes_of_one_and_two_voxels():
    field = torch.tensor([[1.0, 4.0]]).reshape(1, 1, 1, 2)
    rows, columns = central_differences(field)
    assert rows.tolist() == [[[[0, 0]]]]
    assert columns.tolist() == [[[[3, 3]]]]
    assert [d.shape[2:] for d in forward_differences(field)] == [(0, 2), (1, 1)]


def test_half_precision_input_is_differentiated_in_float32():
    field = torch.rand(1, 1, 6, 6).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        results = [*central_differences(field), *forward_differences(field)]
    assert {r.dtype for r in results} == {torch.float32}
    torch.testing.assert_close(results[0], central_differences(field.float())[0])


def test_differentiable():
    field = torch.rand(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f: tuple(central_differences(f)), field)
    assert torch.autograd.gradcheck(lambda f: tuple(forward_differences(f)), field)


def test_needs_spatial_axes():
    with pytest.raises(ValueError, match="field: expected"):
        central_differences(torch.zeros(3, 4, 5))
