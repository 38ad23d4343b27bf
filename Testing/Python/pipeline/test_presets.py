"""Presets: settings under a name, of LDMReg, of the user and of files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.cli.parser import build_parser
from SlicerLDMRegLib.cli.register import _request
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.pipeline import RegistrationRequest, register
from SlicerLDMRegLib.pipeline.presets import (
    FIELDS,
    PRESETS,
    find_preset,
    own_presets,
    user_presets_dir,
    with_preset,
    write_preset,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LDMREG_PRESETS", str(tmp_path / "presets"))
    return tmp_path / "presets"


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_requests(name: str) -> None:
    fields = with_preset(name, {})
    assert set(fields) <= set(FIELDS)
    request = RegistrationRequest("fixed.nrrd", "moving.nrrd", **fields)
    assert (request.refine.get("enabled") is False) == (name in ("rigid", "affine"))
    assert (request.align.method in ("rigid", "affine")) == (name in ("rigid", "affine"))


def test_options_come_before_the_preset() -> None:
    over = with_preset("contrasts", {"refine": {"iterations": "5,4"}, "model": "none", "seed": 3})
    assert over == {
        "refine": {"enabled": True, "similarity": "mind", "iterations": [5, 4]},
        "model": "none",
        "seed": 3,
    }
    assert with_preset("careful", {"refine": False})["refine"] == {
        "enabled": False,
        "iterations": [80, 80, 60],
    }
    assert with_preset("rigid", {"refine": {"iterations": "5"}})["refine"]["enabled"] is True


def _asked(*options: str) -> RegistrationRequest:
    arguments = build_parser().parse_args(
        ["register", "--fixed", "a", "--moving", "b", "--output", "o", *options]
    )
    return _request(arguments)


def test_the_option(folder: Path) -> None:
    assert _asked("--preset", "fast").refine == _asked(
        "--refine-iterations", ",".join(map(str, PRESETS["fast"].fields["refine"]["iterations"]))
    ).refine  # fmt: skip
    rigid = _asked("--preset", "rigid", "--device", "cpu")
    assert (rigid.model, rigid.align.method, rigid.device) == ("none", "rigid", "cpu")
    assert not rigid.refine["enabled"]
    other = _asked("--preset", "rigid", "--align", "affine", "--model", "m", "--refine")
    assert (other.model, other.align.method, other.refine["enabled"]) == ("m", "affine", True)
    path = write_preset("mine", {"refine": {"smoothness": 0.2}, "seed": 5, "uncertainty": True})
    for name in ("mine", str(path)):
        asked = _asked("--preset", name, "--seed", "7")
        assert (asked.seed, asked.refine["smoothness"], asked.uncertainty) == (7, 0.2, True)
    with pytest.raises(InputError, match=r"preset: expected standard, .*, mine, or a file"):
        _asked("--preset", "slow")


def test_own_presets_are_files(folder: Path) -> None:
    assert user_presets_dir() == folder and own_presets() == {}
    write_preset(" liver CT ", {"align": {"method": "affine"}, "refine": "10,5"})
    assert json.loads((folder / "liver CT.json").read_text()) == {
        "align": "affine",
        "refine": "10,5",
    }
    write_preset("liver CT", {"align": {"method": "rigid", "iterations": 20}})
    (folder / "broken.json").write_text("{")
    (folder / "fast.json").write_text("{}")  # LDMReg's own comes first
    broken: list[InputError] = []
    assert list(own_presets(broken)) == ["liver CT"]
    assert "broken.json cannot be read" in str(broken[0]) and len(broken) == 1
    align = RegistrationRequest("a", "b", **with_preset("liver CT", {})).align
    assert (align.method, align.iterations) == ("rigid", 20)


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        (b"", "cannot be read"),
        (b"[1, 2]", "expected an object"),
        (b"\xff\xfe{", "not text in UTF-8"),
        (b'{"fixed": "/etc/passwd"}', "among model, align"),
        (b'{"output": "/tmp"}', "among model, align"),
        (b'{"refine": {"iterations": "many"}}', "refine.iterations: expected"),
        (b'{"refine": {"speed": 1}}', "refine: expected one of"),
        (b'{"align": "nearly"}', "align: expected"),
        (b'{"seed": -1}', "seed: expected"),
        (b'{"uncertainty": "yes"}', "uncertainty: expected"),
        (b'{"model": 3}', "model: expected"),
        (b'{"refine": false, "uncertainty": true}', "the refinement, which is off"),
        (b"x" * 200_000, "expected at most 100,000"),
    ],
)
def test_files_that_hold_no_preset(tmp_path: Path, contents: bytes, told: str) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(contents)
    with pytest.raises(InputError, match=told) as caught:
        find_preset(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        find_preset(tmp_path / "nowhere.json")


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", ".hidden", "a\nb", "fast", "x" * 200])
def test_names_that_cannot_be(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match="preset: expected"):
        write_preset(name, {})
    assert not folder.exists()


def test_register_with_a_preset() -> None:
    y, x = np.mgrid[:40, :40]
    images = [np.exp(-((x - c) ** 2 + (y - 20) ** 2) / 80) for c in (19, 21)]
    result = register(*images, preset="rigid", device="cpu")
    assert result.provenance["options"]["align"]["method"] == "rigid"
    assert result.provenance["method"].get("refinement_iterations") is None
    options: dict[str, Any] = {"model": "none", "refine": {"iterations": "3,2"}}
    refined = register(*images, preset="contrasts", **options)
    assert refined.provenance["options"]["refine"]["similarity"] == "mind"
    assert refined.provenance["method"]["refinement_iterations"] <= 5


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    folder.mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot be written"):
        write_preset("mine", {})


def test_the_folder_is_that_of_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LDMREG_PRESETS")
    for platform, variable in (("linux", "XDG_CONFIG_HOME"), ("win32", "APPDATA")):
        monkeypatch.setattr("sys.platform", platform)
        monkeypatch.setenv(variable, str(tmp_path / platform))
        assert user_presets_dir() == tmp_path / platform / "ldmreg" / "presets"
    monkeypatch.setattr("sys.platform", "darwin")
    home = Path.home() / "Library" / "Application Support"
    assert user_presets_dir() == home / "ldmreg" / "presets"
