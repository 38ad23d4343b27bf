"""Single structures: what is told about them, in which order, and which are called worst."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from matplotlib.image import imread

from SlicerLDMRegLib.report import judge
from SlicerLDMRegLib.report.canvas import CARD, LIGHT
from SlicerLDMRegLib.report.structure_chart import chart_png, chart_size
from SlicerLDMRegLib.report.structure_table import structure_table
from SlicerLDMRegLib.report.structures import (
    Structure,
    label_sizes,
    lowest,
    structures_of,
    unmatched_labels,
    worsened,
)

NAN = float("nan")


def values(**sides: dict[int, float]) -> dict[str, Any]:
    """Return metrics with the Dice of each side, and their means."""
    return {
        side: {"dice": dice, "dice_mean": float(np.nanmean(list(dice.values())))}
        for side, dice in sides.items()
    }


def many(number: int) -> list[Structure]:
    return [
        Structure(label=n, name=f"S{n}", before=0.1, after=n / (number + 1))
        for n in range(1, number + 1)
    ]


def test_structures_have_names_and_take_keys_of_json() -> None:
    metrics = values(before={2: 0.5, 1: NAN}, after={2: 0.7, 1: 0.1})
    metrics["after"]["hd95"] = {"2": 3.0}
    metrics["label_names"] = {"2": "Left-Hippocampus"}
    first, second = structures_of(metrics, {2: 4.5})
    assert (first.title, first.before, first.change) == ("Label 1", None, None)
    assert (second.title, second.hd95_after, second.size) == ("Left-Hippocampus", 3.0, 4.5)
    assert second.change == pytest.approx(0.2)
    assert structures_of({}) == []


def test_loss_is_against_the_better_of_before_and_aligned() -> None:
    metrics = values(
        before={1: 0.2, 2: 0.8, 3: 0.5},
        aligned={1: 0.6, 2: 0.5, 3: 0.5},
        after={1: 0.5, 2: 0.6, 3: 0.499},
    )
    structures = structures_of(metrics)
    assert [s.loss for s in structures] == pytest.approx([0.1, 0.2, 0.001])
    assert [s.label for s in worsened(structures)] == [2, 1]  # 0.001 is jitter
    assert structures[0].reference == (0.6, "aligned")
    assert [s.label for s in lowest(structures, 2)] == [3, 1]


def test_verdict_names_the_structures_that_lost_overlap() -> None:
    good = values(before={n: 0.4 for n in range(1, 9)}, after={n: 0.8 for n in range(1, 9)})
    assert judge(good).status == "good"
    assert "8 of 8 structures overlap better than before." in judge(good).findings
    bad = values(before={n: 0.4 for n in range(1, 9)}, after={n: 0.8 for n in range(1, 9)})
    bad["label_names"] = {3: "Left-vessel"}
    bad["before"]["dice"][3], bad["after"]["dice"][3] = 0.4, 0.3
    verdict = judge(bad)
    assert verdict.status == "check"
    assert any("Left-vessel (0.40 → 0.30)" in finding for finding in verdict.findings)
    # A little less in one of many is told, but is no reason for doubt.
    bad["after"]["dice"][3] = 0.38
    assert judge(bad).status == "good"
    assert any("Left-vessel" in finding for finding in judge(bad).findings)


def test_verdict_says_nothing_of_a_single_structure() -> None:
    assert len(judge(values(before={1: 0.5}, after={1: 0.8})).findings) == 1  # the mean


def test_an_error_of_rounding_is_told_as_none() -> None:
    """A warp through the landmarks meets them but for the last bit."""
    metrics = {"before": {"tre": 21.97}, "aligned": {"tre": 1.07e-14}, "after": {"tre": 1.29}}
    told = [finding for finding in judge(metrics).findings if "landmark error was" in finding]
    assert told == ["After the alignment alone the landmark error was 0.00 mm."]
    metrics["aligned"]["tre"] = 0.5
    assert "After the alignment alone the landmark error was 0.50 mm." in judge(metrics).findings


def test_rows_are_ranked_by_every_column_and_what_is_unknown_comes_last() -> None:
    structures = [
        Structure(5, "b", before=0.1, after=0.9, hd95_after=1.0),
        Structure(7, "a", before=0.2, after=0.3, hd95_after=9.0),
        Structure(9, "c", before=None, after=0.5),
    ]
    table = structure_table(structures)
    ranks = [
        {key: int(rank) for key, rank in re.findall(r"--([\w-]+):(-?\d+)", row.order)}
        for row in table.rows
    ]

    def order(key: str, reverse: bool = False) -> list[int]:
        keyed = [
            (r.get(f"{key}-r", -r[key]) if reverse else r[key], row.label)
            for r, row in zip(ranks, table.rows, strict=True)
        ]
        return [label for _, label in sorted(keyed, key=lambda pair: pair[0])]

    assert order("label") == [5, 7, 9]
    assert order("name") == [7, 5, 9]
    assert order("after") == [7, 9, 5]  # the lowest first
    assert order("after", reverse=True) == [5, 9, 7]
    assert order("hd95-after") == [7, 5, 9]  # the largest first, unknown last
    assert ranks[2]["hd95-after"] > max(ranks[0]["hd95-after"], ranks[1]["hd95-after"])
    assert ranks[2]["before-r"] < 0


def test_cells_tell_better_from_worse_and_leave_out_what_nobody_has() -> None:
    structures = structures_of(
        values(before={1: 0.5, 2: NAN}, aligned={1: 0.8}, after={1: 0.7, 2: 0.1})
    )
    table = structure_table(structures, {2: "new"}, unmatched="Not measured.")
    assert [column.key for column in table.columns] == [
        "name", "before", "aligned", "after", "change",
    ]  # fmt: skip
    first, second = table.rows
    assert list(first.cells.values()) == ["0.500", "0.800", "0.700", "+0.200"]
    assert first.tones == {"change": "better", "after": "worse"}
    assert first.lost and not second.lost
    assert second.cells["before"] == second.cells["change"] == "\u2013"
    assert (second.tag, second.bar_before, second.bar_after) == ("new", None, 10.0)
    assert table.worsened == [("Label 1", "0.80 aligned", "0.70")]
    assert table.lowest == []  # two are no ranking
    assert [row[0] for row in structure_table(many(9)).lowest][:2] == ["S1", "S2"]


def test_sizes_and_labels_of_one_image_only() -> None:
    array = np.zeros((4, 5, 6), np.uint8)
    array[0, 0, :3], array[1] = 7, 9
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 2.0, 5.0))
    assert label_sizes(image) == pytest.approx({7: 0.03, 9: 0.3})  # ml
    assert label_sizes(image[:, :, 0]) == pytest.approx({7: 6.0})  # mm²
    assert label_sizes(None) == {}
    assert unmatched_labels({1: 1.0}, {1: 2.0}, {}) == ""
    text = unmatched_labels({1: 1.0, 2: 1.0}, {1: 1.0, 3: 1.0}, {2: "Liver"})
    assert "fixed image: Liver" in text
    assert "moving image: label 3" in text


def rgb(color: str) -> np.ndarray:
    return np.array([int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)])


@pytest.mark.parametrize("style", [LIGHT, CARD])
def test_chart_marks_in_alarm_only_what_lost_overlap(style: Any) -> None:
    def alarmed(structures: list[Structure]) -> int:
        image = np.asarray(imread(io.BytesIO(chart_png(structures, style)), format="png"))[..., :3]
        assert np.allclose(image[0, 0], rgb(style.background), atol=0.01)
        return int((np.abs(image - rgb(style.alarm)).max(axis=-1) < 0.05).sum())

    gained = [Structure(n, before=0.2, after=0.6) for n in range(1, 6)]
    assert alarmed(gained) == 0
    one = alarmed([*gained, Structure(6, before=0.6, after=0.2)])
    two = alarmed([*gained, *(Structure(n, before=0.6, after=0.2) for n in (6, 7))])
    assert 0 < one < two


def test_chart_grows_with_the_structures_up_to_a_limit() -> None:
    heights = [chart_size(many(number))[1] for number in (5, 35, 100, 1000)]
    assert heights[0] < heights[1] < heights[2] == heights[3]
    assert chart_png([Structure(1, "$x_1$ " * 20, before=None, after=0.5)])
