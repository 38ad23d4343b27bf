"""Labels of two images are paired by their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.images import notes_of
from SlicerLDMRegLib.pipeline import RegistrationRequest
from SlicerLDMRegLib.pipeline.inputs import read_inputs
from SlicerLDMRegLib.segmentation.pairing import numbered_like
from SlicerLDMRegLib.segmentation.slicer_file import add_segments

LATTICE = ImageGeometry((10, 9, 8), (1.0,) * 3, (0.0,) * 3, (1.0, 0, 0, 0, 1, 0, 0, 0, 1))


def labels(*numbers: int, dtype: type = np.uint8) -> sitk.Image:
    """One plane of each number."""
    array = np.zeros(LATTICE.array_shape, dtype)
    for plane, number in enumerate(numbers, 1):
        array[plane] = number
    return LATTICE.to_image(array)


def planes(image: sitk.Image) -> list[int]:
    return [int(v) for v in sitk.GetArrayViewFromImage(image)[:, 0, 0]]


@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        ({1: "spleen", 2: "liver", 3: "tumour"}, {1: "liver", 2: "tumour", 3: "spleen"}, [3, 1, 2]),
        ({1: " Liver ", 2: "SPLEEN", 3: "x"}, {7: "liver", 9: "spleen"}, [7, 9, 10]),
        ({1: "a", 2: "b", 3: "c"}, {1: "a", 2: "b", 3: "c"}, [1, 2, 3]),
        ({1: "a", 2: "b", 3: "c"}, {}, [1, 2, 3]),
        ({1: "other", 2: "a", 3: "b"}, {1: "a", 2: "b"}, [4, 1, 2]),
        ({1: "a", 2: "b", 3: "a"}, {1: "b", 5: "a"}, [6, 1, 7]),  # one name twice
        ({1: "b", 2: "a", 3: "c"}, {1: "a", 2: "a", 3: "b", 4: "c"}, [3, 5, 4]),
        ({1: "a", 2: "b", 3: "c"}, {70000: "a", 2: "b", 300: "c"}, [70000, 2, 300]),
        ({1: "a"}, {2: "a"}, [2, 3, 4]),  # the others have no name and must not become the 2
    ],
)
def test_names_tell_what_is_the_same(
    own: dict[int, str], others: dict[int, str], expected: list[int]
) -> None:
    image, names = numbered_like(labels(1, 2, 3), own, others)
    found = planes(image)[1:4]
    if own == {1: "a"}:
        assert found[0] == 2 and 2 not in found[1:]
        return
    assert found == expected and planes(image)[0] == 0
    for number, name in own.items():
        assert names[expected[number - 1]] == name
    twice = len({n.strip().casefold() for n in own.values()}) < 3 or len(
        set(others.values())
    ) < len(others)
    assert bool(notes_of(image)) == twice


def test_large_numbers() -> None:
    image, _ = numbered_like(
        labels(2**31 + 5, 2**40, dtype=np.int64), {2**31 + 5: "b", 2**40: "a"}, {3: "a", 2**62: "b"}
    )
    assert planes(image)[1:3] == [2**62, 3]


def test_files_of_slicer_are_paired(tmp_path: Path) -> None:
    images = [
        LATTICE.to_image(np.random.default_rng(n).random(LATTICE.array_shape)) for n in (0, 1)
    ]
    for side, numbers, names in (
        ("fixed", (1, 2, 3), {1: "liver", 2: "tumour", 3: "spleen"}),
        ("moving", (3, 1, 2), {3: "liver", 1: "tumour", 2: "spleen"}),
    ):
        sitk.WriteImage(add_segments(labels(*numbers), names), str(tmp_path / f"{side}.seg.nrrd"))
    labels_of = {s: str(tmp_path / f"{s}.seg.nrrd") for s in ("fixed", "moving")}
    inputs = read_inputs(
        RegistrationRequest(
            *images, fixed_labels=labels_of["fixed"], moving_labels=labels_of["moving"]
        )
    )
    assert inputs.fixed_labels is not None and inputs.moving_labels is not None
    assert planes(inputs.moving_labels) == planes(inputs.fixed_labels)


def test_the_case_of_the_collection(shared_data: Path) -> None:
    case = shared_data / "cases"
    if not case.is_dir():
        pytest.skip("needs ../shared/cases")
    inputs = read_inputs(
        RegistrationRequest(
            str(case / "plain" / "fixed.nii.gz"),
            str(case / "plain" / "moving.nii.gz"),
            fixed_labels=str(case / "7-names" / "fixed.seg.nrrd"),
            moving_labels=str(case / "7-names" / "moving.seg.nrrd"),
        )
    )
    fixed, moving = (
        sitk.GetArrayViewFromImage(image) for image in (inputs.fixed_labels, inputs.moving_labels)
    )
    for number in inputs.label_names:
        both = np.count_nonzero((fixed == number) & (moving == number))
        size = np.count_nonzero(fixed == number) + np.count_nonzero(moving == number)
        assert 2 * both / size > 0.5
