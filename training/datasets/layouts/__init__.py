"""Data sets in folders as they are published, and in a manifest of one's own.

>>> sorted(LAYOUTS)[:3]
['abdomen-ct', 'acdc', 'camus-2ch']
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from SlicerLDMRegLib.errors import InputError

from .abdomen_ct import AbdomenCT
from .acdc import ACDC
from .camus import Camus2CH, Camus4CH
from .cardiac_mr import CardiacMR
from .data_set import DataSet, Pairing, PairSequence, Scan
from .echonet import EchoNet
from .lung_ct import LungCT
from .manifest import ManifestData
from .oasis import OASIS
from .sunnybrook import Sunnybrook, write_pairs

__all__ = [
    "LAYOUTS",
    "DataSet",
    "PairSequence",
    "Pairing",
    "Scan",
    "open_data_set",
    "recognise",
    "write_pairs",
]

#: Layouts by the names that configurations and commands know.
LAYOUTS: dict[str, type[DataSet]] = {
    layout.name: layout
    for layout in (
        Camus2CH,
        Camus4CH,
        EchoNet,
        ACDC,
        OASIS,
        AbdomenCT,
        LungCT,
        Sunnybrook,
        CardiacMR,
        ManifestData,
    )
}


def open_data_set(name: str, root: str | Path, incomplete: bool = False, **options: Any) -> DataSet:
    """Open a data set.

    Args:
        name: of :data:`LAYOUTS`.
        root: its folder.
        incomplete: whether to go on without subjects of which files are missing.
        options: of the layout, such as ``halve`` of ``abdomen-ct``.

    Raises:
        InputError: for an unknown name, a folder of another layout, or a missing file.
    """
    if name not in LAYOUTS:
        near = difflib.get_close_matches(name, LAYOUTS, 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"data set: expected one of {', '.join(LAYOUTS)}, got {name!r}{meant}")
    data = LAYOUTS[name](root, **options)
    if not incomplete:
        data.require_complete()
    return data


def recognise(root: str | Path) -> list[str]:
    """Return the layouts whose files a folder has, by name.

    Raises:
        InputError: when there is no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: expected a folder, got none")
    return [name for name, layout in LAYOUTS.items() if layout.recognises(root)]
