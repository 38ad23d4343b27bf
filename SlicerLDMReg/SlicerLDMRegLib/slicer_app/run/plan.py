"""One registration of nodes: a request whose images still lie in the scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from slicer.i18n import tr as _

from ...errors import InputError
from ...pipeline.request import RegistrationRequest
from ...pipeline.slices import SliceSelection
from ..results.result_nodes import OUTPUTS, check_outputs
from ..results.sequence_results import SEQUENCE_OUTPUTS
from ..scene.belongings import share_inside
from ..scene.coordinates import FLIP
from ..scene.frames import FrameSequence, sequence_of
from ..scene.landmarks import point_count
from ..scene.scene_images import LabelSource, SceneImages, VolumeSource, scene_images
from ..scene.steps import Steps
from ..scene.view_slices import slice_node
from ..scene.volume_nodes import Node, volume_geometry
from .choices import Extent

__all__ = ["Extent", "RegistrationPlan"]

# The planes perpendicular to R, A and S.
_PLANES = ("sagittal", "coronal", "axial")
# Of the fields of a request that are read from nodes, those that other options have to go with.
_RELATED = (
    "fixed_labels",
    "moving_labels",
    "fixed_landmarks",
    "moving_landmarks",
    "initial_transform",
)


@dataclass(frozen=True, eq=False)
class RegistrationPlan:
    """Everything that Slicer adds to a request.

    Attributes:
        nodes: what is read from the scene, by field of a :class:`RegistrationRequest`: the fixed
            and the moving volume, labels, masks, landmarks and transform. Those that are None are
            left out.
        options: other fields of the request.
        extent: the part of the volumes that is registered.
        view: name of the slice view, for ``Extent.VIEW``.
        reference_frame: number from 0 of the frame of the sequence that all others are registered
            to, for ``Extent.FRAMES``; a fixed volume that is none of the sequence takes its place.
        segments: IDs of the segments of the fixed labels to use; None: all.
        guided: whether the fixed labels guide the model, also where they have no names.
        outputs: the wanted ones, by the names of :data:`~.result_nodes.OUTPUTS`, and the nodes to
            write into; None: those of the earlier registration of these volumes, else new ones.
    """

    nodes: Mapping[str, Node] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    extent: Extent = Extent.WHOLE
    view: str = "Red"
    reference_frame: int = 0
    segments: tuple[str, ...] | None = None
    guided: bool = False
    outputs: Mapping[str, Node | None] = field(default_factory=lambda: dict.fromkeys(OUTPUTS))

    def __post_init__(self) -> None:
        named = {name: node for name, node in self.nodes.items() if node is not None}
        object.__setattr__(self, "nodes", named)

    @property
    def fixed(self) -> Node | None:
        """The fixed volume."""
        return self.nodes.get("fixed")

    @property
    def moving(self) -> Node | None:
        """The moving volume."""
        return self.nodes.get("moving")

    @property
    def frames(self) -> FrameSequence | None:
        """The sequence of the moving volume, where all its frames are registered."""
        if self.extent is not Extent.FRAMES or self.moving is None:
            return None
        return sequence_of(self.moving)

    def problems(self) -> list[InputError]:
        """Return what is missing or cannot be, for the user; the most important first."""
        if self.moving is None and self.fixed is None:
            return _problem(_("Select a fixed and a moving volume."))
        if self.moving is None:
            return _problem(_("Select a moving volume."))
        if self.fixed is None and self.extent is not Extent.FRAMES:
            return _problem(_("Select a fixed volume."))
        for node in self.nodes.values():
            if node.GetScene() is None:
                return _problem(_("{name} is no longer in the scene."), name=node.GetName())
        found = [
            *self._extent_problems(),
            *self._outside_problems(),
            *self._landmark_problems(),
        ]
        there: dict[str, Any] = {name: name for name in _RELATED if name in self.nodes}
        try:
            request = RegistrationRequest("fixed", "moving", **there, **self.options)
        except InputError as error:
            return [*found, error]
        given = "initial_transform" in self.nodes or request.starts_at_landmarks
        starts_nowhere = request.align.method == "none" and not given
        if request.model == "none" and request.refine.get("enabled") is False and starts_nowhere:
            found += _problem(_("Nothing to do: select a model."))
        if self.guided and "fixed_labels" not in self.nodes:
            found += _problem(_("Select the fixed labels."))
        if not self.outputs:
            found += _problem(_("Select an output."))
        elif not found and self.fixed is not None:
            try:
                check_outputs(self.outputs, self.fixed, self.moving)
            except InputError as error:
                found.append(error)
        return found

    def frame_numbers(self) -> list[int]:
        """Return the frames to register, without the one that they are registered to.

        Raises:
            InputError: when the moving volume shows no sequence.
        """
        frames = self._sequence()
        reference = self._reference(frames).node
        return [n for n in range(len(frames)) if frames.frame(n).node is not reference]

    def images(self, frame: int | None = None) -> Steps[SceneImages]:
        """Read the images from the scene, step by step.

        Args:
            frame: number of the frame, from 0, for ``Extent.FRAMES``.

        Raises:
            InputError: for what is missing or cannot be used.
        """
        if self.moving is None or (self.fixed is None and self.extent is not Extent.FRAMES):
            raise InputError(_("select a fixed and a moving volume"))
        sources: dict[str, Node | VolumeSource | LabelSource] = dict(self.nodes)
        if self.extent is Extent.FRAMES:
            frames = self._sequence()
            sources["fixed"] = self._reference(frames)
            number = self.frame_numbers()[0] if frame is None else frame
            sources["moving"] = frames.frame(number)
        view = None
        if self.extent is Extent.VIEW:
            view = slice_node(self.moving.GetScene(), self.view)
        if self.segments is not None and "fixed_labels" in sources:
            sources["fixed_labels"] = LabelSource(self.nodes["fixed_labels"], self.segments)
        images = yield from scene_images(sources, view)
        return images

    def part(self, images: SceneImages) -> str:
        """Return the part of the volumes that is registered, in words; empty: all of them.

        Args:
            images: from :meth:`images`.
        """
        if self.extent is Extent.RANGE:
            slices: SliceSelection = self.options["slices"]
            return f"{slices.axis} slices {slices.first} to {slices.last}"
        if self.extent is not Extent.VIEW or images.planes is None:
            return ""
        plane = images.planes[0]
        through = int(np.abs(plane.normal).argmax())
        where = (FLIP * plane.geometry.center())[through]
        return f"{_PLANES[through]} slice at {where:.1f} mm"

    def request(self, images: SceneImages) -> RegistrationRequest:
        """Return the registration of images.

        Args:
            images: from :meth:`images`.

        Raises:
            InputError: for an option that cannot be.
        """
        fields = {**self.options, **images.fields()}
        if self.guided and images.fixed_labels is not None:
            fields["fixed_segmentation"] = images.fixed_labels
        return RegistrationRequest(**fields)

    def _extent_problems(self) -> list[InputError]:
        if self.extent is Extent.FRAMES:
            return self._frame_problems()
        if self.fixed is self.moving:
            return _problem(_("Fixed and moving volume are the same."))
        if self.extent is Extent.RANGE:
            slices: SliceSelection = self.options["slices"]
            first, last = slices.first or 0, slices.last or 0
            if last < first:
                return _problem(_("The last slice comes before the first one."))
            try:
                geometry = volume_geometry(self.fixed)
                if 1 in geometry.size:
                    return _problem(
                        _("The fixed volume is one slice only; register the whole volumes.")
                    )
                greatest = SliceSelection(slices.axis).resolve(geometry).count - 1
                if last > greatest:
                    return [
                        InputError(
                            _("The fixed volume has slices 0 to {last}.").format(last=greatest)
                        )
                    ]
            except InputError as error:
                return [error]
        return []

    def _outside_problems(self) -> list[InputError]:
        """Return a problem for labels or masks that cannot be those of their images."""
        of = {"fixed": self.fixed or self.moving, "moving": self.moving}
        for name, node in self.nodes.items():
            role, _separator, kind = name.partition("_")
            volume = of.get(role)
            if kind in ("labels", "mask") and volume and share_inside(node, volume) == 0.0:
                return _problem(
                    _("{labels} lies outside of {volume}; select another one, or None."),
                    labels=node.GetName(),
                    volume=volume.GetName(),
                )
        return []

    def _landmark_problems(self) -> list[InputError]:
        lists = [self.nodes.get(f"{role}_landmarks") for role in ("fixed", "moving")]
        chosen = [node for node in lists if node is not None]
        if not chosen:
            return []
        if len(chosen) == 1:
            roles = _("moving"), _("fixed")
            role = roles[lists.index(None) == 0]
            return _problem(_("Select the {role} landmarks, too, or none."), role=role)
        if lists[0] is lists[1]:
            return _problem(_("Fixed and moving landmarks are the same list."))
        if self.extent is Extent.FRAMES:
            return _problem(_("Landmarks are of two images, not of frames: select None."))
        empty = [node for node in chosen if not point_count(node)]
        if empty:
            return _problem(_("{name} has no points yet."), name=empty[0].GetName())
        return []

    def _frame_problems(self) -> list[InputError]:
        frames = self.frames
        if frames is None:
            return _problem(_("The moving volume is no sequence."))
        try:
            numbers = self.frame_numbers()
        except InputError as error:
            return [error]
        if not numbers:
            return _problem(_("The sequence has one frame only."))
        if not set(self.outputs) & set(SEQUENCE_OUTPUTS):
            return _problem(_("Select an output that sequences have."))
        return []

    def _sequence(self) -> FrameSequence:
        frames = self.frames
        if frames is None:
            raise InputError(_("the moving volume shows no sequence; select one that does"))
        return frames

    def _reference(self, frames: FrameSequence) -> VolumeSource:
        """Return the image that the frames are registered to."""
        if self.fixed is None or self.fixed is frames.shown:
            return frames.frame(self.reference_frame)
        own = sequence_of(self.fixed)
        return VolumeSource.of(self.fixed) if own is None else own.frame(self.reference_frame)


def _problem(text: str, **values: object) -> list[InputError]:
    """Return one problem, for the user."""
    return [InputError(text.format(**values))]
