"""Failures wherever the package could fail: an exception in every line that a function runs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from SlicerLDMRegLib.slicer_app.scene import scene_change
from SlicerLDMRegLib.slicer_app.scene.scene_change import SceneChange

__all__ = ["failures"]

PACKAGE = Path(scene_change.__file__).parents[1]
#: What begins a change, and takes back one that has failed.
_SPARED = ("__enter__", "__exit__", "_take_back", "restore")

Line = tuple[str, int]


class Injected(BaseException):
    """Not even ``except Exception`` stops it, as when the user interrupts."""


def failures(function: Callable[[], SceneChange], often: tuple[str, ...] = ()) -> Iterator[str]:
    """Let a function fail in each of its lines in turn; yield what failed, to look at the scene.

    Args:
        function: changes the scene; what it did is reverted where it did not fail.
        often: names of files whose lines fail in later runs through a loop, too.
    """
    lines: dict[Line, None] = {}
    with _tracing(lambda line: lines.setdefault(line)):
        change = function()
    change.revert()
    spared = _spared_lines()
    for line in lines:
        if line in spared:
            continue
        name, text = Path(line[0]).name, Path(line[0]).read_text().splitlines()[line[1] - 1]
        # The interpreter comes back to the line of ``with`` when its block is complete.
        for occurrence in (1, 4) if name in often and "with " not in text else (1,):
            try:
                with _failing(line, occurrence):
                    change = function()
            except Injected:
                pass
            else:
                change.revert()
            yield f"{name}, line {line[1]}, {text.strip()!r}, time {occurrence}"


@contextmanager
def _tracing(seen: Callable[[Line], Any]) -> Iterator[None]:
    """Call a function with every line of the package that is going to run."""
    folder = str(PACKAGE)

    def trace(frame: Any, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(folder):
            return None
        if event == "line":
            seen((frame.f_code.co_filename, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def _failing(line: Line, occurrence: int) -> Iterator[None]:
    left = occurrence

    def fail(seen: Line) -> None:
        nonlocal left
        if seen == line:
            left -= 1
            if left == 0:
                raise Injected

    with _tracing(fail):
        yield


def _spared_lines() -> set[Line]:
    spared = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name in _SPARED:
                spared |= {(str(path), n) for n in range(node.lineno, node.end_lineno + 1)}
    return spared
