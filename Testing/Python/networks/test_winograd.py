"""Convolutions by Winograd's filtering equal the usual ones, and step aside where they must."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from SlicerLDMRegLib.networks.ldm_morph import LDMMorph, LDMMorphConfig
from SlicerLDMRegLib.networks.winograd import WinogradConv2d, use_winograd


def pair(inputs: int, outputs: int, bias: bool = True) -> tuple[nn.Conv2d, nn.Conv2d]:
    """Return a usual convolution, and the same by Winograd's filtering."""
    torch.manual_seed(inputs + outputs)
    usual = nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)
    fast = nn.Sequential(copy.deepcopy(usual))
    use_winograd(fast)
    return usual, fast[0]


def count(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the list that grows with each convolution by Winograd's filtering."""
    calls: list[int] = []
    fast = WinogradConv2d._fast

    def counted(self: WinogradConv2d, image: Tensor) -> Tensor:
        calls.append(1)
        return fast(self, image)

    monkeypatch.setattr(WinogradConv2d, "_fast", counted)
    return calls


@pytest.mark.parametrize(
    ("inputs", "outputs", "shape", "bias"),
    [
        (128, 128, (1, 32, 32), True),
        (128, 192, (2, 16, 20), True),
        (160, 128, (1, 17, 31), True),  # no multiples of the tiles
        (128, 128, (3, 18, 64), False),
        (256, 128, (1, 64, 4), True),
    ],
)
def test_equals_the_usual_convolution(
    inputs: int,
    outputs: int,
    shape: tuple[int, int, int],
    bias: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = count(monkeypatch)
    usual, fast = pair(inputs, outputs, bias)
    image = torch.randn(shape[0], inputs, *shape[1:])
    with torch.inference_mode():
        expected = usual.double()(image.double())
        found = fast(image)
        again = fast(image.to(memory_format=torch.channels_last))
    assert calls and found.shape == expected.shape
    # float32: the usual convolution differs from it by 1e-6.
    assert (found - expected).abs().max() < 3e-5 * expected.abs().max()
    assert torch.equal(found, again)


def test_changed_weights_change_the_result() -> None:
    _, fast = pair(128, 128)
    image = torch.randn(1, 128, 16, 16)
    with torch.no_grad():
        first = fast(image)
        fast.weight *= 2
        fast.bias *= 2
        assert torch.allclose(fast(image), 2 * first, atol=1e-3)
        fast.load_state_dict({name: 3 * value for name, value in fast.state_dict().items()})
        assert torch.allclose(fast(image), 6 * first, atol=1e-3)


def test_training_computes_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count(monkeypatch)
    usual, fast = pair(128, 128)
    image = torch.randn(1, 128, 16, 16)
    usual(image).square().sum().backward()
    fast(image).square().sum().backward()
    assert torch.equal(usual.weight.grad, fast.weight.grad)  # type: ignore[arg-type]
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        assert torch.equal(usual(image), fast(image))
    fast.requires_grad_(False)
    image.requires_grad_()
    (through,) = torch.autograd.grad(fast(image).sum(), image)
    assert through.abs().max() > 0
    assert not calls


def test_copies_and_files_hold_the_weights_alone() -> None:
    usual, fast = pair(128, 128)
    image = torch.randn(1, 128, 16, 16)
    with torch.no_grad():
        found = fast(image)
    assert list(fast.state_dict()) == list(usual.state_dict())
    for other in (copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        assert "_transformed" not in vars(other)
        with torch.no_grad():
            assert torch.equal(other(image), found)


def test_only_what_pays_is_changed() -> None:
    layers = nn.Sequential(
        nn.Conv2d(128, 128, 3, padding=1),
        nn.Conv2d(64, 128, 3, padding=1),
        nn.Conv2d(128, 128, 3),
        nn.Conv2d(128, 128, 3, padding=1, stride=2),
        nn.Conv2d(128, 128, 3, padding=1, groups=2),
        nn.Conv2d(128, 128, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(128, 128, 5, padding=1),
        nn.Conv2d(128, 128, 3, padding=2, dilation=2),
    )
    use_winograd(layers)
    assert [type(layer) is WinogradConv2d for layer in layers] == [True] + 7 * [False]


def test_small_maps_are_left_to_the_usual_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count(monkeypatch)
    usual, fast = pair(128, 128)
    image = torch.randn(1, 128, 8, 8)
    with torch.no_grad():
        assert torch.equal(usual(image), fast(image))
    assert not calls


def test_a_wide_network_predicts_what_it_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count(monkeypatch)
    torch.manual_seed(0)
    config = LDMMorphConfig(
        autoencoder_channels=(128, 128, 128), autoencoder_res_blocks=1, unet_channels=(8, 8, 8, 8),
        unet_groups=4, unet_head_channels=4, embed_dim=8, codebook_size=16,
    )  # fmt: skip
    network = LDMMorph(config).eval()
    nn.init.normal_(network.registration.decoder.head.weight, std=0.1)
    smooth = torch.rand(2, 1, 9, 9)
    moving, fixed = F.interpolate(smooth, (64, 64), mode="bicubic").clamp(0, 1).split(1)
    with torch.inference_mode():
        fast = network(moving, fixed).displacement
    assert len(calls) >= 6
    with torch.no_grad():
        monkeypatch.setattr(WinogradConv2d, "_pays", lambda *_: False)
        usual = network(moving, fixed).displacement
    assert usual.abs().max() > 1
    assert (fast - usual).abs().max() < 1e-4 * usual.abs().max()
