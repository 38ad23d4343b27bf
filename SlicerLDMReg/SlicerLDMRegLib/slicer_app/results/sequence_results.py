"""Sequences: every frame registered to a reference, the transforms as a sequence beside the frames.

A browser shows one frame of all its sequences at a time, in a volume or transform of the scene. The
results of the frames are sequences of the same browser, so they follow the slider with the images.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import slicer
import vtk

from ...displacement import DisplacementField
from ...errors import InputError
from ...geometry import ImageGeometry
from ...resampling import warp_image
from ..scene.frames import FrameSequence, sequence_of
from ..scene.scene_change import SceneChange, view_nodes
from ..scene.scene_images import SceneImages, VolumeSource
from ..scene.subject_hierarchy import forget_item, has_item, place_under
from ..scene.volume_nodes import Node
from .embed_2d import FoundResult, PlacedResult, place
from .node_attributes import PREFIX, result_attributes, roles_of, set_attributes, set_roles
from .node_content import Content, MakeContent
from .result_contents import result_contents
from .result_nodes import OUTPUTS, WrittenResult

__all__ = [
    "SEQUENCE_OUTPUTS",
    "FrameSequence",
    "PreparedSequence",
    "SequencePreparation",
    "sequence_of",
]

#: The outputs of which there is one for each frame.
SEQUENCE_OUTPUTS = ("warped", "transform", "inverse", "jacobian")

_CLASS = "vtkMRMLSequenceNode"
_NEEDED = "a sequence needs the results of some frames, and some outputs"


class SequencePreparation:
    """The way from the results of frames to what their nodes will hold.

    Args:
        frames: the moving images.
        outputs: some of :data:`SEQUENCE_OUTPUTS`; others are left out.

    Raises:
        InputError: when none is left.
    """

    def __init__(self, frames: FrameSequence, outputs: Iterable[str] = SEQUENCE_OUTPUTS) -> None:
        self._frames = frames
        self._outputs = [output for output in SEQUENCE_OUTPUTS if output in set(outputs)]
        if not self._outputs:
            raise InputError(_NEEDED)
        self._some: tuple[SceneImages, ImageGeometry] | None = None
        self._made: dict[int, dict[str, MakeContent]] = {}
        self._attributes: dict[int, dict[str, str]] = {}

    def add(self, number: int, result: FoundResult, images: SceneImages) -> None:
        """Compute what the nodes of a frame will hold; any thread may do it.

        Raises:
            InputError: for another fixed image than that of the frames before.
        """
        if self._some is not None and self._some[0].fixed_source != images.fixed_source:
            raise InputError("the frames of a sequence need one and the same fixed image")
        placed = place(result, images)
        self._some = images, placed.field.geometry
        self._made[number] = result_contents(placed, result.metrics, images, self._outputs)
        self._attributes[number] = result_attributes(result.provenance, result.metrics)

    def finish(self) -> PreparedSequence:
        """Return what was computed, ready to be written.

        Raises:
            InputError: for no frames, or an input that the scene has lost.
        """
        if self._some is None:
            raise InputError(_NEEDED)
        images, lattice = self._some
        frames, reference = self._frames, images.fixed_source
        _check_inputs(frames, reference)
        for number in range(len(frames)):
            if frames.frame(number).node is reference.node and number not in self._made:
                placed = _unmoved(reference, lattice)
                self._made[number] = result_contents(placed, {}, images, self._outputs)
                some = self._attributes[min(self._attributes)]
                self._attributes[number] = {**some, "Metrics": "{}"}
        contents = {
            number: {output: make() for output, make in self._made[number].items()}
            for number in sorted(self._made)
        }
        return PreparedSequence(frames, reference, self._outputs, contents, self._attributes)


@dataclass(frozen=True, eq=False)
class PreparedSequence:
    """Everything that the sequences of a result will hold, made without touching the scene.

    Attributes:
        frames: the moving images.
        reference: the fixed image.
        outputs: what is wanted.
        contents: by frame and output.
        attributes: by frame, where it comes from.
    """

    frames: FrameSequence
    reference: VolumeSource
    outputs: Sequence[str]
    contents: Mapping[int, Mapping[str, Content]]
    attributes: Mapping[int, Mapping[str, str]]

    def write(self) -> WrittenResult:
        """Change the scene; if that fails, it is as before.

        Raises:
            InputError: for an input that the scene has lost.
        """
        frames, fixed = self.frames, self.reference.shown
        _check_inputs(frames, self.reference)
        writer = _Writer(frames, fixed, self.contents, self.attributes)
        with SceneChange(frames.browser.GetScene()) as change:
            for view in view_nodes(frames.browser.GetScene()):
                change.keep(view)
            change.keep(frames.browser)
            if not has_item(fixed):
                change.on_undo(partial(forget_item, fixed))
            return WrittenResult(
                {name: writer.write(name, change) for name in self.outputs}, change
            )


def _check_inputs(frames: FrameSequence, reference: VolumeSource) -> None:
    for node in (frames.browser, frames.node, frames.shown, reference.shown):
        if node.GetScene() is None:
            raise InputError(
                f"{node.GetName()!r} was removed from the scene before the results were there; "
                "nothing was written"
            )


@dataclass(frozen=True)
class _Writer:
    """Writes the frames of one output after the other.

    Attributes:
        made: by frame and output, what the nodes will hold.
        attributes: by frame, where it comes from.
    """

    frames: FrameSequence
    fixed: Node
    made: Mapping[int, Mapping[str, Content]]
    attributes: Mapping[int, Mapping[str, str]]

    def write(self, output: str, change: SceneChange) -> Node:
        class_name, title = OUTPUTS[output]
        moving, browser = self.frames.shown, self.frames.browser
        name = title.format(fixed=self.fixed.GetName(), moving=moving.GetName())
        sequence = self._earlier(output)
        if sequence is None:
            sequence = change.add(_CLASS, f"{name} sequence")
        else:
            change.keep(sequence)
            change.on_undo(partial(_refill, sequence, _items(sequence)))
        sequence.SetIndexName(self.frames.node.GetIndexName())
        sequence.SetIndexUnit(self.frames.node.GetIndexUnit())
        sequence.SetIndexType(self.frames.node.GetIndexType())
        sequence.RemoveAllDataNodes()
        for number in sorted(self.made):
            value = self.frames.node.GetNthIndexValue(number)
            # The sequence makes a copy, so it gets the empty node and then what that shall hold.
            empty = getattr(slicer, class_name)()
            empty.SetName(f"{name} {value}")
            node = sequence.SetDataNodeAtValue(empty, value)
            self.made[number][output].write(node, False)
            set_attributes(node, {**self.attributes[number], "Output": output})
        shown = browser.GetProxyNode(sequence)
        is_new = shown is None
        if shown is None:
            change.on_undo(partial(_forget_sequence, browser, sequence))
            shown = change.add(class_name, name)
            # As one, else Slicer makes a node for the sequence before it knows ours.
            with slicer.util.NodeModify(browser):
                browser.AddSynchronizedSequenceNode(sequence)
                browser.AddProxyNode(shown, sequence, False)
        change.keep_with_display(shown)
        number = self.frames.selected
        if number not in self.made:
            number = min(self.made, key=lambda n: abs(n - self.frames.selected))
        self.made[number][output].write(shown, is_new)
        roles = (moving, self.fixed) if output == "inverse" else (self.fixed, moving)
        for node, kind in ((sequence, f"{output} sequence"), (shown, output)):
            set_attributes(node, {**self.attributes[number], "Output": kind})
            set_roles(node, *roles)
        if is_new:
            place_under(shown, self.fixed)
        return shown

    def _earlier(self, output: str) -> Node | None:
        """Return the sequence that the browser already has for an output of these images."""
        expected = {self.fixed, self.frames.shown}
        found = vtk.vtkCollection()
        self.frames.browser.GetSynchronizedSequenceNodes(found, True)
        for index in range(found.GetNumberOfItems()):
            node = found.GetItemAsObject(index)
            same = node.GetAttribute(PREFIX + "Output") == f"{output} sequence"
            if same and set(roles_of(node)) == expected:
                return node
        return None


def _unmoved(reference: VolumeSource, lattice: ImageGeometry) -> PlacedResult:
    """Return the result of the frame to which the others were registered: nothing moves.

    Args:
        reference: the frame.
        lattice: of the results of the others, LPS mm.
    """
    return PlacedResult(
        warped=warp_image(reference.image(), lattice),
        warped_labels=None,
        field=DisplacementField.identity(lattice),
        inverse=DisplacementField.identity(lattice),
        jacobian=lattice.to_image(np.ones(lattice.array_shape, np.float32)),
        folds=lattice.empty_image(),
    )


def _items(sequence: Node) -> list[tuple[str, Node]]:
    count = sequence.GetNumberOfDataNodes()
    return [(sequence.GetNthIndexValue(n), sequence.GetNthDataNode(n)) for n in range(count)]


def _refill(sequence: Node, items: list[tuple[str, Node]]) -> None:
    sequence.RemoveAllDataNodes()
    for value, node in items:
        sequence.SetDataNodeAtValue(node, value)


def _forget_sequence(browser: Node, sequence: Node) -> None:
    if browser.IsSynchronizedSequenceNode(sequence, True):
        browser.RemoveSynchronizedSequenceNode(sequence.GetID())
