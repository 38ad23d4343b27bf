"""The report of a volume with many structures, from the real registration of two phantoms."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from matplotlib.image import imread

from SlicerLDMRegLib import register
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.report import write_overview, write_reports
from SlicerLDMRegLib.report.figure_data import build_figure_data
from SlicerLDMRegLib.report.outlined_labels import choose_outlines
from SlicerLDMRegLib.report.panels import panels_for
from SlicerLDMRegLib.report.slice_position import find_focus, image_window

NAMES = {
    3: "Left-Cerebral-Cortex", 4: "Left-Lateral-Ventricle", 10: "Left-Thalamus",
    42: "Right-Cerebral-Cortex", 43: "Right-Lateral-Ventricle", 49: "Right-Thalamus",
}  # fmt: skip
# Centre and radii in mm from the middle, left, posterior, superior.
ELLIPSOIDS = {
    3: ((12, 0, 0), (11, 28, 22)), 42: ((-12, 0, 0), (11, 28, 22)),
    4: ((7, -4, 6), (3, 10, 5)), 43: ((-7, -4, 6), (3, 10, 5)),
    10: ((7, 2, -5), (4, 7, 5)), 49: ((-7, 2, -5), (4, 7, 5)),
}  # fmt: skip


def phantom(geometry: ImageGeometry, bend: float) -> tuple[sitk.Image, sitk.Image]:
    """Return an image of ellipsoids and its labels, bent to the back by up to ``bend`` mm."""
    points = geometry.points() - np.asarray(geometry.center())
    points[..., 1] -= bend * np.cos(points[..., 2] / 15.0)
    labels = np.zeros(geometry.array_shape, np.uint8)
    image = np.zeros(geometry.array_shape, np.float32)
    for number, (label, (centre, radii)) in enumerate(ELLIPSOIDS.items()):
        inside = (((points - centre) / np.asarray(radii)) ** 2).sum(axis=-1) < 1
        labels[inside] = label
        image[inside] = 0.4 + 0.1 * number
    smooth = sitk.SmoothingRecursiveGaussian(geometry.to_image(image), 1.0)
    return smooth, geometry.to_image(labels)


@pytest.fixture(scope="module")
def result() -> Any:
    # An oblique lattice with i to the back: nothing may depend on the order of the axes.
    c, s = np.cos(0.15), np.sin(0.15)
    direction = (0.0, c, -s, 1.0, 0.0, 0.0, 0.0, s, c)
    geometry = ImageGeometry((34, 28, 26), (2.0, 2.0, 2.0), (4.0, -30.0, 8.0), direction)
    (fixed, fixed_labels), (moving, moving_labels) = (phantom(geometry, b) for b in (0.0, 4.0))
    result = register(
        fixed,
        moving,
        model="none",
        refine={"iterations": (30, 10)},
        fixed_labels=fixed_labels,
        moving_labels=moving_labels,
    )
    result.metrics["label_names"] = NAMES
    result.metrics["regions"] = {
        "source": "given labels",
        "matched": {n: {"name": NAMES[n], "region": NAMES[n]} for n in (3, 42, 4, 43, 10)},
        "new": {49: {"name": NAMES[49], "prompt": "A photo of <thalamus>."}},
        "background": {},
        "guided_by_measured_labels": True,
    }
    return result


@pytest.fixture(scope="module")
def folder(result: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("volume")
    write_reports(result, folder)
    return folder


class Reader(HTMLParser):
    """Collects text by the id of the section it stands in, and the tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: dict[str, str] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.here = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.here = dict(attrs).get("id") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "section":
            self.here = ""

    def handle_data(self, data: str) -> None:
        self.sections[self.here] = self.sections.get(self.here, "") + data


def test_registration_of_the_phantoms_is_worth_reporting(result: Any) -> None:
    assert result.metrics["after"]["dice_mean"] > result.metrics["before"]["dice_mean"] + 0.05


def test_html_tells_structures_and_regions(result: Any, folder: Path) -> None:
    reader = Reader((folder / "report.html").read_text(encoding="utf-8"))
    table = reader.sections["structures"]
    for label, name in NAMES.items():
        assert name in table
        assert f"{result.metrics['after']['dice'][label]:.3f}" in table
        assert f"{result.metrics['after']['hd95'][label]:.1f}" in table
    assert "not independent evidence" in table  # the labels guided, too
    assert "Lowest overlap" in reader.sections["worst"]
    regions = reader.sections["regions"]
    assert "given for the fixed image" in regions
    assert "A photo of <thalamus>." in regions  # outside text stays text
    assert "Left-Thalamus" in regions


def test_html_stays_one_file_without_scripts(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    reader = Reader(text)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in reader.tags}
    for _, attributes in reader.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "srcset", "href"):
            assert (attributes.get(name) or "data:image/png").startswith("data:image/png")
    assert "url(" not in text


def test_every_heading_sorts_by_ranks_that_every_row_has(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    reader = Reader(text)
    radios = {a["id"] for tag, a in reader.tags if tag == "input" and a.get("type") == "radio"}
    keys = {str(radio)[:-2] for radio in radios} - {"name"}
    assert {"before", "after", "change", "hd95-before", "hd95-after", "size"} <= keys
    assert {a["for"] for tag, a in reader.tags if tag == "label" and "for" in a} == radios
    rows = [a["style"] or "" for tag, a in reader.tags if tag == "tr" and "style" in a]
    assert len(rows) == len(NAMES)
    for key in keys:
        assert f"#{key}-1:checked) tbody tr {{ order: var(--{key}); }}" in text
        ranks = [int(re.findall(rf"--{key}:(\d+)", row)[0]) for row in rows]
        assert sorted(ranks) == list(range(1, len(NAMES) + 1))


def test_overview_has_the_chart_of_the_structures(
    result: Any, folder: Path, tmp_path: Path
) -> None:
    wide = imread(folder / "overview.png").shape
    unmeasured = {key: value for key, value in result.metrics.items() if key != "after"}
    write_overview(dataclasses.replace(result, metrics=unmeasured), tmp_path / "bare.png")
    assert wide[1] > imread(tmp_path / "bare.png").shape[1] + 300


def test_moving_image_is_shown_aligned_where_the_alignment_is_known(result: Any) -> None:
    metrics = {**result.metrics, "aligned": {"ncc": 0.9}}

    class Aligned:
        def __getattr__(self, name: str) -> Any:
            return metrics if name == "metrics" else getattr(result, name)

    aligned = Aligned()
    # An alignment that is the whole field makes the aligned image the warped one.
    aligned.alignment = result.field.to_transform()  # type: ignore[attr-defined]
    data, plain = build_figure_data(aligned), build_figure_data(result)  # type: ignore[arg-type]
    for view, other in zip(data.views, plain.views, strict=True):
        assert np.abs(view.moving - view.warped).max() < 0.02
        assert np.abs(other.moving - other.warped).max() > 0.2
        assert np.mean(view.moving_labels != view.warped_labels) < 0.01
    titles = [panel.title for panel in panels_for(data)]
    assert "Moving, aligned" in titles and "Moving" not in titles
    assert "Moving" in [panel.title for panel in panels_for(plain)]


# Focus and outlines ------------------------------------------------------------------------------


def test_planes_go_where_many_structures_are() -> None:
    geometry = ImageGeometry((30, 30, 30), (1.0,) * 3, (0.0,) * 3, (1.0, 0, 0, 0, 1, 0, 0, 0, 1))
    array = np.zeros((30, 30, 30), np.uint8)
    array[5:26, 4:26, 4:26] = 1
    for label, x in ((2, 6), (3, 12), (4, 18)):  # three structures in the slices 19 and 20
        array[19:21, 13:17, x : x + 4] = label
    image = geometry.to_image(array.astype(np.float32))
    assert find_focus(image, geometry.to_image(array), geometry)[2] in (19, 20)
    assert find_focus(image, None, geometry)[2] in (15, 16)
    empty = geometry.to_image(np.zeros_like(array))
    assert find_focus(image, empty, geometry) == find_focus(image, None, geometry)
    # On a lattice of some slices it stays inside.
    assert find_focus(image, None, geometry.crop((0, 0, 22), (30, 30, 4)))[2] == 0


def test_outlines_are_the_compact_ones() -> None:
    labels = np.zeros((60, 60), np.int32)
    labels[2:58:4, 2:58] = 500  # a comb, larger than everything else
    labels[2:58, 2:4] = 500
    for number in range(9):
        row, column = divmod(number, 3)
        labels[6 + 18 * row : 16 + 18 * row, 6 + 18 * column : 16 + 18 * column] = 10 + number
    assert choose_outlines([labels], most=9) == tuple(range(10, 19))
    assert choose_outlines([labels]) == tuple(sorted(choose_outlines([labels])))
    assert len(choose_outlines([labels])) == 8
    few = np.zeros((20, 20), np.uint8)
    few[3:9, 3:9], few[12, 12] = 1, 2
    assert choose_outlines([few]) == (1, 2)  # of a few all
    other = np.zeros_like(few)
    other[3:9, 3:9] = 5
    assert choose_outlines([None, other, few]) == (1, 2, 5)
    assert choose_outlines([None]) == ()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_window_is_that_of_all_planes(axis: int) -> None:
    voxels = np.random.default_rng(0).integers(0, 100, (128, 128, 128)).astype(np.int16)
    np.moveaxis(voxels, axis, 0)[1::8] = 1000
    assert image_window(sitk.GetImageFromArray(voxels)) == (0.0, 1000.0)


def _texts(pages: list[Any]) -> str:
    """The texts of all pages, lines joined."""
    lines = [text.get_text() for page in pages for text in page.figure.texts]
    return " ".join(" ".join(lines).split())


def test_the_pdf_has_the_facts_of_the_page(result: Any) -> None:
    from SlicerLDMRegLib.report.html import structures_and_table, total_seconds
    from SlicerLDMRegLib.report.pdf import render_pages
    from SlicerLDMRegLib.report.regions import GUIDED
    from SlicerLDMRegLib.report.tables import metric_tables, provenance_tables, timing_table
    from SlicerLDMRegLib.report.verdict import judge, key_numbers

    data = build_figure_data(result)
    pages = render_pages(result, data, "1.2.3")
    told = _texts(pages)
    verdict = judge(result.metrics)
    tables = [*metric_tables(result.metrics), timing_table(result.timings)]
    tables += provenance_tables(result.provenance)
    cells = [cell for table in tables for row in table.rows for cell in row]
    _structures, content = structures_and_table(result)
    cells += [row.title for row in content.rows]
    cells += [text for row in content.rows for text in row.cells.values()]
    cells += [text for pair in key_numbers(result.metrics, total_seconds(result)) for text in pair]
    cells += [panel.title for panel in panels_for(data)]
    cells += [verdict.headline, *verdict.findings, *verdict.advice, "A photo of <thalamus>."]
    cells += [GUIDED, "Made by LDMReg 1.2.3."]
    squeezed = told.replace(" ", "")  # a long word, such as a checksum, may be broken
    assert [cell for cell in cells if cell.replace(" ", "") not in squeezed] == []
    # Pictures, each with all planes, and the chart of the structures.
    images = sum(len(axes.images) > 0 for page in pages for axes in page.figure.axes)
    assert images >= len(panels_for(data)) * len(data.views)


def test_nothing_leaves_the_pages_of_the_pdf(result: Any) -> None:
    from SlicerLDMRegLib.report.pdf import render_pages

    pages = render_pages(result, build_figure_data(result), "1.2.3")
    assert len(pages) >= 3
    for number, page in enumerate(pages):
        renderer, edge = page.agg.get_renderer(), page.figure.bbox
        for text in page.figure.texts:
            box = text.get_window_extent(renderer)
            inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= edge.x1 and box.y1 <= edge.y1
            assert inside, (number, text.get_text())
        for axes in page.figure.axes:
            box = axes.get_position()
            assert box.x0 >= 0 and box.x1 <= 1 and box.y0 >= 0 and box.y1 <= 1, number


def test_the_pdf_is_a_file(result: Any, tmp_path: Path) -> None:
    from SlicerLDMRegLib.report import write_report

    write_report(result, tmp_path / "report.PDF")
    content = (tmp_path / "report.PDF").read_bytes()
    assert content.startswith(b"%PDF-1.") and content.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b", content)) >= 3
    assert b"/FontFile2" in content and len(content) < 5_000_000


def test_small_panels_lie_beside_each_other_in_the_pdf(result: Any) -> None:
    """Two thirds of each page were empty beside the pictures of two 2D images."""
    from SlicerLDMRegLib.report.pdf import render_pages

    data = build_figure_data(result)
    flat = dataclasses.replace(data, views=data.views[:1])
    titles = [panel.title for panel in panels_for(flat)]
    assert len(titles) > 6
    places = []
    for page, content in enumerate(render_pages(result, flat, "1.2.3")):
        for text in content.figure.texts:
            if text.get_text() in titles and text.get_fontsize() == 9.5:
                places.append((text.get_text(), page, round(text.get_position()[1], 6)))
    assert [title for title, *_ in places] == titles
    rows = [place[1:] for place in places]
    assert rows[0] == rows[1] and len(set(rows)) <= (len(titles) + 1) // 2
    # The planes of a volume fill the width, each panel a row.
    pages = render_pages(result, data, "1.2.3")
    heights = [
        (page, text.get_position()[1])
        for page, content in enumerate(pages)
        for text in content.figure.texts
        if text.get_text() in titles and text.get_fontsize() == 9.5
    ]
    assert len(set(heights)) == len(heights) == len(titles)


def test_headings_of_a_table_have_one_size_and_come_again_on_the_next_page(result: Any) -> None:
    from SlicerLDMRegLib.report.pdf import _Pages
    from SlicerLDMRegLib.report.tables import Table

    columns = ["Structure", "Area, mm²", "Dice before", "Dice after", "Change", "HD95 before, mm"]
    table = Table("Many", columns)
    for number in range(90):
        table.add(f"Structure {number}", *"abcde")
    pages = _Pages()
    pages.table(table)
    assert len(pages.pages) == 2
    for page in pages.pages:
        bold = [t for t in page.figure.texts if t.get_fontweight() == "bold"]
        bold = [t for t in bold if t.get_text() != "Many"]
        assert [t.get_text() for t in bold if t.get_text() == "Structure"] == ["Structure"]
        assert [t.get_fontsize() for t in bold] == pytest.approx([7.8] * len(bold), abs=0.05)


@pytest.mark.parametrize(
    ("strongest", "limit"), [(1.1, 1.25), (2.0, 2.0), (9.0, 9.0), (40.0, 16.0)]
)
def test_the_colors_of_the_jacobian_reach_what_there_is(
    result: Any, strongest: float, limit: float
) -> None:
    from SlicerLDMRegLib.report.figure_data import _with_scales

    view = build_figure_data(result).views[0]
    for determinant in (strongest, 1 / strongest):
        jacobian = np.full(view.jacobian.shape, determinant)
        found = _with_scales((dataclasses.replace(view, jacobian=jacobian),), result.field.geometry)
        assert found.jacobian_limit == pytest.approx(limit)
