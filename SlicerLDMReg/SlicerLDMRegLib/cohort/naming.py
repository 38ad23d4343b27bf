"""Names of images and pairs that are names of folders, the same in every run."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ..images.selection import split_path
from ..manifest import ImageEntry

__all__ = ["image_name", "pair_name", "path_name", "safe_name"]

_LONGEST = 80  # characters of an image's name: two of them with _to_ fit into any folder's name
_HASHED = 8  # digits: among 100,000 names two with the same ones are unlikely, and would be told
_UNSAFE = re.compile(r"[^A-Za-z0-9._+=-]+")
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")  # on Windows
_SUFFIX = re.compile(
    r"(?i)\.(?:nii\.gz|nii|nrrd|nhdr|mha|mhd|seg\.nrrd|png|jpe?g|tiff?|dcm|bmp|hdr|img|gipl|vtk)"
)


def safe_name(text: str, longest: int = _LONGEST) -> str:
    """Return a text as the name of a folder, with a digest where anything of it was lost."""
    name = _UNSAFE.sub("-", text).strip("-. ")
    if not name or name != text or len(name) > longest or _RESERVED.fullmatch(name):
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASHED]
        name = f"{name[: longest - _HASHED - 1].rstrip('-. ')}-{digest}".lstrip("-")
    return name


def image_name(entry: ImageEntry, root: Path) -> str:
    """Return the name of an image: its id, else its path below a folder, without the suffix."""
    return safe_name(entry.id) if entry.id is not None else path_name(entry.image, root)


def path_name(path: Path, root: Path) -> str:
    """Return a name for a file: that of its place below a folder, else its own with a digest."""
    file, selection = split_path(path)
    stem = _SUFFIX.sub("", file.name) or file.name
    stem += "".join(f"-{name}{value}" for name, value in selection.choices.items())
    if file.is_relative_to(root):
        return safe_name("_".join((*file.relative_to(root).parts[:-1], stem)))
    digest = hashlib.sha256(str(file).encode("utf-8", "surrogatepass")).hexdigest()[:_HASHED]
    return safe_name(f"{stem}-{digest}")


def pair_name(fixed: str, moving: str) -> str:
    """Return the name of a pair from those of its images."""
    return f"{moving}_to_{fixed}"
