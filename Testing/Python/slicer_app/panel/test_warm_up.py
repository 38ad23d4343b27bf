"""The worker is started when the panel opens, and the model is loaded before Apply is clicked."""

from __future__ import annotations

from typing import Any

from SlicerLDMRegLib.errors import ModelError

#: What starts the worker with its libraries, without a model.
START = ("none",)


def test_worker_is_started_when_the_panel_opens_once(host: Any, panel: Any, session: Any) -> None:
    host.wait_until(lambda: session.warmed, timeout=20)
    assert session.warmed == [START]  # into an empty scene, where nothing could be registered
    panel.exit()
    panel.enter()
    host.process_events()
    assert not panel.sections["warm up"]._start_timer.isActive()
    session.warm_up_failed(ModelError("no place for its files"))
    assert "no place for its files" in panel.ui.logTextEdit.plainText


def test_worker_is_not_started_without_its_packages(
    host: Any, panel: Any, monkeypatch: Any
) -> None:
    section = panel.sections["warm up"]
    section._started = False
    monkeypatch.setattr(
        type(panel.sections["setup"]), "problem", property(lambda _: "Packages are missing")
    )
    section._start_timer.stop()
    panel.update()
    assert not section._start_timer.isActive()


def test_model_is_loaded_once_a_registration_could_begin(
    host: Any, panel: Any, session: Any, flat_pair: tuple[Any, Any]
) -> None:
    host.select("movingSelector", None)
    assert not panel.sections["warm up"]._timer.isActive()
    host.select("movingSelector", flat_pair[1])
    host.wait_until(lambda: len(session.warmed) == 2, timeout=20)
    assert session.warmed == [START, (panel.plan().options["model"], 2, "auto", "auto")]
    # Other choices that ask for the same load nothing again.
    panel.parameters.seed = 7
    host.process_events()
    assert not panel.sections["warm up"]._timer.isActive()
    session.warm_up_failed(ModelError("no weights"))
    assert "no weights" in panel.ui.logTextEdit.plainText
    panel.parameters.precision = panel.parameters.precision.__class__.FLOAT32
    host.wait_until(lambda: len(session.warmed) == 3, timeout=20)
    assert session.warmed[2][3] == "float32"


def test_no_model_is_loaded_without_one_or_while_a_registration_runs(
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
    assert session.warmed in ([], [START])
