"""BIDS data sets: which images, with which labels, masks and columns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cohort import Means, run_cohort, write_report
from SlicerLDMRegLib.cohort.bids import is_bids, read_bids
from SlicerLDMRegLib.displacement import DisplacementField
from SlicerLDMRegLib.errors import InputError

from .conftest import blobs, plan_of


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


def names_below(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A data set of three scans of two subjects, the second with labels."""
    root = tmp_path / "scans"
    places = (
        "sub-01/anat/sub-01",
        "sub-02/ses-a/anat/sub-02_ses-a",
        "sub-02/ses-b/anat/sub-02_ses-b",
    )
    for n, place in enumerate(places):
        image = sitk.GetImageFromArray(blobs(n))
        image.SetOrigin((10.0 * n, 0.0))
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(image, f"{root / place}_T1w.nii.gz")
        labels = root / "derivatives/seg" / f"{place}_dseg.nii.gz"
        labels.parent.mkdir(parents=True)
        sitk.WriteImage(sitk.Cast(image > 60, sitk.sitkUInt8), labels)
    (root / "dataset_description.json").write_text('{"Name": "scans", "BIDSVersion": "1.10.0"}')
    return root


def test_results_are_derivatives_with_names_of_bids(scans: Path, tmp_path: Path) -> None:
    plan, folder = plan_of(scans, tmp_path / "study", pairing="to:sub-01_T1w", align="center")
    run_cohort(plan, folder, Means(workers=0, threads=1, pictures="none"))
    root = write_report(folder).derivatives
    assert root == folder.root / "bids"
    expected = {"dataset_description.json", "README"}
    for session in "ab":
        start = f"sub-02/ses-{session}/anat/sub-02_ses-{session}_"
        expected |= {f"{start}from-T1w_to-sub01T1w_mode-image_xfm.h5",
                     f"{start}from-sub01T1w_to-T1w_mode-image_xfm.h5"}  # fmt: skip
        for suffix in ("T1w", "dseg"):
            expected |= {f"{start}space-sub01T1w_{suffix}{end}" for end in (".nii.gz", ".json")}
    assert names_below(root) == expected
    description = json.loads((root / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative" and description["BIDSVersion"]
    assert description["DatasetLinks"]["raw"] == scans.as_uri()

    # from-T1w draws the T1w image in the space of the other one.
    stem = "sub-02/ses-b/anat/sub-02_ses-b_"
    fixed = sitk.ReadImage(str(scans / "sub-01/anat/sub-01_T1w.nii.gz"))
    moving = sitk.ReadImage(str(scans / f"{stem}T1w.nii.gz"))
    warped = sitk.ReadImage(str(root / f"{stem}space-sub01T1w_T1w.nii.gz"))
    field = DisplacementField.read(root / f"{stem}from-T1w_to-sub01T1w_mode-image_xfm.h5")
    drawn = sitk.Resample(moving, fixed, field.to_transform(), sitk.sitkLinear, 0.0)
    inner = (slice(4, -4), slice(4, -4))
    difference = sitk.GetArrayFromImage(warped) - sitk.GetArrayFromImage(drawn)
    assert np.abs(difference[inner]).max() < 1e-3
    sidecar = json.loads((root / f"{stem}space-sub01T1w_T1w.json").read_text())
    assert sidecar["SpatialReference"] == "bids:raw:sub-01/anat/sub-01_T1w.nii.gz"
    labels = sitk.ReadImage(str(root / f"{stem}space-sub01T1w_dseg.nii.gz"))
    assert set(np.unique(sitk.GetArrayFromImage(labels))) == {0, 1}
    assert (root / "README").stat().st_mode & 0o77 == 0 and root.stat().st_mode & 0o77 == 0


def test_derivatives_are_made_anew_only_where_results_are_new(scans: Path, tmp_path: Path) -> None:
    plan, folder = plan_of(scans, tmp_path / "study", pairing="to:sub-01_T1w")
    run_cohort(plan, folder, Means(workers=0, threads=1, pictures="none"))
    root = write_report(folder).derivatives
    files = sorted(p for p in root.rglob("sub-*") if p.is_file())
    before = {p: p.stat().st_ino for p in files}
    write_report(folder)
    assert {p: p.stat().st_ino for p in files} == before
    changed = next(iter(plan.pairs))
    moving = Path(str(changed.request.moving))
    sitk.WriteImage(sitk.ReadImage(str(moving)) * 2, str(moving))
    run_cohort(plan, folder, Means(workers=0, threads=1, pictures="none"))
    write_report(folder)
    new = {p for p in files if p.stat().st_ino != before[p]}
    assert new and all(p.parent.parent.name == moving.parent.parent.name for p in new)
    assert {p.suffix for p in new} >= {".h5", ".gz"}


def test_images_whose_letters_are_the_same_have_spaces_of_their_own() -> None:
    from SlicerLDMRegLib.cohort.bids_output import _spaces

    spaces = _spaces(
        {"sub-1_acq-11_T1w", "sub-1_acq-1_T1w", "sub-1acq1_acq-1_T1w", "sub-1_acq-1acq1_T1w"}
    )
    assert len(set(spaces.values())) == 4
    assert spaces["sub-1_acq-11_T1w"] == "sub1acq11T1w"
    assert all(label.isalnum() for label in spaces.values())


def test_a_table_has_no_derivatives(pairs_table: Path, tmp_path: Path) -> None:
    plan, folder = plan_of(pairs_table, tmp_path / "study")
    run_cohort(plan, folder, Means(workers=0, threads=1, pictures="none"))
    assert write_report(folder).derivatives is None
    assert not (folder.root / "bids").exists()
