"""Names of new nodes: as they are, or with a number where the scene has them now."""

from __future__ import annotations

from typing import Any

from SlicerLDMRegLib.slicer_app.display.view_memory import DisplayMemory
from SlicerLDMRegLib.slicer_app.scene.nodes import free_name
from SlicerLDMRegLib.slicer_app.scene.scene_change import SceneChange

KIND = "vtkMRMLScalarVolumeNode"


def _names(scene: Any, count: int) -> list[str]:
    with SceneChange(scene) as change:
        names = [change.add(KIND, "Warped").GetName() for _ in range(count)]
    change.revert()
    return names


def test_a_free_name_stays(scene: Any) -> None:
    assert free_name(scene, "Warped") == "Warped"
    assert free_name(scene, "Warped") == "Warped"  # asking takes nothing


def test_a_name_that_is_taken_gets_a_number(scene: Any) -> None:
    scene.AddNewNodeByClass(KIND, "Warped")
    scene.AddNewNodeByClass(KIND, "Warped_1")
    assert free_name(scene, "Warped") == "Warped_2"
    assert free_name(scene, "Warped_1") == "Warped_1_1"


def test_a_gap_is_filled(scene: Any) -> None:
    scene.AddNewNodeByClass(KIND, "Warped")
    scene.AddNewNodeByClass(KIND, "Warped_2")
    assert free_name(scene, "Warped") == "Warped_1"


def test_a_run_after_a_reverted_one_has_the_same_names(scene: Any) -> None:
    assert _names(scene, 2) == _names(scene, 2) == ["Warped", "Warped_1"]


def test_a_name_is_free_again_once_its_node_was_deleted(scene: Any) -> None:
    scene.RemoveNode(scene.AddNewNodeByClass(KIND, scene.GetUniqueNameByString("Warped")))
    assert _names(scene, 1) == ["Warped"]


def test_what_is_shown_again_has_the_same_name(scene: Any) -> None:
    for _ in range(2):
        memory = DisplayMemory(scene)
        assert memory.add(KIND, "Difference").GetName() == "Difference"
        memory.restore()
