"""The class decorator: typed attributes on a parameter node, tied to widgets."""

from __future__ import annotations

from typing import Any

import qt
import slicer
import vtk

from .annotations import Default
from .connectors import GuiConnector, createGuiConnector
from .packs import Parameter, data_type, members, reserve

__all__ = [
    "SlicerParameterNamePropertyName",
    "findChildWidgetForParameter",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]

SlicerParameterNamePropertyName = "SlicerParameterName"


def isParameterNodeWrapper(obj: Any) -> bool:
    """Whether a class, or the class of an object, wraps a parameter node."""
    return bool(getattr(obj, "_is_parameter_node_wrapper", False))


def parameterNodeWrapper(classtype: Any = None) -> Any:
    """Class decorator: make a class whose annotated members are stored in a parameter node."""
    return _make_wrapper if classtype is None else _make_wrapper(classtype)


def _make_wrapper(cls: Any) -> Any:
    parameters = members(cls)
    for name, parameter in parameters.items():
        setattr(cls, name, _parameter_property(parameter))
    cls.__init__ = _init
    reserve(
        cls,
        allParameters=parameters,
        _is_parameter_node_wrapper=True,
        dataType=staticmethod(lambda name: data_type(parameters, name)),
        default=_default,
        isCached=lambda self, name: False,
        getValue=_get_value,
        setValue=_set_value,
        connectGui=_connect_gui,
        connectParametersToGui=_connect_parameters,
        disconnectGui=_disconnect_gui,
        StartModify=lambda self: self.parameterNode.StartModify(),
        EndModify=lambda self, before: self.parameterNode.EndModify(before),
        Modified=lambda self: self.parameterNode.Modified(),
        AddObserver=lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(
            event, callback, priority
        ),
        RemoveObserver=lambda self, tag: self.parameterNode.RemoveObserver(tag),
    )
    return cls


def _parameter_property(parameter: Parameter) -> property:
    name, codec = parameter.basename, parameter.serializer

    def read(self: Any) -> Any:
        _set_default(self, parameter)  # the node may have been emptied
        return codec.read(self.parameterNode, self._prefix + name)

    def write(self: Any, value: Any) -> None:
        codec.write(self.parameterNode, self._prefix + name, value)

    return property(read, write)


def _init(self: Any, parameterNode: Any, prefix: str | None = None) -> None:
    self.parameterNode = parameterNode
    self._prefix = prefix or ""
    self._connected: dict[int, tuple[dict[str, GuiConnector], int]] = {}
    self._next_tag = 0
    self._updating = False
    for parameter in self.allParameters.values():
        _set_default(self, parameter)


def _set_default(self: Any, parameter: Parameter) -> None:
    name = self._prefix + parameter.basename
    if not parameter.serializer.has(self.parameterNode, name):
        parameter.serializer.write(self.parameterNode, name, parameter.default.value)


def _default(self: Any, name: str) -> Default:
    data_type(self.allParameters, name)
    default: Default = self.allParameters[name].default
    return default


def _get_value(self: Any, dotted: str) -> Any:
    data_type(self.allParameters, dotted)
    name, _, rest = dotted.partition(".")
    value = getattr(self, name)
    return value.getValue(rest) if rest else value


def _set_value(self: Any, dotted: str, value: Any) -> None:
    data_type(self.allParameters, dotted)
    name, _, rest = dotted.partition(".")
    if rest:
        getattr(self, name).setValue(rest, value)
    else:
        setattr(self, name, value)


def _connect_gui(self: Any, gui: Any) -> int:
    """Tie the widgets that carry the property SlicerParameterName; a tag to undo it."""
    is_widget = getattr(gui, "isWidgetType", lambda: False)()
    widgets = gui.findChildren(qt.QWidget) if is_widget else vars(gui).values()
    named = {widget.property(SlicerParameterNamePropertyName): widget for widget in widgets}
    return _connect_parameters(self, {name: w for name, w in named.items() if name})


def _connect_parameters(self: Any, mapping: dict[str, Any]) -> int:
    """Tie parameters to widgets: each shows the other's changes."""
    types = {name: data_type(self.allParameters, name) for name in mapping}
    connectors: dict[str, GuiConnector] = {
        name: w if isinstance(w, GuiConnector) else createGuiConnector(w, types[name])
        for name, w in mapping.items()
    }
    tag, self._next_tag = self._next_tag, self._next_tag + 1
    for name, connector in connectors.items():
        connector.write(_get_value(self, name))
        connector.onChanged(_to_parameter(self, name, connector))

    def on_modified(caller: Any, event: str) -> None:
        _to_gui(self)

    observer = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, on_modified)
    self._connected[tag] = (connectors, observer)
    return tag


def _to_parameter(self: Any, name: str, connector: GuiConnector) -> Any:
    def changed() -> None:
        with slicer.util.NodeModify(self):
            if not self._updating:
                _set_value(self, name, connector.read())

    return changed


def _to_gui(self: Any) -> None:
    if self._updating:
        return
    self._updating = True
    try:
        with slicer.util.NodeModify(self):
            for connectors, _ in self._connected.values():
                for name, connector in connectors.items():
                    connector.write(_get_value(self, name))
    finally:
        self._updating = False


def _disconnect_gui(self: Any, guiTag: int) -> None:
    if guiTag not in self._connected:
        return
    connectors, observer = self._connected.pop(guiTag)
    self.parameterNode.RemoveObserver(observer)
    for connector in connectors.values():
        connector.onChanged(None)


def findChildWidgetForParameter(widget: Any, parameter: str) -> Any:
    """The child that carries the name of a parameter, or None."""
    for child in widget.findChildren(qt.QWidget):
        if child.property(SlicerParameterNamePropertyName) == parameter:
            return child
    return None
