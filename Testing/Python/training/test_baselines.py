"""The baselines: directions of their fields, networks in 2D and 3D, training, packages."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from scipy import ndimage

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.geometry import ImageGeometry
from Testing.Python.training.layout_folders import write_abdomen, write_camus
from training.baselines import (
    CLASSICAL,
    MissingPackageError,
    convex_adam,
    elastix,
    greedy,
    lddmm,
    run_method,
)
from training.baselines.complexity import counted, parameters
from training.baselines.convex_adam import coupled_convex
from training.baselines.networks import BASELINE_NETWORKS, Objective, build_baseline
from training.baselines.networks.fourier_net import band_limited
from training.baselines.networks.padding import padded_prediction
from training.baselines.networks.window_attention import CrossBlock
from training.cli import main
from training.config import CONFIGS, StageConfig, find_config
from training.datasets.evaluation import EvaluationPair
from training.evaluate import build_methods, default_methods
from training.scores import score

#: A lattice that is neither isotropic nor aligned with the axes of the body.
LATTICES = {
    2: ImageGeometry((64, 48), (1.5, 2.0), (10.0, -5.0), (-1.0, 0.0, 0.0, 1.0)),
    3: ImageGeometry(
        (26, 28, 22), (1.5, 2.0, 1.0), (10.0, -5.0, 3.0),
        (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    ),
}  # fmt: skip
SHIFT = {2: (2.0, -3.0), 3: (1.0, -2.0, 2.0)}  # voxels along the array's axes
SMALL: dict[str, dict[str, Any]] = {
    "voxelmorph": {"encoder": [2, 4], "decoder": [4, 4], "final": [4]},
    "transmorph": {"embed_dim": 4, "depths": [1, 1, 1, 1], "heads": [1, 1, 1, 1]},
    "lku-net": {"start_channels": 2},
    "lapirn": {"start_channels": 1, "blocks": 1},
    "cyclemorph": {"encoder": [2, 4, 4], "decoder": [4, 4]},
    "transmatch": {"embed_dim": 4, "depths": [1, 1, 1, 1], "heads": [1, 1, 1, 1], "window": 2,
                   "cross_heads": 1, "low_level_channels": 2},
    "diffusemorph": {"channels": [4, 4, 4, 4], "encoder": [2, 4, 4], "decoder": [4, 4],
                     "groups": 2},
    "fourier-net": {"start_channels": 2},
}  # fmt: skip


def small(name: str, dimension: int) -> dict[str, Any]:
    own = dict(SMALL[name])
    if name == "transmorph":
        own["image_size"] = [32] * dimension
    return {"name": name, "spatial_dims": dimension, "arguments": own}


def content(points: np.ndarray) -> np.ndarray:
    """An image without symmetry at points given in voxels, channels last."""
    size = np.array(LATTICES[points.shape[-1]].array_shape)
    image = np.zeros(points.shape[:-1])
    for place, width in (((0.42, 0.45, 0.5), 0.15), ((0.6, 0.62, 0.4), 0.1)):
        d = points.shape[-1]
        offset = (points / size - place[:d]) / (width * np.array((1, 1.5, 1.2))[:d])
        image += np.exp(-0.5 * (offset**2).sum(-1))
    return (image / 1.2).astype(np.float32)


def voxels(dimension: int) -> np.ndarray:
    return np.moveaxis(np.indices(LATTICES[dimension].array_shape).astype(float), 0, -1)


def warped_pair(dimension: int, smooth: bool) -> tuple[EvaluationPair, np.ndarray]:
    """A pair whose fixed image is the moving one at ``x + u(x)``, and ``u`` in voxels."""
    x = voxels(dimension)
    u = np.broadcast_to(np.array(SHIFT[dimension]), x.shape).copy()
    if smooth:
        size = np.array(LATTICES[dimension].array_shape)
        u *= 1 + 0.5 * np.sin(2 * np.pi * (x / size)[..., ::-1])
    moving, fixed = content(x), content(x + u)
    return EvaluationPair("known", fixed, moving, geometry=LATTICES[dimension]), u


QUICK = {
    "demons": CLASSICAL["demons"].method,
    "greedy": greedy,
    "convex-adam": convex_adam,
    "lddmm": partial(lddmm, iterations=60),
}
#: Method, dimension, and whether the warp varies: those of volumes are tried where they are quick.
KNOWN = [
    (name, dimension, smooth)
    for name in QUICK
    for dimension in (2, 3)
    for smooth in (False, True)
    if dimension == 2 or name == "greedy" or not smooth
]


@pytest.mark.parametrize(("name", "dimension", "smooth"), KNOWN)
def test_fields_lead_to_where_the_content_came_from(
    name: str, dimension: int, smooth: bool
) -> None:
    if name == "greedy":
        pytest.importorskip("picsl_greedy")
    case, truth = warped_pair(dimension, smooth)
    found = QUICK[name](case)
    assert found.field.geometry == case.lattice and found.seconds > 0
    inside = case.fixed > 0.35
    measured = np.moveaxis(found.field.to_voxels(), 0, -1)[inside]
    error = np.linalg.norm(measured - truth[inside], axis=-1)
    unmoved = np.linalg.norm(truth[inside], axis=-1)
    # ConvexAdam's features are of patches: on so small an image it is the least exact.
    assert np.median(error) < (0.4 if name != "convex-adam" else 0.6) * np.median(unmoved)
    # In millimetres along the body's axes, too.
    spacing = np.array(case.lattice.spacing[::-1])
    expected = (truth * spacing)[..., ::-1] @ case.lattice.direction_matrix.T
    distance = np.linalg.norm(found.field.vectors - expected, axis=-1)[inside]
    assert np.median(distance) < 0.65 * np.median(np.linalg.norm(expected, axis=-1)[inside])


@pytest.mark.parametrize(
    "direction", [(-1.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 1.0), (0.0, 1.0, -1.0, 0.0)]
)
def test_elastix_leads_to_where_the_content_came_from(
    direction: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("itk")
    monkeypatch.setenv("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "1")
    # Its mutual information needs texture.
    texture = ndimage.gaussian_filter(np.random.default_rng(0).random((68, 84)), 3)
    texture = ((texture - texture.min()) / np.ptp(texture)).astype(np.float32)
    moving, fixed = texture[10:58, 10:74], texture[12:60, 7:71]
    lattice = ImageGeometry((64, 48), (1.5, 2.0), (10.0, -5.0), direction)
    found = elastix(EvaluationPair("shift", fixed, moving, geometry=lattice), 60)
    assert found.field.geometry == lattice
    measured = np.median(found.field.to_voxels()[:, 8:-8, 8:-8], axis=(1, 2))
    np.testing.assert_allclose(measured, (2, -3), atol=0.2)


@pytest.mark.parametrize(
    ("method", "module", "package"),
    [
        ("syn", "ants", "antspyx"),
        ("syn-cc", "ants", "antspyx"),
        ("greedy", "picsl_greedy", "picsl-greedy"),
        ("elastix", "itk", "itk-elastix"),
    ],
)
def test_a_missing_package_is_said_with_the_remedy(
    method: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackageError, match=rf"{package}, it is not installed; pip install"):
        build_methods([method], [])
    assert method not in default_methods(2)
    assert "identity" in default_methods(2)
    assert not {"syn-cc", "lddmm"} & set(default_methods(3))


@pytest.mark.parametrize("shift", [(0, 0), (2, -1), (-3, 3), (1, 0), (0, -4)])
def test_the_discrete_search_finds_a_shift_of_the_features(shift: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    moving = torch.nn.functional.avg_pool2d(torch.rand(1, 4, 42, 42, generator=generator), 3, 1)
    fixed = moving.roll([-s for s in shift], (2, 3))
    found = coupled_convex(fixed, moving, 4)[0, :, 8:-8, 8:-8]
    expected = torch.tensor(shift, dtype=torch.float32).view(2, 1, 1).expand_as(found)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_lddmm_moves_a_translation_wholly_and_folds_nothing() -> None:
    case, _ = warped_pair(2, True)
    row = score(case, lddmm(case, 40).field)
    assert row["folds_percent"] == 0


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("name", BASELINE_NETWORKS)
def test_networks_predict_voxels_of_any_size_and_learn_with_all_their_weights(
    name: str, dimension: int
) -> None:
    torch.manual_seed(0)
    network = build_baseline(small(name, dimension))
    # TransMorph pads images itself, to multiples of 32.
    n = 32 if name in ("transmorph", "transmatch") else 16
    size = (n, 2 * n if dimension == 2 else n, n)[:dimension]
    moving, fixed = torch.rand(2, 1, 1, *size)
    labels = ((moving > 0.5).long(), (fixed > 0.5).long())
    terms = network.losses(moving, fixed, Objective("lncc", window=5, dice=1.0), labels)
    assert {"similarity", "smoothness", "dice_loss"} <= set(terms)
    sum(terms.values()).backward()
    idle = {n for n, p in network.named_parameters() if p.grad is None}
    assert idle <= {"integration"}, "every weight takes part in the training"
    network.eval()
    odd = (n - 5, n - 1, n)[:dimension]
    with torch.no_grad():
        found = padded_prediction(network, torch.rand(1, 1, *odd), torch.rand(1, 1, *odd))
    assert found.displacement.shape == (1, dimension, *odd)
    # Training starts next to the identity, which makes the direction of a start no matter.
    assert found.displacement.abs().max() < 0.1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "voxelmorf"}, "must be one of voxelmorph, .* got 'voxelmorf'"),
        ({"name": "fourier-net", "integration_steps": 7}, "fourier-net predicts the displacement"),
        ({"name": "transmatch", "arguments": {"depths": [2, 2]}}, "depths and heads must have 4"),
        ({"name": "cyclemorph", "arguments": {"encoder": [4]}}, "decoder one fewer"),
        ({"name": "diffusemorph", "arguments": {"chanels": [4]}}, "chanels"),
        ({"name": "fourier-net", "arguments": {"patch": 3}}, "patch must be 2, 4 or 8, got 3"),
    ],
)
def test_wrong_networks_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build_baseline(values)


def test_sizes_of_the_networks_are_those_of_the_papers() -> None:
    # VoxelMorph-2 and LKU-Net as measured from the authors' code; textSCF's heads differ.
    assert parameters(build_baseline({"name": "voxelmorph", "spatial_dims": 3})) == pytest.approx(
        301_411, rel=0.01
    )
    lku = {"name": "lku-net", "spatial_dims": 3}
    lku["arguments"] = {"start_channels": 8, "output": "full"}
    assert parameters(build_baseline(lku)) == pytest.approx(2_086_342, rel=0.01)


def test_multiply_adds_are_counted() -> None:
    layer = torch.nn.Conv2d(3, 5, 3, padding=1, bias=False)
    with counted() as found:
        layer(torch.rand(1, 3, 10, 12))
    assert found.multiply_adds == 10 * 12 * 3 * 5 * 9
    block = CrossBlock(8, 2, (4, 4), False)
    with torch.no_grad(), counted() as found:
        block(torch.rand(1, 8, 8, 8))
    tokens, window = 64, 16
    projections = tokens * 8 * (8 + 16 + 8 + 2 * 32)
    assert found.multiply_adds == projections + 2 * tokens * window * 8


def test_a_band_limited_field_has_the_low_frequencies_and_no_others() -> None:
    x = torch.linspace(0, 2 * np.pi, 33)[:-1].double()
    fine = torch.cos(x)[:, None] + 2 + 0.5 * torch.sin(3 * x)[None]
    low = fine[::4, ::4][None, None]
    torch.testing.assert_close(band_limited(low, (32, 32))[0, 0], fine, atol=1e-5, rtol=0)


def test_an_image_registered_with_itself_weighs_in_cyclemorph_alone() -> None:
    moving, fixed = torch.rand(2, 1, 1, 16, 16)
    weights = {"cycle": 0.0, "identity": 0.0}
    network = build_baseline({**small("cyclemorph", 2)})
    terms = network.losses(moving, fixed, Objective("ncc"))
    identity = terms["identity"].item()
    assert identity == pytest.approx(-2 * 0.5, abs=1e-3), "both images, half of ncc -1"
    without = small("cyclemorph", 2)
    without["arguments"] |= weights
    terms = build_baseline(without).losses(moving, fixed, Objective("ncc"))
    assert terms["identity"] == terms["cycle"] == 0


@pytest.fixture(scope="module")
def camus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_camus(tmp_path_factory.mktemp("camus"), patients=4)


def shrunk(folder: Path, base: str, root: Path, **changes: Any) -> Path:
    values: dict[str, Any] = {"base": str(CONFIGS / f"{base}.yaml"), "steps": 1, "workers": 0}
    values |= {"validate_every": 1, "data": {"root": str(root)}, **changes}
    path = folder / f"{base.replace('/', '-')}.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.mark.parametrize("name", BASELINE_NETWORKS)
def test_every_recipe_in_2d_is_trained_and_compared(name: str, camus: Path, tmp_path: Path) -> None:
    network = {**small(name, 2)}
    path = shrunk(tmp_path, f"baselines-camus/{name}", camus, network=network, warmup_steps=0)
    run = tmp_path / name
    assert main(["train", str(path), "--output", str(run), "--device", "cpu"]) == 0
    record = json.loads((run / "progress.jsonl").read_text().splitlines()[-1])
    assert 0 < record["val_dice"] < 1
    method = run_method(run, "cpu")
    case, _ = warped_pair(2, False)
    found = method(case)
    assert found.field.geometry == case.lattice
    weights = torch.load(run / "best.pt", weights_only=True)
    assert found.parameters == sum(t.numel() for t in weights.values() if t.is_floating_point())
    assert found.multiply_adds and found.multiply_adds > 1e4


@pytest.mark.parametrize("name", ["voxelmorph", "fourier-net"])
def test_recipes_in_3d_are_trained_at_half_the_resolution(name: str, tmp_path: Path) -> None:
    root = write_abdomen(tmp_path / "abdomen", shape=(32, 24, 32))
    network = small(name, 3)
    path = shrunk(tmp_path, f"baselines-abdomen/{name}", root, network=network)
    run = tmp_path / name
    assert main(["train", str(path), "--output", str(run), "--device", "cpu"]) == 0
    case = EvaluationPair("p", *np.random.default_rng(0).random((2, 18, 21, 20), np.float32))
    found = run_method(run, "cpu")(case)
    assert found.field.vectors.shape == (18, 21, 20, 3), "the field is that of the whole image"


def test_a_trained_field_leads_from_fixed_to_moving_points(tmp_path: Path) -> None:
    """A network whose head is a constant: the field of the run is it, in voxels, (row, column)."""
    network = build_baseline(small("cyclemorph", 2))
    with torch.no_grad():
        network.there.head.weight.zero_()
        network.there.head.bias.copy_(torch.tensor(SHIFT[2]))
    torch.save(network.state_dict(), tmp_path / "best.pt")
    config = {"stage": "baseline", "network": small("cyclemorph", 2), "data": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    case, _ = warped_pair(2, False)
    found = run_method(tmp_path, "cpu")(case)
    assert score(case, found.field)["ncc"] > 0.999
    halved = {**config, "data": {"options": {"halve": True}}}
    (tmp_path / "config.json").write_text(json.dumps(halved))
    doubled = run_method(tmp_path, "cpu")(case).field.to_voxels()
    np.testing.assert_allclose(np.median(doubled, (1, 2)), 2 * np.array(SHIFT[2]), rtol=1e-5)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("network.arguments.encodr=[2]", "did you mean encoder"),
        ("network.name=voxelmorf", "did you mean voxelmorph"),
        ("losses.metrik=mse", "did you mean metric"),
        ("losses.window=2", "at least 3"),
        ("losses.lambda=1", "did you mean smoothness"),
        ("data.mixtur={real: 1}", "did you mean mixture"),
    ],
)
def test_misspelt_options_of_a_baseline_are_named(key: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        StageConfig.load(find_config("baselines-camus/voxelmorph"), ["data.root=x", key])


def test_recipes_have_the_numbers_of_appendix_a() -> None:
    def recipe(name: str) -> StageConfig:
        return StageConfig.load(find_config(name), ["data.root=x"])

    for name in ("voxelmorph", "transmorph", "lku-net", "fourier-net"):
        own = recipe(f"baselines-abdomen/{name}")
        assert own.losses["smoothness"] == 0.1 and own.losses["metric"] == "mse"
        assert (own.steps, own.schedule, own.power) == (38000, "polynomial", 0.9)
        assert recipe(f"baselines-oasis/{name}").steps == 700 * 394
        assert "options" not in recipe(f"baselines-oasis/{name}").data
    lapirn = recipe("baselines-abdomen/lapirn")
    assert (lapirn.losses["metric"], lapirn.losses["smoothness"]) == ("lncc", 3.5)
    assert lapirn.network["arguments"]["start_channels"] == 32
    assert recipe("baselines-abdomen/fourier-net").network["arguments"]["patch"] == 4
    assert recipe("baselines-abdomen/transmorph").network["arguments"]["variant"] == "large"
    cycle = recipe("baselines-camus/cyclemorph")
    assert cycle.losses["metric"] == "lncc" and cycle.network["arguments"]["cycle"] == 0.1


def test_identity_is_of_no_use_to_the_tests_above() -> None:
    case, _ = warped_pair(2, False)
    assert score(case, DisplacementField.identity(case.lattice))["ncc"] < 0.97
