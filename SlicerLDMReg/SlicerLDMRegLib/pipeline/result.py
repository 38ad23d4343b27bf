"""The result of a registration, in memory and on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from .._c_numbers import c_numbers
from .._outputs import check_space, whole_folder
from ..displacement import DisplacementField
from ..errors import InputError
from ..images.written import write_image
from .output_folder import OWN_FILES, REPORT, check_inputs_outside, check_output_directory
from .slices import SliceRange

__all__ = ["RegistrationResult"]


@dataclass(frozen=True, eq=False)
class RegistrationResult:
    """Everything that a registration found.

    Attributes:
        fixed, moving: the input images, SimpleITK, LPS mm; a moving image of another dimension than
            the fixed one as it was placed.
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
        moving_placed: whether a 2D moving image was put into the plane of a fixed slice, or a
            moving slice became a 2D image: the fields then refer to ``moving``, not to the file.
        uncertainty: error of the field to expect at each voxel, the root mean square in mm,
            float32; None: not asked for.
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
    moving_placed: bool = False
    uncertainty: sitk.Image | None = None

    @property
    def transform(self) -> sitk.DisplacementFieldTransform:
        """The field as a SimpleITK transform, fixed to moving points."""
        return self.field.to_transform()

    def save(
        self, directory: str | os.PathLike[str], share: bool = False, pictures: bool = True
    ) -> Path:
        """Write images, transforms and report into a folder, all of it or nothing.

        ``warped.nrrd``, ``warped_labels.nrrd`` (with labels), ``transform.h5``, ``inverse.h5``,
        ``jacobian.nrrd``, ``folds.nrrd``, ``uncertainty.nrrd`` (where it was asked for),
        ``overview.png``, ``report.json``, ``report.html``; ``moving.nrrd`` where the moving image
        was placed.

        Args:
            directory: the folder; an existing one is replaced when it is empty or was written by
                LDMReg and nothing was added to it. Until the new one is complete the old one stays.
            share: False: the folder and its files, which hold patients' images, are for their owner
                alone (0700 and 0600); True: for those whom the umask tells.
            pictures: False leaves out ``overview.png`` and ``report.html``, which take longer to
                draw than a small image to register.

        Returns:
            The folder.

        Raises:
            InputError: when the folder holds other files or an input, or cannot be written.
        """
        from ..report import write_json, write_reports

        target = check_output_directory(Path(directory))
        check_inputs_outside(target, self._paths())
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            check_space(target, self.least_bytes())
            with whole_folder(target, private=not share, files=OWN_FILES) as folder:
                self._write_files(folder)
                if pictures:
                    write_reports(self, folder, None if self.slices is None else self.slices.axis)
                else:
                    write_json(self, folder / REPORT)
        except OSError as error:
            raise InputError(f"output: {target} cannot be written: {error}") from error
        except RuntimeError as error:  # of ITK's writers
            reason = str(error).strip().splitlines()[-1]
            raise InputError(f"output: {target} cannot be written: {reason}") from error
        return target

    def least_bytes(self) -> int:
        """Return the bytes of what is written without compression, the two fields."""
        return self.field.vectors.nbytes + self.inverse.vectors.nbytes

    def _paths(self) -> list[str]:
        """Return the files of the inputs, as far as they are known."""
        inputs = self.provenance.get("inputs")
        entries = inputs.values() if isinstance(inputs, dict) else ()
        paths = [entry.get("path") for entry in entries if isinstance(entry, dict)]
        return [path for path in paths if isinstance(path, str)]

    @c_numbers()
    def _write_files(self, folder: Path) -> None:
        images = {
            "warped": self.warped,
            "warped_labels": self.warped_labels,
            "jacobian": self.jacobian,
            "folds": self.folds,
            "uncertainty": self.uncertainty,
            "moving": self.moving if self.moving_placed else None,
        }
        for name, image in images.items():
            if image is not None:
                write_image(image, folder / f"{name}.nrrd")
        self.field.write(folder / "transform.h5")
        self.inverse.write(folder / "inverse.h5")
