from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.pipeline.landmarks import as_landmarks, check_landmark_pair, read_landmarks

POINTS = np.array([[1.0, 2.0, 3.0], [-4.5, 5.0, 6.25]])
RAS = POINTS * [-1, -1, 1]


def text_of(points: np.ndarray, separator: str = " ") -> str:
    return "\n".join(separator.join(str(v) for v in point) for point in points) + "\n"


def markups(points: np.ndarray, system: str) -> str:
    control = [{"position": list(p), "positionStatus": "defined"} for p in points]
    control.append({"position": [0, 0, 0], "positionStatus": "undefined"})
    return json.dumps({"markups": [{"coordinateSystem": system, "controlPoints": control}]})


def fcsv(points: np.ndarray, system: str) -> str:
    head = (
        f"# Markups fiducial file version = 5.8\n# CoordinateSystem = {system}\n# columns = id,x\n"
    )
    rows = [f"p{n},{x},{y},{z},0,0,0,1,1,1,0,F-{n},," for n, (x, y, z) in enumerate(points)]
    return head + "\n".join(rows) + "\n"


FILES = {
    "plain.csv": text_of(POINTS, ","),
    "xyz.csv": "name,x,y,z\na,1,2,3\nb,-4.5,5,6.25\n",
    "ras.csv": "R,A,S\n" + text_of(RAS, ","),
    "lps.fcsv": fcsv(POINTS, "LPS"),
    "ras.fcsv": fcsv(RAS, "RAS"),
    "old.fcsv": fcsv(RAS, "0"),
    "lps.mrk.json": markups(POINTS, "LPS"),
    "ras.mrk.json": markups(RAS, "RAS"),
    "point.pts": "point\n2\n" + text_of(POINTS),
    "point.txt": "point\n2\n" + text_of(POINTS),
}


@pytest.mark.parametrize("name", FILES)
def test_reads_the_same_points(tmp_path: Path, volume: ImageGeometry, name: str) -> None:
    (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    np.testing.assert_allclose(read_landmarks(tmp_path / name, volume), POINTS)


def test_elastix_indices_go_through_the_geometry(tmp_path: Path, volume: ImageGeometry) -> None:
    (tmp_path / "a.txt").write_text("index\n2\n1 2 3\n4 5 6\n")
    expected = volume.index_to_physical([[1, 2, 3], [4, 5, 6]])
    np.testing.assert_allclose(read_landmarks(tmp_path / "a.txt", volume), expected)


def test_2d_takes_two_coordinates(tmp_path: Path, plane: ImageGeometry) -> None:
    for name, text in {
        "a.csv": "1,2\n-4.5,5\n",
        "b.csv": "r,a\n-1,-2\n4.5,-5\n",
        "c.pts": "point\n2\n1 2\n-4.5 5\n",
        "d.fcsv": fcsv(POINTS, "LPS"),
    }.items():
        (tmp_path / name).write_text(text)
        np.testing.assert_allclose(read_landmarks(tmp_path / name, plane), POINTS[:, :2])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "name,u,v\na,1,2\n"),
        ("b.csv", "1,2,3\n4,5\n"),
        ("c.txt", "1 2 3\n"),
        ("d.txt", "point\n3\n1 2 3\n"),
        ("e.mrk.json", "{}"),
        ("f.mrk.json", "not json"),
        ("g.fcsv", "# CoordinateSystem = XYZ\na,1,2,3\n"),
        ("h.csv", "1,2,nan\n"),
        ("i.xyz", "1 2 3\n"),
        ("j.csv", ""),
    ],
)
def test_refuses(tmp_path: Path, volume: ImageGeometry, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError):
        read_landmarks(tmp_path / name, volume)


def test_missing_file_and_wrong_array(tmp_path: Path, volume: ImageGeometry) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_landmarks(tmp_path / "a.csv", volume)
    with pytest.raises(InputError, match="3 coordinates"):
        as_landmarks([[1.0, 2.0]], volume)
    np.testing.assert_array_equal(as_landmarks(POINTS.tolist(), volume), POINTS)


def test_pairs_correspond() -> None:
    check_landmark_pair(None, None)
    check_landmark_pair(POINTS, POINTS)
    with pytest.raises(InputError, match="2 and 1"):
        check_landmark_pair(POINTS, POINTS[:1])
    with pytest.raises(InputError, match="without the fixed"):
        check_landmark_pair(None, POINTS)
