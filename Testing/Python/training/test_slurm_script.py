"""The script for SLURM: what it runs, and that it queues itself again when its time is over."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "training" / "slurm" / "train.sbatch"
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def submitted(folder: Path, code: int, *arguments: str) -> tuple[int, list[str]]:
    """Exit code and calls of the script, where the training ends with a code."""
    calls = folder / "calls"
    for name, body in (("srun", 'shift; "$@"'), ("scontrol", ""), ("ldmreg-train", f"exit {code}")):
        path = folder / name
        path.write_text(f'#!/bin/bash\necho "{name} $*" >>"{calls}"\n{body}\n')
        path.chmod(0o755)
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("SLURM")},
        **{"PATH": f"{folder}:{os.environ['PATH']}", "LDMREG_ENV": str(folder)},
        **{"SLURM_JOB_ID": "7", "SLURM_NNODES": "2", "SLURM_NTASKS_PER_NODE": "4"},
    }
    done = subprocess.run(
        ["bash", str(SCRIPT), *arguments], env=environment, capture_output=True, check=False
    )
    return done.returncode, calls.read_text().splitlines() if calls.exists() else []


@pytest.mark.parametrize(("code", "queued"), [(0, False), (143, True), (1, False), (2, False)])
def test_a_job_goes_on_until_it_is_done(tmp_path: Path, code: int, queued: bool) -> None:
    ended, calls = submitted(tmp_path, code, "own-images/textscf", "runs/x", "--root", "a b.csv")
    assert ended == code
    assert calls[1] == (
        "ldmreg-train train own-images/textscf --output runs/x --resume --devices 4 --nodes 2 "
        "--root a b.csv"
    )
    assert ("scontrol requeue 7" in calls) == queued


def test_a_job_without_arguments_says_what_it_needs(tmp_path: Path) -> None:
    assert submitted(tmp_path, 0, "own-images/textscf") == (2, [])


def test_the_scheduler_tells_every_task_before_the_end() -> None:
    text = SCRIPT.read_text()
    assert "#SBATCH --signal=USR1@" in text and "#SBATCH --requeue" in text
