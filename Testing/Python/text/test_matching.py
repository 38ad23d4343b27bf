"""Names of structures find their region, or none; never the wrong side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from SlicerLDMRegLib.text import BTCV, label_scheme, match_region

BRAIN = label_scheme("freesurfer35")
ABDOMEN = label_scheme("btcv")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("left hippocampus", 17),
        ("LEFT_HIPPOCAMPUS", 17),
        ("Hippocampus, left", 17),
        ("hippocampus L", 17),
        ("lh-hippocampus", 17),
        ("LeftHippocampus", 17),
        ("Right-Hippocampus", 53),
        ("rh.hippocampus", 53),
        ("right hippocampal formation", 53),
        ("Left-Thalamus-Proper", 10),
        ("thalamus_r", 49),
        ("left grey matter of the cerebellum", 8),
        ("left cerebellar cortex", 8),
        ("right cortex", 42),
        ("left white matter", 2),
        ("left cerebral WM", 2),
        ("Right globus pallidus", 52),
        ("caudate nucleus (right)", 50),
        ("left nucleus accumbens", 26),
        ("Left-VentralDC", 28),
        ("left ventral DC", 28),
        ("left lateral ventricle", 4),
        ("left inferior lateral ventricle", 5),
        ("left lateral ventricle, inferior horn", 5),
        ("third ventricle", 14),
        ("3rd_ventricle", 14),
        ("brainstem", 16),
        ("Brain Stem", 16),
    ],
)
def test_brain_names(name: str, label: int) -> None:
    assert match_region(name, BRAIN) == label


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("kidney_right", 2),
        ("Gall Bladder", 4),
        ("oesophagus", 5),
        ("IVC", 9),
        ("suprarenal gland, left", 13),
        ("right adrenal", 12),
    ],
)
def test_abdominal_names(name: str, label: int) -> None:
    assert match_region(name, ABDOMEN) == label


@pytest.mark.parametrize(
    "name",
    [
        "hippocampus",
        "left and right hippocampus",
        "bilateral hippocampus",
        "left kidney",
        "left brain stem",
        "ventricle",
        "left ventricle",
        "cerebellum",
        "",
        "left",
        "17",
    ],
)
def test_nothing_is_guessed(name: str) -> None:
    assert match_region(name, BRAIN) is None


def test_a_side_that_the_model_lacks_is_no_match() -> None:
    scheme = {"1": {"name": "left lung"}, "2": {"name": "kidney"}}
    assert match_region("right lung", scheme) is None
    assert match_region("left kidney", scheme) is None
    assert match_region("kidney", scheme) == 2


def test_a_name_of_two_regions_is_no_match() -> None:
    scheme = {"1": {"name": "Cortex"}, "2": {"name": "cerebral cortex"}}
    assert match_region("cerebral cortex", scheme) is None


def test_every_mirrored_name_finds_the_other_side() -> None:
    swap = {"left": "right", "right": "left"}
    for number, region in BRAIN.items():
        side, *rest = region["prompt"].split()
        if side in swap:
            other = match_region(" ".join([swap[side], *rest]), BRAIN)
            assert other is not None
            assert other != int(number)
            assert BRAIN[str(other)]["name"].lower().startswith(swap[side])


def test_names_of_a_public_segmentation_find_the_organs_of_btcv(shared_data: Path) -> None:
    names = json.loads((shared_data / "data/abdomen_ct/labels13.json").read_text())
    found = {name: match_region(name, ABDOMEN) for name in names.values()}
    assert sorted(filter(None, found.values())) == sorted(BTCV)
    assert found["adrenal_gland_right"] == 12
