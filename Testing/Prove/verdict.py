"""The verdict on registrations whose truth is known: confusion table, and what it was wrong about.

    python -m Testing.Prove.verdict --half second       # about an hour on one core
    python -m Testing.Prove.verdict --half second --limit 40

registers pairs (see ``verdict_pairs``) with the default settings, without the labels and points
that tell afterwards whether a result is sound, and compares this truth with the verdict:

- sound: mean Dice of the hidden labels at least 0.65, and corresponding points on average not
  farther apart than 3 % of the diagonal of the image, as far as either is known;
- wrong: Dice below 0.5, or points farther apart than 5 %, or nothing to be registered (noise,
  another organ, labels whose numbers are exchanged);
- between: neither. These are counted, but nobody can say what their verdict should be. So are
  hearts of two patients, of which only the left ventricle is labelled.

The aim: no wrong pair *Good*, at most 10 % of the sound pairs not *Good*. A registration that is
refused with an error counts as not *Good*.

All metrics are written to ``--output``, a JSON file that another run goes on with; ``--judge FILE``
judges the metrics of such a file anew, without registering, for thresholds that were changed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from SlicerLDMRegLib.errors import LDMRegError
from SlicerLDMRegLib.pipeline import RegistrationRequest, Runner
from SlicerLDMRegLib.report import judge, to_plain
from Testing.Prove.verdict_pairs import HALVES, Pair, make_pairs

__all__ = ["judged", "main", "register_pair", "table"]

_STATUSES = ("good", "check", "bad", "refused")
_TRUTHS = ("sound", "between", "wrong")
Row = dict[str, Any]


def register_pair(runner: Runner, pair: Pair) -> Row:
    """Register a pair; return its name, truth and metrics, or why it was refused."""
    row: Row = {"name": pair.name, "source": pair.source, "change": pair.change}
    start = time.process_time()
    try:
        result = runner.run(RegistrationRequest(**pair.request()))
    except LDMRegError as error:
        # A good pair that is refused is not good either.
        truth = "sound" if pair.change == "none" else "between"
        return row | {"truth": truth, "refused": str(error)}
    truth, numbers = pair.truth(result)
    return row | {
        "truth": truth,
        "seconds": round(time.process_time() - start, 2),
        "numbers": to_plain(numbers),
        "metrics": to_plain(result.metrics),
    }


def judged(row: Row) -> str:
    """Return the status of the verdict on a row."""
    return "refused" if "refused" in row else judge(row["metrics"]).status


def table(rows: Sequence[Row]) -> str:
    """Return the confusion table and the pairs that it was wrong about."""
    counts = Counter((row["truth"], judged(row)) for row in rows)
    lines = ["truth     " + "".join(f"{status:>9}" for status in _STATUSES)]
    for truth in _TRUTHS:
        lines.append(f"{truth:10}" + "".join(f"{counts[truth, s]:9d}" for s in _STATUSES))
    sound = sum(counts["sound", s] for s in _STATUSES)
    wrong = sum(counts["wrong", s] for s in _STATUSES)
    if sound and wrong:
        lost = sound - counts["sound", "good"]
        lines.append(
            f"wrong and Good: {counts['wrong', 'good']} of {wrong}; "
            f"sound and not Good: {lost} of {sound} ({100 * lost / sound:.0f} %)"
        )
    for row in rows:
        status = judged(row)
        if (row["truth"], status == "good") in (("wrong", True), ("sound", False)):
            unlike = ((row.get("metrics") or {}).get("after") or {}).get("unlike")
            lines.append(f"  {row['truth']:6} {status:7} {row['name']} {row.get('numbers', '')}"
                         f" unlike {unlike if unlike is None else round(unlike, 2)}")  # fmt: skip
    changes = sorted({row["change"] for row in rows})
    lines.append("by change: truth sound/between/wrong, of these Good")
    for change in changes:
        own = [row for row in rows if row["change"] == change]
        parts = []
        for truth in _TRUTHS:
            those = [row for row in own if row["truth"] == truth]
            parts.append(f"{sum(judged(r) == 'good' for r in those)} of {len(those)}")
        lines.append(f"  {change:22} " + ", ".join(parts))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Register the pairs of a half and print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--half", choices=HALVES, default=HALVES[1], help="of the subjects")
    parser.add_argument("--limit", type=int, help="at most so many pairs, of all kinds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=None, help="JSON file of all metrics")
    parser.add_argument("--judge", type=Path, help="judge such a file, without registering")
    given = parser.parse_args(arguments)
    if given.judge is not None:
        print(table(json.loads(given.judge.read_text(encoding="utf-8"))))
        return
    rows: list[Row] = []
    if given.output is not None and given.output.exists():
        rows = json.loads(given.output.read_text(encoding="utf-8"))
    done = {row["name"] for row in rows}
    import torch

    torch.set_num_threads(1)
    runner = Runner()
    for number, pair in enumerate(make_pairs(given.data, given.half, given.seed)):
        if given.limit is not None and number >= given.limit:
            break
        if pair.name in done:
            continue
        rows.append(register_pair(runner, pair))
        if given.output is not None:
            given.output.parent.mkdir(parents=True, exist_ok=True)
            given.output.write_text(json.dumps(rows), encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
