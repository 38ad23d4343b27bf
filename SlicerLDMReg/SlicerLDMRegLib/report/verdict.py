"""Verdict on a registration from its metrics: status, findings and advice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .regions import GUIDED, regions_of
from .structures import judge_structures

__all__ = ["Verdict", "judge", "key_numbers", "pair"]

Status = Literal["good", "check", "bad"]

# None of these thresholds was tuned. Stricter ones flag more good results, laxer ones miss more bad
# ones.
_FOLDED_PERCENT = 0.5  # folded samples from which a result is bad; fewer, but any: check
_CHANGE = 0.005  # of NCC, Dice or landmark error in mm; smaller changes count as none
_LOW = 0.5  # NCC or Dice below which a result needs a check
_LANDMARK_MM = 0.01  # increase of the landmark error that counts as worse
_MOVED_MM = 1e-3  # largest displacement below which nothing moved
# Uneven: a determinant beyond these bounds (first 0.1 and 10), or a larger SDlogJ. With model and
# refinement, SDlogJ is 0.22 to 0.31 on the 12 test pairs of brain-mr, one of which exceeds a bound,
# but 0.38 to 0.64 on those of cardiac-mr, 6 of which do although their mean Dice is 0.943.
_SMALLEST_JACOBIAN, _LARGEST_JACOBIAN = 0.02, 50.0
_SDLOGJ = 0.5


@dataclass
class Verdict:
    """Status, headline, findings and advice."""

    status: Status = "good"
    headline: str = ""
    findings: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def worsen(self, status: Status, advice: str) -> None:
        order: tuple[Status, ...] = ("good", "check", "bad")
        self.status = max(self.status, status, key=order.index)
        if advice not in self.advice:
            self.advice.append(advice)

    def to_dict(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "headline": self.headline,
            "findings": self.findings,
            "advice": self.advice,
        }


def _number(section: Any, name: str) -> float | None:
    """Return a finite number of a metrics section, or None."""
    value = section.get(name) if isinstance(section, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def pair(metrics: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    """Return a metric before and after, or None unless both are finite."""
    before = _number(metrics.get("before"), name)
    after = _number(metrics.get("after"), name)
    return None if before is None or after is None else (before, after)


def _judge_folds(verdict: Verdict, deformation: Mapping[str, Any]) -> None:
    count = _number(deformation, "fold_count")
    if count is None:
        return
    percent = _number(deformation, "fold_percent") or 0.0
    if count == 0:
        verdict.findings.append("No folds: the deformation is one-to-one everywhere.")
        return
    verdict.findings.append(
        f"{count:.0f} folded {'sample' if count == 1 else 'samples'} ({percent:.3g} %): tissue is "
        "turned inside out there, see the Jacobian map."
    )
    verdict.worsen(
        "bad" if percent >= _FOLDED_PERCENT else "check",
        "Turn refinement on (it deforms without folding); where an initial transform was given, "
        "look whether that one folds.",
    )


def _judge_similarity(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    values = pair(metrics, "ncc")
    if values is None:
        return
    before, after = values
    verdict.findings.append(f"Similarity (NCC) {before:.3f} → {after:.3f}.")
    if after < before - _CHANGE:
        verdict.worsen(
            "bad",
            "The images are less alike than before: try another alignment (rigid or affine), and "
            "check that both show the same anatomy. For different contrasts use the refinement "
            "similarity mind.",
        )
    elif after < _LOW:
        verdict.worsen(
            "check",
            "Similarity stays low. With images of the same contrast, try a rigid or affine "
            "alignment and more refinement iterations; with different contrasts this is expected, "
            "so look at the outlines instead, and use the refinement similarity mind.",
        )


def _judge_labels(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    measured = metrics.get("after")
    if isinstance(measured, Mapping) and measured.get("dice") == {}:
        verdict.findings.append("The label maps have no label in common: no overlap is known.")
        verdict.worsen(
            "check", "Check that the labels of both images have the same numbers and are not empty."
        )
    values = pair(metrics, "dice_mean")
    if values is None:
        return
    before, after = values
    verdict.findings.append(f"Label overlap (mean Dice) {before:.3f} → {after:.3f}.")
    if after < before - _CHANGE:
        verdict.worsen(
            "bad", "The labels overlap less than before: look at the outlines, label by label."
        )
    elif after < _LOW:
        verdict.worsen(
            "check",
            "Less than half of the labels overlaps: try a rigid or affine alignment, and check "
            "that the labels of both images mean the same structures.",
        )


def _judge_structures(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    findings, advice = judge_structures(metrics)
    verdict.findings += findings
    if advice:
        verdict.worsen("check", advice)


def _judge_regions(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    regions = regions_of(metrics)
    if regions is None:
        return
    for group in regions.groups:
        if group.key == "background":
            count = len(group.regions)
            what = "1 region was" if count == 1 else f"{count} regions were"
            verdict.findings.append(f"{what} registered as background: see the regions.")
    if regions.guided:
        verdict.findings.append(GUIDED)


def _judge_landmarks(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    values = pair(metrics, "tre")
    if values is None:
        return
    before, after = values
    verdict.findings.append(f"Landmark error (mean) {before:.2f} → {after:.2f} mm.")
    if after > before + _LANDMARK_MM:
        verdict.worsen("bad", "The landmarks are further apart than before: see the table.")


def _judge_motion(verdict: Verdict, deformation: Mapping[str, Any]) -> None:
    mean = _number(deformation, "displacement_mean_mm")
    largest = _number(deformation, "displacement_max_mm")
    if mean is None or largest is None:
        return
    verdict.findings.append(f"Points moved by {mean:.2f} mm on average, {largest:.2f} mm at most.")
    if largest < _MOVED_MM:
        verdict.worsen("check", "Nothing moved: the result equals the moving image.")


def _judge_evenness(verdict: Verdict, deformation: Mapping[str, Any]) -> None:
    spread = _number(deformation, "sdlogj")
    lowest, highest = (_number(deformation, f"jacobian_{end}") for end in ("min", "max"))
    extreme = (
        lowest is not None
        and highest is not None
        and (0 < lowest < _SMALLEST_JACOBIAN or highest > _LARGEST_JACOBIAN)
    )
    if extreme or (spread is not None and spread > _SDLOGJ):
        verdict.findings.append(
            "The deformation is uneven: volumes change by a factor of "
            f"{lowest:.2g} to {highest:.2g}."
            if lowest is not None and highest is not None
            else f"The deformation is uneven: SDlogJ is {spread:.2f}."
        )
        verdict.worsen(
            "check",
            "See in the grid whether so uneven a deformation is plausible; a larger smoothness of "
            "the refinement calms it, a rigid or affine alignment leaves less to deform.",
        )


def _judge_alignment(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    aligned, after = metrics.get("aligned"), metrics.get("after")
    measures = (("ncc", "similarity", "", 1), ("dice_mean", "label overlap", "", 1),
                ("tre", "landmark error", " mm", -1))  # fmt: skip
    for name, title, unit, better in measures:
        first, last = _number(aligned, name), _number(after, name)
        if first is None or last is None or better * (last - first) >= -_CHANGE:
            continue
        verdict.findings.append(f"After the alignment alone the {title} was {first:.3g}{unit}.")
        verdict.worsen(
            "check",
            "The deformation made worse what the alignment had reached: raise the smoothness of "
            "the refinement, or use the alignment alone.",
        )


def _judge_familiarity(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    distance = _number(metrics.get("model"), "distance_to_training_images")
    if distance is None or distance <= 1:
        return
    verdict.findings.append(
        "The images are unlike those that the model was trained on "
        f"(distance {distance:.1f}, up to 1 is like them): a refinement does not rely on it."
    )
    if not verdict.advice:
        verdict.advice.append(
            "Compare with a registration without a model, or take a model made for such images."
        )


def _tell_unused_model(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    section = metrics.get("model")
    if isinstance(section, Mapping) and section.get("unused"):
        verdict.findings.append(
            f"Registered without a model: {section['unused']} does not know these images, for "
            f"{section.get('reason')}."
        )


def _good_headline(metrics: Mapping[str, Any]) -> str:
    gains = [
        values
        for name in ("ncc", "dice_mean", "tre")
        if (values := pair(metrics, name)) is not None
    ]
    if any(abs(after - before) > _CHANGE for before, after in gains):
        return "The images match better than before, and the deformation is sound."
    return "The match hardly changed, and the deformation is sound."


def judge(metrics: Mapping[str, Any]) -> Verdict:
    """Return the verdict on the metrics (see ``ReportSource.metrics``); missing ones are skipped.

    ``good``: no folds, and similarity, Dice and landmark error no worse than before. ``check``:
    the user should look at something. ``bad``: something got worse, or at least 0.5 % of the
    samples fold.
    """
    verdict = Verdict()
    deformation = metrics.get("deformation", {})
    _judge_similarity(verdict, metrics)
    _judge_labels(verdict, metrics)
    _judge_structures(verdict, metrics)
    _judge_regions(verdict, metrics)
    _judge_landmarks(verdict, metrics)
    _judge_alignment(verdict, metrics)
    _judge_folds(verdict, deformation)
    _judge_motion(verdict, deformation)
    _judge_evenness(verdict, deformation)
    _judge_familiarity(verdict, metrics)
    _tell_unused_model(verdict, metrics)
    verdict.findings += [f"While reading: {note}." for note in metrics.get("reading", ())]
    verdict.headline = {
        "good": _good_headline(metrics),
        "check": "Registered, but look closer before you rely on it.",
        "bad": "Do not rely on this result.",
    }[verdict.status]
    if verdict.status == "good":
        verdict.advice.append(
            "Numbers do not show everything: look at the difference and the grid before use."
        )
    return verdict


def key_numbers(metrics: Mapping[str, Any], seconds: float | None) -> list[tuple[str, str]]:
    """Return the key numbers to show first, as (name, text)."""
    numbers = []
    measures = (("ncc", "NCC", 3), ("dice_mean", "Dice", 3), ("hd95_mean", "HD95 mm", 2),
                ("tre", "TRE mm", 2))  # fmt: skip
    for name, title, digits in measures:
        values = pair(metrics, name)
        if values is not None:
            numbers.append((title, f"{values[0]:.{digits}f} → {values[1]:.{digits}f}"))
    deformation = metrics.get("deformation", {})
    count = _number(deformation, "fold_count")
    if count is not None:
        numbers.append(("Folds", f"{count:.0f}"))
    mean, largest = (_number(deformation, f"displacement_{n}_mm") for n in ("mean", "max"))
    if mean is not None and largest is not None:
        numbers.append(("Moved, mean / max", f"{mean:.2g} / {largest:.2g} mm"))
    if seconds is not None:
        numbers.append(("Seconds", f"{seconds:.1f}"))
    return numbers
