"""The split by patient, on names alone and on the real files."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from training.datasets.cardiac_mr import SPLITS, CardiacMRDataset, patient_of, split_patients

PATIENTS = [
    f"SC-{group}-{i:02d}"
    for group, count in (("HF-I", 8), ("HF-NI", 8), ("HYP", 8), ("N", 6))
    for i in range(count)
]


def test_split_is_20_4_6_with_every_group_in_every_part() -> None:
    parts = split_patients(PATIENTS)
    assert [len(parts[name]) for name in SPLITS] == [20, 4, 6]
    assert sorted(p for part in parts.values() for p in part) == sorted(PATIENTS)
    for part in parts.values():
        assert {p.rsplit("-", 1)[0] for p in part} == {"SC-HF-I", "SC-HF-NI", "SC-HYP", "SC-N"}


def test_split_depends_on_nothing_but_the_names() -> None:
    shuffled = PATIENTS * 2
    random.Random(0).shuffle(shuffled)
    assert split_patients(shuffled) == split_patients(PATIENTS)


def test_split_refuses_unknown_groups_and_incomplete_data() -> None:
    with pytest.raises(ValueError, match="HF-I, HF-NI, HYP, N, got 'patient0001'"):
        split_patients([*PATIENTS, "patient0001"])
    with pytest.raises(ValueError, match="more than 2 patients of group N, got 2"):
        split_patients(
            [p for p in PATIENTS if p not in ("SC-N-02", "SC-N-03", "SC-N-04", "SC-N-05")]
        )


def test_dataset_reads_pairs_stretched_to_unit_range(tmp_path: Path) -> None:
    image = np.arange(16, dtype=np.uint8).reshape(4, 4) + 20
    labels = (image > 30).astype(np.uint8)
    np.savez(
        tmp_path / "SC-N-07_s04.npz",
        fixed=image,
        moving=image[::-1],
        fixed_seg=labels,
        moving_seg=0 * labels,
    )
    dataset = CardiacMRDataset(tmp_path, "all")
    assert len(dataset) == 1
    pair = dataset[0]
    assert patient_of(pair.name) == "SC-N-07"
    assert pair.fixed.dtype == np.float32
    np.testing.assert_allclose(pair.fixed, np.arange(16).reshape(4, 4) / 15, rtol=1e-6)
    assert pair.moving[0, 0] == pair.fixed[3, 0]
    np.testing.assert_array_equal(pair.fixed_labels, labels)


def test_dataset_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no <patient>_s<slice>\.npz file"):
        CardiacMRDataset(tmp_path, "test")
    with pytest.raises(ValueError, match="train, validation, test, all; got 'dev'"):
        CardiacMRDataset(tmp_path, "dev")


def test_real_splits_share_no_patient(shared_data: Path) -> None:
    parts = [CardiacMRDataset(shared_data / "data" / "cardiac_mr", name) for name in SPLITS]
    assert [len(part) for part in parts] == [40, 8, 12]
    patients = [{patient_of(file.stem) for file in part.files} for part in parts]
    assert not (patients[0] & patients[1] or patients[0] & patients[2] or patients[1] & patients[2])
    for pair in parts[2]:
        assert pair.fixed.shape == (128, 128)
        assert pair.fixed_labels.sum() > pair.moving_labels.sum()  # the heart contracts
