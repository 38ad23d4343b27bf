"""Benchmark of the panel: overhead beside the computation, and blocking of the window.

    make bench-panel        # or: python -m Testing.Benchmarks.panel_overhead --repeats 5

registers the cardiac sample pair with its model, and a volume of 160 x 192 x 160 voxels with labels
but without a model, again and again through the session of the panel, with a warm worker. It prints

- the overhead: from ``start`` to the nodes, without the stages that compute the deformation;
- its parts: the worker's other stages, and the remainder for the session;
- the longest blocking of the event loop, and the same of an idle loop: on a busy machine the system
  itself makes it wait;
- the longest CPU time of one poll of the session, and its stage;
- the CPU time of the window's thread for a checkerboard or a difference, without the thread that
  computes it;
- the share of a processor that a busy loop got just before: if it is far below 1, the machine is
  busy and all times are too long.

Aims: an overhead under 0.3 s for the cardiac pair, nothing blocked for longer than 0.1 s.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from SlicerLDMRegLib.resources import sample_data_dir
from SlicerLDMRegLib.worker import WorkerClient
from Testing.Host.host import SlicerHost

#: Stages that compute the deformation; all others are overhead.
_COMPUTING = ("predict", "segment", "refine")
# Aims in seconds: users notice longer blocking of the window, or a longer wait for a fast result.
_BLOCKED = {name: 0.1 for name in ("blocked", "checkerboard, CPU", "difference, CPU")}
_AIMS = {"overhead": 0.3, **_BLOCKED}
_SIZE = (160, 192, 160)
_LABELS = 12


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Benchmarks.panel_overhead")
    parser.add_argument("--repeats", type=int, default=5, help="runs of the cardiac pair")
    parser.add_argument("--volumes", type=int, default=2, help="runs of the volume; 0: none")
    parser.add_argument("--interval", type=int, default=20, help="of the session's timer, ms")
    options = parser.parse_args()
    host: Any = SlicerHost()
    bench = _Bench(host, options.interval)
    try:
        if options.repeats:
            bench.measure("cardiac pair", _cardiac(host), options.repeats, _AIMS)
        if options.volumes:
            bench.measure(" x ".join(map(str, _SIZE)), _volumes(), options.volumes, _BLOCKED)
    finally:
        bench.session.close()


class _Bench:
    """Session with a timer, and clocks."""

    def __init__(self, host: Any, interval: int) -> None:
        from SlicerLDMRegLib.slicer_app.run.session import RegistrationSession

        self.host = host
        self.timer = host.qt.QTimer()
        self.timer.setInterval(interval)
        self.session = RegistrationSession(lambda: WorkerClient([sys.executable]), self.timer)
        self.longest_poll, self.longest_stage, self.stage = 0.0, "", ""
        advance = self.session._advance

        def timed(run: Any) -> None:
            began = time.thread_time()
            advance(run)
            seconds = time.thread_time() - began
            if seconds > self.longest_poll:
                self.longest_poll, self.longest_stage = seconds, self.stage

        self.session._advance = timed  # type: ignore[method-assign]

    def measure(
        self, title: str, options: dict[str, Any], repeats: int, aims: dict[str, float]
    ) -> None:
        """Run a plan once to warm up, then repeatedly, each time as if it were the first."""
        from SlicerLDMRegLib.slicer_app.run.parameters import NODE_FIELDS
        from SlicerLDMRegLib.slicer_app.run.plan import RegistrationPlan

        nodes = {name: options.pop(name) for name in NODE_FIELDS.values() if name in options}
        plan = RegistrationPlan(nodes, options)
        self.run(plan).change.revert()
        rows: dict[str, list[float]] = {}
        for _ in range(repeats):
            idle, share = self.idle(), _share_of_processor()
            self.longest_poll = 0.0
            with self.host.measure_blocking() as blocking:
                began = time.perf_counter()
                run = self.run(plan)
                seconds = time.perf_counter() - began
                self.host.process_events()
            own = sum(run.timings.get(stage, 0.0) for stage in _COMPUTING)
            row = {"overhead": seconds - own, "  session": seconds - run.timings["total"]}
            for stage, taken in run.timings.items():
                if stage not in (*_COMPUTING, "total"):
                    row[f"  {stage}"] = taken
            row |= {"computed": own, "blocked": blocking.longest, "blocked, idle": idle}
            row |= {"longest poll, CPU": self.longest_poll, "share of processor": share}
            row |= _comparisons(plan)
            for name, value in row.items():
                rows.setdefault(name, []).append(value)
            run.change.revert()
        print(f"\n{title}, {repeats} runs: median, range [s]; longest poll: {self.longest_stage}")
        for name, values in rows.items():
            text = f"{statistics.median(values):8.3f}  {min(values):.3f} to {max(values):.3f}"
            if name in aims:
                ratio = statistics.median(values) / aims[name]
                text += f"   {ratio:.2f} of the {aims[name]:g} s aimed at"
            print(f"  {name:20}{text}")

    def run(self, plan: Any) -> Any:
        """Run a plan and return the finished run."""
        done: list[Any] = []
        errors: list[Exception] = []
        self.session.start(plan, self.note, done.append, errors.append)
        self.host.wait_until(lambda: done or errors, 3600)
        if errors:
            raise errors[0]
        return done[0]

    def note(self, stage: str, fraction: float, message: str) -> None:
        """Note the current stage of the run."""
        self.stage = stage

    def idle(self) -> float:
        """Return the longest blocking of the idle event loop within a second, s."""
        with self.host.measure_blocking() as blocking, _lasting(1.0) as over:
            self.host.wait_until(over)
        return float(blocking.longest)


@contextmanager
def _lasting(seconds: float) -> Iterator[Any]:
    end = time.monotonic() + seconds
    yield lambda: time.monotonic() > end


def _comparisons(plan: Any) -> dict[str, float]:
    """Return the CPU seconds of the window's thread for each comparison of the images."""
    from SlicerLDMRegLib.slicer_app.display.result_display import Mode, ResultDisplay

    display = ResultDisplay(plan.fixed, plan.moving)
    display.show(Mode.BLEND)
    rows = {}
    for mode in (Mode.CHECKERBOARD, Mode.DIFFERENCE):
        began = time.thread_time()
        make = display.mixer(mode)
        seconds = time.thread_time() - began
        mix = make()  # the panel does this in a thread
        began = time.thread_time()
        display.show_mix(mode, mix)
        rows[f"{mode.value}, CPU"] = seconds + time.thread_time() - began
    display.reset()
    return rows


def _share_of_processor(seconds: float = 0.5) -> float:
    began, used = time.perf_counter(), time.thread_time()
    while time.perf_counter() - began < seconds:
        pass
    return (time.thread_time() - used) / (time.perf_counter() - began)


def _cardiac(host: Any) -> dict[str, Any]:
    folder = sample_data_dir()
    load = host.slicer.util.loadVolume
    nodes = {
        name: load(str(folder / f"cardiac_{name}.nrrd"), {"labelmap": "labels" in name})
        for name in ("fixed", "moving", "fixed_labels", "moving_labels")
    }
    return {
        "fixed": nodes["fixed"],
        "moving": nodes["moving"],
        "fixed_labels": nodes["fixed_labels"],
        "moving_labels": nodes["moving_labels"],
        "model": "ldm-morph-cardiac-mr",
    }


def _volumes() -> dict[str, Any]:
    """Return volumes of noise with blobs, and a segmentation of the fixed one."""
    import slicer

    from SlicerLDMRegLib.slicer_app.scene.labels import segmentation_from_labels
    from Testing.Python.slicer_app.scenes import blobs, lattice, volume_node

    where = lattice(_SIZE)
    nodes = {
        "fixed": volume_node(blobs(where), "fixed"),
        "moving": volume_node(blobs(where, (2.0, -1.0, 1.0)), "moving"),
    }
    labels = np.zeros(where.array_shape, np.uint8)
    for number in range(_LABELS):
        labels[10 * number + 10 : 10 * number + 18, 30:160, 30:130] = number + 1
    for name in ("fixed_labels", "moving_labels"):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        node.CreateDefaultDisplayNodes()
        names = {number + 1: f"structure {number + 1}" for number in range(_LABELS)}
        node.SetAndObserveSegmentation(segmentation_from_labels(where.to_image(labels), names))
        nodes[name] = node
    options = {"model": "none", "align": "none", "refine": {"iterations": [2, 1, 0]}}
    return {**nodes, **options}


if __name__ == "__main__":
    main()
