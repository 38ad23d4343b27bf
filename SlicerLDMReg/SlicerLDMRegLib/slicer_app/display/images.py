"""The images of a registration in the slice views, one way to compare them at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import slicer

from ...errors import InputError
from ..results.result_nodes import find_outputs
from ..scene.nodes import nodes_of_class
from ..scene.volume_nodes import Node
from ..texts import tr as _
from .colors import remove_legend, show_legend, update_legends
from .comparison_images import Mix, checkerboard, difference
from .layers import (
    Mode,
    fixed_image,
    image_maker,
    match_windows,
    outline_labels,
    set_background,
    set_foreground_opacity,
    show_layers,
    window_of,
    write_mix,
)
from .view_memory import DisplayMemory
from .views import best_view, fit_slices, shows, views_for

__all__ = ["NEEDED", "ImageDisplay"]

#: The output that something needs to be shown, by the value of the mode or by its name.
NEEDED: dict[str, str] = {
    **dict.fromkeys(("warped", "blend", "checkerboard", "flicker", "difference"), "warped"),
    "grid": "transform",
    "glyphs": "transform",
    "jacobian": "jacobian",
    "displacement": "displacement",
    "round_trip": "round_trip",
    "uncertainty": "uncertainty",
    "folds": "folds",
}
_MIXES = (Mode.CHECKERBOARD, Mode.DIFFERENCE)


class ImageDisplay:
    """The images of one registration: fixed, moving, warped, and ways to compare them.

    Args:
        fixed, moving: the volumes that were registered.
        outputs: nodes by the names of :data:`~.result_nodes.OUTPUTS`; by default those there are.

    Attributes:
        mode: which images are shown; None before the first :meth:`show`.
        opacity: of the warped image in front of the fixed one, when they are blended.
        overlay_opacity: of a map in front of the image of the mode; where that are two images, in
            front of the fixed one.
        squares: of the checkerboard, along the longest side.
    """

    def __init__(
        self, fixed: Node, moving: Node, outputs: Mapping[str, Node] | None = None
    ) -> None:
        self.fixed, self.moving = fixed, moving
        self.outputs = dict(find_outputs(fixed, moving) if outputs is None else outputs)
        self.mode: Mode | None = None
        self.opacity, self.overlay_opacity, self.squares = 0.5, 0.6, 8
        self._scene = fixed.GetScene()
        self._memory = DisplayMemory(self._scene)
        self._fixed = fixed  # what is shown as such
        self._overlay: Node | None = None
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

    @property
    def changed(self) -> bool:
        """Whether there is something for :meth:`reset` to bring back."""
        return bool(self._memory)

    def reset(self) -> None:
        """Bring views and displays back as they were before the first call."""
        self._memory.restore()
        self._forget()

    def leave(self, successor: Node | None = None) -> None:
        """Take back what was added, and leave the views where they are: for other images.

        Views that the user has given other images keep these; the others go on to one image.

        Args:
            successor: the image; None: the fixed one.
        """
        image = successor or self.fixed
        ours = {node.GetID() for node in self._images()}
        views = nodes_of_class(self._scene, "vtkMRMLSliceCompositeNode")
        left = [view for view in views if self.mode and view.GetBackgroundVolumeID() in ours]
        self._memory.restore(stays=_is_slice_view)
        if left and image.GetScene() is self._scene:
            for view in left:
                with slicer.util.NodeModify(view):
                    view.SetBackgroundVolumeID(image.GetID())
                    view.SetForegroundVolumeID(None)
            if not any(shows(view, image) for view in self._slice_views()):
                fit_slices(self._scene, image, image, DisplayMemory(self._scene))
        update_legends(self._scene)
        self._forget()

    def _forget(self) -> None:
        self._fixed = self.fixed
        self.mode = self._mix = self._overlay = None

    def _images(self) -> list[Node]:
        """Return all volumes that this display lays into the views."""
        outputs = [self.output(name) for name in self.outputs]
        found = [self.fixed, self.moving, self._fixed, self._mix, *outputs]
        return [node for node in found if node is not None]

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
        self._prepare()
        fixed, moving = image_maker(self._fixed), image_maker(self.moving)
        warped = image_maker(self.output("warped"))
        windows = window_of(self._fixed), window_of(self.moving)
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
        self._prepare()
        if self.mode is None:
            outline_labels(self._scene, self._memory)
        self.mode = mode
        self._show_layers()
        frame, place = self.fixed, self.place
        if mode is Mode.MOVING:
            frame = place = self.moving
        if fit or not any(shows(view, place) for view in self._slice_views()):
            fit_slices(self._scene, frame, place, self._memory)

    def _prepare(self) -> None:
        """Find what is shown as fixed image, and let equal intensities look equal."""
        match_windows(self.fixed, self.moving, self.output("warped"), self._memory)
        outputs = {name: node for name in self.outputs if (node := self.output(name))}
        self._fixed = fixed_image(self.fixed, self.moving, outputs, self._memory)

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
        if self._overlay is not None:
            front, opacity = self._overlay, self.overlay_opacity
        if self._mix is not None and self._mix.GetScene() is self._scene:
            if self.mode is Mode.DIFFERENCE and self._overlay is None:
                shown = self._mix.GetDisplayNode()
                title = _("warped \u2212 fixed")
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
            return self._fixed, warped, self.opacity
        if self.mode is Mode.FLICKER:
            return self._fixed, warped, 0.0
        if self.mode in _MIXES and self._mix is not None:
            return self._mix, None, 0.0
        return self._fixed, None, 0.0

    def set_opacity(self, opacity: float) -> None:
        """Set the opacity of what is in front: a map, else the warped image."""
        if self._overlay is not None:
            self.overlay_opacity = opacity
        else:
            self.opacity = opacity
        if self._overlay is not None or self.mode is Mode.BLEND:
            set_foreground_opacity(self._scene, opacity)

    def show_frame(self, number: int) -> None:
        """While flickering, show the fixed image (even numbers) or the warped one (odd)."""
        if self.mode is not Mode.FLICKER:
            return
        warped = self.output("warped")
        if warped is not None and self._overlay is not None:
            set_background(self._scene, warped if number % 2 else self._fixed)
        elif warped is not None:
            set_foreground_opacity(self._scene, float(number % 2))

    def fit(self) -> None:
        """Let all slice views show the fixed image, through the middle of the result."""
        fit_slices(self._scene, self.fixed, self.place, self._memory)

    def _slice_views(self) -> list[Node]:
        return nodes_of_class(self._scene, "vtkMRMLSliceNode")

    def _views(self) -> list[Node]:
        return views_for(self._scene, self.place)

    def _need(self, what: str) -> None:
        for name, node in (("fixed", self.fixed), ("moving", self.moving)):
            if node.GetScene() is not self._scene:
                raise InputError(
                    _("display: the {name} volume was removed from the scene").format(name=name)
                )
        if not self.can_show(what):
            raise InputError(
                _(
                    "display: {what} needs the output {output!r}, which the scene does not"
                    " have; register with this output switched on"
                ).format(what=what, output=NEEDED[what])
            )


def _is_slice_view(node: Node) -> bool:
    return bool(node.IsA("vtkMRMLSliceNode") or node.IsA("vtkMRMLSliceCompositeNode"))
