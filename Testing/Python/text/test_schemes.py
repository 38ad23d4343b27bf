"""Label schemes by name."""

from __future__ import annotations

from collections import Counter

import pytest

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.text import (
    BTCV,
    FREESURFER,
    FREESURFER35,
    SCHEMES,
    label_scheme,
    match_region,
    scheme_names,
)

OASIS = [2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 26, 28, 30, 31]
OASIS += [41, 42, 43, 44, 46, 47, 49, 50, 51, 52, 53, 54, 58, 60, 62, 63]


def test_oasis_structures_in_their_order() -> None:
    assert list(FREESURFER35) == OASIS
    assert (FREESURFER35[17], FREESURFER35[53]) == ("Left-Hippocampus", "Right-Hippocampus")


def test_both_hemispheres_have_the_same_structures() -> None:
    sides = Counter(name.split("-")[0] for name in FREESURFER35.values())
    assert sides["Left"] == sides["Right"] == 16
    left = {name[4:] for name in FREESURFER35.values() if name.startswith("Left")}
    assert left == {name[5:] for name in FREESURFER35.values() if name.startswith("Right")}


def test_wider_scheme_holds_the_35_and_the_cortex() -> None:
    assert FREESURFER35.items() <= FREESURFER.items()
    cortex = {n: name for n, name in FREESURFER.items() if n >= 1000}
    assert len(cortex) == 68
    assert all(
        cortex[n + 1000] == name.replace("lh", "rh") for n, name in cortex.items() if n < 2000
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_region_is_matched_by_its_name_and_its_words(scheme: str) -> None:
    regions = label_scheme(scheme)
    for number, region in regions.items():
        assert match_region(region["name"], regions) == int(number)
        assert match_region(region["prompt"], regions) == int(number)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_words_are_fit_for_a_prompt(scheme: str) -> None:
    words = [region["prompt"] for region in label_scheme(scheme).values()]
    assert len(set(words)) == len(words)
    assert all(w == w.lower() and "-" not in w and "_" not in w for w in words)


def test_words_of_short_names_are_written_out() -> None:
    regions = label_scheme("freesurfer")
    assert regions["44"]["prompt"] == "right inferior lateral ventricle"
    assert regions["28"]["prompt"] == "left ventral diencephalon"
    assert regions["2028"]["prompt"] == "right superior frontal gyrus"


def test_scheme_of_names_from_a_file() -> None:
    regions = label_scheme({9: "kidney_right", 4: "Left-VentralDC"})
    assert regions == {
        "4": {"name": "Left-VentralDC", "prompt": "left ventral diencephalon"},
        "9": {"name": "kidney_right", "prompt": "kidney right"},
    }
    assert list(regions) == ["4", "9"]


def test_names_are_the_callers_own() -> None:
    names = scheme_names("BTCV")
    names[1] = "changed"
    assert BTCV[1] == "spleen"


def test_unknown_scheme_is_refused() -> None:
    with pytest.raises(InputError, match=r"freesurfer35.*btcv.*got 'talairach'"):
        scheme_names("talairach")
