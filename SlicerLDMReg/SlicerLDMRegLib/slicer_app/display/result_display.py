"""The display of a registration: images to compare, grid, arrows, Jacobian map, folds.

Functions on nodes; no Qt. The panel's section for display calls them, scripts can, too:

    >>> display = ResultDisplay(fixed, moving)
    >>> display.show(Mode.CHECKERBOARD)
    >>> display.show_grid(True)
    >>> display.reset()
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import InputError
from ..results.result_nodes import find_outputs
from ..scene.nodes import display_nodes, nodes_of_class
from ..scene.volume_nodes import Node, volume_geometry
from ..texts import tr as _
from .colors import remove_legend, update_legends
from .deformation import (
    Drawing,
    grid_spacing,
    hide_deformation,
    show_deformation,
    shown_drawings,
)
from .displacement import color_displacement, largest_displacement, show_from, shown_from
from .folds import are_outlined, fold_points, largest_fold, show_folds
from .images import NEEDED, ImageDisplay
from .jacobian import color_jacobian
from .layers import Mode
from .view_memory import DisplayMemory
from .views import (
    best_view,
    cuts,
    ensure_3d_view,
    fit_slices,
    has_other_layout,
    jump_to,
    lone_layout,
    look_from_above,
    show_layout,
    show_slices_in_3d,
    views_with,
)

__all__ = ["NEEDED", "Drawing", "Mode", "ResultDisplay"]

_MAPS = ("jacobian", "displacement", "round_trip", "uncertainty")


class ResultDisplay(ImageDisplay):
    """The display of one registration: switched on part by part, taken back as a whole.

    What lies over the images, such as the grid, stays when the images change.

    Args:
        fixed, moving: the volumes that were registered.
        outputs: nodes by the names of :data:`~.result_nodes.OUTPUTS`; by default those there are.

    Attributes:
        spacing: of the grid lines, mm.
        least: displacements that are shorter are left out of their map, mm.
        of_inverse: whether grid and arrows are those of the inverse.
    """

    def __init__(
        self, fixed: Node, moving: Node, outputs: Mapping[str, Node] | None = None
    ) -> None:
        super().__init__(fixed, moving, outputs)
        self.spacing = grid_spacing(volume_geometry(fixed))
        self._drawings: set[Drawing] = set()
        self._with_folds = self._in_3d = False
        self._layout: int | None = None
        self._map: str | None = None
        self.least = 0.0
        self.of_inverse = False

    def show_grid(self, visible: bool) -> None:
        """Draw the grid of the moving image as it lies after warping."""
        self._draw(Drawing.GRID, visible)

    def show_glyphs(self, visible: bool) -> None:
        """Draw arrows from where the moving anatomy was to where it is after warping."""
        self._draw(Drawing.GLYPHS, visible)

    def set_spacing(self, spacing: float) -> None:
        """Set the distance of the grid lines, in mm; the arrows follow."""
        self.spacing = spacing
        self._redraw()

    def _draw(self, drawing: Drawing, visible: bool) -> None:
        transform = self._drawn()
        if not visible:
            self._drawings.discard(drawing)
            if transform is not None:
                hide_deformation(transform, drawing, self._memory, self._scale() is None)
            return
        self._need(drawing.value)
        self._show_first()
        if not self._drawings:
            # Views that have not moved since a scene was loaded do not know its transforms.
            for view in self._slice_views():
                view.Modified()
        self._drawings.add(drawing)
        regions = views_with(self._scene, self.place) if self._in_3d else []
        views, scale = self._views(), self._scale()
        show_deformation(transform, drawing, self.spacing, regions, self._memory, views, scale)

    def _scale(self) -> float | None:
        """Return the length of the last colour of a map of displacements that is shown, mm.

        Over it one colour of the grid is the same length, and one bar tells it.
        """
        if self._map != "displacement" or self._overlay is None or self.of_inverse:
            return None
        return largest_displacement(self._overlay)

    def _redraw(self) -> None:
        """Draw again as things are now; what cannot be drawn any more disappears."""
        for drawing in [drawing for drawing in Drawing if drawing in self._drawings]:
            self._draw(drawing, self.can_show(drawing.value))

    def show_jacobian(self, visible: bool) -> None:
        """Lay the Jacobian determinant over the image in colours, with their bar."""
        self._show_map("jacobian", visible)

    def show_displacement(self, visible: bool) -> None:
        """Lay the length of the displacement over the image in colours, with their bar."""
        self._show_map("displacement", visible)

    def show_round_trip(self, visible: bool) -> None:
        """Lay over the image, in colours, how far there and back misses."""
        self._show_map("round_trip", visible)

    def show_uncertainty(self, visible: bool) -> None:
        """Lay over the image, in colours, what error to expect."""
        self._show_map("uncertainty", visible)

    def show_of_inverse(self, visible: bool) -> None:
        """Draw the grid and the arrows of the inverse over the moving image; or of the forward map.

        Maps lie on the voxels of the fixed image, so that none stays over the moving one.

        Raises:
            InputError: when there is no inverse.
        """
        if visible and self.output("inverse") is None:
            raise InputError(
                _("display: there is no inverse; register with this output switched on")
            )
        if visible and self._map is not None:
            self._show_map(self._map, False)
        drawings, self._drawings = self._drawings, set()
        former = self._drawn()
        for drawing in drawings:
            if former is not None:
                hide_deformation(former, drawing, self._memory)
        self.of_inverse = visible
        self.show(Mode.MOVING if visible else Mode.FIXED)
        for drawing in [drawing for drawing in Drawing if drawing in drawings]:
            self._draw(drawing, True)

    def _drawn(self) -> Node | None:
        """Return the transform whose grid and arrows are drawn."""
        return self.output("inverse" if self.of_inverse else "transform")

    def set_least(self, least: float) -> None:
        """Leave out of the map of displacements what moves less than some mm."""
        self.least = least
        if self._map == "displacement" and self._overlay is not None:
            show_from(self._overlay, least)

    def _show_map(self, name: str, visible: bool) -> None:
        """Show one map over the images, and none of the others; or no longer this one."""
        if not visible and self._map != name:
            return
        if self._overlay is not None and self._overlay.GetScene() is self._scene:
            remove_legend(self._overlay, self._memory)
        former, self._overlay, self._map = self._map, None, None
        if visible:
            self._need(name)
            if self.of_inverse:
                self.show_of_inverse(False)
            self._show_first()
            volume = self.output(name)
            if name == "jacobian":
                color_jacobian(volume, self._memory, self._views())
            elif name in ("round_trip", "uncertainty"):
                missed = name == "round_trip"
                title = _("there and back (mm)") if missed else _("uncertainty (mm)")
                color_displacement(volume, self._memory, 0.0, self._views(), title)
            else:
                color_displacement(volume, self._memory, self.least, self._views())
            self._overlay, self._map = volume, name
        if self.mode is not None:
            self._show_layers()
        if "displacement" in (former, self._map):
            self._redraw()

    def show_folds(self, visible: bool) -> None:
        """Outline the folds; where no view shows one, all go to the largest."""
        folds = self.output("folds")
        if not visible:
            self._with_folds = False
            if folds is not None:
                self._memory.hide(display_nodes(folds))
            return
        self._need("folds")
        self._show_first()
        self._with_folds = True
        show_folds(folds, self._in_3d, self._memory)
        points, largest = fold_points(folds), largest_fold(folds)
        in_view = any(cuts(view, points, self.place) for view in self._slice_views())
        if largest is not None and not in_view:
            jump_to(self._scene, largest, self._memory)

    def adopt(self) -> None:
        """Take over what lies over the images already, as in a scene that was loaded.

        They count as switched on here, and :meth:`reset` takes them back.
        """
        shown = next((name for name in _MAPS if self._layers_with(self.output(name))), None)
        folds = self.output("folds")
        with_folds = folds is not None and are_outlined(folds)
        if folds is not None and with_folds:
            DisplayMemory(self._scene).hide(display_nodes(folds))
        for name in ("transform", "inverse"):
            transform = self.output(name)
            found = {} if transform is None else shown_drawings(transform)
            if transform is None or not found:
                continue
            for drawing in found:
                hide_deformation(transform, drawing, DisplayMemory(self._scene))
            self.spacing = next(iter(found.values()))
            if name == "inverse":
                self.show_of_inverse(True)
            for drawing in found:
                self._draw(drawing, True)
            break
        if shown is not None:
            volume = self.output(shown)
            for node in self._layers_with(volume):
                node.SetForegroundVolumeID(None)
            remove_legend(volume, DisplayMemory(self._scene))
            if shown == "displacement":
                self.least = shown_from(volume)
            self._show_map(shown, True)
        self._adopt_3d()
        if folds is not None and with_folds:
            self._show_first()
            self._with_folds = True
            show_folds(folds, self._in_3d, self._memory)

    def _adopt_3d(self) -> None:
        """Take over slices that are shown in 3D; the camera stays where it is."""
        shown = [view for view in self._slice_views() if view.GetSliceVisible()]
        for view in shown:
            self._memory.keep_value(f"{view.GetID()} in 3D", False, view.SetSliceVisible)
        if shown:
            self._in_3d = True
            self._redraw()

    def _layers_with(self, volume: Node | None) -> list[Node]:
        """Return the composite nodes of the views in which a volume lies in front."""
        if volume is None:
            return []
        nodes = nodes_of_class(self._scene, "vtkMRMLSliceCompositeNode")
        return [node for node in nodes if node.GetForegroundVolumeID() == volume.GetID()]

    @property
    def can_be_alone(self) -> bool:
        """Whether one of several views shows all that there is: that of an image of one slice."""
        try:
            lone, size = self._lone_layout(), volume_geometry(self.place).size
        except InputError:  # a node that a script has emptied
            return False
        if lone is None or 1 not in size:
            return False
        return self._layout is not None or has_other_layout(self._scene, lone)

    def show_alone(self, visible: bool) -> None:
        """Show an image of one slice in its view alone; else bring the other views back."""
        before, self._layout = self._layout, None
        wanted = self._lone_layout()
        if visible and wanted is not None:
            self._show_first()
            self._layout = show_layout(self._scene, wanted, self._memory)
            fit_slices(self._scene, self.fixed, self.place, self._memory)
        elif before is not None:
            show_layout(self._scene, before, self._memory)

    def _lone_layout(self) -> int | None:
        return lone_layout(best_view(self._scene, self.place))

    def show_in_3d(self, visible: bool) -> None:
        """Show the slices, and all that lies over them, in the 3D views."""
        if visible:
            self._layout = None  # there is a 3D view again
            self._show_first()
            ensure_3d_view(self._scene, self._memory)
        self._in_3d = visible
        show_slices_in_3d(self._scene, self.place, visible, self._memory)
        self._redraw()
        if self._with_folds:
            show_folds(self.output("folds"), visible, self._memory)
        if visible:
            look_from_above(self._scene, self.fixed, self._memory)
        update_legends(self._scene)

    def _show(self, mode: Mode) -> None:
        folds = self.output("folds")
        if self.mode is None and folds is not None and not self._with_folds:
            self._memory.hide(display_nodes(folds))  # filled, they cover what is below them
        super()._show(mode)

    def _show_first(self) -> None:
        """Show an image where none is shown, for something to lie over."""
        if self.mode is None:
            self._show(Mode.FIXED)

    # All of it

    def use_outputs(self, outputs: Mapping[str, Node] | None = None) -> None:
        """Show what lies over the images of other outputs: after another run.

        The images follow with the next :meth:`show`.
        """
        self.outputs = dict(find_outputs(self.fixed, self.moving) if outputs is None else outputs)
        if self.of_inverse and self.output("inverse") is None:
            self.of_inverse = False
        self._redraw()
        if self._map is not None:
            self._show_map(self._map, self.can_show(self._map))
        if self._with_folds:
            self.show_folds(self.can_show("folds"))

    @property
    def shown(self) -> set[str]:
        """All that is switched on, by the names of the methods; ``3d`` and ``alone``."""
        parts = {
            self._map or "map": self._map is not None,
            "folds": self._with_folds,
            "3d": self._in_3d,
            "alone": self._layout is not None,
        }
        return {name for name, on in parts.items() if on} | {d.value for d in self._drawings}

    def reset(self) -> None:
        """Bring views and displays back as they were before the first call."""
        self._end_drawings()
        super().reset()

    def leave(self, successor: Node | None = None) -> None:
        """Take back what was added, and leave the views where they are: for other images."""
        self._end_drawings()
        super().leave(successor)

    def _end_drawings(self) -> None:
        transform = self._drawn()
        self.of_inverse = False
        for drawing in self._drawings:  # else it is drawn again for every view that moves
            if transform is not None:
                hide_deformation(transform, drawing, self._memory)
        self._drawings.clear()
        self._with_folds = self._in_3d = False
        self._layout = self._map = None
