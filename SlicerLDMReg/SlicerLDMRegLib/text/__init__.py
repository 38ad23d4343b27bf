"""Prompts and text encoders: text embeddings of structures for textSCF.

Structure names become prompts, and an encoder turns each prompt into a vector. These vectors and
one for the background form the embedding table that is stored with a model:

    >>> regions = describe_scheme(label_scheme("btcv"), "abdomen-ct")
    >>> regions[5].prompt
    'A computerized tomography of a liver in human abdomen.'
    >>> encoder = build_encoder("one-hot", regions=len(regions) + 1)
    >>> region_table(encoder, [region.prompt for region in regions]).shape
    (14, 14)

Heavy packages are imported only when an encoder is built, and nothing is downloaded unless
requested.
"""

from __future__ import annotations

from .background import background_vector, embedding_table, released_background_vector
from .coordinates import CoordinateEncoder, coordinate_regions
from .encoders import OneHotEncoder, TextEncoder, build_encoder, region_table
from .matching import match_region
from .prompts import TEMPLATES, build_prompt, structure_words
from .schemes import (
    BTCV,
    FREESURFER,
    FREESURFER35,
    HIPPOCAMPUS,
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
    "HIPPOCAMPUS",
    "SCHEMES",
    "TEMPLATES",
    "WEIGHTS_VARIABLE",
    "CoordinateEncoder",
    "OneHotEncoder",
    "SchemeRegion",
    "TextEncoder",
    "background_vector",
    "build_encoder",
    "build_prompt",
    "coordinate_regions",
    "describe_scheme",
    "embedding_table",
    "label_scheme",
    "match_region",
    "region_table",
    "released_background_vector",
    "scheme_names",
    "structure_words",
    "weights_folder",
]
