"""LDMReg as a method of the comparison: a model, the refinement, or both."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from SlicerLDMRegLib.pipeline import load_model, register

from ..datasets.evaluation import EvaluationPair
from .complexity import counted, parameters
from .method import Method, Registered

__all__ = ["MASKS", "ldmreg_method"]

#: Origin of the regions of a text-guided model: the labels of the fixed image (which also measure
#: the overlap, so that methods without labels are no fair comparison), the model's segmenter, none.
MASKS = ("reference", "predicted", "no")


def ldmreg_method(
    model: str | Path | None,
    refine: bool,
    device: str = "auto",
    seed: int = 0,
    masks: str | None = None,
    segmenter: str = "auto",
    align: str = "none",
) -> Method:
    """Return LDMReg as a method of the comparison, with its model loaded.

    Args:
        model: id or folder of a model; None: the refinement alone.
        refine: whether to refine, with the model's own options.
        device: see :func:`SlicerLDMRegLib.register`.
        seed: see :func:`SlicerLDMRegLib.register`.
        masks: of :data:`MASKS`, for a model with regions; otherwise None.
        segmenter: segmenter of the predicted masks; "auto": the model's own.
        align: see :func:`SlicerLDMRegLib.register`.

    Raises:
        ValueError: for unknown masks.
        ModelError: when the model does not exist.
    """
    if masks is not None and masks not in MASKS:
        raise ValueError(f"masks must be one of {', '.join(MASKS)}, got {masks!r}")
    loaded: Any = "none" if model is None else load_model(model, device)
    weights = None if model is None else parameters(loaded.predictor.network)
    operations: list[float] = []

    def method(pair: EvaluationPair) -> Registered:
        fixed, moving = pair.images
        options = _regions(pair, masks, segmenter)
        if model is not None:
            # An image may be in several pairs: without the cache each costs as much as a new one.
            loaded.forget()
            if not refine and not operations:
                with counted() as complexity:
                    register(
                        fixed, moving, model=loaded, device=device, align=align, refine=False,
                        seed=seed, **options,
                    )  # fmt: skip
                operations.append(float(complexity.multiply_adds or 0))
                loaded.forget()
        start = time.perf_counter()
        result = register(
            fixed,
            moving,
            model=loaded,
            device=device,
            align=align,
            refine=None if refine else False,
            seed=seed,
            **options,
        )
        seconds = time.perf_counter() - start
        gpu = result.provenance["memory"].get("gpu_mib")
        own = operations[0] or None if operations else None
        return Registered(result.field, seconds, dict(result.timings), gpu, weights, own)

    return method


def _regions(pair: EvaluationPair, masks: str | None, segmenter: str) -> dict[str, Any]:
    if masks is None:
        return {}
    if masks == "no":
        return {"fixed_segmentation": "none", "segmenter": "none"}
    if masks == "predicted":
        return {"fixed_segmentation": "auto", "segmenter": segmenter}
    if pair.fixed_labels is None or pair.label_names is None:
        raise ValueError(f"pair {pair.name}: reference masks need labels with names")
    return {
        "fixed_segmentation": pair.lattice.to_image(pair.fixed_labels),
        "label_names": pair.label_names,
        "segmenter": segmenter,
    }
