"""The contents of the nodes of a result, in three dimensions, computed before the scene is touched.

Writing them exchanges what a node refers to and changes nothing in place, so that a copy of the
node from before can bring it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import SimpleITK as sitk

from ...displacement import DisplacementField
from ...geometry import ImageGeometry
from ...pipeline.result import RegistrationResult
from ...resampling import warp_image
from ..scene.labels import (
    Color,
    segmentation_from_labels,
    set_segmentation,
    show_as_outlines,
)
from ..scene.scene_images import SceneImages
from ..scene.transform_nodes import grid_from_vectors, ras_vectors, set_grid
from ..scene.volume_nodes import Node, look_like, set_voxels
from .displacements import StructureDisplacement
from .metrics_table import metrics_table

__all__ = ["WriteContent", "place", "result_contents"]

#: Writes a content into a node; a new one, told by True, is also given a display.
WriteContent = Callable[[Node, bool], None]

_FOLD_COLOR = (0.9, 0.1, 0.1)


def place(result: RegistrationResult, images: SceneImages) -> RegistrationResult:
    """Return a result whose images and fields, but for its inputs, are 3D, LPS mm in the world.

    Args:
        result: of the registration of ``images``.
        images: tell where 2D images lie.
    """
    if images.planes is None:
        return result
    fixed, moving = images.planes
    field = fixed.embed_field(result.field, moving)
    warped, labels = result.warped, result.warped_labels
    if images.resampled is None:
        warped = fixed.embed(warped)
        labels = None if labels is None else fixed.embed(labels)
    else:
        # What the transform makes of the volume itself, not of a slice interpolated from it.
        image, whole_labels = images.resampled
        transform = field.to_transform()
        warped = warp_image(image, field.geometry, transform)
        if labels is not None and whole_labels is not None:
            labels = warp_image(whole_labels, field.geometry, transform, labels=True)
    return replace(
        result,
        warped=warped,
        warped_labels=labels,
        field=field,
        inverse=moving.embed_field(result.inverse, fixed),
        jacobian=fixed.embed(result.jacobian),
        folds=fixed.embed(result.folds),
        uncertainty=None if result.uncertainty is None else fixed.embed(result.uncertainty),
    )


def result_contents(
    placed: RegistrationResult,
    images: SceneImages,
    outputs: Iterable[str],
    moved: Sequence[StructureDisplacement] = (),
) -> dict[str, WriteContent]:
    """Compute the contents of the nodes of a result; any thread may do it.

    It takes the time of large volumes, with arrays. They are given to VTK when they are written, in
    the thread of the application, which takes next to none.

    Args:
        placed: the result in 3D.
        images: that were registered.
        outputs: the wanted ones; those that there are not are left out.
        moved: displacements of structures, for the table.
    """
    fixed, moving = images.shown
    makers: dict[str, Callable[[], WriteContent]] = {
        "warped": lambda: _volume(placed.warped, partial(look_like, other=moving)),
        "transform": lambda: _grid(placed.field),
        "inverse": lambda: _grid(placed.inverse),
        "jacobian": lambda: _volume(placed.jacobian, _show_around_one),
        "displacement": lambda: _volume(_lengths(placed.field), _show_from_zero),
        "round_trip": lambda: _volume(_misses(placed), _show_from_zero),
        "folds": lambda: partial(
            _write_segments, placed.folds, {1: "Folds"}, {1: _FOLD_COLOR}, fixed
        ),
        "metrics": lambda: (
            lambda node, _: node.SetAndObserveTable(metrics_table(placed.metrics, moved))
        ),
    }
    labels = placed.warped_labels
    if labels is not None:
        makers["warped_labels"] = lambda: partial(
            _write_segments, labels, _names(labels, images), images.moving_colors, fixed
        )
    uncertainty = placed.uncertainty
    if uncertainty is not None:
        makers["uncertainty"] = lambda: _volume(uncertainty, _show_from_zero)
    wanted = set(outputs)
    return {output: make() for output, make in makers.items() if output in wanted}


def _volume(image: sitk.Image, style: Callable[[Node], None]) -> WriteContent:
    """Compute the content of a volume node: a 3D image, LPS mm, of one component."""
    array, geometry = sitk.GetArrayFromImage(image), ImageGeometry.from_image(image)

    def write(node: Node, is_new: bool) -> None:
        if is_new:
            # Before there are voxels: else Slicer goes through them to choose a window.
            node.CreateDefaultDisplayNodes()
            style(node)
        set_voxels(node, array, geometry)

    return write


def _show_around_one(node: Node) -> None:
    """Show a Jacobian determinant from 0 to 2, with 1, no change of size, in the middle."""
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(2.0, 1.0)


def _lengths(field: DisplacementField) -> sitk.Image:
    """Return the length of a 3D field at its voxels, in mm, float32."""
    lengths = np.sqrt(np.einsum("...i,...i->...", field.vectors, field.vectors))
    return field.geometry.to_image(lengths.astype(np.float32))


def _misses(placed: RegistrationResult) -> sitk.Image:
    """Return how far there and back misses at each voxel of a 3D field, in mm, float32."""
    misses = np.nan_to_num(placed.field.round_trip(placed.inverse))
    return placed.field.geometry.to_image(misses.astype(np.float32))


def _show_from_zero(node: Node) -> None:
    """Show displacements from none to 20 mm; the display of a result fits this to them."""
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0.0, 20.0)


def _grid(field: DisplacementField) -> WriteContent:
    """Compute the content of a transform node, from parent: a 3D field, LPS mm; no display."""
    vectors, geometry = ras_vectors(field), field.geometry
    return lambda node, _: set_grid(node, grid_from_vectors(vectors, geometry))


def _write_segments(
    labels: sitk.Image,
    names: Mapping[int, str],
    colors: Mapping[int, Color],
    reference: Node,
    node: Node,
    is_new: bool,
) -> None:
    set_segmentation(node, segmentation_from_labels(labels, names, colors), reference)
    if is_new:
        node.CreateDefaultDisplayNodes()
        show_as_outlines(node.GetDisplayNode())


def _names(labels: sitk.Image, images: SceneImages) -> dict[int, str]:
    known = {**images.label_names, **images.moving_names}
    present = [int(n) for n in np.unique(sitk.GetArrayViewFromImage(labels)) if n > 0]
    return {number: known.get(number, f"Label {number}") for number in present}
