"""Registration with a network: its lattice, slices, inverse, refinement, and the model folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch import Tensor, nn

from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.functional import identity_grid, integrate, inverse_consistency
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.model_store import Grid, Intensity, ModelCard, write_model_folder
from SlicerLDMRegLib.networks import FieldPrediction, build_network
from SlicerLDMRegLib.pipeline import (
    LoadedModel,
    Progress,
    RefineOptions,
    RegistrationRequest,
    load_model,
    register,
)
from SlicerLDMRegLib.pipeline.align.alignment import Alignment
from SlicerLDMRegLib.pipeline.context import RunContext
from SlicerLDMRegLib.pipeline.deform import Deformer
from SlicerLDMRegLib.pipeline.device import Meter
from SlicerLDMRegLib.pipeline.inputs import Inputs
from SlicerLDMRegLib.pipeline.predict.predictor import Predictor

MakeImage = Callable[..., sitk.Image]

NETWORK = {
    "autoencoder_channels": [8, 8, 8],
    "autoencoder_groups": 4,
    "unet_channels": [8, 8, 8, 8],
    "unet_groups": 4,
    "unet_head_channels": 4,
    "embed_dim": 8,
    "codebook_size": 16,
    "low_level_channels": 4,
}


class Shift(nn.Module):
    """A registration network that answers with one displacement, in voxels, whatever it sees."""

    def __init__(self, *displacement: float, velocity: bool = False) -> None:
        super().__init__()
        self.displacement, self.velocity = displacement, velocity
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, moving: Tensor, fixed: Tensor, seed: int = 0) -> FieldPrediction:
        self.seen.append((moving, fixed))
        d = len(self.displacement)
        field = fixed.new_tensor(self.displacement).reshape(1, d, *[1] * d)
        field = field.expand(len(fixed), d, *fixed.shape[2:]).clone()
        return FieldPrediction(field, field if self.velocity else None)


class Swirl(nn.Module):
    """Answers with a rotation that fades out, as a velocity."""

    def __init__(self, angle: float = 0.5, radius: float = 1 / 6) -> None:
        super().__init__()
        self.angle, self.radius = angle, radius

    def forward(self, moving: Tensor, fixed: Tensor, seed: int = 0) -> FieldPrediction:
        shape = fixed.shape[2:]
        grid = identity_grid(shape) - torch.tensor([(n - 1) / 2 for n in shape]).reshape(2, 1, 1)
        window = torch.exp(-grid.square().sum(0) / (2 * (min(shape) * self.radius) ** 2))
        field = self.angle * torch.stack([-grid[1], grid[0]]) * window
        velocity = field[None].expand(len(fixed), -1, -1, -1)
        return FieldPrediction(integrate(velocity, 7), velocity)


def card_of(dimension: int = 2, side: int = 64, **more: object) -> ModelCard:
    return ModelCard(
        id="tiny",
        title="Tiny",
        method="ldm-morph",
        spatial_dims=dimension,
        network=NETWORK,
        grid=Grid((side,) * dimension, divisor=32 if dimension == 2 else 8),
        use="Nothing: a test",
        **more,  # type: ignore[arg-type]
    )


def loaded(network: nn.Module, card: ModelCard | None = None) -> LoadedModel:
    return LoadedModel(card or card_of(), Predictor(network), torch.device("cpu"), "float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = build_network("ldm-morph", NETWORK)
    path = tmp_path_factory.mktemp("models") / "tiny"
    card = card_of(defaults={"refine": {"iterations": [3, 2], "similarity": "mse"}})
    write_model_folder(path, card, network.state_dict(), "CC0", dtype="float32")
    return path


@pytest.mark.parametrize("velocity", [False, True])
def test_voxels_of_the_network_become_mm_of_the_image(
    plane: ImageGeometry, make_image: MakeImage, velocity: bool
) -> None:
    model = loaded(Shift(2.0, -3.0, velocity=velocity))
    result = register(make_image(plane), make_image(plane), model=model, refine=False)
    spacing = 56 / 64  # of the network's lattice: the longer side has 64 voxels
    expected = plane.direction_matrix @ (np.array([-3.0, 2.0]) * spacing)
    np.testing.assert_allclose(
        result.field.vectors, np.broadcast_to(expected, result.field.vectors.shape), atol=1e-5
    )
    np.testing.assert_allclose(result.inverse.vectors.mean(axis=(0, 1)), -expected, atol=1e-3)
    assert result.provenance["model"]["id"] == "tiny"
    assert result.provenance["method"]["lattice_size"] == [64, 64]
    assert "predict" in result.timings


@pytest.mark.parametrize(("slices", "expected"), [
    ("i:3-7", (0.0, -3.0, 2.0)), ("j:3-7", (-3.0, 0.0, 2.0)), ("k:3-7", (-3.0, 2.0, 0.0)),
])  # fmt: skip
def test_slices_move_in_their_plane(
    volume: ImageGeometry,
    make_image: MakeImage,
    slices: str,
    expected: tuple[float, float, float],
) -> None:
    network = Shift(2.0, -3.0)
    image = make_image(volume)
    result = register(image, image, model=loaded(network), refine=False, slices=slices)
    axis = "ijk".index(slices[0])
    extents = [e for a, e in enumerate(volume.extent_mm) if a != axis]
    mm = volume.direction_matrix @ (np.array(expected) * max(extents) / 64)
    np.testing.assert_allclose(
        result.field.vectors, np.broadcast_to(mm, result.field.vectors.shape), atol=1e-5
    )
    assert sum(len(fixed) for _, fixed in network.seen) == 5


def test_volume_with_a_2d_model_goes_slice_by_slice(
    volume: ImageGeometry, make_image: MakeImage
) -> None:
    image = make_image(volume)
    result = register(image, image, model=loaded(Shift(1.0, 0.0)), refine=False)
    assert result.warped.GetSize() == volume.size
    assert result.provenance["options"]["slices"] == "k:0-9"


def test_3d_network(volume: ImageGeometry, make_image: MakeImage) -> None:
    model = loaded(Shift(1.0, 2.0, -3.0), card_of(3, side=32))
    image = make_image(volume)
    result = register(image, image, model=model, refine=False)
    spacing = 54 / 32
    mm = volume.direction_matrix @ (np.array([-3.0, 2.0, 1.0]) * spacing)
    np.testing.assert_allclose(
        result.field.vectors, np.broadcast_to(mm, result.field.vectors.shape), atol=1e-5
    )
    with pytest.raises(InputError, match="leave slices out"):
        register(image, image, model=model, slices="k:3")
    with pytest.raises(InputError, match="images are 2D"):
        register(np.eye(20), np.eye(20), model=model)


def test_network_sees_zero_to_one_and_black_where_nothing_is(
    plane: ImageGeometry, make_image: MakeImage
) -> None:
    network = Shift(0.0, 0.0)
    shift = sitk.TranslationTransform(2, (12.0, 0.0))
    bright = make_image(plane) * 100 + 500
    card = card_of(intensity=Intensity("minmax", 0.0, 100.0))
    register(bright, bright, model=loaded(network, card), refine=False, initial_transform=shift)
    moving, fixed = network.seen[0]
    assert fixed.shape == (1, 1, 64, 64)
    assert 0 <= float(fixed.min()) < 0.01
    assert 0.97 < float(fixed.max()) <= 1
    assert float((moving == 0).float().mean()) > 0.15


def test_velocity_gives_field_and_inverse_without_folds(
    plane: ImageGeometry, make_image: MakeImage
) -> None:
    image = make_image(plane)
    result = register(image, image, model=loaded(Swirl()), refine=False)
    assert result.metrics["deformation"]["inverse_consistency_mm"] < 0.05
    assert result.metrics["deformation"]["fold_count"] == 0
    assert result.metrics["deformation"]["displacement_max_mm"] > 2


def test_refinement_starts_from_the_network(plane: ImageGeometry, make_image: MakeImage) -> None:
    fixed = make_image(plane)
    field = register(fixed, fixed, model=loaded(Swirl()), refine=False).field
    # What the network says is true: the moving image is the fixed one, swirled back.
    moving = sitk.Resample(fixed, fixed, field.inverse().to_transform(), sitk.sitkLinear)
    few = RefineOptions(iterations=(0, 2), similarity="mse")
    refined = register(fixed, moving, model=loaded(Swirl()), refine=few)
    alone = register(fixed, moving, model="none", refine=few)
    off = [
        np.linalg.norm(r.field.vectors - field.vectors, axis=-1).mean() for r in (refined, alone)
    ]
    assert off[0] < 0.15
    assert off[0] < 0.5 * off[1]
    assert refined.metrics["after"]["ncc"] > alone.metrics["after"]["ncc"]


def test_slices_are_refined_from_the_network(volume: ImageGeometry, make_image: MakeImage) -> None:
    """The velocity goes from the network's lattice to that of the refinement, slice by slice."""
    image = make_image(volume)
    # No iterations, and so no restart: the field is the network's.
    none = RefineOptions(iterations=(0,), similarity="mse")
    for slices in ("i:16-19", "k:3-5"):
        options = {"model": loaded(Swirl()), "slices": slices}
        plain, kept = (register(image, image, refine=r, **options) for r in (False, none))
        assert plain.metrics["deformation"]["displacement_max_mm"] > 2
        assert np.abs(plain.field.vectors - kept.field.vectors).max() < 0.3
        assert kept.provenance["method"]["lattice_spacing_mm"] != [
            *plain.provenance["method"]["lattice_spacing_mm"]
        ]


def test_no_folds_on_the_lattice_of_the_result_when_it_is_coarser(make_image: MakeImage) -> None:
    """Half a turn is a diffeomorphism; seen by thick rows only, it turns tissue inside out."""
    thick = ImageGeometry((64, 9), (1.0, 6.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    image = make_image(thick)
    model = loaded(Swirl(angle=3.1, radius=0.06))
    raw = register(image, image, model=model, refine=False)
    assert raw.metrics["deformation"]["fold_count"] > 0
    none = RefineOptions(iterations=(0,), similarity="mse")
    refined = register(image, image, model=model, refine=none)
    assert refined.provenance["method"]["lattice_size"] == [64, 54]
    assert refined.metrics["deformation"]["fold_count"] == 0
    assert refined.metrics["deformation"]["displacement_max_mm"] > 1
    # The inverse is that of the field without folds, not of the one before.
    deformation = Deformer(
        Inputs(image, image),
        RegistrationRequest(image, image, refine=none),
        RunContext(model, torch.device("cpu"), Meter(torch.device("cpu")), Progress()),
        Alignment(sitk.Transform(2, sitk.sitkIdentity), "none"),
    ).run()
    error = inverse_consistency(deformation.displacement.values, deformation.inverse.values)
    assert error.max() < 0.5


def test_folded_prediction_is_reported_and_refined_away(
    plane: ImageGeometry, make_image: MakeImage
) -> None:
    class Folding(nn.Module):
        def forward(self, moving: Tensor, fixed: Tensor, seed: int = 0) -> FieldPrediction:
            rows = torch.arange(64.0).reshape(1, 1, 64, 1).expand(1, 1, 64, 64)
            wave = 4 * torch.sin(rows * 0.8)
            return FieldPrediction(torch.cat([wave, torch.zeros_like(wave)], dim=1))

    fixed, moving = make_image(plane), make_image(plane, (1.0, 0.5))
    raw = register(fixed, moving, model=loaded(Folding()), refine=False)
    assert raw.metrics["deformation"]["fold_percent"] > 5
    assert int(sitk.GetArrayFromImage(raw.folds).sum()) == raw.metrics["deformation"]["fold_count"]
    few = RefineOptions(iterations=(2, 2), similarity="mse")
    refined = register(fixed, moving, model=loaded(Folding()), refine=few)
    assert refined.metrics["deformation"]["fold_count"] == 0


def test_model_from_a_folder(folder: Path, plane: ImageGeometry, make_image: MakeImage) -> None:
    fixed, moving = make_image(plane), make_image(plane, (2.0, 1.0))
    result = register(fixed, moving, model=folder, device="cpu")
    assert result.provenance["model"]["id"] == "tiny"
    assert len(result.provenance["model"]["sha256"]) == 64
    # What the card recommends, since nothing else was said.
    assert result.provenance["options"]["refine"]["iterations"] == [3, 2]
    warm = load_model(folder, "cpu")
    again = register(fixed, moving, model=warm)
    np.testing.assert_array_equal(again.field.vectors, result.field.vectors)
    plain = register(fixed, moving, model=warm, refine=False)
    assert plain.provenance["method"].get("refinement_iterations") is None
    low = register(fixed, moving, model=load_model(folder, "cpu", "bfloat16"), refine=False)
    assert low.provenance["options"]["precision"] == "bfloat16"
    assert isinstance(low.field, DisplacementField)
    assert np.abs(low.field.vectors - plain.field.vectors).max() < 0.5


def test_auto_takes_the_installed_model(
    folder: Path, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from SlicerLDMRegLib.model_store import choose_model, store

    monkeypatch.setattr(store, "_bundled", lambda: None)
    monkeypatch.setenv("LDMREG_MODELS", str(folder.parent))
    for dimension in (2, 3):
        card = choose_model("auto", dimension)
        assert card is not None
        assert card.id == "tiny"
    monkeypatch.setenv("LDMREG_MODELS", str(folder / "nothing"))
    with pytest.raises(ModelError, match="without a model"):
        choose_model("auto", 2)
    assert choose_model("none", 2) is None


def test_damaged_model(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    weights = bytearray((broken / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (broken / "model.safetensors").write_bytes(weights)
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        register(np.eye(20), np.eye(20), model=broken)
