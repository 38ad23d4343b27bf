"""Registration by structures: labels of both images drive it, with or without the images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib import register
from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.request import RegistrationRequest
from SlicerLDMRegLib.report.verdict import judge

PLANE = ImageGeometry((44, 40), (2.0, 2.0), (3.0, -4.0), (0.8, -0.6, 0.6, 0.8))
VOLUME = ImageGeometry((22, 20, 12), (2.0, 2.0, 3.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
FEW = {"iterations": [25, 20]}


def structures(geometry: ImageGeometry, bent: bool = False, shift: float = 0.0) -> sitk.Image:
    """A body with two organs, numbers 4, 7 and 9; bent and moved."""
    place = geometry.points() - np.asarray(geometry.center())
    place = place - np.array([shift, 0.0, 0.0])[: geometry.dimension]
    if bent:
        x, y = place[..., 0].copy(), place[..., 1].copy()
        place[..., 0] = 1.15 * x + 3 * np.sin(y / 10)
        place[..., 1] = 0.9 * y
    radius = 0.3 * min(geometry.extent_mm[:2])
    found = np.zeros(geometry.array_shape, np.uint8)
    for number, x, y, size in ((4, 0.0, 0.0, 1.0), (7, 0.4, 0.0, 0.4), (9, -0.3, -0.3, 0.3)):
        away = place - np.array([x * radius, y * radius, 0.0])[: geometry.dimension]
        found[(away**2).sum(axis=-1) < (size * radius) ** 2] = number
    return geometry.to_image(found)


def noise(geometry: ImageGeometry, seed: int) -> sitk.Image:
    """An image that tells nothing."""
    values = np.random.default_rng(seed).random(geometry.array_shape, np.float32)
    return geometry.to_image(values)


def run(geometry: ImageGeometry, by: str = "labels", **options: Any) -> Any:
    return register(
        noise(geometry, 0),
        noise(geometry, 1),
        fixed_labels=structures(geometry),
        moving_labels=options.pop("moving_labels", structures(geometry, bent=True)),
        register_by=by,
        **{"model": "none", "refine": FEW, "align": "none"} | options,
    )


def test_structures_are_brought_together_where_images_tell_nothing() -> None:
    by_labels, by_images = run(PLANE), run(PLANE, "images")
    before = by_labels.metrics["before"]["dice_mean"]
    assert before < 0.85
    assert by_labels.metrics["after"]["dice_mean"] > 0.95
    assert by_images.metrics["after"]["dice_mean"] < 0.9
    assert by_labels.metrics["deformation"]["fold_count"] == 0
    assert by_labels.metrics["structures"] == {"by": "labels", "labels": [4, 7, 9]}


def test_the_verdict_says_that_images_were_not_compared() -> None:
    verdict = judge(run(PLANE).metrics)
    told = " ".join(verdict.findings)
    assert verdict.status == "good", told
    assert "by labelled structures alone" in told and "not independent evidence" in told
    assert "NCC" not in told


def test_structures_of_a_volume_and_of_its_slices() -> None:
    whole = run(VOLUME, refine={"iterations": [20]})
    assert whole.metrics["after"]["dice_mean"] > whole.metrics["before"]["dice_mean"] + 0.1
    slices = run(VOLUME, slices="k:4-7")
    assert slices.metrics["after"]["dice_mean"] > 0.93


def test_the_same_structures_are_aligned_first() -> None:
    far = structures(VOLUME, shift=12.0)
    found = run(VOLUME, align="rigid", moving_labels=far, refine={"iterations": [2]})
    assert found.metrics["before"]["dice_mean"] < 0.4
    assert found.metrics["aligned"]["dice_mean"] > 0.85


def test_images_and_structures_together() -> None:
    image = structures(PLANE)
    moving = structures(PLANE, bent=True)
    smooth = [
        sitk.DiscreteGaussian(sitk.Cast(one, sitk.sitkFloat32), 4.0) for one in (image, moving)
    ]
    options: dict[str, Any] = {
        "fixed_labels": image, "moving_labels": moving, "model": "none", "align": "none",
        "refine": {"iterations": [10]},
    }  # fmt: skip
    both = register(*smooth, register_by="both", **options)
    alone = register(*smooth, **options)
    assert both.metrics["after"]["dice_mean"] > alone.metrics["after"]["dice_mean"]
    told = " ".join(judge(both.metrics).findings)
    assert "NCC" in told and "not independent evidence" in told


def test_a_structure_of_one_image_only_is_no_structure() -> None:
    moving = sitk.GetArrayFromImage(structures(PLANE, bent=True))
    moving[moving == 9] = 0
    moving[:3] = 5
    found = run(PLANE, moving_labels=PLANE.to_image(moving))
    assert found.metrics["structures"]["labels"] == [4, 7]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"register_by": "segments"}, "register by: expected images, labels, both"),
        ({"register_by": "labels"}, "needs the labels of both images"),
        ({"register_by": "both", "fixed_labels": "c"}, "needs the labels of both images"),
        (
            {"register_by": "both", "fixed_labels": "c", "moving_labels": "d", "refine": False},
            "drive the refinement, which is off",
        ),
        (
            {"register_by": "labels", "fixed_labels": "c", "moving_labels": "d", "model": "m"},
            "takes no model",
        ),
    ],
)
def test_what_cannot_be_is_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        RegistrationRequest("a", "b", **options)


def test_maps_without_a_common_structure_are_told() -> None:
    other = sitk.GetArrayFromImage(structures(PLANE)) + 20
    with pytest.raises(InputError, match="no structure is in both label maps"):
        run(PLANE, moving_labels=PLANE.to_image(other))


def test_the_shell_needs_no_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, bent in (("a", False), ("b", True)):
        sitk.WriteImage(structures(PLANE, bent), str(tmp_path / f"{name}.nrrd"))
    files = [tmp_path / "a.nrrd", tmp_path / "b.nrrd"]
    command = ["register", "--fixed-labels", files[0], "--moving-labels", files[1]]
    command += ["--output", tmp_path / "out", "--refine-iterations", "20,10"]
    assert main([*map(str, command), "--register-by", "labels"]) == 0
    assert (tmp_path / "out" / "transform.h5").is_file()
    assert "Dice" in capsys.readouterr().out
    assert main([*map(str, command)]) == 2
    assert "required: --fixed" in capsys.readouterr().err
