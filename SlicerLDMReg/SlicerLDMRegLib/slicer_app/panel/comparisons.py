"""Checkerboards and differences for the panel: made in a thread, and anew when voxels change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer

from ..display.result_display import Mode, ResultDisplay
from ..run.background_call import BackgroundCall
from ..scene.volume_nodes import Node

__all__ = ["Comparisons"]

# How long voxels must rest, while frames of a sequence are played, before they are compared anew.
_REST_MS = 100


class Comparisons:
    """Makes one comparison at a time, and tells when it is outdated.

    Args:
        on_made: called with the mode and the :class:`~..display_mixes.Mix`.
        on_error: called with what went wrong.
        on_changed: called when an image has changed since.
    """

    #: The modes whose images have to be made.
    modes = (Mode.CHECKERBOARD, Mode.DIFFERENCE)

    def __init__(
        self,
        on_made: Callable[[Mode, Any], object],
        on_error: Callable[[Exception], object],
        on_changed: Callable[[], object],
    ) -> None:
        self._on_made, self._on_error = on_made, on_error
        self._call: BackgroundCall | None = None
        self._observed: list[tuple[Node, int]] = []
        self._changed = qt.QTimer()
        self._changed.setSingleShot(True)
        self._changed.setInterval(_REST_MS)
        self._changed.connect("timeout()", on_changed)

    @property
    def making(self) -> bool:
        """Whether one is being made."""
        return self._call is not None

    @property
    def watching(self) -> bool:
        """Whether changes of images are followed."""
        return bool(self._observed)

    def make(self, display: ResultDisplay, mode: Mode) -> None:
        """Begin to make a comparison; another one that is being made is forgotten.

        Raises:
            InputError: when there is no warped image.
        """
        self.stop()
        self._watch(display)
        self._call = BackgroundCall(
            display.mixer(mode), lambda mix: self._made(mode, mix), self._failed
        )

    def stop(self) -> None:
        """Make nothing more, and do not look whether images change."""
        self._changed.stop()
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed = []
        if self._call is not None:
            self._call.forget()
            self._call = None

    def _made(self, mode: Mode, mix: Any) -> None:
        self._call = None
        self._on_made(mode, mix)

    def _failed(self, error: Exception) -> None:
        self._call = None
        self._on_error(error)

    def _watch(self, display: ResultDisplay) -> None:
        event = slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent
        for node in {display.fixed, display.moving, display.output("warped")} - {None}:
            tag = node.AddObserver(event, lambda *_arguments: self._changed.start())
            self._observed.append((node, tag))
