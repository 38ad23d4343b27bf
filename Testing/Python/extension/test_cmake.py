"""What the build of the extension puts where."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import MODULES, REPOSITORY, Built, configure, run


def _tracked(folder: str) -> set[str]:
    """The files of a folder that belong to the project, relative to it."""
    root = REPOSITORY / folder
    files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return {
        file.as_posix()
        for file in files
        if not any(part.startswith((".", "__pycache__")) for part in file.parts)
    }


def test_all_that_the_module_needs_is_installed(built: Built) -> None:
    installed = built.files()
    package = {f"SlicerLDMRegLib/{name}" for name in _tracked("SlicerLDMReg/SlicerLDMRegLib")}
    resources = {f"Resources/{name}" for name in _tracked("Resources")}
    expected = {"SlicerLDMReg.py", *package, *resources}
    assert expected - installed == set()
    compiled = {name for name in installed if name.endswith(".pyc")}
    assert installed - expected - compiled == set()  # and nothing else, in no other folder
    assert len(compiled) == sum(name.endswith(".py") for name in expected)
    for name in ("SlicerLDMRegLib/report/template.html", "Resources/Icons/SlicerLDMReg.png"):
        assert name in installed


def test_the_build_tree_can_be_used_as_well(built: Built) -> None:
    folder = built.build / MODULES
    assert (folder / "SlicerLDMReg.py").is_file()
    assert (folder / "Resources" / "SampleData").is_dir()


@pytest.mark.parametrize("tree", ["source", "installed"])
def test_resources_are_found(built: Built, tree: str) -> None:
    folder = REPOSITORY / "SlicerLDMReg" if tree == "source" else built.modules
    root = REPOSITORY if tree == "source" else built.modules
    code = "from SlicerLDMRegLib import resources as r; print(r.resources_dir());"
    code += "print(*sorted(p.name for p in r.bundled_models_dir().iterdir()))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    found, models = result.stdout.splitlines()
    assert Path(found) == root / "Resources"
    assert "ldm-morph-cardiac-mr" in models.split()


def test_models_arrive_whole(built: Built) -> None:
    from SlicerLDMRegLib.model_store import verify

    folder = built.modules / "Resources" / "Models"
    assert (folder / "catalogue.json").is_file()
    models = [path for path in folder.iterdir() if path.is_dir()]
    assert models
    for model in models:
        verify(model)


def test_the_module_folder_holds_one_module(built: Built) -> None:
    # Slicer takes every .py file there for a module.
    scripts = [path.name for path in (REPOSITORY / "SlicerLDMReg").glob("*.py")]
    assert scripts == ["SlicerLDMReg.py"]
    assert [path.name for path in built.modules.glob("*.py")] == ["SlicerLDMReg.py"]


def test_self_tests_are_registered(built: Built) -> None:
    listing = run(shutil.which("ctest") or "ctest", "--test-dir", built.build, "-N", "-V")
    names = re.findall(r"Test +#\d+: (\S+)", listing)
    assert names == [
        "py_nomainwindow_qSlicerSlicerLDMRegModuleGenericTest",
        "py_SlicerLDMReg",
    ]
    source = REPOSITORY / "SlicerLDMReg"
    assert f"slicer.testing.runUnitTest(['{source}'], 'SlicerLDMReg')" in listing


def test_metadata_agree(built: Built) -> None:
    lines = (built.build / "extension.txt").read_text().splitlines()
    metadata = dict(line.split("=", 1) for line in lines)
    entry = json.loads((REPOSITORY / "LDMReg.json").read_text())
    assert metadata["name"] == "LDMReg"
    assert not metadata["name"].startswith("Slicer")
    assert metadata["DEPENDS"].split() == entry["build_dependencies"] == ["PyTorch"]
    assert entry["scm_url"] == metadata["HOMEPAGE"] + ".git"
    assert entry["scm_url"].endswith("/SlicerLDMReg.git")
    assert set(entry) <= {
        "$schema",
        "build_dependencies",
        "build_subdirectory",
        "category",
        "enabled",
        "scm_revision",
        "scm_type",
        "scm_url",
        "tier",
    }
    assert entry["category"] == "Registration"
    raw = metadata["HOMEPAGE"].replace("github.com", "raw.githubusercontent.com") + "/main/"
    for key in ("ICONURL", "SCREENSHOTURLS"):
        for url in metadata[key].split():
            assert (REPOSITORY / url.removeprefix(raw)).is_file(), url
    assert (REPOSITORY / "LICENSE.txt").is_file()


def test_a_missing_resource_stops_the_build(cmake: list[str], tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("CMakeLists.txt", "SlicerLDMReg/CMakeLists.txt", "SlicerLDMReg/SlicerLDMReg.py"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, source / name)
    with pytest.raises(AssertionError, match=r"Resources/Icons/SlicerLDMReg.png is missing"):
        configure(cmake, source, tmp_path / "build")


def test_a_new_resource_is_picked_up(cmake: list[str], tmp_path: Path) -> None:
    source, build = tmp_path / "source", tmp_path / "build"
    for name in ("CMakeLists.txt", "SlicerLDMReg", "Resources/Icons", "Testing/CMakeLists.txt"):
        origin, copy = REPOSITORY / name, source / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_dir():
            shutil.copytree(origin, copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy(origin, copy)
    (source / "Resources/SampleData").mkdir()
    for name in ("SampleData/README.md", "requirements.txt", "requirements-prompts.txt"):
        (source / "Resources" / name).touch()
    configure(cmake, source, build)
    (source / "Resources/Models/new").mkdir(parents=True)
    (source / "Resources/Models/new/metadata.json").write_text("{}")
    run(cmake[0], "--build", build, "--target", "CopyLDMRegResources")
    assert (build / MODULES / "Resources/Models/new/metadata.json").is_file()
