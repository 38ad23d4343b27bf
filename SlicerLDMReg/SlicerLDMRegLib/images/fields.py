"""Displacement fields in files of images: whose vectors they are, and in which coordinates.

=========================== ==================================== ==========================
written by                  known by                             taken as
=========================== ==================================== ==========================
ITK, ANTs, Greedy, c3d      NIfTI intent 1007, no intent name    displacement, LPS mm
3D Slicer, ITK, this module NIfTI intent 1006                    displacement, RAS mm
NiftyReg ``reg_transform``  intent 1007 ``NREG_TRANS``, p1 0, 1  position, displacement, RAS
SPM ``y_*.nii``             intent 1007 ``Mapping``              position, RAS mm
FSL ``fnirt``               intent 2006, 4D                      see ``read_fsl_vectors``
FSL coefficients            intent 2007 to 2016                  refused
=========================== ==================================== ==========================
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..geometry import ImageGeometry
from .metaimage import read_metaimage
from .nifti import read_nifti_array
from .nifti_header import NiftiHeader
from .nifti_place import steps_and_origin
from .nrrd import nrrd_pairs, read_nrrd
from .nrrd_header import read_nrrd_header
from .placement import Decoded, place
from .selection import Selection

__all__ = ["read_field_image", "read_fsl_vectors"]

_DISPLACEMENT, _VECTOR = 1006, 1007  # NIFTI_INTENT_DISPVECT, NIFTI_INTENT_VECTOR
_FSL, _FSL_FIELD = range(2006, 2017), 2006
_LPS = np.array([-1.0, -1.0, 1.0])
_FSL_ADVICE = (
    "is a warp of FSL, whose vectors mean something only with both images; one of coefficients "
    "becomes a field by fnirtfileutils --in WARP --ref FIXED --out FIELD --withaff; or convert it "
    "with wb_command -convert-warpfield -from-fnirt WARP MOVING -to-itk OUT.nii.gz"
)


def read_field_image(path: Path, wanted: Selection | None = None) -> Decoded:
    """Read a displacement field from fixed to moving points.

    Args:
        path: ``.nii``, ``.nii.gz``, ``.nrrd`` or ``.mha``, see the table above.
        wanted: choices behind the path.

    Returns:
        Displacements in LPS mm, one component for each axis of the lattice.

    Raises:
        InputError: when the file is damaged, is no field, or does not say what its vectors mean.
    """
    wanted = wanted or Selection()
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return _nifti(path, wanted)
    if name.endswith((".mha", ".mhd")):
        return _checked(read_metaimage(path, wanted))
    space = read_nrrd_header(path).fields.get("space", "LPS").lower()
    decoded = _checked(read_nrrd(path, wanted, components=True))
    if space not in ("lps", "left-posterior-superior"):
        raise InputError(
            f"its space is {space!r}, and whether its vectors are, too, it does not say; save the "
            "field with the space left-posterior-superior"
        )
    if nrrd_pairs(path).get("displacement field type") == "modeling":
        raise InputError(
            "the field maps moving to fixed (a 'modeling' transform); in Slicer, invert the "
            "transform and save it again"
        )
    return decoded


def read_fsl_vectors(path: Path, named: bool = False) -> tuple[np.ndarray, ImageGeometry] | None:
    """Read the vectors of a warp of FSL as they are; they mean something with both images only.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        named: whether the user says that it is one; else its intent has to.

    Returns:
        ``(k, j, i, 3)`` in mm of FSL, and the lattice of the fixed image, LPS mm; None for files
        that are no warp of FSL.

    Raises:
        InputError: when the file is damaged, or its vectors are not finite.
    """
    header, array = read_nifti_array(path, Selection(), whole=True)
    is_field = int(header.fields["intent_code"]) == _FSL_FIELD
    size = header.dim
    if not (is_field or named) or len(size) != 4 or size[3] != 3 or header.components > 1:
        return None
    vectors = np.moveaxis(array, 0, -1).astype(np.float64)
    slope, inter = float(header.fields["scl_slope"]), float(header.fields["scl_inter"])
    if np.isfinite((slope, inter)).all() and slope != 0:
        vectors = vectors * slope + inter
    steps, origin = steps_and_origin(header, Selection(), header.notes)
    decoded = _checked(place(vectors, steps, origin, Selection(), is_vector=True))
    return decoded.array, decoded.geometry


def _checked(decoded: Decoded) -> Decoded:
    array, dimension = decoded.array, decoded.geometry.dimension
    components = array.shape[-1] if decoded.is_vector else 1
    if components != dimension:
        raise InputError(
            f"expected a displacement field with one component for each axis, got a "
            f"{dimension}D image with {components} component{'s' * (components != 1)} a voxel"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError("some of its displacements are NaN or infinite; write the field again")
    return decoded


def _nifti(path: Path, wanted: Selection) -> Decoded:
    header, array = read_nifti_array(path, wanted, whole=True)
    intent = int(header.fields["intent_code"])
    size = header.dim
    if intent in _FSL or (len(size) == 4 and size[3] in (2, 3) and intent == 0):
        if intent in _FSL:
            raise InputError(_FSL_ADVICE)
        raise InputError(
            f"has {size[3]} volumes and does not say that they are vectors (as of FSL or AFNI); "
            "name a warp of FSL as FILE#fsl; convert one of AFNI to the form of ITK with "
            "3dNwarpCat and c3d"
        )
    if len(size) != 5 or size[3] != 1 or header.components > 1:
        components = size[4] if len(size) > 4 else header.components
        raise InputError(
            f"expected a displacement field with one component for each axis, got a "
            f"{min(len(size), 4)}D image with {components} component{'s' * (components != 1)} a "
            "voxel"
        )
    dimension = 2 if size[2] == 1 and size[4] == 2 else 3
    vectors = np.moveaxis(array[:, 0], 0, -1).astype(np.float64)
    steps, origin = steps_and_origin(header, wanted, header.notes)
    if dimension == 2:
        vectors, steps, origin = vectors[0], steps[:2, :2], origin[:2]
    slope, inter = float(header.fields["scl_slope"]), float(header.fields["scl_inter"])
    if np.isfinite((slope, inter)).all() and slope != 0:
        vectors = vectors * slope + inter
    decoded = _checked(place(vectors, steps, origin, wanted, is_vector=True))
    return _as_displacement(decoded, header, intent)


def _as_displacement(decoded: Decoded, header: NiftiHeader, intent: int) -> Decoded:
    name = bytes(header.fields["intent_name"]).split(b"\0")[0].decode("ascii", "replace").strip()
    kind = float(header.fields["intent_p"][0])
    d = decoded.geometry.dimension
    notes = [*header.notes, *decoded.notes]
    vectors = decoded.array
    if name == "NREG_TRANS":
        if kind not in (0, 1):
            raise InputError(
                "is a control grid or velocity field of NiftyReg; make a deformation field of it "
                "with reg_transform -ref FIXED -def IN OUT"
            )
        vectors = vectors * _LPS[:d]
        if kind == 0:
            vectors = vectors - decoded.geometry.points()
        notes.append("it was taken as a transform of NiftyReg: RAS, fixed to moving")
    elif name == "Mapping":
        vectors = vectors * _LPS[:d] - decoded.geometry.points()
        notes.append("it was taken as a deformation of SPM: positions in RAS, fixed to moving")
    elif intent == _DISPLACEMENT:
        vectors = vectors * _LPS[:d]
    elif intent != _VECTOR:
        raise InputError(
            f"does not say that its numbers are displacements (NIfTI intent {intent}); expected "
            "intent 1006 or 1007: convert it with the program that wrote it"
        )
    return Decoded(vectors, decoded.geometry, notes, is_vector=True)
