"""State of a run: pairs by what became of them, the rate, the expected end."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from .batch import Outcome

__all__ = ["Totals"]

_WINDOW = 200  # pairs that the rate is taken of: the newest ones tell how it goes on


@dataclass
class Totals:
    """Counts of a run.

    Attributes:
        every: number of pairs.
        before: of these, the ones that were complete when the run began.
        outcomes: of the pairs of this run, by name.
    """

    every: int
    before: int
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begin = time.time()
        self._ends: deque[float] = deque(maxlen=_WINDOW)

    def add(self, outcome: Outcome) -> bool:
        """Take an outcome; False for one that was known."""
        known = self.outcomes.get(outcome.id)
        if known is not None and known.status in ("done", "there"):
            return False
        if known is None or known.status == "cancelled":
            self._ends.append(time.time())
        self.outcomes[outcome.id] = outcome
        return known is None or known.status != outcome.status

    @property
    def done(self) -> int:
        """Pairs that are complete."""
        return self.before + self._count("done", "there")

    @property
    def failed(self) -> int:
        """Pairs that failed in this run."""
        return self._count("failed")

    @property
    def left(self) -> int:
        """Pairs that nothing is known of."""
        return self.every - self.done - self.failed

    @property
    def verdicts(self) -> Counter[str]:
        """Pairs of this run by their verdict."""
        return Counter(o.verdict for o in self.outcomes.values() if o.status == "done")

    @property
    def rate(self) -> float | None:
        """Pairs a second; None before it is known."""
        if len(self._ends) < 2:
            return None
        begin = self._begin if len(self._ends) < _WINDOW else self._ends[0]
        seconds = time.time() - begin
        return len(self._ends) / seconds if seconds > 0 else None

    @property
    def end(self) -> float | None:
        """The time when it probably ends, seconds since the epoch; None where it is not ahead."""
        rate = self.rate
        return None if not rate or not self.left else time.time() + self.left / rate

    def plain(self) -> dict[str, Any]:
        """Return the counts as plain data, for those who look from outside."""
        return {
            "pairs": self.every,
            "done": self.done,
            "failed": self.failed,
            "rate": self.rate,
            "end": self.end,
            "told": time.time(),
        }

    def _count(self, *statuses: str) -> int:
        return sum(outcome.status in statuses for outcome in self.outcomes.values())
