"""*Automatic* takes a model for the anatomy that it knows, and says so where it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib import sample_data_dir
from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.model_store import Anatomy, find_model
from SlicerLDMRegLib.model_store.json_fields import Fields
from SlicerLDMRegLib.pipeline import register
from SlicerLDMRegLib.pipeline.context import RunContext
from SlicerLDMRegLib.pipeline.device import Meter, select_device
from SlicerLDMRegLib.pipeline.inputs import read_inputs
from SlicerLDMRegLib.pipeline.predict.loaded_model import LoadedModel, load_model
from SlicerLDMRegLib.pipeline.progress import Progress
from SlicerLDMRegLib.pipeline.recognise import is_named, recognise
from SlicerLDMRegLib.pipeline.request import RegistrationRequest
from SlicerLDMRegLib.pipeline.runner import Runner
from SlicerLDMRegLib.report import judge
from SlicerLDMRegLib.segmentation.plausibility import plausible_share
from training.synthesis.phantoms import generate_pair

AXES = tuple(np.eye(3).ravel())
SAMPLE = sample_data_dir()
FAST: dict[str, Any] = {"refine": {"iterations": [0, 0, 2]}}


def blobs(size: tuple[int, ...], spacing: float, shift: float = 0.0) -> sitk.Image:
    """An object that fills most of an image."""
    d = len(size)
    axes = AXES if d == 3 else (1.0, 0.0, 0.0, 1.0)
    lattice = ImageGeometry(size, (spacing,) * d, (0.0,) * d, axes)
    points = (lattice.points() - lattice.center()) / np.asarray(lattice.extent_mm)
    points[..., 0] += shift
    inside = np.linalg.norm(points, axis=-1) < 0.46
    values = inside * (2 + np.sin(14 * points[..., 0]) + np.cos(11 * points[..., 1]))
    return lattice.to_image(values.astype(np.float32))


def context_of(model: LoadedModel) -> RunContext:
    device = select_device("cpu")
    return RunContext(model, device, Meter(device), Progress())


@pytest.fixture(scope="module")
def brain_model() -> LoadedModel:
    return load_model("textscf-brain-mr", "cpu")


@pytest.mark.parametrize(
    ("size", "spacing", "reason"),
    [
        ((35, 51, 35), 1.0, "31.1 x 42.6 x 31.1 mm, expected 90 to 280 mm"),  # as a hippocampus
        ((40, 48, 44), 0.25, "expected 90 to 280 mm"),  # as the head of a mouse
        ((44, 36, 60), 9.0, "expected 90 to 280 mm"),  # as a trunk
    ],
)
def test_other_sizes_are_registered_without_the_brain_model(
    size: tuple[int, ...], spacing: float, reason: str
) -> None:
    images = blobs(size, spacing), blobs(size, spacing, 0.02)
    runner = Runner()
    result = runner.run(RegistrationRequest(*images, **FAST))
    assert runner.cache.names == []  # it was not even loaded
    assert result.metrics["model"]["unused"] == "textscf-brain-mr"
    assert reason in result.metrics["model"]["reason"]
    assert result.provenance["model"] is None and "segment" not in result.timings
    assert result.metrics["after"]["ncc"] > result.metrics["before"]["ncc"]
    told = [text for text in judge(result.metrics).findings if "without a model" in text]
    assert len(told) == 1 and reason in told[0]


def test_a_brain_is_known_and_a_brain_with_swapped_axes_is_not(brain_model: LoadedModel) -> None:
    request = RegistrationRequest(SAMPLE / "brain_fixed.nrrd", SAMPLE / "brain_moving.nrrd")
    inputs = read_inputs(request)
    assert recognise(inputs, request, context_of(brain_model)).reason is None
    brain = inputs.fixed
    swapped = sitk.PermuteAxes(brain, [2, 0, 1])
    swapped.SetDirection(brain.GetDirection())
    request = RegistrationRequest(swapped, swapped)
    reason = recognise(read_inputs(request), request, context_of(brain_model)).reason
    assert reason is not None and reason.startswith("of the 22 structures that it knows, ")


def test_what_the_segmenter_has_found_is_kept(brain_model: LoadedModel) -> None:
    """It is not looked for a second time by the registration."""
    request = RegistrationRequest(SAMPLE / "brain_fixed.nrrd", SAMPLE / "brain_moving.nrrd")
    inputs = read_inputs(request)
    recognise(inputs, request, context_of(brain_model))
    seen: list[float] = []

    class Told:
        def part(self, start: float, end: float) -> Told:
            return self

        def report(self, *_: object) -> None:
            seen.append(1.0)

    brain_model.companions["segment-brain-mr"].segment(inputs.fixed, Told())
    assert not seen


@pytest.mark.parametrize("noise", [True, False])
def test_a_picture_of_something_else_is_registered_without_the_cardiac_model(noise: bool) -> None:
    images = [blobs((96, 80), 1.0), blobs((96, 80), 1.0, 0.03)]
    if noise:
        random = np.random.default_rng(0).random((80, 96)).astype(np.float32)
        images = [sitk.GetImageFromArray(random), sitk.GetImageFromArray(np.roll(random, 2, 0))]
    metrics = register(*images, **FAST).metrics
    assert metrics["model"]["unused"] == "ldm-morph-cardiac-mr"
    assert "unlike those that it was trained on (distance" in metrics["model"]["reason"]


def test_hearts_are_known() -> None:
    pair = SAMPLE / "cardiac_fixed.nrrd", SAMPLE / "cardiac_moving.nrrd"
    result = register(*pair, **FAST)
    assert result.provenance["model"]["id"] == "ldm-morph-cardiac-mr"
    assert result.metrics["model"]["distance_to_training_images"] <= 1


@pytest.mark.parametrize("kind", ["cardiac", "apical"])
def test_of_several_models_the_images_choose_the_one_that_knows_them_best(kind: str) -> None:
    best = {"cardiac": "ldm-morph-cardiac-mr", "apical": "ldm-morph-echo"}[kind]
    seen = []
    for seed in range(3, 7):
        pair = generate_pair(kind, seed)
        result = register(
            sitk.GetImageFromArray(pair.fixed), sitk.GetImageFromArray(pair.moving), **FAST
        )
        seen.append((result.provenance["model"] or {}).get("id"))
    # Now and then a generated image is unlike those that a model has learned.
    assert seen.count(best) >= 3
    assert set(seen) <= {best, None}


def test_a_model_that_is_named_is_taken() -> None:
    images = blobs((96, 80), 1.0), blobs((96, 80), 1.0, 0.03)
    result = register(*images, model="ldm-morph-cardiac-mr", **FAST)
    assert result.provenance["model"]["id"] == "ldm-morph-cardiac-mr"
    assert result.metrics["model"]["distance_to_training_images"] > 1


def test_regions_that_are_given_are_a_wish_for_the_model() -> None:
    images = blobs((24, 26, 28), 2.0), blobs((24, 26, 28), 2.0, 0.02)
    labels = sitk.Cast(images[0] > 0.5, sitk.sitkUInt8) * 17
    result = register(
        *images, fixed_segmentation=labels, label_names={17: "left hippocampus"}, **FAST
    )
    assert result.provenance["model"]["id"] == "textscf-brain-mr"


@pytest.mark.parametrize(
    ("model", "options", "named"),
    [
        # Names of labels of another anatomy do not ask for the model.
        ("ldm-morph-cardiac-mr", {"label_names": {1: "Left ventricle cavity"}}, False),
        ("ldm-morph-cardiac-mr", {"label_names": "freesurfer35"}, False),
        ("textscf-brain-mr", {"label_names": {1: "liver", 2: "left kidney"}}, False),
        ("textscf-brain-mr", {"label_names": "btcv"}, False),
        # Nor does a wish to have no regions.
        ("textscf-brain-mr", {"fixed_segmentation": "none"}, False),
        ("textscf-brain-mr", {"fixed_segmentation": "auto"}, False),
        ("textscf-brain-mr", {"label_names": {1: "liver", 2: "left hippocampus"}}, True),
        ("textscf-brain-mr", {"label_names": "freesurfer35"}, True),
        ("textscf-brain-mr", {"label_names": "model"}, True),
        ("textscf-brain-mr", {"fixed_segmentation": np.ones((4, 4, 4), np.uint8)}, True),
        ("textscf-brain-mr", {"prompts": {1: "liver"}}, True),
        ("textscf-brain-mr", {"model": "textscf-brain-mr"}, True),
    ],
)
def test_what_asks_for_the_model(model: str, options: dict[str, Any], named: bool) -> None:
    request = RegistrationRequest("fixed", "moving", **options)
    assert is_named(request, find_model(model)) is named


def test_a_picture_with_named_labels_of_something_else() -> None:
    """Slicer names all labels; they only measure the overlap here."""
    images = blobs((96, 80), 1.0), blobs((96, 80), 1.0, 0.03)
    labels = [sitk.Cast(image > 0.5, sitk.sitkUInt8) for image in images]
    both = {"fixed_labels": labels[0], "moving_labels": labels[1], "label_names": {1: "liver"}}
    metrics = register(*images, **both, **FAST).metrics
    assert metrics["model"]["unused"] == "ldm-morph-cardiac-mr"
    assert metrics["after"]["dice"][1] > 0.9


def test_without_a_refinement_there_is_nothing_to_do_without_the_model(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    images = blobs((96, 80), 1.0), blobs((96, 80), 1.0, 0.03)
    with pytest.raises(InputError, match=r"unlike those.*use model='ldm-morph-cardiac-mr'"):
        register(*images, refine=False)
    paths = [str(tmp_path / f"{name}.nrrd") for name in ("fixed", "moving")]
    for image, path in zip(images, paths, strict=True):
        sitk.WriteImage(image, path)
    command = ["register", "--fixed", paths[0], "--moving", paths[1]]
    assert main([*command, "--output", str(tmp_path / "out"), "--no-refine"]) != 0
    assert "--model ldm-morph-cardiac-mr" in capsys.readouterr().err


def test_slices_are_judged_by_most_of_them() -> None:
    heart = sitk.ReadImage(str(SAMPLE / "cardiac_fixed.nrrd"), sitk.sitkFloat32)
    array = sitk.GetArrayFromImage(heart)
    random = np.random.default_rng(0).random(array.shape) * array.max()
    for slices, known in (([array] * 4 + [random], True), ([random] * 4 + [array], False)):
        stack = sitk.GetImageFromArray(np.stack(slices).astype(np.float32))
        stack.SetSpacing((*heart.GetSpacing(), 8.0))
        metrics = register(stack, stack, slices="all", align="none", **FAST).metrics
        assert ("unused" not in metrics["model"]) == known


def test_the_share_of_structures_of_a_usual_size() -> None:
    array = np.zeros((10, 20, 30), np.uint8)
    array[:, :, :10], array[:, :, 10:15] = 1, 2  # 2000 and 1000 voxels of 8 mm3: 16 and 8 ml
    labels = sitk.GetImageFromArray(array)
    labels.SetSpacing((2.0, 2.0, 2.0))
    assert plausible_share(labels, {1: (15, 17), 2: (7, 9)}) == 1
    assert plausible_share(labels, {1: (15, 17), 2: (1, 4.9)}) == 0.5
    assert plausible_share(labels, {1: (26, 30), 2: (7, 9), 3: (1, 2), 4: (0, 1)}) == 0.5


def test_the_anatomy_of_a_card() -> None:
    assert find_model("textscf-brain-mr").anatomy == Anatomy(extent_mm=(90, 280))
    volumes = find_model("segment-brain-mr").anatomy.volumes_ml
    assert volumes["17"] == (1.44, 5.02) and "30" not in volumes
    for wrong in ({"extent_mm": [3]}, {"extent_mm": [9, 3]}, {"volumes_ml": {"2": [1, True]}},
                  {"volumes_ml": [1, 2]}, {"extent_mm": [0, float("inf")]}):  # fmt: skip
        with pytest.raises(ModelError, match="anatomy"):
            Anatomy.from_fields(Fields(wrong, "ldmreg.anatomy"))
