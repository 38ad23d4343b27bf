"""The section "Inputs": the two volumes, the model, and the part of the volumes to register."""

from __future__ import annotations

from functools import partial
from typing import Any

import slicer
from slicer.i18n import tr as _

from ...errors import InputError
from ...geometry import ImageGeometry
from ...model_store import ModelCard
from ...pipeline.slices import SliceSelection
from ..run.choices import Extent, RegisterBy
from ..run.planning import image_dimension, too_small, volume_sizes
from ..scene.frames import sequence_of
from ..scene.volume_nodes import Node, volume_geometry
from .safe_texts import printable
from .section import Section
from .widgets import ChoiceBox, sentence, tint

__all__ = ["InputsSection"]

_SWAPPED = (
    ("fixedVolume", "movingVolume"),
    ("fixedLabels", "movingLabels"),
    ("fixedMask", "movingMask"),
    ("fixedLandmarks", "movingLandmarks"),
)


class InputsSection(Section):
    """Shows only what the chosen extent needs, and says what will be registered."""

    def setup(self) -> None:
        ui = self.ui
        self._models = ChoiceBox(ui.modelComboBox, partial(self._choose, "model"))
        self._views = ChoiceBox(ui.viewComboBox, partial(self._choose, "view"))
        ui.swapButton.connect("clicked()", self._on_swap)
        ui.extentComboBox.connect("activated(int)", self._on_extent_chosen)
        ui.axisComboBox.connect("activated(int)", self._on_extent_chosen)

    def show(self, parameters: Any) -> None:
        self._models.show(self._model_choices(), parameters.model)
        self._views.show(_view_names(), parameters.view)
        text, level = self._describe_model()
        self._show_note("modelLabel", text)
        tint(self.ui.modelLabel, level)
        extent = parameters.extent
        ui = self.ui
        for shown, widgets in (
            (extent is Extent.VIEW, (ui.viewComboBoxLabel, ui.viewComboBox)),
            (extent is Extent.RANGE, (ui.axisComboBoxLabel, ui.axisComboBox)),
            (extent is Extent.RANGE, (ui.firstSliceSpinBoxLabel, ui.rangeWidget)),
            (extent is Extent.FRAMES, (ui.referenceFrameSpinBoxLabel, ui.referenceFrameSpinBox)),
        ):
            for widget in widgets:
                widget.visible = shown
        self._show_note("extentLabel", self._describe_extent())
        both = parameters.fixedVolume is not None or parameters.movingVolume is not None
        ui.swapButton.enabled = both and not self.panel.running
        ui.fixedSelectorLabel.text = (
            _("Fixed or sequence:") if extent is Extent.FRAMES else _("Fixed volume:")
        )

    def _choose(self, name: str, value: str) -> None:
        if self.panel.parameters is not None:
            setattr(self.panel.parameters, name, value)

    def _show_note(self, name: str, text: str) -> None:
        label = getattr(self.ui, name)
        label.text = printable(text)
        label.visible = bool(text)
        # An empty row of a form keeps its spacing.
        getattr(self.ui, name.replace("Label", "SpacerLabel")).visible = bool(text)

    # Models

    def _model_choices(self) -> dict[str, str]:
        """Return the titles of the models by their names."""
        choices = {"auto": _("Automatic")}
        for card in self.panel.models():
            choices[card.id] = card.title
        choices["none"] = _("None: optimise on this pair only")
        current = self.panel.parameters.model
        if current not in choices:  # the scene comes from another computer
            choices[current] = _("{name} (not installed)").format(name=current)
        return choices

    def _describe_model(self) -> tuple[str, str]:
        """Return what the model is for, and how to colour it; *Automatic* promises none."""
        parameters, card = self.panel.parameters, self.panel.card()
        automatic = parameters.model == "auto"
        if automatic and image_dimension(parameters) is None:
            return _("Chosen to fit the images, 2D or 3D."), "info"
        if parameters.model == "none":
            text = _("The field is optimised on this pair alone. Good where no model fits.")
            return text, "info"
        if parameters.registerBy is RegisterBy.LABELS:
            return _("The labels alone are registered, without a model."), "info"
        if card is None:
            return _("No model for these images is installed."), "info"
        told = {"title": card.title, "use": sentence(card.use)}
        size = too_small(parameters, card)
        if size and automatic and not self._is_guided():
            text = _(
                "{title} does not know images of {size} mm: they are registered without a model."
                " {use}"
            )
            return text.format(size=size, **told), "warning"
        if size:
            text = _("{use} It does not know images of {size} mm; None may do better.")
            return text.format(size=size, **told), "warning"
        if not automatic:
            return told["use"], "info"
        if self._is_makeshift() and image_dimension(parameters) == 3:
            text = _(
                "No model for 3D images is installed. {title} would take the slices one by one,"
                " where it knows them; download a 3D model, or choose None."
            )
            return text.format(**told), "warning"
        if self._is_makeshift():
            text = _(
                "{title} is a makeshift for slices of volumes: it is taken only where it knows"
                " them, which Apply finds out; else none is. {use}"
            )
            return text.format(**told), "warning"
        others = [other.title for other in self.panel.automatic_cards() if other.id != card.id]
        if others:
            text = _("The one that knows the images best, or none where none knows them: {titles}")
            return text.format(titles="; ".join([card.title, *others])), "info"
        return _("{title}, where it knows the images, else none: {use}").format(**told), "info"

    def _is_makeshift(self) -> bool:
        """Whether a model of images is taken for volumes, or for slices of them."""
        card, sizes = self.panel.card(), volume_sizes(self.panel.parameters)
        whole = [size for size in sizes if size is not None and 1 not in size]
        return card is not None and card.spatial_dims == 2 and bool(whole)

    def _is_guided(self) -> bool:
        """Whether regions are given, which only a model takes: then it is not asked."""
        try:
            return bool(self.panel.plan().guided)
        except InputError:
            return False

    # Extent

    def _describe_extent(self) -> str:
        parameters = self.panel.parameters
        if parameters.extent is Extent.FRAMES:
            return self._describe_frames()
        volume = parameters.fixedVolume or parameters.movingVolume
        geometry = _geometry(volume)
        if geometry is None:
            return ""
        if parameters.extent is Extent.VIEW:
            return _("What the view shows when you press Apply, in 2D.")
        if parameters.extent is Extent.RANGE:
            count = _slice_count(geometry, parameters.axis.value)
            if not count:
                return _("The fixed volume is a 2D image.")
            return _("Of {count} slices, 0 to {last}; each in its plane.").format(
                count=count, last=count - 1
            )
        return _describe_whole(geometry, image_dimension(parameters), self.panel.card())

    def _describe_frames(self) -> str:
        parameters = self.panel.parameters
        frames = None
        if parameters.movingVolume is not None:
            frames = sequence_of(parameters.movingVolume)
        if frames is None:
            return _("Select a moving volume that shows a sequence.")
        if parameters.fixedVolume not in (None, parameters.movingVolume):
            return _("{count} frames, each to {name}.").format(
                count=len(frames), name=parameters.fixedVolume.GetName()
            )
        return _("{count} frames, 0 to {last}, each to frame {reference}.").format(
            count=len(frames), last=len(frames) - 1, reference=parameters.referenceFrame
        )

    def _on_extent_chosen(self, _index: int = 0) -> None:
        """Begin with all slices, and with the frame that is shown."""
        parameters = self.panel.parameters
        if parameters is None:
            return
        geometry = _geometry(parameters.fixedVolume)
        if parameters.extent is Extent.RANGE and geometry is not None:
            count = _slice_count(geometry, parameters.axis.value)
            with slicer.util.NodeModify(parameters.parameterNode):
                parameters.firstSlice, parameters.lastSlice = 0, max(0, count - 1)
        elif parameters.extent is Extent.FRAMES and parameters.movingVolume is not None:
            frames = sequence_of(parameters.movingVolume)
            if frames is not None:
                parameters.referenceFrame = frames.selected

    def _on_swap(self) -> None:
        parameters = self.panel.parameters
        if parameters is None:
            return
        with slicer.util.NodeModify(parameters.parameterNode):
            for first, second in _SWAPPED:
                one, other = getattr(parameters, first), getattr(parameters, second)
                setattr(parameters, first, other)
                setattr(parameters, second, one)
            if parameters.initialTransform is not None:
                parameters.initialTransform = None
                self.panel.say(
                    _("The initial transform was for the other direction; it was taken out."),
                    "warning",
                )


def _view_names() -> dict[str, str]:
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    return {node.GetLayoutName(): node.GetLayoutName() for node in nodes}


def _geometry(volume: Node | None) -> ImageGeometry | None:
    if volume is None or volume.GetImageData() is None:
        return None
    try:
        return volume_geometry(volume)
    except InputError:
        return None


def _slice_count(geometry: ImageGeometry, axis: str) -> int:
    try:
        return SliceSelection(axis).resolve(geometry).count
    except InputError:
        return 0


def _describe_whole(geometry: ImageGeometry, dimension: int | None, card: ModelCard | None) -> str:
    size = [n for n in geometry.size if n > 1] if dimension == 2 else list(geometry.size)
    shape = " x ".join(map(str, size))
    if dimension == 2:
        return _("A 2D image of {shape} pixels.").format(shape=shape)
    if card is not None and card.spatial_dims == 2:
        return _(
            "{shape} voxels. The model is for 2D images: all {count} slices are registered one by"
            " one."
        ).format(shape=shape, count=geometry.size[2])
    return _("{shape} voxels, in 3D.").format(shape=shape)
