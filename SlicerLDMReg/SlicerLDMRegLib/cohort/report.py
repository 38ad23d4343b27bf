"""Report of a cohort: tables, the page, and for one fixed image the moments of the determinant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._outputs import whole_file
from ..errors import InputError
from .bids_output import write_derivatives
from .folder import CohortFolder
from .rows import read_entries, rows_of
from .summary import WORST, worst
from .tables import write_csv, write_parquet

__all__ = ["CSV", "PAGE", "PARQUET", "CohortReport", "write_report"]

CSV, PARQUET, PAGE = "table.csv", "table.parquet", "report.html"


@dataclass(frozen=True)
class CohortReport:
    """The files that were written, and counts.

    Attributes:
        page: the page.
        counts: pairs by status, and done ones by verdict.
        outliers: pairs that fell off.
        parquet: whether the table was written as Parquet, which needs pyarrow.
        derivatives: the results of a BIDS data set as one of derivatives; None of others.
    """

    page: Path
    counts: Counter[str]
    outliers: int
    parquet: bool
    derivatives: Path | None = None


def write_report(
    folder: CohortFolder, share: bool = False, tick: Callable[[], None] = lambda: None
) -> CohortReport:
    """Write ``table.csv``, ``table.parquet`` and ``report.html`` of a cohort as it is now.

    For a cohort with one fixed image it also writes ``determinant_mean.nrrd`` and
    ``determinant_variance.nrrd``, of all pairs that are done; for one over a BIDS data set the
    folder ``bids``, see :mod:`.bids_output`.

    Args:
        folder: of the cohort.
        share: whether others may read them as the umask says.
        tick: called again and again.

    Raises:
        InputError: when it is not the folder of a cohort, or cannot be written to.
    """
    from .page import render_page
    from .pictures import moments_picture, overview_picture

    description = folder.description()
    entries = read_entries(folder)
    rows = rows_of(folder, entries)
    pictures = [
        (row, overview_picture(folder.root / str(row["folder"]) / "overview.png"))
        for row in worst(rows, WORST)
    ]
    try:
        moments = _moments(folder, rows, description, share, tick)
        template = None if moments is None else (moments_picture(moments), moments.count)
        write_csv(rows, folder.root / CSV, share)
        parquet = write_parquet(rows, folder.root / PARQUET, share)
        done = {row["id"] for row in rows if row["status"] == "done"}
        source = Path(str(description.get("source")))
        pairs = (entry for entry in entries if str(entry.id) in done)
        derivatives = write_derivatives(folder, source, pairs, share, tick)
        page = folder.root / PAGE
        with whole_file(page, private=not share) as file:
            text = render_page(rows, pictures, template, description)
            file.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InputError(
            f"output: {folder.root} cannot be written to ({error.strerror or error})"
        ) from error
    counts = Counter(str(row["status"]) for row in rows)
    counts += Counter(str(row["verdict"]) for row in rows if row["status"] == "done")
    return CohortReport(
        page, counts, sum(bool(row["outlier"]) for row in rows), parquet, derivatives
    )


def _moments(
    folder: CohortFolder,
    rows: list[dict[str, Any]],
    description: dict[str, Any],
    share: bool,
    tick: Callable[[], None],
) -> Any:
    """Write and return the moments of the determinant, None without a template."""
    if not description.get("template"):
        return None
    from ..images.written import write_image
    from .moments import moments_of_images

    done = [row for row in rows if row["status"] == "done"]
    paths = [folder.root / str(row["folder"]) / "jacobian.nrrd" for row in done]
    moments = moments_of_images(paths, tick)
    if moments is None:
        return None
    for name, image in zip(("mean", "variance"), moments.images(), strict=True):
        with whole_file(folder.root / f"determinant_{name}.nrrd", private=not share) as file:
            write_image(image, file)
    return moments
