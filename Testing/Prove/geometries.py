"""Registrations in random geometries, file formats and options, against analytic truth.

    python -m Testing.Prove.geometries --count 2000

Hypothesis draws the trials. Each writes a pair of images of an analytic object (see
``Testing.Benchmarks.alignment_cases``), whose transform is known, registers the files and looks at
what was written: a transform that is not the one of the result, a warped image on another lattice,
an inverse that is none, a fold, a result that ends farther from the truth than the images were.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from SlicerLDMRegLib.errors import LDMRegError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline import RegistrationResult, register
from SlicerLDMRegLib.report import judge
from Testing.Benchmarks.alignment_cases import Case, make_case

__all__ = ["TRIALS", "Outcome", "Trial", "attempt", "run"]

_MOST_VOXELS = {2: 6_000, 3: 15_000}
_WRONG = 0.05  # of the diagonal of the object, beyond which a result is wrong
_WRITTEN_MM = 1e-3  # that the transform of a file may differ from that of the result


@dataclass(frozen=True)
class Trial:
    """One registration.

    Attributes:
        number: seed of the pair.
        dimension: 2 or 3.
        suffix: of the files of the images.
        align: method of the alignment.
        iterations: of the refinement; 0: none.
        kept: digits of the intensities that are written, ``float32``, ``int16`` or ``uint8``.
        saved: whether the results are written, with their report, and read again.
    """

    number: int
    dimension: int
    suffix: str
    align: str
    iterations: int
    kept: str
    saved: bool


def _trial(dimension: int) -> st.SearchStrategy[Trial]:
    # A NIfTI file of a 2D image has no direction.
    suffixes = (".nrrd", ".mha") if dimension == 2 else (".nrrd", ".mha", ".nii.gz", ".nii")
    return st.builds(
        Trial,
        number=st.integers(0, 2**31 - 1),
        dimension=st.just(dimension),
        suffix=st.sampled_from(suffixes),
        align=st.sampled_from(("auto", "rigid", "affine")),
        iterations=st.sampled_from((0, 0, 5)),
        kept=st.sampled_from(("float32", "int16", "uint8")),
        saved=st.sampled_from((True, False, False, False)),
    )


#: The trials, two of three in 3D.
TRIALS = st.one_of(_trial(3), _trial(3), _trial(2))


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        trial: the trial.
        kind: ``right``; ``wrong``: farther than 5 % of the object's diagonal from the truth, or
            farther than without registration; ``unsound``: the files contradict each other;
            ``refused``: an error in words; ``fault``: another exception.
        verdict: status of the verdict, empty without a result.
        before, after: mean distance from the truth over the object, mm.
        size: diagonal of the object, mm.
        detail: of what is not right.
    """

    trial: Trial
    kind: str
    verdict: str = ""
    before: float = float("nan")
    after: float = float("nan")
    size: float = float("nan")
    detail: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether it must not be: a wrong result that is called good, an unsound one, a fault."""
        wrong = self.kind == "wrong" and self.verdict == "good"
        return wrong or self.kind in ("unsound", "fault")


def attempt(trial: Trial) -> Outcome:
    """Register a pair of a trial and compare the result with the truth."""
    case = make_case(trial.number, trial.dimension, _MOST_VOXELS[trial.dimension])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = []
        for role, image in (("fixed", case.fixed), ("moving", case.moving)):
            paths.append(folder / f"{role}{trial.suffix}")
            sitk.WriteImage(_stored(image, trial.kept), str(paths[-1]))
        refine: Any = {"iterations": [0, 0, trial.iterations]} if trial.iterations else False
        options = {"model": "none", "align": trial.align, "refine": refine}
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                result = register(*paths, output=folder / "out" if trial.saved else None, **options)
        except LDMRegError as error:
            return Outcome(trial, "refused", detail=str(error))
        except Exception as error:
            return Outcome(trial, "fault", detail=f"{type(error).__name__}: {error}")
        return _judged(trial, case, result, folder / "out")


def _stored(image: sitk.Image, kept: str) -> sitk.Image:
    """Return an image with as many digits as a scanner stores."""
    if kept == "float32":
        return image
    kind, most = {"int16": (sitk.sitkInt16, 4000), "uint8": (sitk.sitkUInt8, 255)}[kept]
    return sitk.Cast(sitk.RescaleIntensity(image, 0, most), kind)


def _judged(trial: Trial, case: Case, result: RegistrationResult, folder: Path) -> Outcome:
    truth = np.array([case.truth.TransformPoint(p) for p in case.points.tolist()])
    before = float(np.linalg.norm(case.points - truth, axis=1).mean())
    moved = result.field.warp_points(case.points)
    after = float(np.linalg.norm(moved - truth, axis=1).mean())
    size = float(np.linalg.norm(np.ptp(case.points, axis=0)))
    verdict = judge(result.metrics).status
    detail = _contradiction(case, result, folder if trial.saved else None)
    if detail:
        return Outcome(trial, "unsound", verdict, before, after, size, detail)
    # What was near already may end a little farther away, by less than the voxels are apart.
    worse = after > before + 0.5 * min(case.fixed.GetSpacing())
    kind = "wrong" if worse or after > _WRONG * size else "right"
    return Outcome(trial, kind, verdict, before, after, size)


def _contradiction(case: Case, result: RegistrationResult, folder: Path | None) -> str:
    """Return in which point the result, its files and the images contradict each other."""
    points = case.points[::10]
    moved = result.field.warp_points(points)
    transforms = {"transform": result.transform, "inverse": result.inverse.to_transform()}
    images = {"warped": result.warped, "jacobian": result.jacobian, "folds": result.folds}
    if folder is not None:
        transforms = {name: sitk.ReadTransform(str(folder / f"{name}.h5")) for name in transforms}
        images = {name: sitk.ReadImage(str(folder / f"{name}.nrrd")) for name in images}
    for name, image in images.items():
        if not ImageGeometry.from_image(image).matches(ImageGeometry.from_image(case.fixed)):
            return f"{name} lies on another lattice than the fixed image"
    read = np.array([transforms["transform"].TransformPoint(p) for p in points.tolist()])
    if np.abs(read - moved).max() > _WRITTEN_MM:
        return f"the transform is off by {np.abs(read - moved).max():.3g} mm"
    lattice = ImageGeometry.from_image(case.moving)
    index = lattice.physical_to_index(moved)
    inside = ((index > 1) & (index < np.asarray(lattice.size) - 2)).all(axis=1)
    back = [transforms["inverse"].TransformPoint(p) for p in moved[inside].tolist()]
    if back:
        off = float(np.linalg.norm(np.array(back) - points[inside], axis=1).mean())
        if off > max(lattice.spacing):
            return f"the inverse leads {off:.3g} mm beside the start"
    folds = result.metrics["deformation"]["fold_count"]
    if folds != int(sitk.GetArrayViewFromImage(images["folds"]).sum()):
        return "the folds are counted otherwise than they are marked"
    return f"{folds} folds" if folds else ""


def run(count: int, number: int = 0) -> list[Outcome]:
    """Return the outcomes of trials.

    Args:
        count: how many.
        number: seed of the draw.
    """
    found: list[Outcome] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(TRIALS)
    def each(trial: Trial) -> None:
        found.append(attempt(trial))

    each()
    return found


def table(outcomes: Sequence[Outcome]) -> str:
    """Return a table of the kinds of outcomes and their verdicts."""
    kinds = ("right", "wrong", "unsound", "refused", "fault")
    lines = [f"{'':14}{'tried':>7}" + "".join(f"{kind:>9}" for kind in kinds) + f"{'bad':>6}"]
    for group in ("all", "2D", "3D", "good", "check", "bad"):
        own = [o for o in outcomes if group in ("all", f"{o.trial.dimension}D", o.verdict)]
        counts = collections.Counter(o.kind for o in own)
        name = group if group in ("all", "2D", "3D") else f"verdict {group}"
        lines.append(
            f"{name:14}{len(own):7}"
            + "".join(f"{counts[kind]:9}" for kind in kinds)
            + f"{sum(o.is_bad for o in own):6}"
        )
    return "\n".join(lines)


def main() -> int:
    """Print the table, and each outcome that must not be."""
    parser = argparse.ArgumentParser(prog="python -m Testing.Prove.geometries")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    start = time.perf_counter()
    outcomes = run(arguments.count, arguments.seed)
    print(table(outcomes))
    print(f"{len(outcomes)} registrations in {time.perf_counter() - start:.0f} s")
    bad = [outcome for outcome in outcomes if outcome.is_bad]
    for outcome in bad:
        print(outcome)
    if arguments.json is not None:
        rows = [asdict(outcome) for outcome in outcomes]
        arguments.json.write_text(json.dumps(rows), encoding="utf-8")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
