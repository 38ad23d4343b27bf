"""Files that are read in a process of their own: what never ends is ended, what waits is not."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.images import isolated

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")


def child(tmp_path: Path, does: str) -> Path:
    """Return the program of the child, which does something more before it reads."""
    program = isolated._CHILD.read_text(encoding="utf-8")
    changed = tmp_path / "child.py"
    before, after = program.split("    main(Path(sys.argv[1]))")
    text = f"{before}    import time\n    {does}\n    main(Path(sys.argv[1])){after}"
    changed.write_text(text, encoding="utf-8")
    return changed


@pytest.fixture
def transform(tmp_path: Path) -> Path:
    path = tmp_path / "shift.tfm"
    sitk.WriteTransform(sitk.TranslationTransform(2, (1.0, 2.0)), str(path))
    return path


def test_a_reader_that_computes_for_ever_is_ended(
    transform: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated, "_CHILD", child(tmp_path, "while True: pass"))
    monkeypatch.setattr(isolated, "_TRANSFORM_SECONDS", 2)
    assert isolated.transform_crashes(transform)


def test_a_reader_that_has_to_wait_is_not(
    transform: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine gives it little of its time."""
    monkeypatch.setattr(isolated, "_CHILD", child(tmp_path, "time.sleep(4)"))
    monkeypatch.setattr(isolated, "_TRANSFORM_SECONDS", 3)
    begin = time.monotonic()
    assert not isolated.transform_crashes(transform)
    assert time.monotonic() - begin > 4


def test_a_decoder_that_sleeps_for_ever_is_ended(
    transform: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated, "_CHILD", child(tmp_path, "time.sleep(600)"))
    monkeypatch.setattr(isolated, "_SECONDS", 3)
    assert isolated.transform_crashes(transform)
