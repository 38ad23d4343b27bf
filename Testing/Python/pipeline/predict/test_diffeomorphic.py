"""The option ``diffeomorphic``: fields of a network without folds also where nothing is refined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch import Tensor, nn

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.functional import identity_grid, integrate
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.model_store import Grid, ModelCard
from SlicerLDMRegLib.networks import FieldPrediction
from SlicerLDMRegLib.pipeline import LoadedModel, RefineOptions, RegistrationRequest, register
from SlicerLDMRegLib.pipeline.predict.predictor import Predictor

MakeImage = Callable[..., sitk.Image]
AXES = (1.0, 0.0, 0.0, 1.0)


class Waves(nn.Module):
    """Answers with waves of some amplitude in voxels; they fold where it is above 1.3."""

    def __init__(self, amplitude: float, as_velocity: bool = False) -> None:
        super().__init__()
        self.amplitude, self.as_velocity = amplitude, as_velocity

    def forward(self, moving: Tensor, fixed: Tensor, seed: int = 0) -> FieldPrediction:
        shape = fixed.shape[2:]
        grid = identity_grid(shape)
        window = torch.stack(
            [torch.sin(torch.pi * x / (n - 1)) for x, n in zip(grid, shape, strict=True)]
        ).prod(0)
        field = self.amplitude * window * torch.sin(2 * torch.pi * grid / 8)
        field = field[None].expand(len(fixed), *field.shape).clone()
        return FieldPrediction(integrate(field) if self.as_velocity else field,
                               field if self.as_velocity else None)  # fmt: skip


def model(network: nn.Module, dimension: int = 2, refined: bool = False) -> LoadedModel:
    card = ModelCard(
        id="waves", title="Waves", method="ldm-morph", spatial_dims=dimension,
        network={}, grid=Grid((48,) * dimension, divisor=8), use="Nothing: a test",
        defaults={"refine": {"enabled": refined, "iterations": [2]}},
    )  # fmt: skip
    return LoadedModel(card, Predictor(network), torch.device("cpu"), "float32")


@pytest.fixture(scope="module")
def pair(make_image: MakeImage) -> dict[str, Any]:
    geometry = ImageGeometry((60, 44), (1.0, 1.3), (3.0, -4.0), AXES)
    return {"fixed": make_image(geometry), "moving": make_image(geometry, (1.0, 0.0)),
            "align": "none"}  # fmt: skip


@pytest.mark.parametrize("as_velocity", [False, True])
def test_a_field_that_folds_does_so_no_more(pair: dict[str, Any], as_velocity: bool) -> None:
    # The exponential of this velocity is so steep that it folds on the lattice.
    network = model(Waves(30.0 if as_velocity else 2.5, as_velocity))
    raw = register(**pair, model=network, diffeomorphic=False).metrics["deformation"]
    result = register(**pair, model=network, diffeomorphic=True)
    made = result.metrics["deformation"]
    assert made["fold_count"] == 0 < raw["fold_count"]
    assert made["jacobian_min"] > 0
    assert made["inverse_consistency_mm"] < 0.4 * raw["inverse_consistency_mm"]
    assert result.provenance["method"]["made_diffeomorphic"] is True
    assert result.provenance["options"]["diffeomorphic"] is True
    assert "unfold" in result.timings


def test_a_field_without_folds_stays_what_it_is(pair: dict[str, Any]) -> None:
    network = model(Waves(0.6))
    raw = register(**pair, model=network)
    made = register(**pair, model=network, diffeomorphic=True)
    assert raw.metrics["deformation"]["fold_count"] == 0
    largest = np.abs(raw.field.vectors).max()
    assert np.abs(made.field.vectors - raw.field.vectors).max() < 0.1 * largest
    assert "made_diffeomorphic" not in raw.provenance["method"]


def test_none_and_false_keep_the_field_of_the_network(pair: dict[str, Any]) -> None:
    network = model(Waves(2.5))
    fields = [
        register(**pair, model=network, diffeomorphic=value, refine=refine).field.vectors
        for value, refine in ((None, None), (False, None), (False, False), (None, False))
    ]
    for field in fields[1:]:
        np.testing.assert_array_equal(field, fields[0])


def test_a_refined_field_never_folds(pair: dict[str, Any]) -> None:
    network = model(Waves(2.5), refined=True)
    fields = []
    for value in (None, True, False):
        result = register(**pair, model=network, diffeomorphic=value)
        assert result.metrics["deformation"]["fold_count"] == 0
        fields.append(result.field.vectors)
    np.testing.assert_array_equal(fields[1], fields[0])
    np.testing.assert_array_equal(fields[2], fields[0])


def test_a_volume_and_its_slices(make_image: MakeImage) -> None:
    geometry = ImageGeometry((24, 26, 12), (2.0, 2.0, 3.0), (0.0, 0.0, 0.0),
                             (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))  # fmt: skip
    images = {"fixed": make_image(geometry), "moving": make_image(geometry, (1.0, 0.0, 0.0)),
              "align": "none"}  # fmt: skip
    whole = model(Waves(2.5), 3)
    for network, slices in ((whole, None), (model(Waves(2.5)), "k:3-5")):
        counts = [
            register(**images, model=network, diffeomorphic=value, slices=slices)
            .metrics["deformation"]["fold_count"]
            for value in (None, True)
        ]  # fmt: skip
        assert counts[1] == 0 < counts[0]


@pytest.mark.parametrize("refine", [True, "on", "20,10", {"similarity": "mse"}, RefineOptions()])
def test_false_cannot_go_with_a_refinement_that_is_asked_for(
    pair: dict[str, Any], refine: Any
) -> None:
    said = "diffeomorphic: false keeps the field of the network, but a refined field always is"
    with pytest.raises(InputError, match=said):
        register(**pair, model="none", refine=refine, diffeomorphic=False)
    with pytest.raises(InputError, match=said):
        RegistrationRequest("a.nrrd", "b.nrrd", refine=refine, diffeomorphic=False)
    RegistrationRequest("a.nrrd", "b.nrrd", refine=refine, diffeomorphic=True)


def test_other_values_are_refused() -> None:
    with pytest.raises(InputError, match="diffeomorphic: expected true, false or None, got 'yes'"):
        RegistrationRequest("a.nrrd", "b.nrrd", diffeomorphic="yes")  # type: ignore[arg-type]
    for off in (False, "off", {"enabled": False}, RefineOptions(enabled=False), None, "auto"):
        RegistrationRequest("a.nrrd", "b.nrrd", refine=off, diffeomorphic=False)
