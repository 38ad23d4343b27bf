"""Asks where a file is to be written, in one of several kinds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import qt
import slicer

__all__ = ["ask_where_to_save"]


def ask_where_to_save(title: str, name: str, kinds: Sequence[tuple[str, str]]) -> Path | None:
    """Return the file that the user names; None where the dialog is cancelled.

    Where the name has no ending of any kind, it gets that of the kind that is chosen in the dialog.
    Qt's function for this does not tell which one that is.

    Args:
        title: of the dialog.
        name: that is proposed, without the ending.
        kinds: name and ending of each, such as ``("PDF", ".pdf")``.
    """
    filters = {f"{kind} (*{suffix})": suffix for kind, suffix in kinds}
    dialog = qt.QFileDialog(slicer.util.mainWindow(), title, "", ";;".join(filters))
    dialog.setAcceptMode(qt.QFileDialog.AcceptSave)
    dialog.setDefaultSuffix(kinds[0][1].lstrip("."))
    # The dialog also asks before it replaces a file, for which it has to know the ending.
    dialog.connect(
        "filterSelected(QString)",
        lambda chosen: dialog.setDefaultSuffix(filters[chosen].lstrip(".")),
    )
    dialog.selectFile(name)
    if not dialog.exec_():
        return None
    target = Path(dialog.selectedFiles()[0])
    if target.suffix.lower() in filters.values():
        return target
    return target.with_name(target.name + filters[dialog.selectedNameFilter()])
