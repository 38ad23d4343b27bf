"""A template of a group of images: their mean, in intensity and in shape.

Each step registers all images to the template so far, and makes a new one of the same pieces: the
mean of the images as they were warped, in the mean of their shapes. For that, with the maps
``phi_k`` from the template to the images, each image is drawn at ``phi_k(mean(phi)^-1(y))``: then
the mean displacement from the new template to the images is zero, and no image, not even the one
whose lattice is used, counts more than another (Guimond et al. 2000, Avants et al. 2010). What all
registrations have in common, such as a bias of their similarity, is taken out with it. Images
that are aligned first lie anywhere: there the mean is that of the maps without their rigid parts,
and the template keeps the pose of the reference. The mean of poses far from each other would lie
beside the lattice, and shrunk. The linear alignments are found once, and begin all steps.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from .._outputs import check_place, is_work_folder, whole_file
from ..displacement import DisplacementField
from ..errors import InputError
from ..geometry import ImageGeometry
from ..images import as_labels, read_image
from ..images.written import write_image
from ..intensity import IntensityMap
from ..manifest import ImagesManifest, PairEntry, PairsManifest, write_manifest
from ..pipeline.options import AlignOptions
from ..resampling import coverage, resample
from .folder import CohortFolder
from .majority import MajorityLabels, mean_overlap
from .naming import image_name
from .plan import CohortPair, make_plan
from .poses import affine_part, after_inverse, without_pose
from .run import Means, run_cohort
from .totals import Totals

__all__ = ["FINAL", "Template", "TemplateStep", "build_template", "edge_energy"]

TEMPLATE, STEPS, LABELS, OVERLAP = (
    "template.nrrd", "convergence.csv", "template_labels.nrrd", "labels.csv",
)  # fmt: skip
FINAL = "final"
#: Percentiles of an image that become 0 and 1: it counts as much as any other.
_LOW, _HIGH = 0.5, 99.5
_MOST_STEPS = 50


@dataclass(frozen=True)
class TemplateStep:
    """State of the template after a step.

    Attributes:
        step: 0 is the mean after the linear alignment.
        shape_mm: root mean square of the mean displacement that the step has taken out; 0 would be
            a template whose shape is the mean already.
        spread_mm: root mean square of the displacements from the template to the images; both
            without the rigid parts where the images are aligned first.
        change: root mean square difference to the template before, of intensities in [0, 1].
        sharpness: root of the edge energy, the mean square of the gradient of the intensities in
            [0, 1], per mm.
    """

    step: int
    shape_mm: float
    spread_mm: float
    change: float
    sharpness: float


@dataclass(frozen=True)
class Template:
    """A template that was built.

    Attributes:
        path: of the image.
        steps: the way to it.
        cohort: folder of the cohort of all images to it.
        overlap: by image, mean Dice of its labels, of 10 voxels and more, and those of the template
            carried to it; empty without labels.
    """

    path: Path
    steps: tuple[TemplateStep, ...]
    cohort: CohortFolder
    overlap: dict[str, float]


def build_template(
    images: ImagesManifest,
    folder: Path,
    options: Mapping[str, Any],
    means: Means,
    *,
    reference: str | None = None,
    steps: int = 4,
    tolerance: float = 0.002,
    look: Callable[[Totals], None] = lambda totals: None,
    note: Callable[[str], None] = lambda text: None,
) -> Template:
    """Build a template of images; a build that was ended goes on where it was.

    Args:
        images: at least two, of one dimension.
        folder: for the template, its steps, and the cohort of the images to it.
        options: fields of the requests that all registrations have in common.
        means: what computes.
        reference: name of the image on whose lattice the template lies; None: the first one.
        steps: at most, after the linear mean.
        tolerance: it ends when a step changes the intensities, in [0, 1], by less than this.
        look: shown the counts of each step.
        note: told what happens.

    Raises:
        InputError: for images that cannot be used, or when one cannot be registered.
    """
    if not 1 <= steps <= _MOST_STEPS:
        raise InputError(f"--steps: expected an integer from 1 to {_MOST_STEPS}, got {steps}")
    if len(images) < 2:
        raise InputError(f"a template needs two images at least, got {len(images)}")
    build = _Build(images, folder, options, means, look, note)
    build.prepare(reference)
    done = [build.linear_mean()]
    for number in range(1, steps + 1):
        done.append(build.step(number))
        text = f"step {number}: shape {done[-1].shape_mm:.3g} mm, change {done[-1].change:.2g}"
        note(f"{text}, sharpness {done[-1].sharpness:.3g}")
        if done[-1].change < tolerance:
            break
    return build.finish(done)


class _Build:
    """The steps of a template."""

    def __init__(
        self,
        images: ImagesManifest,
        folder: Path,
        options: Mapping[str, Any],
        means: Means,
        look: Callable[[Totals], None],
        note: Callable[[str], None],
    ) -> None:
        self._options, self._means = dict(options), means
        self._look, self._note = look, note
        self._share = bool(self._options.get("share", False))
        self._root = check_place(folder, inner="step-00/records/00/" + "x" * 170)
        base = images.path.parent if images.path is not None else Path.cwd()
        self._images = {image_name(entry, base): entry for entry in images}
        if len(self._images) < len(images):
            raise InputError("two images have one name; give each an id of its own")
        self._lattice: ImageGeometry | None = None
        self._align = _linear_alignment(self._options)
        self._linear: dict[str, sitk.AffineTransform] = {}

    @property
    def _of_steps(self) -> dict[str, Any]:
        """The options of the registrations to a template: images lie as the linear mean has it."""
        return {**self._options, "align": "none"}

    def prepare(self, reference: str | None) -> None:
        if self._root.is_dir():
            names = [p.name for p in self._root.iterdir() if not is_work_folder(p.name)]
            if names and "images.csv" not in names:
                raise InputError(
                    f"output: {self._root} holds files that are not of a template "
                    f"({', '.join(sorted(names)[:3])}); name another folder"
                )
        chosen = next(iter(self._images)) if reference is None else reference
        if chosen not in self._images:
            raise InputError(
                f"--reference {chosen}: there is no such image; there are "
                f"{', '.join(list(self._images)[:8])}"
            )
        self._reference = self._images[chosen].image
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            if not self._share:
                self._root.chmod(0o700)
        except OSError as error:
            raise InputError(f"output: {self._root} cannot be written to ({error})") from error
        entries = tuple(self._images.values())
        write_manifest(ImagesManifest(entries), self._root / "images.csv", share=self._share)
        self._lattice = ImageGeometry.from_image(read_image(str(self._reference)))

    def linear_mean(self) -> TemplateStep:
        """Write the mean of the images after a linear alignment to the reference.

        The alignments are brought into the mean of their shapes and stay: each later step begins
        with them. Rigid ones there would leave the sizes of the subjects to the deformation, which
        is told nothing of them outside of what is to be seen, and takes the blur of the first means
        for size.
        """
        lattice, align = self._lattice, self._align
        assert lattice is not None
        if align.method == "none":
            stay = DisplacementField.identity(lattice)
            return self._mean(0, lambda: ((name, stay) for name in self._images), None)
        linear = {"model": "none", "refine": False, "align": align}
        pairs = self._register("step-00", self._reference, {**self._options, **linear})
        shape, spread = self._mean_shape(lambda: self._fields(pairs))
        to_mean = affine_part(shape)
        for name, field in self._fields(pairs):
            self._linear[name] = after_inverse(to_mean, affine_part(field))

        def aligned() -> Iterator[tuple[str, DisplacementField]]:
            for name, transform in self._linear.items():
                yield name, DisplacementField.from_transform(transform, lattice)

        return self._draw(0, aligned(), None, shape, spread)

    def step(self, number: int) -> TemplateStep:
        """Register all images to the template of the step before, and write the next one."""
        before = self._image_of(number - 1)
        pairs = self._register(f"step-{number:02d}", before, self._of_steps)
        return self._mean(number, lambda: self._fields(pairs), before)

    def finish(self, steps: Sequence[TemplateStep]) -> Template:
        """Register all images to the last template; carry labels there and back."""
        last = self._image_of(steps[-1].step)
        path = self._root / TEMPLATE
        image = sitk.ReadImage(str(last))
        with whole_file(path, private=not self._share) as file:
            write_image(image, file)
        with (
            whole_file(self._root / STEPS, private=not self._share) as file,
            file.open("w", encoding="utf-8", newline="") as stream,
        ):
            writer = csv.DictWriter(stream, [f.name for f in fields(TemplateStep)])
            writer.writeheader()
            writer.writerows(map(asdict, steps))
        pairs = self._register(FINAL, path, self._of_steps)
        return Template(
            path, tuple(steps), CohortFolder(self._root / FINAL), self._carry_labels(pairs)
        )

    def _image_of(self, step: int) -> Path:
        return self._root / f"template-{step:02d}.nrrd"

    def _register(
        self, name: str, fixed: Path, options: Mapping[str, Any]
    ) -> dict[str, CohortPair]:
        """Register all images to one; return the pairs by the names of the images."""
        starts = self._write_linear()
        entries = tuple(
            PairEntry(
                fixed,
                entry.image,
                moving_mask=entry.mask,
                moving_labels=entry.labels,
                initial_transform=starts.get(image),
                id=f"{image}_to_template",
                group=entry.group,
                split=entry.split,
                further={**entry.further, **_known(entry.subject, entry.phase)},
            )
            for image, entry in self._images.items()
        )
        table = self._root / f"{name}.csv"
        write_manifest(PairsManifest(entries), table, share=self._share)
        folder = CohortFolder(self._root / name)
        plan = make_plan(table, folder, options, check_columns=False)
        folder.prepare(self._share)
        self._note(f"{name}: {len(entries)} images to {fixed.name}")
        totals = run_cohort(plan, folder, self._means, look=self._look, note=self._note)
        if totals.failed:
            failed = next(o for o in totals.outcomes.values() if o.status == "failed")
            raise InputError(
                f"template: {totals.failed} of {totals.every} images cannot be registered, "
                f"{failed.id}: {failed.reason}; leave them out, or mend them"
            )
        return dict(zip(self._images, plan.pairs, strict=True))

    def _write_linear(self) -> dict[str, Path]:
        """Write the linear alignments; return their files by the names of the images."""
        place, found = self._root / "linear", {}
        for name, transform in self._linear.items():
            place.mkdir(exist_ok=True)
            found[name] = place / f"{name}.tfm"
            with whole_file(found[name], private=not self._share) as file:
                sitk.WriteTransform(transform, str(file))
        return found

    def _fields(self, pairs: Mapping[str, CohortPair]) -> Iterator[tuple[str, DisplacementField]]:
        for name, pair in pairs.items():
            yield name, DisplacementField.read(Path(str(pair.request.output)) / "transform.h5")

    def _mean(
        self,
        number: int,
        found: Callable[[], Iterator[tuple[str, DisplacementField]]],
        before: Path | None,
    ) -> TemplateStep:
        """Write the mean of the images in the mean of their shapes."""
        shape, spread = self._mean_shape(found)
        to_mean = shape.inverse()
        maps = ((name, to_mean.compose(field)) for name, field in found())
        return self._draw(number, maps, before, shape, spread)

    def _mean_shape(
        self, found: Callable[[], Iterator[tuple[str, DisplacementField]]]
    ) -> tuple[DisplacementField, float]:
        """Return the mean of maps, and the mean square of their displacements, in square mm."""
        lattice = self._lattice
        assert lattice is not None
        mean, spread = np.zeros((*lattice.array_shape, lattice.dimension)), 0.0
        for _, field in found():
            shape = field if self._align.method == "none" else without_pose(field)
            mean += shape.vectors / len(self._images)
            spread += float((shape.vectors**2).sum(axis=-1).mean()) / len(self._images)
        return DisplacementField(mean, lattice), spread

    def _draw(
        self,
        number: int,
        maps: Iterator[tuple[str, DisplacementField]],
        before: Path | None,
        shape: DisplacementField,
        spread: float,
    ) -> TemplateStep:
        """Write the mean of the images as maps from the template bring them there.

        Args:
            number: of the step.
            maps: by the names of the images.
            before: the template of the step before.
            shape, spread: see :meth:`_mean_shape`; what was taken out of the maps.
        """
        lattice = self._lattice
        assert lattice is not None
        total = np.zeros(lattice.array_shape)
        seen = np.zeros(lattice.array_shape)
        for name, field in maps:
            image = read_image(str(self._images[name].image))
            transform = field.to_transform()
            inside = coverage(image, lattice, transform)
            warped = sitk.GetArrayFromImage(resample(image, lattice, transform, 0.0))
            scale = IntensityMap.from_image(image, _LOW, _HIGH)
            total += np.where(inside, scale(warped), 0.0)
            seen += inside
        values = (total / np.maximum(seen, 1)).astype(np.float32)
        with whole_file(self._image_of(number), private=not self._share) as file:
            write_image(lattice.to_image(values), file)
        change = float("inf")
        if before is not None:
            old = sitk.GetArrayFromImage(sitk.ReadImage(str(before), sitk.sitkFloat32))
            change = float(np.sqrt(np.mean((values - old) ** 2)))
        return TemplateStep(
            number,
            math.sqrt(float((shape.vectors**2).sum(axis=-1).mean())),
            math.sqrt(spread),
            change,
            math.sqrt(edge_energy(values, lattice)),
        )

    def _labels(self, name: str) -> sitk.Image:
        entry = self._images[name]
        return as_labels(str(entry.labels), read_image(str(entry.image)))

    def _carry_labels(self, pairs: Mapping[str, CohortPair]) -> dict[str, float]:
        """Write the labels of most images on the template, and these on every image."""
        lattice = self._lattice
        assert lattice is not None
        labelled = {n: e.labels for n, e in self._images.items() if e.labels is not None}
        if not labelled:
            return {}
        majority = MajorityLabels(lattice)
        for name, field in self._fields(pairs):
            if name in labelled:
                majority.vote(self._labels(name), field.to_transform())
        with whole_file(self._root / LABELS, private=not self._share) as file:
            write_image(majority.image(), file)
        overlap = {}
        place = self._root / "labels"
        place.mkdir(exist_ok=True)
        for name, pair in pairs.items():
            inverse = DisplacementField.read(Path(str(pair.request.output)) / "inverse.h5")
            carried = majority.carried(inverse.geometry, inverse.to_transform())
            with whole_file(place / f"{name}.nrrd", private=not self._share) as file:
                write_image(carried, file)
            if name in labelled:
                overlap[name] = mean_overlap(carried, self._labels(name))
        with (
            whole_file(self._root / OVERLAP, private=not self._share) as file,
            file.open("w", encoding="utf-8", newline="") as stream,
        ):
            writer = csv.writer(stream)
            writer.writerow(["image", "dice"])
            writer.writerows(overlap.items())
        return overlap


def _linear_alignment(options: Mapping[str, Any]) -> AlignOptions:
    """Return the alignment of the linear mean.

    Images that are averaged have one contrast, for which correlation finds the sizes best: of a
    disk of 0.9 or 1.1 times the size, to 0.1 % of the area. Mutual information errs by 1 %.
    """
    align = AlignOptions.from_value(options.get("align"))
    if align.method == "auto":
        # A motion through slices would mix neighbours that are far apart.
        align = replace(align, method="affine" if options.get("slices") is None else "none")
    return replace(align, metric="correlation") if align.metric == "auto" else align


def _known(subject: str | None, phase: str | None) -> dict[str, str]:
    given = {"moving_subject": subject, "moving_phase": phase}
    return {name: value for name, value in given.items() if value is not None}


def edge_energy(values: np.ndarray, lattice: ImageGeometry) -> float:
    """Return the mean square of the gradient of an image, per square mm.

    Args:
        values: ``(k, j, i)``, or ``(j, i)``.
        lattice: of the image.
    """
    spacing = lattice.spacing[::-1]
    axes = [axis for axis, n in enumerate(values.shape) if n > 1]
    parts = [np.gradient(values, spacing[axis], axis=axis) for axis in axes]
    return float(sum((part**2).mean() for part in parts))
