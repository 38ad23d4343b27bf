"""Panels of the report: titles, captions and drawing functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from . import displacement_map, drawing, jacobian_map, uncertainty_map
from .canvas import Box, Canvas
from .color_maps import ColorScale
from .figure_data import FigureData, PlaneView
from .frame import Frame

__all__ = ["PANELS", "Panel", "panels_for"]


@dataclass(frozen=True)
class Panel:
    """Kind of picture, with its texts and drawing function.

    Attributes:
        key: short name, used for files and HTML anchors.
        title: heading above the picture.
        caption: explanation below the picture.
        draw: draws one plane into its frame.
        scale: returns colours and ticks of the colour bar; None: no bar.
    """

    key: str
    title: str
    caption: str
    draw: Callable[[Frame, PlaneView, FigureData], None]
    scale: Callable[[FigureData], ColorScale | None] | None = None

    def colors(self, data: FigureData) -> ColorScale | None:
        """Return colours and ticks of the colour bar, or None."""
        return None if self.scale is None else self.scale(data)

    def picture(self, canvas: Canvas, view: PlaneView, data: FigureData, box: Box) -> None:
        """Draw one plane, with its directions, into a box of a canvas."""
        frame = Frame(canvas, box, view)
        self.draw(frame, view, data)
        frame.edges()


PANELS: tuple[Panel, ...] = (
    Panel("fixed", "Fixed", "The target.", drawing.draw_fixed),
    Panel(
        "moving",
        "Moving",
        "Before registration, in the frame of the fixed image.",
        drawing.draw_moving,
    ),
    Panel("warped", "Warped", "The moving image after registration.", drawing.draw_warped),
    Panel(
        "difference-before",
        "Difference before",
        "Moving minus fixed, intensities scaled to 0 to 1; dark means equal.",
        drawing.draw_difference_before,
        drawing.difference_scale,
    ),
    Panel(
        "difference-after",
        "Difference after",
        "Warped minus fixed on the same scale as before.",
        drawing.draw_difference_after,
        drawing.difference_scale,
    ),
    Panel(
        "unmatched",
        "Not matched",
        "Structures of the fixed image that look unlike their partners (red), whatever the "
        "contrasts, and those that have no partner in the moving image (blue).",
        drawing.draw_unmatched,
    ),
    Panel(
        "labels-before",
        "Labels before",
        "Outlines of the fixed (blue) and moving (orange) labels on the fixed image.{shown}",
        drawing.draw_labels_before,
    ),
    Panel(
        "labels-after",
        "Labels after",
        "Outlines of the fixed (blue) and warped (orange) labels on the fixed image.",
        drawing.draw_labels_after,
    ),
    Panel(
        "displacement",
        "Displacement",
        "Where each fixed point finds its match in the moving image{part}: {direction}.",
        displacement_map.draw_displacement,
        displacement_map.displacement_scale,
    ),
    Panel(
        "grid",
        "Deformation grid",
        "A regular grid on the moving image as it lies after warping, over the fixed image.",
        displacement_map.draw_grid,
    ),
    Panel(
        "jacobian",
        "Jacobian determinant",
        "Of the map from fixed to moving: above 1 (red) the moving tissue was larger and has "
        "shrunk, below 1 (blue) it has grown. Folds, where it is not positive, are green.",
        jacobian_map.draw_jacobian,
        jacobian_map.jacobian_scale,
    ),
    Panel(
        "uncertainty",
        "Uncertainty (mm)",
        "Error to expect at each fixed point (root mean square), by the spread over other ways to "
        "register: stiffer and softer, another similarity, the images exchanged or mirrored. It "
        "does not know of structures that only one image has.",
        uncertainty_map.draw_uncertainty,
        uncertainty_map.uncertainty_scale,
    ),
)


# Titles and captions after an alignment, when these panels show the aligned moving image.
_ALIGNED = {
    "moving": ("Moving, aligned", "After the alignment, before the deformation."),
    "difference-before": (
        "Difference, aligned",
        "Aligned minus fixed, intensities scaled to 0 to 1; dark means equal.",
    ),
    "difference-after": ("Difference after", "Warped minus fixed on the same scale as aligned."),
    "labels-before": (
        "Labels, aligned",
        "Outlines of the fixed (blue) and aligned (orange) labels on the fixed image.{shown}",
    ),
}


def panels_for(data: FigureData) -> list[Panel]:
    """Return the panels for a result, in reading order."""
    absent = [] if data.has_labels else ["labels-before", "labels-after"]
    absent += [] if data.has_uncertainty else ["uncertainty"]
    panels = [p for p in PANELS if p.key not in absent]
    if data.moving_aligned:
        panels = [
            replace(p, title=_ALIGNED[p.key][0], caption=_ALIGNED[p.key][1])
            if p.key in _ALIGNED
            else p
            for p in panels
        ]
    return panels
