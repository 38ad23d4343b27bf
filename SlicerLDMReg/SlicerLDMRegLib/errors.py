"""Exceptions of LDMReg; each text says what was expected, what was got and what to do."""

from __future__ import annotations

__all__ = ["CancelledError", "InputError", "LDMRegError", "ModelError", "OutOfMemoryError"]


class LDMRegError(Exception):
    """Base class of LDMReg's own errors; the text is one line for the user."""


class InputError(LDMRegError, ValueError):
    """An image, label map, landmark file, transform or option that cannot be used."""


class ModelError(LDMRegError):
    """A model folder or checkpoint that is missing, damaged, or of an unknown kind."""


class CancelledError(LDMRegError):
    """The user cancelled the registration; nothing was written."""


class OutOfMemoryError(LDMRegError):
    """The registration does not fit into the memory of the device."""
