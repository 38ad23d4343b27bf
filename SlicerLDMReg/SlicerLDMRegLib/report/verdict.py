"""Verdict on a registration from its metrics: status, findings and advice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .regions import GUIDED, by_label, regions_of
from .structures import judge_structures, names_by_label

__all__ = ["Verdict", "judge", "key_numbers", "pair"]

Status = Literal["good", "check", "bad"]

_FOLDED_PERCENT = 0.5  # folded samples from which a result is bad; fewer, but any: check. Not tuned
_CHANGE = 0.005  # of NCC, Dice or landmark error in mm; smaller changes count as none. Not tuned
_LOW = 0.5  # NCC (where nothing local is known) or Dice below which a result needs a check
_NOT_HELD = 2.0  # times the tolerance from which on a landmark counts as not held. Not tuned
_LANDMARK_MM = 0.01  # increase of the landmark error that counts as worse
_MOVED_MM = 1e-3  # largest displacement below which nothing moved

# Found with `python -m Testing.Prove.verdict --half first`: pairs whose hidden labels and points
# tell whether their registration is sound. Of its 193 sound and 173 wrong results (hearts, brains
# and phantoms in 2D; hippocampi, brains, mice and an abdomen in 3D) these thresholds call 15 sound
# ones not good, most of them very noisy, and one wrong one good, of T1 against T2.
_UNLIKE, _MOSTLY_UNLIKE = 0.31, 0.5  # share of the structures that has nothing in common
# Likewise with the affine part of the map alone. Where that leaves much unlike, the deformation has
# bent things into each other that do not belong together.
_UNLIKE_LINEAR = 0.5
# Labels that do not guide tell that the deformation paired the right structures: so many, each of
# which overlaps by so much. Of 18 generated pairs with their labels, spoiled in 8 ways each, one
# wrong result beyond the limit above has all labels above 0.9, none above 0.95. The sample pair, a
# heart at the ends of its beat, has 0.97.
_LABELS, _FIT = 3, 0.95
# So do sides that agree under every turn by so much: of 10 generated pairs that the limit above
# alone called not good, all of them sound, these have 0.31 and more; of 5 real brains none has.
_SIDES_AGREE = 0.3
_MORE_UNLIKE = 0.05  # increase of this share that counts as worse
# Share of the structures of the fixed image that has a partner, and loss of it that needs a look:
# by the whole registration, and by the deformation after the alignment.
_COVERED, _LOST, _PUSHED_OUT = 0.6, 0.2, 0.1
# Loss of the overlap itself, empty parts and all, that needs a look: of the first-half pairs in 2D
# no sound one that is else *Good* loses as much, and an image rolled by 0.4 of its width does.
_LED_OUT = 0.3
# Correlation of what tells the sides of the images apart. Of 260 first-half pairs all sound ones
# have more than -0.21, most 0.3 to 0.9 (two patients' brains have no side in common: 0); a mirrored
# head has -0.65, a mirrored knee -0.33.
_OPPOSITE = -0.25
# Share of the structures that looks unlike, from which the correlation of the turn under which the
# sides agree most has to be larger than it. First-half pairs that are sound and else *Good* have a
# correlation of 0.33 and more, most 0.6 to 0.95, and up to 0.27 unlike; a chest upon an abdomen has
# 0.23 and 0.3, a coil's profile upon a head 0 and 0.19.
_STRANGE = 0.1
# Factors of length of the linear part of the map beyond which spacings are rather wrong.
_LEAST_STRETCH, _MOST_STRETCH = 0.7, 1.4
# Of the diagonal of the image: root mean square of the part of the map that is not affine, and mean
# error of there and back.
_BENDING, _INCONSISTENT = 0.05, 0.005
# Likewise, mean motion that a short deformation still finds, of a result without refinement and
# after a refinement of few iterations. Of 500 random geometries (`Testing.Prove.geometries --seed
# 0`) most that were right leave 0.005 to 0.02 and 0.005 to 0.013; those that missed the truth by
# more than 5 % of the diagonal 0.024 to 0.05 and 0.014 to 0.018.
_RESIDUAL, _RESIDUAL_REFINED = 0.022, 0.014
# Where the sides of the images agree by less than this, less motion may be left without refinement:
# of 6 wrong results of 1,100 geometries (seeds 0 and 3) that were *Good* 5 leave 0.0152 to 0.0219
# and have sides of -0.1 to 0.34.
_SIDES_UNSURE, _RESIDUAL_UNSURE = 0.35, 0.015
# Uneven: a determinant beyond these bounds, or a larger SDlogJ. Sound pairs reach 0.73, such as
# frames of a beating heart; what is bent together wrongly is told by the affine part.
_SMALLEST_JACOBIAN, _LARGEST_JACOBIAN = 0.01, 50.0
_SDLOGJ = 0.8
_NAMED = 4  # labels in a finding


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
    shares = pair(metrics, "overlap")
    of = "" if shares is None else f", on {_percents(shares)} of the fixed image"
    verdict.findings.append(f"Similarity (NCC) {before:.3f} → {after:.3f}{of}.")
    if pair(metrics, "unlike") is not None:
        return  # says more, and also of different contrasts
    if after < before - _CHANGE:
        verdict.worsen("bad", _APART)
    elif after < _LOW:
        verdict.worsen(
            "check",
            "Similarity stays low. With images of the same contrast, try a rigid or affine "
            "alignment and more refinement iterations; with different contrasts this is expected, "
            "so look at the outlines instead, and use the refinement similarity mind.",
        )


_APART = (
    "The images are less alike than before: try another alignment (rigid or affine), and check "
    "that both show the same anatomy. For different contrasts use the refinement similarity mind."
)


def _judge_local(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    after = metrics.get("after")
    if isinstance(after, Mapping) and "unlike" in after and _number(after, "unlike") is None:
        verdict.findings.append("The images share nothing that could be compared.")
        verdict.worsen("bad", "Check that both images show something, and where they lie in space.")
        return
    values = pair(metrics, "unlike")
    if values is None:
        return
    first, last = values
    verdict.findings.append(
        f"Structures of the fixed image that look unlike their partners: {_percents(values)}."
    )
    if last > _UNLIKE:
        verdict.worsen(
            "bad" if last > _MOSTLY_UNLIKE else "check",
            "See where the images do not match (the report marks it in red). Check that both show "
            "the same anatomy, the same way up and not mirrored; try a rigid or affine alignment.",
        )
    elif last > first + _MORE_UNLIKE:
        verdict.worsen("check", _APART)
    linear = _number(after, "unlike_linear")
    if linear is not None and linear > _UNLIKE_LINEAR and last <= _UNLIKE:
        confirmed = _confirmed_by(metrics)
        verdict.findings.append(
            f"Without its bending the map leaves {100 * linear:.0f} % unlike: the deformation "
            f"alone makes the images alike{f', as {confirmed} confirm' if confirmed else ''}."
        )
        if not confirmed:
            verdict.worsen(
                "check",
                "Check that both images show the same anatomy, the same way up and not mirrored; "
                "try a rigid or affine alignment.",
            )


def _confirmed_by(metrics: Mapping[str, Any]) -> str | None:
    """Return the name of that which says that the right structures were paired, if anything."""
    if _labels_confirm(metrics):
        return "the labels"
    sides = _number(metrics.get("sides"), "correlation")
    return "the sides of the images" if sides is not None and sides >= _SIDES_AGREE else None


def _labels_confirm(metrics: Mapping[str, Any]) -> bool:
    """Whether labels that did not guide say that the right structures were paired."""
    regions = regions_of(metrics)
    if "structures" in metrics or (regions is not None and regions.guided):
        return False
    after = metrics.get("after")
    values = by_label(after.get("dice")) if isinstance(after, Mapping) else {}
    known = [v for v in values.values() if isinstance(v, int | float)]
    return len(known) >= _LABELS and min(known) >= _FIT


# By the kind of the place in which the moving image matches better: what it means, and advice.
_ELSEWHERE = {
    "shifted": (
        "repeated structures, such as vertebrae, may have been paired with their neighbours",
        "Look whether structures that repeat are paired with their own partners; if not, align "
        "rigidly or give an initial transform or landmarks.",
    ),
    "stretched": (
        "its voxel spacing seems to be wrong",
        "Check the voxel spacing of both images, and whether slices are missing.",
    ),
    "oblique": (
        "the bending may have hidden a turn",
        "Align the images rigidly before, or give an initial transform.",
    ),
    "scaled": (
        "its voxel spacing may be wrong, or its size is another one",
        "Check the voxel spacing of both images; where the size does differ, align the images by "
        "an affine map before.",
    ),
}


def _judge_orientation(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    other = metrics.get("other_orientation")
    if not isinstance(other, Mapping) or not isinstance(other.get("name"), str):
        return
    elsewhere = _ELSEWHERE.get(str(other.get("kind")))
    if elsewhere is not None:
        means, advice = elsewhere
        verdict.findings.append(
            f"Without bending, the moving image matches better {other['name']}: {means}."
        )
        verdict.worsen("check", advice)
        return
    verdict.findings.append(
        f"Without bending, the moving image matches better {other['name']}: it seems to lie the "
        "wrong way round."
        if other["name"] != "as the images lie in space"
        else "Without bending, the images match better as they lie in space."
    )
    verdict.worsen(
        "check",
        "Check the orientation of both images; turn the one that is wrong, or give an initial "
        "transform. A rotation is found by a rigid alignment, a mirror image never is.",
    )


def _judge_sides(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    """Judge whether the images lie the same way round, where nothing else has told it."""
    sides = metrics.get("sides")
    value = _number(sides, "correlation")
    if value is None or "other_orientation" in metrics:
        return
    name = sides.get("name") if isinstance(sides, Mapping) else None
    if value >= _OPPOSITE:
        told = _judge_place(verdict, metrics)
        if not told and value < _SIDES_AGREE:
            verdict.findings.append(
                f"Whether the moving image is {name} cannot be told from the images (correlation "
                f"of their sides {round(value, 2) + 0.0:.2f}): that it is not rests on their "
                "coordinates."
            )
        return
    verdict.findings.append(
        f"What tells the sides of the images apart is opposite in them (correlation {value:.2f}): "
        f"the moving image seems to be {name}."
    )
    verdict.worsen(
        "check",
        "Check the orientation of both images, and that left is left in both: two bodies that are "
        "nearly symmetric fit either way. A mirror image has to be turned before.",
    )


def _judge_place(verdict: Verdict, metrics: Mapping[str, Any]) -> bool:
    """Judge whether the images show one place of a body: then some of its sides are alike.

    Returns:
        Whether they seem not to.
    """
    largest = _number(metrics.get("sides"), "largest")
    unlike = _number(metrics.get("after"), "unlike")
    if largest is None or unlike is None or largest >= unlike or unlike <= _STRANGE:
        return False
    verdict.findings.append(
        "What tells the sides of an image apart is hardly the same in both (correlation "
        f"{round(largest, 2) + 0.0:.2f} at most): they may show different places of a body, or lie "
        "in another way."
    )
    verdict.worsen(
        "check",
        "Check that both images show the same part of the body, at one level and the same way up.",
    )
    return True


def _judge_overlap(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    after = _number(metrics.get("after"), "covered")
    if after is None:
        return
    before = _number(metrics.get("before"), "covered")
    aligned = _number(metrics.get("aligned"), "covered")
    start = before if aligned is None else aligned
    pushed = start is not None and start - after > _PUSHED_OUT
    if after < _COVERED or pushed or (before is not None and before - after > _LOST):
        what = "by the deformation " if pushed else ""
        was = "" if before is None else f", {before:.0%} before"
        verdict.findings.append(
            f"Of what the fixed image shows, {after:.0%} has a partner{was}: the rest is out of "
            f"view {what}and was not compared.".replace("%", " %")
        )
        verdict.worsen(
            "check",
            _OUT_OF_VIEW,
        )
    elif (shares := pair(metrics, "overlap")) is not None and shares[0] - shares[1] > _LED_OUT:
        verdict.findings.append(
            f"Much of the fixed image was led out of view: {_percents(shares)} of it lies upon the "
            "moving image."
        )
        verdict.worsen("check", _OUT_OF_VIEW)


_OUT_OF_VIEW = (
    "Look whether the part that both images show is the one that matters; a given initial "
    "transform or another alignment keeps more in view."
)


def _percents(values: tuple[float, float]) -> str:
    return f"{100 * values[0]:.0f} → {100 * values[1]:.0f} %"


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


def _judge_numbers(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    """Tell of labels that mean other structures in the other image."""
    after = metrics.get("after")
    others = by_label(after.get("better_numbers")) if isinstance(after, Mapping) else {}
    dice = _number(after, "better_numbers_dice")
    if not others or dice is None:
        return
    names = names_by_label(metrics)
    listed = [f"{names.get(a) or a} is {b}" for a, b in list(others.items())[:_NAMED]]
    verdict.findings.append(
        f"The labels fit far better (mean Dice {dice:.3f}) under other numbers: in the moving "
        f"image {', '.join(listed)}{', ...' if len(others) > _NAMED else ''}."
    )
    verdict.worsen(
        "check",
        "Check what the numbers of the labels mean in both images: left and right may be swapped.",
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


def _tell_masks(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    """Tell how much the masks have left out."""
    masks = metrics.get("left_out")
    for role, counts in masks.items() if isinstance(masks, Mapping) else ():
        voxels, total = _number(counts, "voxels"), _number(counts, "of")
        if voxels is None or not total:
            continue
        verdict.findings.append(
            f"The mask of the {role} image leaves out {voxels:.0f} of {total:.0f} voxels "
            f"({100 * voxels / total:.3g} %)."
        )


def _judge_landmarks(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    values = pair(metrics, "tre")
    if values is None:
        return
    before, after = values
    verdict.findings.append(f"Landmark error (mean) {before:.2f} → {after:.2f} mm.")
    landmarks = metrics.get("landmarks")
    exact = _number(landmarks, "tolerance_mm")
    # Pairs that are held may well move within their tolerance.
    if after > max(before, _NOT_HELD * (exact or 0.0)) + _LANDMARK_MM:
        verdict.worsen("bad", "The landmarks are further apart than before: see the table.")
    if not isinstance(landmarks, Mapping) or landmarks.get("use") in (None, "measure"):
        return
    verdict.findings.append(
        "The landmarks also guided the registration: their error is not independent evidence."
    )
    tolerance = _number(landmarks, "tolerance_mm")
    after_all = metrics["after"].get("tre_per_landmark", [])
    names = landmarks.get("names", [])
    if tolerance is None or len(after_all) != len(names):
        return
    far = [
        f"{name} ({error:.1f} mm)"
        for name, error in zip(names, after_all, strict=True)
        if isinstance(error, int | float) and error > _NOT_HELD * tolerance
    ]
    if far:
        listed = ", ".join(far[:_NAMED]) + (", ..." if len(far) > _NAMED else "")
        verdict.findings.append(
            f"Landmarks that could not be held within {tolerance:g} mm: {listed}."
        )
        verdict.worsen(
            "check",
            "Look at the landmarks that stayed apart: one of the two may be misplaced.",
        )


def _most_residual(metrics: Mapping[str, Any]) -> float:
    """Return the motion that may be left, of the diagonal."""
    if _number(metrics.get("deformation"), "iterations"):
        return _RESIDUAL_REFINED
    sides = _number(metrics.get("sides"), "correlation")
    return _RESIDUAL if sides is None or sides >= _SIDES_UNSURE else _RESIDUAL_UNSURE


def _judge_motion(verdict: Verdict, metrics: Mapping[str, Any]) -> None:
    deformation = metrics.get("deformation", {})
    mean = _number(deformation, "displacement_mean_mm")
    largest = _number(deformation, "displacement_max_mm")
    if mean is None or largest is None:
        return
    size = _number(deformation, "diagonal_mm")
    part = f" ({100 * mean / size:.2g} % of the diagonal of the image)" if size else ""
    verdict.findings.append(
        f"Points moved by {mean:.2f} mm on average{part}, {largest:.2f} mm at most."
    )
    if largest < _MOVED_MM:
        verdict.worsen("check", "Nothing moved: the result equals the moving image.")
    low, high = (_number(deformation, f"linear_stretch_{end}") for end in ("min", "max"))
    if low is not None and high is not None and (low < _LEAST_STRETCH or high > _MOST_STRETCH):
        verdict.findings.append(
            f"As a whole, lengths change by a factor of {low:.2g} to {high:.2g}."
        )
        verdict.worsen("check", "Check the voxel spacing of both images.")
    if not size:
        return
    rest = _number(deformation, "residual_motion_mm")
    if rest is not None and rest > _most_residual(metrics) * size:
        verdict.findings.append(
            f"A deformation would still move the structures by {rest:.2g} mm on average "
            f"({100 * rest / size:.2g} % of the diagonal)."
        )
        verdict.worsen(
            "check",
            "The images do not lie on each other yet: turn the refinement on, give it more "
            "iterations, or take an affine alignment.",
        )
    bending = _number(deformation, "bending_mm")
    if bending is not None and bending > _BENDING * size:
        verdict.findings.append(
            f"The deformation bends the image by {bending:.2g} mm on average, much for its size."
        )
        verdict.worsen("check", "Try a rigid or affine alignment: it leaves less to deform.")
    error = _number(deformation, "inverse_consistency_mm")
    if error is not None and error > _INCONSISTENT * size:
        verdict.findings.append(f"There and back misses by {error:.2g} mm on average.")
        verdict.worsen("check", "Do not rely on the inverse transform.")


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
    measures = (("unlike", "share that looks unlike", "", -1, _MORE_UNLIKE),
                ("ncc", "similarity", "", 1, _CHANGE),
                ("dice_mean", "label overlap", "", 1, _CHANGE),
                ("tre", "landmark error", " mm", -1, _CHANGE))  # fmt: skip
    local = _number(aligned, "unlike") is not None
    for name, title, unit, better, change in measures:
        first, last = _number(aligned, name), _number(after, name)
        if first is None or last is None or better * (last - first) >= -change:
            continue
        if name == "ncc" and local:
            continue  # of other contrasts it does not say what is better
        told = f"{first:.2f}" if unit else f"{first:.3g}"  # a warp through points leaves 1e-14 mm
        verdict.findings.append(f"After the alignment alone the {title} was {told}{unit}.")
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
        for name in ("ncc", "unlike", "dice_mean", "tre")
        if (values := pair(metrics, name)) is not None
    ]
    if any(abs(after - before) > _CHANGE for before, after in gains):
        return "The images match better than before, and the deformation is sound."
    return "The match hardly changed, and the deformation is sound."


def judge(metrics: Mapping[str, Any]) -> Verdict:
    """Return the verdict on the metrics (see ``ReportSource.metrics``); missing ones are skipped.

    ``good``: the images look alike nearly everywhere, in a share of the fixed image that is large
    enough, without folds; Dice and landmark error are no worse than before. ``check``: the user
    should look at something. ``bad``: something got worse, more than half of the structures look
    unlike their partners, or at least 0.5 % of the samples fold.
    """
    verdict = Verdict()
    deformation = metrics.get("deformation", {})
    structures = metrics.get("structures")
    by = structures.get("by") if isinstance(structures, Mapping) else None
    if by == "labels":
        verdict.findings.append(
            "Registered by labelled structures alone: what the images show was not compared."
        )
    else:
        _judge_similarity(verdict, metrics)
        _judge_local(verdict, metrics)
        _judge_orientation(verdict, metrics)
        _judge_sides(verdict, metrics)
        _judge_overlap(verdict, metrics)
    if by is not None:
        verdict.findings.append(GUIDED)
    _judge_labels(verdict, metrics)
    _judge_numbers(verdict, metrics)
    _judge_structures(verdict, metrics)
    _judge_regions(verdict, metrics)
    _judge_landmarks(verdict, metrics)
    _tell_masks(verdict, metrics)
    _judge_alignment(verdict, metrics)
    _judge_folds(verdict, deformation)
    _judge_motion(verdict, metrics)
    _judge_evenness(verdict, deformation)
    _judge_familiarity(verdict, metrics)
    _tell_unused_model(verdict, metrics)
    if isinstance(metrics.get("alignment_note"), str):
        verdict.findings.append(f"Alignment: {metrics['alignment_note']}.")
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
        if name == "ncc" and (shares := pair(metrics, "overlap")) is not None:
            numbers.append(("Overlap", _percents(shares)))
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
