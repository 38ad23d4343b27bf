"""The place of the voxels of a NIfTI file: qform, sform, or neither, checked against each other."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from .nifti_header import NiftiHeader
from .selection import Selection

__all__ = ["steps_and_origin"]

_LPS = np.array([-1.0, -1.0, 1.0])
# Half a voxel is where programs that take the one and those that take the other disagree visibly.
_CONTRADICTION = 0.5
# Voxels at the farthest corner: rounding of headers stays below. Not tuned.
_WORTH_TELLING = 0.05
_UNITS = {1: 1000.0, 2: 1.0, 3: 0.001}
_UNIT_NAMES = {"m": 1000.0, "mm": 1.0, "um": 0.001}
# No scanner has larger voxels; headers that say metre and mean millimetre have voxels of 1000 mm.
_LARGEST_VOXEL = 100.0
_SCANNER = 1


def steps_and_origin(
    header: NiftiHeader, wanted: Selection, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of a 3D image, LPS mm: steps between voxels as columns, and the origin.

    Of qform and sform that agree, that is taken which ITK and 3D Slicer take.

    Args:
        header: of the file.
        wanted: ``qform`` or ``sform`` where these contradict each other; ``unit`` of lengths.
        notes: to which what was guessed is added.

    Raises:
        InputError: for a qform and an sform that contradict each other, or lengths that cannot be.
    """
    scale = _scale(header, wanted, notes)
    qform, sform = _qform(header, notes), _sform(header)
    asked = [name for name in ("qform", "sform") if wanted.asked(name)]
    forms = {"qform": qform, "sform": sform}
    if len(asked) > 1 or (asked and forms[asked[0]] is None):
        raise InputError(f"#{','.join(asked)}: expected one of the two that the header has")
    if asked:
        found = forms[asked[0]]
    elif qform is not None and sform is not None:
        found = _agreeing(header, qform, sform, notes)
    elif qform is None and sform is None:
        notes.append(
            "the header does not say how the image lies in the patient (qform and sform codes are "
            "0): its axes were taken as left, posterior, superior, and its corner as the origin"
        )
        return np.diag(_spacing(header, notes) * scale), np.zeros(3)
    else:
        found = qform if qform is not None else sform
    assert found is not None
    steps, origin = found
    if found is sform:
        steps = _with_pixdim(header, steps, notes)
    if not _is_finite(steps, origin):
        raise InputError(
            "its sform or qform holds numbers that are not finite; correct the header with the "
            "program that wrote it, or take the other one with #qform or #sform"
        )
    return steps * _LPS[:, None] * scale, origin * _LPS * scale


def _is_finite(steps: np.ndarray, origin: np.ndarray) -> bool:
    return bool(np.isfinite(steps).all() and np.isfinite(origin).all())


def _agreeing(
    header: NiftiHeader,
    qform: tuple[np.ndarray, np.ndarray],
    sform: tuple[np.ndarray, np.ndarray],
    notes: list[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the one of two descriptions of the place that ITK takes, when they agree."""
    broken = [not _is_finite(*form) for form in (qform, sform)]
    if any(broken):
        raise InputError(
            "its qform and sform hold numbers that are not finite; correct the header with the "
            "program that wrote it"
            if all(broken)
            else f"its {'qform' if broken[0] else 'sform'} holds numbers that are not finite; "
            f"#{'sform' if broken[0] else 'qform'} behind its name takes the other one"
        )
    size = np.array((*header.dim, 1)[:3])
    ends = np.stack(np.meshgrid(*[[0, n - 1] for n in size], indexing="ij"), -1).reshape(-1, 3)
    apart = np.linalg.norm(
        ends @ (qform[0] - sform[0]).T + (qform[1] - sform[1]), axis=1
    ).max() / max(1e-9, np.linalg.norm(qform[0], axis=0).min())
    if not apart <= _CONTRADICTION:
        codes = f"qform code {header.fields['qform_code']}, sform {header.fields['sform_code']}"
        mirrored = np.linalg.det(qform[0]) * np.linalg.det(sform[0]) < 0
        raise InputError(
            f"its qform and sform contradict each other by up to {apart:.3g} voxels"
            f"{' and are mirrored' if mirrored else ''} ({codes}), and programs differ in which "
            "they take; say which is right: #qform or #sform behind its name, or make them equal"
        )
    if apart > _WORTH_TELLING:
        notes.append(f"its qform and sform differ by up to {apart:.2g} voxels")
    return sform if int(header.fields["sform_code"]) == _SCANNER else qform


def _qform(header: NiftiHeader, notes: list[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the steps and the origin, RAS, in the unit of the file."""
    if int(header.fields["qform_code"]) <= 0:
        return None
    b, c, d = (float(v) for v in header.fields["quatern"])
    square = b * b + c * c + d * d
    if not square < 1.02:
        raise InputError(
            f"the quaternion of its qform ({b:.4g}, {c:.4g}, {d:.4g}) is no rotation; correct the "
            "header with the program that wrote it, or take the other place with #sform"
        )
    a = 1.0 - square
    if a < 1e-7:  # half a turn: the rounding of the file decides nothing
        b, c, d = (v / np.sqrt(square) for v in (b, c, d))
        a = 0.0
    else:
        a = np.sqrt(a)
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    if float(header.fields["pixdim"][0]) < 0:
        rotation[:, 2] *= -1
    origin = header.fields["qoffset"].astype(np.float64)
    return rotation * _spacing(header, notes), origin


def _sform(header: NiftiHeader) -> tuple[np.ndarray, np.ndarray] | None:
    if int(header.fields["sform_code"]) <= 0:
        return None
    rows = header.fields["srow"].astype(np.float64)
    return rows[:, :3], rows[:, 3]


def _with_pixdim(header: NiftiHeader, steps: np.ndarray, notes: list[str]) -> np.ndarray:
    """Give the steps of an sform the lengths of pixdim where these are its own, rounded."""
    lengths = np.linalg.norm(steps, axis=0)
    pixdim = np.abs(header.fields["pixdim"][1:4].astype(np.float64))
    size = np.array((*header.dim, 1)[:3])
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        return steps
    if np.abs((pixdim - lengths) / lengths * size).max() <= _WORTH_TELLING:
        return steps / lengths * pixdim
    used = size > 1
    if np.abs((pixdim - lengths) / lengths)[used].max(initial=0) > 1e-3:
        notes.append(
            f"the spacing {_numbers(lengths)} of its sform was taken, not the other one that the "
            f"header gives, {_numbers(pixdim)}"
        )
    return steps


def _spacing(header: NiftiHeader, notes: list[str]) -> np.ndarray:
    count = min(3, len(header.dim))
    spacing = header.fields["pixdim"][1:4].astype(np.float64)
    spacing[count:] = np.where(spacing[count:] > 0, spacing[count:], 1.0)
    if not np.isfinite(spacing).all() or (spacing == 0).any():
        raise InputError(
            f"the header gives a distance between voxels of {_numbers(spacing)}; expected "
            "positive numbers: correct pixdim, for instance with nifti_tool or fslchpixdim"
        )
    if (spacing < 0).any():
        note = f"the header gives a negative distance between voxels, {_numbers(spacing)}: its "
        if note + "size was taken" not in notes:
            notes.append(note + "size was taken")
    return np.abs(spacing)


def _scale(header: NiftiHeader, wanted: Selection, notes: list[str]) -> float:
    """Return the millimetres of the unit of the file."""
    unit = wanted.take("unit")
    if unit is not None:
        if unit not in _UNIT_NAMES:
            raise InputError(f"#unit={unit}: expected one of m, mm, um")
        return _UNIT_NAMES[unit]
    code = int(header.fields["xyzt_units"]) & 7
    if code == 2:
        return 1.0
    if code not in _UNITS:
        notes.append("the header does not say its unit of length: mm was taken")
        return 1.0
    scale = _UNITS[code]
    largest = float(np.abs(header.fields["pixdim"][1:4]).max()) * scale
    if largest > _LARGEST_VOXEL:
        raise InputError(
            f"the header says voxels of {largest:g} mm (its unit is the metre); where it means "
            "mm, say so with #unit=mm behind its name, else correct pixdim"
        )
    notes.append(f"lengths were converted from {'metres' if code == 1 else 'microns'} to mm")
    return scale


def _numbers(values: np.ndarray) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
