"""The stand-ins for CTK's widgets behave as the widgets do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def form(host: Any) -> Any:
    """A shown window with a form to put widgets on."""
    window = host.qt.QWidget()
    layout = host.qt.QFormLayout(window)
    window.show()
    yield layout
    window.deleteLater()


def test_a_folded_section_hides_its_children(host: Any, form: Any) -> None:
    section = host.ctk.ctkCollapsibleButton("Options")
    inner = host.qt.QVBoxLayout(section)
    shown, hidden = host.qt.QLabel("shown"), host.qt.QLabel("hidden")
    for label in (shown, hidden):
        inner.addWidget(label)
    hidden.setVisible(False)
    form.addRow(section)
    host.process_events()
    folded: list[bool] = []
    section.connect("contentsCollapsed(bool)", folded.append)
    height = section.sizeHint.height()
    section.collapsed = True
    assert (shown.visible, hidden.visible, section.checked) == (False, False, False)
    assert section.sizeHint.height() < height
    shown.show()  # while folded, to be shown later
    assert not shown.visible
    section.click()
    assert (shown.visible, hidden.visible, section.collapsed) == (True, False, False)
    assert folded == [True, False]
    with pytest.raises(AttributeError, match="setCollapsed"):
        section.setCollapsed(True)  # no slot in C++: PythonQt does not show it


def test_children_of_a_section_have_their_own_type(host: Any) -> None:
    # PySide6 knows a child as plain QWidget while it is being constructed.
    ui = b"""<ui version="4.0"><widget class="ctkCollapsibleButton" name="section">
      <property name="collapsed"><bool>true</bool></property>
      <layout class="QVBoxLayout" name="l"><item>
      <widget class="QDoubleSpinBox" name="box"/></item></layout></widget></ui>"""
    section = _load(host, ui)
    assert type(section.findChild(host.qt.QAbstractSpinBox)) is host.qt.QDoubleSpinBox


def test_a_slider_rounds_and_stays_in_range(host: Any) -> None:
    slider = host.ctk.ctkSliderWidget()
    values: list[float] = []
    slider.connect("valueChanged(double)", values.append)
    slider.minimum, slider.maximum, slider.decimals = -5, 5, 1
    slider.value = 3.14159
    slider.value = 99
    assert values == [3.1, 5.0]
    slider.setValue(5.0)  # no change, no signal
    assert len(values) == 2
    with pytest.raises(ValueError, match="kwargs"):
        slider.setValue(value=1)


def test_a_range_keeps_its_order(host: Any) -> None:
    widget = host.ctk.ctkRangeWidget()
    ranges: list[tuple[float, float]] = []
    widget.connect("valuesChanged(double,double)", lambda low, high: ranges.append((low, high)))
    widget.setRange(0, 1)
    widget.setValues(0.25, 0.75)
    widget.minimumValue = 0.9
    assert (widget.minimumValue, widget.maximumValue) == (0.9, 0.9)
    assert ranges[-2:] == [(0.25, 0.75), (0.9, 0.9)]


def test_a_path_is_typed_and_browsed(host: Any, form: Any, tmp_path: Path) -> None:
    line = host.ctk.ctkPathLineEdit()
    form.addRow(line)
    host.process_events()
    line.filters = host.ctk.ctkPathLineEdit.Dirs
    line.settingKey = "tests"
    paths: list[str] = []
    line.connect("currentPathChanged(QString)", paths.append)
    line.currentPath = "/nowhere"
    host.dialogs.answer("QFileDialog", str(tmp_path))
    line.browse()
    assert line.currentPath == paths[-1] == str(tmp_path)
    line.addCurrentPathToHistory()
    assert line.comboBox().findText(str(tmp_path)) == 0


def test_a_directory_button_tells_changes(host: Any, tmp_path: Path) -> None:
    button = host.ctk.ctkDirectoryButton()
    changes: list[str] = []
    button.connect("directoryChanged(QString)", changes.append)
    button.directory = str(tmp_path)
    button.directory = str(tmp_path)
    assert changes == [str(tmp_path)]


def test_a_color_button_tells_changes(host: Any) -> None:
    button = host.ctk.ctkColorPickerButton()
    colors: list[Any] = []
    button.connect("colorChanged(QColor)", colors.append)
    button.color = host.qt.QColor("red")
    assert [color.name() for color in colors] == ["#ff0000"]


def test_a_ui_file_is_checked(host: Any) -> None:
    def ui(inside: str, after: str = "") -> bytes:
        return (
            f'<ui version="4.0"><widget class="QWidget" name="top">{inside}</widget>{after}</ui>'
        ).encode()

    def connection(signal: str, slot: str) -> str:
        return (
            "<connections><connection><sender>a</sender>"
            f"<signal>{signal}</signal><receiver>a</receiver><slot>{slot}</slot>"
            "</connection></connections>"
        )

    with pytest.raises(RuntimeError, match="class 'ctkNothing', which does not exist"):
        _load(host, ui('<widget class="ctkNothing" name="a"/>'))
    misspelt = '<property name="tooltip"><string>x</string></property>'
    with pytest.raises(RuntimeError, match="'a' \\(QLabel\\) has no property 'tooltip'"):
        _load(host, ui(f'<widget class="QLabel" name="a">{misspelt}</widget>'))
    button = '<widget class="QCheckBox" name="a"/>'
    with pytest.raises(RuntimeError, match="signal 'pushed\\(\\)' does not exist"):
        _load(host, ui(button, connection("pushed()", "hide()")))
    with pytest.raises(RuntimeError, match="no attribute named 'vanish'"):
        _load(host, ui(button, connection("clicked()", "vanish()")))
    top = _load(host, ui(button, connection("clicked()", "hide()")))
    box = top.findChild(host.qt.QCheckBox, "a")
    top.show()
    box.click()
    assert not box.visible


def test_enumerations_reach_custom_widgets(host: Any) -> None:
    ui = b"""<ui version="4.0"><widget class="ctkPathLineEdit" name="line">
      <property name="filters"><set>ctkPathLineEdit::Dirs|ctkPathLineEdit::Writable</set></property>
      </widget></ui>"""
    line_class = host.ctk.ctkPathLineEdit
    assert _load(host, ui).filters == line_class.Dirs | line_class.Writable


def _load(host: Any, ui: bytes) -> Any:
    path = host.folder / "test.ui"
    path.write_bytes(ui)
    return host.slicer.util.loadUI(str(path))
