"""The measurements of a result as a table of the scene."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import vtk

from .displacements import StructureDisplacement

__all__ = ["metrics_table"]

Row = tuple[str, str, dict[str, float]]

_STATES = ("before", "aligned", "after")


def metrics_table(metrics: Mapping[str, Any], moved: Sequence[StructureDisplacement] = ()) -> Any:
    """Return the measurements of a result as a ``vtkTable``.

    Columns: ``Measure``, ``Structure`` (empty for the whole image), ``Before``, ``Aligned`` (only
    after a pre-alignment), ``After``. Properties of the deformation stand under ``After``. What was
    not measured is NaN. Lengths are in mm.

    Args:
        metrics: of the :class:`~SlicerLDMRegLib.pipeline.RegistrationResult`.
        moved: displacements of structures, which stand under ``After``.
    """
    states = [state for state in _STATES if metrics.get(state)]
    columns = [vtk.vtkStringArray(), vtk.vtkStringArray(), *(vtk.vtkDoubleArray() for _ in states)]
    for column, name in zip(columns, ("Measure", "Structure", *states), strict=True):
        column.SetName(name.capitalize())
    for measure, structure, values in [*_rows(metrics), *_displacement_rows(moved)]:
        columns[0].InsertNextValue(measure)
        columns[1].InsertNextValue(structure)
        for column, state in zip(columns[2:], states, strict=True):
            column.InsertNextValue(values.get(state, math.nan))
    table = vtk.vtkTable()
    for column in columns:
        table.AddColumn(column)
    return table


def _rows(metrics: Mapping[str, Any]) -> Iterator[Row]:
    from ...report.structures import structures_of
    from ...report.tables import DEFORMATION, METRICS

    sides = {state: metrics.get(state) or {} for state in _STATES}
    for key, (title, _) in METRICS.items():
        values = {state: _number(side.get(key)) for state, side in sides.items()}
        if any(math.isfinite(value) for value in values.values()):
            yield title, "", values
    for structure in structures_of(metrics):
        dice = (structure.before, structure.aligned, structure.after)
        distance = (structure.hd95_before, None, structure.hd95_after)
        for title, found in (("Dice", dice), ("HD95 (mm)", distance)):
            values = {s: _number(value) for s, value in zip(_STATES, found, strict=True)}
            if any(math.isfinite(value) for value in values.values()):
                yield title, structure.title, values
    deformation = metrics.get("deformation") or {}
    for key, title in DEFORMATION.items():
        if key in deformation:
            yield title, "", {"after": _number(deformation[key])}


def _displacement_rows(moved: Sequence[StructureDisplacement]) -> Iterator[Row]:
    for found in moved:
        yield "Displacement, mean (mm)", found.name, {"after": found.mean_mm}
        yield "Displacement, largest (mm)", found.name, {"after": found.max_mm}


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else math.nan
