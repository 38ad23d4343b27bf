from __future__ import annotations

import pytest

from SlicerLDMRegLib.errors import CancelledError
from SlicerLDMRegLib.pipeline.progress import Progress


def test_parts_map_into_the_whole_and_never_go_back() -> None:
    seen: list[tuple[str, float, str]] = []
    progress = Progress(lambda *report: seen.append(report))
    half = progress.part(0.5, 1.0)
    half.part(0.0, 0.5).report("a", 1.0)
    half.report("b", 0.1, "late")
    progress.report("c", 7.0)
    assert seen == [("a", 0.75, ""), ("b", 0.75, "late"), ("c", 1.0, "")]


def test_cancel_reaches_every_part() -> None:
    cancel = False
    seen = []
    progress = Progress(lambda *report: seen.append(report), lambda: cancel)
    part = progress.part(0.0, 0.5).part(0.0, 0.5)
    part.report("a", 0.0)
    cancel = True
    with pytest.raises(CancelledError, match="nothing was written"):
        part.report("a", 0.5)
    with pytest.raises(CancelledError):
        part.check()
    assert len(seen) == 1
