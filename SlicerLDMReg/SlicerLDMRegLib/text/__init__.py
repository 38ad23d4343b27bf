"""Prompts and text encoders: text embeddings of structures for textSCF.

Structure names become prompts, and an encoder turns each prompt into a vector. These vectors, after
one for the background, are the embedding table that is stored with a model:

    >>> regions = describe_scheme(label_scheme("btcv"), "abdomen-ct")
    >>> regions[5].prompt
    'A computerized tomography of a liver in human abdomen.'
    >>> encoder = build_encoder("one-hot", regions=len(regions) + 1)
    >>> encoder.encode([region.prompt for region in regions]).shape
    (13, 14)

Heavy packages are imported only when an encoder is built, and nothing is downloaded unless
requested.
"""

from __future__ import annotations

from .encoders import CoordinateEncoder, OneHotEncoder, TextEncoder, build_encoder
from .matching import match_region
from .prompts import TEMPLATES, build_prompt, structure_words
from .schemes import (
    BTCV,
    FREESURFER,
    FREESURFER35,
    SCHEMES,
    SchemeRegion,
    describe_scheme,
    label_scheme,
    scheme_names,
)
from .weights import WEIGHTS_VARIABLE, weights_folder

__all__ = [
    "BTCV",
    "FREESURFER",
    "FREESURFER35",
    "SCHEMES",
    "TEMPLATES",
    "WEIGHTS_VARIABLE",
    "CoordinateEncoder",
    "OneHotEncoder",
    "SchemeRegion",
    "TextEncoder",
    "build_encoder",
    "build_prompt",
    "describe_scheme",
    "label_scheme",
    "match_region",
    "scheme_names",
    "structure_words",
    "weights_folder",
]
