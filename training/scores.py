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
from .statistics import bootstrap_interval, holm, mean_of_worst, signed_rank

__all__ = ["Row", "compare", "score", "summarise", "summarise_structures"]

Row = dict[str, Any]

# Columns with a standard deviation in the summary.
_SPREAD = (
    "dice",
    "hd95",
    "hd95_learn2reg",
    "sdlogj",
    "sdlogj_learn2reg",
    "folds_percent",
    "error_mm",
    "tre_mm",
)
# Columns with the mean of the worst 30 % in the summary, and whether higher is better.
_WORST = {"dice": True, "hd95": False, "tre_mm": False, "error_mm": False}
_LARGEST = ("parameters", "multiply_adds")  # the same for all pairs of one size


def score(pair: EvaluationPair, field: DisplacementField) -> Row:
    """Score a field on a pair, with the same warp and Jacobian for all methods.

    Args:
        pair: images and, if available, labels and the true deformation.
        field: fixed to moving points on the lattice of the pair.

    Returns:
        ``ncc``, ``mse``, ``folds_percent`` (central differences), ``folds_strict_percent`` (the
        smallest one-sided determinant), ``sdlogj`` and ``sdlogj_learn2reg`` (see
        :mod:`SlicerLDMRegLib.metrics`); with labels ``dice`` and ``hd95`` (mm), means over the
        labels that both images hold (as Learn2Reg) and that count in the set,
        ``hd95_learn2reg``, in voxels, infinite where a label was lost by the warp (``hd95`` leaves
        it out), ``lost``, the number of these, and ``dice_<label>``, ``hd95_<label>``; with a truth
        ``error_mm`` and ``error_mm_95``, mean and 95th percentile of the distance to the true
        moving points; with landmarks ``tre_mm`` and ``tre_mm_95``, of their distances.
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
        lost = [label for label in counted if math.isnan(surface[label])]
        row["lost"] = len(lost)
        voxels = metrics.hd95(pair.fixed_labels, warped_labels, (1.0,) * len(spacing), counted)
        # Learn2Reg's evaluator takes distances in voxels, and the distance to nothing is infinite.
        row["hd95_learn2reg"] = math.inf if lost else _mean(voxels.values())
        row |= {f"dice_{label}": value for label, value in overlap.items()}
        row |= {f"hd95_{label}": value for label, value in surface.items()}
    return row


def summarise(rows: Sequence[Row]) -> list[Row]:
    """Return one row per method, in the order of appearance.

    Means over the pairs, with population standard deviations ``<name>_sd`` of Dice, HD95, SDlogJ,
    folds and the error, and ``<name>_worst30``, the mean of the worst 30 % of the pairs, of Dice,
    HD95 and the error; the median of ``seconds`` and its stages, their minimum ``seconds_min`` and
    95th percentile ``seconds_p95``; the maximum of memory.
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
                    summary["seconds_p95"] = float(np.percentile(values, 95))
                continue
            if name.endswith("_mib") or name in _LARGEST:
                summary[name] = float(np.max(values))
                continue
            summary[name] = _mean(values)
            if name in _SPREAD and not all(map(math.isnan, values)):
                finite = [value for value in values if math.isfinite(value)]
                summary[f"{name}_sd"] = float(np.std(finite)) if finite else math.nan
            if name in _WORST:
                summary[f"{name}_worst30"] = mean_of_worst(values, _WORST[name])
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

    The interval is the percentile bootstrap of the mean difference over subjects, see
    :func:`~training.statistics.bootstrap_interval`; the p-value is that of Wilcoxon's signed-rank
    test, corrected for the number of methods (Holm).

    Args:
        rows: of :func:`score`, with ``method``, ``pair`` and, unless each pair stands alone,
            ``subjects``, separated by blanks.
        reference: title of the reference method.
        metric: column of the rows.
        seed: of the resampling.

    Returns:
        For each other method: ``method``, ``reference``, ``metric``, ``pairs``, ``subjects``,
        ``difference`` of the means, ``low`` and ``high`` of its 95 % interval, ``above``: number of
        pairs above the reference, ``p`` and ``p_corrected``. Empty without the reference or the
        metric.
    """
    values: dict[str, dict[str, float]] = {}
    subjects: dict[str, tuple[str, ...]] = {}
    for row in rows:
        value = row.get(metric)
        if isinstance(value, int | float) and math.isfinite(value):
            values.setdefault(row["method"], {})[row["pair"]] = float(value)
            subjects[row["pair"]] = tuple(str(row.get("subjects") or row["pair"]).split())
    result: list[Row] = []
    for method, own in values.items():
        common = [pair for pair in own if pair in values.get(reference, {})]
        if method == reference or not common:
            continue
        differences = np.array([own[pair] - values[reference][pair] for pair in common])
        groups = [subjects[pair] for pair in common]
        low, high = bootstrap_interval(differences.tolist(), groups, seed)
        result.append(
            {
                "method": method,
                "reference": reference,
                "metric": metric,
                "pairs": len(common),
                "subjects": len({name for group in groups for name in group}),
                "difference": float(differences.mean()),
                "low": low,
                "high": high,
                "above": int((differences > 0).sum()),
                "p": signed_rank(differences.tolist(), groups),
            }
        )
    for entry, p in zip(result, holm([entry["p"] for entry in result]), strict=True):
        entry["p_corrected"] = p
    return result


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
