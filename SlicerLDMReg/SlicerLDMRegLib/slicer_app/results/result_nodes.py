"""A result into the scene: all its nodes or none, the same nodes when it is computed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...errors import InputError
from ..scene.scene_change import SceneChange, view_nodes
from ..scene.scene_images import SceneImages
from ..scene.subject_hierarchy import forget_item, has_item, place_under
from ..scene.transform_nodes import check_transform_node, interpolate_linearly
from ..scene.volume_nodes import Node
from .embed_2d import FoundResult, place
from .node_attributes import PREFIX, result_attributes, roles_of, set_attributes, set_roles
from .node_content import Content, MakeContent
from .result_contents import result_contents

__all__ = [
    "OUTPUTS",
    "PreparedResult",
    "ResultPreparation",
    "WrittenResult",
    "after_loading",
    "check_outputs",
    "find_outputs",
]

_SCALAR_VOLUME = "vtkMRMLScalarVolumeNode"
_SEGMENTATION = "vtkMRMLSegmentationNode"
_TRANSFORM = "vtkMRMLTransformNode"

#: Every output: the class of its node, and what a new one is called.
OUTPUTS: dict[str, tuple[str, str]] = {
    "warped": (_SCALAR_VOLUME, "{moving} warped to {fixed}"),
    "warped_labels": (_SEGMENTATION, "Labels of {moving} warped to {fixed}"),
    "transform": (_TRANSFORM, "{moving} to {fixed}"),
    "inverse": (_TRANSFORM, "{fixed} to {moving}"),
    "jacobian": (_SCALAR_VOLUME, "Jacobian of {fixed} to {moving}"),
    "folds": (_SEGMENTATION, "Folds of {fixed} to {moving}"),
    "metrics": ("vtkMRMLTableNode", "Metrics of {moving} to {fixed}"),
}

_DESCRIPTIONS = {
    "transform": "From parent: fixed to moving points. What is put under it moves from the moving "
    "anatomy onto the fixed one.",
    "inverse": "From parent: moving to fixed points. What is put under it moves from the fixed "
    "anatomy onto the moving one.",
    "jacobian": "Determinant of the map from fixed to moving points: above 1 the moving tissue was "
    "larger, 0 and below the map folds.",
    "folds": "Where the map from fixed to moving points has a determinant of 0 or below.",
}

# Outputs that tell what was measured.
_MEASURED = ("transform", "metrics")


@dataclass(frozen=True, eq=False)
class WrittenResult:
    """The nodes of a result.

    Attributes:
        nodes: by the names of :data:`OUTPUTS`.
        change: takes them back, ``change.revert()``; also what the views show.
    """

    nodes: dict[str, Node]
    change: SceneChange


def find_outputs(fixed: Node, moving: Node) -> dict[str, Node]:
    """Return the nodes that an earlier registration of two volumes has written.

    Of several, the newest of each kind; also after the scene was saved and loaded.
    """
    found: dict[str, Node] = {}
    nodes = fixed.GetScene().GetNodes()
    for number in range(nodes.GetNumberOfItems()):
        node = nodes.GetItemAsObject(number)
        output = node.GetAttribute(PREFIX + "Output")
        if output in OUTPUTS and roles_of(node) == _roles(output, fixed, moving):
            found[output] = node
    return found


def after_loading(scene: Any) -> None:
    """Bring back what a scene's file does not hold: call it when a scene was loaded.

    Slicer interpolates every grid that it reads with cubic splines; those of results are linear
    between their nodes, as in ITK.
    """
    nodes = scene.GetNodesByClass(_TRANSFORM)
    nodes.UnRegister(None)
    for number in range(nodes.GetNumberOfItems()):
        node = nodes.GetItemAsObject(number)
        if node.GetAttribute(PREFIX + "Output") in OUTPUTS:
            interpolate_linearly(node)


def check_outputs(outputs: Mapping[str, Node | None], fixed: Node, moving: Node) -> None:
    """Check that results can go into some nodes.

    Args:
        outputs: by the names of :data:`OUTPUTS`; None stands for a new node.
        fixed, moving: the volumes that are registered.

    Raises:
        InputError: for a node of another kind, one that is chosen twice, or an input.
    """
    chosen: list[Node] = []
    for output, node in outputs.items():
        if output not in OUTPUTS:
            raise InputError(f"outputs: expected some of {', '.join(OUTPUTS)}, got {output!r}")
        if node is None:
            continue
        class_name = OUTPUTS[output][0]
        if class_name == _TRANSFORM:
            check_transform_node(node)
        elif node.GetClassName() != class_name:
            raise InputError(
                f"output {output}: expected a {class_name}, got {node.GetName()!r}, which is a "
                f"{node.GetClassName()}; select another node"
            )
        if node is fixed or node is moving:
            raise InputError(
                f"output {output}: {node.GetName()!r} is an input and would be overwritten; "
                "select another node"
            )
        if node in chosen:
            raise InputError(
                f"output {output}: {node.GetName()!r} is already another output; "
                "select another node"
            )
        chosen.append(node)


@dataclass(frozen=True, eq=False)
class PreparedResult:
    """Everything that the nodes of a result will hold, made without touching the scene.

    Making it takes most of the time of large volumes, :meth:`write` little; between the two an
    application may stay alive.
    """

    images: SceneImages
    outputs: Mapping[str, Node | None]
    contents: Mapping[str, Content]
    attributes: Mapping[str, str]
    metrics: Mapping[str, str]

    def write(self) -> WrittenResult:
        """Change the scene; if that fails, it is as before.

        Raises:
            InputError: for volumes that the scene has lost.
        """
        fixed, moving = self.images.fixed_source.shown, self.images.moving_source.shown
        _check_inputs(fixed, moving)
        nodes: dict[str, Node] = {}
        with SceneChange(fixed.GetScene()) as change:
            for view in view_nodes(fixed.GetScene()):
                change.keep(view)
            if not has_item(fixed):  # only outside of the application
                change.on_undo(partial(forget_item, fixed))
            for output, content in self.contents.items():
                nodes[output] = self._write_node(output, content, change)
            return WrittenResult(nodes, change)

    def _write_node(self, output: str, content: Content, change: SceneChange) -> Node:
        fixed, moving = self.images.fixed_source.shown, self.images.moving_source.shown
        node = self.outputs[output]
        if node is not None and node.GetScene() is None:
            node = None  # the user has removed it
        is_new = node is None
        if node is None:
            class_name, name = OUTPUTS[output]
            title = name.format(fixed=fixed.GetName(), moving=moving.GetName())
            node = change.add(class_name, title)
        change.keep_with_display(node)
        content.write(node, is_new)
        measured = self.metrics if output in _MEASURED else {}
        set_attributes(node, {**self.attributes, **measured, "Output": output})
        node.SetDescription(_DESCRIPTIONS.get(output, ""))
        set_roles(node, *_roles(output, fixed, moving))
        if is_new:
            place_under(node, fixed)
        return node


class ResultPreparation:
    """The way of a result into the scene of its images, in three steps.

    First everything is computed that the nodes will hold, which takes most of the time of large
    volumes and may be done in any thread; then it is given to VTK; then the scene is changed. If
    that fails, it is as before. New nodes stand under the fixed volume in the subject hierarchy.
    All refer to both volumes in Slicer's roles of spatial registration, and have attributes that
    tell where they come from, see :func:`~.node_attributes.result_attributes`. Beyond the fixed
    image, or the slices of it that were registered, a transform goes on as at the border.

    Args:
        result: of the registration of ``images``.
        images: from :func:`~..scene.scene_images.scene_images`.
        outputs: the wanted ones, by the names of :data:`OUTPUTS`, and the nodes to write into; None
            for a new node. By default everything, into the nodes of an earlier result. Labels that
            were not registered have none.

    Raises:
        InputError: for nodes that cannot be written into, or volumes that the scene has lost.
    """

    def __init__(
        self,
        result: FoundResult,
        images: SceneImages,
        outputs: Mapping[str, Node | None] | None = None,
    ) -> None:
        fixed, moving = images.fixed_source.shown, images.moving_source.shown
        _check_inputs(fixed, moving)
        if outputs is None:
            earlier = find_outputs(fixed, moving)
            outputs = {output: earlier.get(output) for output in OUTPUTS}
        check_outputs(outputs, fixed, moving)
        self._result, self._images, self._outputs = result, images, dict(outputs)
        self._made: dict[str, MakeContent] = {}

    def compute(self) -> None:
        """Compute; neither the scene nor VTK is touched."""
        placed = place(self._result, self._images)
        self._made = result_contents(placed, self._result.metrics, self._images, self._outputs)

    def finish(self) -> PreparedResult:
        """Return what was computed, ready to be written."""
        result = self._result
        return PreparedResult(
            self._images,
            self._outputs,
            {output: self._made[output]() for output in OUTPUTS if output in self._made},
            result_attributes(result.provenance),
            result_attributes(result.provenance, result.metrics),
        )


def _check_inputs(fixed: Node, moving: Node) -> None:
    for role, node in (("fixed", fixed), ("moving", moving)):
        if node.GetScene() is None:
            raise InputError(
                f"the {role} volume {node.GetName()!r} was removed from the scene before the "
                "result was there; nothing was written"
            )


def _roles(output: str, fixed: Node, moving: Node) -> tuple[Node, Node]:
    """Return what is fixed and what moves; the inverse moves the fixed image."""
    return (moving, fixed) if output == "inverse" else (fixed, moving)
