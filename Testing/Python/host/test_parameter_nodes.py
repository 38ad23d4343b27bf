"""Parameter nodes: the same with the host's wrapper and with Slicer's own."""

from __future__ import annotations

import enum
import pathlib
from types import SimpleNamespace
from typing import Annotated, Any, Optional

import pytest


class Mode(enum.Enum):
    RIGID = 1
    AFFINE = 2


@pytest.fixture
def wrapped(host: Any) -> Any:
    """A parameter node with one parameter of each kind."""
    from slicer import vtkMRMLModelNode, vtkMRMLScalarVolumeNode
    from slicer.parameterNodeWrapper import (
        Choice,
        Default,
        FloatRange,
        Minimum,
        RangeBounds,
        WithinRange,
        parameterNodeWrapper,
        parameterPack,
    )

    class Point:
        x: int
        y: int = 7

    Point.__annotations__ = {"x": int, "y": int}
    pack = parameterPack(Point)

    class Parameters:
        ratio = 0.5
        mode = Mode.AFFINE

    Parameters.__annotations__ = {
        "count": Annotated[int, Minimum(0), Default(3)],
        "ratio": Annotated[float, WithinRange(0, 1)],
        "text": str,
        "flag": bool,
        "mode": Mode,
        "folder": pathlib.Path,
        "device": Annotated[str, Choice(["cpu", "cuda"]), Default("cpu")],
        "volume": vtkMRMLScalarVolumeNode,
        "maybe": Optional[int],  # noqa: UP045
        "either": vtkMRMLScalarVolumeNode | vtkMRMLModelNode | None,
        "names": list[str],
        "pair": tuple[int, str],
        "weights": dict[str, float],
        "point": pack,
        "range": Annotated[FloatRange, RangeBounds(-10, 10), Default(FloatRange(0, 0))],
    }
    node = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "P")
    return SimpleNamespace(node=node, cls=parameterNodeWrapper(Parameters))


def test_defaults(wrapped: Any) -> None:
    p = wrapped.cls(wrapped.node)
    assert (p.count, p.ratio, p.text, p.flag) == (3, 0.5, "", False)
    assert (p.mode, p.folder, p.device) == (Mode.AFFINE, pathlib.Path(), "cpu")
    assert (p.volume, p.maybe, p.either) == (None, None, None)
    assert (list(p.names), tuple(p.pair), dict(p.weights)) == ([], (0, ""), {})
    assert (p.point.x, p.point.y) == (0, 7)
    assert (p.range.minimum, p.range.maximum) == (0, 0)
    assert p.default("count").value == 3


def test_values_are_stored_under_slicers_names(host: Any, wrapped: Any) -> None:
    volume = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    p = wrapped.cls(wrapped.node)
    p.count, p.ratio, p.text, p.flag = 5, 0.25, "lungs", True
    p.mode, p.folder, p.device = Mode.RIGID, pathlib.Path("/data"), "cuda"
    p.volume, p.maybe, p.either = volume, 9, volume
    p.names, p.pair, p.weights = ["a", "b"], (4, "z"), {"dice": 0.5}
    p.point.x = 11
    p.range.maximum = 2
    names = wrapped.node.GetParameterNames()
    stored = {name: wrapped.node.GetParameter(name) for name in names}
    assert stored == {
        "count": "5",
        "ratio": "0.25",
        "text": "lungs",
        "flag": "True",
        "mode": "RIGID",
        "folder": "/data",
        "device": "cuda",
        "volume": "",
        "maybe.0": "9",
        "either.0": "",
        "names.len": "2",
        "names.0": "a",
        "names.1": "b",
        "pair.0": "4",
        "pair.1": "z",
        "weights.len": "1",
        "weights.0.0": "dice",
        "weights.0.1": "0.5",
        "point.x": "11",
        "point.y": "7",
        "range._minimum": "0.0",
        "range._maximum": "2",
    }
    again = wrapped.cls(wrapped.node)
    assert (again.count, again.mode, again.volume, again.either) == (5, Mode.RIGID, volume, volume)
    assert (again.maybe, tuple(again.pair), dict(again.weights)) == (9, (4, "z"), {"dice": 0.5})


def test_invalid_values_are_refused(host: Any, wrapped: Any) -> None:
    p = wrapped.cls(wrapped.node)
    for name, value, error in (
        ("count", -1, ValueError),
        ("count", 1.5, TypeError),
        ("ratio", 1.01, ValueError),
        ("text", None, ValueError),
        ("flag", 1, TypeError),
        ("device", "mps", ValueError),
        ("volume", host.slicer.vtkMRMLModelNode(), TypeError),
        ("names", [1], TypeError),
    ):
        with pytest.raises(error):
            setattr(p, name, value)
    assert (p.count, p.ratio, list(p.names)) == (3, 0.5, [])


def test_containers_store_their_changes(wrapped: Any) -> None:
    p = wrapped.cls(wrapped.node)
    p.names.append("a")
    p.names += ["b", "c"]
    del p.names[0]
    p.names[0] = "B"
    p.weights["dice"] = 1.0
    p.weights["mse"] = 2.0
    p.weights.pop("dice")
    again = wrapped.cls(wrapped.node)
    assert list(again.names) == ["B", "c"]
    assert dict(again.weights) == {"mse": 2.0}
    p.names = []
    assert not [n for n in wrapped.node.GetParameterNames() if n.startswith("names.0")]


def test_values_by_name(wrapped: Any) -> None:
    p = wrapped.cls(wrapped.node)
    p.setValue("point.y", 8)
    assert (p.getValue("point.y"), p.point.y, p.dataType("point.y")) == (8, 8, int)
    with pytest.raises(ValueError, match="nothing"):
        p.getValue("nothing")


def test_reserved_names_are_refused(host: Any) -> None:
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    class Parameters:
        pass

    Parameters.__annotations__ = {"setValue": int}
    with pytest.raises(ValueError, match="reserved name 'setValue'"):
        parameterNodeWrapper(Parameters)


def test_widgets_and_node_follow_each_other(host: Any, wrapped: Any) -> None:
    qt, ctk, slicer = host.qt, host.ctk, host.slicer
    p = wrapped.cls(wrapped.node)
    widgets = {
        "count": qt.QSpinBox(),
        "ratio": ctk.ctkSliderWidget(),
        "text": qt.QLineEdit(),
        "flag": qt.QCheckBox(),
        "mode": qt.QComboBox(),
        "folder": ctk.ctkPathLineEdit(),
        "device": ctk.ctkComboBox(),
        "volume": slicer.qMRMLNodeComboBox(),
        "point.x": qt.QSpinBox(),
        "range": ctk.ctkRangeWidget(),
    }
    widgets["volume"].setMRMLScene(slicer.mrmlScene)
    tag = p.connectParametersToGui(widgets)
    assert (widgets["count"].minimum, widgets["ratio"].maximum) == (0, 1)
    assert widgets["mode"].itemText(1) == "AFFINE"
    assert widgets["volume"].nodeTypes == ("vtkMRMLScalarVolumeNode",)
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    # From the widgets,
    widgets["count"].value = 8
    widgets["ratio"].value = 0.75
    widgets["text"].text = "heart"
    widgets["flag"].checked = True
    widgets["mode"].currentIndex = 0
    widgets["folder"].currentPath = "/somewhere"
    widgets["device"].setCurrentText("cuda")
    widgets["volume"].setCurrentNode(volume)
    widgets["point.x"].value = 4
    widgets["range"].setValues(1, 3)
    assert (p.count, p.ratio, p.text, p.flag) == (8, 0.75, "heart", True)
    assert (p.mode, p.folder, p.device) == (Mode.RIGID, pathlib.Path("/somewhere"), "cuda")
    assert (p.volume, p.point.x, p.range.maximum) == (volume, 4, 3)
    # and from the node,
    p.count, p.text, p.mode, p.volume = 2, "brain", Mode.AFFINE, None
    assert (widgets["count"].value, widgets["text"].text) == (2, "brain")
    assert (widgets["mode"].currentIndex, widgets["volume"].currentNode()) == (1, None)
    # until they are parted.
    p.disconnectGui(tag)
    widgets["count"].value = 6
    assert p.count == 2


def test_widgets_that_cannot_show_a_parameter_are_refused(host: Any, wrapped: Any) -> None:
    qt, ctk = host.qt, host.ctk

    class MySpinBox(qt.QSpinBox):
        pass

    p = wrapped.cls(wrapped.node)
    for name, widget in (
        ("count", MySpinBox()),  # not of exactly the class
        ("count", ctk.ctkSliderWidget()),  # has no maximum
        ("text", qt.QPlainTextEdit()),
        ("flag", qt.QRadioButton()),
        ("text", qt.QComboBox()),  # has no Choice
    ):
        with pytest.raises(RuntimeError):
            p.connectParametersToGui({name: widget})
