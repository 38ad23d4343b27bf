"""Results as DICOM, read back by pydicom and by the equation of the standard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset

from SlicerLDMRegLib import ImageGeometry
from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.exchange.dicom import (
    DicomContext,
    new_context,
    read_context,
    read_deformation,
    write_deformation,
    write_derived_series,
)
from SlicerLDMRegLib.images import read_image
from SlicerLDMRegLib.pipeline.export_dicom import export_dicom, write_dicom
from Testing.Python.images.dicom_files import dataset, save

SIZE = (7, 6, 5)
MR = "1.2.840.10008.5.1.4.1.1.4"
# Turned about all axes; the second one is left-handed.
_TURN = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])
TURNS = [np.eye(3), _TURN, _TURN * np.array([1, 1, -1]), np.diag([-1.0, 1, 1])]


def lattice(turn: np.ndarray = TURNS[0], size: tuple[int, ...] = SIZE) -> ImageGeometry:
    return ImageGeometry(size, (1.5, 2.0, 3.0), (-10.0, 20.0, 35.5), tuple(turn.ravel().tolist()))


def field_on(geometry: ImageGeometry) -> DisplacementField:
    rng = np.random.default_rng(3)
    return DisplacementField(rng.normal(0, 4, (*geometry.array_shape, 3)), geometry)


def image_on(geometry: ImageGeometry, kind: Any = np.int16) -> sitk.Image:
    values = np.random.default_rng(4).uniform(-1000, 3000, geometry.array_shape)
    return geometry.to_image(values.astype(kind))


def series(folder: Path, uid: str, study: str = "1.2.3.4", name: str = "Doe^Jane") -> Path:
    """An MR series of five slices, of a patient."""
    for k in range(5):
        pixels = np.full((6, 7), 10 * k, np.int16)
        data = dataset(
            pixels, (0, 0, 3.0 * k), spacing=(2.0, 1.5), uid=uid, number=k + 1, Modality="MR",
            SOPClassUID=MR, StudyInstanceUID=study, PatientName=name, PatientID=name[:3],
            PatientBirthDate="19700102", StudyDate="20200304", AccessionNumber="A1",
            FrameOfReferenceUID=f"{uid}.77", EchoTime="20.5", RepetitionTime="500",
            WindowCenter="40", WindowWidth="80", SliceThickness="3", SliceLocation=str(3 * k),
            ReferringPhysicianName="Roe^John", ScanningSequence="SE",
        )  # fmt: skip
        data.add_new(0x00091010, "LO", "private of the scanner")
        save(data, folder / f"{k}.dcm")
    return folder


@pytest.fixture
def contexts(tmp_path: Path) -> tuple[DicomContext, DicomContext]:
    fixed = series(tmp_path / "fixed", "1.2.3.50")
    moving = series(tmp_path / "moving", "1.2.3.60", study="1.2.3.99")
    return read_context(fixed), read_context(moving)


# The deformation


def by_the_standard(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Registered points at the centres of the grid, and their source points (PS3.3 C.20.3.1.1)."""
    (item,) = data.DeformableRegistrationSequence
    (grid,) = item.DeformableRegistrationGridSequence
    x, y, z = grid.GridDimensions
    vectors = np.frombuffer(grid.VectorGridData, np.float32).reshape(-1, 3)
    row, column = np.array(grid.ImageOrientationPatient, float).reshape(2, 3)
    depth = np.cross(row, column)
    start, step = np.array(grid.ImagePositionPatient, float), np.array(grid.GridResolution)
    registered = np.array([
        start + i * step[0] * row + j * step[1] * column + k * step[2] * depth
        for k in range(z) for j in range(y) for i in range(x)
    ])  # fmt: skip
    assert "PreDeformationMatrixRegistrationSequence" not in item
    return registered, registered + vectors


@pytest.mark.parametrize("turn", TURNS)
def test_the_deformation_leads_from_fixed_to_moving_points(
    turn: np.ndarray, tmp_path: Path, contexts: Any
) -> None:
    field = field_on(lattice(turn))
    path = write_deformation(field, tmp_path / "d.dcm", *contexts, "Test")
    data = pydicom.dcmread(path)
    registered, source = by_the_standard(data)
    np.testing.assert_allclose(field.warp_points(registered), source, atol=1e-4)
    assert np.abs(source - registered).max() > 5
    back = read_deformation(path)
    points = registered + np.random.default_rng(0).uniform(-0.5, 0.5, registered.shape)
    np.testing.assert_allclose(back.warp_points(points), field.warp_points(points), atol=1e-4)


def test_the_deformation_lies_in_the_study_of_the_fixed_image(
    tmp_path: Path, contexts: Any
) -> None:
    fixed, moving = contexts
    path = write_deformation(field_on(lattice()), tmp_path / "d.dcm", fixed, moving, "T", "how")
    data = pydicom.dcmread(path)
    assert data.SOPClassUID.name == "Deformable Spatial Registration Storage"
    assert data.Modality == "REG" and data.file_meta.TransferSyntaxUID.is_little_endian
    assert (data.PatientName, data.StudyInstanceUID, data.AccessionNumber) == (
        "Doe^Jane", "1.2.3.4", "A1",
    )  # fmt: skip
    assert data.FrameOfReferenceUID == "1.2.3.50.77"
    (item,) = data.DeformableRegistrationSequence
    assert item.SourceFrameOfReferenceUID == "1.2.3.60.77"
    assert item.FrameOfReferenceTransformationComment == "how"
    assert len(item.ReferencedImageSequence) == 5
    (own,) = data.ReferencedSeriesSequence
    assert own.SeriesInstanceUID == "1.2.3.50" and len(own.ReferencedInstanceSequence) == 5
    (other,) = data.StudiesContainingOtherReferencedInstancesSequence
    assert other.StudyInstanceUID == "1.2.3.99"
    assert other.ReferencedSeriesSequence[0].SeriesInstanceUID == "1.2.3.60"
    again = pydicom.dcmread(
        write_deformation(field_on(lattice()), tmp_path / "e.dcm", fixed, moving, "T")
    )
    assert again.SOPInstanceUID != data.SOPInstanceUID
    assert again.SeriesInstanceUID != data.SeriesInstanceUID


def test_deformations_that_dicom_cannot_hold(tmp_path: Path, contexts: Any) -> None:
    flat = ImageGeometry((5, 4), (1, 1), (0, 0), (1, 0, 0, 1))
    with pytest.raises(InputError, match="3D coordinates only"):
        write_deformation(DisplacementField.identity(flat), tmp_path / "d.dcm", *contexts, "T")
    sheared = np.eye(3)
    sheared[0, 1] = 0.2
    with pytest.raises(InputError, match="right angles"):
        write_deformation(field_on(lattice(sheared)), tmp_path / "d.dcm", *contexts, "T")


def test_files_that_are_no_deformation(tmp_path: Path, contexts: Any) -> None:
    with pytest.raises(InputError, match="expected a DICOM deformation"):
        read_deformation(series(tmp_path / "x", "1.2.3.70") / "0.dcm")
    (tmp_path / "text").write_text("no DICOM")
    with pytest.raises(InputError, match="expected a DICOM deformation"):
        read_deformation(tmp_path / "text")
    path = write_deformation(field_on(lattice()), tmp_path / "d.dcm", *contexts, "T")
    data = pydicom.dcmread(path)
    matrix = Dataset()
    matrix.FrameOfReferenceTransformationMatrix = [2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    data.DeformableRegistrationSequence[0].PreDeformationMatrixRegistrationSequence = [matrix]
    data.save_as(path)
    with pytest.raises(InputError, match="matrices beside the grid"):
        read_deformation(path)


# The series


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.float32])
def test_the_series_is_read_back(
    turn: np.ndarray, kind: Any, tmp_path: Path, contexts: Any
) -> None:
    image = image_on(lattice(turn), kind)
    (tmp_path / "out").mkdir()
    assert len(write_derived_series(image, tmp_path / "out", *contexts, "Warped")) == 5
    back = read_image(tmp_path / "out")
    # A reader may count the slices from the other end: what lies where decides.
    there = sitk.Resample(
        sitk.Cast(back, sitk.sitkFloat64), image, sitk.Transform(), sitk.sitkNearestNeighbor, -1e9
    )
    values = sitk.GetArrayFromImage(image).astype(float)
    tolerance = 1e-6 if kind is not np.float32 else 4000 / 65535
    assert np.abs(sitk.GetArrayFromImage(there) - values).max() <= tolerance


def test_the_series_keeps_context_and_acquisition(tmp_path: Path, contexts: Any) -> None:
    (tmp_path / "out").mkdir()
    paths = write_derived_series(
        image_on(lattice()), tmp_path / "out", *contexts, "Warped " * 20, "by a test"
    )
    slices = [pydicom.dcmread(path) for path in paths]
    first = slices[0]
    assert first.SOPClassUID == MR and first.Modality == "MR"
    assert list(first.ImageType) == ["DERIVED", "SECONDARY", "OTHER"]
    assert (first.PatientName, first.PatientID, first.StudyInstanceUID) == (
        "Doe^Jane", "Doe", "1.2.3.4",
    )  # fmt: skip
    assert first.FrameOfReferenceUID == "1.2.3.50.77"
    assert first.EchoTime == 20.5 and first.ScanningSequence == "SE"
    assert len(first.SeriesDescription) <= 64 and first.DerivationDescription == "by a test"
    assert first.DerivationCodeSequence[0].CodeValue == "113085"
    for keyword in ("WindowCenter", "SliceLocation"):
        assert keyword not in first
    assert not [element for element in first if element.tag.is_private]
    sources = {item.ReferencedSOPInstanceUID for item in first.SourceImageSequence}
    assert sources == {reference.instance for reference in contexts[1].references}
    assert len({data.SOPInstanceUID for data in slices}) == 5
    assert {data.SeriesInstanceUID for data in slices}.isdisjoint({"1.2.3.50", "1.2.3.60"})
    assert [data.InstanceNumber for data in slices] == [1, 2, 3, 4, 5]


def test_an_image_that_did_not_come_from_dicom(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    first = new_context()
    paths = write_derived_series(
        image_on(lattice()), tmp_path / "out", first, new_context(first), "Warped"
    )
    data = pydicom.dcmread(paths[0])
    assert data.SOPClassUID.name == "Secondary Capture Image Storage"
    assert (data.PatientName, data.PatientID) == ("", "")
    assert data.StudyInstanceUID.startswith("2.25.") and "SourceImageSequence" not in data


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (sitk.Image(4, 4, sitk.sitkInt16), "3D image"),
        (sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3), "one value for each voxel"),
        (lattice().to_image(np.full((5, 6, 7), np.nan, np.float32)), "not finite"),
    ],
)
def test_images_that_make_no_series(
    image: sitk.Image, what: str, tmp_path: Path, contexts: Any
) -> None:
    with pytest.raises(InputError, match=what):
        write_derived_series(image, tmp_path, *contexts, "Warped")


def test_a_constant_image(tmp_path: Path, contexts: Any) -> None:
    (tmp_path / "out").mkdir()
    image = lattice().to_image(np.full((5, 6, 7), 0.25, np.float32))
    path = write_derived_series(image, tmp_path / "out", *contexts, "Warped")[0]
    data = pydicom.dcmread(path)
    stored = np.frombuffer(data.PixelData, np.uint16)
    assert np.abs(stored * data.RescaleSlope + data.RescaleIntercept - 0.25).max() < 1e-6


# Both, of results


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    fixed = series(tmp_path / "fixed", "1.2.3.50")
    moving = series(tmp_path / "moving", "1.2.3.60")
    register = ["register", "--fixed", str(fixed), "--moving", str(moving), "--model", "none"]
    output = ["--output", str(tmp_path / "results"), "--align", "none"]
    assert main([*register, *output, "--refine-iterations", "2", "--quiet", "--pdf"]) == 0
    pdf = tmp_path / "results" / "report.pdf"
    assert pdf.read_bytes().startswith(b"%PDF") and pdf.stat().st_mode & 0o077 == 0
    assert main(["export-dicom", str(tmp_path / "results"), "--output", str(tmp_path / "d")]) == 0
    out = capsys.readouterr().out
    assert out == f"{tmp_path / 'd'}: 5 slices and the deformation\n"
    data = pydicom.dcmread(tmp_path / "d" / "deformation.dcm")
    assert data.FrameOfReferenceUID == "1.2.3.50.77"
    field = DisplacementField.read(tmp_path / "results" / "transform.h5")
    registered, source = by_the_standard(data)
    np.testing.assert_allclose(field.warp_points(registered), source, atol=1e-4)
    warped = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "results" / "warped.nrrd")))
    assert np.array_equal(sitk.GetArrayFromImage(read_image(tmp_path / "d" / "warped")), warped)
    assert (tmp_path / "d").stat().st_mode & 0o077 == 0
    # Once more, into what is there now; and of a folder without results.
    assert main(["export-dicom", str(tmp_path / "results"), "--output", str(tmp_path / "d")]) == 2
    assert "exists already; name a new folder" in capsys.readouterr().err
    assert main(["export-dicom", str(fixed), "--output", str(tmp_path / "e")]) == 2
    assert "expected the results of a registration" in capsys.readouterr().err
    # The images are gone: patient and study are not known then.
    fixed.rename(tmp_path / "elsewhere")
    done = export_dicom(tmp_path / "results", tmp_path / "f")
    assert "the fixed image did not come from DICOM" in done.notes[0]
    assert main([
        "export-dicom", str(tmp_path / "results"), "--output", str(tmp_path / "g"),
        "--fixed", str(tmp_path / "elsewhere"),
    ]) == 0  # fmt: skip
    assert pydicom.dcmread(tmp_path / "g" / "deformation.dcm").PatientName == "Doe^Jane"


def test_results_in_2d_lie_in_a_plane_of_their_own(tmp_path: Path) -> None:
    plane = ImageGeometry((7, 6), (1.5, 2.0), (-10.0, 20.0), (0.0, 1.0, -1.0, 0.0))
    vectors = np.random.default_rng(3).normal(0, 4, (*plane.array_shape, 2))
    field, warped = DisplacementField(vectors, plane), image_on(plane)
    done = write_dicom(warped, field, tmp_path / "out", None, None)
    assert done.summary == f"{tmp_path / 'out'}: 1 slice and the deformation"
    assert "in the plane z = 0" in done.notes[-1]
    back = read_image(tmp_path / "out" / "warped" / "0001.dcm")
    assert np.array_equal(sitk.GetArrayFromImage(back)[0], sitk.GetArrayFromImage(warped))
    registered, source = by_the_standard(pydicom.dcmread(tmp_path / "out" / "deformation.dcm"))
    expected = field.warp_points(registered[:, :2])
    np.testing.assert_allclose(source, np.insert(expected, 2, 0.0, axis=1), atol=1e-4)
    for images in ((warped, None), (None, field)):
        first = series(tmp_path / "fixed", "1.2.3.50")
        with pytest.raises(InputError, match=r"lost their place .* register the DICOM files"):
            write_dicom(*images, tmp_path / "other", first, None)


def test_a_slice_from_dicom_keeps_its_place(tmp_path: Path) -> None:
    """One file of an oblique series is registered in 2D, and its results lie where it lay."""
    pytest.importorskip("torch")
    for role, uid in (("fixed", "1.2.3.50"), ("moving", "1.2.3.60")):
        (tmp_path / role).mkdir()
        pixels = np.random.default_rng(len(uid)).integers(0, 900, (20, 24)).astype(np.int16)
        data = dataset(
            pixels, (5.0, -7.0, 30.0), *_TURN.T[:2], spacing=(2.0, 1.5), uid=uid, Modality="MR",
            SOPClassUID=MR, StudyInstanceUID="1.2.3.4", PatientID="Doe",
            FrameOfReferenceUID="1.2.3.77", SliceThickness="3",
        )  # fmt: skip
        save(data, tmp_path / role / "slice.dcm")
    places = [str(tmp_path / role / "slice.dcm") for role in ("fixed", "moving")]
    options = ["--model", "none", "--align", "none", "--refine-iterations", "2", "--quiet"]
    output = ["--output", str(tmp_path / "results")]
    assert main(["register", "--fixed", places[0], "--moving", places[1], *output, *options]) == 0
    done = export_dicom(tmp_path / "results", tmp_path / "out")
    assert done.slices == 1 and done.deformation and not done.notes
    fixed, warped = read_image(places[0]), read_image(tmp_path / "out" / "warped" / "0001.dcm")
    assert ImageGeometry.from_image(warped).matches(ImageGeometry.from_image(fixed))
    registration = pydicom.dcmread(tmp_path / "out" / "deformation.dcm")
    assert registration.FrameOfReferenceUID == "1.2.3.77"
    registered, _source = by_the_standard(registration)
    corner = np.array([5.0, -7.0, 30.0])
    assert np.abs(registered - corner).sum(axis=1).min() < 1e-3


def test_other_patients_are_told(tmp_path: Path) -> None:
    fixed = series(tmp_path / "fixed", "1.2.3.50")
    moving = series(tmp_path / "moving", "1.2.3.60", name="Poe^Max")
    done = write_dicom(image_on(lattice()), None, tmp_path / "out", fixed, moving)
    assert done.notes == (
        "the images are of different patients: Doe (fixed, in whose study the files lie) and Poe"
        " (moving)",
    )
    assert not done.deformation and not (tmp_path / "out" / "deformation.dcm").exists()


def test_series_that_cannot_be_read(tmp_path: Path) -> None:
    series(tmp_path / "two", "1.2.3.50")
    data = dataset(np.zeros((4, 4), np.int16), (0, 0, 0), uid="1.2.3.61")
    save(data, tmp_path / "two" / "other.dcm")
    (tmp_path / "empty").mkdir()
    image = image_on(lattice())
    for source, what in (
        (tmp_path / "two", "holds 2 DICOM series"),
        (tmp_path / "empty", "holds no DICOM series"),
        (tmp_path / "nowhere", "does not exist"),
    ):
        with pytest.raises(InputError, match=what):
            write_dicom(image, None, tmp_path / "out", source, None)
        assert not (tmp_path / "out").exists()
    done = write_dicom(image, None, tmp_path / "out", f"{tmp_path / 'two'}/1.2.3.50", None)
    assert done.slices == 5
