"""The comparison in 3D: its sets, its methods with spacing and direction, its command."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.metrics import dice
from SlicerLDMRegLib.model_store import Grid, ModelCard, write_model_folder
from SlicerLDMRegLib.networks.textscf import TextSCF, TextSCFConfig
from SlicerLDMRegLib.text import label_scheme
from Testing.Python.training.models import SIZE, SPACING, write_segmenter
from training.baselines import Method, Registered, demons, ldmreg_method, syn
from training.datasets.brain_labels import SUBJECTS
from training.datasets.evaluation import EvaluationPair, structure_names
from training.datasets.evaluation_sets import evaluation_pairs
from training.datasets.evaluation_volumes import abdomen_warp, hippocampus, random_warp
from training.evaluate import build_methods, main
from training.scores import score

GEOMETRY = ImageGeometry(
    (20, 24, 18), (2.0, 1.5, 2.5), (30.0, -12.0, 5.0), (-1, 0, 0, 0, 0, 1, 0, 1, 0)
)
SHIFT = np.array([3.0, -2.0, 2.5])  # mm, LPS


def ellipsoid(centre: np.ndarray) -> np.ndarray:
    """A bright body with a dark part, so that no axis and no side is like another."""
    points = GEOMETRY.points() - np.array(GEOMETRY.center()) - centre
    body = np.exp(-0.5 * ((points / [9.0, 11.0, 7.0]) ** 2).sum(-1))
    part = np.exp(-0.5 * (((points - [4.0, 5.0, -3.0]) / 3.0) ** 2).sum(-1))
    return (body - 0.6 * part).clip(0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def shifted() -> EvaluationPair:
    fixed, moving = ellipsoid(np.zeros(3)), ellipsoid(SHIFT)
    labels = [(image > 0.4).astype(np.uint8) for image in (fixed, moving)]
    return EvaluationPair("shift", fixed, moving, *labels, GEOMETRY, {1: "body"})


def refinement(pair: EvaluationPair) -> Registered:
    return ldmreg_method(None, refine=True)(pair)


@pytest.mark.parametrize("method", [demons, syn, refinement])
def test_fields_are_in_mm_of_the_patient(method: Method, shifted: EvaluationPair) -> None:
    if method is syn:
        pytest.importorskip("ants")
    found = method(shifted.for_methods())
    assert found.field.geometry == GEOMETRY
    inside = shifted.fixed > 0.3
    np.testing.assert_allclose(np.median(found.field.vectors[inside], axis=0), SHIFT, atol=0.8)
    before, after = (score(shifted, f) for f in (DisplacementField.identity(GEOMETRY), found.field))
    # Seen from the wrong side the shift doubles, and next to nothing overlaps.
    assert after["dice"] > 0.75 > before["dice"]


def test_pairs_hide_the_answers(shifted: EvaluationPair) -> None:
    truth = DisplacementField.identity(GEOMETRY)
    whole = replace(shifted, truth=truth, mask=shifted.fixed > 0)
    for seen in (whole.for_methods(), whole.mirrored()):
        assert seen.moving_labels is seen.truth is seen.mask is None
        assert seen.fixed_labels is not None and seen.geometry == GEOMETRY
    np.testing.assert_array_equal(whole.mirrored().moving[0], whole.moving[-1])


def test_random_warp_is_smooth_still_at_the_border_and_invertible() -> None:
    geometry = ImageGeometry((30, 28, 32), (4.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
    there, back = random_warp(geometry, 3)
    lengths = np.linalg.norm(there.vectors, axis=-1)
    assert 3 < lengths[8:-8, 8:-8, 8:-8].mean() < 20
    assert lengths[0].max() == lengths[:, :, -1].max() == 0
    assert there.jacobian_determinant().min() > 0
    points = geometry.index_to_physical([[12, 14, 15], [20, 9, 17]])
    np.testing.assert_allclose(back.warp_points(there.warp_points(points)), points, atol=0.5)
    again = random_warp(geometry, 3)[0]
    np.testing.assert_array_equal(again.vectors, there.vectors)
    assert not np.array_equal(random_warp(geometry, 4)[0].vectors, there.vectors)


@pytest.fixture(scope="module")
def abdomen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CT with a body, two organs and a table, under the names of the real files."""
    root = tmp_path_factory.mktemp("abdomen")
    geometry = ImageGeometry((32, 28, 30), (9.0,) * 3, (0.0,) * 3, (-1, 0, 0, 0, -1, 0, 0, 0, 1))
    z, y, x = np.indices(geometry.array_shape)
    ct = np.full(geometry.array_shape, -1000, np.int16)
    ct[(x - 15.5) ** 2 / 144 + (y - 12) ** 2 / 81 < 1] = 40
    ct[:, 25:27, 4:28] = 200
    labels = np.zeros(geometry.array_shape, np.uint8)
    labels[(x - 10) ** 2 + (y - 12) ** 2 + (z - 15) ** 2 < 16] = 5
    labels[(x - 21) ** 2 + (y - 12) ** 2 + (z - 12) ** 2 < 9] = 1
    ct[labels > 0] = 180
    sitk.WriteImage(geometry.to_image(ct), root / "ct_3mm_122x101x112.nii.gz")
    sitk.WriteImage(geometry.to_image(labels), root / "seg13_btcv_style.nii.gz")
    (root / "labels13.json").write_text('{"1": "spleen", "5": "liver"}')
    return root


def test_abdomen_is_warped_as_its_truth_says(abdomen: Path) -> None:
    pairs = abdomen_warp(abdomen)
    assert [pair.name for pair in pairs] == [f"warp-{i}" for i in range(5)]
    assert structure_names(pairs) == {1: "spleen", 5: "liver"}
    case = pairs[0]
    assert case.mask is not None and case.truth is not None
    assert case.mask[15, 12, 15] and not case.mask[15, 26, 15], "the table is no part of the body"
    before, after = (
        score(case, field) for field in (DisplacementField.identity(case.lattice), case.truth)
    )
    assert after["error_mm"] == 0 < before["error_mm"] < before["error_mm_95"]
    assert after["dice"] > 0.9 > before["dice"]
    assert after["mse"] < 0.5 * before["mse"]
    assert not np.array_equal(pairs[1].truth.vectors, case.truth.vectors)
    with pytest.raises(FileNotFoundError, match=r"expected .*ct_3mm"):
        abdomen_warp(abdomen / "nowhere")


def test_hippocampi_lie_centre_on_centre(tmp_path: Path) -> None:
    for i, size in enumerate([(7, 9, 8), (9, 8, 8), (8, 8, 6)]):
        geometry = ImageGeometry(size, (1.0,) * 3, (-1.0, -1.0, 1.0), (-1, 0, 0, 0, -1, 0, 0, 0, 1))
        rng = np.random.default_rng(i)
        image = rng.integers(0, 2000, size[::-1]).astype(np.float32)
        labels = np.zeros(size[::-1], np.float32)  # some of the real ones are floats, too
        labels[3:5, 3:6, 3:5] = 1 + i % 2
        for folder, array in (("images", image), ("labels", labels)):
            (tmp_path / folder).mkdir(exist_ok=True)
            sitk.WriteImage(
                geometry.to_image(array), tmp_path / folder / f"hippocampus_00{i}.nii.gz"
            )
    pairs = hippocampus(tmp_path)
    assert [pair.name for pair in pairs] == ["001-000", "002-001", "000-002"]
    assert all(pair.fixed.shape == pair.moving_labels.shape == (8, 9, 9) for pair in pairs)
    first = pairs[0]
    assert first.fixed.max() == 1 and set(np.unique(first.fixed_labels)) == {0, 1}
    assert first.fixed_labels[3:5, 3:6, 4:6].all(), "one voxel was added in front along x"
    np.testing.assert_array_equal(first.fixed[:, :, 0], first.fixed[:, :, 1])
    with pytest.raises(FileNotFoundError, match="no two images"):
        hippocampus(tmp_path / "images")


def test_real_volumes(shared_data: Path) -> None:
    pairs = evaluation_pairs("hippocampus", shared_data / "data" / "hippocampus_mr")
    assert len(pairs) == 12 and all(set(np.unique(p.fixed_labels)) == {0, 1, 2} for p in pairs)
    overlap = [dice(p.fixed_labels, p.moving_labels) for p in pairs]
    assert min(min(d.values()) for d in overlap) > 0.1
    assert np.mean([list(d.values()) for d in overlap]) < 0.8


@pytest.fixture
def brains(phantoms: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments of the command for two pairs of 32^3 voxels."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(phantoms.cache))
    monkeypatch.setitem(SUBJECTS, "train", (1, 2))
    for name in ("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "ANTS_RANDOM_SEED"):
        monkeypatch.setenv(name, "1")  # put back what the command sets
    arguments = ["--data", "brain-mr", "--root", str(phantoms.root), "--split", "validation"]
    arguments += ["--size", "32", "32", "32", "--spacing", "6"]
    return [*arguments, "--threads", "1", "--one-process"]


def write_model(folder: Path, filters: str) -> Path:
    """An untrained textSCF, or its backbone alone, as a model folder."""
    config = TextSCFConfig(
        backbone_arguments={"start_channels": 2},
        filters=filters,
        regions=36,
        text_channels=4,
        hidden_channels=4,
        integration_steps=4,
    )
    torch.manual_seed(0)
    network = TextSCF(config)
    if network.uses_regions:
        network.embeddings.normal_()
    text = {"encoder": "minilm", "template": "a photo of a [CLS].", "background": "svd"}
    card = ModelCard(
        id=folder.name,
        title="Untrained",
        method="textscf",
        spatial_dims=3,
        network=config.to_dict(),
        grid=Grid(SIZE, 16, SPACING, "LPS"),
        use="Tests",
        label_scheme=label_scheme("freesurfer35") if network.uses_regions else {},
        text=text if network.uses_regions else {},
        # As many as need no look for what is still to move, which takes longer.
        defaults={"refine": {"iterations": [10, 10, 10]}},
    )
    write_model_folder(folder, card, network.eval().state_dict(), "CC0", dtype="float32")
    return folder


def test_command_compares_masks_and_networks(tmp_path: Path, brains: list[str]) -> None:
    with_text = write_model(tmp_path / "with-text", "blended")
    without = write_model(tmp_path / "without-text", "none")
    models = ["--models", str(with_text), str(without)]
    models += ["--segmenter", str(write_segmenter(tmp_path / "segmenter"))]
    main([*brains, "--methods", "identity", *models, "--limit", "1", "--output", str(tmp_path)])
    stored = json.loads((tmp_path / "results.json").read_text())
    rows = {row["method"]: row for row in stored["pairs"]}
    titles = [f"with-text, {masks} masks" for masks in ("reference", "predicted", "no")]
    titles.append("without-text")
    both = [title + refined for title in titles for refined in ("", " + refinement")]
    assert list(rows) == ["Identity", *both]
    plain = [rows[title]["ncc"] for title in ("Identity", *titles)]
    assert len(set(plain)) == len(plain), "each row is told something else"
    assert all(
        (title.endswith("refinement")) == ("seconds_refine" in rows[title]) for title in both
    )
    network = rows["without-text"]
    assert 0 < network["seconds_predict"] < network["seconds"]
    assert rows["with-text, predicted masks"]["seconds_segment"] > 0
    assert "peak_mib" not in network
    assert stored["run"]["options"] == {"size": list(SIZE), "spacing": SPACING}
    with (tmp_path / "structures.csv").open(encoding="utf-8") as file:
        names = {row["name"] for row in csv.DictReader(file)}
    assert "Left-Hippocampus" in names


def test_masks_of_a_method(shifted: EvaluationPair, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "with-text", "blended")
    titles = list(build_methods([], [str(folder)]))
    assert len(titles) == 6 and titles[2] == "with-text, predicted masks"
    with pytest.raises(ValueError, match="masks must be one of reference, predicted, no"):
        ldmreg_method(folder, False, masks="perfect")
    with pytest.raises(ValueError, match="reference masks need labels with names"):
        ldmreg_method(folder, False, masks="reference")(replace(shifted, label_names=None))


def test_options_of_brains_are_refused_for_other_data(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--data", "echo", "--contrast", "t1", "--output", str(tmp_path)])
