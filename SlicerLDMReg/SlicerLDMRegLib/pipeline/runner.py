"""Register two images: the public entrance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import InputError
from .device import Meter, memory_errors, select_device, select_precision
from .inputs import read_inputs
from .options import AlignOptions, RefineOptions, check_diffeomorphic
from .predict.loaded_model import LoadedModel, choose_card, choose_slices, load_model
from .progress import Progress
from .regions.region_source import choose_guidance
from .registration import Registration
from .request import RegistrationRequest
from .result import RegistrationResult, check_output_directory
from .slices import SliceSelection

__all__ = ["register", "register_request"]


def register(
    fixed: Any,
    moving: Any,
    *,
    model: str | Path | LoadedModel | None = "auto",
    device: str = "auto",
    precision: str = "auto",
    align: str | Mapping[str, Any] | AlignOptions = "auto",
    initial_transform: Any = None,
    refine: bool | str | Mapping[str, Any] | RefineOptions | None = None,
    fixed_labels: Any = None,
    moving_labels: Any = None,
    fixed_landmarks: Any = None,
    moving_landmarks: Any = None,
    fixed_segmentation: Any = None,
    label_names: str | Path | Mapping[Any, str] | None = None,
    segmenter: str | Path = "auto",
    prompts: Mapping[Any, str] | None = None,
    fixed_mask: Any = None,
    moving_mask: Any = None,
    diffeomorphic: bool | None = None,
    slices: str | SliceSelection | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> RegistrationResult:
    """Find the deformation that brings the moving image onto the fixed image.

    Args:
        fixed: 2D or 3D scalar image: path, ``sitk.Image``, or array ``(y, x)`` or ``(z, y, x)``
            with voxels of 1 mm.
        moving: image of the same dimension; it may lie on another lattice.
        model: ``"auto"`` (the installed model for the dimension; a 2D one goes slice by slice
            through a volume), id, path of a model folder, or one from :func:`load_model`, which
            stays in memory; ``"none"`` or None: refinement alone.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
        precision: of the network: ``"auto"``, ``"float32"`` or ``"bfloat16"``.
        align: ``"none"``, ``"center"``, ``"rigid"``, ``"affine"``, or ``"auto"``: none with an
            initial transform; on one lattice none, or a shift where it brings much; else what the
            model recommends, mostly rigid.
        initial_transform: ITK transform (path or object), fixed to moving points, that comes first.
        refine: fit the field to these images: True, False, options, or None: what the model
            recommends. A refined field has no folds, unless the initial transform has.
        fixed_labels, moving_labels: integer maps on the lattices of the images, to measure the
            overlap. They are not used to register, but for ``fixed_labels`` with ``label_names``.
        fixed_landmarks, moving_landmarks: corresponding points (path, or ``(N, d)`` in LPS mm), to
            measure the error; never used to register.
        fixed_segmentation: labels of the fixed image that guide a model with regions (textSCF): a
            path, an image, an array or a ``Segmentation``; without names their numbers must be
            those of the model's scheme. ``"auto"``: found by the segmenter; ``"none"``: no regions;
            None: the fixed labels if they have ``label_names``, else the segmenter's.
        label_names: what the labels are called, ``{number: name}``, a JSON file, the name of a
            known scheme such as ``"freesurfer35"`` or ``"btcv"``, or ``"model"``: the model's. With
            them the fixed labels guide a model with regions, besides measuring the overlap.
        segmenter: finds the regions where no labels are given: ``"auto"``, that of the model;
            ``"none"``; the id of a segmentation model, or the path of one.
        prompts: structures in words by label number; they replace the names of these labels. A
            structure that the model has not seen gets its filter from the model's text encoder.
        fixed_mask, moving_mask: integers on the lattices of the images (path, image or array, also
            of booleans): where one is 0, such as in a tumour, at an implant or outside of an organ,
            the images are not compared: not by the alignment, not by the refinement, and not by the
            NCC and MSE that are measured. A network sees the images as they are.
        diffeomorphic: True: the field has no folds and an exact inverse also where the refinement
            is off: the field of the network becomes the exponential of a velocity. False: the
            network's field is kept as it is where the refinement is off; where it is on, the field
            always is diffeomorphic. None: as the model and the refinement make it.
        slices: ``"[AXIS:]WHICH"``: register these slices of a volume one by one, in their plane.
        seed: of everything random.
        progress: told about the stages; cancels.

    Returns:
        Warped image, field, inverse, Jacobian map, folds, metrics; ``save`` writes them.

    Raises:
        InputError: for images, files or options that cannot be used, such as a mask without a voxel
            to compare, or ``diffeomorphic=False`` with a refinement that is asked for.
        ModelError: when the model is missing or damaged.
        OutOfMemoryError: when the images are too large for the memory.
        CancelledError: when the caller cancels.

    Example:
        >>> import numpy as np
        >>> from SlicerLDMRegLib import register
        >>> y, x = np.mgrid[:48, :48]
        >>> fixed = np.exp(-((x - 24) ** 2 + (y - 24) ** 2) / 100)
        >>> moving = np.exp(-((x - 27) ** 2 + (y - 24) ** 2) / 100)  # 3 mm further along x
        >>> result = register(fixed, moving, model="none")
        >>> [round(float(u)) for u in result.field.vectors[24, 24]]
        [3, 0]
        >>> result.metrics["deformation"]["fold_count"]
        0
    """
    progress = progress or Progress()
    align_options = AlignOptions.from_value(align)
    RefineOptions.from_value(refine)  # a wrong option is told before any work is done
    check_diffeomorphic(diffeomorphic, refine)
    selection = SliceSelection.parse(slices) if isinstance(slices, str) else slices
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise InputError(f"seed: expected an integer from 0, got {seed!r}")
    where = model.device if isinstance(model, LoadedModel) else select_device(device)
    select_precision(precision, where)
    meter = Meter(where)
    with memory_errors("this registration"):
        with meter.stage("read"):
            progress.report("read", 0.0)
            inputs = read_inputs(
                fixed,
                moving,
                fixed_labels,
                moving_labels,
                fixed_landmarks,
                moving_landmarks,
                initial_transform,
                fixed_mask,
                moving_mask,
            )
        with meter.stage("model"):
            progress.report("model", 0.02)
            loaded = model if isinstance(model, LoadedModel) else None
            name = model.card if isinstance(model, LoadedModel) else model
            card = choose_card(name, inputs.dimension, selection is not None)
            range_ = choose_slices(selection, inputs.geometry, card)
            if card is not None and loaded is None:
                loaded = load_model(card, str(where), precision)
            guidance = choose_guidance(
                inputs, loaded, fixed_segmentation, label_names, segmenter, prompts
            )
        defaults = {} if card is None else card.defaults
        job = Registration(
            inputs=inputs,
            loaded=loaded,
            slices=range_,
            align=align_options,
            refine=RefineOptions.from_value(refine, defaults.get("refine", {})),
            seed=seed,
            device=where,
            meter=meter,
            progress=progress.part(0.05, 1.0),
            guidance=guidance,
            usual_align=AlignOptions(defaults.get("align", "rigid")).method,
            diffeomorphic=diffeomorphic,
        )
        return job.run()


def register_request(
    request: RegistrationRequest, progress: Progress | None = None
) -> RegistrationResult:
    """Run a request, and write its results where it names an output.

    Raises:
        as :func:`register` and :meth:`RegistrationResult.save`.
    """
    if request.output is not None:
        check_output_directory(Path(request.output).expanduser().absolute())
    options = {f.name: getattr(request, f.name) for f in fields(request)}
    images = options.pop("fixed"), options.pop("moving")
    output = options.pop("output")
    result = register(*images, **options, progress=progress)
    if output is not None:
        result.save(output)
    return result
