"""``slicer.testing``: how ctest runs the tests of a module."""

from __future__ import annotations

import sys
import unittest

__all__ = ["exitFailure", "exitSuccess", "runUnitTest"]


def exitSuccess() -> None:
    """Nothing: a test that ends without an exception has passed."""


def exitFailure(message: str = "") -> None:
    raise Exception(message)


def runUnitTest(path: str | list[str], testname: str) -> None:
    """Run each test method of a Python module on its own, as ctest does."""
    sys.path.extend([path] if isinstance(path, str) else path)
    suite = unittest.TestLoader().loadTestsFromName(testname)
    if not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful():
        exitFailure()
