"""Results of a cohort over a BIDS data set as a BIDS derivative, named as BIDS has it.

Beside the folders of the pairs lies ``bids``, a data set of derivatives. For a moving image
``sub-02_ses-a_T1w`` and a fixed one ``sub-01_T1w`` it has, in ``sub-02/ses-a/anat``:

- ``sub-02_ses-a_from-T1w_to-sub01T1w_mode-image_xfm.h5``, which draws the moving image in the space
  of the fixed one (it maps fixed points to moving points), and the way back,
  ``sub-02_ses-a_from-sub01T1w_to-T1w_mode-image_xfm.h5``;
- ``sub-02_ses-a_space-sub01T1w_T1w.nii.gz``, the warped image, and ``..._dseg.nii.gz``, the warped
  labels, each with a JSON file that names the image whose space it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from .._outputs import whole_file
from .._printable import json_safe
from .._version import __version__
from ..images.written import write_image
from ..manifest import PairEntry
from .bids import is_bids, parse_name
from .folder import CohortFolder

__all__ = ["BIDS", "write_derivatives"]

#: The data set of derivatives in the folder of a cohort.
BIDS = "bids"
_VERSION = "1.10.0"
_README = """\
Registrations by LDMReg {version}, of the data set {source}.

sub-*_from-A_to-B_mode-image_xfm.h5 draws the image A in the space of B: it maps points of B to
points of A, LPS mm (ITK). A space such as sub01T1w is that of the image whose name has the same
letters, sub-01_T1w; the JSON files beside the images name it.
"""


@dataclass(frozen=True)
class _Image:
    """An image of the data set: its place in it, and the parts of its name."""

    place: Path
    prefix: str
    suffix: str

    @property
    def stem(self) -> str:
        return f"{self.prefix}_{self.suffix}"


def write_derivatives(
    folder: CohortFolder,
    source: Path,
    pairs: Iterable[PairEntry],
    share: bool = False,
    tick: Callable[[], None] = lambda: None,
) -> Path | None:
    """Write the results of pairs as a data set of derivatives; current files stay.

    Transforms are hard links to those in the folders of the pairs, where the disk can have them.

    Args:
        folder: of the cohort.
        source: the data set, or another place that the pairs are of.
        pairs: those that are done.
        share: whether others may read the files as the umask says.
        tick: called before each pair.

    Returns:
        The data set; None when the source is not one of BIDS.

    Raises:
        OSError: when something cannot be written.
    """
    if not is_bids(source):
        return None
    root = folder.root / BIDS
    root.mkdir(exist_ok=True)
    if not share:
        root.chmod(0o700)
    _describe(root, source, share)
    found = [
        (entry, fixed, moving)
        for entry in pairs
        if (fixed := _image(entry.fixed, source)) is not None
        and (moving := _image(entry.moving, source)) is not None
    ]
    spaces = _spaces({fixed.stem for _, fixed, _ in found})
    for entry, fixed, moving in found:
        tick()
        results = folder.results(str(entry.id))
        place = root / moving.place.parent
        place.mkdir(parents=True, exist_ok=True)
        space = spaces[fixed.stem]
        for name, start, end in (
            ("transform.h5", moving.suffix, space),
            ("inverse.h5", space, moving.suffix),
        ):
            target = place / f"{moving.prefix}_from-{start}_to-{end}_mode-image_xfm.h5"
            _link(results / name, target)
        for name, suffix in (("warped.nrrd", moving.suffix), ("warped_labels.nrrd", "dseg")):
            target = place / f"{moving.prefix}_space-{space}_{suffix}.nii.gz"
            if (results / name).exists():
                _convert(results / name, target, _sidecar(fixed, moving, entry, suffix), share)
    return root


def _image(path: Path, source: Path) -> _Image | None:
    """Return an image of a data set; None for one that is not in it, or has another name."""
    parsed = parse_name(path.name)
    if parsed is None or not path.is_relative_to(source):
        return None
    entities, suffix = parsed
    prefix = "_".join(f"{name}-{value}" for name, value in entities.items())
    return _Image(path.relative_to(source), prefix, suffix)


def _spaces(stems: Iterable[str]) -> dict[str, str]:
    """Return the label of each image's space: its name without what labels cannot have."""
    labels: dict[str, list[str]] = {}
    for stem in sorted(stems):
        labels.setdefault(re.sub("[^A-Za-z0-9]", "", stem), []).append(stem)
    return {
        # sub-1_acq-11 and sub-11_acq-1 have the same letters.
        stem: label + (hashlib.sha256(stem.encode()).hexdigest()[:6] if len(same) > 1 else "")
        for label, same in labels.items()
        for stem in same
    }


def _sidecar(fixed: _Image, moving: _Image, entry: PairEntry, suffix: str) -> dict[str, Any]:
    sources = [f"bids:raw:{moving.place.as_posix()}"]
    if suffix == "dseg" and entry.moving_labels is not None:
        sources = [str(entry.moving_labels)]
    return {
        "SpatialReference": f"bids:raw:{fixed.place.as_posix()}",
        "Sources": sources,
        "Resolution": "That of the spatial reference",
    }


def _describe(root: Path, source: Path, share: bool) -> None:
    description = {
        "Name": f"LDMReg registrations of {source.name}",
        "BIDSVersion": _VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "LDMReg", "Version": __version__}],
        "SourceDatasets": [{"URL": source.as_uri()}],
        "DatasetLinks": {"raw": source.as_uri()},
    }
    _write_json(root / "dataset_description.json", description, share)
    with whole_file(root / "README", private=not share) as file:
        file.write_text(_README.format(version=__version__, source=source.name), encoding="utf-8")


def _write_json(path: Path, values: Mapping[str, Any], share: bool) -> None:
    with whole_file(path, private=not share) as file:
        text = json.dumps(values, indent=2, ensure_ascii=False)
        file.write_text(json_safe(text) + "\n", encoding="utf-8")


def _link(file: Path, target: Path) -> None:
    """Put a link to a file, or a copy of it, in a place; one that is there already stays."""
    if target.exists():
        old, new = target.stat(), file.stat()
        if os.path.samestat(old, new) or _look_same(old, new):
            return
    partial = target.with_suffix(".part")
    partial.unlink(missing_ok=True)
    try:
        os.link(file, partial)
    except OSError:  # a disk without links
        shutil.copy2(file, partial)
    partial.replace(target)


def _look_same(a: os.stat_result, b: os.stat_result) -> bool:
    return (a.st_size, a.st_mtime_ns) == (b.st_size, b.st_mtime_ns)


def _convert(file: Path, target: Path, sidecar: Mapping[str, Any], share: bool) -> None:
    """Write an image as NIfTI with its JSON file; it gets the time of its source."""
    time = file.stat().st_mtime_ns
    if target.exists() and target.stat().st_mtime_ns == time:
        return
    name = target.name.removesuffix(".nii.gz")
    _write_json(target.with_name(f"{name}.json"), sidecar, share)
    image = sitk.ReadImage(str(file))
    with whole_file(target, private=not share) as new:
        write_image(image, new)
    os.utime(target, ns=(time, time))
