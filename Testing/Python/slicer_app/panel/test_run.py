"""Apply, Cancel, progress, messages and log."""

from __future__ import annotations

from typing import Any

import pytest

from SlicerLDMRegLib.errors import InputError, OutOfMemoryError


@pytest.fixture
def ready(host: Any, panel: Any, flat_pair: Any) -> Any:
    panel.parameters.fixedVolume, panel.parameters.movingVolume = flat_pair
    host.process_events()
    return panel


def _finished(host: Any, plan: Any, **more: Any) -> Any:
    """A run that has written a transform."""
    from SlicerLDMRegLib.slicer_app.run.run import FinishedRun
    from SlicerLDMRegLib.slicer_app.scene.scene_change import SceneChange

    with SceneChange(host.slicer.mrmlScene) as change:
        node = change.add("vtkMRMLTransformNode", "ES to ED")
    provenance = {"machine": {"device": "cpu, 2 threads"}, **more}
    return FinishedRun({"transform": node}, change, plan, provenance=provenance)


def test_a_run(host: Any, ready: Any, session: Any) -> None:
    button, bar, status = map(host.widget, ("applyButton", "progressBar", "statusLabel"))
    host.click("applyButton")
    assert session.plan.fixed.GetName() == "ED"
    assert button.text == "Cancel"
    assert bar.visible
    session.progress("refine", 0.4, "loss 0.3")
    assert bar.value == 400
    assert status.text == "Refining (loss 0.3)"
    session.log("warning", "using the processor")
    session.succeed(_finished(host, session.plan))
    host.process_events()
    assert button.text == "Apply"
    assert not bar.visible
    assert status.text.startswith("\u2713 Done in ")
    assert status.text.endswith(" s on cpu, 2 threads.")
    log = host.widget("logTextEdit").toPlainText()
    assert "Registering ES to ED, model auto." in log
    assert "warning: using the processor" in log
    assert "Written: ES to ED" in log
    host.click("logSection")
    host.click("copyLogButton")
    assert host.slicer.app.clipboard().text() == log


def test_cancel(host: Any, ready: Any, session: Any) -> None:
    host.click("applyButton")
    host.click("applyButton")
    button = host.widget("applyButton")
    assert session.cancelled_because == ""
    assert button.text == "Cancelling..."
    assert not button.enabled
    session.progress("refine", 0.9, "")  # comes late
    assert host.widget("progressBar").value == 0
    session.fail()
    host.process_events()
    assert button.text == "Apply"
    assert button.enabled
    assert not host.widget("progressBar").visible
    host.click("applyButton")
    assert button.text == "Cancel"


def test_an_error(host: Any, ready: Any, session: Any) -> None:
    host.click("applyButton")
    session.fail(OutOfMemoryError("the device has no memory left; choose the processor"))
    status = host.widget("statusLabel")
    assert status.text == "\u2715 The device has no memory left; choose the processor."
    assert "color" in status.styleSheet
    assert "error: The device" in host.widget("logTextEdit").toPlainText()
    host.process_events()
    assert host.widget("applyButton").text == "Apply"


def test_less_memory_than_wanted(host: Any, ready: Any, session: Any) -> None:
    host.click("applyButton")
    step = {"from": "cuda:0 float32", "to": "cuda:0 bfloat16", "reason": "8 GiB of 6 GiB"}
    session.succeed(_finished(host, session.plan, fallbacks=[step]))
    status = host.widget("statusLabel").text
    assert status.startswith("! Done")
    assert "not enough memory for cuda:0 float32, so cuda:0 bfloat16 did it" in status


def test_the_session_refuses(
    host: Any, ready: Any, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise InputError("another one is running")

    monkeypatch.setattr(session, "start", refuse)
    host.click("applyButton")
    assert "Another one is running." in host.widget("statusLabel").text
    assert host.widget("applyButton").text == "Apply"


def test_a_run_goes_on_while_another_module_is_open(host: Any, ready: Any, session: Any) -> None:
    host.click("applyButton")
    host.close_module()
    session.progress("refine", 0.5, "")
    session.succeed(_finished(host, session.plan))
    host.open_module("SlicerLDMReg")
    assert "Done" in host.widget("statusLabel").text
    assert host.widget("applyButton").text == "Apply"
    host.click("swapButton")
    assert not host.widget("statusLabel").visible  # it was said of the other way round


def test_what_was_said_goes_with_the_scene(host: Any, ready: Any, session: Any) -> None:
    host.click("applyButton")
    session.succeed(_finished(host, session.plan))
    assert "Done" in host.widget("statusLabel").text
    host.slicer.mrmlScene.Clear(0)
    host.process_events()
    assert not host.widget("statusLabel").visible


def test_what_is_chosen_for_the_next_run_does_not_change_this_one(
    host: Any, ready: Any, session: Any, pair: Any
) -> None:
    host.click("applyButton")
    plan = session.plan
    host.select("fixedSelector", pair[0])
    assert session.plan is plan
    assert plan.fixed is not pair[0]
    assert host.widget("applyButton").text == "Cancel"


def test_a_stage_that_tells_nothing_still_goes_on(
    host: Any, ready: Any, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from SlicerLDMRegLib.slicer_app.panel import run_section

    now = [1000.0]
    monkeypatch.setattr(run_section.time, "monotonic", lambda: now[0])
    section, status = ready.sections["run"], host.widget("statusLabel")
    host.click("applyButton")
    session.progress("segment", 0.1, "")
    now[0] += 2
    section._on_clock()
    assert status.text == "Finding the structures..."
    assert section._clock.active
    for seconds in (8, 9):
        now[0] = 1000.0 + seconds
        session.progress("segment", 0.1, "")  # says the same once more
        section._on_clock()
        assert status.text == f"Finding the structures... {seconds} s"
    session.progress("refine", 0.4, "loss 0.3")
    section._on_clock()
    assert status.text == "Refining (loss 0.3)"
    host.click("applyButton")
    now[0] += 60
    section._on_clock()
    assert "60" not in status.text, "it is being cancelled"
    session.fail()
    assert not section._clock.active


def test_the_end_of_a_run_of_other_volumes_names_them(
    host: Any, ready: Any, session: Any, pair: Any
) -> None:
    host.click("applyButton")
    host.select("fixedSelector", pair[0])
    plan = session.plan
    session.succeed(_finished(host, plan))
    text = host.widget("statusLabel").text
    assert f"{plan.moving.GetName()} \u2192 {plan.fixed.GetName()}: Done in" in text


@pytest.mark.parametrize("ending", ["success", "error"])
def test_apply_and_what_follows_come_into_view(
    host: Any, ready: Any, session: Any, ending: str
) -> None:
    """The panel is longer than the window; Apply and Results would lie below."""
    host.slicer.util.mainWindow().resize(1000, 500)
    for name in ("anatomy", "options", "outputs"):
        host.widget(f"{name}Section").collapsed = False
    host.process_events()
    button, status = host.widget("applyButton"), host.widget("statusLabel")
    area = button.parentWidget()
    while not area.inherits("QScrollArea"):
        area = area.parentWidget()

    def is_in_view() -> bool:
        top = button.mapTo(area, host.qt.QPoint(0, 0)).y()
        bottom = status.mapTo(area, host.qt.QPoint(0, status.height)).y()
        return 0 <= top < bottom <= area.height

    def scroll_away() -> None:
        area.verticalScrollBar().setValue(0)
        host.process_events()
        assert not is_in_view()

    scroll_away()
    host.click(button)
    host.wait_until(is_in_view)  # the progress is below it
    scroll_away()
    if ending == "error":
        session.fail(InputError("the images do not overlap"))
    else:
        session.succeed(_finished(host, session.plan))
    host.wait_until(is_in_view)
    host.slicer.util.mainWindow().resize(1280, 800)
