"""Pairs of a cohort in the scene: volumes as files for it, and a pair with its result from it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk
import slicer

from ...cohort.naming import safe_name
from ...errors import InputError
from ...manifest import ImageEntry, ImagesManifest, write_manifest
from ..texts import tr as _
from .nodes import PREFIX, nodes_of_class
from .volume_nodes import Node, image_from_volume

__all__ = [
    "OpenedPair",
    "image_id",
    "is_result",
    "loaded_volumes",
    "open_pair",
    "pair_names",
    "pair_title",
    "write_volumes",
]

_FILE = PREFIX + "CohortFile"  # of a volume: where it was written to, for a cohort
_WARPED = PREFIX + "CohortResult"  # of a volume: it was loaded from the results of a cohort
_UNSAFE = re.compile(r"[^A-Za-z0-9._+=-]+")
_TO = "_to_"  # between moving and fixed image in the name of a pair


@dataclass(frozen=True)
class OpenedPair:
    """Nodes of a pair: the images, the warped one, and the transform of the moving one."""

    fixed: Node
    moving: Node
    warped: Node
    transform: Node


def loaded_volumes() -> list[Node]:
    """Return the volumes of the scene that can be registered: with voxels, no label maps."""
    return [
        node
        for node in nodes_of_class(slicer.mrmlScene, "vtkMRMLScalarVolumeNode")
        if not node.IsA("vtkMRMLLabelMapVolumeNode")
        and not node.GetHideFromEditors()
        and node.GetImageData() is not None
    ]


def is_result(node: Node) -> bool:
    """Whether a volume is a result of a registration, no image of its own."""
    if node.GetNodeReference(PREFIX + "CopyOf") is not None:
        return True
    return any(node.GetAttribute(name) for name in (PREFIX + "Output", _WARPED))


def write_volumes(folder: Path, nodes: list[Node]) -> Path:
    """Write volumes as files, where the scene shows them, and return the table of them.

    Args:
        folder: for the files; made where it is missing.
        nodes: of :func:`loaded_volumes`; :func:`image_id` tells the id of each, after its name.

    Raises:
        InputError: when they cannot be written, or there are less than two.
    """
    if len(nodes) < 2:
        raise InputError(_("the scene has less than two volumes; load those to register"))
    entries = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        for node, name in zip(nodes, _file_names(nodes), strict=True):
            path = folder / f"{name}.nrrd"
            image = image_from_volume(node)
            if not _is_written(image, path):
                sitk.WriteImage(image, str(path), True)
            node.SetAttribute(_FILE, str(path))
            entries.append(ImageEntry(path, id=name))
        table = folder / "images.csv"
        write_manifest(ImagesManifest(tuple(entries)), table, share=False)
    except (OSError, RuntimeError) as error:
        raise InputError(
            _("{folder} cannot be written to ({error})").format(folder=folder, error=error)
        ) from error
    return table


def _warped_name(row: Mapping[str, Any]) -> str:
    """Return a name by which views tell warped images apart, of which they show the ends alone."""
    moving, fixed = pair_names(row)
    short = f"{moving} warped"
    if moving and slicer.mrmlScene.GetFirstNodeByName(short) is None:
        return short
    return f"{short} to {fixed}" if moving else f"{pair_title(row)} warped"


def image_id(node: Node) -> str:
    """Return the id of a volume in the table of :func:`write_volumes`."""
    return Path(node.GetAttribute(_FILE) or "").stem


def _file_names(nodes: Sequence[Node]) -> list[str]:
    """Return names for files like those of volumes, each once, without what file systems refuse."""
    names: list[str] = []
    for node in nodes:
        stem = name = safe_name(_UNSAFE.sub("-", node.GetName() or "").strip("-. ") or "volume")
        number = 1
        while name.casefold() in (other.casefold() for other in names):
            number += 1
            name = f"{stem}-{number}"
        names.append(name)
    return names


def open_pair(row: Mapping[str, Any], results: Path, show: bool = True) -> OpenedPair:
    """Load a pair with its result; what is in the scene already is not loaded again.

    Args:
        row: of the cohort's table, with ``id``, ``fixed`` and ``moving``.
        results: folder of the pair.
        show: lay the warped over the fixed image in all views.

    Raises:
        InputError: for a file that cannot be loaded.
    """
    fixed, moving = (_image(str(row[role])) for role in ("fixed", "moving"))
    name = pair_title(row)
    warped = _loaded(results / "warped.nrrd", slicer.util.loadVolume, _warped_name(row))
    warped.SetAttribute(_WARPED, "1")
    transform = _loaded(results / "transform.h5", slicer.util.loadTransform, f"{name} transform")
    if show:
        slicer.util.setSliceViewerLayers(
            background=fixed, foreground=warped, foregroundOpacity=0.5, fit=True
        )
    return OpenedPair(fixed, moving, warped, transform)


def pair_title(row: Mapping[str, Any]) -> str:
    """Return what a pair is called: by the names of its volumes, else by its id."""
    nodes = _written_pair(row)
    return str(row["id"]) if nodes is None else f"{nodes[0].GetName()} to {nodes[1].GetName()}"


def pair_names(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the moving and the fixed image of a pair are called; "" where that is unknown."""
    nodes = _written_pair(row)
    if nodes is not None:
        return nodes[0].GetName(), nodes[1].GetName()
    moving, _between, fixed = str(row["id"]).rpartition(_TO)
    return (moving, fixed) if moving else ("", "")


def _written_pair(row: Mapping[str, Any]) -> tuple[Node, Node] | None:
    """Return moving and fixed volume, where :func:`write_volumes` wrote both."""
    moving, fixed = (_written_node(str(row.get(role, ""))) for role in ("moving", "fixed"))
    return None if moving is None or fixed is None else (moving, fixed)


def _written_node(path: str) -> Node | None:
    """Return the volume that :func:`write_volumes` wrote into a file; None for another file.

    That of another scene, which may have the same name and number, is none.
    """
    file = path.partition("#")[0]
    for node in loaded_volumes():
        if file and node.GetAttribute(_FILE) == file:
            return node
    return None


def _image(path: str) -> Node:
    """Return the volume of a file; one that was written by :func:`write_volumes` is its node."""
    file, node = Path(path.partition("#")[0]), _written_node(path)
    if node is not None:
        return node
    name = file.name.partition(".")[0]
    return _loaded(file, slicer.util.loadVolume, name)


def _loaded(path: Path, load: Any, name: str) -> Node:
    for node in nodes_of_class(slicer.mrmlScene, "vtkMRMLStorableNode"):
        storage = node.GetStorageNode()
        if storage is not None and storage.GetFileName() == str(path):
            return node
    if not path.exists():
        raise InputError(
            _("{path} is not there any more; register the pair again").format(path=path)
        )
    try:
        node = load(str(path))
    except RuntimeError as error:
        raise InputError(
            _("{path} cannot be loaded ({error})").format(path=path, error=error)
        ) from error
    node.SetName(name)
    return node


def _is_written(image: sitk.Image, path: Path) -> bool:
    """Whether a file holds an image already: then its pairs need not be registered again."""
    if not path.exists():
        return False
    try:
        there = sitk.ReadImage(str(path))
    except RuntimeError:
        return False
    alike = (
        there.GetSize() == image.GetSize()
        and there.GetPixelID() == image.GetPixelID()
        and there.GetSpacing() == image.GetSpacing()
        and there.GetOrigin() == image.GetOrigin()
        and there.GetDirection() == image.GetDirection()
    )
    return alike and sitk.Hash(there) == sitk.Hash(image)
