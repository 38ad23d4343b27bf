"""The first steps of a user with the panel, and what is seen then. The same in Slicer and host."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

__all__ = ["Scenario"]

_SECONDS = 900.0  # a busy computer takes a minute to import torch


class Scenario:
    """Choose the sample pair, cancel, apply, look at the result in all ways, revert.

    Args:
        application: the host, or :class:`~.application.GivenSlicer`.
        pictures: folder for the pictures.

    Attributes:
        seen: what was seen, by step: texts, numbers, lists. Only what does not depend on the
            computer.
        checks: what has to hold in any Slicer, and whether it does.
        pictures: their files in the folder.
    """

    def __init__(self, application: Any, pictures: Path) -> None:
        self.application, self.folder = application, pictures
        self.seen: dict[str, Any] = {}
        self.checks: dict[str, bool] = {}
        self.pictures: list[str] = []

    def run(self) -> None:
        """Do everything; without the packages that registering needs, the part that needs none."""
        self.application.slicer.mrmlScene.Clear()
        self.panel = self.application.open_module("SlicerLDMReg").panel
        self._open()
        self._choose()
        if self.checks["nothing is missing"]:
            before = self._nodes()
            self._cancel(before)
            self._register()
            self._look()
            self._revert(before)

    def _open(self) -> None:
        from SlicerLDMRegLib.slicer_app.setup.dependencies import check_setup

        missing = [package.requirement for package in check_setup().missing()]
        self.checks["nothing is missing"] = not missing
        is_shown = not self._widget("setupSection").isHidden()
        self.checks["the section Setup is there where something is missing"] = is_shown == bool(
            missing
        )
        apply = self._widget("applyButton")
        self.checks["Apply is disabled without images"] = not apply.enabled
        if missing:
            told = self._widget("setupDetails").toPlainText()
            self.checks["Setup lists what is missing"] = all(name in told for name in missing)
            self.checks["Apply points to Setup"] = "Setup" in apply.text
            self.seen["setup"] = {
                "text": _plain(self._widget("setupLabel").text),
                "button": self._widget("installButton").text,
                "missing": missing,
            }
        self.seen["opened"] = {"apply": apply.text, "status": self._widget("statusLabel").text}
        self._picture_panel("panel opened")

    def _choose(self) -> None:
        self.application.click("tryCardiacButton")
        button = self._widget("tryCardiacButton")
        self.application.wait_until(lambda: button.enabled, 30, "the sample")
        apply = self._widget("applyButton")
        self.checks["Apply is enabled once images are chosen"] = (
            apply.enabled == self.checks["nothing is missing"]
        )
        self.seen["chosen"] = {
            "fixed": self._widget("fixedSelector").currentNode().GetName(),
            "moving": self._widget("movingSelector").currentNode().GetName(),
            "model": self._widget("modelComboBox").currentText,
            "anatomy": self._widget("anatomyComboBox").currentText,
            "apply": apply.text,
            "nodes": sorted(self._nodes().values()),
        }
        self._picture_panel("panel chosen")
        self._picture_slice("slice chosen")

    def _cancel(self, before: dict[str, str]) -> None:
        self.application.click("applyButton")
        progress = self._widget("progressBar")
        self._wait(lambda: progress.value > 0 or not self.panel.running, "progress")
        self.checks["the registration starts"] = self.panel.running
        button = self._widget("applyButton").text
        self._picture_panel("panel running")
        self.application.click("applyButton")
        self._wait(lambda: not self.panel.running, "the end of the cancelled registration")
        self.seen["cancelled"] = {"button": button, "status": self._widget("statusLabel").text}
        self.checks["a cancelled registration leaves the scene alone"] = self._nodes() == before

    def _register(self) -> None:
        self.application.click("applyButton")
        self._wait(lambda: not self.panel.running, "the end of the registration")
        run, status = self.panel.session.last, self._widget("statusLabel").text
        self.checks["the registration succeeds"] = run is not None
        if run is None:
            log = self._widget("logTextEdit").toPlainText()
            raise AssertionError(f"the registration failed: {status}\n{log}")
        verdict = self._widget("verdictLabel")
        self._wait(lambda: self.seen["chosen"]["moving"] in verdict.text, "the verdict")
        self._wait(lambda: self._widget("displaySection").checked, "the display")
        metrics = run.metrics
        self.seen["result"] = {
            "status": status.partition(" in ")[0],
            "verdict": _plain(verdict.text),
            "findings": _plain(self._widget("findingsLabel").text),
            "advice": _plain(self._widget("adviceLabel").text),
            "measures": _rows(self._widget("metricsTable")),
            "structures": _rows(self._widget("structuresTable")),
            "dice": {side: metrics[side]["dice_mean"] for side in ("before", "after")},
            "folds": metrics["deformation"]["fold_count"],
            "nodes": {name: node.GetName() for name, node in sorted(run.nodes.items())},
        }
        self.checks["nothing folds"] = metrics["deformation"]["fold_count"] == 0
        self._picture_panel("panel done")

    def _look(self) -> None:
        """Show the result in each way; the views must follow."""
        layers = {}
        for name in ("fixed", "moving", "warped", "blend", "checkerboard", "difference"):
            button = self._widget(f"{name}Button")
            self.application.click(f"{name}Button")
            display = self.panel.sections["display"].display
            self._wait(
                lambda wanted=name, shown=display: shown.mode and shown.mode.value == wanted, name
            )
            self.checks[f"the button {name} stays pressed"] = button.checked
            layers[name] = self._layers()
            if name in ("warped", "checkerboard", "difference"):
                self._picture_slice(f"slice {name}")
        self.application.click("fixedButton")
        for name in ("jacobian", "grid"):
            self.application.click(f"{name}Button")
            self._picture_slice(f"slice {name}")
        self.application.click("threeDButton")
        self._picture_three_d("3D grid")
        self.application.click("resetDisplayButton")
        self.seen["layers"] = layers

    def _revert(self, before: dict[str, str]) -> None:
        self.application.click("revertButton")
        self.checks["revert leaves the scene as it was"] = self._nodes() == before
        self.seen["reverted"] = {"verdict": _plain(self._widget("verdictLabel").text)}
        self._picture_panel("panel reverted")

    # What there is

    def _widget(self, name: str) -> Any:
        return self.application.widget(name)

    def _wait(self, condition: Any, what: str) -> None:
        self.application.wait_until(condition, _SECONDS, what)

    def _nodes(self) -> dict[str, str]:
        """Return the names of the nodes with data that a user sees in lists, by ID."""
        util = self.application.slicer.util
        classes = ("Volume", "Segmentation", "Transform", "Table")
        nodes = [node for name in classes for node in util.getNodesByClass(f"vtkMRML{name}Node")]
        return {node.GetID(): node.GetName() for node in nodes if not node.GetHideFromEditors()}

    def _layers(self) -> list[str]:
        """Return the names of the volumes in the red view."""
        scene = self.application.slicer.mrmlScene
        composite = scene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
        names = []
        for layer in ("Background", "Foreground"):
            node = scene.GetNodeByID(getattr(composite, f"Get{layer}VolumeID")() or "")
            names.append("" if node is None else node.GetName())
        return names

    # Pictures

    def _path(self, title: str) -> Path:
        name = f"{len(self.pictures):02d}-{title.replace(' ', '-')}.png"
        self.pictures.append(name)
        return self.folder / name

    def _picture_panel(self, title: str) -> None:
        self.application.grab_panel(self._path(title))

    def _picture_slice(self, title: str) -> None:
        self.application.grab_slice("Red", self._path(title))

    def _picture_three_d(self, title: str) -> None:
        self.application.grab_three_d(self._path(title))


def _plain(text: str) -> str:
    """Return rich text without its marks, and without the time at which something was made."""
    text = html.unescape(re.sub(r"<[^>]*>", " ", text))
    return " ".join(re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "DATE", text).split())


def _rows(table: Any) -> list[list[str]]:
    """Return the texts of a table."""
    cells = [[table.item(r, c) for c in range(table.columnCount)] for r in range(table.rowCount)]
    return [["" if cell is None else cell.text() for cell in row] for row in cells]
