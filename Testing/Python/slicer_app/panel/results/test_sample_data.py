"""The sample pairs in the module Sample Data, and in the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.resources import sample_data_dir


@pytest.fixture
def sample_data(host: Any) -> Any:
    from SlicerLDMRegLib.slicer_app.scene import sample_data

    return sample_data


def _names(node: Any) -> list[str]:
    segmentation = node.GetSegmentation()
    return [
        segmentation.GetNthSegment(n).GetName() for n in range(segmentation.GetNumberOfSegments())
    ]


def test_every_pair_with_its_files_is_registered_once(host: Any, sample_data: Any) -> None:
    import SampleData

    sample_data.register_sample_data()
    sample_data.register_sample_data()  # the module was reloaded
    sources = SampleData.SampleDataLogic.sampleDataSourcesByCategory(sample_data.CATEGORY)
    pairs = sample_data.available_pairs()
    assert [source.sampleName for source in sources] == [pair.title for pair in pairs]
    assert {"cardiac", "echo"} <= {pair.kind for pair in pairs}
    for source in sources:
        picture = host.qt.QImage(source.thumbnailFileName)
        assert (picture.width(), picture.height()) == (288, 192), source.thumbnailFileName


def test_scripts_get_the_images_from_sample_data(host: Any, sample_data: Any) -> None:
    import SampleData

    sample_data.register_sample_data()
    nodes = SampleData.downloadSamples("Cardiac MR pair")
    assert [node.GetName() for node in nodes] == ["Cardiac MR diastole", "Cardiac MR systole"]


def test_the_button_in_sample_data_loads_the_labels_too(host: Any, sample_data: Any) -> None:
    import SampleData

    sample_data.register_sample_data()
    source = SampleData.SampleDataLogic().sourceForSampleName("Echocardiogram pair")
    nodes = source.customDownloader(source)
    assert [node.GetName() for node in nodes] == [
        "Echo diastole",
        "Echo systole",
        "Labels of Echo diastole",
        "Labels of Echo systole",
    ]


def _read(name: str) -> np.ndarray:
    """Voxels as Slicer has them: it reverses the slices of left-handed images."""
    image = sitk.ReadImage(str(sample_data_dir() / name))
    array = sitk.GetArrayFromImage(image)
    direction = np.reshape(image.GetDirection(), (image.GetDimension(),) * 2)
    return array[::-1] if array.ndim == 3 and np.linalg.det(direction) < 0 else array


@pytest.mark.parametrize("kind", ["cardiac", "brain", "echo"])
def test_a_pair_is_loaded_with_named_labels(host: Any, sample_data: Any, kind: str) -> None:
    from SlicerLDMRegLib.slicer_app.scene.labels import labels_from_node
    from SlicerLDMRegLib.slicer_app.scene.volume_nodes import volume_geometry

    pair = sample_data.PAIRS[kind]
    if not pair.exists:
        pytest.skip(f"no files of the pair {kind}")
    loaded = sample_data.load_pair(kind)
    for role, volume, segmentation in (
        ("fixed", loaded.fixed, loaded.fixed_labels),
        ("moving", loaded.moving, loaded.moving_labels),
    ):
        expected = _read(f"{kind}_{role}.nrrd")
        np.testing.assert_array_equal(
            host.slicer.util.arrayFromVolume(volume).reshape(expected.shape), expected
        )
        labels = _read(f"{kind}_{role}_labels.nrrd")
        found = labels_from_node(segmentation, volume_geometry(volume))
        voxels = sitk.GetArrayFromImage(found.image).reshape(labels.shape)
        np.testing.assert_array_equal(voxels, labels)
        assert volume.GetStorageNode() is None  # saving never writes into the extension
        assert list(found.names) == [n for n in np.unique(labels) if n]
        names = pair.label_names()
        assert list(found.names.values()) == [names[number] for number in found.names]
        assert not any(name.startswith("Label ") for name in found.names.values())
    colors = [
        {s.GetName(): s.GetColor() for s in _segments(node)}
        for node in (loaded.fixed_labels, loaded.moving_labels)
    ]
    assert colors[0] == colors[1]
    assert len(set(colors[0].values())) == len(colors[0])
    assert loaded.fixed_labels.GetDisplayNode().GetVisibility()
    assert not loaded.moving_labels.GetDisplayNode().GetVisibility()
    composite = host.slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
    assert composite.GetBackgroundVolumeID() == loaded.fixed.GetID()
    assert not host.slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode")


def _segments(node: Any) -> list[Any]:
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]


def test_a_pair_is_loaded_once(host: Any, sample_data: Any) -> None:
    first, second = sample_data.load_pair("cardiac"), sample_data.load_pair("cardiac")
    assert vars(first) == vars(second)
    host.slicer.mrmlScene.RemoveNode(first.moving_labels)
    third = sample_data.load_pair("cardiac")
    assert third.fixed is first.fixed
    assert _names(third.moving_labels) == _names(first.fixed_labels)


def test_unknown_and_missing_pairs_are_told(
    host: Any, sample_data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="expected one of cardiac, brain, echo, got 'liver'"):
        sample_data.load_pair("liver")
    lost = sample_data.SamplePair("lost", "Lost pair", "a", "b", "no-model")
    monkeypatch.setitem(sample_data.PAIRS, "lost", lost)
    with pytest.raises(InputError, match=r"are missing in .*lost_fixed.nrrd, .*reinstall"):
        sample_data.load_pair("lost")
    assert lost not in sample_data.available_pairs()


def test_a_chosen_pair_fills_the_form(host: Any, sample_data: Any) -> None:
    from SlicerLDMRegLib.slicer_app.panel.try_section import choose_pair
    from SlicerLDMRegLib.slicer_app.run.choices import Alignment, Device
    from SlicerLDMRegLib.slicer_app.run.parameters import RegistrationParameters

    node = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    parameters = RegistrationParameters(node)
    other = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "earlier result")
    parameters.warpedNode = other
    parameters.model = "none"
    parameters.alignment = Alignment.AFFINE
    parameters.prompts = {"liver": "liver"}
    parameters.seed = 7
    parameters.device = Device.CPU
    loaded = sample_data.load_pair("cardiac")
    choose_pair(loaded, parameters)
    assert parameters.fixedVolume is loaded.fixed
    assert parameters.movingVolume is loaded.moving
    assert parameters.fixedLabels is loaded.fixed_labels
    assert parameters.movingLabels is loaded.moving_labels
    assert parameters.model == "auto"
    assert (parameters.alignment, parameters.seed) == (Alignment.AUTO, 0)
    assert parameters.warpedNode is None  # it is not overwritten with other images
    assert not parameters.prompts
    assert parameters.device is Device.CPU
    choose_pair(sample_data.load_pair("echo"), parameters)
    assert parameters.fixedVolume.GetName() == "Echo diastole"
    assert parameters.model == "auto"


def test_labels_are_outlines(host: Any, sample_data: Any) -> None:
    """Filled, they cover the image that they belong to."""
    loaded = sample_data.load_pair("cardiac")
    for labels in (loaded.fixed_labels, loaded.moving_labels):
        display = labels.GetDisplayNode()
        assert display.GetVisibility2DOutline() and not display.GetVisibility2DFill()


@pytest.fixture
def broken(sample_data: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Breaks a part of the cardiac pair."""

    def break_part(part: str, contents: bytes) -> None:
        folder = tmp_path / "SampleData"
        folder.mkdir()
        for file in sample_data_dir().glob("cardiac_*.nrrd"):
            (folder / file.name).write_bytes(file.read_bytes())
        path = folder / f"cardiac_{part}.nrrd"
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if contents == b"half" else contents)
        monkeypatch.setattr(sample_data, "sample_data_dir", lambda: folder)

    return break_part


@pytest.mark.parametrize("part", ["fixed", "moving", "fixed_labels", "moving_labels"])
@pytest.mark.parametrize("contents", [b"", b"NRRD0004\nnonsense", b"half"])
def test_a_file_that_cannot_be_loaded_is_told(
    host: Any, sample_data: Any, broken: Any, part: str, contents: bytes
) -> None:
    from Testing.Python.slicer_app.panel.conftest import REPOSITORY

    host.load_module(REPOSITORY / "SlicerLDMReg" / "SlicerLDMReg.py")
    panel = host.open_module("SlicerLDMReg").panel
    before = {node.GetID() for node in host.slicer.util.getNodesByClass("vtkMRMLStorableNode")}
    broken(part, contents)
    host.click("tryCardiacButton")
    host.wait_until(lambda: not panel.loading, 30, "the error")
    status = host.widget("statusLabel")
    assert status.visible and status.text.startswith("\u2715 "), status.text
    assert "cannot be loaded" in status.text and "reinstall LDMReg" in status.text
    assert panel.parameters.fixedVolume is None
    after = {node.GetID() for node in host.slicer.util.getNodesByClass("vtkMRMLStorableNode")}
    assert after == before, "what had been loaded of it is gone again"
