"""Runs that are killed at any moment go on with the same bits; what does not fit is refused."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")

from SlicerLDMRegLib.errors import InputError
from Testing.Python.training.forked_training import train_forked
from Testing.Python.training.tiny_stages import arguments
from training.checkpoint import check_same_run, cut_log
from training.cli import main
from training.config import StageConfig
from training.randomness import random_state, restore

SIGKILL, SIGTERM = -9, 143


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
ENDS: dict[str, list[dict[str, Any]]] = {
    "registration": [
        {"kill": {"step": 1, "at": "half of the checkpoint written"}},
        {"kill": {"step": 3, "at": "best.pt written, its record not"}},
        {"signal": {"step": 3}},
        {"kill": {"step": 4, "after": SOME.uniform(0, 0.3)}},
    ],
    "textscf": [{"kill": {"step": 3, "at": "logs written, checkpoint not"}}],
}
# Three steps drawn for the first stages, one for each other way of drawing random numbers.
for _stage, _kills in (("vqgan", 3), ("ldm", 3), ("diffusemorph", 1)):
    ENDS[_stage] = [
        {"kill": {"step": step, "at": "beginning of the step"}}
        for step in sorted(SOME.sample(range(1, 5), _kills))
    ]


@pytest.mark.parametrize("stage", ENDS)
def test_a_run_goes_on_with_the_same_bits_wherever_it_is_killed(stages: Path, stage: str) -> None:
    # Each checkpoint but one is at a validation; what was logged in between is in it, too.
    options = ["steps=5", "validate_every=2", "save_every=3"]
    options += ["network.latent_scale=data"] if stage == "registration" else []
    assert main(["train", *arguments(stages, stage, f"{stage}-whole", *options)]) == 0
    parts = arguments(stages, stage, f"{stage}-parts", *options)
    run = stages / f"{stage}-parts"
    for end in ENDS[stage]:
        expected = SIGKILL if "kill" in end else SIGTERM
        # Processes that read data outlive a scheduler's last call to all of them.
        readers = ["--set", "workers=1"] if "signal" in end else []
        codes = train_forked({"argv": [*parts, *readers, "--resume"], **end})
        assert codes == [expected], (stages / f"{stage}-parts.log").read_text(encoding="utf-8")[
            -3000:
        ]
        if "signal" in end:  # a scheduler's last call: the step is finished and kept
            saved = torch.load(run / "last.ckpt", weights_only=True)["progress"]
            assert saved["step"] == end["signal"]["step"] + 1
            log = (stages / f"{stage}-parts.log").read_text(encoding="utf-8")
            assert "stopped after step 4; --resume goes on" in log
            assert "Traceback" not in log
        if (run / "progress.jsonl").exists():  # as where a line was being written
            with (run / "progress.jsonl").open("a") as log_file:
                log_file.write('{"step": ')
    # The weights that it began with are known.
    if "--init" in parts:
        at = parts.index("--init")
        parts = parts[:at] + parts[at + 2 :]
    assert main(["train", *parts, "--resume"]) == 0
    same(stages / f"{stage}-whole", run)


@pytest.fixture(scope="module")
def begun(stages: Path) -> Path:
    options = ["steps=1", "network.latent_scale=data"]
    assert main(["train", *arguments(stages, "registration", "begun", *options)]) == 0
    return stages / "begun"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("learning_rate=0.5", "learning_rate was 0.001, got 0.5"),
        ("seed=9", "seed was None, got 9"),
        ("losses.beta=0.1", "losses.beta was 0.6, got 0.1"),
        ("ema_decay=0.5", "ema_decay was 0.9, got 0.5"),
        ("precision=bf16-mixed", "precision was '32-true', got 'bf16-mixed'"),
        ("network.noising=ddim", "network.noising was None, got 'ddim'"),
        ("data.mixture.real=2", "data.mixture.real was 1, got 2"),
    ],
)
def test_a_run_goes_on_as_it_began(begun: Path, change: str, message: str) -> None:
    stored = json.loads((begun / "config.json").read_text())
    stored["betas"] = tuple(stored["betas"])
    config = StageConfig(**stored)
    check_same_run(
        begun, config.changed(["steps=9", "workers=2", "data.root=other", "save_every=1"])
    )
    with pytest.raises(InputError, match=re.escape(message)):
        check_same_run(begun, config.changed([change]))


def test_what_cannot_be_resumed_is_told(
    stages: Path, begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["steps=2", "network.latent_scale=data"]
    other = stages / "other.pt"
    other.write_bytes((stages / "ldm" / "best.pt").read_bytes() + b" ")
    again = [*arguments(stages, "registration", "begun", *options, init=other), "--resume"]
    assert main(["train", *again]) == 2
    assert "expected the weights that" in capsys.readouterr().err
    again = [*arguments(stages, "registration", "begun", *options, "batch_size=1"), "--resume"]
    assert main(["train", *again]) == 2
    message = "with 2 items a step, got 1; choose devices, batch_size and accumulate"
    assert message in capsys.readouterr().err
    path = begun / "last.ckpt"
    path.write_bytes(path.read_bytes()[:1000])
    again = [*arguments(stages, "registration", "begun", *options), "--resume"]
    assert main(["train", *again]) == 2
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
