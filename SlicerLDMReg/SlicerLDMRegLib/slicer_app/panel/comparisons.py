"""Checkerboards and differences for the panel: made in a thread, and anew when voxels change."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import slicer
from slicer.util import VTKObservationMixin

from ..background_call import BackgroundCall, timer
from ..display.result_display import Mode, ResultDisplay

__all__ = ["Comparisons"]

# How long voxels must rest, while frames of a sequence are played, before they are compared anew.
_REST_MS = 100


class Comparisons(VTKObservationMixin):
    """Makes one comparison at a time, and tells when it is outdated.

    Args:
        on_made: called with the mode and the :class:`~..display.comparison_images.Mix`.
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
        super().__init__()
        self._on_made, self._on_error = on_made, on_error
        self._call: BackgroundCall | None = None
        self._changed = timer(on_changed, _REST_MS, once=True)

    @property
    def making(self) -> bool:
        """Whether one is being made."""
        return self._call is not None

    def make(self, display: ResultDisplay, mode: Mode) -> None:
        """Begin to make a comparison; another one that is being made is forgotten.

        Raises:
            InputError: when there is no warped image.
        """
        self.stop()
        event = slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent
        for node in {display.fixed, display.moving, display.output("warped")} - {None}:
            self.addObserver(node, event, self._on_modified)
        self._call = BackgroundCall(display.mixer(mode), partial(self._made, mode), self._failed)

    def stop(self) -> None:
        """Make nothing more, and do not look whether images change."""
        self._changed.stop()
        self.removeObservers()
        if self._call is not None:
            self._call.forget()
            self._call = None

    def _on_modified(self, _caller: Any, _event: Any) -> None:
        self._changed.start()

    def _made(self, mode: Mode, mix: Any) -> None:
        self._call = None
        self._on_made(mode, mix)

    def _failed(self, error: Exception) -> None:
        self._call = None
        self._on_error(error)
