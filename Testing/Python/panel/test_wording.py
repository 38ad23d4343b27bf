"""Messages of the library name options as the panel does."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("use --align center or rigid", "use \u201cAlign first\u201d center or rigid"),
        (
            "turn the refinement off (--no-refine), or",
            "turn the refinement off (\u201cRefinement: Off\u201d), or",
        ),
        ("run: pip install --no-index x", "run: pip install --no-index x"),
        ("a--align and ---", "a--align and ---"),
    ],
)
def test_options_are_called_as_on_the_panel(running_host: Any, said: str, shown: str) -> None:
    from SlicerLDMRegLib.slicer_app.panel.wording import in_words_of_the_panel

    assert in_words_of_the_panel(said) == shown


def test_the_panel_tells_errors_so(host: Any, panel: Any, session: Any, pair: Any) -> None:
    from SlicerLDMRegLib.errors import InputError

    panel.parameters.fixedVolume, panel.parameters.movingVolume = pair
    host.process_events()
    host.click("applyButton")
    session.fail(InputError("the images do not overlap; use --align center"))
    assert "\u201cAlign first\u201d" in host.widget("statusLabel").text
    assert "--align" not in host.widget("logTextEdit").toPlainText()
