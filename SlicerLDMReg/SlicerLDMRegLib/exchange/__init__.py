"""Transforms in the forms of other programs, written with the error that a form costs."""

from .formats import FORMATS, TransformFormat, WrittenTransform, write_transform

__all__ = ["FORMATS", "TransformFormat", "WrittenTransform", "write_transform"]
