"""Folders of the user in which LDMReg keeps things, as each platform has them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

__all__ = ["user_folder"]

# Of each kind: the variable that names the platform's folder, and where it lies without.
_WINDOWS = {"cache": ("LOCALAPPDATA", "AppData/Local"), "settings": ("APPDATA", "AppData/Roaming")}
_MAC = {"cache": "Library/Caches", "settings": "Library/Application Support"}
_OTHERS = {"cache": ("XDG_CACHE_HOME", ".cache"), "settings": ("XDG_CONFIG_HOME", ".config")}


def user_folder(name: str, kind: Literal["cache", "settings"], variable: str) -> Path:
    """Return a folder of the user, which need not exist.

    Args:
        name: of the folder within that of LDMReg.
        kind: what the platform's folder is for.
        variable: of the environment; where it is set it names the folder itself.
    """
    chosen = os.environ.get(variable)
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / _MAC[kind] / "ldmreg" / name
    place, usual = (_WINDOWS if sys.platform == "win32" else _OTHERS)[kind]
    return Path(os.environ.get(place) or Path.home() / usual) / "ldmreg" / name
