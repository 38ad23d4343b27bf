"""What README.md shows is so: examples run, messages exist, controls and pictures are there."""

from __future__ import annotations

import ast
import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.resources import sample_data_dir

REPOSITORY = Path(__file__).resolve().parents[3]
README = (REPOSITORY / "README.md").read_text("utf-8")
SCREENSHOTS = REPOSITORY / "docs" / "screenshots"
MEGABYTES = 3
# Controls that README.md calls otherwise, as their text is a sign or is made by the module.
_UNNAMED = {"Fixed volume:", "to", "Parameter set:"}


def section(title: str) -> str:
    """The text of a section of README.md, with those below it."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert found is not None, f"README.md has no section {title}"
    return found[1]


def examples(where: str) -> list[str]:
    """The Python blocks that run in ``Slicer`` or in ``Python``."""
    blocks = re.findall(rf"<!-- runs in {where} -->\n```python\n(.*?)^```", README, re.M | re.S)
    assert blocks
    return blocks


def told(block: str) -> list[str]:
    """What a block says that it prints, in comments behind ``print``."""
    return re.findall(r"^ *print\(.*\)  # (.*)$", block, re.M)


def test_all_python_is_run() -> None:
    count = len(re.findall(r"^```python", README, re.M))
    assert count == len(examples("Slicer")) + len(examples("Python"))


@pytest.mark.slow
def test_console_examples_run_in_slicer(host: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    host.load_module(REPOSITORY / "SlicerLDMReg" / "SlicerLDMReg.py")
    names: dict[str, Any] = {"slicer": host.slicer}
    for block in examples("Slicer"):
        capsys.readouterr()
        exec(compile(block, "README.md", "exec"), names)
        host.process_events()
        lines = capsys.readouterr().out.splitlines()
        printed = [line for line in lines if line in told(block)]
        assert printed == told(block), "\n".join(lines)


@pytest.mark.slow
def test_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    for name in ("fixed", "moving"):
        shutil.copy(sample_data_dir() / f"cardiac_{name}.nrrd", tmp_path / f"{name}.nrrd")
    monkeypatch.chdir(tmp_path)
    for block in examples("Python"):
        exec(compile(block, "README.md", "exec"), {})
    assert (tmp_path / "results" / "report.html").is_file()
    assert (tmp_path / "results" / "transform.h5").is_file()


def cheap_commands() -> list[str]:
    """The commands of README.md that only tell something."""
    lines = re.findall(r"(?:^|`)ldmreg ([a-z -]+?)(?:`|$)", README, re.M)
    return sorted({line for line in lines if line.startswith("models") or line.endswith("--help")})


@pytest.mark.parametrize("command", cheap_commands())
def test_cheap_commands_run(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(command.split())
    except SystemExit as exit:
        code = exit.code
    assert not code
    assert capsys.readouterr().out


def test_options_exist(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("register", "transform", "cohort", "morphometry"):
        main([command, "--help"])
    known = capsys.readouterr().out
    named = set(re.findall(r"`(--[a-z-]+)", README)) - {"--extra-index-url"}
    assert named and all(re.search(rf"{name}(?![a-z-])", known) for name in named), named


# Messages


def messages() -> list[str]:
    """The texts that the section Troubleshooting quotes."""
    return re.findall(r"\*\*“(.+?)”\*\*", section("Troubleshooting").replace("\n  ", " "))


@cache
def _texts() -> tuple[str, ...]:
    """All texts of the code, one character in place of what is filled in; and the Makefile."""
    found = [(REPOSITORY / "Makefile").read_text("utf-8")]
    for path in (REPOSITORY / "SlicerLDMReg").rglob("*.py"):
        found += _texts_of(ast.parse(path.read_text("utf-8")))
    return tuple(found)


def _texts_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{[^{}]*\}", "\0", node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
            yield "".join(map(str, parts))


def test_there_are_messages() -> None:
    assert len(messages()) > 20


def exists(message: str) -> bool:
    """Whether one text of the code has these words, and fills something in where "…" stands."""
    parts = [re.escape(part.strip()) for part in message.split("…") if part.strip()]
    pattern = re.compile(".*?\0.*?".join(parts), re.S)
    return any(pattern.search(text) for text in _texts())


@pytest.mark.parametrize("message", messages())
def test_quoted_messages_exist(message: str) -> None:
    assert exists(message)


@pytest.mark.parametrize("message", ["There is … no such text", "not enough … memory for"])
def test_other_messages_do_not_exist(message: str) -> None:
    assert not exists(message)


# Panel and pictures


def controls() -> set[str]:
    """The texts of labels, buttons, check boxes and sections in the panel's .ui file."""
    root = ElementTree.parse(REPOSITORY / "Resources" / "UI" / "SlicerLDMReg.ui").getroot()
    found = set()
    for widget in root.iter("widget"):
        for item in widget.findall("property"):
            text = item.findtext("string") or ""
            if item.get("name") in ("text", "title") and text:
                found.add(text)
    return found - _UNNAMED


def test_the_reference_names_every_control() -> None:
    reference = section("The panel")
    missing = [text for text in controls() if text.rstrip(":") not in reference]
    assert not missing


def pictures() -> list[str]:
    """The files of pictures in README.md."""
    return re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README) + re.findall(
        r'(?:src|srcset)="(.*?)"', README
    )


def test_pictures_exist_and_have_words() -> None:
    assert len(pictures()) > 10
    assert not [name for name in pictures() if not (REPOSITORY / name).is_file()]
    assert "![](" not in README and 'alt=""' not in README


def test_screenshots_are_small_and_all_shown() -> None:
    files = list(SCREENSHOTS.glob("*.png"))
    assert sum(file.stat().st_size for file in files) < MEGABYTES * 2**20
    shown = {Path(name).name for name in pictures()}
    assert not {file.name for file in files} - shown


def test_links_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", README, re.M)
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif "://" not in target:
            assert (REPOSITORY / target).exists(), target
