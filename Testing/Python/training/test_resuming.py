"""Runs that are killed at any moment go on with the same bits; what does not fit is refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from SlicerLDMRegLib.errors import InputError
from Testing.Python.training.forked_training import train_forked
from Testing.Python.training.tiny_stages import STAGES, write_configs
from training.checkpoint import cut_log
from training.cli import main
from training.randomness import random_state, restore

SIGKILL, SIGTERM = -9, 143


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Configurations, and the runs of the first two stages."""
    folder = write_configs(tmp_path_factory.mktemp("stages"))
    for stage in ("vqgan", "ldm"):
        assert main(["train", *arguments(folder, stage, stage, "steps=1"), "--device", "cpu"]) == 0
    return folder


def arguments(
    folder: Path, stage: str, output: str, *overrides: str, init: bool = True
) -> list[str]:
    before = STAGES[stage]
    start = [] if before is None or not init else ["--init", str(folder / before / "best.pt")]
    changes = [part for override in overrides for part in ("--set", override)]
    return [str(folder / f"{stage}.yaml"), "--output", str(folder / output), *start, *changes]


def contents(run: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any], list[dict[str, Any]]]:
    """All tensors of checkpoint and best weights, the best step, and the logs without times."""
    checkpoint = torch.load(run / "last.ckpt", weights_only=True)
    best = torch.load(run / "best.pt", weights_only=True)
    lines = [json.loads(line) for line in (run / "progress.jsonl").read_text().splitlines()]
    kept = [{k: v for k, v in line.items() if k not in ("seconds", "ends")} for line in lines]
    weights = json.loads((run / "lineage.json").read_text())["weights"]
    return {**tensors(checkpoint), **tensors(best, "best")}, weights, kept


def tensors(value: Any, place: str = "") -> dict[str, torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return {place: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    nested = [
        tensors(v, f"{place}.{k}") for k, v in items if isinstance(v, torch.Tensor | dict | list)
    ]
    return {k: v for part in nested for k, v in part.items()}


def same(one: Path, other: Path) -> None:
    (mine, best, log), (yours, their_best, their_log) = contents(one), contents(other)
    assert mine.keys() == yours.keys()
    different = [name for name, value in mine.items() if not torch.equal(value, yours[name])]
    assert not different
    assert log == their_log
    assert best["step"] == their_best["step"] and best["score"] == their_best["score"]


SOME = random.Random(2026)
MOMENTS: dict[str, list[dict[str, Any]]] = {
    "registration": [
        {"step": 1, "at": "half of the checkpoint written"},
        {"step": 3, "at": "best.pt written, its record not"},
        {"step": 4, "after": SOME.uniform(0, 0.3)},
    ],
    "textscf": [{"step": 3, "at": "logs written, checkpoint not"}],
    "vqgan": [{"step": 3, "after": SOME.uniform(0, 0.2)}],
}


@pytest.mark.parametrize("stage", MOMENTS)
def test_a_killed_run_goes_on_with_the_same_bits(configs: Path, stage: str) -> None:
    # Each checkpoint but one is at a validation; what was logged in between is in them, too.
    options = ["steps=5", "validate_every=2", "save_every=3"]
    whole = arguments(configs, stage, f"{stage}-whole", *options)
    assert main(["train", *whole, "--device", "cpu"]) == 0
    parts = arguments(configs, stage, f"{stage}-parts", *options)
    for kill in MOMENTS[stage]:
        assert train_forked({"argv": [*parts, "--resume"], "kill": kill}) == [SIGKILL]
        line = configs / f"{stage}-parts" / "progress.jsonl"
        if line.exists():  # as where a line was being written
            with line.open("a") as log:
                log.write('{"step": ')
    assert main(["train", *parts, "--resume", "--device", "cpu"]) == 0
    same(configs / f"{stage}-whole", configs / f"{stage}-parts")


def test_a_scheduler_ends_a_run_at_a_checkpoint(configs: Path) -> None:
    options = ["steps=3", "validate_every=3"]
    whole = arguments(configs, "registration", "scheduled-whole", *options)
    assert main(["train", *whole, "--device", "cpu"]) == 0
    parts = arguments(configs, "registration", "scheduled", *options)
    assert train_forked({"argv": parts, "signal": {"step": 1}}) == [SIGTERM]
    saved = torch.load(configs / "scheduled" / "last.ckpt", weights_only=True)["progress"]
    assert saved["step"] == 2 and not (configs / "scheduled" / "best.pt").exists()
    assert "stopped after step 2; --resume goes on" in (configs / "scheduled.log").read_text()
    # The weights that it began with are known.
    again = arguments(configs, "registration", "scheduled", *options, init=False)
    assert main(["train", *again, "--resume", "--device", "cpu"]) == 0
    same(configs / "scheduled-whole", configs / "scheduled")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("learning_rate=0.5", "learning_rate was 0.001, got 0.5"),
        ("seed=9", "seed was None, got 9"),
        ("losses.beta=0.1", "losses.beta was 0.6, got 0.1"),
        ("ema_decay=0.5", "ema_decay was 0.9, got 0.5"),
        ("precision=bf16-mixed", "precision was '32-true', got 'bf16-mixed'"),
        ("batch_size=1", "with 2 items a step, got 1; choose devices, batch_size and accumulate"),
    ],
)
def test_a_run_goes_on_as_it_began(
    configs: Path, capsys: pytest.CaptureFixture[str], change: str, message: str
) -> None:
    if not (configs / "begun").exists():
        begun = arguments(configs, "registration", "begun", "steps=1")
        assert main(["train", *begun, "--device", "cpu"]) == 0
    again = arguments(configs, "registration", "begun", "steps=2", change)
    assert main(["train", *again, "--resume", "--device", "cpu"]) == 2
    assert message in capsys.readouterr().err


def test_other_initial_weights_and_damaged_checkpoints_are_told(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = arguments(configs, "registration", "told", "steps=1")
    assert main(["train", *begun, "--device", "cpu"]) == 0
    other = configs / "other.pt"
    other.write_bytes((configs / "ldm" / "best.pt").read_bytes() + b" ")
    begun[begun.index("--init") + 1] = str(other)
    assert main(["train", *begun, "--resume", "--device", "cpu"]) == 2
    assert "expected the weights that" in capsys.readouterr().err
    path = configs / "told" / "last.ckpt"
    path.write_bytes(path.read_bytes()[:1000])
    again = arguments(configs, "registration", "told", "steps=2")
    assert main(["train", *again, "--resume", "--device", "cpu"]) == 2
    assert "last.ckpt cannot be resumed from" in capsys.readouterr().err


def test_logs_are_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    log = tmp_path / "progress.jsonl"
    log.write_text('{"step": 2, "a": 1}\n{"step": 4}\n{"step": 6}\n[]\n{"st')
    cut_log(log, 4)
    assert log.read_text() == '{"step": 2, "a": 1}\n{"step": 4}\n'
    cut_log(tmp_path / "none.jsonl", 4)


def test_the_generators_of_python_numpy_and_torch_are_restored(tmp_path: Path) -> None:
    import numpy as np

    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.random()), float(torch.rand(()))  # noqa: NPY002

    draw()
    torch.save(random_state(), tmp_path / "state.pt")
    drawn = draw()
    draw()
    restore(torch.load(tmp_path / "state.pt", weights_only=True))
    assert draw() == drawn


def test_errors_of_a_folder_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    from training.checkpoint import written

    with pytest.raises(InputError, match="cannot be written"), written(tmp_path / "no" / "file"):
        pass
