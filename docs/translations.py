"""Translations of the module: ``make translations`` brings them up to date.

It collects the texts of the module, the panel and its .ui file under the contexts by which Slicer
looks them up, writes ``Resources/Translations/LDMReg_<language>.ts`` of them, keeping what is
translated, and compiles the .qm files that the module loads. New texts are written as unfinished:
translate them in the .ts file, with Qt Linguist or an editor, and run it again. A further language
begins with an empty ``LDMReg_<language>.ts``. A test fails when a text is missing.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "Resources" / "Translations"
_UI = ROOT / "Resources" / "UI" / "SlicerLDMReg.ui"
_MODULE = ROOT / "SlicerLDMReg"
#: Properties of widgets that people read; others name node classes and parameters.
READ = {
    "accessibleName",
    "noneDisplay",
    "placeholderText",
    "specialValueText",
    "suffix",
    "text",
    "title",
    "toolTip",
}
Texts = dict[tuple[str, str], str]


def sources() -> list[Path]:
    """Return the Python files whose texts are shown in Slicer."""
    application = _MODULE / "SlicerLDMRegLib" / "slicer_app"
    return [_MODULE / "SlicerLDMReg.py", *sorted(application.rglob("*.py"))]


def context_of(file: Path) -> str:
    """Return the context of a Python file, as Slicer finds it: its package and its name."""
    in_package = (file.parent / "__init__.py").is_file()
    return f"{file.parent.name}.{file.stem}" if in_package else file.stem


def collect() -> list[tuple[str, str]]:
    """Return all texts as (context, text), in their order.

    Raises:
        ValueError: for a text that is put together before it is translated.
    """
    found = dict.fromkeys(_of_widgets())
    for file in sources():
        found.update(dict.fromkeys(_of_code(file)))
    return list(found)


def _of_widgets() -> Iterator[tuple[str, str]]:
    root = ElementTree.parse(_UI).getroot()
    context = root.findtext("class") or ""
    for element in root.iter("property"):
        if element.get("name") in READ:
            for text in (string.text for string in element.iter("string")):
                if text and any(letter.isalpha() for letter in text):
                    yield context, text


def _of_code(file: Path) -> Iterator[tuple[str, str]]:
    calls = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if _translates(node)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        text = call.args[0]
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
            raise ValueError(f"{file}, line {call.lineno}: expected a plain text in _()")
        yield context_of(file), text.value


def _translates(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_"


def read(path: Path) -> Texts:
    """Return the finished translations of a .ts file by (context, text)."""
    texts: Texts = {}
    if path.stat().st_size == 0:
        return texts
    for context in ElementTree.parse(path).getroot().iter("context"):
        for message in context.iter("message"):
            translation = message.find("translation")
            if translation is not None and translation.text and not translation.get("type"):
                key = context.findtext("name") or "", message.findtext("source") or ""
                texts[key] = translation.text
    return texts


def write(path: Path, language: str, wanted: list[tuple[str, str]], known: Texts) -> int:
    """Write a .ts file with what is wanted; return the number of texts without a translation."""
    elsewhere = {text: translation for (_context, text), translation in known.items()}
    root = ElementTree.Element("TS", version="2.1", language=language, sourcelanguage="en")
    missing = 0
    for name in dict.fromkeys(context for context, _text in wanted):
        context = ElementTree.SubElement(root, "context")
        ElementTree.SubElement(context, "name").text = name
        for text in (text for own, text in wanted if own == name):
            message = ElementTree.SubElement(context, "message")
            ElementTree.SubElement(message, "source").text = text
            translation = ElementTree.SubElement(message, "translation")
            translation.text = known.get((name, text)) or elsewhere.get(text)
            if not translation.text:
                translation.set("type", "unfinished")
                missing += 1
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, encoding="unicode")
    head = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n'
    path.write_text(f"{head}{text}\n", "utf-8", newline="\n")
    return missing


def main() -> None:
    """Bring all languages up to date, and compile them."""
    wanted = collect()
    for path in sorted(FOLDER.glob("LDMReg_*.ts")):
        language = path.stem.partition("_")[2]
        missing = write(path, language, wanted, read(path))
        compiler = Path(sys.executable).with_name("pyside6-lrelease")
        command = [str(compiler), "-silent", str(path), "-qm", str(path.with_suffix(".qm"))]
        subprocess.run(command, check=True)
        print(f"{path.relative_to(ROOT)}: {len(wanted)} texts, {missing} without a translation")


if __name__ == "__main__":
    main()
