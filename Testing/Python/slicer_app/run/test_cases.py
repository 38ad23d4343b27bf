"""Small inputs on which registration software is known to go wrong, as nodes of a scene."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.report import judge
from Testing.Python.slicer_app.scenes import array_of

PLAIN = {"model": "none"}


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> Path:
    folder = shared_data / "cases"
    if not folder.is_dir():
        pytest.skip("needs ../shared/cases")
    return folder


@pytest.fixture(scope="module")
def truth(cases: Path) -> ModuleType:
    """The warp of the phantom of these cases, as a formula."""
    spec = importlib.util.spec_from_file_location("truth_of_cases", cases / "truth.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def loaded(host: Any, *files: Path) -> list[Any]:
    return [host.slicer.util.loadVolume(str(file)) for file in files]


def registered(*nodes: Any, **options: Any) -> Any:
    from SlicerLDMRegLib.slicer_app.run.register_nodes import register_nodes

    return register_nodes(*nodes, **{**PLAIN, **options})


def millimetres_left(run: Any, truth: ModuleType, folder: Path) -> float:
    file = folder / "transform.h5"
    sitk.WriteTransform(run.result.transform, str(file))
    return truth.error(file)[1]


def test_the_plain_pair(host: Any, cases: Path, truth: ModuleType, tmp_path: Path) -> None:
    plain = cases / "plain"
    run = registered(*loaded(host, plain / "fixed.nii.gz", plain / "moving.nii.gz"))
    assert millimetres_left(run, truth, tmp_path) < 0.8
    assert judge(run.metrics).status == "good"


def test_masks_as_images_are_rounded(host: Any, cases: Path) -> None:
    folder = cases / "5-integers"
    run = registered(*loaded(host, folder / "mask_fixed.nrrd", folder / "mask_moving.nrrd"))
    assert int((array_of(run.nodes["warped"]) > 0).sum()) == pytest.approx(6607, rel=0.01)


def test_segments_are_paired_by_name(host: Any, cases: Path) -> None:
    folder, plain = cases / "7-names", cases / "plain"
    images = loaded(host, plain / "fixed.nii.gz", plain / "moving.nii.gz")
    labels = [
        host.slicer.util.loadSegmentation(str(folder / f"{role}.seg.nrrd"))
        for role in ("fixed", "moving")
    ]
    run = registered(*images, segmentation=labels[0], movingLabels=labels[1])
    assert run.metrics["after"]["dice_mean"] > 0.93


@pytest.mark.parametrize("count", [5, 7])
def test_stacks_of_few_slices(
    host: Any, cases: Path, truth: ModuleType, tmp_path: Path, count: int
) -> None:
    folder = cases / "9-few-slices"
    nodes = loaded(host, folder / f"{count}_fixed.nii.gz", folder / f"{count}_moving.nii.gz")
    whole = registered(*nodes)
    assert millimetres_left(whole, truth, tmp_path) < 1.8
    one_by_one = registered(*nodes, slices="all")
    assert millimetres_left(one_by_one, truth, tmp_path) < 1.6
    assert one_by_one.result.slices.count == count


def test_outside_is_as_dark_as_the_image(host: Any, cases: Path) -> None:
    folder = cases / "15-background"
    nodes = loaded(host, folder / "fixed.nii.gz", folder / "moving.nii.gz")
    darkest = int(np.min(array_of(nodes[1])))
    warped = array_of(registered(*nodes).nodes["warped"])
    assert warped.min() >= darkest > 900
