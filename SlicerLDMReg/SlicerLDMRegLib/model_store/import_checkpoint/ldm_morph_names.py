"""Tensor names of the authors' LDM-Morph checkpoints, mapped to ours.

Their VQ-GAN and U-Net are CompVis' (taming-transformers, latent-diffusion), ours are MONAI's: the
same networks under other names. Their attention uses convolutions with kernel size 1, ours linear
layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count

from torch import Tensor

from ...networks.ldm_morph import LDMMorphConfig
from .mapping import Source

__all__ = [
    "LDM_IGNORED",
    "RAW_UNET",
    "REGISTRATION_IGNORED",
    "ldm_sources",
    "registration_sources",
]

# Patterns of unneeded names. The raw weights are unneeded if the moving averages are used.
RAW_UNET = r"model\.diffusion_model\..*"
LDM_IGNORED = (
    r"first_stage_model\.decoder\..*",  # images are not decoded
    r"first_stage_model\.post_quant_conv\..*",  # images are not decoded
    r"first_stage_model\.quantize\..*",  # features use the latent before quantisation
    r"first_stage_model\.loss\..*",  # loss and discriminator of the training
    r"first_stage_model\.colorize",  # drawing of training samples
    r"(first_stage_model\.)?model_ema\..*",  # moving averages: see the option use_ema
    r"cond_stage_model\..*",  # the model is unconditional
    r"logvar|scale_factor",  # of the training loss; scale_factor is checked to be 1
    r"(sqrt_|log_)?(one_minus_|recip_|recipm1_)?alphas_cumprod(_prev)?",  # follow from the betas
    r"posterior_.*|lvlb_weights|betas",  # noise schedule; betas are checked
)
REGISTRATION_IGNORED = (
    r"lwsa\.c[12]\.\d+\.weight",  # skip convolutions that are never called
    r"up[012]\.conv3\.\d+\.weight",  # branch for a level without two skips
    r"up3\.conv1\.\d+\.weight",  # branch for a level with two skips
    r"lwca\d\.transformer\.norm[123]\..*",  # norms of levels that LGCA does not have
    r".*\.relative_position_index",  # follows from the window
    r".*\.attn_mask",  # follows from the window
    r".*\.grid",  # identity grid of the warp
)

_RESIDUAL_VQ = {
    "norm1": "norm1",
    "conv1": "conv1.conv",
    "norm2": "norm2",
    "conv2": "conv2.conv",
    "nin_shortcut": "nin_shortcut.conv",
}
_RESIDUAL_UNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1.conv",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2.conv",
    "skip_connection": "skip_connection.conv",
}
_SWIN_BLOCK = {
    "norm1": "norm1",
    "attn.proj": "attention.proj",
    "norm2": "norm2",
    "mlp.fc1": "mlp.0",
    "mlp.fc2": "mlp.2",
}

_Pairs = Iterator[tuple[str, Source]]


def ldm_sources(config: LDMMorphConfig, use_ema: bool = False) -> dict[str, Source]:
    """Return the source of each tensor of ``LDMMorph.latent_features``, by our name.

    Args:
        config: the network's arguments.
        use_ema: take the U-Net's moving averages instead of its last weights.
    """
    sources = {f"encoder.{ours}": source for ours, source in _encoder(config)}
    for ours, source in _unet(config):
        name = f"diffusion_model.{source.name}"
        # The averages have the same names without dots.
        name = "model_ema." + name.replace(".", "") if use_ema else f"model.{name}"
        sources[f"unet.{ours}"] = Source(name, source.transform)
    return sources


def registration_sources(config: LDMMorphConfig) -> dict[str, Source]:
    """Return the source of each tensor of ``LDMMorph.registration``, by our name."""
    pairs: list[tuple[str, Source]] = []
    stream, theirs = "global_stream", "lwsa.transformer"
    pairs += _both(f"{stream}.patch_embed", f"{theirs}.patch_embed.proj")
    pairs += _both(f"{stream}.patch_norm", f"{theirs}.patch_embed.norm")
    for level, depth in enumerate(config.depths):
        for block in range(depth):
            pairs += _swin_block(
                f"{stream}.stages.{level}.{block}", f"{theirs}.layers.{level}.blocks.{block}"
            )
        pairs += _both(f"{stream}.norms.{level}", f"{theirs}.norm{level}")
        if level < 3:
            ours, merging = f"{stream}.merges.{level}", f"{theirs}.layers.{level}.downsample"
            pairs.append((f"{ours}.reduction.weight", Source(f"{merging}.reduction.weight")))
            pairs += _both(f"{ours}.norm", f"{merging}.norm")
        pairs += _both(f"latent_stream.{level}.0", f"c{level + 1}.0")
        pairs.append((f"latent_stream.{level}.1.weight", Source(f"c{level + 1}.1.weight")))
        cross = f"lwca{level + 1}.transformer"
        for block in range(2):
            pairs += _swin_block(f"lgca.{level}.blocks.{block}", f"{cross}.layers.0.blocks.{block}")
        pairs += _both(f"lgca.{level}.norm", f"{cross}.norm0")
        # The last level has one skip instead of two; the authors keep a layer for each case.
        first = f"up{level}.conv{3 if level == 3 else 1}.0.weight"
        pairs.append((f"decoder.ups.{level}.0.0.weight", Source(first)))
        pairs.append((f"decoder.ups.{level}.1.0.weight", Source(f"up{level}.conv2.0.weight")))
    pairs.append(("decoder.low_level.0.weight", Source("ec1.0.weight")))
    pairs += _both("decoder.head", "reg_head.0")
    return dict(pairs)


def _encoder(config: LDMMorphConfig) -> _Pairs:
    theirs = "first_stage_model.encoder"
    # MONAI keeps all blocks in one list, in the order of execution.
    blocks = (f"blocks.blocks.{index}" for index in count())
    yield from _both(f"{next(blocks)}.conv", f"{theirs}.conv_in")
    levels = len(config.autoencoder_channels)
    for level, channels in enumerate(config.autoencoder_channels):
        width = config.autoencoder_channels[max(level - 1, 0)]
        for block in range(config.autoencoder_res_blocks):
            residual = f"{theirs}.down.{level}.block.{block}"
            yield from _residual(_RESIDUAL_VQ, next(blocks), residual, width != channels)
            width = channels
            if config.autoencoder_attention[level]:
                yield from _attention_vq(next(blocks), f"{theirs}.down.{level}.attn.{block}")
        if level < levels - 1:
            yield from _both(f"{next(blocks)}.conv.conv", f"{theirs}.down.{level}.downsample.conv")
    yield from _residual(_RESIDUAL_VQ, next(blocks), f"{theirs}.mid.block_1", False)
    yield from _attention_vq(next(blocks), f"{theirs}.mid.attn_1")
    yield from _residual(_RESIDUAL_VQ, next(blocks), f"{theirs}.mid.block_2", False)
    yield from _both(next(blocks), f"{theirs}.norm_out")
    next(blocks)  # the activation, without parameters
    yield from _both(f"{next(blocks)}.conv", f"{theirs}.conv_out")
    yield from _both("to_codebook", "first_stage_model.quant_conv")


def _unet(config: LDMMorphConfig) -> _Pairs:
    channels = config.unet_channels
    residual = partial(_residual, _RESIDUAL_UNET)
    attention = partial(_attention_unet, config.unet_head_channels)
    yield from _both("conv_in.conv", "input_blocks.0.0")
    for layer in (0, 2):
        yield from _both(f"time_embed.{layer}", f"time_embed.{layer}")
    # Blocks 1, 2 | 3 halves the size | 4, 5 | 6 halves | 7, 8 | 9 halves | 10, 11.
    width = channels[0]
    for level, size in enumerate(channels):
        for block in range(2):
            theirs = f"input_blocks.{3 * level + block + 1}"
            ours = f"down_blocks.{level}"
            yield from residual(f"{ours}.resnets.{block}", f"{theirs}.0", width != size)
            width = size
            if level > 0:
                yield from attention(size, f"{ours}.attentions.{block}", f"{theirs}.1")
        if level < 3:
            yield from _both(f"{ours}.downsampler.op.conv", f"input_blocks.{3 * level + 3}.0.op")
    yield from residual("middle_block.resnet_1", "middle_block.0", False)
    yield from attention(channels[-1], "middle_block.attention", "middle_block.1")
    yield from residual("middle_block.resnet_2", "middle_block.2", False)
    for level, size in enumerate(reversed(channels)):
        ours = f"up_blocks.{level}"
        for block in range(3):
            theirs = f"output_blocks.{3 * level + block}"
            # Each block also takes a skip, so its width always changes.
            yield from residual(f"{ours}.resnets.{block}", f"{theirs}.0", True)
            if level < 3:
                yield from attention(size, f"{ours}.attentions.{block}", f"{theirs}.1")
        if level < 3:
            theirs = f"output_blocks.{3 * level + 2}.2.conv"
            yield from _both(f"{ours}.upsampler.postconv.conv", theirs)
    yield from _both("out.0", "out.0")
    yield from _both("out.2.conv", "out.2")


def _both(ours: str, theirs: str, kernel: bool = False) -> _Pairs:
    weight = f"{theirs}.weight"
    yield f"{ours}.weight", Source(weight, _matrix) if kernel else Source(weight)
    yield f"{ours}.bias", Source(f"{theirs}.bias")


def _residual(names: dict[str, str], ours: str, theirs: str, shortcut: bool) -> _Pairs:
    for their_layer, our_layer in names.items():
        if shortcut or our_layer.split(".")[0] not in ("nin_shortcut", "skip_connection"):
            yield from _both(f"{ours}.{our_layer}", f"{theirs}.{their_layer}")


def _attention_vq(ours: str, theirs: str) -> _Pairs:
    yield from _both(f"{ours}.norm", f"{theirs}.norm")
    layers = {"q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "out_proj"}
    for their_layer, our_layer in layers.items():
        yield from _both(f"{ours}.attn.{our_layer}", f"{theirs}.{their_layer}", kernel=True)


def _attention_unet(head_channels: int, channels: int, ours: str, theirs: str) -> _Pairs:
    yield from _both(f"{ours}.norm", f"{theirs}.norm")
    heads = channels // head_channels
    for part, layer in enumerate(("to_q", "to_k", "to_v")):
        for end in ("weight", "bias"):
            split = partial(_part_of_qkv, part=part, heads=heads)
            yield f"{ours}.attn.{layer}.{end}", Source(f"{theirs}.qkv.{end}", split)
    yield from _both(f"{ours}.attn.out_proj", f"{theirs}.proj_out", kernel=True)


def _swin_block(ours: str, theirs: str) -> _Pairs:
    for their_layer, our_layer in _SWIN_BLOCK.items():
        yield from _both(f"{ours}.{our_layer}", f"{theirs}.{their_layer}")
    yield f"{ours}.attention.qkv.weight", Source(f"{theirs}.attn.qkv.weight")
    table = f"{theirs}.attn.relative_position_bias_table"
    yield f"{ours}.attention.relative_position_bias", Source(table)


def _matrix(kernel: Tensor) -> Tensor:
    """Return the matrix of a convolution with kernel size 1."""
    if any(n != 1 for n in kernel.shape[2:]):
        raise ValueError("the convolution has more than one tap")
    return kernel.flatten(1)


def _part_of_qkv(qkv: Tensor, part: int, heads: int) -> Tensor:
    # Order of the released U-Net: by head, each with its queries, keys and values.
    grouped = qkv.flatten(1) if qkv.ndim > 1 else qkv
    by_head = grouped.reshape(heads, 3, -1, *grouped.shape[1:])
    return by_head[:, part].flatten(0, 1)
