"""Seconds and clicks until a user sees something, and how long the window stands still meanwhile.

    make bench-panel        # in the host
    make test-slicer SLICER=/path/to/Slicer   # in both, on its page

Opening the module, loading a sample pair, and the way from a scene with two volumes to the map of
their displacement, the opening included: with a worker that has to be started, by a machine that
clicks *Apply* at once and by a user who looks first, and with a worker that is there. Aims: at most
four clicks, and three seconds beside the computation; a window that never stands still for long.
"""

from __future__ import annotations

import compileall
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["HUMAN_SECONDS", "MOST_CLICKS", "MOST_SECONDS", "Turns", "first_look", "lines"]

#: Aims for the way to the displacement map.
MOST_CLICKS, MOST_SECONDS = 4, 3.0

#: Seconds from a panel that is seen to the click on *Apply*: to decide (1.35 s), to point (1.1 s)
#: and to press (0.2 s), by the keystroke-level model (Card, Moran and Newell, CACM 23(7), 1980).
HUMAN_SECONDS = 2.65

_SECONDS = 900.0  # a busy computer takes a minute to import torch
_AFTERWARDS = 0.3  # for what is drawn then


class Turns:
    """In a ``with`` block: the longest time between two turns of the event loop.

    Attributes:
        longest: by the clock, s.
        longest_cpu: of the processor, in this thread, s: on a busy machine it says more.
    """

    def __init__(self) -> None:
        import qt

        self.longest = self.longest_cpu = 0.0
        self._timer = qt.QTimer()
        self._timer.setInterval(1)
        self._timer.connect("timeout()", self._turn)

    def __enter__(self) -> Turns:
        self._last = time.monotonic(), time.thread_time()
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._turn()
        self._timer.stop()

    def _turn(self) -> None:
        now = time.monotonic(), time.thread_time()
        self.longest = max(self.longest, now[0] - self._last[0])
        self.longest_cpu = max(self.longest_cpu, now[1] - self._last[1])
        self._last = now


def first_look(application: Any) -> dict[str, dict[str, float]]:
    """Do what a user does first, and measure; the scene is empty afterwards.

    Args:
        application: the host, or :class:`~.application.GivenSlicer`; the module was not opened yet.

    Returns:
        By step: ``seconds``, the ``share`` of a processor that was free just before, the longest
        time ``blocked`` and the same of the processor, ``blocked_cpu``; of the ways to the map also
        ``clicks`` and the seconds ``computed``, of the user who ``looked``, and of the ``opening``.
        These are missing where packages are.
    """
    scene = application.slicer.mrmlScene
    scene.Clear()
    _load_volumes(application)
    found = {}
    opened: list[Any] = []
    found["open the module"] = _measured(
        application, lambda: opened.append(application.open_module("SlicerLDMReg"))
    )
    panel = opened[0].panel
    if not panel.sections["setup"].problem:
        opening = found["open the module"]["seconds"]
        ways = (
            ("with a new worker, at once", opening, 0.0),
            ("with the worker there", 0.0, 0.0),
            ("with a new worker, by a user", opening, HUMAN_SECONDS),
        )
        for number, (way, opening, pause) in enumerate(ways):
            if number:
                _load_volumes(application)
            if pause:
                _start_anew(panel)
            row = {"clicks": 1.0, "computed": 0.0, "looked": pause, "opening": opening}
            row |= _measured(application, lambda row=row: _to_the_map(application, panel, row))
            found[f"to the displacement map, {way}"] = row
            scene.Clear()
    scene.Clear()
    for kind in ("Cardiac", "Brain"):
        button = application.widget(f"try{kind}Button")
        if button.visible:
            found[f"load the sample {kind}"] = _measured(
                application, lambda kind=kind: _load(application, panel, kind)
            )
            scene.Clear()
    application.process_events()
    return found


def lines(found: dict[str, dict[str, float]]) -> list[str]:
    """Return what was measured, a line for each step."""
    told = []
    for step, row in found.items():
        text = f"{step}: {row['seconds']:.2f} s, at most {row['blocked']:.2f} s without a turn of "
        text += f"the event loop ({row['blocked_cpu']:.2f} s of the processor, of which "
        text += f"{row['share']:.0%} was free)"
        if "clicks" in row:
            beside = row["seconds"] + row["opening"] - row["computed"] - row["looked"]
            text += f"; {row['clicks']:.0f} clicks of {MOST_CLICKS}, {row['computed']:.2f} s "
            text += f"computed, {row['looked']:.2f} s before Apply, {beside:.2f} s of "
            text += f"{MOST_SECONDS:g} s beside that, {row['opening']:.2f} s of them for opening"
        told.append(text)
    return told


def _measured(application: Any, action: Callable[[], object]) -> dict[str, float]:
    share = _share_of_processor()
    with Turns() as turns:
        began = time.monotonic()
        action()
        seconds = time.monotonic() - began
        end = time.monotonic() + _AFTERWARDS
        application.wait_until(lambda: time.monotonic() > end, _SECONDS, "what is drawn")
    return {
        "seconds": seconds,
        "share": share,
        "blocked": turns.longest,
        "blocked_cpu": turns.longest_cpu,
    }


def _share_of_processor(seconds: float = 0.2) -> float:
    """Return the share that a busy loop gets: far below 1, others compute, and all takes longer."""
    began, used = time.perf_counter(), time.thread_time()
    while time.perf_counter() - began < seconds:
        pass
    return (time.thread_time() - used) / (time.perf_counter() - began)


def _load(application: Any, panel: Any, kind: str) -> None:
    application.click(f"try{kind}Button")
    application.wait_until(lambda: not panel.loading, _SECONDS, "the sample")


def _load_volumes(application: Any) -> None:
    """Load two volumes; the panel chooses them by itself."""
    from SlicerLDMRegLib.resources import sample_data_dir

    for role in ("fixed", "moving"):
        application.slicer.util.loadVolume(str(Path(sample_data_dir()) / f"cardiac_{role}.nrrd"))


def _start_anew(panel: Any) -> None:
    """End the worker; the panel starts another, as when it is opened for the first time."""
    panel.session.close()
    panel.sections["warm up"].forget()
    panel.update()


def _to_the_map(application: Any, panel: Any, row: dict[str, float]) -> None:
    """Register the two volumes of a scene and show their map; notes clicks and computed seconds."""
    wait = application.wait_until
    wait(lambda: panel.parameters.movingVolume is not None, _SECONDS, "the choice of volumes")
    if row["looked"]:
        end = time.monotonic() + row["looked"]
        wait(lambda: time.monotonic() > end, _SECONDS, "the user")
    application.click("applyButton")
    row["clicks"] += 1
    wait(lambda: not panel.running, _SECONDS, "the end of the registration")
    run = panel.session.last
    if run is None:
        raise AssertionError(application.widget("statusLabel").text)
    row["computed"] = run.timings["total"]  # of the worker, without its start
    button = application.widget("displacementButton")
    wait(lambda: button.visible and button.enabled, _SECONDS, "the section Display")
    application.click("displacementButton")
    row["clicks"] += 1
    display = panel.sections["display"].display
    wait(lambda: "displacement" in display.shown, _SECONDS, "the map")


def main() -> int:
    """Measure in the host, and print."""
    from Testing.Host import SlicerHost

    # As for a user, for whom Python has compiled the files once; the worker asks the variable, too.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    compileall.compile_dir("SlicerLDMReg", quiet=2)
    host = SlicerHost()
    host.load_module("SlicerLDMReg/SlicerLDMReg.py")
    print("\n".join(lines(first_look(host))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
