"""Numerical inverse of displacement fields."""

from __future__ import annotations

import torch
from torch import Tensor

from ._checks import check_vector_field
from ._precision import autocast_disabled, promote
from .jacobian import jacobian_matrix
from .warp import identity_grid, sample

__all__ = ["inverse_consistency", "invert", "invert_points"]

# A point whose damped Newton step was halved ten times is stuck, mostly in a fold. A smaller bound
# tries longer there and gains little. Not tuned.
_SMALLEST_STEP = 2.0**-10
# Below this absolute determinant a local Jacobian counts as nearly singular, its Newton step as
# unreliable: the Jacobian of the affine fit takes its place. Not tuned.
_SMALLEST_DETERMINANT = 0.05


def invert(displacement: Tensor, iterations: int = 100, tolerance: float = 1e-3) -> Tensor:
    """Return v such that ``x + v(x)`` undoes ``x + displacement(x)``.

    See :func:`invert_points` for the method, the border and folds, and
    :func:`inverse_consistency` to check the result.

    Args:
        displacement: ``(B, d, *S)`` in voxels.
        iterations: maximum number of steps.
        tolerance: largest accepted residual, in voxels.

    Returns:
        ``(B, d, *S)`` in voxels; differentiable.

    Raises:
        ValueError: unless the displacement has one channel per spatial axis.
    """
    check_vector_field(displacement, "displacement")
    with autocast_disabled(displacement):
        (displacement,) = promote(displacement)
        grid = identity_grid(displacement.shape[2:], displacement.device, displacement.dtype)
        points = grid.expand_as(displacement)
        return invert_points(displacement, points, iterations, tolerance) - grid


def invert_points(
    displacement: Tensor, points: Tensor, iterations: int = 100, tolerance: float = 1e-3
) -> Tensor:
    """Solve ``y + displacement(y) = x`` for y at every given point x.

    Each point is solved on its own by damped Newton steps with the local Jacobian; a step that
    would increase the residual is halved, so that large displacements, rotations and shears
    converge, too. Outside of its lattice the map is extrapolated by its best affine fit plus the
    remainder at the border. In a fold, where no inverse or more than one exists, the best y found
    is returned: finite, with a residual above the tolerance.

    Args:
        displacement: ``(B, d, *S)`` in voxels.
        points: x, ``(B, d, *out)`` in voxels of the displacement's lattice.
        iterations: maximum number of steps.
        tolerance: largest accepted residual, in voxels.

    Returns:
        y, ``(B, d, *out)`` in voxels; differentiable by the implicit function theorem.

    Raises:
        ValueError: for incompatible shapes.
    """
    dimension = check_vector_field(displacement, "displacement")
    if points.shape[:2] != displacement.shape[:2]:
        raise ValueError(
            f"points: expected batch and channels {tuple(displacement.shape[:2])}, "
            f"got shape {tuple(points.shape)}"
        )
    with autocast_disabled(displacement):
        displacement, points = promote(displacement, points)
        field = _ExtendedMap(displacement)
        with torch.no_grad():
            flat = points.reshape(*points.shape[:2], -1)
            solution = torch.stack(
                [
                    _solve(field, item, flat[item], iterations, tolerance)
                    for item in range(len(flat))
                ]
            )
        if torch.is_grad_enabled() and (displacement.requires_grad or points.requires_grad):
            residual = field(solution) - points.reshape(solution.shape)
            inverse = _safe_inverse(field.exact_jacobian(solution), field.inverse_matrix.detach())
            correction = torch.einsum("bijn,bjn->bin", inverse, residual)
            solution = solution - (correction - correction.detach())
        return solution.reshape(-1, dimension, *points.shape[2:])


def inverse_consistency(displacement: Tensor, inverse: Tensor) -> Tensor:
    """Return the inverse consistency error ``|v(x) + u(x + v(x))|``.

    Outside of the lattice u is extrapolated as in :func:`invert_points`.

    Args:
        displacement: u, ``(B, d, *S)`` in voxels.
        inverse: v, ``(B, d, *S)`` in voxels.

    Returns:
        ``(B, *S)`` in voxels.

    Raises:
        ValueError: when the fields have different shapes.
    """
    check_vector_field(displacement, "displacement")
    if displacement.shape != inverse.shape:
        raise ValueError(
            f"expected two fields of one shape, got {tuple(displacement.shape)} and "
            f"{tuple(inverse.shape)}"
        )
    with autocast_disabled(displacement):
        displacement, inverse = promote(displacement, inverse)
        grid = identity_grid(inverse.shape[2:], inverse.device, inverse.dtype)
        points = (grid + inverse).flatten(2)
        mapped = _ExtendedMap(displacement)(points).reshape(inverse.shape)
        return torch.linalg.vector_norm(mapped - grid, dim=1)


class _ExtendedMap:
    """The map ``y + u(y)`` at any point: affine fit plus a remainder with border padding."""

    def __init__(self, displacement: Tensor) -> None:
        self.displacement = displacement
        dimension = displacement.shape[1]
        grid = identity_grid(displacement.shape[2:], displacement.device, displacement.dtype)
        slope, offset = _fit_affine(displacement, grid)
        affine = torch.einsum("bij,j...->bi...", slope, grid)
        self.remainder = displacement - affine - offset.reshape(*offset.shape, *[1] * dimension)
        self.matrix = slope + torch.eye(dimension, device=slope.device, dtype=slope.dtype)
        self.inverse_matrix = torch.linalg.inv(self.matrix)
        self.offset = offset
        self.last = displacement.new_tensor([size - 1 for size in displacement.shape[2:]])
        self.jacobian = jacobian_matrix(displacement).detach().flatten(1, 2)

    def __call__(self, points: Tensor, item: slice = slice(None)) -> Tensor:
        """Map points ``(B, d, N)``; ``item`` selects elements of the batch."""
        affine = self.matrix[item] @ points + self.offset[item, :, None]
        return affine + _sample_points(self.remainder[item], points)

    def inverse_jacobian(self, points: Tensor, item: slice = slice(None)) -> Tensor:
        """Return inverse Jacobians ``(B, d, d, N)``; of the affine fit where nearly singular."""
        batch, dimension, count = points.shape
        jacobian = _sample_points(self.jacobian[item], points)
        jacobian = jacobian.reshape(batch, dimension, dimension, count)
        # Along an axis on which a point is outside, the remainder is constant.
        outside = (points < 0) | (points > self.last.reshape(-1, 1))
        jacobian = torch.where(outside[:, None], self.matrix[item, ..., None], jacobian)
        return _safe_inverse(jacobian, self.inverse_matrix[item])

    def exact_jacobian(self, points: Tensor) -> Tensor:
        """Return Jacobians ``(B, d, d, N)`` of the interpolated map, detached from autograd."""
        with torch.enable_grad():
            points = points.detach().requires_grad_()
            mapped = self(points)
            rows = [
                torch.autograd.grad(mapped[:, i].sum(), points, retain_graph=True)[0]
                for i in range(points.shape[1])
            ]
        return torch.stack(rows, dim=1)


def _safe_inverse(matrices: Tensor, fallback: Tensor) -> Tensor:
    """Invert ``(B, d, d, N)``; use ``fallback (B, d, d)`` where (nearly) singular."""
    matrices = matrices.permute(0, 3, 1, 2)
    inverse, _ = torch.linalg.inv_ex(matrices)
    usable = torch.linalg.det(matrices).abs() > _SMALLEST_DETERMINANT
    inverse = torch.where(usable[..., None, None], inverse, fallback.unsqueeze(1))
    return inverse.permute(0, 2, 3, 1)


def _sample_points(field: Tensor, points: Tensor) -> Tensor:
    """Sample ``(B, C, *S)`` at points ``(B, d, N)`` -> ``(B, C, N)``, with border padding."""
    ones = [1] * (points.shape[1] - 1)
    return sample(field, points.reshape(*points.shape, *ones)).flatten(2)


def _fit_affine(displacement: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """Fit ``u(x) ~ slope x + offset``: ``(B, d, d)`` and ``(B, d)``; slope 0 if degenerate."""
    axes = tuple(range(1, grid.ndim))
    centre = grid.mean(axes)
    # On a full lattice the coordinates are uncorrelated, so each slope can be fitted alone.
    centred = grid - centre.reshape(-1, *[1] * len(axes))
    # Along an axis of one voxel the covariance is 0, and with it the slope.
    variance = centred.square().mean(axes).clamp_min(torch.finfo(grid.dtype).tiny)
    covariance = torch.einsum("bi...,j...->bij", displacement, centred) / grid[0].numel()
    slope = covariance / variance
    identity = torch.eye(len(slope[0]), device=slope.device, dtype=slope.dtype)
    regular = torch.linalg.svdvals(slope + identity)[:, -1] > 1e-2
    slope = torch.where(regular[:, None, None], slope, torch.zeros_like(slope))
    offset = displacement.flatten(2).mean(2) - slope @ centre
    return slope, offset


def _solve(
    field: _ExtendedMap, item: int, targets: Tensor, iterations: int, tolerance: float
) -> Tensor:
    """Solve for all targets ``(d, N)`` of one element of the batch."""
    this = slice(item, item + 1)
    solution = field.inverse_matrix[item] @ (targets - field.offset[item, :, None])
    active = torch.arange(targets.shape[1], device=targets.device)
    y = solution.clone()
    residual = field(y[None], this)[0] - targets
    error = residual.square().sum(0).sqrt()
    step = torch.ones_like(error)
    for _ in range(iterations):
        # Continue with points neither converged nor stuck: usually very few after 5 steps.
        keep = (error > tolerance) & (step > _SMALLEST_STEP)
        solution[:, active] = y
        if not keep.any():
            break
        active, y, residual = active[keep], y[:, keep], residual[:, keep]
        error, step = error[keep], step[keep]
        inverse_jacobian = field.inverse_jacobian(y[None], this)[0]
        candidate = y - step * torch.einsum("ijn,jn->in", inverse_jacobian, residual)
        new_residual = field(candidate[None], this)[0] - targets[:, active]
        new_error = new_residual.square().sum(0).sqrt()
        better = new_error < error
        y = torch.where(better, candidate, y)
        residual = torch.where(better, new_residual, residual)
        error = torch.where(better, new_error, error)
        step = torch.where(better, (2 * step).clamp_max(1.0), step / 2)
    solution[:, active] = y
    return solution
