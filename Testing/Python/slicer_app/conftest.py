"""A scene with Slicer's own MRML and logics, without the application."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("slicer_core", reason="needs slicer-core: pip install -e .[dev]")

import slicer
import slicer.util

from SlicerLDMRegLib.geometry import ImageGeometry
from Testing.Python.garbage import collect
from Testing.Python.slicer_app.scenes import blobs, lattice, volume_node

LOGICS = {
    "Colors": "vtkSlicerColorLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "Tables": "vtkSlicerTablesLogic",
}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Any]:
    """An empty scene with slice views and the logics of Slicer's modules."""
    before = getattr(slicer, "mrmlScene", None)
    scene = slicer.vtkMRMLScene()
    slicer.mrmlScene = scene
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(str(tmp_path))
    scene.SetCacheManager(cache)
    files = slicer.vtkDataIOManager()
    files.SetCacheManager(cache)
    scene.SetDataIOManager(files)
    application = slicer.vtkSlicerApplicationLogic()
    application.SetTemporaryPath(str(tmp_path))
    # Where there are no colour files; else the logic complains.
    (tmp_path / "share" / "ColorFiles").mkdir(parents=True)
    application.SetHomeDirectory(str(tmp_path))
    application.SetShareDirectory("share")
    application.SetMRMLScene(scene)
    logics = {}
    for name, class_name in LOGICS.items():
        logic = getattr(slicer, class_name)()
        logic.SetMRMLApplicationLogic(application)
        application.SetModuleLogic(name, logic)
        logic.SetMRMLScene(scene)
        if name == "Colors":
            application.SetColorLogic(logic)
        logics[name] = logic
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    for view, orientation in (("Red", "Axial"), ("Green", "Coronal"), ("Yellow", "Sagittal")):
        for class_name in ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode"):
            node = scene.CreateNodeByClass(class_name)
            node.UnRegister(None)
            node.SetLayoutName(view)
            node.SetName(view)
            scene.AddNode(node)
            if node.IsA("vtkMRMLSliceNode"):
                node.SetOrientation(orientation)
    scene.sequences_logic = logics["Sequences"]
    yield scene
    scene.Clear(1)
    application.SetMRMLScene(None)
    slicer.mrmlScene = before
    collect()


@pytest.fixture
def pair(scene: Any) -> Callable[..., tuple[Any, Any]]:
    """Makes a fixed and a moving volume node on lattices, by default small and different."""

    def make(
        fixed: ImageGeometry | None = None, moving: ImageGeometry | None = None
    ) -> tuple[Any, Any]:
        fixed = fixed or lattice((20, 18, 16), (1.2, 1.3, 1.4))
        moving = moving or lattice((24, 20, 18), (1.1, 1.2, 1.3), center=(1, -1, 0.5))
        return (
            volume_node(blobs(fixed), "fixed"),
            volume_node(blobs(moving, (1.5, -1, 0.5)), "moving"),
        )

    return make
