"""Fixtures for what views show: a registered pair, its display, pictures of views."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from Testing.Host.fixtures import host, running_host

__all__ = ["host", "running_host"]

_UI = Path(__file__).resolve().parents[4] / "Resources" / "UI" / "SlicerLDMReg.ui"


@pytest.fixture
def registered(host: Any) -> Callable[..., Any]:
    """Writes two images and a field between them into the scene, as a run does."""
    from SlicerLDMRegLib.displacement import DisplacementField
    from Testing.Python.slicer_app.scenes import (
        blobs,
        lattice,
        result_of,
        scene_images,
        volume_node,
        write_result,
    )

    def run(
        vectors: Callable[[np.ndarray], np.ndarray],
        geometry: Any = None,
        moving_geometry: Any = None,
        images: Callable[[Any], Any] = blobs,
        again: Any = None,
    ) -> Any:
        """Register on a 3D lattice (one slice: as a 2D image).

        Args:
            vectors: from points to displacements in mm, in the dimension of the image.
            geometry: of the fixed image.
            moving_geometry: of the moving one; by default the same.
            images: makes an image of a lattice.
            again: an earlier result: its images are registered again.
        """
        geometry = geometry or lattice((32, 28, 24), (1.5, 1.5, 2.0))
        if again is None:
            fixed = volume_node(images(geometry), "fixed")
            moving = volume_node(images(moving_geometry or geometry), "moving")
        else:
            fixed, moving = again.fixed, again.moving
        found = scene_images(fixed, moving)
        from SlicerLDMRegLib.geometry import ImageGeometry

        own = ImageGeometry.from_image(found.fixed)
        field = DisplacementField(vectors(own.points() - np.asarray(own.center())), own)
        determinant = field.jacobian_determinant()
        result = result_of(
            found,
            field,
            jacobian=own.to_image(determinant.astype(np.float32)),
            folds=own.to_image((determinant <= 0).astype(np.uint8)),
        )
        if again is not None:
            result.provenance["date"] = "2026-01-02T04:00:00+00:00"
        written = write_result(result, found)
        return SimpleNamespace(
            fixed=fixed,
            moving=moving,
            plan=SimpleNamespace(fixed=fixed, moving=moving),
            determinant=determinant,
            **vars(written),
        )

    return run


@pytest.fixture
def picture(host: Any, tmp_path: Path) -> Callable[..., np.ndarray]:
    """Takes a picture of a view: RGB ``(height, width, 3)``, row 0 at the top."""

    def take(view: str = "Red", size: tuple[int, int] = (200, 200)) -> np.ndarray:
        path = tmp_path / f"{view}.png"
        if view == "3d":
            host.grab_three_d(path, size)
        else:
            host.grab_slice(view, path, size)
        image = host.qt.QImage(str(path)).convertToFormat(host.qt.QImage.Format_RGB888)
        data = np.frombuffer(image.constBits(), np.uint8)
        rows = data.reshape(image.height(), image.bytesPerLine())
        return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)

    return take


@pytest.fixture
def form(host: Any) -> Iterator[Any]:
    """The widgets of the panel with its display section, without what joins the sections."""
    from SlicerLDMRegLib.slicer_app.panel.display_section import DisplaySection

    slicer = host.slicer
    widget = slicer.util.loadUI(str(_UI))
    widget.setMRMLScene(slicer.mrmlScene)
    widget.show()
    form = SimpleNamespace(
        ui=slicer.util.childWidgetVariables(widget),
        parameters=SimpleNamespace(fixedVolume=None, movingVolume=None),
        session=SimpleNamespace(last=None, running=False),
        scene=slicer.mrmlScene,
        imports=0,
        said=[],
    )
    form.say = lambda text, level="info": form.said.append((level, text))
    form.log = lambda level, text: None
    form.leave_views = lambda: None
    form.ui.displaySection.collapsed = False
    form.section = DisplaySection(form.ui, form)
    form.section.setup()
    form.section.update()
    host.process_events()
    yield form
    form.section.cleanup()
    widget.hide()
    widget.deleteLater()
    host.process_events()
