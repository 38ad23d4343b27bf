"""What views show of a registration: images to compare, grid, arrows, Jacobian map, folds.

Functions on nodes; no Qt. The panel's section for display calls them, scripts can, too:

    >>> display = ResultDisplay(fixed, moving)
    >>> display.show(Mode.CHECKERBOARD)
    >>> display.show_grid(True)
    >>> display.reset()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import InputError
from .display_colors import remove_legend, show_legend
from .display_deformation import Drawing, grid_spacing, hide_deformation, show_deformation
from .display_folds import fold_points, hide_folds, largest_fold, show_folds
from .display_jacobian import color_jacobian, uncolor_jacobian
from .display_layers import (
    Mode,
    image_maker,
    match_windows,
    set_background,
    set_foreground_opacity,
    show_layers,
    window_of,
    write_mix,
)
from .display_memory import DisplayMemory
from .display_mixes import Mix, checkerboard, difference
from .display_views import (
    best_view,
    cuts,
    ensure_3d_view,
    fit_slices,
    jump_to,
    look_from_above,
    nodes_of_class,
    show_slices_in_3d,
    shows,
    views_for,
)
from .nodes import Node, volume_geometry
from .results import find_outputs

__all__ = ["NEEDED", "Drawing", "Mode", "ResultDisplay"]

#: The output that something needs to be shown, by the value of the mode or by its name.
NEEDED: dict[str, str] = {
    **dict.fromkeys(("warped", "blend", "checkerboard", "flicker", "difference"), "warped"),
    "grid": "transform",
    "glyphs": "transform",
    "jacobian": "jacobian",
    "folds": "folds",
}
_MIXES = (Mode.CHECKERBOARD, Mode.DIFFERENCE)


class ResultDisplay:
    """The display of one registration: switched on part by part, taken back as a whole.

    What lies over the images, such as the grid, stays when the images change. The Jacobian map
    lies in front of the image of the mode; where that are two, in front of the fixed one.

    Args:
        fixed, moving: the volumes that were registered.
        outputs: nodes by the names of :data:`~.results.OUTPUTS`; by default those in the scene.

    Attributes:
        mode: which images are shown; None before the first :meth:`show`.
        opacity: of the warped image in front of the fixed one, when they are blended.
        overlay_opacity: of the Jacobian map.
        squares: of the checkerboard, along the longest side.
        spacing: of the grid lines, mm.
    """

    def __init__(
        self, fixed: Node, moving: Node, outputs: Mapping[str, Node] | None = None
    ) -> None:
        self.fixed, self.moving = fixed, moving
        self.outputs = dict(find_outputs(fixed, moving) if outputs is None else outputs)
        self.mode: Mode | None = None
        self.opacity, self.overlay_opacity, self.squares = 0.5, 0.6, 8
        self.spacing = grid_spacing(volume_geometry(fixed))
        self._scene = fixed.GetScene()
        self._memory = DisplayMemory(self._scene)
        self._drawings: set[Drawing] = set()
        self._with_jacobian = self._with_folds = self._in_3d = False
        self._mix: Node | None = None

    def output(self, name: str) -> Node | None:
        """Return an output that is still in the scene."""
        node = self.outputs.get(name)
        return node if node is not None and node.GetScene() is self._scene else None

    def can_show(self, what: str) -> bool:
        """Whether there is what a mode (by its value), or ``grid``, ``folds`` and so on, needs."""
        return what not in NEEDED or self.output(NEEDED[what]) is not None

    @property
    def place(self) -> Node:
        """The volume where the result is: some slices of the fixed image, or all of it."""
        return self.output("warped") or self.output("jacobian") or self.fixed

    # Images

    def show(self, mode: Mode) -> None:
        """Show images in all slice views.

        A checkerboard or a difference is made first, see :meth:`mixer`.

        Raises:
            InputError: when there is no warped image.
        """
        if mode in _MIXES:
            self.show_mix(mode, self.mixer(mode)())
        else:
            self._show(mode)

    def mixer(self, mode: Mode) -> Callable[[], Mix]:
        """Return the function that makes a checkerboard or a difference; a thread may call it.

        Raises:
            InputError: when there is no warped image.
        """
        self._need(mode.value)
        match_windows(self.fixed, self.moving, self.output("warped"), self._memory)
        fixed, moving = image_maker(self.fixed), image_maker(self.moving)
        warped = image_maker(self.output("warped"))
        windows = window_of(self.fixed), window_of(self.moving)
        if mode is Mode.CHECKERBOARD:
            squares = self.squares
            return lambda: checkerboard(fixed(), warped(), windows, squares)
        return lambda: difference(fixed(), moving(), warped(), windows)

    def show_mix(self, mode: Mode, mix: Mix) -> None:
        """Show what the function of :meth:`mixer` has made."""
        self._mix = write_mix(mix, mode, self.fixed, self.moving, self._memory)
        self._show(mode)

    def _show(self, mode: Mode) -> None:
        self._need(mode.value)
        fit = self.mode is None and not self._in_view(self.place)
        match_windows(self.fixed, self.moving, self.output("warped"), self._memory)
        folds = self.output("folds")
        if self.mode is None and folds is not None and not self._with_folds:
            hide_folds(folds, self._memory)  # else they cover what is below them
        self.mode = mode
        self._show_layers()
        base = self.moving if mode is Mode.MOVING else self.place
        if fit or not any(shows(view, base) for view in self._slice_views()):
            place = self.moving if mode is Mode.MOVING else self.place
            frame = self.moving if mode is Mode.MOVING else self.fixed
            fit_slices(self._scene, frame, place, self._memory)

    def _in_view(self, volume: Node) -> bool:
        """Whether the view that is the best for a volume shows it or the fixed image already."""
        view = best_view(self._scene, volume)
        if view is None or not shows(view, volume):
            return False
        ours = {self.fixed.GetID(), volume.GetID()}
        return any(
            layers.GetBackgroundVolumeID() in ours
            for layers in nodes_of_class(self._scene, "vtkMRMLSliceCompositeNode")
            if layers.GetLayoutName() == view.GetLayoutName()
        )

    def _show_layers(self) -> None:
        back, front, opacity = self._layers()
        if self._with_jacobian:
            front, opacity = self.output("jacobian"), self.overlay_opacity
        if self._mix is not None:
            if self.mode is Mode.DIFFERENCE and not self._with_jacobian:
                shown = self._mix.GetDisplayNode()
                title = "warped \u2212 fixed"
                show_legend(self._mix, shown, title, self._memory, views=self._views())
            else:
                remove_legend(self._mix, self._memory)
        show_layers(self._scene, back, front, opacity, self._memory)

    def _layers(self) -> tuple[Node | None, Node | None, float]:
        warped = self.output("warped")
        if self.mode is Mode.MOVING:
            return self.moving, None, 0.0
        if self.mode is Mode.WARPED:
            return warped, None, 0.0
        if self.mode is Mode.BLEND:
            return self.fixed, warped, self.opacity
        if self.mode is Mode.FLICKER:
            return self.fixed, warped, 0.0
        if self.mode in _MIXES and self._mix is not None:
            return self._mix, None, 0.0
        return self.fixed, None, 0.0

    def set_opacity(self, opacity: float) -> None:
        """Set the opacity of what is in front: the Jacobian map, else the warped image."""
        if self._with_jacobian:
            self.overlay_opacity = opacity
        else:
            self.opacity = opacity
        if self._with_jacobian or self.mode is Mode.BLEND:
            set_foreground_opacity(self._scene, opacity)

    def show_frame(self, number: int) -> None:
        """While flickering, show the fixed image (even numbers) or the warped one (odd)."""
        if self.mode is not Mode.FLICKER:
            return
        warped = self.output("warped")
        if warped is not None and self._with_jacobian:
            set_background(self._scene, warped if number % 2 else self.fixed)
        elif warped is not None:
            set_foreground_opacity(self._scene, float(number % 2))

    def fit(self) -> None:
        """Let all slice views show the fixed image, through the middle of the result."""
        fit_slices(self._scene, self.fixed, self.place, self._memory)

    # What lies over the images

    def show_grid(self, visible: bool) -> None:
        """Draw the grid of the moving image as it lies after warping."""
        self._draw(Drawing.GRID, visible)

    def show_glyphs(self, visible: bool) -> None:
        """Draw arrows from where the moving anatomy was to where it is after warping."""
        self._draw(Drawing.GLYPHS, visible)

    def set_spacing(self, spacing: float) -> None:
        """Set the distance of the grid lines, in mm; the arrows follow."""
        self.spacing = spacing
        for drawing in sorted(self._drawings, key=lambda one: one.value):
            self._draw(drawing, True)

    def _draw(self, drawing: Drawing, visible: bool) -> None:
        transform = self.output("transform")
        if not visible:
            self._drawings.discard(drawing)
            if transform is not None:
                hide_deformation(transform, drawing, self._memory)
            return
        self._need(drawing.value)
        self._show_first()
        self._drawings.add(drawing)
        region = best_view(self._scene, self.place) if self._in_3d else None
        show_deformation(transform, drawing, self.spacing, region, self._memory, self._views())

    def show_jacobian(self, visible: bool) -> None:
        """Lay the Jacobian determinant over the image in colours, with their bar."""
        jacobian = self.output("jacobian")
        if not visible:
            if self._with_jacobian and jacobian is not None:
                uncolor_jacobian(jacobian, self._memory)
            self._with_jacobian = False
        else:
            self._need("jacobian")
            self._show_first()
            color_jacobian(jacobian, self._memory, self._views())
            self._with_jacobian = True
        if self.mode is not None:
            self._show_layers()

    def show_folds(self, visible: bool) -> None:
        """Outline the folds; where no view shows one, all go to the largest."""
        folds = self.output("folds")
        if not visible:
            self._with_folds = False
            if folds is not None:
                hide_folds(folds, self._memory)
            return
        self._need("folds")
        self._show_first()
        self._with_folds = True
        show_folds(folds, self._in_3d, self._memory)
        points = fold_points(folds)
        if len(points) and not any(cuts(view, points, self.place) for view in self._slice_views()):
            jump_to(self._scene, largest_fold(folds), self._memory)

    def show_in_3d(self, visible: bool) -> None:
        """Show the slices, and all that lies over them, in the 3D views."""
        if visible:
            self._show_first()
            ensure_3d_view(self._scene, self._memory)
        self._in_3d = visible
        show_slices_in_3d(self._scene, self.place, visible, self._memory)
        for drawing in sorted(self._drawings, key=lambda one: one.value):
            self._draw(drawing, True)
        if self._with_folds:
            show_folds(self.output("folds"), visible, self._memory)
        if visible:
            look_from_above(self._scene, self.fixed, self._memory)

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
        for drawing in Drawing:
            if drawing in self._drawings:
                self._draw(drawing, self.can_show(drawing.value))
        if self._with_jacobian:
            self.show_jacobian(self.can_show("jacobian"))
        if self._with_folds:
            self.show_folds(self.can_show("folds"))

    @property
    def shown(self) -> set[str]:
        """What lies over the images: ``grid``, ``glyphs``, ``jacobian``, ``folds``, ``3d``."""
        parts = {"jacobian": self._with_jacobian, "folds": self._with_folds, "3d": self._in_3d}
        return {name for name, on in parts.items() if on} | {d.value for d in self._drawings}

    @property
    def changed(self) -> bool:
        """Whether there is something for :meth:`reset` to bring back."""
        return bool(self._memory)

    def reset(self) -> None:
        """Bring views and displays back as they were before the first call."""
        transform = self.output("transform")
        for drawing in self._drawings:  # else it is drawn again for every view that moves
            if transform is not None:
                hide_deformation(transform, drawing, self._memory)
        self._memory.restore()
        self.mode, self._mix = None, None
        self._drawings.clear()
        self._with_jacobian = self._with_folds = self._in_3d = False

    def _slice_views(self) -> list[Node]:
        return nodes_of_class(self._scene, "vtkMRMLSliceNode")

    def _views(self) -> list[Node]:
        return views_for(self._scene, self.place)

    def _need(self, what: str) -> None:
        for name, node in (("fixed", self.fixed), ("moving", self.moving)):
            if node.GetScene() is not self._scene:
                raise InputError(f"display: the {name} volume was removed from the scene")
        if not self.can_show(what):
            raise InputError(
                f"display: {what} needs the output {NEEDED[what]!r}, which the scene does not "
                "have; register with this output switched on"
            )
