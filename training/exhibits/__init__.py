"""The tables and figures of both papers, run anew: ``ldmreg-train exhibit``."""

from __future__ import annotations

from . import ldm_morph, textscf
from .exhibit import Exhibit, Quantity, Row, Setting, Stage
from .textscf import SEGMENTERS

__all__ = ["EXHIBITS", "SEGMENTERS", "Exhibit", "Quantity", "Row", "Setting", "Stage"]

#: All exhibits by name.
EXHIBITS: dict[str, Exhibit] = {e.name: e for e in (*ldm_morph.EXHIBITS, *textscf.EXHIBITS)}
