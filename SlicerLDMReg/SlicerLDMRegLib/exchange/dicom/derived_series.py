"""The warped image as a derived DICOM series in the study of the fixed one."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ...errors import InputError
from ...geometry import ImageGeometry
from .context import DicomContext, begin_object, new_uid, save

__all__ = ["write_derived_series"]

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
# Classes of single slices by modality. Their own attributes come from the header of the source.
_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
# The third value of the type of an image, which these classes ask for.
_CONTENTS = {_CLASSES["CT"]: ("AXIAL",), _CLASSES["MR"]: ("OTHER",)}
# What describes the pixels, the place or the time of the source, and is not so of what is derived.
_NOT_KEPT = (
    "SliceLocation", "SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue",
    "PixelPaddingRangeLimit", "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation",
    "VOILUTSequence", "ModalityLUTSequence", "RealWorldValueMappingSequence", "IconImageSequence",
    "ReferencedImageSequence", "SourceImageSequence", "DerivationCodeSequence",
    "SpacingBetweenSlices", "LossyImageCompression", "LossyImageCompressionRatio",
    "LossyImageCompressionMethod", "TemporalPositionIdentifier", "NumberOfTemporalPositions",
    "InStackPositionNumber", "StackID", "ReferencedSeriesSequence", "BurnedInAnnotation",
    "ReferencedPerformedProcedureStepSequence", "RequestAttributesSequence",
)  # fmt: skip


def write_derived_series(
    image: sitk.Image,
    folder: Path,
    fixed: DicomContext,
    moving: DicomContext,
    description: str,
    details: str = "",
) -> list[Path]:
    """Write a 3D image as one file for each of its slices.

    Patient, study and frame of reference are those of the fixed image; modality and the attributes
    of the acquisition those of the moving one, whose instances are named as sources. Series and
    instances have new UIDs. Whole numbers of 16 bits are stored as they are, all others in 65536
    steps from the least to the largest value, with slope and intercept.

    Args:
        image: 3D scalar, LPS mm, on the lattice of the fixed image.
        folder: an existing one.
        fixed, moving: contexts of the images.
        description: of the series, at most 64 characters.
        details: how it was derived.

    Raises:
        InputError: for an image of other dimensions, colours, or axes that are not at right angles.
    """
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("a DICOM series needs a 3D image with one value for each voxel")
    geometry = ImageGeometry.from_image(image)
    axes = geometry.direction_matrix
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
        raise InputError("a DICOM series needs voxel axes at right angles; resample the image")
    voxels, slope, intercept = _stored(sitk.GetArrayFromImage(image))
    single = moving.header is not None and int(moving.header.get("NumberOfFrames") or 1) == 1
    sop_class = _CLASSES.get(moving.modality, _SECONDARY_CAPTURE) if single else _SECONDARY_CAPTURE
    series, paths = new_uid(), []
    for number, pixels in enumerate(voxels):
        dataset = begin_object(fixed, sop_class)
        if single and sop_class != _SECONDARY_CAPTURE:
            _take_over(dataset, moving.header)
        dataset.SeriesInstanceUID, dataset.Modality = series, moving.modality
        dataset.SeriesDescription = description[:64]
        dataset.SeriesNumber, dataset.InstanceNumber = 9001, number + 1
        dataset.ImageType = ["DERIVED", "SECONDARY", *_CONTENTS.get(sop_class, ())]
        if sop_class == _SECONDARY_CAPTURE:
            dataset.ConversionType = "WSD"
        _describe(dataset, moving, details)
        _place(dataset, geometry, number)
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, int(pixels.dtype == np.int16)
        dataset.RescaleSlope, dataset.RescaleIntercept = f"{slope:.10g}", f"{intercept:.10g}"
        if sop_class == _CLASSES["CT"]:
            dataset.RescaleType = "HU"
        dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
        path = folder / f"{number + 1:04d}.dcm"
        save(dataset, path)
        paths.append(path)
    return paths


def _stored(array: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return values of 16 bits with their slope and intercept."""
    if not np.isfinite(array).all():
        raise InputError("a DICOM series cannot hold values that are not finite; replace them")
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind in "iub" or np.array_equal(array, np.round(array)):
        for kind in (np.int16, np.uint16):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return array.astype(kind), 1.0, 0.0
    # As the text in the file has it, so that what is read back is what was rounded for.
    slope = float(f"{(high - low) / 65535 or 1.0:.10g}")
    intercept = float(f"{low:.10g}")
    steps = np.round((array.astype(float) - intercept) / slope)
    return np.clip(steps, 0, 65535).astype(np.uint16), slope, intercept


def _take_over(dataset: Any, header: Any) -> None:
    """Take the attributes of the acquisition from a slice of the source."""
    for element in header:
        private, pixels = element.tag.is_private, element.tag.group in (0x0028, 0x6000, 0x7FE0)
        if (
            not private
            and not pixels
            and element.keyword not in _NOT_KEPT
            and (element.tag not in dataset)
        ):
            dataset.add(copy.deepcopy(element))


def _describe(dataset: Any, moving: DicomContext, details: str) -> None:
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113085", "DCM"
    code.CodeMeaning = "Spatial resampling"
    dataset.DerivationCodeSequence = [code]
    dataset.DerivationDescription = details[:1024]
    dataset.BurnedInAnnotation = "NO"
    sources = []
    for reference in moving.references:
        item = Dataset()
        item.ReferencedSOPClassUID = reference.sop_class
        item.ReferencedSOPInstanceUID = reference.instance
        sources.append(item)
    if sources:
        dataset.SourceImageSequence = sources


def _place(dataset: Any, geometry: ImageGeometry, number: int) -> None:
    axes = geometry.direction_matrix
    position = np.asarray(geometry.index_to_physical(np.array([0.0, 0.0, float(number)])))
    dataset.ImagePositionPatient = _numbers(position)
    dataset.ImageOrientationPatient = _numbers([*axes[:, 0], *axes[:, 1]])
    dataset.PixelSpacing = _numbers([geometry.spacing[1], geometry.spacing[0]])
    dataset.SliceThickness = _numbers([geometry.spacing[2]])[0]
    dataset.PatientOrientation = ""


def _numbers(values: Any) -> list[str]:
    # A decimal string has at most 16 characters.
    return [f"{float(value):.9g}"[:16] for value in values]
