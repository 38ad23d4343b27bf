"""Sequences of volumes: their frames, and the volume of the scene that shows one."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from ..texts import tr as _
from .nodes import nodes_of_class
from .scene_images import VolumeSource
from .volume_nodes import Node

__all__ = ["FrameSequence", "sequence_of"]


@dataclass(frozen=True)
class FrameSequence:
    """The frames of a sequence of volumes.

    Attributes:
        browser: ``vtkMRMLSequenceBrowserNode`` that shows it.
        node: ``vtkMRMLSequenceNode`` with the frames.
        shown: the volume of the scene that shows the selected frame.
    """

    browser: Node
    node: Node
    shown: Node

    def __len__(self) -> int:
        return int(self.node.GetNumberOfDataNodes())

    def frame(self, number: int) -> VolumeSource:
        """Return a frame, counted from 0, as an input of a registration.

        Raises:
            InputError: when there is no such frame.
        """
        if not 0 <= number < len(self):
            raise InputError(
                _("frame: expected 0 to {last} of {name!r}, got {number}").format(
                    last=len(self) - 1, name=self.node.GetName(), number=number
                )
            )
        return VolumeSource(self.node.GetNthDataNode(number), self.shown)

    @property
    def selected(self) -> int:
        """The number of the frame that is shown."""
        master = self.browser.GetMasterSequenceNode()
        value = master.GetNthIndexValue(max(0, self.browser.GetSelectedItemNumber()))
        return max(0, int(self.node.GetItemNumberFromIndexValue(value, False)))


def sequence_of(volume: Node) -> FrameSequence | None:
    """Return the sequence that a volume of the scene shows a frame of; None: it is a still one."""
    for browser in nodes_of_class(volume.GetScene(), "vtkMRMLSequenceBrowserNode"):
        if browser.IsProxyNodeID(volume.GetID()):
            return FrameSequence(browser, browser.GetSequenceNode(volume), volume)
    return None
