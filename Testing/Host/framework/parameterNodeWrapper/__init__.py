"""``slicer.parameterNodeWrapper``: values of a parameter node as typed attributes, tied to widgets.

Supported types: int, float, str, bool, Enum, pathlib's paths, MRML nodes, list, tuple, dict,
Optional and Union of these, parameterPack, FloatRange. A parameter is stored in the node under the
same names as Slicer stores it, so that scenes can be exchanged. Not restated: serializers of one's
own, ``typing.Any``, QColor, generated panels.
"""

from . import widget_connectors as widget_connectors  # registers the connectors
from .annotations import (
    Choice,
    Decimals,
    Default,
    Exclude,
    IsInstance,
    Maximum,
    Minimum,
    NotNone,
    RangeBounds,
    SingleStep,
    Validator,
    WithinRange,
)
from .connectors import GuiConnector, createGuiConnector, parameterNodeGuiConnector
from .packs import FloatRange, isParameterPack, nestedParameterNames, parameterPack
from .wrapper import (
    SlicerParameterNamePropertyName,
    findChildWidgetForParameter,
    isParameterNodeWrapper,
    parameterNodeWrapper,
)

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "FloatRange",
    "GuiConnector",
    "IsInstance",
    "Maximum",
    "Minimum",
    "NotNone",
    "RangeBounds",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "Validator",
    "WithinRange",
    "createGuiConnector",
    "findChildWidgetForParameter",
    "isParameterNodeWrapper",
    "isParameterPack",
    "nestedParameterNames",
    "parameterNodeGuiConnector",
    "parameterNodeWrapper",
    "parameterPack",
]
