"""LPIPS with weights from files: its definition, its gradient, and files that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from lightning_fabric import Fabric

from SlicerLDMRegLib.errors import InputError, ModelError
from training.config import StageConfig
from training.perceptual import LPIPS
from training.stages import build_stage

# torchvision's numbering of VGG16: index of a convolution, channels in and out.
CONVOLUTIONS = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256)}
CONVOLUTIONS |= {12: (256, 256), 14: (256, 256), 17: (256, 512)}
CONVOLUTIONS |= {i: (512, 512) for i in (19, 21, 24, 26, 28)}
TAPS, POOLS = (3, 8, 15, 22, 29), (4, 9, 16, 23)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    vgg = {"classifier.0.bias": torch.zeros(3)}
    for index, (inputs, outputs) in CONVOLUTIONS.items():
        vgg[f"features.{index}.weight"] = torch.randn(outputs, inputs, 3, 3) / (3 * inputs**0.5)
        vgg[f"features.{index}.bias"] = 0.1 * torch.randn(outputs)
    heads = {
        f"lin{k}.model.1.weight": torch.rand(1, c, 1, 1)
        for k, c in enumerate((64, 128, 256, 512, 512))
    }
    torch.save(vgg, folder / "vgg16.pth")
    torch.save(heads, folder / "vgg.pth")
    return folder / "vgg16.pth", folder / "vgg.pth"


def by_definition(x: torch.Tensor, y: torch.Tensor, files: tuple[Path, Path]) -> torch.Tensor:
    vgg, heads = (torch.load(path, weights_only=True) for path in files)
    shift = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
    x, y = (x - shift) / scale, (y - shift) / scale
    total, level = torch.zeros(len(x)), 0
    for index in range(30):
        if index in POOLS:
            x, y = F.max_pool2d(x, 2), F.max_pool2d(y, 2)
        elif index in CONVOLUTIONS:
            weight, bias = (vgg[f"features.{index}.{part}"] for part in ("weight", "bias"))
            x, y = (F.relu(F.conv2d(t, weight, bias, padding=1)) for t in (x, y))
        if index in TAPS:
            a, b = (t / (t.norm(dim=1, keepdim=True) + 1e-10) for t in (x, y))
            head = heads[f"lin{level}.model.1.weight"]
            total = total + F.conv2d((a - b) ** 2, head).mean((1, 2, 3))
            level += 1
    return total


def test_distances_are_those_of_the_definition(files: tuple[Path, Path]) -> None:
    lpips = LPIPS(*files)
    images, others = torch.rand(2, 2, 1, 32, 32)
    expected = by_definition(images, others, files)
    torch.testing.assert_close(lpips(images, others), expected.mean(), rtol=1e-4, atol=1e-6)
    assert lpips(images, images) == 0 < lpips(images, others)
    images.requires_grad_()
    lpips.train()(images, others).backward()
    assert images.grad is not None and images.grad.abs().max() > 0
    assert not any(p.requires_grad for p in lpips.parameters())


def test_the_first_stage_takes_the_files_that_are_named(
    files: tuple[Path, Path], stages: Path
) -> None:
    fabric = Fabric(accelerator="cpu", devices=1)
    named = [
        f"losses.{k}={p}" for k, p in zip(("vgg_weights", "lpips_weights"), files, strict=True)
    ]
    config = StageConfig.load(stages / "vqgan.yaml", ["losses.perceptual_weight=1", *named])
    stage = build_stage(config, fabric, None)
    image, other = torch.rand(2, 1, 1, 32, 32)
    found = stage._reconstruction_loss(image, other)  # type: ignore[attr-defined]
    expected = F.l1_loss(other, image) + by_definition(other, image, files).mean()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    for missing in (named[:1], named[1:], []):
        config = StageConfig.load(stages / "vqgan.yaml", ["losses.perceptual_weight=1", *missing])
        with pytest.raises(
            InputError, match=r"name torchvision's vgg16-397923af.pth as losses.vgg"
        ):
            build_stage(config, fabric, None)


def test_files_that_do_not_fit_are_told(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no .*gone.pth"):
        LPIPS(tmp_path / "gone.pth", files[1])
    with pytest.raises(
        ModelError, match=r"expected blocks.0.0.weight of .* got nothing; name torch"
    ):
        LPIPS(files[1], files[0])
    heads = torch.load(files[1], weights_only=True)
    torch.save({**heads, "lin2.model.1.weight": torch.rand(1, 255, 1, 1)}, tmp_path / "heads.pth")
    with pytest.raises(ModelError, match=r"heads.pth: expected heads.2 of \(256,\), got \(255,\)"):
        LPIPS(files[0], tmp_path / "heads.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ModelError, match=r"text.pth"):
        LPIPS(tmp_path / "text.pth", files[1])
