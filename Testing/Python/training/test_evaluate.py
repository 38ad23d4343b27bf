"""The comparison of methods: every method on the same footing, scores and files."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.model_store import Grid, ModelCard, write_model_folder
from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, LDMMorphConfig
from SlicerLDMRegLib.resources import bundled_models_dir
from training.baselines import (
    Method,
    Registered,
    demons,
    identity,
    ldmreg_method,
    ready,
    syn,
    syn_cc,
)
from training.datasets.evaluation import EvaluationPair
from training.datasets.evaluation_sets import evaluation_pairs
from training.evaluate import build_methods, evaluate, main
from training.scores import score

SHAPE = (48, 64)  # not square, so that exchanged axes show


def blobs(shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """An image without symmetry whose content lies ``shift`` (rows, columns) further."""
    rows, columns = np.indices(SHAPE).astype(np.float32)
    image = np.zeros(SHAPE, np.float32)
    for y, x, height, width in ((20, 22, 7, 4), (28, 40, 4, 8), (16, 44, 3, 3)):
        y, x = y + shift[0], x + shift[1]
        image += np.exp(-0.5 * (((rows - y) / height) ** 2 + ((columns - x) / width) ** 2))
    return image / image.max()


def labels(image: np.ndarray) -> np.ndarray:
    return (image > 0.4).astype(np.uint8)


def pair(shift: tuple[float, float] = (2.0, -3.0)) -> EvaluationPair:
    fixed, moving = blobs(), blobs(shift)
    return EvaluationPair(f"shift{shift}", fixed, moving, labels(fixed), labels(moving))


def refinement(pair: EvaluationPair) -> Registered:
    return ldmreg_method(None, refine=True)(pair)


@pytest.mark.parametrize("method", [demons, syn, syn_cc, refinement])
def test_fields_lead_from_fixed_to_moving_points(method: Method) -> None:
    if method in (syn, syn_cc):
        pytest.importorskip("ants")
    case = pair()
    found = method(case)
    u = found.field.to_voxels()
    assert u.shape == (2, *SHAPE)
    inside = case.fixed > 0.3
    # The content of the moving image lies 2 rows further and 3 columns back.
    assert np.median(u[0][inside]) == pytest.approx(2, abs=0.4)
    assert np.median(u[1][inside]) == pytest.approx(-3, abs=0.4)
    assert found.seconds > 0
    before, after = score(case, identity(case).field), score(case, found.field)
    assert after["dice"] > 0.95 > before["dice"]
    assert after["ncc"] > 0.98 > before["ncc"]


def test_field_of_syn_is_its_own_affine_and_warp(tmp_path: Path) -> None:
    ants = pytest.importorskip("ants")
    case = pair((1.0, 2.0))
    # By little, for ANTs draws its samples at random: of more it finds one optimum or another.
    moving = ndimage.rotate(case.moving, 5, reshape=False, order=1)
    images = [ants.from_numpy(np.ascontiguousarray(i.T)) for i in (case.fixed, moving)]
    files = str(tmp_path / "syn")
    expected = ants.registration(*images, "SyN", outprefix=files)["warpedmovout"].numpy().T
    rotated = EvaluationPair("", case.fixed, moving)
    warped = score(EvaluationPair("", expected, moving), syn(rotated).field)
    assert warped["ncc"] > 0.99


def test_missing_ants_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ants", None)
    with pytest.raises(ImportError, match=r"antspyx, it is not installed; pip install antspyx"):
        build_methods(["syn"], [])
    assert list(build_methods(["identity", "demons"], [])) == ["Identity", "Demons (SimpleITK)"]


def test_build_methods_gives_two_for_each_model_and_refuses_unknown_names() -> None:
    folder = bundled_models_dir() / "ldm-morph-cardiac-mr"
    titles = list(build_methods(["identity"], ["ldm-morph-cardiac-mr", str(folder)]))
    assert titles == [
        "Identity",
        "ldm-morph-cardiac-mr",
        "ldm-morph-cardiac-mr + refinement",
        f"{folder}",
        f"{folder} + refinement",
    ]
    with pytest.raises(ModelError, match="no-such-model"):
        build_methods([], ["no-such-model"])
    with pytest.raises(ValueError, match=r"among identity, demons, .* got 'nifty'"):
        build_methods(["nifty"], [])


def test_a_model_folder_is_compared_without_and_with_refinement(
    tmp_path: Path, small_config: LDMMorphConfig
) -> None:
    card = ModelCard(
        id="untrained",
        title="Untrained",
        method="ldm-morph",
        spatial_dims=2,
        network=small_config.to_dict(),
        grid=Grid((64, 64), divisor=32),
        use="Tests",
    )
    torch.manual_seed(0)
    folder = tmp_path / "untrained"
    write_model_folder(folder, card, LDMMorph(small_config).state_dict(), "CC0", dtype="float32")
    case = pair()
    methods = build_methods(["identity"], [str(folder)], device="cpu")
    unmoved, model, refined = evaluate([case], methods, progress=False)
    # An untrained network starts next to the identity; refinement leads from there to the answer.
    assert model["method"] == "untrained"
    assert model["dice"] == pytest.approx(unmoved["dice"], abs=0.1)
    assert refined["dice"] > 0.95 > model["dice"]


def test_every_method_gets_every_pair() -> None:
    calls: list[tuple[str, float]] = []

    def recorder(name: str) -> Method:
        def method(pair: EvaluationPair) -> Registered:
            calls.append((name, float(pair.fixed[0].sum())))
            assert pair.moving_labels is None, "the answer is hidden"
            return identity(pair)

        return method

    pairs = [pair((1.0, 0.0)), pair((2.0, 0.0))]
    methods = {"one": lambda: recorder("one"), "two": lambda: recorder("two")}
    rows = evaluate(pairs, methods, progress=False)
    expected = [(m, p.name) for m in methods for p in pairs]
    assert [(row["method"], row["pair"]) for row in rows] == expected
    assert rows[0]["dice"] == rows[2]["dice"] != rows[1]["dice"]
    # The call to warm up is none of the pairs: its fixed image is mirrored.
    assert [name for name, _ in calls] == ["one"] * 3 + ["two"] * 3
    assert calls[0][1] != calls[1][1] == calls[2][1]


def failing(pair: EvaluationPair) -> Registered:
    if pair.name == "bad":
        raise ZeroDivisionError("no such pair")
    return identity(pair)


def test_a_method_that_fails_in_its_process_spares_the_others() -> None:
    pairs = [replace(pair(), name="good"), replace(pair(), name="bad")]
    methods = {"Breaks": partial(ready, failing), "Identity": partial(ready, identity)}
    failed: dict[str, str] = {}
    rows = evaluate(pairs, methods, threads=1, progress=False, failed=failed)
    assert [(row["method"], row["pair"]) for row in rows] == [
        ("Breaks", "good"),
        ("Identity", "good"),
        ("Identity", "bad"),
    ]
    assert "ZeroDivisionError: no such pair" in failed["Breaks"]


def test_command_line_writes_table_csv_and_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "ANTS_RANDOM_SEED"):
        monkeypatch.setenv(name, "1")  # put back what the command sets
    case = pair((2.0, 2.0))
    root = tmp_path / "data"
    root.mkdir()
    for i in range(2):
        np.savez(
            root / f"SC-N-01_s{i:02d}.npz",
            fixed=(255 * case.fixed).astype(np.uint8),
            moving=(255 * case.moving).astype(np.uint8),
            fixed_seg=case.fixed_labels,
            moving_seg=case.moving_labels,
        )
    output = tmp_path / "out"
    arguments = ["--data", "cardiac-mr", "--root", str(root), "--split", "all", "--threads", "1"]
    main([*arguments, "--methods", "identity", "demons", "--output", str(output)])
    table = (output / "table.md").read_text(encoding="utf-8")
    assert table in capsys.readouterr().out
    assert table.startswith("# cardiac-mr: 2 pairs")
    assert "| Identity |" in table
    assert "| Demons (SimpleITK) |" in table
    with (output / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["pair"] for row in rows] == ["SC-N-01_s00", "SC-N-01_s01"] * 2
    assert float(rows[2]["dice"]) > float(rows[0]["dice"])
    # Each method had a process of its own, and that of the demons took more.
    assert float(rows[2]["peak_mib"]) > float(rows[0]["peak_mib"]) > 50
    result = json.loads((output / "results.json").read_text(encoding="utf-8"))
    assert result["run"]["machine"]["threads"] == 1
    assert result["run"]["machine"]["cpu"]
    assert result["run"]["machine"]["versions"]["SimpleITK"]
    assert result["summary"][1]["dice"] == pytest.approx(
        np.mean([float(row["dice"]) for row in rows[2:]])
    )


def test_command_line_without_methods_says_so(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--data", "echo", "--methods", "--output", str(tmp_path), "--limit", "1"])


@pytest.mark.parametrize("kind", ["echo", "apical"])
def test_generated_echo_pairs_are_always_the_same(kind: str) -> None:
    pairs = evaluation_pairs(kind)
    assert len({p.name for p in pairs}) == len(pairs) == 20
    again = evaluation_pairs(kind)
    np.testing.assert_array_equal(pairs[7].moving, again[7].moving)
    assert not np.array_equal(pairs[6].fixed, pairs[7].fixed)
    assert pairs[0].fixed.dtype == np.float32
    assert pairs[0].fixed_labels is not None


def test_brain_slices_are_all_ordered_pairs(shared_data: Path) -> None:
    pairs = evaluation_pairs("brain-slices", shared_data / "data" / "brain_slices")
    assert len({p.name for p in pairs}) == len(pairs) == 30
    assert all(p.fixed_labels is None and p.fixed.max() == 1 for p in pairs)
    row = score(pairs[0], identity(pairs[0]).field)
    assert "dice" not in row
    assert 0 < row["ncc"] < 1


def test_unknown_data_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cardiac-mr, echo, apical, brain-slices, .*, got 'ixi'"):
        evaluation_pairs("ixi")
    with pytest.raises(ValueError, match=r"data .oasis.: expected the folder"):
        evaluation_pairs("oasis")
    with pytest.raises(FileNotFoundError, match="no brain slices"):
        evaluation_pairs("brain-slices", tmp_path)
    with pytest.raises(ValueError, match="'echo' has no options contrast"):
        evaluation_pairs("echo", contrast="t1")
