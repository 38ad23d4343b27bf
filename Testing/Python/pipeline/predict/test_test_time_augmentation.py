"""Averages over shifted and mirrored views of a pair."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.functional import gaussian_smooth
from SlicerLDMRegLib.model_store import Grid, ModelCard
from SlicerLDMRegLib.networks import FieldPrediction, Regions
from SlicerLDMRegLib.pipeline.predict.predictor import Predictor
from SlicerLDMRegLib.pipeline.predict.test_time_augmentation import Mirror, choose_views

SHAPE = (16, 18, 20)
NAMES = {2: "Left-Putamen", 5: "Brain-Stem", 7: "Right-Putamen"}


@pytest.fixture
def card() -> ModelCard:
    return ModelCard(
        id="tiny",
        title="Tiny",
        method="textscf",
        spatial_dims=3,
        network={},
        grid=Grid((20, 18, 16), spacing=2.0, orientation="LPS"),
        use="Nothing: a test",
        label_scheme={str(number): {"name": name} for number, name in NAMES.items()},
        defaults={"views": 4},
    )


class Equivariant(nn.Module):
    """Moves along the gradient of the images and of the rows: the same in every view."""

    uses_regions = True

    def forward(
        self, moving: Tensor, fixed: Tensor, seed: int = 0, regions: Regions | None = None
    ) -> FieldPrediction:
        assert regions is not None
        # Left and right rows weigh alike, the background and the brain stem do not.
        weight = torch.tensor([0.0, 1.0, 3.0, 1.0])[regions.labels]
        image = gaussian_smooth((moving - fixed) * weight, 1.0)
        field = torch.cat([torch.gradient(image, dim=axis)[0] for axis in (2, 3, 4)], dim=1)
        return FieldPrediction(field, velocity=2 * field, inverse=-field)


def pair() -> tuple[Tensor, Tensor, Regions]:
    generator = torch.Generator().manual_seed(0)
    moving, fixed = torch.rand(2, 1, 1, *SHAPE, generator=generator)
    labels = torch.randint(0, 4, (1, 1, *SHAPE), generator=generator)
    return moving, fixed, Regions(labels, torch.rand(1, 1, *SHAPE, generator=generator))


@pytest.mark.parametrize(("orientation", "axis"), [("LPS", 2), ("RAS", 2), ("PLS", 1), ("SAR", 0)])
def test_mirror_is_across_the_patient(card: ModelCard, orientation: str, axis: int) -> None:
    grid = Grid((8, 8, 8), spacing=2.0, orientation=orientation)
    mirror = Mirror.of(replace(card, grid=grid))
    assert mirror is not None
    assert mirror.axis == axis
    assert mirror.rows.tolist() == [0, 3, 2, 1]


@pytest.mark.parametrize("number", range(4))
def test_view_and_back(card: ModelCard, number: int) -> None:
    view = choose_views(card)[number]
    moving, _, regions = pair()
    field = moving.repeat(1, 3, 1, 1, 1)
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1), slice(1, -1))
    seen = view.of(field)
    if view.mirror is not None:
        seen[:, 2] *= -1
    torch.testing.assert_close(view.back(seen)[inner], field[inner])
    if number == 2:
        assert view.mirror is not None
        rows = view.of_regions(regions).labels
        assert torch.equal(rows, torch.tensor([0, 3, 2, 1])[regions.labels.flip(4)])


def test_all_views_of_what_is_the_same_in_all_agree(card: ModelCard) -> None:
    moving, fixed, regions = pair()
    network = Equivariant()
    one = network(moving, fixed, regions=regions)
    every = Predictor(network, views=choose_views(card)).predict(moving, fixed, 0, regions)
    # Far enough from the border, where a shift leaves something out.
    inner = (slice(None), slice(None), slice(6, -6), slice(6, -6), slice(6, -6))
    for name in ("displacement", "velocity", "inverse"):
        torch.testing.assert_close(getattr(every, name)[inner], getattr(one, name)[inner])
    mirrored = Predictor(network, views=choose_views(card)[2:3]).predict(moving, fixed, 0, regions)
    torch.testing.assert_close(mirrored.displacement, one.displacement)


def test_new_regions_have_no_other_side(card: ModelCard) -> None:
    views = choose_views(card)
    known = Regions(torch.zeros(1, 1, 2, 2, 2, dtype=torch.int64), None, torch.zeros(4, 5, 3))
    new = known._replace(filters=torch.zeros(5, 5, 3))
    assert [view.takes(known) for view in views] == [True] * 4
    assert [view.takes(new) for view in views] == [True, True, False, False]


def test_one_view_changes_nothing(card: ModelCard) -> None:
    moving, fixed, regions = pair()
    network = Equivariant()
    found = Predictor(network).predict(moving, fixed, 0, regions).displacement
    assert torch.equal(found, network(moving, fixed, regions=regions).displacement)
    assert choose_views(replace(card, defaults={}))[0].shift == 0


@pytest.mark.parametrize("views", [0, 5, True, "2"])
def test_wrong_numbers(card: ModelCard, views: object) -> None:
    with pytest.raises(ModelError, match="views must be an integer from 1 to 4"):
        choose_views(replace(card, defaults={"views": views}))


def test_left_and_right_have_to_be_known(card: ModelCard) -> None:
    with pytest.raises(ModelError, match="orientation"):
        choose_views(replace(card, grid=Grid((8, 8, 8), spacing=2.0)))
    assert len(choose_views(replace(card, grid=Grid((8, 8, 8)), defaults={"views": 2}))) == 2
