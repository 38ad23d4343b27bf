"""The result of a registration, in memory and on disk."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from ..displacement import DisplacementField
from ..errors import InputError
from ..model_store.atomic_replace import put_in_place
from .slices import SliceRange

__all__ = ["RegistrationResult"]

#: A folder that holds this file was written by LDMReg and may be replaced by it.
_REPORT = "report.json"
_OWN_FILES = (
    "warped.nrrd",
    "warped_labels.nrrd",
    "transform.h5",
    "inverse.h5",
    "jacobian.nrrd",
    "folds.nrrd",
    "overview.png",
    "report.html",
    _REPORT,
)


@dataclass(frozen=True, eq=False)
class RegistrationResult:
    """Everything that a registration found.

    Attributes:
        fixed, moving: the input images, SimpleITK, LPS mm.
        warped: moving image on the lattice of the result: the fixed lattice, or the chosen slices
            of it. It is what SimpleITK's resampling gives with ``field.to_transform()``, linear.
        field: fixed points to moving points, alignment included, on that lattice, LPS mm.
        inverse: moving points to fixed points, on the moving lattice; after a registration slice by
            slice, on the lattice of the slices.
        jacobian: determinant of ``x + u(x)``; above 1 the moving tissue was larger. float32.
        folds: 1 where the determinant is not positive, else 0. uint8.
        fixed_labels, moving_labels: the input label maps, or None.
        warped_labels: moving labels on the lattice of the result, nearest neighbour, or None.
        metrics: ``"before"``, ``"after"`` (and ``"aligned"`` after a pre-alignment): ``ncc``,
            ``mse``, ``dice`` and ``hd95`` (mm) per label, ``tre`` (mm); ``"deformation"``: folds,
            Jacobian, SDlogJ, displacement (mm), inverse consistency (mm). With ``"masks"``, which
            names the images that have one, ``ncc`` and ``mse`` are those inside the masks.
        timings: seconds per stage, and ``"total"``.
        provenance: inputs, model, options, versions, machine, memory, date: plain data.
        slices: the slices that were registered one by one, None for whole images.
    """

    fixed: sitk.Image
    moving: sitk.Image
    warped: sitk.Image
    field: DisplacementField
    inverse: DisplacementField
    jacobian: sitk.Image
    folds: sitk.Image
    metrics: dict[str, Any]
    timings: dict[str, float]
    provenance: dict[str, Any]
    fixed_labels: sitk.Image | None = None
    moving_labels: sitk.Image | None = None
    warped_labels: sitk.Image | None = None
    slices: SliceRange | None = None

    @property
    def transform(self) -> sitk.DisplacementFieldTransform:
        """The field as a SimpleITK transform, fixed to moving points."""
        return self.field.to_transform()

    def save(self, directory: str | os.PathLike[str]) -> Path:
        """Write images, transforms and report into a folder, all of it or nothing.

        ``warped.nrrd``, ``warped_labels.nrrd`` (with labels), ``transform.h5``, ``inverse.h5``,
        ``jacobian.nrrd``, ``folds.nrrd``, ``overview.png``, ``report.json``, ``report.html``.

        Args:
            directory: the folder; an existing one is replaced when it is empty or was written by
                LDMReg and nothing was added to it.

        Returns:
            The folder.

        Raises:
            InputError: when the folder holds other files, or cannot be written.
        """
        from ..report import write_reports

        target = Path(directory).expanduser().absolute()
        check_output_directory(target)
        temporary: Path | None = None
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # Beside the target, so that the last step is a rename within one file system.
            temporary = target.with_name(f".{target.name}-{uuid.uuid4().hex[:8]}")
            temporary.mkdir()
            self._write_files(temporary)
            write_reports(self, temporary, None if self.slices is None else self.slices.axis)
            _replace(target, temporary)
        except OSError as error:
            raise InputError(f"output: {target} cannot be written: {error}") from error
        except RuntimeError as error:  # of ITK's writers
            reason = str(error).strip().splitlines()[-1]
            raise InputError(f"output: {target} cannot be written: {reason}") from error
        finally:
            if temporary is not None and temporary.exists():
                shutil.rmtree(temporary, ignore_errors=True)
        return target

    def _write_files(self, folder: Path) -> None:
        images = {
            "warped": self.warped,
            "warped_labels": self.warped_labels,
            "jacobian": self.jacobian,
            "folds": self.folds,
        }
        for name, image in images.items():
            if image is not None:
                sitk.WriteImage(image, str(folder / f"{name}.nrrd"), useCompression=True)
        self.field.write(folder / "transform.h5")
        self.inverse.write(folder / "inverse.h5")


def check_output_directory(target: Path) -> None:
    """Check that results may be written to a folder.

    Raises:
        InputError: when it is a file, or holds files that LDMReg did not write.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"output: {target} is a file; name a folder")
    names = {entry.name for entry in target.iterdir()}
    foreign = sorted(names - set(_OWN_FILES))
    if names and (foreign or not _is_report(target / _REPORT)):
        shown = _shown(foreign or sorted(names))
        raise InputError(
            f"output: {target} holds files that are not results of LDMReg ({shown}); "
            "name another folder"
        )


def _is_report(path: Path) -> bool:
    try:
        return "ldmreg_version" in json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _replace(target: Path, new: Path) -> None:
    """Put the new folder in the place of the target, keeping the old one if that fails."""
    if not target.exists() or (target != Path.cwd() and not target.is_mount()):
        old = target.with_name(f"{new.name}-old")
        put_in_place(new, target, old)
        shutil.rmtree(old, ignore_errors=True)
        return
    # A mount point cannot be moved, and nobody's shell may be left in a deleted folder: replace
    # the files inside, the report last, for it says that the folder is complete.
    (target / _REPORT).unlink(missing_ok=True)
    for name in _OWN_FILES:
        if (new / name).exists():
            (new / name).replace(target / name)
        else:
            (target / name).unlink(missing_ok=True)
