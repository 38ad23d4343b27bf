"""The list of packages for Slicer agrees with that of the library."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[4]
OF_SLICER = {"numpy", "scipy", "SimpleITK", "pydicom"}


def listed(name: str = "requirements.txt") -> set[str]:
    lines = (REPOSITORY / "Resources" / name).read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_slicer_gets_what_the_library_asks_for() -> None:
    if sys.version_info < (3, 11):
        pytest.skip("needs tomllib, Python 3.11")
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = {Requirement(text).name: text for text in project["dependencies"]}
    assert listed() == {t for name, t in wanted.items() if name not in {*OF_SLICER, "torch"}}

    wanted_by_prompts = set(project["optional-dependencies"]["text"])
    assert listed("requirements-prompts.txt") < wanted_by_prompts


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-prompts.txt"])
def test_no_line_lets_pip_choose_torch(name: str) -> None:
    assert not {Requirement(line).name for line in listed(name)} & {"torch", "torchvision"}
