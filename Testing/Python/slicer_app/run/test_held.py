"""The scene stays as the user is asked about it, while a modal dialog is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from SlicerLDMRegLib.errors import CancelledError
from Testing.Python.slicer_app.run.runs import Watched

MakePlan = Callable[..., Any]
Text = Callable[[], str]


@pytest.fixture
def dialog(host: Any) -> Iterator[Any]:
    """As "save before closing?": modal, and timers go on."""
    made = host.qt.QDialog(host.slicer.util.mainWindow())
    made.setModal(True)
    yield made
    made.hide()
    made.deleteLater()
    host.process_events()


def _live(session: Watched, rounds: int = 40) -> None:
    for _ in range(rounds):
        session.host.process_events()
        session.session.poll()


def test_nothing_is_written_while_a_dialog_is_open(
    session: Watched, plan: MakePlan, text: Text, dialog: Any
) -> None:
    before = text()
    session.start(plan())
    session.on_progress = lambda now: dialog.show() if now == "write" else None
    session.wait_for("write")
    _live(session)
    assert session.session.running
    assert text() == before
    dialog.hide()
    session.finish()
    assert session.done and text() != before


def test_nothing_is_read_while_a_dialog_is_open(
    session: Watched, plan: MakePlan, dialog: Any
) -> None:
    dialog.show()
    session.start(plan())
    session.wait_for("read")
    _live(session)
    assert session.stages == ["read"]
    dialog.hide()
    session.finish()
    assert session.done


def test_the_scene_is_closed_by_the_dialog(
    session: Watched, plan: MakePlan, host: Any, dialog: Any
) -> None:
    session.on_progress = lambda now: dialog.show() if now == "write" else None
    session.start(plan())
    session.wait_for("write")
    host.slicer.mrmlScene.Clear(0)
    dialog.hide()
    session.finish()
    assert isinstance(session.errors[0], CancelledError) and not session.done


def test_a_run_can_be_cancelled_meanwhile(
    session: Watched, plan: MakePlan, text: Text, dialog: Any
) -> None:
    before = text()
    session.on_progress = lambda now: dialog.show() if now == "write" else None
    session.start(plan())
    session.wait_for("write")
    session.session.cancel()
    session.finish()
    assert isinstance(session.errors[0], CancelledError)
    assert text() == before


def test_a_window_that_is_not_modal_holds_nothing(
    session: Watched, plan: MakePlan, host: Any
) -> None:
    window = host.qt.QDialog(host.slicer.util.mainWindow())
    window.show()
    assert session.run(plan()).nodes
    window.hide()
    window.deleteLater()


def test_a_script_is_not_held(volumes: Any, dialog: Any) -> None:
    """It has the application for itself, and would wait for ever."""
    from SlicerLDMRegLib.slicer_app.run.register_nodes import register_nodes

    dialog.show()
    options = {"model": "none", "align": "none", "refine": {"iterations": [1]}}
    assert register_nodes(*volumes, outputs=["transform"], **options).nodes
