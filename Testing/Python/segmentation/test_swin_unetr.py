from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from monai.transforms import ScaleIntensityRange
from torch import Tensor
from torch.overrides import TorchFunctionMode

from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.model_store import build_segmenter
from SlicerLDMRegLib.segmentation import SwinUNETRSegmenter
from SlicerLDMRegLib.segmentation.swin_unetr import build_swin_unetr, load_swin_unetr
from SlicerLDMRegLib.text.schemes import scheme_names

AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
LATTICE = ImageGeometry((44, 36, 28), (1.5, 1.5, 2.0), (-30.0, 12.0, -100.0), AXES)


class _ScheduleOnCPU(TorchFunctionMode):
    """SwinUNETR reads the numbers of its drop-path schedule, which the meta device has not."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if func is torch.linspace:
            options["device"] = "cpu"
        return func(*args, **options)


@pytest.mark.parametrize(("feature_size", "millions"), [(48, 62.1), (24, 15.7), (12, 4.0)])
def test_parameters_are_as_published(feature_size: int, millions: float) -> None:
    with torch.device("meta"), _ScheduleOnCPU():
        network = build_swin_unetr(feature_size)
    assert all(p.is_meta for p in network.parameters())
    # The paper cuts off: the base network has 62.19 million.
    assert sum(p.numel() for p in network.parameters()) // 100_000 == round(10 * millions)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Weights of the tiny network by MONAI's names: random, but organ 6 wins everywhere."""
    torch.manual_seed(0)
    state = build_swin_unetr(12).state_dict()
    state["out.conv.conv.weight"] *= 0.1
    state["out.conv.conv.bias"] = torch.where(torch.arange(14) == 6, 5.0, 0.0)
    return state


def ct(lattice: ImageGeometry = LATTICE) -> sitk.Image:
    """A trunk with air around it: soft tissue that varies, in Hounsfield units."""
    points = lattice.points() - np.asarray(LATTICE.center())
    trunk = np.square(points / (25.0, 22.0, 40.0)).sum(axis=-1) < 1
    tissue = 40 + 60 * np.sin(points / 7.0).sum(axis=-1)
    return lattice.to_image(np.where(trunk, tissue, -1000.0).astype(np.float32))


@pytest.fixture
def network_input(weights: dict[str, Tensor]) -> Callable[[sitk.Image], np.ndarray]:
    """What of an image reaches the network, which is too slow for many tests."""

    def capture(image: sitk.Image) -> np.ndarray:
        segmenter = SwinUNETRSegmenter(weights)
        seen: list[Tensor] = []

        class Constant(torch.nn.Module):
            def forward(self, part: Tensor) -> Tensor:
                seen.append(part)
                return torch.zeros(1, 14, *part.shape[2:])

        segmenter.network = Constant()
        probabilities, lattice = segmenter.probabilities(image)
        assert probabilities.shape == (14, *lattice.array_shape)
        assert len(seen) == 1
        return seen[0][0, 0].numpy()

    return capture


def test_the_network_sees_what_it_saw_in_training(
    network_input: Callable[[sitk.Image], np.ndarray],
) -> None:
    """Same lattice, so no interpolation: axes, their order, flips and the window must agree."""
    array = sitk.GetArrayFromImage(ct()).transpose()  # x, y, z as MONAI has them, along LPS
    ras = array[::-1, ::-1].copy()
    expected = np.asarray(ScaleIntensityRange(-175, 250, 0, 1, clip=True)(ras))
    assert expected.shape == (44, 36, 28)
    got = network_input(ct())

    def inner(array: np.ndarray) -> np.ndarray:
        found = np.argwhere(array > 0)
        return array[
            tuple(slice(a, b + 1) for a, b in zip(found.min(0), found.max(0), strict=True))
        ]

    np.testing.assert_allclose(inner(got), inner(expected), atol=1e-3)  # passed on in 16 bits
    assert got.shape == (96, 96, 96)


@pytest.mark.parametrize(
    "lattice",
    [
        ImageGeometry((44, 36, 28), (1.5, 1.5, 2.0), (34.5, 12.0, -100.0), (-1.0, *AXES[1:])),
        ImageGeometry((88, 72, 28), (0.75, 0.75, 2.0), (-30.375, 11.625, -100.0), AXES),
    ],
    ids=["mirrored", "finer"],
)
def test_storage_of_the_image_does_not_matter(
    network_input: Callable[[sitk.Image], np.ndarray], lattice: ImageGeometry
) -> None:
    difference = np.abs(network_input(ct(lattice)) - network_input(ct()))
    assert difference.mean() < 0.01
    assert np.quantile(difference, 0.99) < 0.15


def published(state: dict[str, Tensor], prefix: str, old_names: bool = False) -> dict[str, Any]:
    """The file of the authors: weights among other things, by the names of their training."""
    renamed = {}
    for name, tensor in state.items():
        if old_names:
            if "relative_position_index" in name:
                continue
            name = name.replace("mlp.linear", "mlp.fc").replace("swinViT.", "swin_vit.")
        renamed[prefix + name] = tensor
    return {"epoch": 4999, "best_acc": 0.8186, "state_dict": renamed}


@pytest.mark.parametrize(("prefix", "old"), [("", False), ("module.", False), ("module.", True)])
def test_published_file(weights: dict[str, Tensor], tmp_path: Path, prefix: str, old: bool) -> None:
    torch.save(published(weights, prefix, old), tmp_path / "swin.pt")
    segmenter = build_segmenter(tmp_path / "swin.pt")
    assert isinstance(segmenter, SwinUNETRSegmenter)
    loaded = segmenter.network.state_dict()
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)
    assert not segmenter.network.training
    assert segmenter.names == scheme_names("btcv") and len(segmenter.names) == 13


def test_organs_come_back_with_number_name_and_confidence(weights: dict[str, Tensor]) -> None:
    image = ct(ImageGeometry((30, 26, 20), (2.2, 2.1, 2.8), (-29.0, 13.0, -99.0), AXES))
    result = SwinUNETRSegmenter(weights).segment(image)
    labels = sitk.GetArrayFromImage(result.labels)
    inside = sitk.GetArrayFromImage(image) > 0
    assert (labels[inside] == 6).mean() > 0.95
    assert result.names[6] == "liver"
    assert result.confidence is not None
    assert 0.5 < sitk.GetArrayFromImage(result.confidence)[inside].mean() < 1
    assert result.geometry == ImageGeometry.from_image(image)


@pytest.mark.slow
def test_real_abdomen(weights: dict[str, Tensor], shared_data: Path) -> None:
    image = sitk.ReadImage(str(shared_data / "data/abdomen_ct/ct_3mm_122x101x112.nii.gz"))
    # A part of the trunk that fits into one window.
    part = image[40:80, 30:70, 30:60]
    result = SwinUNETRSegmenter(weights).segment(part)
    assert result.geometry == ImageGeometry.from_image(part)
    assert set(np.unique(sitk.GetArrayViewFromImage(result.labels))) <= set(range(14))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (sitk.Image(20, 20, sitk.sitkFloat32), "segments 3D CT, got a 2D image"),
        (sitk.Cast(sitk.RescaleIntensity(ct(), 0, 255), sitk.sitkUInt8), "values from 0 to 255"),
        (ct() * 0 - 1000, "values from -1000 to -1000"),
    ],
)
def test_only_ct_in_hounsfield_units(
    weights: dict[str, Tensor], image: sitk.Image, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        SwinUNETRSegmenter(weights).segment(image)


def test_weights_of_something_else(weights: dict[str, Tensor], tmp_path: Path) -> None:
    encoder = {
        f"module.{name.removeprefix('swinViT.')}": tensor
        for name, tensor in weights.items()
        if name.startswith("swinViT.")
    }
    with pytest.raises(ModelError, match="the encoder alone, which cannot segment"):
        load_swin_unetr(encoder)
    with pytest.raises(ModelError, match="expected feature size 48, got 12"):
        load_swin_unetr(weights, 48)
    with pytest.raises(ModelError, match="unexpected: colour"):
        load_swin_unetr({**weights, "colour": torch.ones(1)})
    fewer = {name: tensor for name, tensor in weights.items() if "decoder1" not in name}
    with pytest.raises(ModelError, match=r"missing: decoder1\.\S+, decoder1\.\S+, .*\.\.\."):
        load_swin_unetr(fewer)
    other = {**weights, "out.conv.conv.weight": torch.ones(3, 12, 1, 1, 1)}
    with pytest.raises(ModelError, match=r"must be \(14, 12, 1, 1, 1\), got \(3, 12, 1, 1, 1\)"):
        load_swin_unetr(other)
    with pytest.raises(ModelError, match=r"must be one of 48 \(base\), 24 \(small\), 12 \(tiny\)"):
        build_swin_unetr(36)
    with pytest.raises(ModelError, match=r"checkpoint .*none\.pt does not exist"):
        build_segmenter(tmp_path / "none.pt")
