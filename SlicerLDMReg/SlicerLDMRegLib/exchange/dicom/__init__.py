"""Results as DICOM: the warped image as a derived series, the deformation as an object of its own.

pydicom is imported when something is written or read.
"""

from __future__ import annotations

from .context import DicomContext, new_context, read_context
from .deformation import read_deformation, write_deformation
from .derived_series import write_derived_series

__all__ = [
    "DicomContext",
    "new_context",
    "read_context",
    "read_deformation",
    "write_deformation",
    "write_derived_series",
]
