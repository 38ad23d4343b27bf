"""The two volumes of a scene, chosen by themselves where nothing was chosen yet."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from ..scene.nodes import nodes_of_class, read_attributes
from ..scene.volume_nodes import Node
from .section import Section

__all__ = ["FirstChoice"]

_CLASS = "vtkMRMLScalarVolumeNode"


class FirstChoice(Section):
    """Chooses once in a scene: what the user takes out stays out."""

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self._done = False

    def show(self, parameters: Any) -> None:
        volumes = _volumes()
        if not volumes:  # a new scene, or one that was closed
            self._done = False
        if parameters.fixedVolume is not None or parameters.movingVolume is not None:
            self._done = True
        if self._done or len(volumes) != 2 or self.panel.loading:
            return
        self._done = True
        fixed, moving = volumes
        with slicer.util.NodeModify(parameters.parameterNode):
            parameters.fixedVolume, parameters.movingVolume = fixed, moving
        text = _("The two volumes of the scene are chosen: {fixed} stays, {moving} is warped.")
        self.panel.say(text.format(fixed=fixed.GetName(), moving=moving.GetName()))


def _volumes() -> list[Node]:
    """Return the images of the scene that a user has loaded, in their order."""
    return [
        node
        for node in nodes_of_class(slicer.mrmlScene, _CLASS)
        if node.GetClassName() == _CLASS
        and node.GetImageData() is not None
        and not node.GetHideFromEditors()
        and "Output" not in read_attributes(node)
    ]
