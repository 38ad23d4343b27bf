"""The public names of the package, and that its examples are true."""

from __future__ import annotations

import ast
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

import SlicerLDMRegLib

REPOSITORY = Path(__file__).resolve().parents[2]


def test_import_is_light() -> None:
    code = (
        "import sys, SlicerLDMRegLib\n"
        "assert 'register' in dir(SlicerLDMRegLib)\n"
        "heavy = {'torch', 'monai', 'SimpleITK', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=REPOSITORY / "SlicerLDMReg", timeout=60, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("name", SlicerLDMRegLib.__all__)
def test_public_names_exist_and_are_documented(name: str) -> None:
    thing = getattr(SlicerLDMRegLib, name)
    assert thing.__name__ == name
    assert thing.__doc__
    assert not thing.__doc__.startswith(f"{name}(")  # that is what dataclass writes by itself


def test_all_is_what_lazy_loading_knows() -> None:
    source = ast.parse(Path(SlicerLDMRegLib.__file__).read_text(encoding="utf-8"))
    homes = next(node for node in ast.walk(source) if isinstance(node, ast.Dict))
    assert sorted(ast.literal_eval(homes)) == sorted(SlicerLDMRegLib.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = SlicerLDMRegLib.nonsense


def test_version_is_that_of_the_project() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"$', text, re.M)
    assert version is not None
    assert version[1] == SlicerLDMRegLib.__version__


def test_example_of_the_package_is_true() -> None:
    results = doctest.testmod(SlicerLDMRegLib)
    assert results.attempted >= 6
    assert results.failed == 0


def test_example_of_register_is_true() -> None:
    from SlicerLDMRegLib.pipeline import register

    examples = doctest.DocTestFinder().find(
        register, "register", globs={"__name__": "register_example"}
    )
    runner = doctest.DocTestRunner()
    for example in examples:
        runner.run(example)
    assert runner.summarize().failed == 0
