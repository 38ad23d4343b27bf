"""Points of two images are paired by what they are called, and what is left out is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.landmarks import load_landmarks, pair_landmarks, read_landmarks

LATTICE = ImageGeometry((50, 50, 50), (1.0,) * 3, (-25.0,) * 3, (1.0, 0, 0, 0, 1, 0, 0, 0, 1))
POINTS = {"nose": (1.0, 2.0, 3.0), "ear": (-4.0, 5.0, 6.0), "chin": (7.0, -8.0, 9.0),
          "brow": (10.0, 11.0, -12.0)}  # fmt: skip


def markups(points: dict[str, Any], system: str = "LPS", **changes: dict[str, Any]) -> str:
    sign = -1 if system == "RAS" else 1
    control = [
        {"label": name, "position": [sign * x, sign * y, z], "positionStatus": "defined"}
        | changes.get(name, {})
        for name, (x, y, z) in points.items()
    ]
    markup = {"type": "Fiducial", "coordinateSystem": system, "coordinateUnits": "mm"}
    return json.dumps({"markups": [markup | {"controlPoints": control}]})


def fcsv(points: dict[str, Any], system: str = "LPS", old: bool = False) -> str:
    sign = -1 if system in ("RAS", "0") or old else 1
    rows = [(n, name, sign * x, sign * y, z) for n, (name, (x, y, z)) in enumerate(points.items())]
    if old:
        head = "# Fiducial List file /x.fcsv\n# version = 2\n# columns = label,x,y,z,sel,vis\n"
        return head + "".join(f"{name},{x},{y},{z},1,1\n" for _, name, x, y, z in rows)
    head = f"# Markups fiducial file version = 4.11\n# CoordinateSystem = {system}\n"
    head += "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
    return head + "".join(
        f'{n},{x},{y},{z},0,0,0,1,1,1,0,"{name}",,\n' for n, name, x, y, z in rows
    )


def csv_of(points: dict[str, Any], header: str = "label,x,y,z") -> str:
    sign = -1 if "r" in header.split(",") else 1
    separator = ";" if ";" in header else ","
    lines = [header] + [
        separator.join(map(str, (name, sign * x, sign * y, z)))
        for name, (x, y, z) in points.items()
    ]
    return "\n".join(lines)


FILES = {
    "a.mrk.json": markups(POINTS),
    "b.mrk.json": markups(POINTS, "RAS"),
    "c.fcsv": fcsv(POINTS),
    "d.fcsv": fcsv(POINTS, "RAS"),
    "e.fcsv": fcsv(POINTS, "0"),
    "f.fcsv": fcsv(POINTS, "1"),
    "g.fcsv": fcsv(POINTS, old=True),
    "h.csv": csv_of(POINTS),
    "i.csv": csv_of(POINTS, "label,r,a,s"),
    "j.csv": csv_of(POINTS, "name;l;p;s"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("order", [(3, 1, 0, 2), (0, 1, 2, 3), (1, 3)])
def test_order_does_not_matter_and_what_lacks_is_told(
    tmp_path: Path, name: str, order: tuple[int, ...]
) -> None:
    names = [list(POINTS)[n] for n in order]
    others = {f" {n.upper()}": tuple(np.array(POINTS[n]) + 1) for n in names}
    (tmp_path / name).write_text(FILES[name])
    (tmp_path / "moving.mrk.json").write_text(markups(others))
    fixed, moving, notes, _names = pair_landmarks(
        load_landmarks(tmp_path / name, LATTICE),
        load_landmarks(tmp_path / "moving.mrk.json", LATTICE),
    )
    assert len(fixed) == len(order)
    np.testing.assert_allclose(moving - fixed, 1)
    assert any("different orders" in n for n in notes) == (order == (3, 1, 0, 2))
    assert any("without a counterpart" in n and "'nose'" in n for n in notes) == (len(order) == 2)


@pytest.mark.parametrize("status", ["undefined", "missing", "preview"])
def test_points_without_a_place(tmp_path: Path, status: str) -> None:
    points = [tmp_path / "fixed.mrk.json", tmp_path / "moving.mrk.json"]
    points[0].write_text(markups(POINTS, nose={"positionStatus": status, "position": [0, 0, 0]}))
    shifted = {n: tuple(np.array(p) + 1) for n, p in POINTS.items()}
    for labels in (shifted, {f"x{n}": p for n, p in enumerate(shifted.values())}):
        points[1].write_text(markups(labels))
        fixed, moving, notes, _names = pair_landmarks(*(load_landmarks(p, LATTICE) for p in points))
        assert len(fixed) == 3
        np.testing.assert_allclose(moving - fixed, 1)
        assert any("not defined were left out: 'nose'" in n for n in notes)
    assert len(read_landmarks(points[0], LATTICE)) == 3


@pytest.mark.parametrize("side", [0, 1])
def test_points_that_are_not_selected(tmp_path: Path, side: int) -> None:
    points = [tmp_path / "fixed.mrk.json", tmp_path / "moving.mrk.json"]
    for n, path in enumerate(points):
        path.write_text(markups(POINTS, **({"ear": {"selected": False}} if n == side else {})))
    fixed, moving, notes, _names = pair_landmarks(*(load_landmarks(p, LATTICE) for p in points))
    assert len(fixed) == 3 and np.array_equal(fixed, moving)
    assert any("not selected were left out: 'ear'" in n for n in notes)


def test_lists_of_other_names(tmp_path: Path) -> None:
    """Slicer numbers the points of a list behind its name: F-1 and F_1-1 are the same point."""
    fixed = {f"F-{n}": (n, 0.0, 0.0) for n in (1, 2, 3, 4)}
    moving = {f"F_1-{n}": (n + 0.5, 0.0, 0.0) for n in (4, 1, 3)}
    (tmp_path / "a.mrk.json").write_text(markups(fixed))
    (tmp_path / "b.mrk.json").write_text(markups(moving))
    first, second, notes, _names = pair_landmarks(
        *(load_landmarks(tmp_path / f"{n}.mrk.json", LATTICE) for n in "ab")
    )
    np.testing.assert_allclose(first[:, 0], [1, 3, 4])
    np.testing.assert_allclose(second - first, [[0.5, 0, 0]] * 3)
    assert any("by their numbers" in n for n in notes)
    assert any("'F-2'" in n for n in notes)


def test_labels_that_tell_nothing(tmp_path: Path) -> None:
    def pair(one: list[str], other: list[str]) -> Any:
        for name, labels in (("a", one), ("b", other)):
            rows = [f"{label},{n},0,0" for n, label in enumerate(labels)]
            (tmp_path / f"{name}.csv").write_text("label,x,y,z\n" + "\n".join(rows))
        return pair_landmarks(*(load_landmarks(tmp_path / f"{n}.csv", LATTICE) for n in "ab"))

    assert any("in their order" in n for n in pair(["a", "b"], ["c", "d"])[2])
    assert pair(["a", "a", "b"], ["a", "a", "b"])[2] == ()
    with pytest.raises(InputError, match="none of the 2 fixed and 3 moving points have one label"):
        pair(["a", "b"], ["c", "d", "e"])
    with pytest.raises(InputError, match="the fixed points have the label 'a' 2 times"):
        pair(["a", "b", "a"], ["a", "b", "c"])
    assert len(pair(["", ""], ["a", "b"])[0]) == 2
    with pytest.raises(InputError, match="2 and 1"):
        pair(["", ""], ["a"])


def test_coordinates_of_another_system_are_told(tmp_path: Path) -> None:
    lattice = ImageGeometry((50, 50, 50), (1.0,) * 3, (100.0,) * 3, (1.0, 0, 0, 0, 1, 0, 0, 0, 1))
    points = np.array([[110.0, 120, 130], [120, 110, 105], [140, 130, 120]])
    assert load_landmarks(points, lattice).notes == ()
    (note,) = load_landmarks(points * [-1, -1, 1], lattice).notes
    assert "3 of 3 points lie outside" in note and "RAS" in note
    (note,) = load_landmarks(points + np.array([100, 0, 0]), lattice).notes
    assert "RAS" not in note


def test_units_of_markups(tmp_path: Path) -> None:
    text = markups(POINTS)
    for unit in ('"um"', '["um", "um", "um"]'):
        (tmp_path / "a.mrk.json").write_text(text.replace('"mm"', unit))
        found = read_landmarks(tmp_path / "a.mrk.json", LATTICE)
        np.testing.assert_allclose(found[0], np.array(POINTS["nose"]) / 1000)


HUGE = {
    "recursive.json": '{"markups": ' + "[" * 200000,
    "deep.mrk.json": '{"markups": [{"controlPoints": ' + '{"a":' * 100000,
    "two.mrk.json": json.dumps({"markups": [{"controlPoints": []}] * 2}),
    "none.mrk.json": json.dumps({"markups": [{"controlPoints": []}]}),
    "roi.mrk.json": json.dumps({"markups": [{"type": "ROI", "controlPoints": []}]}),
    "text.mrk.json": markups(POINTS).replace("1.0", '"x"'),
    "huge.mrk.json": markups(POINTS).replace("1.0", "1e999"),
    "ijk.fcsv": fcsv(POINTS, "IJK"),
    "field.csv": "x,y,z\n" + "1" * 200000 + ",2,3\n",
    "nul.csv": "x,y,z\n1,2\0,3\n",
    "columns.csv": "1,2,3,4\n5,6,7,8\n",
    "short.csv": "label,x,y,z\na,1,2\n",
    "digits.csv": "x,y,z\n" + "9" * 5000 + ",1,2\n",
    "count.pts": "point\n" + "9" * 5000 + "\n1 2 3\n",
}


@pytest.mark.parametrize("name", HUGE)
def test_files_that_are_no_lists_of_points(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(HUGE[name])
    with pytest.raises(InputError, match=r"landmarks") as caught:
        read_landmarks(tmp_path / name, LATTICE)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
