"""Tensor names of the authors' textSCF checkpoints, mapped to ours."""

from __future__ import annotations

from collections.abc import Iterator

from .mapping import Ignored, Source

__all__ = ["TEXTSCF_IGNORED", "textscf_sources"]

TEXTSCF_IGNORED = (
    Ignored(r"up4\..*", "the way to full resolution, which the released code does not go"),
    Ignored(r"(.*\.)?grid", "identity grid of a warp"),
)

_LARGE_KERNEL = {"large": "large", "regular": "regular", "pointwise": "one", "activation": "prelu"}


def textscf_sources() -> dict[str, Source]:
    """Return the source of each tensor of ``TextSCF`` on LKU-Net, by our name."""
    return {ours: Source(theirs) for ours, theirs in _names()}


def _names() -> Iterator[tuple[str, str]]:
    backbone = "backbone"
    # On both sides, layers 0 and 1 of a sequence are a convolution and its activation.
    sequences = {"stem.0": "eninput", "stem.1": "ec1"}
    for level in range(4):
        sequences[f"downs.{level}.0"] = f"ec{2 * level + 2}"
        for ours, theirs in _LARGE_KERNEL.items():
            name = f"ec{2 * level + 3}.{theirs}"
            yield from _both(f"{backbone}.downs.{level}.1.{ours}", name, ours != "activation")
    for level in range(3):
        sequences[f"ups.{level}"] = f"up{level + 1}"
        for layer in range(2):
            sequences[f"merges.{level}.{layer}"] = f"dc{2 * level + layer + 1}"
    for ours, theirs in sequences.items():
        yield from _both(f"{backbone}.{ours}.0", f"{theirs}.layer.0")
        yield from _both(f"{backbone}.{ours}.1", f"{theirs}.layer.1", bias=False)
    yield from _both("head.common", "flow.flow")
    # Their x, y, z are the first, second and third array axis.
    for function, axis in enumerate("xyz"):
        for layer in (0, 2, 4):
            yield from _both(
                f"function.functions.{function}.{layer}", f"flow.generate_flow_{axis}.mlp.{layer}"
            )


def _both(ours: str, theirs: str, bias: bool = True) -> Iterator[tuple[str, str]]:
    for kind in ("weight", "bias") if bias else ("weight",):
        yield f"{ours}.{kind}", f"{theirs}.{kind}"
