"""Manifests: tables of a user's own images, or of pairs of them, as CSV or JSON.

A table of *images* has the column ``image`` and, as far as they are known, ``labels``,
``label_names``, ``landmarks``, ``mask``, ``id``, ``subject``, ``phase``, ``split`` and ``group``; a
table of *pairs* has ``fixed`` and ``moving`` and, for each of both, ``fixed_labels`` and so on.
Further columns are kept as text. Paths are relative to the folder of the manifest:

    image,labels,subject,phase
    p01_ed.nrrd,p01_ed_labels.nrrd,p01,ed
    p01_es.nrrd,p01_es_labels.nrrd,p01,es

:func:`read_manifest` reads either, :func:`write_manifest` writes it.
"""

from __future__ import annotations

from .columns import IMAGE_COLUMNS, PAIR_COLUMNS
from .entries import ImageEntry, ImagesManifest, Manifest, PairEntry, PairsManifest
from .reading import read_images, read_manifest, read_pairs
from .writing import write_manifest

__all__ = [
    "IMAGE_COLUMNS",
    "PAIR_COLUMNS",
    "ImageEntry",
    "ImagesManifest",
    "Manifest",
    "PairEntry",
    "PairsManifest",
    "read_images",
    "read_manifest",
    "read_pairs",
    "write_manifest",
]
