"""Modal dialogs answered by the test instead of a person.

A dialog that nobody answers would block for ever. :data:`dialogs` holds the answers that a test has
prepared and a record of everything that was shown; a dialog that no answer fits is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6 import QtWidgets

__all__ = ["Dialogs", "Shown", "UnexpectedDialog", "dialogs", "install"]


class UnexpectedDialog(AssertionError):
    """A modal dialog was opened and no answer was prepared for it."""


@dataclass(frozen=True)
class Shown:
    """A dialog that was shown: its class, title, text, details and the answer it got."""

    kind: str
    title: str
    text: str
    details: str = ""
    answer: Any = None


@dataclass
class _Answer:
    contains: str
    answer: Any
    act: Callable[[Any], None] | None


@dataclass
class Dialogs:
    """Answers for modal dialogs, and the record of those that were shown."""

    shown: list[Shown] = field(default_factory=list)
    _answers: list[_Answer] = field(default_factory=list)

    def answer(self, contains: str, answer: Any, act: Callable[[Any], None] | None = None) -> None:
        """Prepare the answer for the next dialog whose title or text contains a string.

        Args:
            contains: a part of the dialog's title, text or class name; "" fits every dialog.
            answer: the button of a message box (its text or QMessageBox enumeration), the path of
                a file dialog, the text of an input dialog, the result of any other dialog.
            act: called with the open dialog before it is answered, e.g. to take a picture.
        """
        self._answers.append(_Answer(contains, answer, act))

    def clear(self) -> None:
        """Forget answers and record."""
        self.shown.clear()
        self._answers.clear()

    @property
    def unused(self) -> list[str]:
        """The prepared answers for which no dialog came."""
        return [answer.contains for answer in self._answers]

    def take(self, kind: str, title: str, text: str, details: str = "", dialog: Any = None) -> Any:
        """The answer for a dialog that is being shown.

        Raises:
            UnexpectedDialog: when there is none.
        """
        title = title.strip()  # slicer.util pads it to widen the dialog
        for index, prepared in enumerate(self._answers):
            if prepared.contains in f"{kind}\n{title}\n{text}":
                del self._answers[index]
                if prepared.act is not None and dialog is not None:
                    prepared.act(dialog)
                self.shown.append(Shown(kind, title, text, details, prepared.answer))
                return prepared.answer
        self.shown.append(Shown(kind, title, text, details))
        raise UnexpectedDialog(f"{kind} '{title}': {text}\n{details}".rstrip())


dialogs = Dialogs()


def _message_box_exec(box: Any) -> int:
    box.show()
    try:
        answer = dialogs.take(type(box).__name__, box.windowTitle, box.text, box.detailedText, box)
        button = _button(box, answer)
        if button is None:
            offered = ", ".join(b.text for b in box.buttons())
            raise UnexpectedDialog(f"'{box.text}' has no button '{answer}', but {offered}")
        button.click()
        return int(box.standardButton(button))
    finally:
        box.hide()


def _button(box: Any, answer: Any) -> Any:
    for button in box.buttons():
        if isinstance(answer, str):
            if button.text.replace("&", "") == answer:
                return button
        elif box.standardButton(button) == answer:
            return button
    return None


def _dialog_exec(dialog: Any) -> int:
    dialog.show()
    try:
        label = dialog.findChild(QtWidgets.QLabel)
        text = label.text if label is not None else ""
        return int(dialogs.take(type(dialog).__name__, dialog.windowTitle, text, "", dialog))
    finally:
        dialog.hide()


def _file_dialog_exec(dialog: Any) -> int:
    dialog.show()
    try:
        kind = type(dialog).__name__
        path = dialogs.take(kind, dialog.windowTitle, "", "", dialog)
        if path:
            dialog.selectFile(str(path))
        return int(bool(path))
    finally:
        dialog.hide()


def _static_message(default_title: str) -> Callable[..., Any]:
    def show(parent: Any, title: str, text: str, *rest: Any) -> Any:
        return dialogs.take("QMessageBox", title or default_title, text)

    return show


def _static_path(parent: Any = None, caption: str = "", *rest: Any) -> Any:
    return dialogs.take("QFileDialog", caption, "")


def _static_input(parent: Any, title: str, label: str, *rest: Any) -> Any:
    return dialogs.take("QInputDialog", title, label)


def install() -> None:
    """Route Qt's modal dialogs to :data:`dialogs`."""
    message_box: Any = QtWidgets.QMessageBox
    dialog: Any = QtWidgets.QDialog
    file_dialog: Any = QtWidgets.QFileDialog
    input_dialog: Any = QtWidgets.QInputDialog
    menu: Any = QtWidgets.QMenu
    for name in ("exec", "exec_"):
        setattr(dialog, name, _dialog_exec)
        setattr(message_box, name, _message_box_exec)
        setattr(menu, name, lambda self, *args: None)
    for name in ("exec", "exec_"):
        setattr(file_dialog, name, _file_dialog_exec)
    for name in ("information", "question", "warning", "critical"):
        setattr(message_box, name, staticmethod(_static_message(name)))
    for name in ("getExistingDirectory", "getOpenFileName", "getOpenFileNames", "getSaveFileName"):
        setattr(file_dialog, name, staticmethod(_static_path))
    for name in ("getText", "getItem", "getInt", "getDouble"):
        setattr(input_dialog, name, staticmethod(_static_input))
