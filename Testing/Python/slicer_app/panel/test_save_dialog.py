"""Where a file is to be written: the kind that is chosen in the dialog counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

KINDS = (("HTML", ".html"), ("PDF", ".pdf"))


def choose(kind: str) -> Callable[[Any], None]:
    """Choose a kind of file as a user does."""

    def act(dialog: Any) -> None:
        dialog.selectNameFilter(kind)
        dialog.filterSelected.emit(kind)

    return act


@pytest.mark.parametrize(
    ("kind", "typed", "written"),
    [
        ("PDF (*.pdf)", "report", "report.pdf"),
        ("PDF (*.pdf)", "scan 1.5T", "scan 1.5T.pdf"),
        ("PDF (*.pdf)", "report.html", "report.html"),
        ("HTML (*.html)", "report", "report.html"),
        ("HTML (*.html)", "report.PDF", "report.PDF"),
        ("HTML (*.html)", "scan 1.5T", "scan 1.5T.html"),
    ],
)
def test_a_name_gets_the_ending_of_the_chosen_kind(
    running_host: Any, host: Any, tmp_path: Path, kind: str, typed: str, written: str
) -> None:
    from SlicerLDMRegLib.slicer_app.panel.save_dialog import ask_where_to_save

    host.dialogs.answer("Save report", str(tmp_path / typed), choose(kind))
    assert ask_where_to_save("Save report", "A to B", KINDS) == tmp_path / written


def test_the_proposed_name_has_no_ending_that_contradicts_the_kind(
    running_host: Any, host: Any
) -> None:
    from SlicerLDMRegLib.slicer_app.panel.save_dialog import ask_where_to_save

    seen = []
    host.dialogs.answer("Save report", "", lambda dialog: seen.append(dialog.selectedFiles()[0]))
    assert ask_where_to_save("Save report", "A to B", KINDS) is None  # cancelled
    assert Path(seen[0]).stem == "A to B"
