"""The panel: its sections, tied to a parameter node, the scene and a session."""

from __future__ import annotations

from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ...errors import InputError, ModelError
from ...model_store import ModelCard, list_models
from ..background_call import HELD_MS, is_held, timer
from ..run.choices import RegisterBy
from ..run.parameters import RegistrationParameters
from ..run.plan import RegistrationPlan
from ..run.planning import (
    automatic_cards,
    chosen_card,
    image_dimension,
    labels_without_images,
    plan_of,
    volume_sizes,
)
from ..run.session import RegistrationSession
from ..scene.nodes import free_name
from ..scene.volume_nodes import Node
from .anatomy_section import AnatomySection
from .apply_section import ApplySection
from .belongings import Belongings
from .check_section import CheckSection
from .choice_sections import AlignmentSection, OptionsSection, OutputsSection
from .cohort_section import CohortSection
from .compare_section import CompareSection
from .control_names import told_on_panel
from .cursor_section import CursorSection
from .display_section import DisplaySection
from .export_section import ExportSection
from .first_choice import FirstChoice
from .inputs_section import InputsSection
from .landmarks_section import LandmarksSection
from .masks_section import MasksSection
from .model_card_dialog import ModelCardSection
from .models_section import ModelsSection
from .presets_section import PresetsSection
from .results_section import ResultsSection
from .run_section import RunSection
from .setup_section import SetupSection
from .try_section import TrySection
from .warm_up import WarmUp
from .wheel import WheelGuard
from .wrapped_labels import WrappedLabels

__all__ = ["Panel"]

_NODE_CLASS = "vtkMRMLScriptedModuleNode"
_POLL_MS = 20
# Observers of the scene with this priority come after the selectors, which have none.
_LAST = -1.0


class Panel(VTKObservationMixin):
    """The panel, through which the sections know of each other.

    Args:
        ui: widgets by name.
        logic: the module's, which makes the parameter nodes.
        session: runs the registrations; None: one with a worker in Slicer's Python.

    Attributes:
        parameters: the choices that are shown; None while the module is not open or the scene is
            being closed.
        session: its ``last`` is the last result.
        imports: the number of scenes that were loaded since the panel was made.
        sections: all of them by name, such as ``inputs``.
    """

    def __init__(self, ui: Any, logic: Any, session: RegistrationSession | None = None) -> None:
        VTKObservationMixin.__init__(self)
        self.ui, self.logic = ui, logic
        self.parameters: Any = None
        self._timer = qt.QTimer()
        self._timer.setInterval(_POLL_MS)
        self.session = RegistrationSession(timer=self._timer) if session is None else session
        self._tag: int | None = None
        self._models: list[ModelCard] | None = None
        self._card: tuple[Any, ModelCard | None, list[ModelCard]] | None = None
        self._node: Node | None = None  # of the choices that were shown last
        self._closing = False
        self._importing = False
        self._sets_before: set[str] = set()
        self.imports = 0
        self._updating = False
        self._finished: list[Any] = []
        # Once the application has done what is due.
        self._soon = timer(self.update, 0, once=True)
        self._show_soon = timer(self._show_finished, 0, once=True)
        self._show_later = timer(self._show_finished, HELD_MS, once=True)
        self.sections: dict[str, Any] = {
            "setup": SetupSection(ui, self),
            "try": TrySection(ui, self),
            "first choice": FirstChoice(ui, self),
            "belongings": Belongings(ui, self),
            "inputs": InputsSection(ui, self),
            "models": ModelsSection(ui, self),
            "model card": ModelCardSection(ui, self),
            "presets": PresetsSection(ui, self),
            "anatomy": AnatomySection(ui, self),
            "alignment": AlignmentSection(ui, self),
            "landmarks": LandmarksSection(ui, self),
            "options": OptionsSection(ui, self),
            "masks": MasksSection(ui, self),
            "outputs": OutputsSection(ui, self),
            "run": RunSection(ui, self),
            "results": ResultsSection(ui, self),
            "display": DisplaySection(ui, self),
            "cursor": CursorSection(ui, self),
            "compare": CompareSection(ui, self),
            "apply": ApplySection(ui, self),
            "cohort": CohortSection(ui, self),
            "export": ExportSection(ui, self),
            "check": CheckSection(ui, self),
            "warm up": WarmUp(ui, self),
        }

    # The module's life

    def setup(self) -> None:
        """Connect everything; the module is opened for the first time."""
        selector = self.ui.parameterSetSelector
        selector.setNodeTypeLabel(_("parameter set"), _NODE_CLASS)
        selector.addAttribute(_NODE_CLASS, "ModuleName", self.logic.moduleName)
        for section in self.sections.values():
            section.setup()
        named = [widget for widget in vars(self.ui).values() if widget.inherits("QLabel")]
        self._labels = WrappedLabels(named)
        self._wheel = WheelGuard(selector.parentWidget())
        scene = slicer.mrmlScene
        for event, callback in (
            (scene.StartCloseEvent, self._on_start_close),
            (scene.EndCloseEvent, self._on_end_close),
            (scene.StartImportEvent, self._on_start_import),
            (scene.NodeAddedEvent, self._on_scene_modified),
            (scene.NodeRemovedEvent, self._on_scene_modified),
        ):
            self.addObserver(scene, event, callback)
        self.addObserver(scene, scene.EndImportEvent, self._on_end_import, priority=_LAST)
        selector.connect("currentNodeChanged(vtkMRMLNode*)", self._on_set_selected)

    def enter(self) -> None:
        """The module is shown."""
        self._models = None
        self.use(self.ui.parameterSetSelector.currentNode() or self._last_node())

    def exit(self) -> None:
        """Another module is shown. A registration goes on."""
        self.use(None)

    def cleanup(self) -> None:
        """The module goes away, with all it has started."""
        self.use(None)
        self.removeObservers()
        self._soon.stop()
        self._show_soon.stop()
        self._show_later.stop()
        self._labels.cleanup()
        self.session.close()
        for section in self.sections.values():
            section.cleanup()

    # What sections use

    @property
    def running(self) -> bool:
        """Whether a registration runs."""
        return bool(self.session.running)

    @property
    def loading(self) -> bool:
        """Whether a sample pair is being loaded."""
        return bool(self.sections["try"].loading)

    def models(self) -> list[ModelCard]:
        """Return the models for registration that are there."""
        if self._models is None:
            broken: list[ModelError] = []
            self._models = list_models(broken, "registration")
            for problem in broken:
                self.log("warning", str(problem))
        return self._models

    def models_changed(self) -> None:
        """Look for models again: some were added or deleted."""
        self._models = self._card = None
        self.update()

    def card(self) -> ModelCard | None:
        """Return the card of the model that would register now; None: none."""
        return None if self.parameters is None else self._cards(self.parameters)[0]

    def automatic_cards(self) -> list[ModelCard]:
        """Return the cards of the models among which the images choose, where none is named."""
        return [] if self.parameters is None else self._cards(self.parameters)[1]

    def _cards(
        self, parameters: RegistrationParameters
    ) -> tuple[ModelCard | None, list[ModelCard]]:
        # The folders of the models are not looked through at each change of the panel.
        key = parameters.model, parameters.extent, parameters.registerBy, *volume_sizes(parameters)
        if self._card is None or self._card[0] != key:
            self._card = key, chosen_card(parameters), automatic_cards(parameters)
        return self._card[1:]

    def plan(self) -> RegistrationPlan:
        """Return what the choices mean.

        Raises:
            InputError: for options that cannot be, or when there are no choices.
        """
        if self.parameters is None:
            raise InputError(_("The module is not open."))
        return plan_of(self.parameters, self.card())

    def problems(self) -> list[str]:
        """Return what is missing before one can register, the most important first."""
        setup = self.sections["setup"].problem
        if setup:
            return [setup]
        if self.parameters is None:
            return [_("The module is not open.")]
        if labels_without_images(self.parameters):
            return []  # Apply makes images of them first
        try:
            found = [told_on_panel(problem) for problem in self.plan().problems()]
        except InputError as error:
            return [told_on_panel(error)]
        if found or self.parameters.model == "none" or not self._asks_model():
            return found
        card, dimension = self.card(), image_dimension(self.parameters)
        if card is None:
            return [_("The chosen model is not installed.")]
        if dimension == 2 and card.spatial_dims == 3:
            return [_("The chosen model needs whole volumes.")]
        return []

    def _asks_model(self) -> bool:
        return self.parameters.registerBy is not RegisterBy.LABELS

    def update(self) -> None:
        """Let all sections show how things are."""
        if self._updating:
            return
        if self._is_orphan() and not self._closing:
            self.use(self.logic.getParameterNode())  # updates, too
            return
        self._updating = True
        try:
            for section in self.sections.values():
                section.update()
            self._labels.update()
        finally:
            self._updating = False

    def update_soon(self, _caller: Any = None, _event: Any = None) -> None:
        """Update once when the changes that are going on are done."""
        self._soon.start()

    def leave_views(self, section: Any = None) -> None:
        """Let all other sections bring back the views that they have changed for a while.

        Else each would bring back what it found, and the last one what is no longer shown.
        """
        for other in self.sections.values():
            if other is not section:
                other.leave_views()

    def say(self, text: str, level: str = "info") -> None:
        """Show a message: ``info``, ``good``, ``warning`` or ``error``."""
        self.sections["run"].say(text, level)
        self._labels.update()

    def log(self, level: str, text: str) -> None:
        """Add a line to the log."""
        self.sections["run"].log(level, text)

    def finished(self, run: Any) -> None:
        """A registration has succeeded: let the sections show the result, each step on its own."""
        self.sections["run"].update()
        self._finished.append(run)
        self._show_soon.start()

    # Parameters

    def use(self, node: Node | None) -> None:
        """Show the choices of a parameter node; None: of none."""
        parameters = self.parameters
        if parameters is not None:
            if node is parameters.parameterNode:
                self.update()
                return
            parameters.disconnectGui(self._tag)
            self.removeObserver(
                parameters.parameterNode,
                vtk.vtkCommand.ModifiedEvent,
                self.update_soon,
            )
            self.parameters = None
        if node is not None:
            wrapper: Any = RegistrationParameters  # type checkers do not know its decorator
            parameters = wrapper(node)
            self._tag = parameters.connectGui(self.ui)
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.update_soon)
            self.parameters, self._node = parameters, node
            self.ui.parameterSetSelector.setCurrentNode(node)
        self.update()
        if node is not None and self._finished:
            self._show_soon.start()

    def _on_set_selected(self, node: Node | None) -> None:
        if self._closing or self.parameters is None:
            return
        # The last set was deleted: there is always one.
        self.use(node if node is not None else self.logic.getParameterNode())

    def _show_finished(self) -> None:
        if self.parameters is None:
            return  # another module is open; :meth:`use` comes back to it
        if is_held():
            self._show_later.start()
            return
        runs, self._finished = self._finished, []
        for run in runs:
            for section in self.sections.values():
                if run is self.session.last:
                    section.run_finished(run)
        self.update_soon()

    def _is_orphan(self) -> bool:
        """Whether the set of choices that is shown was deleted."""
        parameters = self.parameters
        return parameters is not None and parameters.parameterNode.GetScene() is None

    # The scene

    def _on_start_close(self, _caller: Any, _event: Any) -> None:
        self._closing = True
        if self.running:
            self.session.cancel(_("The scene was closed; the registration was cancelled."))
        self.session.last = None
        self._was_open = self.parameters is not None
        self.use(None)

    def _on_end_close(self, _caller: Any, _event: Any) -> None:
        self._closing = False
        if self._was_open:
            self.use(self.logic.getParameterNode())

    def _on_start_import(self, _caller: Any, _event: Any) -> None:
        """Let go of the selectors: they are emptied meanwhile, and would empty the choices."""
        self._importing = self.parameters is not None
        self._sets_before = {node.GetID() for node in self._sets()}
        self.use(None)

    def _on_end_import(self, _caller: Any, _event: Any) -> None:
        """Go on, or show the choices that came with the scene in place of those of no volumes."""
        self.imports += 1
        node, loaded = self._last_node(), self._sets_with_volumes()
        is_empty = bool(loaded) and node not in loaded
        self._node = loaded[-1] if is_empty else node
        if not self._importing:
            self._name_sets_apart()
            return  # the module is not open
        self._importing = False
        self.use(self._node)
        if is_empty:
            slicer.mrmlScene.RemoveNode(node)
        self._name_sets_apart()
        self.update_soon()

    def _last_node(self) -> Node:
        """Return the node of the choices that were shown last; else one that is there, or new."""
        if self._node is not None and self._node.GetScene() is not None:
            return self._node
        return self.logic.getParameterNode()

    def _sets(self) -> list[Node]:
        """Return the nodes of all choices of the scene."""
        nodes = slicer.util.getNodesByClass(_NODE_CLASS)
        return [n for n in nodes if n.GetAttribute("ModuleName") == self.logic.moduleName]

    def _sets_with_volumes(self) -> list[Node]:
        return [node for node in self._sets() if node.GetNumberOfNodeReferences("fixedVolume")]

    def _name_sets_apart(self) -> None:
        """Give choices that came with a scene another name where there are such by that name."""
        sets, before = self._sets(), self._sets_before
        taken = {node.GetName() for node in sets if node.GetID() in before}
        for node in sets:
            if node.GetID() in before:
                continue
            if node.GetName() in taken:
                node.SetName(free_name(slicer.mrmlScene, node.GetName()))
            taken.add(node.GetName())

    def _on_scene_modified(self, _caller: Any, _event: Any) -> None:
        if self.parameters is not None and not slicer.mrmlScene.IsBatchProcessing():
            self.update_soon()
