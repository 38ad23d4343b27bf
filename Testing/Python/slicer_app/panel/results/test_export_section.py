"""The section "Export", and the inverse beside the forward field."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.pipeline.initial_transform import load_transform


@pytest.fixture
def run(host: Any, panel: Any, pair: tuple[Any, Any], finish: Any) -> Any:
    """A run that has just succeeded."""
    for selector, volume in zip(("fixedSelector", "movingSelector"), pair, strict=True):
        host.select(selector, volume)
    host.click("applyButton")
    run = finish()
    host.process_events()
    return run


def export(host: Any, path: Path, form: str, direction: str = "Transform") -> str:
    box = host.widget("exportFormatComboBox")
    texts = [box.itemText(n) for n in range(box.count)]
    host.choose("exportFormatComboBox", next(text for text in texts if form in text))
    host.choose("exportDirectionComboBox", direction)
    host.dialogs.answer("Export transform", str(path))
    host.click("exportTransformButton")
    label = host.widget("exportMessageLabel")
    host.wait_until(lambda: "Writing" not in label.text)
    return str(label.text)


def test_the_transform_of_the_result_is_written(
    host: Any, panel: Any, run: Any, tmp_path: Path
) -> None:
    host.click("exportSection")
    assert not host.widget("exportToleranceSpinBox").enabled
    told = export(host, tmp_path / "warp", "ANTs warp")  # the suffix is added
    assert "mm at most" in told and "warp.nii.gz" in told
    found = load_transform(tmp_path / "warp.nii.gz", 3).transform
    field = run.result.field
    np.testing.assert_allclose(
        DisplacementField.from_transform(found, field.geometry).vectors, field.vectors, atol=1e-4
    )
    told = export(host, tmp_path / "spline.tfm", "compact")
    assert host.widget("exportToleranceSpinBox").enabled
    assert "off by 0" in told
    told = export(host, tmp_path / "inverse.h5", "ITK displacement", "Inverse")
    assert "There and back misses by" in told
    inverse = DisplacementField.read(tmp_path / "inverse.h5")
    assert np.nanmean(field.round_trip(inverse)) < 0.2


def test_without_a_result_there_is_nothing_to_write(
    host: Any, panel: Any, pair: tuple[Any, Any]
) -> None:
    host.click("exportSection")
    button = host.widget("exportTransformButton")
    assert not button.enabled and "press Apply" in button.toolTip


def test_what_cannot_be_written_is_told(host: Any, run: Any, tmp_path: Path) -> None:
    host.click("exportSection")
    told = export(host, tmp_path / "none" / "t.h5", "ITK displacement")
    assert "was not saved" in told and "folder does not exist" in told
    assert host.widget("exportTransformButton").enabled


def test_the_round_trip_is_a_map(host: Any, panel: Any, run: Any) -> None:
    slicer = host.slicer
    volume = run.nodes["round_trip"]
    field, inverse = run.result.field, run.result.inverse
    expected = np.nan_to_num(field.round_trip(inverse))
    np.testing.assert_allclose(slicer.util.arrayFromVolume(volume), expected, atol=1e-5)
    assert expected.max() > 0.1
    host.click("roundTripButton")
    display = panel.sections["display"].display
    assert "round_trip" in display.shown
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume)
    assert legend.GetTitleText() == "there and back (mm)"
    host.click("displacementButton")
    assert "displacement" in display.shown and "round_trip" not in display.shown


def test_the_uncertainty_is_a_map_where_it_was_asked_for(
    host: Any, panel: Any, run: Any, finish: Any
) -> None:
    assert run.result.uncertainty is None and "uncertainty" not in run.nodes
    button = host.widget("uncertaintyButton")
    assert not button.enabled and "Uncertainty" in button.toolTip
    assert not run.plan.options["uncertainty"]
    host.click("outputsSection")
    host.click("uncertaintyOutputCheckBox")
    host.click("applyButton")
    run = finish(uncertainty=run.result.jacobian)
    host.process_events()
    assert run.plan.options["uncertainty"] and "uncertainty" in run.plan.outputs
    volume = run.nodes["uncertainty"]
    expected = sitk.GetArrayViewFromImage(run.result.jacobian)
    np.testing.assert_array_equal(host.slicer.util.arrayFromVolume(volume), expected)
    assert "root mean square in mm" in volume.GetDescription()
    host.click("uncertaintyButton")
    assert "uncertainty" in panel.sections["display"].display.shown
    legend = host.slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume)
    assert legend.GetTitleText() == "uncertainty (mm)"


def test_the_grid_of_the_inverse_lies_over_the_moving_image(
    host: Any, panel: Any, run: Any
) -> None:
    display = panel.sections["display"].display
    host.click("gridButton")

    def drawn(output: str) -> list[bool]:
        node = run.nodes[output]
        return [
            bool(d.GetVisibility())
            for d in (node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes()))
            if d is not None and d.IsA("vtkMRMLTransformDisplayNode")
        ]

    assert any(drawn("transform")) and not any(drawn("inverse"))
    host.check("ofInverseCheckBox")
    assert any(drawn("inverse")) and not any(drawn("transform"))
    assert display.mode.value == "moving" and "grid" in display.shown
    host.check("ofInverseCheckBox", False)
    assert any(drawn("transform")) and not any(drawn("inverse"))
    assert display.mode.value == "fixed"
    host.check("ofInverseCheckBox")
    host.click("resetDisplayButton")
    assert not host.widget("ofInverseCheckBox").checked
    assert not any(drawn("inverse"))


def export_dicom(host: Any, folder: Path) -> str:
    """Click Export DICOM, choose a folder, and wait; what was said."""
    host.dialogs.answer("Folder in which a new one", str(folder))
    host.click("exportDicomButton")
    button, label = host.widget("exportDicomButton"), host.widget("exportMessageLabel")
    host.wait_until(lambda: button.enabled and "Writing" not in label.text)
    return str(label.text)


def test_dicom_without_a_database(host: Any, run: Any, tmp_path: Path) -> None:
    import pydicom

    from SlicerLDMRegLib.exchange.dicom import read_deformation
    from SlicerLDMRegLib.images import read_image

    host.click("exportSection")
    told = export_dicom(host, tmp_path)
    (folder,) = tmp_path.iterdir()
    assert f"Saved {folder}: " in told and "did not come from DICOM" in told
    field, back = run.result.field, read_deformation(folder / "deformation.dcm")
    points = back.geometry.index_to_physical(np.array([[3.0, 4.0, 2.0], [5.0, 6.0, 3.0]]))
    np.testing.assert_allclose(back.warp_points(points), field.warp_points(points), atol=1e-3)
    warped = host.slicer.util.arrayFromVolume(run.nodes["warped"]).astype(float)
    read = sitk.GetArrayFromImage(read_image(folder / "warped")).astype(float)
    assert read.shape == warped.shape
    step = (warped.max() - warped.min()) / 65535
    assert min(np.abs(read - warped).max(), np.abs(read[::-1] - warped).max()) <= 1.01 * step
    assert pydicom.dcmread(folder / "deformation.dcm").PatientName == ""
    assert export_dicom(host, tmp_path) != told  # a second folder beside it
    assert len(list(tmp_path.iterdir())) == 2


def test_dicom_of_volumes_of_the_database(
    host: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pydicom

    from Testing.Python.images.dicom_files import dataset, save

    pixels = np.zeros((4, 4), np.int16)
    files = {}
    for number, name in ((50, "Doe^Jane"), (60, "Doe^Jane")):
        data = dataset(
            pixels, (0, 0, 0), uid=f"1.2.3.{number}", PatientName=name, PatientID="D1",
            FrameOfReferenceUID=f"1.2.3.{number}.7",
        )  # fmt: skip
        files[str(data.SOPInstanceUID)] = str(save(data, tmp_path / f"{number}.dcm"))
    database = SimpleNamespace(fileForInstance=lambda uid: files.get(uid, ""))
    monkeypatch.setattr(host.slicer, "dicomDatabase", database, raising=False)
    for volume, uid in zip((run.plan.fixed, run.plan.moving), files, strict=True):
        volume.SetAttribute("DICOM.instanceUIDs", uid)
    host.click("exportSection")
    (tmp_path / "out").mkdir()
    told = export_dicom(host, tmp_path / "out")
    assert "did not come from DICOM" not in told
    (folder,) = (tmp_path / "out").iterdir()
    data = pydicom.dcmread(folder / "deformation.dcm")
    assert data.PatientName == "Doe^Jane" and data.FrameOfReferenceUID == "1.2.3.50.7"
    (item,) = data.DeformableRegistrationSequence
    assert item.SourceFrameOfReferenceUID == "1.2.3.60.7"
    # Files that are gone count as none.
    Path(files[next(iter(files))]).unlink()
    assert "The fixed image did not come from DICOM" in export_dicom(host, tmp_path / "out")


def test_dicom_that_cannot_be_written_is_told(host: Any, run: Any, tmp_path: Path) -> None:
    host.click("exportSection")
    told = export_dicom(host, tmp_path / "none")
    assert "DICOM was not saved" in told and "does not exist" in told
