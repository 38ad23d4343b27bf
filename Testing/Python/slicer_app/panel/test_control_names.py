"""Messages of the library name options as the panel does."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.pipeline import RefineOptions, RegistrationRequest


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (
            InputError("they lie apart; use {advice}", option="align", value=("center", "rigid")),
            "they lie apart; use \u201cAlign first\u201d: Centres of mass or Rigid",
        ),
        (
            InputError("turn it off with {advice}", option="refine", value=False),
            "turn it off with \u201cRefinement\u201d: Off",
        ),
        (
            InputError("use {advice} for a part", option="slices"),
            "use \u201cRegister\u201d: A range of slices, one by one for a part",
        ),
        (
            InputError("expected 40,40,30, got 'x'", option="refine.iterations"),
            "\u201cIterations\u201d: expected 40,40,30, got 'x'",
        ),
        # Values that the panel does not offer are left out.
        (InputError("use {advice}", option="device", value="cuda:3"), "use \u201cDevice\u201d"),
        (InputError("{advice} is no option", option=None), "{advice} is no option"),
        (ValueError("unexpected"), "unexpected"),
    ],
)
def test_options_are_called_as_on_the_panel(
    running_host: Any, error: Exception, shown: str
) -> None:
    from SlicerLDMRegLib.slicer_app.panel.control_names import told_on_panel

    assert told_on_panel(error) == shown


def test_every_control_is_on_the_panel(host: Any, panel: Any) -> None:
    """Names are those of the labels beside the controls."""
    from SlicerLDMRegLib.slicer_app.panel.control_names import told_on_panel

    labels = {label.text for label in vars(panel.ui).values() if hasattr(label, "buddy")}
    options = [f.name for f in fields(RegistrationRequest)]
    options += [f"refine.{f.name}" for f in fields(RefineOptions)]
    named = [told_on_panel(InputError("{advice}", option=option)) for option in options]
    found = [text.split("\u201d")[0].strip("\u201c") + ":" for text in named]
    assert sum(name in labels for name in found) >= 12


def test_the_panel_tells_errors_so(host: Any, panel: Any, session: Any, pair: Any) -> None:
    panel.parameters.fixedVolume, panel.parameters.movingVolume = pair
    host.process_events()
    host.click("applyButton")
    session.fail(InputError("they do not overlap; use {advice}", option="align", value="center"))
    assert "\u201cAlign first\u201d: Centres of mass" in host.widget("statusLabel").text
    assert "align=" not in host.widget("logTextEdit").toPlainText()
