"""The documents, the Makefile and the package metadata tell the same."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement

from SlicerLDMRegLib.cli.parser import build_parser

REPOSITORY = Path(__file__).resolve().parents[2]
LIBRARY = "SlicerLDMReg/SlicerLDMRegLib"
# Folders and files in plain language: all that is not a test.
PLAIN = [
    *(f"{LIBRARY}/{name}" for name in ("functional", "losses", "metrics", "networks", "text")),
    *(f"{LIBRARY}/{name}" for name in ("cli", "images", "model_store", "pipeline", "report")),
    *(f"{LIBRARY}/{name}" for name in ("segmentation", "slicer_app", "worker", "_monai")),
    *(f"{LIBRARY}/{name}" for name in ("cohort", "exchange", "manifest")),
    f"{LIBRARY}/*.py",
    "SlicerLDMReg/*.py",
    "training",
    "docs",
    "Testing/Benchmarks",
    "Testing/Host",
    "Testing/Slicer",
]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "Resources/SampleData/README.md", ".ci/run"]


def make_targets() -> set[str]:
    """The targets that ``make help`` lists."""
    listed = subprocess.run(
        ["make", "-C", str(REPOSITORY), "--no-print-directory", "help"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.split()[0] for line in listed.stdout.splitlines() if line.strip()}


def code_blocks(document: str) -> str:
    """The shell commands of a document, with continued lines joined."""
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    if not document.endswith(".md"):
        return text
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    fenced = [block for language, block in blocks if not language]
    indented = re.findall(r"^    .*$", text, flags=re.MULTILINE)
    return re.sub(r"\\\n\s*", " ", "\n".join([*fenced, *indented]))


def ldmreg_commands() -> list[str]:
    blocks = [code_blocks(document) for document in DOCUMENTS]
    return [line.strip() for b in blocks for line in b.splitlines() if "ldmreg " in line]


def plain_files(place: str) -> list[Path]:
    """The Python files of an entry of ``PLAIN``."""
    path = REPOSITORY / place
    return sorted(path.rglob("*.py") if path.is_dir() else path.parent.glob(path.name))


def docstrings(file: Path) -> Iterator[tuple[ast.AST, int, str]]:
    """Yield the docstrings of module, classes, functions and attributes, with owner and line."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield node, statement.lineno, value.value


@pytest.mark.parametrize("place", PLAIN)
def test_docstrings_are_in_plain_language(place: str) -> None:
    found = [(file, *text) for file in plain_files(place) for text in docstrings(file)]
    assert found
    odd = re.compile(
        r"\s*(?:What|Where|Which|How)\b|(?s:.*)\b(?:whatever|shall|what it is that)\b",
        re.IGNORECASE,
    )
    wrong = [
        f"{file.relative_to(REPOSITORY)}:{line}: {text.strip().splitlines()[0]}"
        for file, _, line, text in found
        if odd.match(text)
    ]
    assert not wrong, "say what it is: " + "; ".join(wrong)


@pytest.mark.parametrize("place", [place for place in PLAIN if place.startswith(LIBRARY)])
def test_modules_are_named_and_functions_are_told_what_to_do(place: str) -> None:
    # Read alone, the first line of a module says what it holds, that of a function what it does.
    act = re.compile(r"(?:From|Whether|Return|Read|Write|Make|Do|Find|Bring|Continue|Minimise)\b")
    wrong = []
    for file in plain_files(place):
        for owner, line, text in docstrings(file):
            first = text.split()[0]
            if isinstance(owner, ast.Module) and line == 1 and act.match(text):
                wrong.append(f"{file.relative_to(REPOSITORY)}: {first} ...: expected a noun")
            is_call = isinstance(owner, ast.FunctionDef) and not any(
                "property" in ast.unparse(decorator) for decorator in owner.decorator_list
            )
            if is_call and re.match(r"[A-Z][a-z]+[^s]s$", first):
                wrong.append(f"{file.relative_to(REPOSITORY)}:{line}: {first} ...: expected a verb")
    assert not wrong, "; ".join(wrong)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_of_the_documents_exist(document: str) -> None:
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    named = set(re.findall(r"^\s*(?:\w+=\S+ )?make ([a-z]+)", code_blocks(document), re.MULTILINE))
    named |= set(re.findall(r"`make ([a-z]+)[^`]*`", text))
    assert named - {"help"} <= make_targets()
    assert named or "SampleData" in document


def test_readme_has_the_two_commands_of_a_newcomer() -> None:
    assert {"make demo", "make test"} <= {
        line.split("#")[0].strip() for line in code_blocks("README.md").splitlines()
    }


@pytest.mark.parametrize("command", ldmreg_commands())
def test_ldmreg_commands_of_the_documents_are_understood(command: str) -> None:
    arguments = shlex.split(command)
    assert arguments[0] == "ldmreg"
    try:
        build_parser().parse_args(arguments[1:])
    except SystemExit as exit:
        assert exit.code == 0, f"not understood: {command}"


def test_ci_runs_what_the_documents_say() -> None:
    workflow = (REPOSITORY / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert "run: .ci/run" in workflow and "run: make demo" in workflow
    script = (REPOSITORY / ".ci/run").read_text(encoding="utf-8")
    assert {"make test", "make lint"} <= set(script.splitlines())


def test_tested_versions_satisfy_the_package() -> None:
    if sys.version_info < (3, 11):
        pytest.skip("needs tomllib, Python 3.11")
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted += extra
    pinned: dict[str, list[str]] = {}
    for line in (
        (REPOSITORY / "requirements/constraints.txt").read_text(encoding="utf-8").splitlines()
    ):
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            version = str(requirement.specifier).removeprefix("==")
            pinned.setdefault(requirement.name.lower(), []).append(version)
    for text in wanted:
        requirement = Requirement(text)
        versions = pinned.get(requirement.name.lower())
        assert versions, f"{requirement.name} is not in requirements/constraints.txt"
        for version in versions:
            assert requirement.specifier.contains(version), f"{text}, pinned to {version}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    # The contracts of pyproject.toml leave out some packages. This leaves out no module and no
    # import, those for type checkers and in functions included.
    graph = grimp.build_graph(
        "SlicerLDMRegLib", "training", exclude_type_checking_imports=False, cache_dir=None
    )
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert "SlicerLDMRegLib.errors" in imports["SlicerLDMRegLib"]  # for type checkers only
    TopologicalSorter(imports).prepare()  # a CycleError names the modules
