"""What shall be registered and how: everything that the panel or a script has chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slicer.i18n import tr as _

from ...errors import InputError
from ...pipeline.request import RegistrationRequest
from ...pipeline.slices import SliceSelection
from ..results.result_nodes import OUTPUTS, check_outputs, find_outputs
from ..results.sequence_results import SEQUENCE_OUTPUTS
from ..scene.frames import FrameSequence, sequence_of
from ..scene.scene_images import LabelSource, SceneImages, VolumeSource, scene_images_in_steps
from ..scene.view_slices import slice_node
from ..scene.volume_nodes import Node, volume_geometry
from .choices import Extent
from .steps import Steps, all_at_once

__all__ = ["Extent", "RegistrationPlan"]


@dataclass(frozen=True, eq=False)
class RegistrationPlan:
    """One registration of nodes.

    Attributes:
        fixed, moving: volume nodes.
        extent: what of them.
        view: name of the slice view, for ``Extent.VIEW``.
        axis, first, last: plane and slice numbers from 0, both included, for ``Extent.RANGE``.
        reference_frame: number from 0 of the frame of the sequence that all others are registered
            to, for ``Extent.FRAMES``; a fixed volume that is none of the sequence takes its place.
        model: ``auto``, ``none``, the id of a model, or a path.
        segmentation: labels of the fixed image: with ``moving_labels`` they measure the overlap,
            and they may guide models with regions.
        guided: whether these labels guide the model; None: where they have names, else its
            segmenter does; False: nothing does.
        automatic_regions: whether the model's segmenter finds the regions, labels or not.
        segments: IDs of the segments to use; None: all.
        prompts: structures in words, by label number.
        moving_labels: labels of the moving image.
        align: ``auto``, ``none``, ``center``, ``rigid`` or ``affine``.
        initial_transform: brings the moving image roughly to the fixed one.
        device, precision, refine, diffeomorphic, seed: as of :func:`SlicerLDMRegLib.register`.
        fixed_mask, moving_mask: label nodes; only there the images count.
        outputs: what is wanted, by the names of :data:`~.result_nodes.OUTPUTS`, and the nodes to
            write into; None: those of the earlier registration of these volumes, else new ones.
    """

    fixed: Node | None
    moving: Node | None
    extent: Extent = Extent.WHOLE
    view: str = "Red"
    axis: str = "axial"
    first: int = 0
    last: int = 0
    reference_frame: int = 0
    model: str = "auto"
    segmentation: Node | None = None
    guided: bool | None = None
    automatic_regions: bool = False
    segments: tuple[str, ...] | None = None
    prompts: Mapping[int, str] = field(default_factory=dict)
    moving_labels: Node | None = None
    align: str = "auto"
    initial_transform: Node | None = None
    device: str = "auto"
    precision: str = "auto"
    refine: bool | str | Mapping[str, Any] | None = None
    diffeomorphic: bool | None = None
    fixed_mask: Node | None = None
    moving_mask: Node | None = None
    seed: int = 0
    outputs: Mapping[str, Node | None] = field(default_factory=lambda: dict.fromkeys(OUTPUTS))

    @property
    def slices(self) -> str | None:
        """The range of slices as the library takes it; None: another extent."""
        if self.extent is not Extent.RANGE:
            return None
        return f"{self.axis}:{self.first}-{self.last}"

    @property
    def frames(self) -> FrameSequence | None:
        """The sequence of the moving volume, where all its frames are registered."""
        if self.extent is not Extent.FRAMES or self.moving is None:
            return None
        return sequence_of(self.moving)

    @property
    def inputs(self) -> dict[str, Node]:
        """The nodes that are read, by name."""
        names = ("fixed", "moving", "segmentation", "moving_labels", "initial_transform")
        named = {name: getattr(self, name) for name in (*names, "fixed_mask", "moving_mask")}
        return {name: node for name, node in named.items() if node is not None}

    def problems(self) -> list[str]:
        """Return what is missing or cannot be, for the user; the most important first."""
        if self.moving is None and self.fixed is None:
            return [_("Select a fixed and a moving volume.")]
        if self.moving is None:
            return [_("Select a moving volume.")]
        if self.fixed is None and self.extent is not Extent.FRAMES:
            return [_("Select a fixed volume.")]
        for node in self.inputs.values():
            if node.GetScene() is None:
                return [_("{name} is no longer in the scene.").format(name=node.GetName())]
        found = self._extent_problems()
        if self.model == "none" and self.refine is False and self._starts_nowhere:
            found.append(_("Nothing to do: select a model."))
        if self.guided and self.segmentation is None:
            found.append(_("Select the fixed labels."))
        if not self.outputs:
            found.append(_("Select an output."))
        elif not found and self.fixed is not None:
            try:
                check_outputs(self.outputs, self.fixed, self.moving)
            except InputError as error:
                found.append(str(error))
        return found

    def frame_numbers(self) -> list[int]:
        """Return the frames to register, without the one that they are registered to.

        Raises:
            InputError: when the moving volume shows no sequence.
        """
        frames = self._sequence()
        reference = self._reference(frames).node
        return [n for n in range(len(frames)) if frames.frame(n).node is not reference]

    def images(self, frame: int | None = None) -> SceneImages:
        """Read the images from the scene.

        Args:
            frame: number of the frame, from 0, for ``Extent.FRAMES``.

        Raises:
            InputError: for what is missing or cannot be used.
        """
        return all_at_once(self.images_in_steps(frame))

    def images_in_steps(self, frame: int | None = None) -> Steps[SceneImages]:
        """Do as :meth:`images`, step by step."""
        if self.moving is None or (self.fixed is None and self.extent is not Extent.FRAMES):
            raise InputError("select a fixed and a moving volume")
        fixed: Node | VolumeSource = self.fixed
        moving: Node | VolumeSource = self.moving
        if self.extent is Extent.FRAMES:
            frames = self._sequence()
            fixed = self._reference(frames)
            moving = frames.frame(self.frame_numbers()[0] if frame is None else frame)
        view = None
        if self.extent is Extent.VIEW:
            view = slice_node(self.moving.GetScene(), self.view)
        labels = None
        if self.segmentation is not None:
            labels = LabelSource(self.segmentation, self.segments)
        moving_labels = None if self.moving_labels is None else LabelSource(self.moving_labels)
        images = yield from scene_images_in_steps(
            fixed,
            moving,
            view=view,
            slices=self.slices,
            fixed_labels=labels,
            moving_labels=moving_labels,
            initial_transform=self.initial_transform,
            fixed_mask=self.fixed_mask,
            moving_mask=self.moving_mask,
        )
        return images

    def request(self, images: SceneImages) -> tuple[RegistrationRequest, dict[str, Any]]:
        """Return the registration as plain data, and the images for it by the field's name.

        Args:
            images: from :meth:`images`.

        Raises:
            InputError: for an option that cannot be.
        """
        inputs = images.arguments()
        names = inputs.pop("label_names", None)
        slices = inputs.pop("slices", None)
        options: dict[str, Any] = {}
        if self.diffeomorphic is not None:
            options["diffeomorphic"] = self.diffeomorphic
        if self.automatic_regions:
            options["fixed_segmentation"] = "auto"
        elif self.guided is False:
            options["fixed_segmentation"] = "none"
        elif self.guided and images.fixed_labels is not None:
            inputs["fixed_segmentation"] = images.fixed_labels
        request = RegistrationRequest(
            fixed=images.fixed_source.name,
            moving=images.moving_source.name,
            model=self.model,
            device=self.device,
            precision=self.precision,
            align=self.align,  # type: ignore[arg-type]
            refine=self.refine,  # type: ignore[arg-type]
            label_names=names,
            prompts=dict(self.prompts) or None,  # type: ignore[arg-type]
            slices=slices,
            seed=self.seed,
            **options,
        )
        return request, inputs

    def output_nodes(self, images: SceneImages) -> dict[str, Node | None]:
        """Return what is wanted, and the nodes that there are; None for a new node.

        Args:
            images: from :meth:`images`.
        """
        earlier = find_outputs(images.fixed_source.shown, images.moving_source.shown)
        chosen = {node for node in self.outputs.values() if node is not None}
        free = {output: node for output, node in earlier.items() if node not in chosen}
        return {output: node or free.get(output) for output, node in self.outputs.items()}

    @property
    def _starts_nowhere(self) -> bool:
        return self.align == "none" and self.initial_transform is None

    def _extent_problems(self) -> list[str]:
        if self.extent is Extent.FRAMES:
            return self._frame_problems()
        if self.fixed is self.moving:
            return [_("Fixed and moving volume are the same.")]
        if self.extent is Extent.RANGE:
            if self.last < self.first:
                return [_("The last slice comes before the first one.")]
            try:
                geometry = volume_geometry(self.fixed)
                if 1 in geometry.size:
                    return [_("The fixed volume is one slice only.")]
                last = SliceSelection(self.axis).resolve(geometry).count - 1
                if self.last > last:
                    return [_("The fixed volume has slices 0 to {last}.").format(last=last)]
            except InputError as error:
                return [str(error)]
        return []

    def _frame_problems(self) -> list[str]:
        frames = self.frames
        if frames is None:
            return [_("The moving volume is no sequence.")]
        try:
            numbers = self.frame_numbers()
        except InputError as error:
            return [str(error)]
        if not numbers:
            return [_("The sequence has one frame only.")]
        if not set(self.outputs) & set(SEQUENCE_OUTPUTS):
            return [_("Select an output that sequences have.")]
        return []

    def _sequence(self) -> FrameSequence:
        frames = self.frames
        if frames is None:
            raise InputError("the moving volume shows no sequence; select one that does")
        return frames

    def _reference(self, frames: FrameSequence) -> VolumeSource:
        """Return what the frames are registered to."""
        if self.fixed is None or self.fixed is frames.shown:
            return frames.frame(self.reference_frame)
        own = sequence_of(self.fixed)
        return VolumeSource.of(self.fixed) if own is None else own.frame(self.reference_frame)
