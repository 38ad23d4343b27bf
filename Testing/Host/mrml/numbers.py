"""Number widgets that know units."""

from __future__ import annotations

from typing import Any

from ..ctk.numbers import ctkDoubleSpinBox, ctkSliderWidget
from ..ctk.ranges import ctkRangeWidget
from ..pythonqt.native import kept, native_widget

__all__ = ["qMRMLRangeWidget", "qMRMLSliderWidget", "qMRMLSpinBox"]


class _WithUnits:
    _scene: Any = None

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self: Any, scene: Any) -> None:
        """Take suffix and precision of the quantity from the scene's unit node."""
        self._scene = scene
        if scene is None or not self.quantity:
            return
        selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        unit = selection.GetUnitNode(self.quantity) if selection is not None else None
        if unit is not None:
            self.suffix = unit.GetSuffix() or ""
            self.setDecimals(unit.GetPrecision())

    def setQuantity(self: Any, quantity: str) -> None:
        self._quantity = quantity
        self.setMRMLScene(self._scene)


@native_widget
class qMRMLSliderWidget(_WithUnits, ctkSliderWidget):
    """A slider with a unit."""

    quantity = kept(str, "quantity", "")
    unitAwareProperties = kept(int, "unitAwareProperties", 0x3F)
    orientation = kept(int, "orientation", 1)


@native_widget
class qMRMLSpinBox(_WithUnits, ctkDoubleSpinBox):
    """A spin box with a unit."""

    quantity = kept(str, "quantity", "")
    unitAwareProperties = kept(int, "unitAwareProperties", 0x3F)


@native_widget
class qMRMLRangeWidget(_WithUnits, ctkRangeWidget):
    """A range with a unit."""

    quantity = kept(str, "quantity", "")
