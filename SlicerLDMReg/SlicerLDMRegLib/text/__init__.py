"""Prompts and text encoders: text embeddings of structures for textSCF.

Structure names become prompts, and an encoder turns each prompt into a vector. These vectors, after
one for the background, are the embedding table that is stored with a model:

    >>> regions = label_scheme("btcv").values()
    >>> prompts = [build_prompt("abdomen-ct", region["prompt"]) for region in regions]
    >>> prompts[5]
    'A computerized tomography of a liver in human abdomen.'
    >>> encoder = build_encoder("one-hot", regions=len(prompts) + 1)
    >>> encoder.encode(prompts).shape
    (13, 14)

Heavy packages are imported only when an encoder is built, and nothing is downloaded unless
requested.
"""

from __future__ import annotations

from .encoders import CoordinateEncoder, OneHotEncoder, TextEncoder, build_encoder
from .matching import match_region
from .projection import ProjectedEncoder
from .prompts import TEMPLATES, build_prompt, structure_words
from .schemes import (
    BTCV,
    FREESURFER,
    FREESURFER35,
    SCHEMES,
    label_scheme,
    scheme_names,
)
from .table import TableEncoder
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
    "ProjectedEncoder",
    "TableEncoder",
    "TextEncoder",
    "build_encoder",
    "build_prompt",
    "label_scheme",
    "match_region",
    "scheme_names",
    "structure_words",
    "weights_folder",
]
