"""Every text of the panel can be translated, and is translated into German."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from docs import translations

REPOSITORY = Path(__file__).resolve().parents[4]
GERMAN = translations.FOLDER / "LDMReg_de.ts"
# Literals with spaces that are shown to nobody, or are data, alike in every language.
_NO_TEXTS = {
    # Names of nodes, segments, tables and columns: scenes are exchanged, scripts look for them.
    "Displacement (mm)", "LDMReg displacement", "LDMReg Jacobian ", "LDMReg Jacobian bar", " bar",
    ", frame ", "fixed frame",
    " of ", " warped to ", " display", "LDMReg difference", " outline", "LDMReg left out",
    "left out", "Left out of ", " views", ", inverse", " to ", " inverse", " before ", "Label ",
    "opposite of ", "warped to ", "HD95 (mm)", "Displacement, mean (mm)",
    "Displacement, largest (mm)",
    " sequence", " slice at ", " mm", " slices ", " warped", " transform", "Cardiac MR pair",
    "Cardiac MR diastole", "Cardiac MR systole", "Brain MR pair", "Brain MR A", "Brain MR B",
    "Echocardiogram pair", "Echo diastole", "Echo systole", "Left ventricle cavity",
    "Right ventricle cavity", "Left atrium", "LDM Registration", "LDMReg contributors",
    # Names of parts and values of choices, which parameter nodes store.
    "side by side", "first choice", "model card", "warm up", " in 3D", "fold rim",
    "whole volume", "slice shown in a view", "range of slices", "all frames of a sequence",
    "fixed labels",
    # Of Slicer.
    "Binary labelmap", "Reference image geometry",
    # Notes on landmarks belong to the report, which is in English; the panel has its own words.
    "only fixed", "only moving", "not placed", "fixed not placed", "moving not placed",
    "not selected", "points that are ", " were left out: ",
    "points beside the slice were left out: ", "without a counterpart",
    # Of files of DICOM, and the name of their folder.
    " DICOM", " registered to ", " by LDMReg, model ",
    # Of the log and of the shell.
    "ldmreg: error: ", "PyTorch could not be installed", " MB",
    "python -m pip download --dest wheels --only-binary :all:", "--python-version ",
}  # fmt: skip
# Markup, patterns, file filters and formats.
_NO_WORDS = re.compile(r"[<>|*%^]|^\W+$|: [#{]|=\"|style|border|--platform|&nbsp;|color: ")


def literals(source: str) -> Iterator[str]:
    """The texts of code with words in them that are not translated; no docstrings."""
    tree = ast.parse(source)
    known: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            known.add(node.value)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("_", "translate"):
            known.update(ast.walk(node))
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and node not in known else None
        if isinstance(text, str) and re.search(r"[A-Za-z]{2}.* | .*[A-Za-z]{2}", text):
            yield text


def test_every_text_is_given_to_the_translation() -> None:
    left: list[str] = []
    for file in translations.sources():
        source = file.read_text("utf-8")
        if file.name == "SlicerLDMReg.py":  # its tests speak English
            source = source.partition("class SlicerLDMRegTest")[0]
        if file.name == "result_nodes.py":  # names and descriptions of nodes
            source = re.sub(
                r"^(_DESCRIPTIONS|OUTPUTS\b.*?) = \{.*?^\}", "", source, flags=re.M | re.S
            )
        for text in literals(source):
            if text not in _NO_TEXTS and not _NO_WORDS.search(text):
                left.append(f"{file.parent.name}/{file.name}: {text!r}")
    assert not left


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('say("Choose a volume.")', ["Choose a volume."]),
        ('raise InputError(f"{name} has no voxels")', [" has no voxels"]),
        ('say(_("Choose a volume."))', []),
        ('say(_("{name} is new.").format(name=name))', []),
        ('def f():\n    """Return a text."""', []),
        ('label.text = "ok" if good else "not good"', ["not good"]),
    ],
)
def test_texts_without_translation_are_found(source: str, found: list[str]) -> None:
    assert list(literals(source)) == found


def test_a_text_that_is_put_together_cannot_be_translated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some.py").write_text('_(f"{name} is new")\n')
    monkeypatch.setattr(translations, "sources", lambda: [tmp_path / "some.py"])
    with pytest.raises(ValueError, match="line 1: expected a plain text"):
        translations.collect()


def test_german_is_complete() -> None:
    """``make translations`` was run, and nothing is left as unfinished."""
    wanted, known = translations.collect(), translations.read(GERMAN)
    assert [text for key, text in ((k, k[1]) for k in wanted) if key not in known] == []
    assert set(known) == set(wanted)


def test_german_keeps_placeholders_numbers_and_lines() -> None:
    def parts(text: str) -> Any:
        numbers = re.findall(r"\d+(?:\.\d+)?", text.replace("0,2", "0.2"))
        return sorted(re.findall(r"\{[^}]*\}", text)), sorted(numbers), text.count("\n")

    for (_context, text), german in translations.read(GERMAN).items():
        assert parts(text) == parts(german), text
        assert text.endswith((":", "...")) == german.endswith((":", "...")), text


def test_new_texts_are_unfinished_and_old_ones_go(tmp_path: Path) -> None:
    path = tmp_path / "LDMReg_xx.ts"
    known = {("a", "Old"): "Alt", ("a", "One"): "Eins"}
    assert translations.write(path, "xx", [("a", "One"), ("b", "One"), ("b", "New")], known) == 1
    assert translations.read(path) == {("a", "One"): "Eins", ("b", "One"): "Eins"}
    assert path.read_text("utf-8").count('type="unfinished"') == 1


def test_the_compiled_file_is_that_of_the_texts(running_host: Any) -> None:
    translator = running_host.qt.QTranslator()
    assert translator.load(str(GERMAN.with_suffix(".qm")))
    for (context, text), german in translations.read(GERMAN).items():
        assert translator.translate(context, text) == german, "run make translations"


_PANEL = """
import json, sys
from Testing.Host import SlicerHost
host = SlicerHost()
settings = host.slicer.app.userSettings()
settings.setValue("Internationalization/Enabled", "true")
settings.setValue("language", sys.argv[1])
module = host.load_module("SlicerLDMReg/SlicerLDMReg.py")
widget = host.open_module("SlicerLDMReg")
widgets = {n: w for n, w in vars(widget.ui).items() if n[:3] != "qt_" and w.isWidgetType()}
texts = {n: [getattr(w, "text", ""), w.toolTip, w.accessibleName] for n, w in widgets.items()}
host.click("tryCardiacButton")
host.wait_until(lambda: host.widget("tryCardiacButton").enabled)
items = [widget.ui.extentComboBox.itemText(i) for i in range(widget.ui.extentComboBox.count)]
said = widget.ui.statusLabel.text
from SlicerLDMRegLib.slicer_app.scene.cohort_pairs import write_volumes
try:
    write_volumes(None, [])
except ValueError as error:
    raised = str(error)
except Exception as error:
    raised = str(error)
cut = []
dock = host.slicer.util.mainWindow().findChild(host.qt.QWidget, "PanelDockWidget")
dock.setMinimumWidth(384), dock.setMaximumWidth(384)
for name, w in widgets.items():
    if name.endswith("Section") and hasattr(w, "collapsed"):
        w.collapsed = False
for _ in range(3):
    host.process_events()
around = {"QLabel": 0, "QPushButton": 12, "QCheckBox": 18, "QToolButton": 4}
for name, w in widgets.items():
    kind = type(w).__name__
    if w.visible and kind in around and not (kind == "QLabel" and w.wordWrap):
        if w.fontMetrics().horizontalAdvance(w.text) + around[kind] > w.width:
            cut.append(f"{name}: {w.text}")
print(json.dumps([module.title, texts, items, said, raised, cut]))
"""


def panel_in(language: str) -> list[Any]:
    """Title, texts, choices, a message, an error and cut texts of the panel in a language."""
    command = [sys.executable, "-c", _PANEL, language]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_panel_speaks_german(running_host: Any) -> None:
    title, texts, items, said, raised, cut = panel_in("de_DE")
    assert title == "LDM-Registrierung"
    assert texts["fixedSelectorLabel"][0] == "Festes Volumen:"
    assert texts["swapButton"][1].startswith("Tauschen:")
    assert texts["modelInfoButton"][2] == "Was ist dieses Modell?"
    assert texts["applyButton"][0] == "Festes und bewegtes Volumen wählen"
    assert items[0] == "Ganze Volumen"
    assert said.endswith("Die Bilder sind geladen und gewählt: Anwenden klicken.")
    assert raised.startswith("die Szene hat weniger als zwei Volumen")
    english = {text for _context, text in translations.collect()}
    same = {text for (_c, text), german in translations.read(GERMAN).items() if text == german}
    left = {name: t for name, own in texts.items() for t in own if t in english - same}
    assert not left
    assert not cut


@pytest.mark.parametrize(
    ("language", "loaded"), [("de_AT", 1), ("de-DE", 1), ("de", 1), ("eo", 0), ("", 0)]
)
def test_languages(host: Any, monkeypatch: pytest.MonkeyPatch, language: str, loaded: int) -> None:
    """That of a country is taken for the language; others stay English."""
    app = SimpleNamespace(applicationLocaleName=language)
    host.load_module(REPOSITORY / "SlicerLDMReg" / "SlicerLDMReg.py")
    module = sys.modules["SlicerLDMReg"]
    assert module._translators == []
    with monkeypatch.context() as patch:
        patch.setattr(module, "slicer", SimpleNamespace(app=app))
        module._load_translation()
    translated = host.qt.QCoreApplication.translate("panel.run_section", "Apply")
    for translator in module._translators:
        host.qt.QCoreApplication.removeTranslator(translator)
    assert len(module._translators) == loaded
    assert translated == ("Anwenden" if loaded else "Apply")
