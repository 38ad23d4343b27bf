"""The work in a Slicer or in the host: the scenario, the self-tests, and a report of both."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
import traceback
import unittest
from pathlib import Path
from typing import Any

from .first_look import first_look
from .scenario import Scenario

__all__ = ["OLDEST", "REPORT", "run_job"]

#: Name of the report in the folder of a job.
REPORT = "report.json"
#: Version of the oldest Slicer that is tested.
OLDEST = (5, 10)


def run_job(application: Any, output: Path, module: Path, self_tests: bool = True) -> bool:
    """Measure the first look, run scenario and self-tests, and write what they say.

    Args:
        application: the host, or :class:`~.application.GivenSlicer`; it has loaded the module.
        output: folder for report and pictures.
        module: folder of the module that is to be tested.
        self_tests: run them, too.

    Returns:
        Whether all went well; where not, the report says why.
    """
    output.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"application": _describe(application.slicer), "error": ""}
    if tuple(report["application"]["version"]) < OLDEST:
        (output / REPORT).write_text(json.dumps(report), "utf-8")
        return False
    scenario = Scenario(application, output)
    try:
        report["first_look"] = first_look(application)  # while nothing was imported yet
        scenario.run()
    except Exception:
        report["error"] = traceback.format_exc()
    report["self_tests"] = _run_self_tests() if self_tests else []
    library = Path(sys.modules["SlicerLDMRegLib"].__file__ or "").resolve()
    scenario.checks["the library is that of the tested module"] = (
        module.resolve() in library.parents
    )
    report |= {"seen": scenario.seen, "checks": scenario.checks, "pictures": scenario.pictures}
    report["pictures"] = [name for name in report["pictures"] if (output / name).is_file()]
    (output / REPORT).write_text(json.dumps(report, indent=1), "utf-8")
    failed = [test for test in report["self_tests"] if test["outcome"] == "failed"]
    # Where packages are missing, the rest of the report tells how the panel takes it.
    wrong = [name for name, holds in scenario.checks.items() if not holds]
    return not report["error"] and not failed and set(wrong) <= {"nothing is missing"}


def _describe(slicer: Any) -> dict[str, Any]:
    """Return which application it is, and with which packages."""
    packages = {}
    for name in ("torch", "monai", "SimpleITK", "vtk", "numpy"):
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = ""
    app = slicer.app
    return {
        "version": [app.majorVersion, app.minorVersion],
        "revision": str(getattr(app, "repositoryRevision", "")),
        "python": sys.version.split()[0],
        "platform": sys.platform,
        "packages": packages,
    }


class _Outcomes(unittest.TextTestResult):
    """Writes down what became of each test."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.outcomes: list[dict[str, Any]] = []
        self._started = 0.0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._started = time.monotonic()

    def _note(self, test: unittest.TestCase, outcome: str, message: str = "") -> None:
        name = test.id().rpartition(".")[2]
        seconds = round(time.monotonic() - self._started, 1)
        self.outcomes.append(
            {"name": name, "outcome": outcome, "message": message, "seconds": seconds}
        )

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self._note(test, "passed")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._note(test, "skipped", reason)

    def addFailure(self, test: unittest.TestCase, error: Any) -> None:
        super().addFailure(test, error)
        self._note(test, "failed", self.failures[-1][1])

    def addError(self, test: Any, error: Any) -> None:
        super().addError(test, error)
        self._note(test, "failed", self.errors[-1][1])


def _run_self_tests() -> list[dict[str, Any]]:
    """Run the tests in the module's file as ctest does, each on its own."""
    suite = unittest.defaultTestLoader.loadTestsFromName("SlicerLDMReg.SlicerLDMRegTest")
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=_Outcomes)
    result: Any = runner.run(suite)
    return list(result.outcomes)
