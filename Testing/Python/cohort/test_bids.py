"""BIDS data sets: which images, with which labels, masks and columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from SlicerLDMRegLib.cohort.bids import is_bids, read_bids
from SlicerLDMRegLib.errors import InputError


@pytest.fixture
def bids(tmp_path: Path) -> Path:
    root = tmp_path / "study"
    files = (
        "dataset_description.json",
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/anat/sub-01_T2w.nii.gz",
        "sub-01/anat/sub-01_T1w.json",
        "sub-02/ses-a/anat/sub-02_ses-a_acq-fast_T1w.nii",
        "sub-02/ses-b/anat/sub-02_ses-b_T1w.nii.gz",
        "sub-02/ses-b/anat/notes.nii.gz",
        "derivatives/fastsurfer/sub-01/anat/sub-01_desc-aseg_dseg.nii.gz",
        "derivatives/fastsurfer/sub-01/anat/sub-01_space-MNI_desc-aseg_dseg.nii.gz",
        "derivatives/fastsurfer/sub-01/anat/sub-01_desc-brain_mask.nii.gz",
        "derivatives/fastsurfer/sub-01/anat/sub-01_desc-lesion_mask.nii.gz",
        "derivatives/other/sub-02/ses-b/anat/sub-02_ses-b_space-orig_dseg.nii.gz",
        "derivatives/other/sub-02/ses-b/anat/sub-02_ses-b_T1w.nii.gz",
    )
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")
    (root / "participants.tsv").write_text(
        "participant_id\tage\tgroup\nsub-01\t34\tcontrol\nsub-02\tn/a\till\n"
    )
    table = root / "derivatives/fastsurfer/desc-aseg_dseg.tsv"
    table.write_text("index\tname\tcolor\n0\tnone\t#000\n17\tleft hippocampus\t#111\n")
    return root


def test_images_labels_masks_and_people(bids: Path) -> None:
    assert is_bids(bids) and not is_bids(bids / "sub-01")
    first, second, third = read_bids(bids, "T1w")
    derived = bids / "derivatives"
    assert first.image == bids / "sub-01/anat/sub-01_T1w.nii.gz"
    assert (first.id, first.subject, first.phase, first.group) == (
        "sub-01_T1w", "01", None, "control",
    )  # fmt: skip
    assert first.further == {"age": "34"}
    assert first.labels == derived / "fastsurfer/sub-01/anat/sub-01_desc-aseg_dseg.nii.gz"
    assert first.mask == derived / "fastsurfer/sub-01/anat/sub-01_desc-brain_mask.nii.gz"
    assert first.label_names == {17: "left hippocampus"}
    assert (second.id, second.phase, second.labels) == ("sub-02_ses-a_acq-fast_T1w", "a", None)
    assert second.further == {"acq": "fast"} and second.group == "ill"
    assert third.labels == derived / "other/sub-02/ses-b/anat/sub-02_ses-b_space-orig_dseg.nii.gz"
    assert third.label_names is None


def test_several_kinds_need_a_choice(bids: Path) -> None:
    with pytest.raises(InputError, match=r"2 kinds \(T1w, T2w\); choose one with --bids-suffix"):
        read_bids(bids)
    (bids / "sub-01/anat/sub-01_T2w.nii.gz").unlink()
    assert len(read_bids(bids)) == 3
    with pytest.raises(InputError, match="no images with the suffix bold, it has T1w"):
        read_bids(bids, "bold")


def test_two_label_maps_of_an_image_are_told(bids: Path) -> None:
    other = bids / "derivatives/other/sub-01/anat/sub-01_dseg.nii.gz"
    other.parent.mkdir(parents=True)
    other.touch()
    with pytest.raises(InputError, match=r"sub-01_T1w.nii.gz has 2 label maps: .*in a manifest"):
        read_bids(bids, "T1w")


def test_a_folder_without_images_is_told(tmp_path: Path) -> None:
    (tmp_path / "dataset_description.json").write_text("{}")
    with pytest.raises(InputError, match="has no images"):
        read_bids(tmp_path)


def test_a_table_that_is_not_text_is_told(bids: Path) -> None:
    (bids / "participants.tsv").write_bytes(b"participant_id\n\xff\xfe")
    with pytest.raises(InputError, match=r"participants.tsv cannot be read: it is not text"):
        read_bids(bids, "T1w")
