"""The parts that the masks leave out, told and shown before anything is registered."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from ...errors import InputError
from ..display.mask_views import MaskViews
from ..scene.left_out import LeftOut, left_out
from ..scene.volume_nodes import Node
from .safe_texts import printable
from .section import Section
from .widgets import Hider, tint

__all__ = ["MasksSection"]

_PAIRS = (("fixedVolume", "fixedMask"), ("movingVolume", "movingMask"))
_NEARLY_ALL = 0.9  # of the voxels: masks that leave out more are often meant the other way round


class MasksSection(Section):
    """The note and the button below the masks in the section "Options"."""

    def __init__(self, ui: Any, panel: Any) -> None:
        super().__init__(ui, panel)
        self._views: MaskViews | None = None
        self._of: Any = None

    def setup(self) -> None:
        self._hider = Hider(self.ui.optionsSection)
        self.ui.showMasksButton.connect("clicked(bool)", self._on_show)
        self._tell([], "info")

    def update(self) -> None:
        parameters = self.panel.parameters
        if parameters is None:
            self._leave()
            return
        chosen = [getattr(parameters, name) for pair in _PAIRS for name in pair]
        if self._views is not None and chosen != self._of:
            self._leave()
        found, texts, level = self._found(parameters)
        self._tell(texts, level)
        button = self.ui.showMasksButton
        self._hider.set_visible(button, any(mask is not None for mask in chosen[1::2]))
        button.enabled = bool(found)
        button.checked = self._views is not None
        button.text = _("Hide what is left out") if self._views else _("Show what is left out")

    def cleanup(self) -> None:
        self._leave()

    def _found(self, parameters: Any) -> tuple[list[tuple[Node, LeftOut]], list[str], str]:
        """Return what masks leave out, in words, too, and how to colour these."""
        found, texts, level = [], [], "info"
        for volume_name, mask_name in _PAIRS:
            volume, mask = getattr(parameters, volume_name), getattr(parameters, mask_name)
            if volume is None or mask is None:
                continue
            try:
                out = left_out(mask, volume)
            except InputError as error:
                texts.append(str(error))
                level = "warning"
                continue
            found.append((volume, out))
            text = _("{mask} leaves out {count} of {total} voxels of {volume} ({percent} %).")
            share = out.count / max(out.total, 1)
            texts.append(
                text.format(
                    mask=mask.GetName(),
                    count=f"{out.count:,}",
                    total=f"{out.total:,}",
                    volume=volume.GetName(),
                    percent=f"{100 * share:.3g}",
                )
            )
            if out.count == 0:
                texts.append(_("Nothing is left out: the mask has no effect."))
                level = "warning"
            elif share > _NEARLY_ALL:
                texts.append(_("That is nearly all: a mask marks what is compared."))
                level = "warning"
        return found, texts, level

    def _tell(self, texts: list[str], level: str) -> None:
        label = self.ui.masksLabel
        label.text = printable("\n".join(texts), lines=True)
        tint(label, level)
        self._hider.set_visible(label, bool(texts))

    def _on_show(self, checked: bool) -> None:
        parameters = self.panel.parameters
        self._leave()
        if checked and parameters is not None:
            found = self._found(parameters)[0]
            if found:
                self.panel.leave_views(self)
                self._views = MaskViews(slicer.mrmlScene, found)
                self._views.show()
                self._of = [getattr(parameters, name) for pair in _PAIRS for name in pair]
        self.panel.update()

    def leave_views(self) -> None:
        if self._views is not None:
            self._leave()
            self.panel.update_soon()

    def _leave(self) -> None:
        views, self._views = self._views, None
        if views is not None:
            views.leave()
