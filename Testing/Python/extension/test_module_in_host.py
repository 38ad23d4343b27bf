"""The module loads from the source tree and from the installed tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import REPOSITORY, Built


@pytest.mark.parametrize("tree", ["source", "installed"])
def test_the_module_loads(host: Any, built: Built, tree: str) -> None:
    folder = REPOSITORY / "SlicerLDMReg" if tree == "source" else built.modules
    module = host.load_module(folder / "SlicerLDMReg.py")
    assert module.title == "LDM Registration"
    assert module.categories == ("Registration",)
    assert module.contributors
    assert module.helpText
    assert module.acknowledgementText
    assert not module.icon.isNull()
    root = REPOSITORY if tree == "source" else built.modules
    icon = Path(host.slicer.modules.SlicerLDMRegInstance.resourcePath("Icons/SlicerLDMReg.png"))
    assert icon == root / "Resources" / "Icons" / "SlicerLDMReg.png"


def test_loading_needs_no_other_package(host: Any) -> None:
    import subprocess
    import sys

    # What the file may import before the user asks for anything: Slicer's own packages only.
    code = (
        "import sys\n"
        "for name in ('torch', 'monai', 'SlicerLDMRegLib'): sys.modules[name] = None\n"
        "from Testing.Host import SlicerHost\n"
        f"SlicerHost().load_module({str(REPOSITORY / 'SlicerLDMReg' / 'SlicerLDMReg.py')!r})\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, capture_output=True)
