"""Label schemes: structure names by label number (FreeSurfer, BTCV, MSD hippocampus)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ..errors import InputError
from .prompts import structure_words

__all__ = [
    "BTCV",
    "FREESURFER",
    "FREESURFER35",
    "SCHEMES",
    "label_scheme",
    "scheme_names",
]

Scheme = Mapping[int, str]

# Numbers, names and prompt words of FreeSurfer's table (FreeSurferColorLUT.txt).
# Left number, right number, name without its side, prompt words if they differ from the name.
_SIDED: tuple[tuple[int, int, str, str | None], ...] = (
    (2, 41, "Cerebral-White-Matter", None),
    (3, 42, "Cerebral-Cortex", None),
    (4, 43, "Lateral-Ventricle", None),
    (5, 44, "Inf-Lat-Vent", "inferior lateral ventricle"),
    (7, 46, "Cerebellum-White-Matter", None),
    (8, 47, "Cerebellum-Cortex", None),
    (10, 49, "Thalamus", None),
    (11, 50, "Caudate", None),
    (12, 51, "Putamen", None),
    (13, 52, "Pallidum", None),
    (17, 53, "Hippocampus", None),
    (18, 54, "Amygdala", None),
    (26, 58, "Accumbens-area", "nucleus accumbens"),
    (28, 60, "VentralDC", "ventral diencephalon"),
    (30, 62, "vessel", None),
    (31, 63, "choroid-plexus", None),
)

# Number, name, prompt words if they differ from the name.
_MIDLINE: tuple[tuple[int, str, str | None], ...] = (
    (14, "3rd-Ventricle", "third ventricle"),
    (15, "4th-Ventricle", "fourth ventricle"),
    (16, "Brain-Stem", None),
)

_WIDER_SIDED: tuple[tuple[int, int, str, str | None], ...] = (
    (25, 57, "Lesion", None),
    (78, 79, "WM-hypointensities", "white matter hypointensities"),
)

_WIDER_MIDLINE: tuple[tuple[int, str, str | None], ...] = (
    (24, "CSF", "cerebrospinal fluid"),
    (72, "5th-Ventricle", "fifth ventricle"),
    (77, "WM-hypointensities", "white matter hypointensities"),
    (85, "Optic-Chiasm", None),
    (251, "CC_Posterior", "posterior corpus callosum"),
    (252, "CC_Mid_Posterior", "mid posterior corpus callosum"),
    (253, "CC_Central", "central corpus callosum"),
    (254, "CC_Mid_Anterior", "mid anterior corpus callosum"),
    (255, "CC_Anterior", "anterior corpus callosum"),
)

# Cortical regions (Desikan et al. 2006); add 1000 for the left and 2000 for the right side.
_CORTEX: tuple[tuple[int, str, str], ...] = (
    (1, "bankssts", "banks of the superior temporal sulcus"),
    (2, "caudalanteriorcingulate", "caudal anterior cingulate cortex"),
    (3, "caudalmiddlefrontal", "caudal middle frontal gyrus"),
    (5, "cuneus", "cuneus"),
    (6, "entorhinal", "entorhinal cortex"),
    (7, "fusiform", "fusiform gyrus"),
    (8, "inferiorparietal", "inferior parietal lobule"),
    (9, "inferiortemporal", "inferior temporal gyrus"),
    (10, "isthmuscingulate", "isthmus cingulate cortex"),
    (11, "lateraloccipital", "lateral occipital cortex"),
    (12, "lateralorbitofrontal", "lateral orbitofrontal cortex"),
    (13, "lingual", "lingual gyrus"),
    (14, "medialorbitofrontal", "medial orbitofrontal cortex"),
    (15, "middletemporal", "middle temporal gyrus"),
    (16, "parahippocampal", "parahippocampal gyrus"),
    (17, "paracentral", "paracentral lobule"),
    (18, "parsopercularis", "pars opercularis"),
    (19, "parsorbitalis", "pars orbitalis"),
    (20, "parstriangularis", "pars triangularis"),
    (21, "pericalcarine", "pericalcarine cortex"),
    (22, "postcentral", "postcentral gyrus"),
    (23, "posteriorcingulate", "posterior cingulate cortex"),
    (24, "precentral", "precentral gyrus"),
    (25, "precuneus", "precuneus"),
    (26, "rostralanteriorcingulate", "rostral anterior cingulate cortex"),
    (27, "rostralmiddlefrontal", "rostral middle frontal gyrus"),
    (28, "superiorfrontal", "superior frontal gyrus"),
    (29, "superiorparietal", "superior parietal lobule"),
    (30, "superiortemporal", "superior temporal gyrus"),
    (31, "supramarginal", "supramarginal gyrus"),
    (32, "frontalpole", "frontal pole"),
    (33, "temporalpole", "temporal pole"),
    (34, "transversetemporal", "transverse temporal gyrus"),
    (35, "insula", "insula"),
)


def _ordered(entries: Iterable[tuple[int, str, str | None]]) -> Scheme:
    return MappingProxyType({number: name for number, name, _ in sorted(entries)})


def _both_sides(
    entries: Iterable[tuple[int, int, str, str | None]],
) -> Iterable[tuple[int, str, str | None]]:
    for left, right, name, words in entries:
        yield left, f"Left-{name}", words and f"left {words}"
        yield right, f"Right-{name}", words and f"right {words}"


_STRUCTURES = (*_both_sides(_SIDED), *_MIDLINE)
_BRAIN = (
    *_STRUCTURES,
    *_both_sides(_WIDER_SIDED),
    *_WIDER_MIDLINE,
    *((1000 + number, f"ctx-lh-{name}", f"left {words}") for number, name, words in _CORTEX),
    *((2000 + number, f"ctx-rh-{name}", f"right {words}") for number, name, words in _CORTEX),
)
# Prompt words of names that are not words themselves.
_WORDS = {name: words for _, name, words in _BRAIN if words}

#: The 35 structures of the OASIS images of Learn2Reg, with FreeSurfer's numbers.
FREESURFER35: Scheme = _ordered(_STRUCTURES)

#: FreeSurfer's subcortical structures and cortical regions, also used by SynthSeg.
FREESURFER: Scheme = _ordered(_BRAIN)

#: The 13 abdominal organs of BTCV and of Learn2Reg's Abdomen CT-CT.
BTCV: Scheme = MappingProxyType(
    {
        1: "spleen",
        2: "right kidney",
        3: "left kidney",
        4: "gallbladder",
        5: "esophagus",
        6: "liver",
        7: "stomach",
        8: "aorta",
        9: "inferior vena cava",
        10: "portal vein and splenic vein",
        11: "pancreas",
        12: "right adrenal gland",
        13: "left adrenal gland",
    }
)

#: All schemes by option name.
SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "freesurfer35": FREESURFER35,
        "freesurfer": FREESURFER,
        "btcv": BTCV,
        # The two parts of the hippocampus of the Medical Segmentation Decathlon.
        "msd-hippocampus": MappingProxyType(
            {1: "anterior hippocampus", 2: "posterior hippocampus"}
        ),
    }
)


def scheme_names(scheme: str) -> dict[int, str]:
    """Return the names of a scheme by label number, ascending.

    >>> scheme_names("btcv")[6]
    'liver'

    Raises:
        InputError: for a scheme that is not in :data:`SCHEMES`.
    """
    if scheme.lower() not in SCHEMES:
        raise InputError(f"label scheme: expected one of {', '.join(SCHEMES)}, got {scheme!r}")
    return dict(SCHEMES[scheme.lower()])


def label_scheme(scheme: str | Mapping[int, str]) -> dict[str, dict[str, str]]:
    """Return a scheme in the form of a model card, with prompt words.

    >>> label_scheme("freesurfer35")["5"]
    {'name': 'Left-Inf-Lat-Vent', 'prompt': 'left inferior lateral ventricle'}

    Args:
        scheme: name of the scheme, or structure names by label number.

    Raises:
        InputError: for an unknown scheme or an empty name.
    """
    names = scheme_names(scheme) if isinstance(scheme, str) else scheme
    return {
        str(number): {
            "name": names[number],
            "prompt": _WORDS.get(names[number]) or structure_words(names[number]),
        }
        for number in sorted(names)
    }
