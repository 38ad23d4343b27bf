"""Scores of a registered pair, their summary over a set, and comparison of methods."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from SlicerLDMRegLib import metrics
from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.functional import (
    jacobian_determinant,
    smallest_jacobian_determinant,
    warp,
)

from .datasets.evaluation import EvaluationPair

__all__ = ["Row", "compare", "score", "summarise", "summarise_structures"]

Row = dict[str, Any]

_DRAWS = 10_000  # of the bootstrap; more take longer and make the interval more reproducible
_CONFIDENCE = 95.0  # percent, of the interval
# Columns with a standard deviation in the summary.
_SPREAD = ("dice", "hd95", "sdlogj", "sdlogj_learn2reg", "error_mm", "tre_mm")


def score(pair: EvaluationPair, field: DisplacementField) -> Row:
    """Score a field on a pair, with the same warp and Jacobian for all methods.

    Args:
        pair: images and, if available, labels and the true deformation.
        field: fixed to moving points on the lattice of the pair.

    Returns:
        ``ncc``, ``mse``, ``folds_percent`` (central differences), ``folds_strict_percent`` (the
        smallest one-sided determinant), ``sdlogj`` and ``sdlogj_learn2reg`` (see
        :mod:`SlicerLDMRegLib.metrics`); with labels ``dice`` and ``hd95`` (mm), means over the
        labels that both images hold (as Learn2Reg) and that count in the set, and
        ``dice_<label>``, ``hd95_<label>``; with a truth ``error_mm`` and ``error_mm_95``, mean and
        95th percentile of the distance to the true moving points; with landmarks ``tre_mm`` and
        ``tre_mm_95``, of their distances.
    """
    displacement = torch.from_numpy(field.to_voxels())[None]
    moving = torch.from_numpy(np.ascontiguousarray(pair.moving))[None, None]
    warped = warp(moving, displacement)[0, 0]
    determinant = jacobian_determinant(displacement)[0]
    strict = smallest_jacobian_determinant(displacement)[0]
    row: Row = {
        "ncc": metrics.ncc(pair.fixed, warped),
        "mse": metrics.mse(pair.fixed, warped),
        "folds_percent": metrics.fold_percentage(determinant),
        "folds_strict_percent": metrics.fold_percentage(strict),
        "sdlogj": metrics.sdlogj(determinant),
        "sdlogj_learn2reg": metrics.sdlogj_learn2reg(
            jacobian_determinant(displacement.double())[0]
        ),
    }
    if pair.truth is not None:
        distance = np.linalg.norm(field.vectors - pair.truth.vectors, axis=-1)
        inside = distance.ravel() if pair.mask is None else distance[pair.mask]
        row["error_mm"] = float(inside.mean())
        row["error_mm_95"] = float(np.percentile(inside, 95))
    if pair.fixed_landmarks is not None and pair.moving_landmarks is not None:
        errors = metrics.target_registration_error(
            pair.fixed_landmarks, pair.moving_landmarks, field.warp_points
        )
        row["tre_mm"] = float(errors.mean())
        row["tre_mm_95"] = float(np.percentile(errors, 95))
    if pair.fixed_labels is not None and pair.moving_labels is not None:
        labels = torch.from_numpy(np.ascontiguousarray(pair.moving_labels))[None, None]
        warped_labels = warp(labels, displacement, mode="nearest", padding="zeros")[0, 0]
        known = (set(np.unique(pair.fixed_labels)) & set(np.unique(pair.moving_labels))) - {0}
        overlap = metrics.dice(pair.fixed_labels, warped_labels, known)
        spacing = pair.lattice.spacing[::-1]
        surface = metrics.hd95(pair.fixed_labels, warped_labels, spacing, known)
        counted = known if pair.scored is None else known & set(pair.scored)
        row["dice"] = _mean(overlap[label] for label in counted)
        row["hd95"] = _mean(surface[label] for label in counted)
        row |= {f"dice_{label}": value for label, value in overlap.items()}
        row |= {f"hd95_{label}": value for label, value in surface.items()}
    return row


def summarise(rows: Sequence[Row]) -> list[Row]:
    """Return one row per method, in the order of appearance.

    Means over the pairs, with population standard deviations ``<name>_sd`` of Dice, HD95, SDlogJ
    and the error; the median of ``seconds`` and its stages, and their minimum ``seconds_min``; the
    maximum of memory.
    """
    result = []
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        summary: Row = {"method": method, "pairs": len(own)}
        for name in dict.fromkeys(key for row in own for key in row):
            values = [row[name] for row in own if isinstance(row.get(name), int | float)]
            if not values:
                continue
            if name.startswith("seconds"):
                summary[name] = float(np.median(values))
                if name == "seconds":
                    summary["seconds_min"] = float(np.min(values))
                continue
            if name.endswith("_mib"):
                summary[name] = float(np.max(values))
                continue
            summary[name] = _mean(values)
            if name in _SPREAD and not all(map(math.isnan, values)):
                summary[f"{name}_sd"] = float(np.nanstd(values))
        result.append(summary)
    return result


def summarise_structures(rows: Sequence[Row], names: Mapping[int, str]) -> list[Row]:
    """Return Dice and HD95 per structure and method, over the pairs with this structure."""
    result = []
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        found = {key for row in own for key in row if key.startswith("dice_")}
        for label in sorted(int(key.removeprefix("dice_")) for key in found):
            entry: Row = {"method": method, "label": label, "name": names.get(label, "")}
            values = [row[f"dice_{label}"] for row in own if f"dice_{label}" in row]
            entry["pairs"] = len(values)
            for kind in ("dice", "hd95"):
                values = [row.get(f"{kind}_{label}", math.nan) for row in own]
                entry[kind] = _mean(values)
                known = [value for value in values if not math.isnan(value)]
                entry[f"{kind}_sd"] = float(np.std(known)) if known else math.nan
            result.append(entry)
    return result


def compare(rows: Sequence[Row], reference: str, metric: str = "dice", seed: int = 0) -> list[Row]:
    """Compare every method with a reference on the same pairs.

    The interval is the percentile bootstrap of the mean difference over pairs. Pairs that share
    subjects are not independent, so it is narrower than an interval for new subjects.

    Args:
        rows: of :func:`score`, with ``method`` and ``pair``.
        reference: title of the reference method.
        metric: column of the rows.
        seed: of the resampling.

    Returns:
        For each other method: ``method``, ``reference``, ``metric``, ``pairs``, ``difference`` of
        the means, ``low`` and ``high`` of its 95 % interval, ``above``: number of pairs above the
        reference. Empty without the reference or the metric.
    """
    values: dict[str, dict[str, float]] = {}
    for row in rows:
        value = row.get(metric)
        if isinstance(value, int | float) and not math.isnan(value):
            values.setdefault(row["method"], {})[row["pair"]] = float(value)
    result = []
    for method, own in values.items():
        common = [pair for pair in own if pair in values.get(reference, {})]
        if method == reference or not common:
            continue
        differences = np.array([own[pair] - values[reference][pair] for pair in common])
        rng = np.random.default_rng(seed)
        draws = rng.integers(len(common), size=(_DRAWS, len(common)))
        means = differences[draws].mean(axis=1)
        tail = (100 - _CONFIDENCE) / 2
        low, high = np.percentile(means, [tail, 100 - tail])
        result.append(
            {
                "method": method,
                "reference": reference,
                "metric": metric,
                "pairs": len(common),
                "difference": float(differences.mean()),
                "low": float(low),
                "high": float(high),
                "above": int((differences > 0).sum()),
            }
        )
    return result


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
