"""Sequences: every frame registered to a reference, the transforms as a sequence beside the frames.

A browser shows one frame of all its sequences at a time, in a volume or transform of the scene. The
results of the frames are sequences of the same browser, so they follow the slider with the images.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import numpy as np
import slicer
import vtk

from ...displacement import DisplacementField
from ...errors import InputError
from ...pipeline.result import RegistrationResult
from ...resampling import warp_image
from ..scene.frames import FrameSequence
from ..scene.nodes import PREFIX, roles_of, set_attributes, set_roles
from ..scene.scene_change import SceneChange
from ..scene.scene_images import SceneImages, VolumeSource
from ..scene.volume_nodes import Node
from ..texts import tr as _
from .result_contents import WriteContent, place, result_contents
from .result_nodes import (
    FRAMES_PART,
    OUTPUTS,
    WrittenResult,
    check_in_scene,
    output_roles,
    output_title,
    result_attributes,
)

__all__ = ["SEQUENCE_OUTPUTS", "SequenceWriter"]

#: The outputs of which there is one for each frame.
SEQUENCE_OUTPUTS = ("warped", "transform", "inverse", "jacobian", "displacement")

_CLASS = "vtkMRMLSequenceNode"
_NEEDED = _("a sequence needs the results of some frames, and some outputs")


class SequenceWriter:
    """Writes the results of the frames of a sequence: computed first, then written at once.

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
        self._first: tuple[RegistrationResult, SceneImages] | None = None
        self._contents: dict[int, dict[str, WriteContent]] = {}
        self._attributes: dict[int, dict[str, str]] = {}

    def add(self, result: RegistrationResult, images: SceneImages, frame: int) -> None:
        """Compute the contents of the nodes of a frame; any thread may do it.

        Raises:
            InputError: for another fixed image than that of the frames before.
        """
        placed = place(result, images)
        if self._first is None:
            self._first = placed, images
        elif self._first[1].fixed_source != images.fixed_source:
            raise InputError(_("the frames of a sequence need one and the same fixed image"))
        self._add_placed(placed, images, frame)

    def _add_placed(self, placed: RegistrationResult, images: SceneImages, frame: int) -> None:
        self._contents[frame] = result_contents(placed, images, self._outputs)
        self._attributes[frame] = result_attributes(placed.provenance, placed.metrics)

    def write(self) -> WrittenResult:
        """Change the scene; if that fails, it is as before.

        Raises:
            InputError: for no frames, or an input that the scene has lost.
        """
        if self._first is None:
            raise InputError(_NEEDED)
        placed, images = self._first
        frames, reference = self._frames, images.fixed_source
        fixed, moving = images.shown
        check_in_scene({"browser": frames.browser, "sequence": frames.node})
        check_in_scene({_("fixed volume"): fixed, _("moving volume"): moving})
        for number in range(len(frames)):
            if frames.frame(number).node is reference.node and number not in self._contents:
                self._add_placed(_unmoved(reference, placed), images, number)
        with SceneChange(fixed.GetScene()) as change:
            change.keep_views()
            change.keep(frames.browser)
            nodes = {output: self._write_output(output, fixed, change) for output in self._outputs}
            return WrittenResult(nodes, change)

    def _write_output(self, output: str, fixed: Node, change: SceneChange) -> Node:
        class_name = OUTPUTS[output][0]
        frames, moving, browser = self._frames, self._frames.shown, self._frames.browser
        name, roles = output_title(output, fixed, moving), output_roles(output, fixed, moving)
        sequence = self._earlier(output, roles)
        if sequence is None:
            sequence = change.add(_CLASS, f"{name} sequence")
        else:
            change.keep(sequence)
            change.on_undo(partial(_refill, sequence, _items(sequence)))
        sequence.SetIndexName(frames.node.GetIndexName())
        sequence.SetIndexUnit(frames.node.GetIndexUnit())
        sequence.SetIndexType(frames.node.GetIndexType())
        sequence.RemoveAllDataNodes()
        for number in sorted(self._contents):
            value = frames.node.GetNthIndexValue(number)
            # The sequence makes a copy, so it gets the empty node and then its content.
            empty = getattr(slicer, class_name)()
            empty.SetName(f"{name} {value}")
            node = sequence.SetDataNodeAtValue(empty, value)
            self._contents[number][output](node, False)
            told = {**self._attributes[number], "Output": output, "Part": FRAMES_PART}
            set_attributes(node, told)
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
        number = min(self._contents, key=lambda n: abs(n - frames.selected))
        self._contents[number][output](shown, is_new)
        for node, kind in ((sequence, f"{output} sequence"), (shown, output)):
            told = {**self._attributes[number], "Output": kind, "Part": FRAMES_PART}
            set_attributes(node, told)
            set_roles(node, *roles)
        if is_new:
            change.place_under(shown, fixed)
        return shown

    def _earlier(self, output: str, roles: tuple[Node, Node]) -> Node | None:
        """Return the sequence that the browser already has for an output of these images."""
        found = vtk.vtkCollection()
        self._frames.browser.GetSynchronizedSequenceNodes(found, True)
        for index in range(found.GetNumberOfItems()):
            node = found.GetItemAsObject(index)
            same = node.GetAttribute(PREFIX + "Output") == f"{output} sequence"
            if same and roles_of(node) == roles:
                return node
        return None


def _unmoved(reference: VolumeSource, found: RegistrationResult) -> RegistrationResult:
    """Return the result of the frame to which the others were registered: nothing moves.

    Args:
        reference: the frame.
        found: the result of another one, in 3D.
    """
    lattice = found.field.geometry
    field = DisplacementField.identity(lattice)
    return replace(
        found,
        warped=warp_image(reference.image(), lattice),
        warped_labels=None,
        field=field,
        inverse=field,
        jacobian=lattice.to_image(np.ones(lattice.array_shape, np.float32)),
        folds=lattice.empty_image(),
        metrics={},
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
