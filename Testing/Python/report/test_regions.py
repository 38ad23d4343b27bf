"""The regions of a registration by text prompts: matched, new, background, and what they prove."""

from __future__ import annotations

from typing import Any

import pytest

from SlicerLDMRegLib.report import judge
from SlicerLDMRegLib.report.regions import regions_of
from SlicerLDMRegLib.report.structures import names_by_label


def summary(**changes: Any) -> dict[str, Any]:
    return {
        "source": "given labels",
        "matched": {17: {"name": "hippocampus left", "region": "Left-Hippocampus"}},
        "new": {"900": {"name": "tumour", "prompt": "A magnetic resonance imaging of a tumour."}},
        "background": {5: {"name": "scalp", "reason": "no prompt"}},
        "guided_by_measured_labels": True,
        **changes,
    }


def test_regions_are_grouped_and_keep_what_the_reader_needs() -> None:
    regions = regions_of({"regions": summary()})
    assert regions is not None
    assert [(g.key, [(r.label, r.name, r.detail) for r in g.regions]) for g in regions.groups] == [
        ("matched", [(17, "hippocampus left", "Left-Hippocampus")]),
        ("new", [(900, "tumour", "A magnetic resonance imaging of a tumour.")]),
        ("background", [(5, "scalp", "no prompt")]),
    ]
    assert regions.tags == {900: "new", 5: "background"}
    assert regions.guided and regions.given


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("segmenter segment-brain-mr", "segmenter segment-brain-mr"),
        ("given labels", "given for the fixed image"),
        ("the given segmentation", "come from the given segmentation"),
        ("none", "No region guided the network: there were no labels and no segmenter."),
    ],
)
def test_source_is_said_in_words(source: str, said: str) -> None:
    regions = regions_of({"regions": summary(source=source)})
    assert regions is not None
    assert said in regions.source


def test_methods_without_regions_have_no_section() -> None:
    assert regions_of({}) is None
    assert regions_of({"regions": None}) is None
    empty = regions_of({"regions": {"source": "none", "note": "it has no segmenter."}})
    assert empty is not None
    assert empty.source == "No region guided the network: it has no segmenter."
    assert empty.groups == [] and not empty.guided


def test_names_of_regions_serve_labels_without_names_only_where_they_are_the_same() -> None:
    assert names_by_label({"regions": summary()})[17] == "hippocampus left"
    assert names_by_label({"regions": summary(source="segmenter x")}) == {}
    named = {"regions": summary(), "label_names": {"17": "Hippocampus"}}
    assert names_by_label(named)[17] == "Hippocampus"


def test_verdict_says_that_guiding_labels_prove_nothing() -> None:
    assert any("not independent evidence" in f for f in judge({"regions": summary()}).findings)
    free = judge({"regions": summary(guided_by_measured_labels=False, background={})})
    assert free.findings == []
