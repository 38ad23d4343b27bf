"""Each test proves one rule in which PythonQt differs from PySide6, and fails with bare PySide6."""

from __future__ import annotations

import functools
from typing import Any

import pytest


def test_a_property_is_an_attribute(qt: Any) -> None:
    spin_box = qt.QSpinBox()
    spin_box.maximum = 500
    spin_box.value = 250
    assert spin_box.value == 250
    assert spin_box.property("value") == 250  # Qt's value, not an attribute of Python's


def test_a_property_cannot_be_called(qt: Any) -> None:
    with pytest.raises(TypeError, match="not callable"):
        qt.QPushButton("Apply").text()


def test_an_unknown_attribute_cannot_be_assigned(qt: Any) -> None:
    with pytest.raises(AttributeError, match="creating new attributes on C\\+\\+ objects"):
        qt.QPushButton("Apply").tooltip = "typing error: the property is toolTip"


def test_a_method_cannot_be_overwritten(qt: Any) -> None:
    with pytest.raises(AttributeError, match="Slot 'setText' can not be overwritten"):
        qt.QLabel().setText = "text"


def test_a_read_only_property_cannot_be_assigned(qt: Any) -> None:
    with pytest.raises(AttributeError, match="not writable"):
        qt.QWidget().width = 100


def test_a_property_refuses_a_value_of_the_wrong_type(qt: Any) -> None:
    with pytest.raises(AttributeError, match="'enabled' of type 'bool' does not accept"):
        qt.QPushButton().enabled = None


def test_name_is_the_object_name(qt: Any) -> None:
    label = qt.QLabel()
    label.name = "status"
    assert label.objectName == "status"


def test_a_child_is_an_attribute_by_its_name(qt: Any) -> None:
    parent = qt.QWidget()
    child = qt.QPushButton(parent)
    child.setObjectName("applyButton")
    assert parent.applyButton is child


def test_a_dynamic_property_is_an_attribute(qt: Any) -> None:
    widget = qt.QWidget()
    widget.setProperty("SlicerParameterName", "threshold")
    assert widget.SlicerParameterName == "threshold"


def test_a_signal_is_connected_by_its_signature(qt: Any) -> None:
    button, clicks = qt.QPushButton(), []
    button.setCheckable(True)
    button.connect("clicked(bool)", clicks.append)
    button.click()
    assert clicks == [True]
    button.disconnect("clicked(bool)", clicks.append)
    button.click()
    assert clicks == [True]


def test_a_signal_that_does_not_exist_is_an_error(qt: Any) -> None:
    # Slicer prints a line and goes on without the connection.
    with pytest.raises(ValueError, match="does not exist on QComboBox"):
        qt.QComboBox().connect("currentIndexChanged(QString)", print)  # Qt 5 only


def test_a_partial_function_gets_all_arguments(qt: Any) -> None:
    button, calls = qt.QPushButton(), []
    button.clicked.connect(functools.partial(lambda *args: calls.append(args), "apply"))
    button.click()
    assert calls == [("apply", False)]


def test_methods_take_no_keyword_arguments(qt: Any) -> None:
    with pytest.raises(ValueError, match="does not support kwargs"):
        qt.QPushButton(text="Apply")
    with pytest.raises(ValueError, match="does not support kwargs"):
        qt.QPushButton().setText(text="Apply")


def test_lists_come_as_tuples(qt: Any) -> None:
    parent = qt.QWidget()
    child = qt.QLabel(parent)
    assert parent.children() == (child,)


def test_enumerations_are_integers(qt: Any) -> None:
    states, box = [], qt.QCheckBox()
    box.connect("stateChanged(int)", states.append)
    box.setChecked(True)
    assert states == [qt.Qt.Checked]


def test_classes_cannot_declare_signals(qt: Any) -> None:
    with pytest.raises(AttributeError, match="keep a list of callables"):
        _ = qt.Signal


def test_children_are_found_by_the_name_of_their_class(qt: Any) -> None:
    window = qt.QMainWindow()
    bar = qt.QToolBar(window)
    assert window.findChildren("QToolBar") == (bar,)


def test_widgets_made_by_qt_follow_the_rules(qt: Any) -> None:
    combo_box = qt.QComboBox()
    combo_box.setEditable(True)
    combo_box.lineEdit().text = "typed"
    assert combo_box.currentText == "typed"


def test_a_property_named_like_a_method_yields(qt: Any) -> None:
    timer = qt.QTimer()
    with pytest.raises(AttributeError, match="'singleShot' can not be overwritten"):
        timer.singleShot = True


def test_a_class_name_is_a_method(qt: Any) -> None:
    class Panel(qt.QWidget):
        pass

    assert Panel().className() == "Panel"


def test_a_script_class_cannot_hide_a_method(qt: Any) -> None:
    class Panel(qt.QWidget):
        def __init__(self) -> None:
            super().__init__()
            self.rows = 3  # allowed: the class is Python's
            self.update = "now"

    with pytest.raises(AttributeError, match="'update' can not be overwritten"):
        Panel()
