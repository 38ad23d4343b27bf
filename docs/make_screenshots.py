"""Takes the pictures of the documentation from the module as it is, in the host.

    make screenshots                                      all, into docs/screenshots
    python -m docs.make_screenshots --output /tmp/p cardiac error      some chapters, elsewhere

The panel is used as a person uses it: the real worker registers the sample pairs with the models
that are installed. Times, dates and devices, which differ between runs, are removed from the
pictures; a running registration is shown at the first report of its refinement. Everything else is
as computed; on another processor numbers may differ in their last digit.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "SlicerLDMReg")]


from docs.small_pictures import save_small, trim  # noqa: E402
from SlicerLDMRegLib.model_store import list_models  # noqa: E402
from Testing.Host import SlicerHost  # noqa: E402
from Testing.Host.pictures import PANEL_WIDTH  # noqa: E402

BRAIN_MODEL = "textscf-brain-mr"
VIEW = (360, 360)
THREE_D = (640, 520)
SECONDS = 1800.0  # maximum wait, for a busy computer

# Texts that differ between computers and days.
_LEFT_OUT = (
    (re.compile(r" in \d+(?:\.\d+)? s(?: on .*?)?\.(?= |$)"), "."),
    (re.compile(r"(?: · )?\d{4}-\d\d-\d\d \d\d:\d\d"), ""),
    (re.compile(r"^\d\d:\d\d:\d\d  ", re.MULTILINE), "12:00:00  "),
    (re.compile(r"(?<=[.)]) \d+ s$"), ""),
    (re.compile(r"worker \d+ runs Python [\d.]+"), "worker runs"),
)


class Screenshots:
    """Chapters of pictures; each starts with an empty scene and a new panel."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.host = SlicerHost()
        self.slicer: Any = self.host.slicer
        self.panel: Any = None
        self._temporary = Path(tempfile.mkdtemp(prefix="screenshots-"))

    @property
    def chapters(self) -> dict[str, Callable[[], None]]:
        """Chapters by name."""
        return {
            "empty": self.empty,
            "cardiac": self.cardiac,
            "error": self.error,
            "folds": self.folds,
            "brain": self.brain,
        }

    def take(self, names: list[str]) -> None:
        """Take the pictures of some chapters."""
        self.output.mkdir(parents=True, exist_ok=True)
        for name in names:
            self._open()
            self.chapters[name]()
            if self.host.errors:
                raise SystemExit("\n".join(self.host.errors))
            self.host.reset()
        shutil.rmtree(self._temporary)

    # Chapters

    def empty(self) -> None:
        """Show the panel as it opens."""
        self._both_palettes("panel-empty")

    def cardiac(self) -> None:
        """Show the cardiac pair: chosen, running, finished, and all displays."""
        host = self.host
        self._try("Cardiac")
        with self._held_at("refine") as held:
            host.click("applyButton")
            host.wait_until(lambda: held or not self.panel.running, SECONDS, "the refinement")
            self._both_palettes("panel-running")
        self._wait_for_result()
        self._fold_up("inputsSection", "outputsSection", "displaySection", "applySection")
        self._both_palettes("panel-finished")
        self._unfold("displaySection")
        host.click("gridButton")
        self._window("window-cardiac")
        host.click("gridButton")
        for name in ("fixed", "moving", "warped", "blend", "checkerboard", "difference"):
            self._show(name)
            self._slice(f"view-{name}")
        self._show("fixed")
        for name in ("grid", "glyphs", "jacobian"):
            host.click(f"{name}Button")
            self._slice(f"view-{name}")
            host.click(f"{name}Button")

    def error(self) -> None:
        """Show the error message for images that lie too far apart."""
        host = self.host
        self._try("Cardiac")
        moving = self.panel.parameters.movingVolume
        moving.SetOrigin(2000.0, 0.0, 0.0)
        self.panel.parameters.movingLabels = None  # they would lie outside of it
        self._unfold("alignmentSection")
        host.choose("alignmentComboBox", "None: they lie well already")
        host.click("applyButton")
        host.wait_until(lambda: not self.panel.running, SECONDS, "the error")
        self._fold_up("anatomySection", "alignmentSection", "outputsSection", "displaySection")
        self._unfold("logSection")
        self._both_palettes("panel-error")

    def folds(self) -> None:
        """Show the folds of an initial transform from landmarks, two of which are mixed up."""
        host = self.host
        self._try("Cardiac")
        self._unfold("alignmentSection", "optionsSection")
        host.select("initialTransformSelector", self._mixed_up_landmarks())
        host.choose("refineComboBox", "Off")
        self._register()
        self._fold_up("inputsSection", "anatomySection", "alignmentSection", "optionsSection")
        self._fold_up("outputsSection", "displaySection", "applySection")
        self._both_palettes("panel-folds")
        self._show("fixed")
        host.click("jacobianButton")
        if not host.widget("foldsButton").checked:
            host.click("foldsButton")
        self._slice("view-folds")

    def brain(self) -> None:
        """Show the brain pair with the text-guided model."""
        if BRAIN_MODEL not in {card.id for card in list_models(kind="registration")}:
            print(f"left out the chapter brain: the model {BRAIN_MODEL} is not installed")
            return
        self._try("Brain")
        self._fold_up("inputsSection")
        self._unfold("anatomySection")
        self._say_in_words("Left-Hippocampus", "left hippocampal formation")
        self._both_palettes("panel-brain-prompts")
        self._register()
        self._fold_up("inputsSection", "anatomySection", "outputsSection", "displaySection")
        self._both_palettes("panel-brain-finished")
        self._grid_in_3d("3d-grid-brain")
        self._unfold("displaySection")
        self._window("window-brain")

    # Actions of a user

    def _try(self, kind: str) -> None:
        self.host.click(f"try{kind}Button")
        self.host.wait_until(lambda: not self.panel.loading, SECONDS, "the sample")

    def _open(self) -> None:
        self.host.reset()
        self.host.load_module(REPOSITORY / "SlicerLDMReg" / "SlicerLDMReg.py")
        self.panel = self.host.open_module("SlicerLDMReg").panel
        layout = self.slicer.app.layoutManager()
        node = layout.layoutLogic().GetLayoutNode()
        layout.setLayout(node.SlicerLayoutOneUpRedSliceView)

    def _register(self) -> None:
        self.host.click("applyButton")
        self._wait_for_result()

    def _wait_for_result(self) -> None:
        host = self.host
        host.wait_until(lambda: not self.panel.running, SECONDS, "the end of the registration")
        if self.panel.session.last is None:
            raise SystemExit(host.widget("logTextEdit").toPlainText())
        host.wait_until(lambda: host.widget("revertButton").enabled, SECONDS, "the result")

    @contextmanager
    def _held_at(self, stage: str) -> Iterator[list[str]]:
        """Hold back progress reports after the first report of a stage."""
        section = self.panel.sections["run"]
        tell, held = section._on_progress, []

        def tell_until(name: str, fraction: float, message: str) -> None:
            if not held:
                tell(name, fraction, message)
            if name == stage:
                held.append(name)

        section._on_progress = tell_until
        try:
            yield held
        finally:
            del section._on_progress

    def _show(self, name: str) -> None:
        self._unfold("displaySection")
        self.host.click(f"{name}Button")
        display = self.panel.sections["display"].display
        self.host.wait_until(lambda: display.mode and display.mode.value == name, SECONDS, name)

    def _unfold(self, *sections: str) -> None:
        for name in sections:
            self.host.widget(name).collapsed = False

    def _fold_up(self, *sections: str) -> None:
        for name in sections:
            self.host.widget(name).collapsed = True

    def _say_in_words(self, structure: str, words: str) -> None:
        """Change the prompt of a structure, as by a double click, and scroll to it."""
        table = self.host.widget("regionsTable")
        rows = {table.item(row, 1).text(): row for row in range(table.rowCount)}
        table.item(rows[structure], 2).setText(words)
        self.host.process_events()
        table.scrollToItem(table.item(rows[structure], 2))

    def _mixed_up_landmarks(self) -> Any:
        """Return a thin plate spline through landmarks, as Slicer's modules make them."""
        import vtk

        ends: dict[str, Any] = {"moving": vtk.vtkPoints(), "fixed": vtk.vtkPoints()}
        bounds = [0.0] * 6
        self.panel.parameters.fixedVolume.GetRASBounds(bounds)
        x, y, z = ((bounds[i] + bounds[i + 1]) / 2 for i in (0, 2, 4))
        pair = [(x - 9.0, y), (x + 9.0, y)]
        corners = [(bounds[i], bounds[j]) for i in (0, 1) for j in (2, 3)]
        for moving, fixed in zip(pair + corners, pair[::-1] + corners, strict=True):
            for height in (z - 20, z + 20):  # a spline in 3D needs points off the plane
                ends["moving"].InsertNextPoint(*moving, height)
                ends["fixed"].InsertNextPoint(*fixed, height)
        spline = vtk.vtkThinPlateSplineTransform()
        spline.SetBasisToR()
        spline.SetSourceLandmarks(ends["moving"])
        spline.SetTargetLandmarks(ends["fixed"])
        node = self.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "Landmark warp")
        node.SetAndObserveTransformToParent(spline)
        self.host.process_events()
        return node

    # Pictures

    def _both_palettes(self, name: str) -> None:
        for palette in ("dark", "light"):
            self._use_palette(palette)
            self._leave_out_times()
            picture = self.host.grab_panel(self._path(f"{name}-{palette}"))
            trim(picture)
            self._keep(picture)

    def _use_palette(self, palette: str) -> None:
        self.host.set_palette(palette)
        self.panel.update()

    def _slice(self, name: str) -> None:
        self._keep(self.host.grab_slice("Red", self._path(name), VIEW))

    def _window(self, name: str) -> None:
        self._leave_out_times()
        dock = self.slicer.util.mainWindow().findChild(self.host.qt.QWidget, "PanelDockWidget")
        dock.setMinimumWidth(PANEL_WIDTH)
        self._keep(self.host.grab_window(self._path(name), (1280, 900)))

    def _grid_in_3d(self, name: str) -> None:
        layout = self.slicer.app.layoutManager()
        node = layout.layoutLogic().GetLayoutNode()
        layout.setLayout(node.SlicerLayoutFourUpView)
        self._show("fixed")
        self.host.click("gridButton")
        self.host.click("threeDButton")
        for view in ("Yellow", "Green"):  # their images would hide the grid
            self.slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{view}").SetSliceVisible(False)
        self.host.grab_three_d(self._path(name), THREE_D)  # sets up the camera
        cameras = self.slicer.util.getNodesByClass("vtkMRMLCameraNode")
        for camera in (node.GetCamera() for node in cameras):
            camera.Azimuth(-35)
            camera.Elevation(25)
            camera.OrthogonalizeViewUp()
            camera.SetViewAngle(camera.GetViewAngle() / 1.2)
        self._keep(self.host.grab_three_d(self._path(name), THREE_D))

    def _leave_out_times(self) -> None:
        for name in ("statusLabel", "verdictLabel"):
            label = self.host.widget(name)
            label.text = _without_times(label.text)
        log = self.host.widget("logTextEdit")
        log.setPlainText(_without_times(log.toPlainText()))

    def _path(self, name: str) -> Path:
        return self._temporary / f"{name}.png"

    def _keep(self, picture: Path) -> None:
        save_small(picture, self.output / picture.name)
        print(self.output / picture.name, flush=True)


def _without_times(text: str) -> str:
    for pattern, instead in _LEFT_OUT:
        text = pattern.sub(instead, text)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("chapters", nargs="*", help="all by default")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "screenshots")
    arguments = parser.parse_args()
    screenshots = Screenshots(arguments.output)
    unknown = set(arguments.chapters) - set(screenshots.chapters)
    if unknown:
        parser.error(f"expected some of {', '.join(screenshots.chapters)}, got {unknown}")
    names = arguments.chapters or list(screenshots.chapters)
    if len(names) == 1:
        screenshots.take(names)
        return
    # Each in a process of its own: in the host, views of a second scene do not show all segments.
    command = [sys.executable, "-m", "docs.make_screenshots", "--output", str(arguments.output)]
    for name in names:
        subprocess.run([*command, name], check=True)


if __name__ == "__main__":
    main()
