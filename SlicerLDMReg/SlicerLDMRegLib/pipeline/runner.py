"""The one way to run a request: choose and load the model, read, register, save."""

from __future__ import annotations

import gc
import logging
import math
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch

from .._outputs import check_space
from ..errors import ADVICE, InputError, OutOfMemoryError
from ..model_store import ModelCard, automatic_models, choose_model
from .context import RunContext, UnusedModel
from .device import Meter, memory_errors, select_device, select_precision, threads_for
from .inputs import Inputs, read_dimension, read_inputs
from .output_folder import check_output
from .predict import loaded_model, predictor
from .predict.loaded_model import LoadedModel, ModelCache
from .presets import with_preset
from .progress import Progress
from .recognise import is_named, recognise, unusual_size
from .registration import Registration
from .request import RegistrationRequest
from .result import RegistrationResult

__all__ = ["Runner", "register"]

_logger = logging.getLogger(__name__)

_T = TypeVar("_T")

# Models of `register`: calls in a loop would load them again and again, which takes a fifth to a
# third of the time of a 2D registration.
_kept, _kept_in_use = ModelCache(bytes_limit=2**28), threading.Lock()
_REGISTERED = 0.95  # fraction of a job that saves its results, when it has them


def register(
    fixed: Any,
    moving: Any,
    *,
    progress: Progress | None = None,
    preset: str | Path | None = None,
    **options: Any,
) -> RegistrationResult:
    """Find the deformation that brings the moving image onto the fixed image.

    Args:
        fixed: 2D or 3D scalar image: path, ``sitk.Image``, or array ``(y, x)`` or ``(z, y, x)``
            with voxels of 1 mm.
        moving: image of the same dimension, or 2D where the fixed one has one slice, or the
            reverse; it may lie on another lattice.
        progress: told about the stages; cancels.
        preset: settings to begin with, over which ``options`` are: ``standard``, ``fast``,
            ``careful``, ``contrasts``, ``rigid``, ``affine``, one of the user's, or a JSON file of
            fields, see :mod:`~SlicerLDMRegLib.pipeline.presets`.
        options: the other fields of :class:`RegistrationRequest`, such as ``model``, ``align``,
            ``refine`` or ``fixed_labels``.

    Returns:
        Warped image, field, inverse, Jacobian map, folds, metrics; ``save`` writes them. The
        models stay in memory for the next call, up to 256 MiB of weights.

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
    if preset is not None:
        options = with_preset(preset, options)
    request = RegistrationRequest(fixed, moving, **options)
    if not _kept_in_use.acquire(blocking=False):
        # Another thread registers with the kept models.
        return Runner().run(request, progress)
    try:
        return Runner(_kept).run(request, progress)
    finally:
        # A model is loaded once for many calls; of their images nothing stays behind.
        _kept.forget()
        _kept_in_use.release()


class _Plan(NamedTuple):
    """Device of a run, and precision of the network there."""

    device: str
    precision: str

    def __str__(self) -> str:
        return f"{self.precision} on {self.device}"


class Runner:
    """Runs requests, one at a time, in this process.

    When memory does not suffice, it tries again with the network in bfloat16, and then on the CPU;
    the log and ``provenance["fallbacks"]`` of the result say so.

    Args:
        cache: keeps models between runs; None: one of its own.
    """

    def __init__(self, cache: ModelCache | None = None) -> None:
        self.cache = ModelCache() if cache is None else cache

    def load(
        self,
        model: str = "auto",
        dimension: int = 2,
        device: str = "auto",
        precision: str = "auto",
        progress: Progress | None = None,
    ) -> str | None:
        """Load a model, so that the first registration need not wait.

        Args:
            model, device, precision: as those of a request; for ``auto`` all among which the
                images choose are loaded.
            dimension: of the images, for ``auto``.
            progress: told about it.

        Returns:
            The id of the model, for ``auto`` of the first; None without one.

        Raises:
            LDMRegError: for a model or device that is not there, or does not fit into memory.
        """
        progress = progress or Progress()
        if model == "auto":
            cards = automatic_models(dimension)
        else:
            card = choose_model(model, dimension)
            cards = [] if card is None else [card]
        # The first one last: of those that fit into the cache it is sure to stay.
        for card in reversed(cards):
            progress.report("model", 0.5, card.title)
            load = partial(self._get, card)
            self._with_less(card, device, precision, [], progress, load)
        progress.report("done", 1.0)
        return cards[0].id if cards else None

    def run(
        self, request: RegistrationRequest, progress: Progress | None = None
    ) -> RegistrationResult:
        """Register, and write the results where the request names an output.

        Raises:
            InputError: for images, files or options that cannot be used.
            ModelError: when the model is missing or damaged.
            OutOfMemoryError: when the images are too large for the memory.
            CancelledError: when the caller cancels.
        """
        progress = progress or Progress()
        output = check_output(request)
        given = request.model if isinstance(request.model, LoadedModel) else None
        if given is not None:
            _check_compute(given, request)
        where = select_device(request.device) if given is None else given.device
        meter = Meter(where)
        with memory_errors("this registration"):
            with meter.stage("read"):
                progress.report("read", 0.0)
                dimension = read_dimension(request.fixed)
                name = request.model if given is None else given.card
                card = choose_model(name, dimension, request.slices is not None)
                inputs = read_inputs(request)
                if inputs.registered_dimension != dimension:
                    # The header did not tell, or slices were asked for.
                    dimension = 3 if request.slices is not None else inputs.registered_dimension
                    card = choose_model(name, dimension, request.slices is not None)
                if card is not None:
                    inputs = inputs.for_model(card.spatial_dims)
                if output is not None:
                    check_space(output, _field_bytes(inputs))
            fallbacks: list[dict[str, str]] = []

            def attempt(plan: _Plan) -> RegistrationResult:
                meter.device = select_device(plan.device)
                part = progress.part(0.05, 1.0 if output is None else _REGISTERED)
                context = RunContext(given, meter.device, meter, part, request.seed)
                wanted = [] if card is None else [card]
                named = card is None or is_named(request, card)
                if not named:
                    wanted = automatic_models(dimension, request.slices is not None)
                with threads_for(
                    inputs.fixed.GetNumberOfPixels(), meter.device, inputs.dimension,
                    max((c.weights.parameters for c in wanted if c.weights is not None), default=0),
                ):  # fmt: skip
                    with meter.stage("model"):
                        progress.report("model", 0.02)
                        if named and card is not None and given is None:
                            context = replace(context, model=self._get(card, plan))
                    if not named:
                        context = self._recognised(wanted, inputs, request, context, plan)
                    return Registration(inputs, request, context).run()

            if given is not None:
                result = attempt(_Plan(str(given.device), given.precision))
            else:
                device, precision = request.device, request.precision
                result = self._with_less(card, device, precision, fallbacks, progress, attempt)
            if fallbacks:
                result.provenance["fallbacks"] = fallbacks
            if output is not None:
                progress.report("save", _REGISTERED)
                result.save(output, share=request.share)
        return result

    def _get(self, card: ModelCard, plan: _Plan) -> LoadedModel:
        with memory_errors("the model"):
            return self.cache.get(card, plan.device, plan.precision)

    def _recognised(
        self,
        cards: Sequence[ModelCard],
        inputs: Inputs,
        request: RegistrationRequest,
        context: RunContext,
        plan: _Plan,
    ) -> RunContext:
        """Return the context with the model that knows the images best, or without one.

        Raises:
            InputError: when none does, and there is no refinement that could do without it.
        """
        looking = context.part(0.0, 0.1)
        best: tuple[float, LoadedModel] | None = None
        reasons: dict[str, str] = {}
        for card in cards:
            reason = unusual_size(card, inputs)
            if reason is None:
                with context.meter.stage("model"):
                    looking.progress.report("model", 0.0)
                    model = self._get(card, plan)
                with context.meter.stage("recognise"):
                    found = recognise(inputs, request, replace(looking, model=model))
                reason = found.reason
                if reason is None and (best is None or found.distance < best[0]):
                    best = found.distance, model
            if reason is not None:
                reasons[card.id] = reason
        context = context.part(0.1, 1.0)
        if best is not None:
            return replace(context, model=best[1])
        return replace(context, unused=_without_model(request, reasons))

    def _with_less(
        self,
        card: ModelCard | None,
        device: str,
        precision: str,
        fallbacks: list[dict[str, str]],
        progress: Progress,
        attempt: Callable[[_Plan], _T],
    ) -> _T:
        """Make an attempt, and others with less when memory runs out."""
        plans = _plans(card, device, precision)
        tried: list[_Plan] = []
        while True:
            plan = plans.pop(0)
            tried.append(plan)
            try:
                with memory_errors("this registration"):
                    return attempt(plan)
            except OutOfMemoryError as error:
                if not _in_network(error):
                    # The precision is that of the network alone.
                    plans = [other for other in plans if other.device != plan.device]
                if not plans or error.__cause__ is None:
                    # Without a cause it is an estimate for fields, which lie in main memory anyhow.
                    raise _with_tried(error, tried) from error.__cause__
                reason = str(error)
                _release(error)
            step = {"from": str(plan), "to": str(plans[0]), "reason": reason}
            fallbacks.append(step)
            text = f"out of memory with {plan}, trying again with {plans[0]}"
            _logger.warning("%s: %s", text, reason)
            self._give_memory_back(plan)
            progress.report("model", 0.0, text)

    def _give_memory_back(self, plan: _Plan) -> None:
        self.cache.clear()
        gc.collect()
        if plan.device.startswith("cuda"):
            torch.cuda.empty_cache()


def _without_model(request: RegistrationRequest, reasons: Mapping[str, str]) -> UnusedModel:
    """Return the model that does not know the images, and why; others are named in the reason.

    Args:
        request: the registration.
        reasons: why each model does not know them, by its id.

    Raises:
        InputError: when there is no refinement that could do without it.
    """
    (name, reason), *others = reasons.items()
    if others:
        reason += f"; nor does {' or '.join(other for other, _ in others)} know them"
    if not request.refine_options({}).enabled:
        raise InputError(
            f"model {name!r}, which would be taken automatically, does not know these images: "
            f"{reason}; and the refinement is off, which could do without it; use {ADVICE} to take "
            "it all the same, or turn the refinement on",
            option="model",
            value=name,
        )
    _logger.info("registering without model %s: %s", name, reason)
    return UnusedModel(name, reason)


def _field_bytes(inputs: Inputs) -> int:
    """Return the bytes of the two fields of a result, which are written without compression."""
    back = inputs.moving.GetSize() if inputs.slices is None else inputs.output.size
    voxels = math.prod(inputs.output.size) + math.prod(back)
    return 8 * inputs.dimension * voxels


def _check_compute(model: LoadedModel, request: RegistrationRequest) -> None:
    """Refuse a device or a precision that a loaded model does not have."""
    own = {"device": str(model.device), "precision": model.precision}
    asked = {"device": request.device, "precision": request.precision}
    if request.device != "auto":
        asked["device"] = str(select_device(request.device))
    for option, value in asked.items():
        if value not in ("auto", own[option]):
            raise InputError(
                f"the model was loaded with {own[option]}, expected {value}; leave the option out, "
                f"or load the model with it",
                option=option,
            )


def _plans(card: ModelCard | None, device: str, precision: str) -> list[_Plan]:
    """Return what to try; the first is what was asked for."""
    first = select_device(device)
    plans = [_Plan(str(first), select_precision(precision, first))]
    if card is not None and plans[0].precision == "float32":
        plans.append(_Plan(str(first), "bfloat16"))
    if first.type != "cpu":
        plans.append(_Plan("cpu", "float32"))
    return plans


def _in_network(error: BaseException) -> bool:
    """Whether an error comes out of a call of the network, or from loading it."""
    modules = {predictor.__name__, loaded_model.__name__}
    step = error.__cause__ or error
    frames = traceback.walk_tb(step.__traceback__)
    return any(frame.f_globals.get("__name__") in modules for frame, _ in frames)


def _with_tried(error: OutOfMemoryError, tried: list[_Plan]) -> OutOfMemoryError:
    if len(tried) == 1:
        return error
    text = f"{error.text} (tried {', '.join(map(str, tried))})"
    return OutOfMemoryError(text, option=error.option, value=error.value)


def _release(error: BaseException | None) -> None:
    """Let go of the local variables in the frames of an error: they hold the memory."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
