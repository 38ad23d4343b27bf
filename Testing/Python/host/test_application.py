"""The application object: files, settings, packages, processes, versions, sample data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def _volume(host: Any, name: str = "V") -> Any:
    array = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    node = host.slicer.util.addVolumeFromArray(array, name=name)
    node.SetSpacing(1, 2, 3)
    node.SetOrigin(-10, 20, 30)
    return node


def test_the_parts_of_the_application_are_there(host: Any) -> None:
    slicer = host.slicer
    assert slicer.app.mrmlScene() is slicer.mrmlScene
    assert slicer.app.applicationName == "Slicer"
    assert (slicer.app.majorVersion, slicer.app.minorVersion) == (5, 13)
    assert slicer.modules.transforms.logic().IsA("vtkSlicerTransformLogic")
    assert slicer.util.getModuleLogic("Volumes").IsA("vtkSlicerVolumesLogic")
    assert slicer.util.mainWindow().windowTitle == "3D Slicer"
    assert not slicer.app.testingEnabled()
    assert host.uses_slicer_source == bool(os.environ.get("SLICER_SOURCE"))


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_volumes_are_saved_and_loaded(host: Any, tmp_path: Path, suffix: str) -> None:
    slicer, node = host.slicer, _volume(host)
    path = str(tmp_path / f"volume{suffix}")
    assert slicer.util.saveNode(node, path)
    loaded = slicer.util.loadVolume(path, {"name": "Loaded"})
    assert loaded.GetName() == "Loaded"
    assert slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode() is not None
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(loaded), slicer.util.arrayFromVolume(node)
    )
    np.testing.assert_allclose(loaded.GetOrigin(), node.GetOrigin())
    with pytest.raises(RuntimeError, match="does not exist"):
        slicer.util.loadVolume(str(tmp_path / "missing.nrrd"))


def test_transforms_are_saved_and_loaded(host: Any, tmp_path: Path) -> None:
    slicer = host.slicer
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "T")
    grid = slicer.vtkOrientedGridTransform()
    import vtk

    image = vtk.vtkImageData()
    image.SetDimensions(4, 5, 6)
    image.AllocateScalars(vtk.VTK_DOUBLE, 3)
    grid.SetDisplacementGridData(image)
    node.SetAndObserveTransformFromParent(grid)
    values = np.random.default_rng(1).normal(size=(6, 5, 4, 3))
    slicer.util.arrayFromGridTransform(node)[:] = values
    slicer.util.arrayFromGridTransformModified(node)
    path = str(tmp_path / "field.h5")
    assert slicer.util.saveNode(node, path)
    loaded = slicer.util.loadTransform(path)
    np.testing.assert_allclose(slicer.util.arrayFromGridTransform(loaded), values)


def test_other_nodes_are_saved_and_loaded(host: Any, tmp_path: Path) -> None:
    slicer = host.slicer
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Metrics")
    slicer.util.updateTableFromArray(table, np.array([[1.0, 2.0]]), ["Before", "After"])
    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Landmarks")
    points.AddControlPoint((1, 2, 3))
    text = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "Report")
    text.SetText("all well")
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Heart")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(_volume(host))
    segmentation.GetSegmentation().AddEmptySegment("LV", "LV")
    mask = np.zeros((4, 5, 6), np.uint8)
    mask[1:3, 2:4, 2:5] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        mask, segmentation, "LV", slicer.util.getNode("V")
    )
    for node, name in (
        (table, "metrics.tsv"),
        (points, "landmarks.mrk.json"),
        (text, "report.txt"),
        (segmentation, "heart.seg.nrrd"),
    ):
        path = str(tmp_path / name)
        assert slicer.util.saveNode(node, path)
        loaded = slicer.util.loadNodeFromFile(path, None, {})
        assert loaded.GetClassName() == node.GetClassName()
        if node is segmentation:
            found = slicer.util.arrayFromSegmentBinaryLabelmap(
                loaded, "LV", slicer.util.getNode("V")
            )
            np.testing.assert_array_equal(found, mask)


def test_exporting_leaves_the_node_alone(host: Any, tmp_path: Path) -> None:
    slicer, node = host.slicer, _volume(host)
    assert slicer.util.exportNode(node, str(tmp_path / "copy.nrrd"), {})
    assert (tmp_path / "copy.nrrd").exists()
    assert node.GetStorageNode() is None
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 1


def test_settings_are_kept_apart(host: Any) -> None:
    host.qt.QSettings().setValue("LDMReg/Device", "cuda")
    assert host.slicer.util.settingsValue("LDMReg/Device", "cpu") == "cuda"
    assert str(host.folder) in host.slicer.app.slicerUserSettingsFilePath
    host.reset()
    assert host.slicer.util.settingsValue("LDMReg/Device", "cpu") == "cpu"


def test_nothing_is_installed(host: Any) -> None:
    packaging = host.slicer.packaging
    assert packaging.pip_check("numpy>=1.20")
    assert not packaging.pip_check(["numpy", "no-such-package-here>=1"])
    host.dialogs.answer("1 Python package needs", "OK")
    packaging.pip_ensure("no-such-package-here>=1", constraints="limits.txt", requester="LDMReg")
    assert host.pip.commands == [["install", "no-such-package-here>=1", "-c", "limits.txt"]]
    assert host.dialogs.shown[0].title == "LDMReg - Install Python Packages"


def test_declining_and_failing_installs_raise(host: Any) -> None:
    packaging = host.slicer.packaging
    host.dialogs.answer("Python package", "Cancel")
    with pytest.raises(RuntimeError, match="declined"):
        packaging.pip_ensure("no-such-package-here")
    assert host.pip.commands == []
    host.pip.fail_with(1)
    host.dialogs.answer("Python package", "OK")
    host.dialogs.answer("Package installation failed", "OK")
    with pytest.raises(subprocess.CalledProcessError):
        packaging.pip_ensure("no-such-package-here", requester="LDMReg")
    assert "Collecting no-such-package-here" in host.dialogs.shown[-1].details
    with host.testing():
        packaging.pip_ensure("no-such-package-here")  # nothing, as under ctest
    assert len(host.pip.commands) == 1


def test_an_install_runs_in_the_background(host: Any) -> None:
    packaging, lines, codes = host.slicer.packaging, [], []
    packaging.pip_install(
        "a-package", blocking=False, logCallback=lines.append, completedCallback=codes.append
    )
    assert packaging.isPipInstallInProgress()
    host.wait_until(lambda: codes, 20, "pip")
    assert (codes, lines) == ([0], ["Collecting a-package"])
    assert not packaging.isPipInstallInProgress()


def test_requirements_are_read(host: Any, tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(
        "# comment\n\n--index-url https://x\nmonai>=1.6\nscipy>=1.12; python_version>'3'\n"
    )
    names = [r.name for r in host.slicer.packaging.load_requirements(path)]
    assert names == ["monai", "scipy"]


def test_slicer_before_packaging(host: Any) -> None:
    util = host.slicer.util
    with host.version(5, 10):
        assert (host.slicer.app.majorVersion, host.slicer.app.minorVersion) == (5, 10)
        with pytest.raises(ImportError):
            import slicer.packaging
        assert not hasattr(host.slicer, "packaging")
        util.pip_install("monai>=1.6 einops")
        with pytest.raises(TypeError):
            util.pip_install("monai", blocking=False)
        with pytest.raises(TypeError):
            util.launchConsoleProcess(["true"], blocking=False)
    assert host.pip.commands == [["install", "monai>=1.6", "einops"]]
    import slicer.packaging

    assert slicer.packaging.pip_check("numpy")


def test_the_pytorch_extension_is_asked(host: Any) -> None:
    with pytest.raises(ImportError):
        import PyTorchUtils
    with host.pytorch_extension(torch_installed=False) as extension:
        import PyTorchUtils

        assert host.slicer.app.extensionsManagerModel().isExtensionInstalled("PyTorch")
        logic = PyTorchUtils.PyTorchUtilsLogic()
        assert not logic.torchInstalled()
        host.dialogs.answer("PyTorch will be downloaded", "Cancel")
        assert logic.installTorch(askConfirmation=True) is None
        extension.can_install = False
        with pytest.raises(RuntimeError, match="failed"):
            logic.installTorch(torchVersionRequirement=">=2.8")
        assert [r["torchVersionRequirement"] for r in extension.requests] == [">=2.8"]
    assert not host.slicer.app.extensionsManagerModel().isExtensionInstalled("PyTorch")


def test_python_slicer_runs_python(host: Any) -> None:
    lines: list[str] = []
    process = host.slicer.util.launchConsoleProcess(
        ["PythonSlicer", "-c", "import sys; print(sys.executable)"], useStartupEnvironment=False
    )
    host.slicer.util.logProcessOutput(process, lines.append)
    assert lines == [sys.executable]


def test_sample_data_is_loaded(host: Any, tmp_path: Path) -> None:
    import SampleData

    path = tmp_path / "sample.nrrd"
    host.slicer.util.saveNode(_volume(host), str(path))
    checksum = host.slicer.util.computeChecksum("SHA256", str(path))
    for _ in range(2):  # registering again changes nothing
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category="LDMReg",
            sampleName="Pair",
            uris=[path.as_uri()],
            fileNames=["sample.nrrd"],
            nodeNames=["Fixed"],
            checksums=[f"SHA256:{checksum}"],
        )
    assert len(SampleData.SampleDataLogic.sampleDataSourcesByCategory("LDMReg")) == 1
    (node,) = SampleData.SampleDataLogic().downloadSamples("Pair")
    assert (node.GetName(), node.GetSpacing()) == ("Fixed", (1, 2, 3))
    with pytest.raises(ValueError, match="same length"):
        SampleData.SampleDataSource(uris=["a", "b"], fileNames=["a"])


def test_simpleitk_images_are_exchanged(host: Any) -> None:
    import sitkUtils

    node = _volume(host)
    image = sitkUtils.PullVolumeFromSlicer(node)
    assert image.GetOrigin() == pytest.approx((10, -20, 30))  # LPS
    assert image.GetSpacing() == pytest.approx((1, 2, 3))
    pushed = sitkUtils.PushVolumeToSlicer(image, name="Back")
    np.testing.assert_array_equal(
        host.slicer.util.arrayFromVolume(pushed), host.slicer.util.arrayFromVolume(node)
    )
    np.testing.assert_allclose(pushed.GetOrigin(), node.GetOrigin())


def test_a_web_page_is_not_opened(host: Any) -> None:
    host.qt.QDesktopServices.openUrl(host.qt.QUrl("https://example.org/help"))
    assert host.opened_urls == ["https://example.org/help"]


def test_texts_are_translated(host: Any) -> None:
    from slicer.i18n import tr, translate

    assert tr("Apply {name}") == "Apply {name}"
    assert translate("qSlicerAbstractCoreModule", "Registration") == "Registration"
