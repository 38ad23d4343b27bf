"""Pairs of images: which are made, what goes along, and what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from SlicerLDMRegLib.cohort.naming import image_name, path_name, safe_name
from SlicerLDMRegLib.cohort.pairing import pairs_of_images
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.manifest import ImageEntry, ImagesManifest, PairEntry

ROOT = Path("/data")


def images(*names: str, **columns: list[str | None]) -> ImagesManifest:
    entries = []
    for n, name in enumerate(names):
        values = {column: cells[n] for column, cells in columns.items()}
        entries.append(ImageEntry(ROOT / f"{name}.nii.gz", **values))  # type: ignore[arg-type]
    return ImagesManifest(tuple(entries))


def names(pairs: list[PairEntry]) -> list[tuple[str, str]]:
    return [(p.fixed.name[:-7], p.moving.name[:-7]) for p in pairs]


def test_all_to_all_has_every_ordered_pair_once_and_shares_images_in_blocks() -> None:
    table = images(*(f"i{n:02d}" for n in range(20)))
    pairs = names(pairs_of_images(table, "all-to-all", ROOT))
    assert len(pairs) == 20 * 19 == len(set(pairs))
    assert all(fixed != moving for fixed, moving in pairs)
    # The first 56 pairs are those of 8 images.
    assert {name for pair in pairs[:56] for name in pair} == {f"i{n:02d}" for n in range(8)}


@pytest.mark.parametrize("wanted", ["b", "b.nii.gz", "/data/b.nii.gz", "p2", "second"])
def test_all_to_one_by_name_file_path_subject_or_id(wanted: str) -> None:
    table = images("a", "b", "c", subject=["p1", "p2", "p3"])
    if wanted == "second":
        table = images("a", "b", "c", id=["first", "second", "third"])
    assert names(pairs_of_images(table, f"to:{wanted}", ROOT)) == [("b", "a"), ("b", "c")]


def test_consecutive_frames_and_frames_to_the_first_stay_in_their_subject() -> None:
    table = images("a1", "b1", "a2", "a3", "b2", "c1", subject=["a", "b", "a", "a", "b", "c"])
    assert names(pairs_of_images(table, "consecutive", ROOT)) == [
        ("a1", "a2"), ("a2", "a3"), ("b1", "b2"),
    ]  # fmt: skip
    assert names(pairs_of_images(table, "first", ROOT)) == [
        ("a1", "a2"), ("a1", "a3"), ("b1", "b2"),
    ]  # fmt: skip
    series = images("f1", "f2", "f3")
    assert names(pairs_of_images(series, "consecutive", ROOT)) == [("f1", "f2"), ("f2", "f3")]


def test_what_belongs_to_the_images_goes_along() -> None:
    fixed = ImageEntry(
        ROOT / "a.nrrd",
        labels=ROOT / "la.nrrd",
        label_names={1: "left"},
        landmarks=ROOT / "a.csv",
        mask=ROOT / "ma.nrrd",
        subject="p1",
        split="train",
    )
    moving = ImageEntry(
        ROOT / "b.nrrd",
        labels=ROOT / "lb.nrrd",
        subject="p2",
        phase="3",
        split="train",
        group="ill",
        further={"age": "71", "moving_labels": "no"},
    )
    pair = pairs_of_images(ImagesManifest((fixed, moving)), "to:p1", ROOT)[0]
    assert pair == PairEntry(
        ROOT / "a.nrrd",
        ROOT / "b.nrrd",
        fixed_labels=ROOT / "la.nrrd",
        moving_labels=ROOT / "lb.nrrd",
        fixed_landmarks=ROOT / "a.csv",
        fixed_mask=ROOT / "ma.nrrd",
        label_names={1: "left"},
        id="b_to_a",
        split="train",
        group="ill",
        further={"age": "71", "fixed_subject": "p1", "moving_subject": "p2", "moving_phase": "3"},
    )


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("all", "--pairs: expected all-to-all, to:ID, consecutive, first, got all"),
        ("to:z", "--pairs to:z: there is no such image; there are a, b"),
        ("to:p", "--pairs to:p: expected one image, there are a, b"),
        ("to:", "--pairs to:: there is no such image"),
    ],
)
def test_pairings_that_cannot_be(how: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        pairs_of_images(images("a", "b", subject=["p", "p"]), how, ROOT)


def test_a_table_without_any_pair_is_told() -> None:
    with pytest.raises(InputError, match="2 images gives no pair"):
        pairs_of_images(images("a", "b", subject=["p", "q"]), "first", ROOT)


def test_two_images_of_one_name_are_told() -> None:
    table = ImagesManifest((ImageEntry(ROOT / "a.nrrd"), ImageEntry(ROOT / "A.mha")))
    with pytest.raises(
        InputError, match=r"a.nrrd and /data/A.mha are both named A; give each an id"
    ):
        pairs_of_images(table, "all-to-all", ROOT)


def test_names_are_those_of_folders() -> None:
    assert path_name(ROOT / "sub-01/anat/sub-01_T1w.nii.gz", ROOT) == "sub-01_anat_sub-01_T1w"
    assert path_name(ROOT / "cine.tif#frame=3", ROOT) == "cine-frame3"
    assert image_name(ImageEntry(ROOT / "x.nrrd", id="a"), ROOT) == "a"
    outside = [path_name(Path(f"/other{n}/scan.nrrd"), ROOT) for n in range(2)]
    assert outside[0] != outside[1] and outside[0].startswith("scan-")


@pytest.mark.parametrize(
    "text", ["../../etc", "a/b", "CON", "x" * 300, "\u202e\x1b[31m", "ä", "", ".hidden", "a b", "-"]
)
def test_any_text_becomes_a_safe_name_of_its_own(text: str) -> None:
    name = safe_name(text)
    assert name != text and 0 < len(name) <= 80 and "/" not in name and name.isascii()
    assert name[0] not in ".-" and name == safe_name(text) != safe_name(text + "x")
