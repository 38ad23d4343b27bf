"""Entries of manifests: one image, or one pair of images, with all that belongs to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ImageEntry", "ImagesManifest", "Manifest", "PairEntry", "PairsManifest"]

#: Names of labels: by number, or a JSON file, the name of a scheme, ``model``.
LabelNames = str | Mapping[int, str] | None


@dataclass(frozen=True)
class ImageEntry:
    """An image of a manifest.

    Attributes:
        image: absolute path of a file or of a folder with a DICOM series; ``#frame=3`` behind it
            chooses a part of a file, as everywhere.
        labels: label map on its lattice.
        label_names: of the label map: names by number, the absolute path of a JSON file, or the
            name of a known scheme.
        landmarks: file of its points.
        mask: where it is compared.
        id: name of the image, different from that of any other.
        subject: whom it shows; splits are made by subject.
        phase: such as ``ed``, or the number of a frame.
        split: such as ``train``.
        group: for comparisons of groups.
        further: other columns, as text.
        row: where the entry stands in its table, as spreadsheets count; None for one that was made.
    """

    image: Path
    labels: Path | None = None
    label_names: LabelNames = None
    landmarks: Path | None = None
    mask: Path | None = None
    id: str | None = None
    subject: str | None = None
    phase: str | None = None
    split: str | None = None
    group: str | None = None
    further: Mapping[str, str] = field(default_factory=dict)
    row: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class PairEntry:
    """A pair of images of a manifest; the fields are named as those of a registration request.

    Attributes:
        fixed, moving: absolute paths of the images.
        fixed_labels, moving_labels: label maps on their lattices.
        fixed_landmarks, moving_landmarks: files of corresponding points.
        fixed_mask, moving_mask: where the images are compared.
        initial_transform: file of an ITK transform, fixed to moving points.
        label_names: of the label maps, see :class:`ImageEntry`.
        id: name of the pair, different from that of any other.
        split, group: as of an image.
        further: other columns, as text.
        row: where the entry stands in its table, as spreadsheets count; None for one that was made.
    """

    fixed: Path
    moving: Path
    fixed_labels: Path | None = None
    moving_labels: Path | None = None
    fixed_landmarks: Path | None = None
    moving_landmarks: Path | None = None
    fixed_mask: Path | None = None
    moving_mask: Path | None = None
    initial_transform: Path | None = None
    label_names: LabelNames = None
    id: str | None = None
    split: str | None = None
    group: str | None = None
    further: Mapping[str, str] = field(default_factory=dict)
    row: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class ImagesManifest:
    """A table of images.

    Attributes:
        entries: in the order of the table.
        path: file that it was read from.
    """

    entries: tuple[ImageEntry, ...]
    path: Path | None = field(default=None, compare=False)

    def __iter__(self) -> Iterator[ImageEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True)
class PairsManifest:
    """A table of pairs.

    Attributes:
        entries: in the order of the table.
        path: file that it was read from.
    """

    entries: tuple[PairEntry, ...]
    path: Path | None = field(default=None, compare=False)

    def __iter__(self) -> Iterator[PairEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


Manifest = ImagesManifest | PairsManifest
