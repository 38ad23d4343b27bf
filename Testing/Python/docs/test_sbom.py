"""The bill of materials says what is shipped, and under which licences."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from docs.make_sbom import SBOM, shipped

ROOT = Path(__file__).resolve().parents[3]
PERMISSIVE = re.compile(r"Apache|MIT|BSD|PSF|Python|ISC|HPND|MPL|Unlicense|CC0|Zlib|0BSD")


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SBOM.read_text(encoding="utf-8"))
    return found


def names(bill: dict[str, Any]) -> dict[str, Any]:
    """Packages by their normal name."""
    return {
        re.sub(r"[-_.]+", "-", part["name"]).lower(): part
        for part in bill["components"]
        if part["type"] == "library"
    }


def test_what_is_shipped_is_in_the_bill(bill: dict[str, Any]) -> None:
    own = [part for part in bill["components"] if part["type"] != "library"]
    assert own == shipped(), "make sbom"
    assert {part["type"] for part in own} == {"machine-learning-model", "data"}
    for part in own:
        assert part["licenses"] and len(part["hashes"][0]["content"]) == 64
        if part["type"] == "machine-learning-model":
            data = part["modelCard"]["modelParameters"]["datasets"]
            assert data and all(PERMISSIVE.search(item["description"]) for item in data)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="reads TOML")
def test_every_dependency_is_in_the_bill_in_its_tested_version(bill: dict[str, Any]) -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[<>=!~ ]", text)[0].lower() for text in project["dependencies"]}
    packages = names(bill)
    assert needed <= set(packages), "make sbom"
    text = (ROOT / "requirements" / "constraints.txt").read_text(encoding="utf-8")
    tested = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\n]+)", text, re.M))
    several = set(re.findall(r"^([a-z0-9-]+)==.* ;", text, re.M))  # one for each Python
    for name in needed - several:
        assert packages[name]["version"] == tested[name], "make sbom"
    assert not set(packages) & {"pytest", "mypy", "ruff", "pyside6-essentials"}  # no tools


def test_every_licence_allows_to_ship(bill: dict[str, Any]) -> None:
    for name, part in names(bill).items():
        told = [
            entry.get("expression") or entry["license"].get("id") or entry["license"]["name"]
            for entry in part.get("licenses", [])
        ]
        assert told, f"{name} has no licence"
        assert any(PERMISSIVE.search(text) for text in told), f"{name}: {told}"
        assert not any(re.search(r"\bA?GPL", text) for text in told), f"{name}: {told}"
