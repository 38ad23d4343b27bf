"""Patient, study, coordinates and references, which DICOM objects take over from the images."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...errors import InputError
from ...images.dicom import read_headers

__all__ = ["DicomContext", "Reference", "begin_object", "new_context", "new_uid", "read_context"]

_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
_STUDY = ("StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID",
          "AccessionNumber")  # fmt: skip
# Taken over where they are there.
_MORE = ("SpecificCharacterSet", "IssuerOfPatientID", "EthnicGroup", "StudyDescription",
         "PatientAge", "PatientSize", "PatientWeight")  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """An instance that a new object refers to: UIDs of its class, itself, its series and study."""

    sop_class: str
    instance: str
    series: str
    study: str


@dataclass(frozen=True)
class DicomContext:
    """The context of an image.

    Attributes:
        attributes: of patient and study by keyword, with the values of pydicom.
        frame_of_reference: UID of the coordinates of the image.
        modality: such as ``"MR"``.
        references: the instances of the image.
        header: of its first slice; None: it did not come from DICOM.
    """

    attributes: dict[str, Any]
    frame_of_reference: str
    modality: str = "OT"
    references: tuple[Reference, ...] = ()
    header: Any = field(default=None, repr=False)

    @property
    def patient(self) -> str:
        """The identification of the patient; empty: not known."""
        return str(self.attributes.get("PatientID") or "")


def new_uid() -> str:
    """Return a new UID, from a random UUID, as each new instance and series needs."""
    from pydicom.uid import generate_uid

    return str(generate_uid(prefix=None))


def read_context(source: str | Path | Sequence[Path]) -> DicomContext:
    """Return the context of a DICOM series.

    Args:
        source: a folder with one series, ``FOLDER/SERIES_UID``, a file, or the files of a series.

    Raises:
        InputError: for a place without a DICOM image, or one of several series.
    """
    headers = read_headers(source)
    first = headers[0]
    attributes = {name: first[name].value for name in (*_PATIENT, *_STUDY, *_MORE) if name in first}
    attributes.setdefault("StudyInstanceUID", new_uid())
    references = tuple(
        Reference(
            str(header.SOPClassUID),
            str(header.SOPInstanceUID),
            str(header.get("SeriesInstanceUID", "")),
            str(header.get("StudyInstanceUID", "")),
        )
        for header in headers
        if "SOPClassUID" in header and "SOPInstanceUID" in header
    )
    frame = str(first.get("FrameOfReferenceUID") or new_uid())
    return DicomContext(attributes, frame, str(first.get("Modality") or "OT"), references, first)


def new_context(study: DicomContext | None = None) -> DicomContext:
    """Return the context of an image that did not come from DICOM.

    Args:
        study: of the other image: patient and study are taken for the same; None: a new study of a
            patient without a name.
    """
    attributes = dict(study.attributes) if study is not None else {"StudyInstanceUID": new_uid()}
    return DicomContext(attributes, new_uid())


def begin_object(context: DicomContext, sop_class: str) -> Any:
    """Return a pydicom data set of a new instance, with patient, study and equipment.

    Args:
        context: of the image in whose study and frame of reference the instance lies.
        sop_class: UID.

    Raises:
        InputError: when pydicom is missing.
    """
    try:
        from pydicom.dataset import FileDataset, FileMetaDataset
        from pydicom.uid import ExplicitVRLittleEndian
    except ImportError as error:
        raise InputError(
            "writing DICOM needs the package pydicom, which is missing; install it"
        ) from error
    meta: Any = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = new_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    for name in (*_PATIENT, *_STUDY):
        setattr(dataset, name, context.attributes.get(name, ""))
    for name in _MORE:
        if name in context.attributes:
            setattr(dataset, name, context.attributes[name])
    if "SpecificCharacterSet" not in context.attributes:
        dataset.SpecificCharacterSet = "ISO_IR 192"
    now = datetime.datetime.now()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    dataset.InstanceCreationDate = dataset.SeriesDate = dataset.ContentDate = f"{now:%Y%m%d}"
    dataset.InstanceCreationTime = dataset.SeriesTime = dataset.ContentTime = f"{now:%H%M%S}"
    dataset.FrameOfReferenceUID = context.frame_of_reference
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer, dataset.ManufacturerModelName = "LDMReg", "LDMReg"
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = __version__, f"LDMReg {__version__}"
    return dataset


def save(dataset: Any, path: Path) -> None:
    """Write a data set of :func:`begin_object` as a file."""
    import pydicom

    if int(pydicom.__version__.split(".")[0]) >= 3:
        dataset.save_as(path, enforce_file_format=True)
    else:
        dataset.is_little_endian, dataset.is_implicit_VR = True, False
        dataset.save_as(path, write_like_original=False)
