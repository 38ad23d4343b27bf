"""Tables and page of a cohort; the page in a real browser, where there is one."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.cohort import Means, run_cohort, write_report
from SlicerLDMRegLib.cohort.moments import moments_of_images
from SlicerLDMRegLib.cohort.page import render_page
from SlicerLDMRegLib.cohort.pictures import ratio_ticks
from SlicerLDMRegLib.cohort.rows import COLUMNS
from SlicerLDMRegLib.cohort.summary import mark_outliers, quality, worst
from SlicerLDMRegLib.errors import InputError

from .conftest import plan_of

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
NASTY = '</script><script>document.title="x"</script><img src=x onerror=alert(1)>&\u202e\x1b[0m'


def rows(count: int) -> list[dict[str, Any]]:
    """Rows of a large cohort, among them failed ones, outliers and nasty names."""
    generator = np.random.default_rng(1)
    found = []
    for n in range(count):
        row: dict[str, Any] = dict.fromkeys(COLUMNS)
        dice = float(np.clip(generator.normal(0.85, 0.03), 0, 1))
        row |= {
            "id": f"sub-{n:05d}_to_template",
            "status": "done",
            "verdict": "good" if dice > 0.82 else "check" if dice > 0.79 else "bad",
            "quality": dice,
            "dice_after": dice,
            "unlike_after": 0.3 - 0.2 * dice,
            "sdlogj": float(generator.gamma(4, 0.05)),
            "folds": 0.0,
            "seconds": float(generator.gamma(9, 1.0)),
            "site": ("north", "south")[n % 2],
            "moving": f"/data/sub-{n:05d}.nii.gz",
            "folder": f"pairs/00/sub-{n:05d}_to_template",
        }
        found.append(row)
    found[7] |= {"dice_after": 0.31, "quality": 0.31, "verdict": "bad", "reason": NASTY}
    found[8] |= {"status": "failed", "verdict": None, "dice_after": None, "quality": None,
                 "reason": "out of memory", "folder": None}  # fmt: skip
    found[9] |= {"site": NASTY}
    mark_outliers(found)
    return found


def page(path: Path, count: int) -> Path:
    table = rows(count)
    pictures = [(row, None) for row in worst(table, 3)]
    path.write_text(render_page(table, pictures, None, {"source": f"/x/{NASTY}"}), "utf-8")
    return path


def dumped(path: Path, fragment: str = "") -> str:
    """The document as a browser has made it, scripts included."""
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000",
               "--virtual-time-budget=3000", "--dump-dom", path.as_uri() + fragment]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def shown(document: str) -> list[list[str]]:
    """The cells of the rows that are in the table."""
    body = re.search(r'<table id="pairs".*?<tbody>(.*?)</tbody>', document, re.S)
    assert body is not None
    lines = re.findall(r"<tr>(.*?)</tr>", body[1], re.S)
    return [
        [html.unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(r"<td.*?</td>", line)]
        for line in lines
    ]


def count(document: str) -> str:
    found = re.search(r'<span id="count"[^>]*>([^<]*)</span>', document)
    assert found is not None
    return found[1]


@needs_browser
def test_ten_thousand_rows_in_a_browser(tmp_path: Path) -> None:
    path = page(tmp_path / "report.html", 10_000)
    document = dumped(path)
    assert count(document) == "10,000 of 10,000"
    lines = shown(document)
    # Few of the rows are in the document; failed ones come first, then bad ones, worst first.
    assert 10 < len(lines) < 100
    assert lines[0][0] == "sub-00008_to_template" and lines[0][1] == "failed"
    assert lines[1][0] == "sub-00007_to_template" and "Dice" in lines[1][3]
    assert document.count('class="chart"') >= 4
    assert "<title>Cohort report" in document  # no name of a file has run as a script
    took = re.search(r'data-milliseconds="([\d.]+)"', document)
    # A tenth of a second on a quiet computer; on a busy one it took two.
    assert took is not None and float(took[1]) < 5000
    assert NASTY not in document and "onerror=alert(1)&gt;" in document


@needs_browser
def test_failed_pairs_tell_their_reason_where_others_have_numbers(tmp_path: Path) -> None:
    table = rows(30)
    reason = "moving image x.nrrd is cut off; " + 20 * "copy it again "
    table[8] = dict.fromkeys(COLUMNS) | {"id": "sub-8", "status": "failed", "reason": reason}
    path = tmp_path / "report.html"
    path.write_text(render_page(table, [], None, {}), "utf-8")
    document = dumped(path)
    first = re.search(r"<tbody>.*?(<tr>.*?</tr>)", document.partition('id="pairs"')[2], re.S)
    assert first is not None
    found = re.search(r'<td colspan="(\d+)" class="text reason"[^>]*>([^<]*)</td>', first[1])
    assert found is not None and found[2] == reason and int(found[1]) >= 6
    # Of the others the verdict has a colour, not that they are done.
    second = document.partition('id="pairs"')[2].partition(first[1])[2]
    assert re.search(r'<td class="text">done</td><td class="text bad">bad</td>', second)


@pytest.mark.parametrize(
    ("pairing", "count", "told"),
    [
        ("to:sub-01", 3, "3 pairs, all to sub-01"),
        ("all-to-all", 3, "3 pairs, all to all"),
        ("consecutive", 3, "3 pairs, each frame to the one before it"),
        ("first", 3, "3 pairs, each frame to the first"),
        (None, 1, '<p class="sub">1 pair</p>'),
    ],
)
def test_the_page_says_in_words_what_the_pairs_are(
    pairing: str | None, count: int, told: str
) -> None:
    table = [dict.fromkeys(COLUMNS) | {"id": str(n), "status": "missing"} for n in range(count)]
    assert told in render_page(table, [], None, {"pairing": pairing})


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ({"quality": 0.8, "dice_after": 0.8}, ["dice_after"]),
        ({"quality": 0.8, "unlike_after": 0.2}, ["quality", "unlike_after"]),
        ({"quality": 0.7}, ["quality"]),
        ({"dice_after": 0.7}, ["dice_after"]),
        ({}, []),
    ],
)
def test_no_distribution_is_drawn_twice(values: dict[str, float], drawn: list[str]) -> None:
    table = [dict.fromkeys(COLUMNS) | {"id": "a", "status": "done", "verdict": "good"} | values]
    text = render_page(table, [], None, {})
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    assert data["drawn"] == drawn


@pytest.mark.parametrize("spread", [1.05, 1.3, 1.9, 4.0, 12.0, 1000.0])
def test_a_scale_of_ratios_has_few_ticks_in_plain_numbers(spread: float) -> None:
    ticks = ratio_ticks(spread)
    assert 3 <= len(ticks) <= 5 and ticks == sorted(ticks) and 1.0 in ticks
    assert 1 / spread <= ticks[0] and ticks[-1] <= spread and ticks[-1] ** 3 >= min(spread, 100)
    assert np.allclose(np.log(ticks), -np.log(ticks[::-1]))
    assert not any("e" in f"{tick:.3g}" for tick in ticks)


@needs_browser
@pytest.mark.parametrize(
    ("fragment", "told"),
    [
        ("sort=quality", lambda lines: lines[0][0] == "sub-00007_to_template"),
        ("sort=-seconds", lambda lines: float(lines[0][9]) > float(lines[5][9]) > 9),
        ("filter=site:south", lambda lines: all("south" in line for line in lines)),
        (
            "filter=dice_after%3C0.5",
            lambda lines: [x[0] for x in lines] == ["sub-00007_to_template"],
        ),
        ("filter=state:failed", lambda lines: len(lines) == 1 and lines[0][1] == "failed"),
        ("filter=sub-00123", lambda lines: lines[0][0] == "sub-00123_to_template"),
        ("filter=outlier:*%20state:bad", lambda lines: all(line[3] for line in lines)),
    ],
)
def test_sorting_and_filters_in_a_browser(tmp_path: Path, fragment: str, told: Any) -> None:
    lines = shown(dumped(page(tmp_path / "report.html", 300), f"#{fragment}"))
    assert lines and told(lines), lines[:3]


def test_the_page_is_one_file_without_a_network(tmp_path: Path) -> None:
    text = page(tmp_path / "report.html", 50).read_text("utf-8")
    assert "http://www.w3.org" in text  # the name of SVG, not an address
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)
    assert "default-src 'none'" in text
    # Texts of files end no element, and do not turn the text around.
    assert text.count("</script>") == 2 and "\u202e" not in text and "\x1b" not in text
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    assert len(data["rows"]) == 50
    assert any("</script>" in str(value) for value in data["rows"][9])


def test_report_of_a_cohort(pairs_table: Path, tmp_path: Path) -> None:
    plan, folder = plan_of(pairs_table, tmp_path / "study")
    (tmp_path / "scans/i04.nrrd").write_bytes(b"NRRD0004\n")
    run_cohort(plan, folder, Means(workers=0, threads=1))
    report = write_report(folder)
    assert report.counts["done"] == 3 and report.counts["failed"] == 1
    with (folder.root / "table.csv").open(encoding="utf-8", newline="") as stream:
        lines = {line["id"]: line for line in csv.DictReader(stream)}
    first = lines["scans_i01_to_scans_i00"]
    assert first["site"] == "S1" and 0 < float(first["dice_after"]) <= 1
    assert first["quality"] == first["dice_after"]
    failed = lines["scans_i04_to_scans_i00"]
    assert failed["status"] == "failed" and "i04.nrrd" in failed["reason"]
    text = report.page.read_text("utf-8")
    assert text.count("data:image/jpeg") == 3 and text.count("data:image/png") == 1
    # The moments are those of the determinants of the three pairs that are done.
    images = [
        sitk.GetArrayFromImage(sitk.ReadImage(str(folder.results(name) / "jacobian.nrrd")))
        for name in lines
        if lines[name]["status"] == "done"
    ]
    for name, expected in (
        ("mean", np.mean(images, axis=0)),
        ("variance", np.var(np.float64(images), axis=0, ddof=1)),
    ):
        found = sitk.ReadImage(str(folder.root / f"determinant_{name}.nrrd"))
        np.testing.assert_allclose(sitk.GetArrayFromImage(found), expected, rtol=1e-4, atol=1e-6)


def test_parquet_keeps_types(pairs_table: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    plan, folder = plan_of(pairs_table, tmp_path / "study")
    run_cohort(plan, folder, Means(workers=0, threads=1, pictures="none"))
    assert write_report(folder).parquet
    table = parquet.read_table(folder.root / "table.parquet")
    assert table.num_rows == 4
    types = {field.name: str(field.type) for field in table.schema}
    assert types["quality"] == "double" and types["attempts"] == "int64"
    assert types["id"] == types["site"] == "string"


def test_a_report_needs_a_cohort(tmp_path: Path) -> None:
    from SlicerLDMRegLib.cohort import CohortFolder

    with pytest.raises(InputError, match="expected the output folder of ldmreg cohort"):
        write_report(CohortFolder(tmp_path))


def test_moments_leave_out_other_lattices(tmp_path: Path) -> None:
    paths = []
    for n, shape in enumerate(((4, 5), (4, 5), (5, 5), (4, 5))):
        image = sitk.GetImageFromArray(np.full(shape, n + 1e6, np.float32))
        paths.append(tmp_path / f"{n}.nrrd")
        sitk.WriteImage(image, str(paths[-1]))
    (tmp_path / "damaged.nrrd").write_bytes(b"NRRD")
    moments = moments_of_images([*paths, tmp_path / "damaged.nrrd"])
    assert moments is not None and moments.count == 3
    assert moments.left_out == (paths[2], tmp_path / "damaged.nrrd")
    # Large means lose no digits of the variance.
    np.testing.assert_allclose(moments.variance, np.var([0, 1, 3], ddof=1))
    assert moments_of_images(paths[:1]) is None


def test_one_number_to_sort_by() -> None:
    assert quality({"dice_after": 0.8, "unlike_after": 0.5, "ncc_after": 0.1}) == 0.8
    assert quality({"dice_after": None, "unlike_after": 0.25, "ncc_after": 0.1}) == 0.75
    assert quality({"ncc_after": 0.1}) == 0.1 and quality({}) is None


def test_outliers_are_on_the_bad_side_of_enough_rows() -> None:
    values = [0.80, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86, 0.87, 0.88, 0.85, 0.84, 0.2, 0.999]
    table = [{"dice_after": value, "status": "done"} for value in values]
    mark_outliers(table)
    assert [row["outlier"] for row in table] == [""] * 11 + ["Dice", ""]
    few = [{"dice_after": value} for value in values[6:]]
    mark_outliers(few)
    assert not any(row["outlier"] for row in few)
    same: list[dict[str, Any]] = [{"dice_after": 0.5} for _ in range(20)]
    mark_outliers([*same, {"dice_after": 0.1}])
    assert not same[0]["outlier"]


def test_the_worst_come_first() -> None:
    table = [
        {"id": "a", "status": "done", "verdict": "good", "quality": 0.1},
        {"id": "b", "status": "done", "verdict": "bad", "quality": 0.9},
        {"id": "c", "status": "done", "verdict": "check", "quality": None},
        {"id": "d", "status": "failed", "verdict": None, "quality": None},
        {"id": "e", "status": "done", "verdict": "bad", "quality": 0.2},
    ]
    assert [row["id"] for row in worst(table, 3)] == ["e", "b", "c"]
