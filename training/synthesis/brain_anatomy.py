"""Brain labels: tissues, left-right counterparts and regions of the model.

The maps use FreeSurfer's numbers for structures, and 502 to 530 for tissues outside the brain. For
synthesis every number has a small index, its position in :data:`LABEL_NUMBERS`.
"""

from __future__ import annotations

import numpy as np

from SlicerLDMRegLib.text.schemes import FREESURFER35

__all__ = [
    "BRAIN",
    "LABEL_COUNT",
    "LABEL_NUMBERS",
    "MIRROR",
    "OUTER_CSF",
    "REGION_NUMBERS",
    "REGION_ROW",
    "SULCAL_CSF",
    "TISSUES",
    "TISSUE_OF_LABEL",
    "indices_of",
]

#: Numbers of the 35 structures of OASIS, ascending; row i + 1 of a region table is entry i.
REGION_NUMBERS: tuple[int, ...] = tuple(FREESURFER35)

# Our own numbers for cerebrospinal fluid, which is 24 everywhere in the maps: skull stripping keeps
# the fluid in the sulci and removes the rest.
SULCAL_CSF, OUTER_CSF = 24, 924

# Tissue by number; of structures with two sides the left number, the right one is in _RIGHT.
_TISSUE = {
    **{2: "white-matter", 3: "cortex", 4: "ventricle", 5: "ventricle"},
    **{7: "cerebellum-white-matter", 8: "cerebellum-cortex", 10: "thalamus", 11: "caudate"},
    **{12: "putamen", 13: "pallidum", 14: "ventricle", 15: "ventricle", 16: "brain-stem"},
    **{17: "hippocampus", 18: "amygdala", SULCAL_CSF: "csf", 25: "lesion", 26: "accumbens"},
    **{28: "ventral-dc", 30: "vessel", 31: "choroid-plexus", 72: "ventricle", 85: "optic-chiasm"},
    **{502: "artery", 506: "eye", 507: "soft-tissue", 508: "muscle", 509: "mucosa", 511: "skin"},
    **{512: "spinal-cord", 514: "vein", 515: "compact-bone", 516: "spongy-bone"},
    **{530: "optic-nerve", OUTER_CSF: "csf"},
}
_RIGHT = {
    **{2: 41, 3: 42, 4: 43, 5: 44, 7: 46, 8: 47, 10: 49, 11: 50, 12: 51, 13: 52, 17: 53},
    **{18: 54, 25: 57, 26: 58, 28: 60, 30: 62, 31: 63},
}
# The maps divide the choroid plexus of each side into body and temporal horn of the ventricle.
_SAME_AS = {136: 31, 137: 31, 163: 63, 164: 63}
# Lesions lie in the white matter and count as white matter for the model.
_REGION = {**{n: n for n in REGION_NUMBERS}, 25: 2, 57: 41}

_TISSUE_OF_NUMBER = {0: "air", **_TISSUE, **{r: _TISSUE[n] for n, r in _RIGHT.items()}}
_OTHER_SIDE = {**_RIGHT, **{right: left for left, right in _RIGHT.items()}}

#: Label number of each index; 0 is air.
LABEL_NUMBERS: tuple[int, ...] = tuple(sorted(_TISSUE_OF_NUMBER))
LABEL_COUNT = len(LABEL_NUMBERS)
_INDEX = {number: index for index, number in enumerate(LABEL_NUMBERS)}

#: Names of the tissues that have an intensity of their own; the two sides share one.
TISSUES: tuple[str, ...] = tuple(dict.fromkeys(_TISSUE_OF_NUMBER.values()))
#: ``(LABEL_COUNT,)``: position in TISSUES of each index.
TISSUE_OF_LABEL = np.array([TISSUES.index(_TISSUE_OF_NUMBER[n]) for n in LABEL_NUMBERS])
#: ``(LABEL_COUNT,)`` uint8: index of the same structure on the other side.
MIRROR = np.array([_INDEX[_OTHER_SIDE.get(n, n)] for n in LABEL_NUMBERS], np.uint8)
#: ``(LABEL_COUNT,)`` uint8: row in the model's region table, 0 = background.
REGION_ROW = np.array(
    [REGION_NUMBERS.index(_REGION[n]) + 1 if n in _REGION else 0 for n in LABEL_NUMBERS], np.uint8
)
#: ``(LABEL_COUNT,)`` bool: part of the brain, its ventricles included; fluid in sulci is not.
BRAIN = np.array([0 < n < 500 and n != SULCAL_CSF for n in LABEL_NUMBERS])


def indices_of(numbers: np.ndarray) -> np.ndarray:
    """Translate label numbers, integers or whole floats, to uint8 indices of LABEL_NUMBERS.

    Raises:
        ValueError: naming an unknown number.
    """
    whole = np.rint(numbers).astype(np.int32)
    table = np.zeros(max(_INDEX) + 1, np.uint8)
    known = np.zeros(table.size, bool)
    for number in (*_INDEX, *_SAME_AS):
        table[number] = _INDEX[_SAME_AS.get(number, number)]
        known[number] = True
    if whole.min() < 0 or whole.max() >= table.size or not known[whole].all():
        unknown = [int(n) for n in np.unique(whole) if not (0 <= n < table.size and known[n])]
        raise ValueError(
            f"expected FreeSurfer numbers and 502 to 530 for tissues outside the brain, "
            f"got {unknown[:8]}; add them to training/synthesis/brain_anatomy.py"
        )
    return table[whole]
