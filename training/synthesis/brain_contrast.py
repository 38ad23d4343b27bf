"""Tissue intensities of T1- and T2-weighted MR, and random contrasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .brain_anatomy import LABEL_COUNT, TISSUE_OF_LABEL, TISSUES

__all__ = ["CONTRASTS", "Contrast", "canonical", "draw_contrast", "vary"]

CONTRASTS = ("random", "t1", "t2")

# Typical brightness of the tissues; 1 is the brightest tissue of the brain in T1, fluid in T2.
_T1 = {
    **{"air": 0.02, "white-matter": 0.90, "cortex": 0.58, "ventricle": 0.14, "csf": 0.14},
    **{"cerebellum-white-matter": 0.86, "cerebellum-cortex": 0.58, "thalamus": 0.75},
    **{"caudate": 0.63, "putamen": 0.68, "pallidum": 0.80, "brain-stem": 0.82},
    **{"hippocampus": 0.58, "amygdala": 0.58, "lesion": 0.68, "accumbens": 0.61},
    **{"ventral-dc": 0.79, "vessel": 0.30, "choroid-plexus": 0.36, "optic-chiasm": 0.70},
    **{"artery": 0.45, "eye": 0.18, "soft-tissue": 0.55, "muscle": 0.42, "mucosa": 0.45},
    **{"skin": 0.85, "spinal-cord": 0.78, "vein": 0.35, "compact-bone": 0.08},
    **{"spongy-bone": 0.60, "optic-nerve": 0.70},
}
_T2 = {
    **{"air": 0.02, "white-matter": 0.38, "cortex": 0.55, "ventricle": 0.95, "csf": 0.95},
    **{"cerebellum-white-matter": 0.38, "cerebellum-cortex": 0.54, "thalamus": 0.45},
    **{"caudate": 0.50, "putamen": 0.46, "pallidum": 0.32, "brain-stem": 0.40},
    **{"hippocampus": 0.58, "amygdala": 0.56, "lesion": 0.65, "accumbens": 0.51},
    **{"ventral-dc": 0.39, "vessel": 0.75, "choroid-plexus": 0.75, "optic-chiasm": 0.45},
    **{"artery": 0.12, "eye": 0.95, "soft-tissue": 0.40, "muscle": 0.22, "mucosa": 0.60},
    **{"skin": 0.55, "spinal-cord": 0.42, "vein": 0.20, "compact-bone": 0.06},
    **{"spongy-bone": 0.35, "optic-nerve": 0.45},
}
_MEANS = {
    "t1": np.array([_T1[t] for t in TISSUES]),
    "t2": np.array([_T2[t] for t in TISSUES]),
}
# Tissues that look alike in most images; air always stays alone.
_GROUPS = (
    *(
        ("white-matter", "cerebellum-white-matter", "brain-stem", "ventral-dc", "spinal-cord"),
        ("cortex", "cerebellum-cortex", "hippocampus", "amygdala", "accumbens", "caudate"),
        ("thalamus", "pallidum"),
        ("putamen", "lesion"),
        ("ventricle", "csf", "vessel", "eye", "choroid-plexus"),
        ("soft-tissue", "muscle", "mucosa", "vein", "artery", "optic-chiasm", "optic-nerve"),
        ("skin", "spongy-bone"),
        ("compact-bone", "air"),
    ),
)
_AIR = TISSUES.index("air")
# Additional deviation of tissues that are not uniform.
_WIDE = np.array([0.08 if t in ("soft-tissue", "skin", "spongy-bone") else 0.0 for t in TISSUES])


@dataclass(frozen=True)
class Contrast:
    """Intensity of every tissue of :data:`TISSUES` in one image.

    Attributes:
        means: ``(tissues,)`` brightness, about 0 to 1.
        deviations: ``(tissues,)`` standard deviation within the tissue.
    """

    means: np.ndarray
    deviations: np.ndarray

    def of_labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Return means and deviations ``(LABEL_COUNT,)`` float32 of the label indices."""
        means, deviations = self.means[TISSUE_OF_LABEL], self.deviations[TISSUE_OF_LABEL]
        assert len(means) == LABEL_COUNT
        return means.astype(np.float32), deviations.astype(np.float32)


def canonical(kind: str = "t1") -> Contrast:
    """Return the typical contrast, without variation."""
    return Contrast(_MEANS[kind].copy(), np.zeros(len(TISSUES)))


def draw_contrast(rng: np.random.Generator, kind: str) -> Contrast:
    """Draw the contrast of an image.

    Args:
        rng: source of randomness.
        kind: "t1" or "t2": typical values with a small variation from image to image; "random": any
            brightness for any tissue, often the same for a group of similar tissues.

    Raises:
        ValueError: for another kind.
    """
    if kind not in CONTRASTS:
        raise ValueError(f"contrast must be one of {', '.join(CONTRASTS)}; got {kind!r}")
    count = len(TISSUES)
    if kind != "random":
        means = _MEANS[kind] + rng.normal(0, 0.02, count) * (_MEANS[kind] > 0.05)
        deviations = rng.uniform(0.01, 0.035) + _WIDE
        deviations[_AIR] = 0.005
        return Contrast(np.clip(means, 0, None), deviations)
    means = rng.uniform(0, 1, count)
    if rng.uniform() < 0.5:
        for group in _GROUPS:
            members = [TISSUES.index(t) for t in group]
            means[members] = rng.uniform() + rng.normal(0, 0.06, len(members))
    merged = rng.uniform(size=count) < 0.1
    means[merged] = means[rng.integers(count, size=int(merged.sum()))]
    if rng.uniform() < 0.7:
        means[_AIR] = 0
    deviations = rng.uniform(0, 0.1) * rng.uniform(0.3, 1, count) + _WIDE / 2
    return Contrast(np.clip(means, 0, 1.2), deviations)


def vary(rng: np.random.Generator, contrast: Contrast, amount: float = 0.03) -> Contrast:
    """Return a slightly varied contrast, as of another image from the same scanner."""
    means = contrast.means + rng.normal(0, amount, len(TISSUES)) * (contrast.means > 0.05)
    return Contrast(np.clip(means, 0, None), contrast.deviations)
