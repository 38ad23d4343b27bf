"""Check installation: one line that says what works or what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from SlicerLDMRegLib.worker import WorkerClient


@pytest.fixture
def check(host: Any, panel: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Click the button, with a worker of some command; what was said, and its colour."""
    from SlicerLDMRegLib.slicer_app.run.session import RegistrationSession

    made: list[Any] = []

    def click(*command: str) -> str:
        timer = host.qt.QTimer()
        timer.setInterval(20)
        session = RegistrationSession(lambda: WorkerClient(list(command)), timer=timer)
        made.append(session)
        panel.session = session
        host.check("logSection")
        host.click("checkButton")
        host.wait_until(lambda: panel.ui.checkButton.text == "Check installation", 120)
        return str(panel.ui.statusLabel.text)

    yield click
    for session in made:
        session.close()


def test_the_worker_registers(check: Any, panel: Any) -> None:
    pytest.importorskip("torch")
    text = check(sys.executable)
    assert text.startswith("\u2713 All is well: two small images were registered in ")
    assert "torch" in text and panel.ui.checkButton.enabled
    assert "all is well" in panel.ui.logTextEdit.plainText


def test_a_worker_that_cannot_start(check: Any) -> None:
    text = check("/no/such/PythonSlicer")
    assert text.startswith("\u2715 ") and "/no/such/PythonSlicer" in text


def test_a_worker_without_a_package(check: Any) -> None:
    code = (
        "import runpy, sys; sys.modules['torch'] = None; sys.argv = ['worker'];"
        "runpy.run_module('SlicerLDMRegLib.worker', run_name='__main__', alter_sys=True)"
    )
    text = check(sys.executable, "-c", code)
    assert text.startswith("\u2715 ") and "torch" in text


def test_what_is_missing_is_told_without_a_worker(
    check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from SlicerLDMRegLib.slicer_app.setup import dependencies

    real = dependencies.installed_version
    monkeypatch.setattr(
        dependencies, "installed_version", lambda name: "1.3.0" if name == "monai" else real(name)
    )
    text = check("/no/such/python")
    assert "missing or too old: monai>=1.6 (1.3.0). See the section Setup." in text


def test_no_memory_is_told(check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from SlicerLDMRegLib.pipeline import installation_check

    monkeypatch.setattr(installation_check, "available_memory", lambda: 100_000_000)
    text = check("/no/such/python")
    assert text.startswith("\u2715 100 MB of memory are free, 600 MB are needed")


def test_the_panel_may_go_meanwhile(host: Any, widget: Any) -> None:
    asked: list[Any] = []
    widget.panel.session.run_request = lambda *arguments: asked.append(arguments)
    host.check("logSection")
    host.click("checkButton")
    assert (
        host.widget("checkButton").text == "Checking..." and not host.widget("checkButton").enabled
    )
    widget.cleanup()
    asked[0][2](RuntimeError("late"))  # nobody is there to hear it
