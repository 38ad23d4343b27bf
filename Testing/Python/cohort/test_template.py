"""Templates: the mean in intensity and in shape; labels carried there and back; morphometry."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.cohort import Means, build_template, compare_groups
from SlicerLDMRegLib.cohort.morphometry import log_determinants
from SlicerLDMRegLib.cohort.poses import rigid_part, without_pose
from SlicerLDMRegLib.cohort.template import edge_energy
from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.manifest import read_images
from Testing.Benchmarks.templates import label_overlap

SIZE = 32
HERE = Means(workers=0, threads=1, pictures="none")
OPTIONS = {"model": "none", "refine": "20,10", "device": "cpu", "align": "none"}


def disk(radius: float) -> np.ndarray:
    """A bright disk with a smooth edge, and a dot in its middle."""
    y, x = np.mgrid[:SIZE, :SIZE]
    distance = np.hypot(y - SIZE / 2, x - SIZE / 2)
    image = 100 / (1 + np.exp(distance - radius)) + 60 * np.exp(-(distance**2) / 8)
    return image.astype(np.float32)


def write_disks(folder: Path, radii: list[float], groups: list[str]) -> Path:
    rows = ["image,labels,group"]
    for n, (radius, group) in enumerate(zip(radii, groups, strict=True)):
        image = disk(radius)
        sitk.WriteImage(sitk.GetImageFromArray(image), str(folder / f"d{n}.nrrd"))
        labels = sitk.GetImageFromArray((image > 50).astype(np.uint8))
        sitk.WriteImage(labels, str(folder / f"d{n}_labels.nrrd"))
        rows.append(f"d{n}.nrrd,d{n}_labels.nrrd,{group}")
    table = folder / "images.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def radius_of(image: sitk.Image) -> float:
    """The radius of a disk, of the area in which it is bright."""
    return float(np.sqrt((sitk.GetArrayViewFromImage(image) > 0.45).sum() / np.pi))


def maps_of(pairs: Path, number: int) -> tuple[DisplacementField, DisplacementField]:
    """The maps of an image to the template of a step, there and back."""
    (place,) = pairs.glob(f"*/d{number}_to_template")
    return tuple(DisplacementField.read(place / f"{name}.h5") for name in ("transform", "inverse"))


@pytest.mark.slow
def test_a_template_has_the_mean_shape_whatever_the_reference(tmp_path: Path) -> None:
    # The reference is the smallest one; the mean of the radii is 8.
    table = write_disks(tmp_path, [6.0, 8.0, 10.0], ["a", "a", "b"])
    images = read_images(table)
    template = build_template(
        images, tmp_path / "atlas", OPTIONS, HERE, reference="d0", steps=2, tolerance=0.0
    )
    image = sitk.ReadImage(str(template.path))
    found = radius_of(image)
    own = [radius_of(sitk.ReadImage(str(tmp_path / f"d{n}.nrrd")) / 110) for n in range(3)]
    assert abs(found - np.mean(own)) < 0.5, (found, own)
    # The bias towards the reference goes, the edge comes.
    steps = template.steps
    assert [step.step for step in steps] == [0, 1, 2]
    assert steps[1].shape_mm > 2 * steps[2].shape_mm and steps[2].change < steps[1].change
    assert steps[2].sharpness > 1.1 * steps[0].sharpness
    # From the last template, the mean displacement to the images is small beside each of them.
    fields = [
        DisplacementField.read(path).vectors
        for path in sorted((tmp_path / "atlas/final/pairs").glob("*/*/transform.h5"))
    ]
    assert len(fields) == 3
    mean = np.sqrt((np.mean(fields, axis=0) ** 2).sum(axis=-1).mean())
    assert mean < 0.3 * np.sqrt((np.square(fields)).sum(axis=-1).mean())
    # Labels: those of most images on the template, and back on each image.
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "atlas/template_labels.nrrd")))
    assert set(np.unique(labels)) == {0, 1}
    assert template.overlap.keys() == {"d0", "d1", "d2"}
    assert min(template.overlap.values()) > 0.9
    # They are no worse than on the template of the first step.
    first = label_overlap(
        [maps_of(tmp_path / "atlas" / "step-01" / "pairs", n) for n in range(3)],
        [sitk.ReadImage(str(tmp_path / f"d{n}_labels.nrrd")) for n in range(3)],
        ImageGeometry.from_image(image),
    )
    assert np.mean(list(template.overlap.values())) > np.mean(first) - 0.005
    carried = sitk.ReadImage(str(tmp_path / "atlas/labels/d2.nrrd"))
    assert carried.GetSize() == (SIZE, SIZE)
    with (tmp_path / "atlas/convergence.csv").open(encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) == 3
    # Built again, nothing is registered anew, and the bits are the same.
    before = template.path.read_bytes()
    seen: list[int] = []
    again = build_template(
        images, tmp_path / "atlas", OPTIONS, HERE, reference="d0", steps=2, tolerance=0.0,
        look=lambda totals: seen.append(len(totals.outcomes)),
    )  # fmt: skip
    assert again.path.read_bytes() == before and again.steps == steps and not any(seen)


@pytest.mark.slow
def test_images_that_lie_anywhere_have_a_template_on_the_lattice(tmp_path: Path) -> None:
    # The same shape in frames that are shifted by more than its size, and turned.
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    image = 100 / (1 + np.exp(np.hypot(x / 1.5, y) - 7)) + 60 * np.exp(-((x - 4) ** 2 + y**2) / 6)
    rows = ["image"]
    for n, (angle, origin) in enumerate(((0, (0, 0)), (40, (60, -30)), (-50, (-20, 90)))):
        scan = sitk.GetImageFromArray(image.astype(np.float32))
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        scan.SetDirection((c, -s, s, c))
        scan.SetOrigin(tuple(map(float, origin)))
        sitk.WriteImage(scan, str(tmp_path / f"d{n}.nrrd"))
        rows.append(f"d{n}.nrrd")
    (tmp_path / "images.csv").write_text("\n".join(rows) + "\n")
    template = build_template(
        read_images(tmp_path / "images.csv"), tmp_path / "atlas", {**OPTIONS, "align": "rigid"},
        HERE, steps=1,
    )  # fmt: skip
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(template.path)))
    assert np.corrcoef(found.ravel(), image.ravel())[0, 1] > 0.99
    assert template.steps[0].shape_mm < 0.5


def _turn(degrees: float, dimension: int) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(dimension)
    matrix[:2, :2] = (c, -s), (s, c)
    return matrix


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0, 179.0, -120.0])
def test_a_map_without_its_pose_is_its_shape(dimension: int, degrees: float) -> None:
    sizes = (9, 8, 7)[:dimension]
    lattice = ImageGeometry(
        sizes, (1.0, 1.5, 2.0)[:dimension], (5.0,) * dimension, tuple(np.eye(dimension).ravel())
    )
    points = lattice.points()
    middle = points.reshape(-1, dimension).mean(axis=0)
    stretched = (points - middle) * (1.1, 0.9, 1.0)[:dimension] + middle
    rotation, offset = _turn(degrees, dimension), np.array([50.0, -30.0, 20.0])[:dimension]
    field = DisplacementField(stretched @ rotation.T + offset - points, lattice)
    found = rigid_part(field)
    assert np.allclose(found[0], rotation, atol=1e-6) and np.isclose(np.linalg.det(found[0]), 1)
    assert np.allclose(points + without_pose(field).vectors, stretched, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "spacing", "slope", "energy"),
    [
        ((9, 8), (1.0, 1.0), (2.0, 0.0), 4.0),
        ((9, 8), (0.5, 2.0), (0.0, 3.0), 9.0),  # per mm, not per voxel
        ((7, 6, 5), (0.5, 2.0, 3.0), (1.0, 2.0, 2.0), 9.0),
        ((7, 6, 1), (0.5, 2.0, 3.0), (3.0, 4.0, 0.0), 25.0),  # no slope through a single slice
        ((7, 6, 5), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 0.0),
    ],
)
def test_edge_energy_is_the_square_of_the_slope(
    size: tuple[int, ...], spacing: tuple[float, ...], slope: tuple[float, ...], energy: float
) -> None:
    dimension = len(size)
    lattice = ImageGeometry(size, spacing, (5.0,) * dimension, tuple(np.eye(dimension).ravel()))
    assert edge_energy(lattice.points() @ slope, lattice) == pytest.approx(energy)


def test_a_template_ends_when_it_changes_no_more(tmp_path: Path) -> None:
    table = write_disks(tmp_path, [9.0, 9.0], ["a", "a"])
    template = build_template(
        read_images(table), tmp_path / "atlas", {**OPTIONS, "refine": "3,2"}, HERE, steps=5
    )
    assert len(template.steps) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--reference", "z"], "--reference z: there is no such image; there are d0, d1"),
        (["--steps", "0"], "--steps: expected"),
        (["--steps", "51"], "--steps: expected an integer from 1 to 50"),
        (["--split", "x"], "--split x: the table has no splits"),
        (["--output", "."], "holds files that are not of a template"),
    ],
)
def test_templates_that_cannot_be(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    write_disks(tmp_path, [9.0, 9.5], ["a", "b"])
    (tmp_path / "images.csv").rename(tmp_path / "table.csv")
    monkeypatch.chdir(tmp_path)
    command = ["template", "table.csv", "--output", "atlas", "--workers", "0", *arguments]
    assert main(command) == 2
    assert told in capsys.readouterr().err


def test_a_template_needs_all_its_images(tmp_path: Path) -> None:
    table = write_disks(tmp_path, [9.0, 9.5, 10.0], ["a", "b", "b"])
    images = read_images(table)
    (tmp_path / "d1.nrrd").write_bytes(b"NRRD0004\n")
    with pytest.raises(InputError, match="1 of 3 images cannot be registered, d1_to_template: "):
        build_template(images, tmp_path / "atlas", {**OPTIONS, "align": "center"}, HERE, steps=1)


def test_t_values_and_uncorrected_p_are_those_of_scipy() -> None:
    from scipy import stats

    maps = np.random.default_rng(1).normal(size=(9, 4, 5))
    maps[:, 0, 0] = 3.0  # nothing varies there
    group = [True] * 4 + [False] * 5
    found = compare_groups(maps, group, permutations=50)
    expected = stats.ttest_ind(maps[:4], maps[4:])
    np.testing.assert_allclose(found.t.ravel()[1:], expected.statistic.ravel()[1:])
    np.testing.assert_allclose(found.p.ravel()[1:], expected.pvalue.ravel()[1:])
    assert (found.t[0, 0], found.p[0, 0], found.corrected[0, 0]) == (0, 1, 1)
    np.testing.assert_allclose(found.difference, maps[:4].mean(axis=0) - maps[4:].mean(axis=0))
    assert found.corrected.min() >= 1 / 50 and found.counts == (4, 5)


def test_corrected_p_is_the_rank_of_the_largest_t_of_all_groupings() -> None:
    maps = np.random.default_rng(2).normal(size=(8, 30))
    group = np.array([True] * 4 + [False] * 4)
    found = compare_groups(maps, group, permutations=300, seed=5)
    from scipy import stats

    generator = np.random.default_rng(5)
    groupings = [group, *(generator.permutation(group) for _ in range(299))]
    largest = [np.abs(stats.ttest_ind(maps[g], maps[~g]).statistic).max() for g in groupings]
    expected = [np.mean(np.array(largest) >= abs(t) - 1e-9) for t in found.t]
    np.testing.assert_allclose(found.corrected, expected)


def test_studies_without_a_difference_rarely_find_one() -> None:
    generator = np.random.default_rng(3)
    found = [
        compare_groups(generator.normal(size=(12, 40)), [True] * 6 + [False] * 6, 100).corrected
        for _ in range(200)
    ]
    # Of 200 such studies 10 are expected; 2 to 21 are within three deviations and a bit.
    assert 2 <= sum((p <= 0.05).any() for p in found) <= 21


@pytest.mark.slow
def test_a_group_of_larger_disks_is_found_where_it_is(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    radii = [*(7 + generator.normal(0, 0.2, 5)), *(9 + generator.normal(0, 0.2, 5))]
    table = write_disks(tmp_path, radii, ["small"] * 5 + ["large"] * 5)
    command = ["cohort", str(table), "--pairs", "to:d2", "--output", str(tmp_path / "study")]
    command += ["--model", "none", "--align", "none", "--refine-iterations", "20,10"]
    command += ["--workers", "0", "--threads", "1", "--pictures", "none", "--quiet"]
    command += ["--device", "cpu"]
    assert main(command) == 0
    output = tmp_path / "maps"
    command = ["morphometry", str(tmp_path / "study"), "--groups", "large", "small"]
    command += ["--output", str(output), "--fwhm", "3", "--permutations", "200"]
    assert main(command) == 0
    p, t = (sitk.GetArrayFromImage(sitk.ReadImage(str(output / f"{name}.nrrd"))) for name in (
        "p_corrected", "t"))  # fmt: skip
    middle = (slice(12, 21), slice(12, 21))
    assert (t[p < 0.05] > 0).any() and t[middle].mean() > 2 and p[middle].min() < 0.05
    assert p.min() >= 1 / 201  # of the groupings tried, one at least is as extreme: the true one
    border = np.ones(p.shape, bool)
    border[2:-2, 2:-2] = False
    assert p[border].min() > 0.05 and np.abs(t[border]).max() < 0.3 * t[middle].mean()


def test_comparisons_that_cannot_be(
    tmp_path: Path, pairs_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    command = ["cohort", str(pairs_table), "--output", str(study), "--model", "none", "--workers",
               "0", "--threads", "1", "--refine-iterations", "2", "--align", "none",
               "--pictures", "none",
               "--quiet"]  # fmt: skip
    assert main(command) == 0
    capsys.readouterr()
    maps = str(tmp_path / "maps")
    for arguments, told in (
        (["--groups", "a", "b"], "no subject of .* the column group has no values"),
        (["--groups", "a", "b", "--fwhm", "-1"], "--fwhm: expected mm"),
        (["--groups", "a", "b", "--permutations", "1"], "--permutations: expected"),
        (["--groups", "a", "b", "--seed", "-1"], "--seed: expected"),
    ):
        assert main(["morphometry", str(study), "--output", maps, *arguments]) == 2
        assert re.search(told, capsys.readouterr().err)
    with pytest.raises(InputError, match="expected at least 2 subjects in each group"):
        compare_groups(np.zeros((3, 4)), [True, False, False])
    with pytest.raises(InputError, match="no maps"):
        log_determinants([], 0)


def test_errors_and_overlaps_through_a_template() -> None:
    from Testing.Benchmarks.templates import pair_errors

    lattice = ImageGeometry((12, 10), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0, 0.0, 1.0))
    shifts = np.array([[0.0, 0.0], [2.0, 1.0], [-1.0, 2.0]])
    marks = np.array([[4.0, 4.0], [6.0, 5.0]])
    square = np.zeros(lattice.array_shape, np.uint8)
    square[3:7, 4:8] = 5
    maps, points, labels = [], [], []
    for shift in shifts:
        both = [np.broadcast_to(sign * shift, (*lattice.array_shape, 2)) for sign in (1, -1)]
        maps.append(tuple(DisplacementField(vectors.copy(), lattice) for vectors in both))
        points.append(marks + shift)
        moved = np.roll(square, shift[::-1].astype(int), axis=(0, 1))
        labels.append(lattice.to_image(moved))
    errors = pair_errors(maps, points)
    assert np.isnan(np.diag(errors)).all() and np.nanmax(errors) < 1e-6
    points[2] = points[2] + (3.0, 4.0)  # marks of the third are 5 mm off
    errors = pair_errors(maps, points)
    assert np.allclose(errors[[0, 1, 2, 2], [2, 2, 0, 1]], 5.0) and errors[0, 1] < 1e-6
    assert label_overlap(maps, labels, lattice) == [1.0, 1.0, 1.0]
