"""EchoNet-Dynamic: videos of 10,030 echocardiographies with traced ventricles (Ouyang, 2020)."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from SlicerLDMRegLib.errors import InputError

from .data_set import DataSet, Pairing, Scan
from .polygons import polygon_area, polygon_mask
from .preparation import INNER, framed
from .video import read_frames

__all__ = ["EchoNet"]

_TRACE_COLUMNS = ("FileName", "X1", "Y1", "X2", "Y2", "Frame")
_LIST_COLUMNS = ("FileName", "Split")
_SPLITS = {"TRAIN": "train", "VAL": "validation", "TEST": "test"}
_LEAST_CHORDS = 3  # with the long axis: less is no outline


class EchoNet(DataSet):
    """EchoNet-Dynamic: ``FileList.csv``, ``VolumeTracings.csv``, ``Videos/*.avi``."""

    name, title, dimension = "echonet", "EchoNet-Dynamic", 2
    labels: ClassVar[Mapping[int, str]] = {1: "left ventricle"}
    published: ClassVar[Mapping[str, int]] = {"train": 7460, "validation": 1288, "test": 1276}
    rules = (
        "moving end-diastole, fixed end-systole: the traced frames with the largest and the "
        "smallest ventricle, whatever their order in the file",
        "splits of FileList.csv, without the videos with fewer than two traced frames",
        "the first trace of a frame is the long axis and no part of the outline",
        "a pixel is in the ventricle when its centre lies in the outline, rounded to pixels",
    )

    @classmethod
    def recognises(cls, root: Path) -> bool:
        return (root / "FileList.csv").is_file() or (root / "VolumeTracings.csv").is_file()

    def _find(self) -> dict[str, list[Pairing]]:
        self._scans: dict[str, tuple[Path, int, np.ndarray]] = {}
        listed = _rows(self.root / "FileList.csv", _LIST_COLUMNS)
        traces = self._traces()
        videos = {file.name for file in (self.root / "Videos").glob("*.avi")}
        pairings: dict[str, list[Pairing]] = {split: [] for split in _SPLITS.values()}
        for line, row in enumerate(listed, start=2):
            name = row["FileName"].removesuffix(".avi")
            split = _SPLITS.get(row["Split"].strip().upper())
            if split is None:
                raise InputError(
                    f"{self.root / 'FileList.csv'}, line {line}: expected a Split of "
                    f"{', '.join(_SPLITS)}, got {row['Split']!r}"
                )
            own = traces.get(name, {})
            if len(own) < 2:
                continue
            video = self.root / "Videos" / f"{name}.avi"
            if video.name not in videos:
                self.missing.append(f"{name}: there is no file {video}")
                continue
            by_area = sorted(own, key=lambda frame: polygon_area(own[frame]))
            for phase, frame in (("ES", by_area[0]), ("ED", by_area[-1])):
                self._scans[f"{name}_{phase}"] = video, frame, own[frame]
            pairings[split].append(Pairing(name, f"{name}_ES", f"{name}_ED", (name,)))
        return pairings

    def _traces(self) -> dict[str, dict[int, np.ndarray]]:
        """Return the outlines by video and frame, ``(N, 2)`` x and y."""
        path = self.root / "VolumeTracings.csv"
        chords: dict[str, dict[int, list[list[float]]]] = {}
        for line, row in enumerate(_rows(path, _TRACE_COLUMNS), start=2):
            try:
                frame = int(row["Frame"])
                ends = [float(row[name]) for name in ("X1", "Y1", "X2", "Y2")]
            except (TypeError, ValueError):
                raise InputError(
                    f"{path}, line {line}: expected numbers {', '.join(_TRACE_COLUMNS[1:])}, got "
                    f"{list(row.values())}"
                ) from None
            name = row["FileName"].removesuffix(".avi")
            chords.setdefault(name, {}).setdefault(frame, []).append(ends)
        outlines: dict[str, dict[int, np.ndarray]] = {}
        for name, frames in chords.items():
            for frame, ends in frames.items():
                if len(ends) < _LEAST_CHORDS:
                    continue
                one = np.array(ends[1:])
                points = np.concatenate([one[:, :2], one[::-1, 2:]])
                outlines.setdefault(name, {})[frame] = np.rint(points)
        return outlines

    def _read(self, scan: str) -> Scan:
        video, frame, outline = self._scans[scan]
        image = read_frames(video, [frame])[frame]
        if image.shape != (INNER, INNER):
            raise InputError(
                f"{video}: expected {INNER} x {INNER} pixels, to which the traces belong, got "
                f"{image.shape[1]} x {image.shape[0]}"
            )
        labels = polygon_mask(outline, (INNER, INNER)).astype(np.uint8)
        return Scan(*framed(image, labels, video))


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a table with a header.

    Raises:
        InputError: when it is missing, or a column is; names the nearest.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        got = table.fieldnames or []
        for column in columns:
            if column not in got:
                others = [name for name in got if name not in columns]
                near = difflib.get_close_matches(column, others, 1, 0.3)
                meant = f" (is it {near[0]!r}?)" if near else ""
                raise InputError(
                    f"{path}: expected the columns {', '.join(columns)}, got "
                    f"{', '.join(got) or 'none'}: {column} is missing{meant}"
                )
        return list(table)
