"""The sample pairs, in the module Sample Data and in "Try it" on the panel.

Each is a fixed and a moving image, made by this project, and the labels of both, which become
segmentations. Nothing is downloaded.
"""

from __future__ import annotations

import colorsys
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from ..._printable import one_line
from ...errors import CancelledError, InputError, LDMRegError, ModelError
from ...resources import sample_data_dir
from ..texts import tr as _
from .labels import (
    labels_from_node,
    segmentation_from_labels,
    set_segmentation,
    show_as_outlines,
)
from .nodes import PREFIX, nodes_of_class
from .scene_change import SceneChange
from .steps import Steps, all_at_once
from .volume_nodes import Node, volume_geometry

__all__ = [
    "CATEGORY",
    "PAIRS",
    "LoadedPair",
    "SamplePair",
    "available_pairs",
    "load_pair",
    "load_pair_in_steps",
    "register_sample_data",
]

#: The group of the pairs in the module Sample Data.
CATEGORY = "LDM Registration"

_SAMPLE = PREFIX + "Sample"
_PARTS = ("fixed", "moving", "fixed_labels", "moving_labels")
_IMAGE = {"fixed_labels": "fixed", "moving_labels": "moving"}


@dataclass(frozen=True)
class SamplePair:
    """Two images of Resources/SampleData with their labels.

    Attributes:
        kind: the first word of its files.
        title: what the user sees.
        fixed, moving: names of the nodes.
        model: id of the model that it is for.
        names: of the labels by number, where the model has none.
        colors: RGB from 0 to 1 of the labels by number; None: spread over the circle of hues.
        scheme: label scheme that names the labels, where the model is not there.
    """

    kind: str
    title: str
    fixed: str
    moving: str
    model: str
    names: Mapping[int, str] | None = None
    scheme: str = ""
    colors: Mapping[int, tuple[float, float, float]] | None = None

    def path(self, part: str) -> Path:
        """Return the file of ``fixed``, ``moving``, ``fixed_labels`` or ``moving_labels``."""
        return sample_data_dir() / f"{self.kind}_{part}.nrrd"

    @property
    def thumbnail(self) -> Path:
        """A picture of both images."""
        return sample_data_dir() / f"{self.kind}.png"

    @property
    def exists(self) -> bool:
        """Whether all of its files are there."""
        return all(self.path(part).is_file() for part in _PARTS)

    def label_names(self) -> dict[int, str]:
        """Return the names of its labels: as the model calls them, so that prompts fit."""
        from ...model_store import find_model
        from ...text.schemes import scheme_names

        try:
            known = find_model(self.model).label_names
        except ModelError:
            known = {}
        return known or dict(self.names or {}) or scheme_names(self.scheme)


_HEART = {1: "Left ventricle cavity", 2: "Myocardium"}
# Okabe and Ito's yellow, orange and blue: on grey and in each other's company all can tell them.
_HEART_COLORS = {1: (0.94, 0.89, 0.26), 2: (0.9, 0.62, 0.0), 3: (0.34, 0.71, 0.91)}

#: The pairs by their kind.
PAIRS: dict[str, SamplePair] = {
    pair.kind: pair
    for pair in (
        SamplePair(
            "cardiac",
            "Cardiac MR pair",
            "Cardiac MR diastole",
            "Cardiac MR systole",
            "ldm-morph-cardiac-mr",
            {**_HEART, 3: "Right ventricle cavity"},
            colors=_HEART_COLORS,
        ),
        SamplePair(
            "brain",
            "Brain MR pair",
            "Brain MR A",
            "Brain MR B",
            "textscf-brain-mr",
            scheme="freesurfer35",
        ),
        SamplePair(
            "echo",
            "Echocardiogram pair",
            "Echo diastole",
            "Echo systole",
            "ldm-morph-echo",
            {**_HEART, 3: "Left atrium"},
            colors=_HEART_COLORS,
        ),
    )
}


@dataclass(frozen=True)
class LoadedPair:
    """The nodes of a pair: two scalar volumes and two segmentations."""

    fixed: Node
    moving: Node
    fixed_labels: Node
    moving_labels: Node


def available_pairs() -> list[SamplePair]:
    """Return the pairs whose files are there."""
    return [pair for pair in PAIRS.values() if pair.exists]


def register_sample_data() -> None:
    """Offer the pairs in the module Sample Data; connect it to ``startupCompleted()``."""
    import SampleData  # type: ignore[import-not-found]

    logic = SampleData.SampleDataLogic
    known = {source.sampleName for source in logic.sampleDataSourcesByCategory(CATEGORY)}
    for pair in available_pairs():
        if pair.title in known:  # the module was reloaded
            continue
        paths = [pair.path("fixed"), pair.path("moving")]
        logic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=pair.title,
            # Scripts get the images by their files, the button of the module the labels, too.
            uris=[path.as_uri() for path in paths],
            fileNames=[f"LDMReg_{path.name}" for path in paths],
            nodeNames=[pair.fixed, pair.moving],
            checksums=[f"SHA256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in paths],
            thumbnailFileName=str(pair.thumbnail),
            customDownloader=_load_source,
        )


def load_pair(kind: str) -> LoadedPair:
    """Load a pair into the scene and show it; nodes that were loaded before are taken again.

    Args:
        kind: one of :data:`PAIRS`.

    Raises:
        InputError: for another kind, or files that are missing.
    """
    return all_at_once(load_pair_in_steps(kind))


def load_pair_in_steps(
    kind: str, report: Callable[[float], object] = lambda fraction: None
) -> Steps[LoadedPair]:
    """Load a pair as :func:`load_pair` does, a node or less in each step.

    Closed before its end, or when something fails, it removes what it has added.

    Args:
        kind: one of :data:`PAIRS`.
        report: told the fraction that is done.

    Raises:
        InputError: as of :func:`load_pair`.
        CancelledError: when the scene has lost a node that was loaded already.
    """
    pair = _pair(kind)
    added: list[Node] = []
    try:
        return (yield from _load_parts(pair, added, report))
    except BaseException as error:
        for node in added:
            if node.GetScene() is slicer.mrmlScene:
                slicer.mrmlScene.RemoveNode(node)
        if isinstance(error, CancelledError) or not isinstance(error, RuntimeError | LDMRegError):
            raise
        reason = one_line(error).rstrip(".")
        raise InputError(
            _("the sample data in {folder} cannot be loaded ({reason}); reinstall LDMReg").format(
                folder=sample_data_dir(), reason=reason
            )
        ) from error


def _pair(kind: str) -> SamplePair:
    """Return a pair whose files are there."""
    if kind not in PAIRS:
        raise InputError(
            _("sample pair: expected one of {names}, got {kind!r}").format(
                names=", ".join(PAIRS), kind=kind
            )
        )
    pair = PAIRS[kind]
    missing = [pair.path(part).name for part in _PARTS if not pair.path(part).is_file()]
    if missing:
        raise InputError(
            _("files of the sample data are missing in {folder}: {names}; reinstall LDMReg").format(
                names=", ".join(missing),
                folder=sample_data_dir(),
            )
        )
    return pair


def _load_parts(
    pair: SamplePair, added: list[Node], report: Callable[[float], object]
) -> Steps[LoadedPair]:
    """Load what is not there yet; all that is new in the scene is added to a list."""
    nodes: dict[str, Node] = {}
    for done, part in enumerate(_PARTS):
        yield from _pause(nodes, report, done / (len(_PARTS) + 1))
        found = _loaded(pair, part)
        if found is None and part in ("fixed", "moving"):
            with _noting(added):
                found = _volume(pair, part)
        elif found is None:
            with _noting(added):
                segmentation = _segmentation(pair, part, nodes)
            # To read takes as long as to show: the one must not wait for the other.
            yield from _pause(nodes, report, (done + 0.5) / (len(_PARTS) + 1))
            with _noting(added):
                found = _add_segmentation(pair, part, nodes, segmentation)
        nodes[part] = found
    yield from _pause(nodes, report, len(_PARTS) / (len(_PARTS) + 1))
    # Two sets of outlines at once would be hard to tell apart.
    nodes["moving_labels"].GetDisplayNode().SetVisibility(False)
    slicer.util.setSliceViewerLayers(
        background=nodes["fixed"], foreground=None, label=None, fit=True
    )
    yield False  # what is done with it is a step of its own
    return LoadedPair(**nodes)


def _pause(
    nodes: Mapping[str, Node], report: Callable[[float], object], fraction: float
) -> Steps[None]:
    """Let the application do what is due, and look whether the nodes are still there."""
    report(fraction)
    yield False
    if any(node.GetScene() is not slicer.mrmlScene for node in nodes.values()):
        raise CancelledError(_("The scene has changed; the sample was not loaded."))


@contextmanager
def _noting(added: list[Node]) -> Iterator[None]:
    """Add what is new in the scene to a list, also when loading fails."""
    before = {node.GetID() for node in nodes_of_class(slicer.mrmlScene)}
    try:
        yield
    finally:
        added += [n for n in nodes_of_class(slicer.mrmlScene) if n.GetID() not in before]


def _load_source(source: Any) -> list[Node]:
    """Load the pair of a source of Sample Data, when its button is clicked."""
    kind = next(pair.kind for pair in PAIRS.values() if pair.title == source.sampleName)
    loaded = load_pair(kind)
    return [loaded.fixed, loaded.moving, loaded.fixed_labels, loaded.moving_labels]


def _loaded(pair: SamplePair, part: str) -> Node | None:
    """Return the node that was loaded for a part of a pair before."""
    mark = f"{pair.kind} {part}"
    found = (n for n in nodes_of_class(slicer.mrmlScene) if n.GetAttribute(_SAMPLE) == mark)
    return next(found, None)


def _volume(pair: SamplePair, part: str) -> Node:
    """Load an image; showing it in the views is left to the end, for it takes longer."""
    name = pair.fixed if part == "fixed" else pair.moving
    options = {"name": name, "singleFile": True, "show": False}
    node = slicer.util.loadVolume(str(pair.path(part)), options)
    _forget_file(node)  # else saving the scene would write into the installed extension
    node.SetAttribute(_SAMPLE, f"{pair.kind} {part}")
    return node


def _segmentation(pair: SamplePair, part: str, nodes: Mapping[str, Node]) -> Any:
    """Read labels as a ``vtkSegmentation``; those of the moving image in the fixed ones' colours.

    Args:
        pair: the pair.
        part: ``fixed_labels`` or ``moving_labels``.
        nodes: those that are loaded already, by part.
    """
    options = {"singleFile": True, "show": False}
    voxels = slicer.util.loadLabelVolume(str(pair.path(part)), options)
    try:
        labels = labels_from_node(voxels, volume_geometry(nodes[_IMAGE[part]]))
        known = pair.label_names()
        # The numbers of the files are those of the model, also where it has other names.
        present = slicer.util.arrayFromVolume(voxels)
        names = {int(n): known.get(int(n), f"Label {n}") for n in np.unique(present) if n > 0}
        like = nodes.get("fixed_labels")
        colors = (pair.colors or _spread_colors(names)) if like is None else _colors(like)
        return segmentation_from_labels(labels.image, names, colors)
    finally:
        _forget_file(voxels)
        slicer.mrmlScene.RemoveNode(voxels)


def _add_segmentation(
    pair: SamplePair, part: str, nodes: Mapping[str, Node], segmentation: Any
) -> Node:
    """Add the labels of an image to the scene, as outlines."""
    volume = nodes[_IMAGE[part]]
    # Views and lists would follow each of 35 segments on its own.
    with SceneChange(slicer.mrmlScene) as change:
        node = change.add(
            "vtkMRMLSegmentationNode", _("Labels of {volume}").format(volume=volume.GetName())
        )
        set_segmentation(node, segmentation, volume)
        node.CreateDefaultDisplayNodes()
        show_as_outlines(node.GetDisplayNode())
        node.SetAttribute(_SAMPLE, f"{pair.kind} {part}")
    return node


def _spread_colors(names: Mapping[int, str]) -> dict[int, tuple[float, float, float]]:
    """Return colours far apart for neighbours in the list; the right is a darker left."""
    sides = re.compile(r"^(left|right)[- ]", re.IGNORECASE)
    structures = {number: sides.sub("", name) for number, name in names.items()}
    order = list(dict.fromkeys(structures.values()))
    golden = (5**0.5 - 1) / 2  # of a circle: the next hue is far from all before it
    colors = {}
    for number, structure in structures.items():
        light = 0.75 if names[number].lower().startswith("right") else 0.95
        colors[number] = colorsys.hsv_to_rgb(order.index(structure) * golden % 1, 0.65, light)
    return colors


def _forget_file(node: Node) -> None:
    storage = node.GetStorageNode()
    if storage is not None:
        node.SetAndObserveStorageNodeID(None)
        slicer.mrmlScene.RemoveNode(storage)


def _colors(node: Node) -> dict[int, tuple[float, float, float]]:
    """Return the colours of the segments of a node by their label values."""
    segmentation = node.GetSegmentation()
    segments = [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]
    return {segment.GetLabelValue(): segment.GetColor() for segment in segments}
