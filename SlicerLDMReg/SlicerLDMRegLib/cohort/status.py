"""State of a cohort, from its folder alone: what is done, what failed and why, when it ends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from .folder import CohortFolder
from .records import read_record
from .rows import read_entries

__all__ = ["CohortStatus", "status_of"]


@dataclass(frozen=True)
class CohortStatus:
    """State of a cohort.

    Attributes:
        pairs: number of pairs.
        done, failed, missing: of these.
        verdicts: of those that are done.
        reasons: of those that failed, by name.
        running: whether a run is writing.
        rate: pairs a second, of that run.
        end: the time when it probably ends, seconds since the epoch.
    """

    pairs: int
    done: int
    failed: int
    missing: int
    verdicts: Counter[str]
    reasons: dict[str, str]
    running: bool
    rate: float | None
    end: float | None


def status_of(folder: CohortFolder) -> CohortStatus:
    """Return the state of a cohort, while it is running or later.

    Raises:
        InputError: when it is not the folder of a cohort.
    """
    names = [str(entry.id) for entry in read_entries(folder)]
    verdicts: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    missing = 0
    for name in names:
        record = read_record(folder, name)
        if record is None:
            missing += 1
        elif record.get("status") == "done":
            verdicts[str(record.get("verdict", ""))] += 1
        else:
            reasons[name] = str(record.get("reason", ""))
    running = folder.is_running()
    told = folder.told() if running else {}
    return CohortStatus(
        pairs=len(names),
        done=verdicts.total(),
        failed=len(reasons),
        missing=missing,
        verdicts=verdicts,
        reasons=reasons,
        running=running,
        rate=_number(told.get("rate")),
        end=_number(told.get("end")),
    )


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None
