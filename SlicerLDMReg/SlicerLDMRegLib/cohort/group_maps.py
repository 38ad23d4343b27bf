"""Maps of a comparison of two groups of a cohort, as files."""

from __future__ import annotations

import math
from pathlib import Path

from .._outputs import check_place, whole_file
from ..errors import InputError
from ..images.written import write_image
from .folder import CohortFolder
from .morphometry import Comparison, compare_groups, log_determinants
from .rows import read_entries, rows_of

__all__ = ["write_comparison"]

_MOST_PERMUTATIONS = 1_000_000


def write_comparison(
    folder: CohortFolder,
    output: Path,
    groups: tuple[str, str],
    *,
    fwhm_mm: float = 4.0,
    permutations: int = 1000,
    seed: int = 0,
    share: bool = False,
) -> Comparison:
    """Compare two groups of a cohort with one fixed image, and write the maps.

    Args:
        folder: of the cohort.
        output: for ``difference.nrrd``, ``t.nrrd``, ``p.nrrd`` and ``p_corrected.nrrd``.
        groups: two values of the column ``group``.
        fwhm_mm: width of the smoothing at half height, in mm; 0: none.
        permutations: number of permutations.
        seed: of these.
        share: whether others may read the maps as the umask says.

    Raises:
        InputError: for a cohort with several fixed images, a group that is not there or has less
            than two subjects, an option that cannot be, or a folder that cannot be written to.
    """
    if not (math.isfinite(fwhm_mm) and 0 <= fwhm_mm <= 1000):
        raise InputError(f"--fwhm: expected mm from 0 to 1000, got {fwhm_mm}")
    if not 10 <= permutations <= _MOST_PERMUTATIONS:
        raise InputError(
            f"--permutations: expected an integer from 10 to {_MOST_PERMUTATIONS:,}, got "
            f"{permutations}"
        )
    if seed < 0:
        raise InputError(f"--seed: expected an integer from 0, got {seed}")
    place = check_place(output, inner="p_corrected.nrrd")
    if not folder.description().get("template"):
        raise InputError(
            f"morphometry: {folder.root} has several fixed images; register all to one, with "
            "ldmreg template or ldmreg cohort --pairs to:ID"
        )
    rows = [row for row in rows_of(folder, read_entries(folder)) if row["status"] == "done"]
    known = sorted({str(row["group"]) for row in rows if row["group"]})
    for group in groups:
        if group not in known:
            raise InputError(
                f"--groups: no subject of {folder.root} is of the group {group}; the column group "
                f"has {', '.join(known[:10]) or 'no values'}"
            )
    chosen = [row for row in rows if row["group"] in groups]
    maps, geometry = log_determinants(
        (folder.root / str(row["folder"]) / "jacobian.nrrd" for row in chosen), fwhm_mm
    )
    found = compare_groups(maps, [row["group"] == groups[0] for row in chosen], permutations, seed)
    values = {
        "difference": found.difference,
        "t": found.t,
        "p": found.p,
        "p_corrected": found.corrected,
    }
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, value in values.items():
            with whole_file(place / f"{name}.nrrd", private=not share) as file:
                write_image(geometry.to_image(value.astype("float32")), file)
    except OSError as error:
        raise InputError(f"output: {place} cannot be written to ({error})") from error
    return found
