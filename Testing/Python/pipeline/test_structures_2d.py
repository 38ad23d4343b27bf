"""The refinement of 2D images, guided by the structures that the model's segmenter finds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch import nn

from SlicerLDMRegLib import register
from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.model_store import (
    Grid,
    ModelCard,
    build_segmenter,
    find_model,
    write_model_folder,
)
from SlicerLDMRegLib.networks import build_network
from SlicerLDMRegLib.pipeline import load_model
from SlicerLDMRegLib.pipeline.predict.structure_predictor import (
    StructurePredictor,
    structures_beside,
)
from training.synthesis.phantoms import PhantomPair, generate_pair

MODEL, SEGMENTER = "ldm-morph-cardiac-mr", "segment-heart-2d"
FEW = {"iterations": (8, 8)}


@pytest.fixture(scope="module")
def heart() -> PhantomPair:
    return generate_pair("cardiac", 1_000_002)


def method(result: object) -> dict[str, object]:
    return result.provenance["method"]  # type: ignore[attr-defined,no-any-return]


def test_the_structures_of_a_heart_guide_unless_turned_off(heart: PhantomPair) -> None:
    model = load_model(MODEL, "cpu")
    guided = register(heart.fixed, heart.moving, model=model, refine=FEW)
    assert method(guided)["refinement_structures_by"] == SEGMENTER
    assert method(guided)["refinement_overlap_of_regions"]
    plain = register(heart.fixed, heart.moving, model=model, refine=FEW, segmenter="none")
    assert "refinement_structures_by" not in method(plain)
    off = register(heart.fixed, heart.moving, model=model, refine={**FEW, "anatomy": 0.0})
    np.testing.assert_array_equal(off.field.vectors, plain.field.vectors)
    assert np.abs(guided.field.vectors - plain.field.vectors).max() > 0.05
    # Each image is looked at once.
    finder = model.companions[SEGMENTER]
    assert finder.computed == 2
    assert model.work["segmenter"] == (finder.asked, finder.computed)
    model.forget()
    register(heart.fixed, heart.moving, model=model, refine=FEW)
    assert finder.computed == 4


def test_it_helps_where_the_intensities_mislead(heart: PhantomPair) -> None:
    """The moving blood pool has other intensities: the structures still tell where it is."""
    moving = heart.moving.copy()
    moving[heart.moving_labels == 1] *= 0.6
    labels = {"fixed_labels": heart.fixed_labels, "moving_labels": heart.moving_labels}
    scores = {}
    for segmenter in ("auto", "none"):
        result = register(heart.fixed, moving, model=MODEL, segmenter=segmenter, **labels)
        scores[segmenter] = result.metrics["after"]["dice"][1]
        assert result.metrics["deformation"]["fold_count"] == 0
    assert scores["auto"] > scores["none"] + 0.02


def test_images_that_the_model_does_not_know_are_not_guided() -> None:
    shapes = generate_pair("shapes", 5)
    result = register(shapes.fixed, shapes.moving, model=MODEL, refine=FEW)
    assert "refinement_structures_by" not in method(result)
    assert result.metrics["model"]["distance_to_training_images"] > 1


def test_slices_of_a_stack_are_guided_one_by_one(heart: PhantomPair) -> None:
    shapes = generate_pair("shapes", 5)
    stacks = [
        sitk.GetImageFromArray(np.stack(pair))
        for pair in ((heart.fixed, shapes.fixed), (heart.moving, shapes.moving))
    ]
    model = load_model(MODEL, "cpu")
    both = register(*stacks, model=model, slices="k:all", refine=FEW)
    assert method(both)["refinement_structures_by"] == SEGMENTER
    off = register(*stacks, model=model, slices="k:all", refine=FEW, segmenter="none")
    change = np.abs(both.field.vectors - off.field.vectors).max(axis=(1, 2, 3))
    assert change[0] > 0.05
    assert change[1] < 1e-6


def test_a_larger_image_of_another_shape(heart: PhantomPair) -> None:
    """The structures are found on the model's grid and used on the image's own lattice."""
    images = []
    for array in (heart.fixed, heart.moving):
        image = sitk.GetImageFromArray(array[8:120])
        image.SetSpacing((1.5, 1.5))
        lattice = ImageGeometry((200, 175), (0.96, 0.96), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
        images.append(resampled(image, lattice))
    guided = register(*images, model=MODEL, refine=FEW)
    assert method(guided)["refinement_structures_by"] == SEGMENTER
    assert guided.warped.GetSize() == (200, 175)


def resampled(image: sitk.Image, lattice: ImageGeometry) -> sitk.Image:
    filled = lattice.to_image(np.zeros(lattice.array_shape, np.float32))
    return sitk.Resample(image, filled, sitk.Transform(2, sitk.sitkIdentity), sitk.sitkLinear)


def test_the_segmenter_finds_the_structures_of_generated_hearts(heart: PhantomPair) -> None:
    segmenter = build_segmenter(SEGMENTER)
    image = sitk.GetImageFromArray(heart.fixed)
    image.SetSpacing((1.4, 1.4))
    image.SetOrigin((12.0, -7.0))
    found = segmenter.segment(image)
    assert found.geometry == ImageGeometry.from_image(image)
    labels = sitk.GetArrayViewFromImage(found.labels)
    for label in (1, 2, 3):
        truth = heart.fixed_labels == label
        assert 2 * (truth & (labels == label)).sum() / (truth.sum() + (labels == label).sum()) > 0.8
    assert found.confidence is not None
    assert float(sitk.GetArrayViewFromImage(found.confidence).min()) > 0.2
    with pytest.raises(InputError, match="segments 2D images, got a 3D one"):
        segmenter.segment(sitk.Image(16, 16, 4, sitk.sitkFloat32))


class _Rows(nn.Module):
    """Logits that tell the value of each pixel, and count the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, ...]] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.sizes.append(tuple(images.shape))
        return torch.cat([0 * images, images], 1)


def test_a_predictor_asks_once_for_an_image_and_pads_what_does_not_fit() -> None:
    network = _Rows()
    finder = StructurePredictor(network, cache_size=2)
    images = torch.rand(3, 1, 40, 50, generator=torch.Generator().manual_seed(0))
    first = finder.predict(images[[0, 1, 0]])
    assert network.sizes == [(2, 1, 64, 64)]
    assert first.shape == (3, 1, 40, 50)
    assert torch.allclose(first, images[[0, 1, 0]].sigmoid())
    assert torch.equal(finder.predict(images[:2]), first[:2]) and len(network.sizes) == 1
    finder.predict(images[2:])
    finder.predict(images[:1])  # the one unused for longest has gone
    assert [s[0] for s in network.sizes] == [2, 1, 1]
    assert (finder.asked, finder.computed) == (7, 4)


def test_a_segmenter_of_volumes_or_none_at_all(tmp_path: Path) -> None:
    model = load_model(MODEL, "cpu")
    other = replace(model, card=replace(model.card, segmenter="segment-brain-mr"))
    with pytest.raises(ModelError, match="for 3D images, expected one for 2D"):
        structures_beside(other)
    other = replace(model, card=replace(model.card, segmenter="not-there"))
    assert structures_beside(other) is None
    assert find_model(SEGMENTER, "segmentation").label_names[1] == "left ventricle cavity"


def test_the_grid_of_a_2d_segmenter_has_no_spacing(tmp_path: Path) -> None:
    network = {"spatial_dims": 2, "classes": 2, "features": [4] * 6}
    card = ModelCard(
        id="small",
        title="Small",
        method="unet",
        spatial_dims=2,
        network=network,
        grid=Grid((32, 32), 16),
        use="Nothing: a test",
        kind="segmentation",
        label_scheme={"1": {"name": "something"}},
    )
    state = build_network("unet", network).state_dict()
    write_model_folder(tmp_path / "small", card, state, "CC0", dtype="float32")
    found = build_segmenter(tmp_path / "small").segment(sitk.Image(45, 30, sitk.sitkFloat32))
    assert found.labels.GetSize() == (45, 30)
    with pytest.raises(ModelError, match="2D one without a spacing"):
        replace(card, grid=Grid((32, 32), 16, spacing=2.0))
