"""Run requests with models that stay in memory, and with less where memory does not suffice."""

from __future__ import annotations

import gc
import logging
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..errors import OutOfMemoryError
from ..images import as_image
from ..pipeline import Progress, RegistrationRequest, RegistrationResult
from ..pipeline.result import check_output_directory

if TYPE_CHECKING:
    from ..model_store import ModelCard
    from ..pipeline import LoadedModel
    from .models import ModelCache

__all__ = ["Runner"]

_logger = logging.getLogger(__name__)

_T = TypeVar("_T")

# Fractions of a job when its model is there, and when the registration is done.
_LOADED, _REGISTERED = 0.05, 0.95


class _Plan(NamedTuple):
    """Where and how the network computes."""

    device: str
    precision: str

    def __str__(self) -> str:
        return f"{self.precision} on {self.device}"


class Runner:
    """Does what requests ask for, one at a time, in this process.

    When memory does not suffice, it tries again with the network in bfloat16, and then on the CPU;
    the log and ``provenance["fallbacks"]`` of the result say so.

    Args:
        cache: of the models; None: one of its own.
    """

    def __init__(self, cache: ModelCache | None = None) -> None:
        self._cache = cache

    @property
    def cache(self) -> ModelCache:
        """The models that are kept."""
        if self._cache is None:
            from .models import ModelCache

            self._cache = ModelCache()
        return self._cache

    def load(
        self,
        model: str = "auto",
        dimension: int = 2,
        device: str = "auto",
        precision: str = "auto",
        progress: Progress | None = None,
    ) -> str | None:
        """Import what computes, and load a model, so that the first registration need not wait.

        Args:
            model: ``auto``, ``none``, an id or a path.
            dimension: of the images, for ``auto``.
            device, precision: as those of a request.
            progress: told about both.

        Returns:
            The id of the model, None without one.

        Raises:
            LDMRegError: for what is not there or does not fit into memory.
        """
        job = progress or Progress()
        if "torch" not in sys.modules:
            job.report("start", 0.0, "importing torch")
        from ..pipeline.predict.loaded_model import choose_card

        card = choose_card(model, dimension, False)
        if card is not None:
            job.report("model", 0.5, card.title)
            self._with_less(card, device, precision, [], job, lambda loaded, device: None)
        job.report("done", 1.0)
        return None if card is None else card.id

    def run(
        self,
        request: RegistrationRequest,
        inputs: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> RegistrationResult:
        """Register, and write the results where the request names an output.

        Args:
            request: what to do.
            inputs: by the names of the request's fields, images, labels, masks, landmarks or
                transforms that are in memory; they stand in for the paths of the request.
            progress: of the job.

        Returns:
            What ``register`` returns.

        Raises:
            LDMRegError: as :func:`SlicerLDMRegLib.pipeline.register`.
        """
        job = progress or Progress()
        if "torch" not in sys.modules:
            job.report("start", 0.0, "importing torch")
        from ..pipeline import register
        from ..pipeline.predict.loaded_model import choose_card

        options = {f.name: getattr(request, f.name) for f in fields(request)} | dict(inputs or {})
        images = options.pop("fixed"), options.pop("moving")
        output, model = options.pop("output"), options.pop("model")
        device, precision = options.pop("device"), options.pop("precision")
        if output is not None:
            check_output_directory(Path(output).expanduser().absolute())
        job.report("model", 0.01)
        began = time.perf_counter()
        dimension = _dimension(images[0]) if model == "auto" else 3
        card = choose_card(model, dimension, request.slices is not None)
        fallbacks: list[dict[str, str]] = []

        def attempt(loaded: LoadedModel | None, device: str) -> RegistrationResult:
            seconds = time.perf_counter() - began
            part = job.part(_LOADED, _REGISTERED)
            result = register(*images, **options, model=loaded, device=device, progress=part)
            # The registration found its model loaded.
            result.timings["model"] += seconds
            result.timings["total"] += seconds
            return result

        result = self._with_less(card, device, precision, fallbacks, job, attempt)
        if fallbacks:
            result.provenance["fallbacks"] = fallbacks
        if output is not None:
            job.report("save", _REGISTERED)
            result.save(output)
        return result

    def _with_less(
        self,
        card: ModelCard | None,
        device: str,
        precision: str,
        fallbacks: list[dict[str, str]],
        progress: Progress,
        attempt: Callable[[LoadedModel | None, str], _T],
    ) -> _T:
        """Call ``attempt`` with the model and a device; with less when memory runs out."""
        from ..pipeline.device import memory_errors

        plans = _plans(card, device, precision)
        tried: list[_Plan] = []
        while True:
            plan = plans.pop(0)
            tried.append(plan)
            try:
                with memory_errors("the model"):
                    loaded = None
                    if card is not None:
                        loaded = self.cache.get(card, plan.device, plan.precision)
                return attempt(loaded, plan.device)
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
            import torch

            torch.cuda.empty_cache()


def _plans(card: ModelCard | None, device: str, precision: str) -> list[_Plan]:
    """Return what to try; the first is what was asked for."""
    from ..pipeline.device import select_device, select_precision

    first = select_device(device)
    plans = [_Plan(str(first), select_precision(precision, first))]
    if card is not None and plans[0].precision == "float32":
        plans.append(_Plan(str(first), "bfloat16"))
    if first.type != "cpu":
        plans.append(_Plan("cpu", "float32"))
    return plans


def _in_network(error: BaseException) -> bool:
    """Whether an error comes out of a call of the network, or from loading it."""
    from ..pipeline.predict import predictor
    from . import models

    modules = {predictor.__name__, models.__name__}
    step = error.__cause__ or error
    frames = traceback.walk_tb(step.__traceback__)
    return any(frame.f_globals.get("__name__") in modules for frame, _ in frames)


def _with_tried(error: OutOfMemoryError, tried: list[_Plan]) -> OutOfMemoryError:
    if len(tried) == 1:
        return error
    return OutOfMemoryError(f"{error} (tried {', '.join(map(str, tried))})")


def _release(error: BaseException | None) -> None:
    """Let go of the local variables in the frames of an error: they hold the memory."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _dimension(image: Any) -> int:
    """Return the number of axes of an image, wherever it lies."""
    known = image.GetDimension() if hasattr(image, "GetDimension") else getattr(image, "ndim", 0)
    if known in (2, 3):
        return int(known)
    return int(as_image(image, "fixed image").GetDimension())
