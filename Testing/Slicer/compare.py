"""Differences between what was seen in Slicer and what was seen in the host."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["differences"]

_NUMBER = re.compile(r"[-+\u2212]?\d+(?:\.\d+)?")
# Fractions such as Dice differ a little between versions of torch.
_CLOSE = 0.01
# Texts also tell distances, which are multiples of the voxel, and extreme values.
_CLOSE_IN_TEXTS = 0.02
_PART_IN_TEXTS = 0.25


def differences(slicer: Any, host: Any, where: str = "") -> list[str]:
    """Return what differs, in one line each; whole numbers and words must be equal.

    Args:
        slicer, host: what was seen: mappings, lists, texts and numbers.
        where: what they are called.
    """
    return list(_differences(slicer, host, where))


def _differences(slicer: Any, host: Any, where: str) -> Iterator[str]:
    if isinstance(slicer, Mapping) and isinstance(host, Mapping):
        for key in dict.fromkeys((*host, *slicer)):
            place = f"{where}, {key}" if where else str(key)
            if key not in slicer or key not in host:
                yield f"{place}: only in {'Slicer' if key in slicer else 'the host'}"
            else:
                yield from _differences(slicer[key], host[key], place)
    elif isinstance(slicer, list) and isinstance(host, list) and len(slicer) == len(host):
        for number, (one, other) in enumerate(zip(slicer, host, strict=True), start=1):
            yield from _differences(one, other, f"{where} {number}")
    elif not _agree(slicer, host):
        yield f"{where}: {slicer!r} in Slicer, {host!r} in the host"


def _agree(slicer: Any, host: Any) -> bool:
    if isinstance(slicer, str) and isinstance(host, str):
        return _texts_agree(slicer, host)
    if isinstance(slicer, float) and isinstance(host, float):
        return abs(slicer - host) <= _CLOSE
    return type(slicer) is type(host) and bool(slicer == host)


def _texts_agree(slicer: str, host: str) -> bool:
    if _NUMBER.split(slicer) != _NUMBER.split(host):
        return False
    pairs = zip(_numbers(slicer), _numbers(host), strict=True)
    return all(
        abs(a - b) <= max(_CLOSE_IN_TEXTS, _PART_IN_TEXTS * max(abs(a), abs(b))) for a, b in pairs
    )


def _numbers(text: str) -> list[float]:
    return [float(number.replace("\u2212", "-")) for number in _NUMBER.findall(text)]
