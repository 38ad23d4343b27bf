"""The model is loaded before Apply is clicked."""

from __future__ import annotations

from typing import Any

from SlicerLDMRegLib.errors import ModelError


def test_model_is_loaded_once_a_registration_could_begin(
    host: Any, panel: Any, session: Any, flat_pair: tuple[Any, Any]
) -> None:
    host.select("movingSelector", None)
    assert not panel.sections["warm up"]._timer.isActive()
    host.select("movingSelector", flat_pair[1])
    host.wait_until(lambda: session.warmed, timeout=20)
    assert session.warmed == [(panel.plan().options["model"], 2, "auto", "auto")]
    # Other choices that ask for the same load nothing again.
    panel.parameters.seed = 7
    host.process_events()
    assert not panel.sections["warm up"]._timer.isActive()
    session.warm_up_failed(ModelError("no weights"))
    assert "no weights" in panel.ui.logTextEdit.plainText
    panel.parameters.precision = panel.parameters.precision.__class__.FLOAT32
    host.wait_until(lambda: len(session.warmed) == 2, timeout=20)
    assert session.warmed[1][3] == "float32"


def test_nothing_is_loaded_without_a_model_or_while_a_registration_runs(
    host: Any, panel: Any, session: Any, flat_pair: tuple[Any, Any]
) -> None:
    host.select("fixedSelector", flat_pair[0])
    panel.parameters.model = "none"
    host.select("movingSelector", flat_pair[1])
    timer = panel.sections["warm up"]._timer
    host.process_events()
    assert not timer.isActive()
    panel.parameters.model = "auto"
    host.process_events()
    assert timer.isActive()
    host.click("applyButton")
    host.process_events()
    assert not timer.isActive()
    assert session.warmed == []
