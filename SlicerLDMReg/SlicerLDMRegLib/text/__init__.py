"""Text: from the names of structures to the vectors that textSCF makes filters of.

Names become prompts, an encoder makes a vector of each prompt, and the vectors with one for the
background make up the table that is stored with a model:

    >>> regions = describe_scheme(label_scheme("btcv"), "abdomen-ct")
    >>> regions[5].prompt
    'A computerized tomography of a liver in human abdomen.'
    >>> encoder = build_encoder("one-hot", regions=len(regions) + 1)
    >>> region_table(encoder, [region.prompt for region in regions]).shape
    (14, 14)

Nothing heavy is imported before an encoder is built, and nothing is downloaded unless it is asked
for.
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
