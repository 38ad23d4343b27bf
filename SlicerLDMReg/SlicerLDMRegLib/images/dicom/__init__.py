"""DICOM: series in folders, and single files with one frame or many.

pydicom reads the headers and NumPy the pixels; compressed pixels are decoded by ITK in a process of
its own. Slices are ordered by their place along the normal, never by name or number.
"""

from __future__ import annotations

from .series import read_dicom_file, read_headers, read_series, series_uid_of

__all__ = ["read_dicom_file", "read_headers", "read_series", "series_uid_of"]
