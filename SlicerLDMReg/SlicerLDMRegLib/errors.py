"""Exceptions of LDMReg; each text says what was expected, what was got and what to do."""

from __future__ import annotations

from collections.abc import Callable

from ._printable import one_line

__all__ = [
    "ADVICE",
    "CancelledError",
    "InputError",
    "LDMRegError",
    "ModelError",
    "OutOfMemoryError",
]

#: Place in the text of an error where the option that helps is named.
ADVICE = "{advice}"

_MOST = 1_000_000  # characters; who shows a text may show less of it
#: Names an option as its user knows it, from the field of the request and the values for it.
Control = Callable[[str, tuple[object, ...]], str]


class LDMRegError(Exception):
    """Base of all errors that LDMReg raises on purpose; its text is one line for the user.

    Names and texts of files in it are safe to show: see :func:`._printable.one_line`.

    An error that concerns an option carries the field of the request, so that the command line and
    the panel can name their own control, see :meth:`told`.

    Args:
        text: one line. :data:`ADVICE` in it stands for the option that helps; without it, the
            option is the one that is wrong, and the text begins with its name.
        option: field of :class:`~SlicerLDMRegLib.pipeline.RegistrationRequest`, for an option of
            the refinement ``refine.`` and its name; None: the error is not about an option.
        value: what the option should be set to; a tuple for several that would help.

    Example:
        >>> str(InputError("they lie apart; use {advice}", option="align", value="center"))
        "they lie apart; use align='center'"
        >>> str(InputError("expected an integer from 0, got -1", option="seed"))
        'seed: expected an integer from 0, got -1'
    """

    def __init__(self, text: str = "", *, option: str | None = None, value: object = None) -> None:
        self.text, self.option, self.value = one_line(text, _MOST), option, value
        super().__init__(self.told(_in_python))

    def told(self, control: Control) -> str:
        """Return the text with the option named as a user knows it.

        Args:
            control: names the option, given its field and the values for it, none for an option
                that is wrong.
        """
        if self.option is None:
            return self.text
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        values = tuple(value for value in values if value is not None)
        if ADVICE in self.text:
            return one_line(self.text.replace(ADVICE, control(self.option, values)), _MOST)
        return one_line(f"{control(self.option, ())}: {self.text}", _MOST)


class InputError(LDMRegError, ValueError):
    """An image, label map, landmark file, transform or option that cannot be used."""


class ModelError(LDMRegError):
    """A model folder or checkpoint that is missing, damaged, or of an unknown kind."""


class CancelledError(LDMRegError):
    """The user cancelled the registration; nothing was written."""


class OutOfMemoryError(LDMRegError):
    """The registration does not fit into the memory of the device."""


def _in_python(option: str, values: tuple[object, ...]) -> str:
    """Name an option as an argument of :func:`SlicerLDMRegLib.register`, or in words."""
    if values:
        return f"{option}={' or '.join(map(repr, values))}"
    return option.replace("_", " ").replace(".", " ")
