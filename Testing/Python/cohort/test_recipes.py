"""The recipes for clusters, containers and Nextflow: their commands are ones that there are."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from SlicerLDMRegLib.cli.parser import build_parser
from SlicerLDMRegLib.cohort.clusters import read_configuration

REPOSITORY = Path(__file__).resolve().parents[3]
RECIPES = REPOSITORY / "recipes"
_COMMANDS = r"(?:cohort|template|morphometry)\b"


def lines_of(path: Path) -> list[str]:
    """The lines of a file, those that a backslash divides as one, without a comment's sign."""
    text = re.sub(r"\\\n\s*", "", path.read_text(encoding="utf-8"))
    return [re.sub(r"^(?:#|//) ?", "", line).strip() for line in text.splitlines()]


def written_commands() -> list[str]:
    """All commands over many pairs that recipes, READMEs and --help show."""
    found = []
    pages = [REPOSITORY / "README.md", REPOSITORY / "docs/large_cohorts.md", RECIPES / "README.md"]
    for path in [*pages, *sorted(RECIPES.iterdir())]:
        for line in lines_of(path):
            for text in [*re.findall(r"`([^`]*)`", line), line]:
                # As a user types it, or behind the name of a container's image.
                match = re.match(rf"(?:docker run .* )?(ldmreg {_COMMANDS}.*)", text)
                if match is not None and "$" not in match[1] and "'" not in match[1]:
                    found.append(match[1])
    for command in ("cohort", "template", "morphometry"):
        text = re.sub(r"\\\n\s*", "", _help_of(command))
        found += re.findall(rf"^ {{2,}}(ldmreg {_COMMANDS}.*)$", text, re.M)
    named = rf"ldmreg {_COMMANDS}$|.*(?:\.\.\.|MANIFEST|\[)"  # in a sentence
    return sorted({line for line in found if not re.match(named, line)})


def _help_of(command: str) -> str:
    for action in build_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return str(action.choices[command].epilog)
    raise AssertionError("the parser has no commands")


def parsed(command: str) -> argparse.Namespace:
    return build_parser().parse_args(shlex.split(command)[1:])


def test_commands_are_found_where_they_are_written() -> None:
    text = "\n".join(written_commands())
    for part in ("--slurm slurm.yaml", "--scheduler tcp://", "--bids-suffix", "--pictures worst"):
        assert part in text
    assert len(written_commands()) >= 12


@pytest.mark.parametrize("command", written_commands())
def test_a_written_command_is_one_of_the_parser(command: str) -> None:
    words = shlex.split(command)
    arguments = parsed(command)
    assert callable(arguments.run)
    if words[1] == "cohort" and words[2] not in ("status", "report"):
        assert arguments.output is not None and arguments.source == words[2]


_PROGRAM = """
import json, os, pathlib, signal, sys, time
me = pathlib.Path(sys.argv[0])
if me.name == "ldmreg":
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
note = me.parents[1] / f"{me.name}.json"
note.with_suffix(".new").write_text(json.dumps([sys.argv[1:], dict(os.environ)]))
note.with_suffix(".new").rename(note)
if me.name == "ldmreg":
    time.sleep(float(os.environ.get("SECONDS_OF_WORK", "0")))
    sys.exit(int(os.environ.get("EXIT", "0")))
"""


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A folder of programs that write down how they are called, in files of their names."""
    place = tmp_path / "bin"
    place.mkdir()
    for name in ("ldmreg", "scontrol"):
        program = place / name
        program.write_text(f"#!{sys.executable}\n{_PROGRAM}", encoding="utf-8")
        program.chmod(0o755)
    return tmp_path


def called(shell: Path, name: str) -> list[str]:
    found: list[str] = json.loads((shell / f"{name}.json").read_text())[0]
    return found


def environment(shell: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "PATH": f"{shell / 'bin'}:{os.environ['PATH']}", **more}


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


@needs_bash
@pytest.mark.parametrize(
    ("variables", "options", "slurm"),
    [
        ({}, [], "slurm.yaml"),
        ({"SLURM_YAML": "my cluster.yaml"}, ["--pictures", "none"], "my cluster.yaml"),
        ({"SLURM_YAML": ""}, ["--workers", "4", "--model", "none"], None),
    ],
)
def test_the_slurm_script_calls_a_command_of_the_parser(
    shell: Path, variables: dict[str, str], options: list[str], slurm: str | None
) -> None:
    own = environment(shell, SBATCH_PARTITION="gpu", SLURM_CPUS_PER_TASK="1", EXIT="8", **variables)
    command = ["bash", str(RECIPES / "cohort.sbatch"), "my pairs.csv", "study", *options]
    assert subprocess.run(command, env=own, timeout=60).returncode == 8  # that of the command
    arguments = build_parser().parse_args(called(shell, "ldmreg"))
    assert (arguments.source, arguments.output) == ("my pairs.csv", "study")
    assert arguments.slurm == slurm
    inner = json.loads((shell / "ldmreg.json").read_text())[1]
    # What SLURM says about the head is not for the jobs that it asks for.
    assert "SBATCH_PARTITION" not in inner and "SLURM_CPUS_PER_TASK" not in inner
    assert not (shell / "scontrol.json").exists()


@needs_bash
def test_the_slurm_script_queues_itself_again_when_its_time_is_over(shell: Path) -> None:
    own = environment(shell, SLURM_JOB_ID="17", SECONDS_OF_WORK="30")
    command = ["bash", str(RECIPES / "cohort.sbatch"), "pairs.csv", "study"]
    with subprocess.Popen(command, env=own) as job:
        for _ in range(600):
            if (shell / "ldmreg.json").exists():
                break
            time.sleep(0.05)
        job.send_signal(signal.SIGINT)
        assert job.wait(timeout=60) == 130
    assert called(shell, "scontrol") == ["requeue", "17"]


@needs_bash
@pytest.mark.parametrize(
    ("code", "expected", "options"),
    [
        (0, 0, "--pairs all-to-all --workers 4"),
        (8, 0, ""),
        (2, 1, ""),
        (130, 1, "--pairs all-to-all --slurm slurm.yaml"),
    ],
)
def test_the_module_of_nextflow_calls_a_command_of_the_parser(
    shell: Path, code: int, expected: int, options: str
) -> None:
    module = (RECIPES / "ldmreg.nf").read_text(encoding="utf-8")
    found = re.search(r'"""\n(.*?)"""', module, re.S)
    assert found is not None
    output = shell / "study"
    output.mkdir()
    for name in ("table.csv", "report.html"):
        (output / name).write_text(name)
    script = found[1].replace(r"\$", "\0")  # Groovy's sign for a dollar of the shell
    for name, value in (
        ("manifest", "my pairs.csv"),
        ("output", str(output)),
        ("options", options),
    ):
        script = script.replace(f"${{{name}}}", value)
    assert "$" not in script
    work = shell / "work"
    work.mkdir()
    # As Nextflow runs it.
    done = subprocess.run(
        ["bash", "-ue", "-c", script.replace("\0", "$")],
        cwd=work, env=environment(shell, EXIT=str(code)), timeout=60,
    )  # fmt: skip
    assert min(done.returncode, 1) == expected
    arguments = build_parser().parse_args(called(shell, "ldmreg"))
    assert (arguments.source, arguments.output) == ("my pairs.csv", str(output))
    assert arguments.pairs == ("all-to-all" if options else None)
    emitted = re.findall(r"path '([^']+)', emit", module)
    assert set(emitted) == {"table.csv", "report.html"}
    assert all((work / name).exists() for name in emitted) == (expected == 0)


def test_the_configuration_of_slurm_is_read() -> None:
    values = read_configuration(RECIPES / "slurm.yaml")
    assert values["jobs"] >= 1 and values["processes"] == 1
    # What is commented out is YAML, too, and of a kind that is taken.
    text = (RECIPES / "slurm.yaml").read_text(encoding="utf-8")
    import yaml

    more = yaml.safe_load("\n".join(re.findall(r"^# (\w+: .*)$", text, re.M)))
    assert isinstance(more["job_script_prologue"], list)
    assert isinstance(more["job_extra_directives"], list)


def test_the_container_is_built_of_what_there_is() -> None:
    text = re.sub(r"\\\n\s*", "", (RECIPES / "Containerfile").read_text(encoding="utf-8"))
    copied = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY ")]
    assert copied and all((REPOSITORY / name).exists() for names in copied for name in names)
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    extras = re.findall(r"\.\[(\w+)\]", text)
    assert extras == ["cohort"] and re.search(r"^cohort = \[", project, re.M)
    entry = re.search(r"^ENTRYPOINT (\[.*\])$", text, re.M)
    assert entry is not None
    assert re.search(rf"^{json.loads(entry[1])[0]} = ", project, re.M)
    default = re.search(r"^CMD (\[.*\])$", text, re.M)
    assert default is not None
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args(json.loads(default[1]))
    assert end.value.code == 0
