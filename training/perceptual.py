"""LPIPS, the perceptual distance of the VQ-GAN's loss, with weights from files of the user.

Zhang et al., The unreasonable effectiveness of deep features as a perceptual metric, CVPR 2018, on
the features of VGG16 (Simonyan and Zisserman, 2015).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from SlicerLDMRegLib._weight_files import read_checkpoint
from SlicerLDMRegLib.errors import InputError, ModelError

__all__ = ["LPIPS"]

# Convolutions of VGG16 up to the last that is used, by block: channels.
_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# Mean and standard deviation of LPIPS' input in [-1, 1], by channel.
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_EPSILON = 1e-10  # of LPIPS


class LPIPS(nn.Module):
    """Distance of images by the features of VGG16 after each of its five blocks of convolutions.

    The features of a pixel are made a unit vector; squared differences are weighted by channel and
    averaged over the pixels. As in the released VQ-GAN, grey images are taken as they are, without
    stretching [0, 1] to [-1, 1], and have three equal channels.

    Args:
        vgg: torchvision's ``vgg16-397923af.pth``; its ``features.*`` are used.
        heads: LPIPS' ``vgg.pth``, the weights of the channels ``lin0`` to ``lin4``.

    Raises:
        InputError: when a file is missing.
        ModelError: when it is damaged, or holds other weights.
    """

    def __init__(self, vgg: Path, heads: Path) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        channels, index, names = 3, 0, {}
        for level, widths in enumerate(_BLOCKS):
            layers: list[nn.Module] = [nn.MaxPool2d(2, 2)] if level else []
            index += bool(level)
            for width in widths:
                names[f"blocks.{level}.{len(layers)}"] = f"features.{index}"
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels, index = width, index + 2
            self.blocks.append(nn.Sequential(*layers))
        self.heads = nn.ParameterList(nn.Parameter(torch.zeros(w[-1])) for w in _BLOCKS)
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1))
        features, weights = _read(vgg), _read(heads)
        state = {
            f"{own}.{part}": features.get(f"{theirs}.{part}")
            for own, theirs in names.items()
            for part in ("weight", "bias")
        }
        state |= {
            f"heads.{k}": _flat(weights.get(f"lin{k}.model.1.weight")) for k in range(len(_BLOCKS))
        }
        for name, value in state.items():
            expected = self.get_parameter(name).shape
            if value is None or value.shape != expected:
                got = "nothing" if value is None else tuple(value.shape)
                raise ModelError(
                    f"{heads if name.startswith('heads') else vgg}: expected {name} of "
                    f"{tuple(expected)}, got {got}; name torchvision's vgg16-397923af.pth as "
                    "losses.vgg_weights and LPIPS' vgg.pth as losses.lpips_weights"
                )
        self.load_state_dict({k: v for k, v in state.items() if v is not None}, strict=False)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> LPIPS:
        """Keep evaluation mode."""
        return super().train(False)

    def forward(self, images: Tensor, others: Tensor) -> Tensor:
        """Return the mean distance of images ``(B, 1, H, W)`` in [0, 1] to others; a scalar."""
        x, y = ((t.float() - self.shift) / self.scale for t in (images, others))
        total = x.new_zeros(())
        for block, head in zip(self.blocks, self.heads, strict=True):
            x, y = block(x), block(y)
            difference = (_unit(x) - _unit(y)).square()
            total = total + (difference * head.view(1, -1, 1, 1)).sum(1).mean()
        return total


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True).sqrt() + _EPSILON)


def _flat(weight: Tensor | None) -> Tensor | None:
    return None if weight is None else weight.flatten()


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise InputError(f"perceptual loss: expected a file of weights, there is no {path}")
    content: dict[str, Tensor] = read_checkpoint(path)
    return content
