"""The warped volume and the transform of a result as DICOM files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import slicer

from ...pipeline.export_dicom import ExportedDicom, write_dicom
from ..scene.nodes import read_attributes
from ..scene.transform_nodes import field_of_node
from ..scene.volume_nodes import Node, image_from_volume, volume_geometry

__all__ = ["dicom_exporter", "dicom_files"]


def dicom_files(volume: Node) -> list[Path] | None:
    """Return the files of a volume that was loaded from Slicer's DICOM database.

    None for another one, or where the database does not know its files any more.
    """
    database = getattr(slicer, "dicomDatabase", None)
    uids = (volume.GetAttribute("DICOM.instanceUIDs") or "").split()
    if database is None or not uids:
        return None
    files = [Path(str(database.fileForInstance(uid) or "")) for uid in uids]
    return files if all(file.is_file() for file in files) else None


def dicom_exporter(
    transform: Node, warped: Node | None, fixed: Node, moving: Node, folder: Path
) -> Callable[[], ExportedDicom]:
    """Read the nodes now, and return what writes the files, which any thread may do.

    Args:
        transform: of a result, fixed to moving points.
        warped: the warped volume; None: is left out.
        fixed, moving: the volumes that were registered.
        folder: a new one.

    Raises:
        InputError: for volumes without a lattice.
    """
    field = field_of_node(transform, volume_geometry(fixed))
    image = None if warped is None else image_from_volume(warped)
    sources = dicom_files(fixed), dicom_files(moving)
    model = read_attributes(transform).get("Model", "none")
    details = f"{moving.GetName()} registered to {fixed.GetName()} by LDMReg, model {model}"
    return lambda: write_dicom(image, field, folder, *sources, details)
