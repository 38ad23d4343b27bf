"""The script that takes the pictures of the documents, as far as it needs no registration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def pictures(host: Any) -> Any:
    return pytest.importorskip("docs.make_screenshots")


def test_a_chapter_is_taken_in_light_and_dark(pictures: Any, tmp_path: Path) -> None:
    from PIL import Image

    pictures.Screenshots(tmp_path).take(["empty"])
    brightness = {}
    for palette in ("light", "dark"):
        with Image.open(tmp_path / f"panel-empty-{palette}.png") as image:
            assert image.width == pictures.PANEL_WIDTH
            brightness[palette] = np.asarray(image.convert("L")).mean()
    assert brightness["light"] > 180
    assert brightness["dark"] < 80


def test_brains_are_left_out_without_their_model(
    pictures: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(pictures, "BRAIN_MODEL", "no-such-model")
    pictures.Screenshots(tmp_path).take(["brain"])
    assert "the model no-such-model is not installed" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_times_are_left_out(pictures: Any) -> None:
    text = "\u2713 Done in 12.3 s on cpu, 2 threads (x86_64)."
    assert pictures._without_times(text) == "\u2713 Done."
    log = "09:08:07  worker 4711 runs Python 3.11.7"
    assert pictures._without_times(log) == "12:00:00  worker runs"
    assert pictures._without_times("model \u00b7 2026-11-21 12:05") == "model"
