"""Loading and saving of nodes: the part of qSlicerCoreIOManager that slicer.util uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
import vtk
from PySide6 import QtCore

__all__ = ["qSlicerCoreIOManager"]

_TYPES = {
    "TransformFile": (".h5", ".tfm", ".mat"),
    "MarkupsFile": (".mrk.json", ".fcsv"),
    "SegmentationFile": (".seg.nrrd", ".seg.vtm"),
    "SequenceFile": (".seq.nrrd", ".seq.mrb", ".seq.nhdr"),
    "SceneFile": (".mrml", ".mrb"),
    "ModelFile": (".vtk", ".vtp", ".stl", ".ply", ".obj", ".vtu"),
    "TableFile": (".tsv", ".csv"),
    "ColorTableFile": (".ctbl",),
    "TextFile": (".txt", ".json", ".xml"),
}

_WRITERS = (
    ("vtkMRMLSegmentationNode", "SegmentationFile"),
    ("vtkMRMLVolumeNode", "VolumeFile"),
    ("vtkMRMLTransformNode", "TransformFile"),
    ("vtkMRMLMarkupsNode", "MarkupsFile"),
    ("vtkMRMLModelNode", "ModelFile"),
    ("vtkMRMLTableNode", "TableFile"),
    ("vtkMRMLTextNode", "TextFile"),
    ("vtkMRMLSequenceNode", "SequenceFile"),
    ("vtkMRMLColorNode", "ColorTableFile"),
)

_VOLUME_FORMATS = (
    "NRRD (.nrrd)",
    "NRRD (.nhdr)",
    "NIfTI (.nii.gz)",
    "NIfTI (.nii)",
    "MetaImage (.mha)",
    "MetaImage (.mhd)",
)


class qSlicerCoreIOManager(QtCore.QObject):
    """Reads files into nodes and writes nodes into files, with Slicer's own storage nodes."""

    cpp_signals = ("newFileLoaded(QVariantMap)", "fileSaved(QVariantMap)")

    def fileType(self, path: str) -> str:
        name = Path(path).name.lower()
        for kind in ("SegmentationFile", "SequenceFile", "MarkupsFile", *_TYPES):
            if name.endswith(_TYPES[kind]):
                return kind
        return "VolumeFile"

    def fileWriterFileType(self, node: Any, extension: str = "") -> str:
        return next((kind for cls, kind in _WRITERS if node.IsA(cls)), "NoFile")

    def fileWriterExtensions(self, node: Any) -> tuple[str, ...]:
        storage = node.CreateDefaultStorageNode()
        if storage is None:
            return ()
        storage.UnRegister(None)
        formats = storage.GetSupportedWriteFileTypes()
        known = tuple(formats.GetValue(i) for i in range(formats.GetNumberOfValues()))
        return known or _VOLUME_FORMATS  # slicer-core registers no ITK writers

    def extractKnownExtension(self, path: str, node: Any) -> str:
        helper = slicer.vtkDataFileFormatHelper
        known = [
            helper.GetFileExtensionFromFormatString(f) for f in self.fileWriterExtensions(node)
        ]
        name = Path(path).name.lower()
        return max((e for e in known if e and name.endswith(e)), key=len, default="")

    # Reading

    def loadNodes(
        self, kind: str, properties: dict[str, Any], loaded: Any = None, messages: Any = None
    ) -> bool:
        path = str(properties.get("fileName", ""))
        if not Path(path).exists():
            return _failed(messages, f"{path} does not exist")
        if kind == "SceneFile":
            return self.loadScene(path, properties.get("clear", False), messages)
        reader = getattr(self, f"_read_{kind}", None)
        if reader is None:
            return _failed(messages, f"the host reads no {kind}")
        node = reader(path, properties, messages)
        if node is None:
            return _failed(messages, f"failed to read {path} as {kind}")
        if properties.get("name"):
            node.SetName(slicer.mrmlScene.GetUniqueNameByString(properties["name"]))
        if loaded is not None:
            loaded.AddItem(node)
        return True

    def _read_VolumeFile(self, path: str, properties: dict[str, Any], messages: Any) -> Any:
        options = sum(
            bit
            for bit, name in (
                (1, "labelmap"),
                (2, "center"),
                (4, "singleFile"),
                (8, "autoWindowLevel"),
            )
            if properties.get(name, name == "autoWindowLevel")
        ) | (16 if properties.get("discardOrientation") else 0)
        logic = slicer.modules.volumes.logic()
        node = logic.AddArchetypeVolume(path, _base_name(path), options)
        if node is not None and properties.get("show", True):
            selection = slicer.app.applicationLogic().GetSelectionNode()
            if node.IsA("vtkMRMLLabelMapVolumeNode"):
                selection.SetActiveLabelVolumeID(node.GetID())
            else:
                selection.SetActiveVolumeID(node.GetID())
            slicer.app.applicationLogic().PropagateVolumeSelection(1)
        return node

    def _read_TransformFile(self, path: str, properties: dict[str, Any], messages: Any) -> Any:
        return slicer.modules.transforms.logic().AddTransform(path, slicer.mrmlScene)

    def _read_SegmentationFile(self, path: str, properties: dict[str, Any], messages: Any) -> Any:
        return slicer.modules.segmentations.logic().LoadSegmentationFromFile(path, True)

    def _read_ModelFile(self, path: str, properties: dict[str, Any], messages: Any) -> Any:
        return slicer.modules.models.logic().AddModel(path)

    def _read_MarkupsFile(self, path: str, properties: dict[str, Any], messages: Any) -> Any:
        node_id = slicer.modules.markups.logic().LoadMarkups(path, _base_name(path))
        return slicer.mrmlScene.GetNodeByID((node_id or "").split(",")[0])

    def _read_TableFile(self, path: str, properties: dict[str, Any], messages: Any) -> Any:
        return slicer.modules.tables.logic().AddTable(path, _base_name(path))

    def _read_TextFile(self, path: str, properties: dict[str, Any], messages: Any) -> Any:
        return _read_with_storage("vtkMRMLTextNode", path)

    def _read_SequenceFile(self, path: str, properties: dict[str, Any], messages: Any) -> Any:
        return slicer.modules.sequences.logic().AddSequence(path)

    def _read_ColorTableFile(self, path: str, properties: dict[str, Any], messages: Any) -> Any:
        return slicer.modules.colors.logic().LoadColorFile(path)

    def loadScene(self, path: str, clear: bool = True, messages: Any = None) -> bool:
        scene = slicer.mrmlScene
        if path.endswith(".mrb"):
            collection = messages or slicer.vtkMRMLMessageCollection()
            return bool(scene.ReadFromMRB(path, clear, collection))
        scene.SetURL(path)
        return bool(scene.Connect() if clear else scene.Import())

    def loadFile(self, path: str, messages: Any = None) -> bool:
        return self.loadNodes(self.fileType(path), {"fileName": path}, None, messages)

    # Writing

    def saveNodes(self, kind: str, properties: dict[str, Any], messages: Any = None) -> bool:
        path = str(properties["fileName"])
        if kind == "SceneFile":
            return self._save_scene(path, messages)
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        if node.GetStorageNode() is None:
            if node.IsA("vtkMRMLTextNode"):  # short texts are else stored in the scene file
                node.SetForceCreateStorageNode(True)
            node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(path)
        if "useCompression" in properties:
            storage.SetUseCompression(properties["useCompression"])
        return bool(storage.WriteData(node)) or _failed(messages, f"failed to write {path}")

    def _save_scene(self, path: str, messages: Any) -> bool:
        scene, logic = slicer.mrmlScene, slicer.app.applicationLogic()
        picture = vtk.vtkImageData()
        if path.endswith(".mrb"):
            return bool(scene.WriteToMRB(path, picture, messages))
        if path.endswith(".mrml"):
            return bool(scene.Commit(path))
        return bool(logic.SaveSceneToSlicerDataBundleDirectory(path, picture, messages))

    def exportNodes(
        self,
        ids: list[str],
        paths: list[str],
        properties: dict[str, Any],
        harden: bool,
        messages: Any = None,
    ) -> bool:
        """Write copies, so that the nodes' own storage stays as it is."""
        written = True
        for node_id, path in zip(ids, paths, strict=True):
            node = slicer.mrmlScene.GetNodeByID(node_id)
            copy = slicer.mrmlScene.CreateNodeByClass(node.GetClassName())
            copy.UnRegister(None)
            copy.CopyContent(node)
            copy = slicer.mrmlScene.AddNode(copy)
            if harden and node.IsA("vtkMRMLTransformableNode"):
                copy.SetAndObserveTransformNodeID(node.GetTransformNodeID())
                copy.HardenTransform()
            storage = copy.CreateDefaultStorageNode()
            storage.UnRegister(None)
            storage.SetFileName(path)
            written &= bool(storage.WriteData(copy))
            slicer.mrmlScene.RemoveNode(copy)
        return written

    def addDefaultStorageNodes(self) -> None:
        nodes = slicer.mrmlScene.GetNodesByClass("vtkMRMLStorableNode")
        nodes.UnRegister(None)
        for index in range(nodes.GetNumberOfItems()):
            nodes.GetItemAsObject(index).AddDefaultStorageNode()


def _read_with_storage(class_name: str, path: str) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass(class_name, _base_name(path))
    if class_name == "vtkMRMLTextNode":
        node.SetForceCreateStorageNode(True)
    node.AddDefaultStorageNode()
    node.GetStorageNode().SetFileName(path)
    if node.GetStorageNode().ReadData(node):
        return node
    slicer.mrmlScene.RemoveNode(node)
    return None


def _base_name(path: str) -> str:
    return Path(path).name.split(".")[0]


def _failed(messages: Any, text: str) -> bool:
    if messages is not None:
        messages.AddMessage(vtk.vtkCommand.ErrorEvent, text)
    return False
