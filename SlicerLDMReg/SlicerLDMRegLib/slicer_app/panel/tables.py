"""Rows of cells in a ``QTableWidget`` that is as high as they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

from ..background_call import timer
from .result_texts import Cell
from .safe_texts import printable, tip
from .widgets import is_dark

__all__ = ["WrappedRows", "fill_table", "lay_out", "selected_rows"]

_MOST_ROWS = 14
_NARROWEST = 44
_WORSE = {False: "#b3261e", True: "#ff9a8f"}  # on light and on dark ground
_WORSE_SIGN = "\u2715 "


def fill_table(table: Any, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Show rows in a table: the first column takes the room that is left, numbers go right.

    A row of a single cell is a heading of its own.
    """
    table.clearSpans()
    table.setRowCount(0)
    table.setColumnCount(len(headings))
    table.setHorizontalHeaderLabels(list(headings))
    table.setRowCount(len(rows))
    color = qt.QColor(_WORSE[is_dark(table)])
    for number, cells in enumerate(rows):
        if len(cells) == 1:
            table.setSpan(number, 0, 1, len(headings))
        for column, cell in enumerate(cells):
            table.setItem(number, column, _item(cell, column, len(cells) == 1, color))
    table.horizontalHeader().setMinimumSectionSize(_NARROWEST)
    for column in range(len(headings)):
        side = qt.Qt.AlignRight if column else qt.Qt.AlignLeft
        table.horizontalHeaderItem(column).setTextAlignment(side | qt.Qt.AlignVCenter)
    numbers = [qt.QHeaderView.ResizeToContents] * (len(headings) - 1)
    lay_out(table, [qt.QHeaderView.Stretch, *numbers], 6)


def lay_out(table: Any, modes: Sequence[Any], padding: int) -> None:
    """Give the columns of a table their resize modes, and the rows the height of a line of text.

    Args:
        table: a QTableWidget.
        modes: of QHeaderView, one for each column.
        padding: of a row, in pixels.
    """
    header = table.horizontalHeader()
    header.setStretchLastSection(False)
    header.setSectionsClickable(False)
    header.setHighlightSections(False)
    for column, mode in enumerate(modes):
        header.setSectionResizeMode(column, mode)
    table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + padding)


def selected_rows(table: Any) -> list[int]:
    """Return the rows of a QTableWidget in which something is selected, from the top."""
    return sorted({item.row() for item in table.selectedItems()})


class WrappedRows(qt.QObject):
    """Wraps the texts of a table, so that a narrow panel cuts none, and keeps its height right.

    Args:
        table: a QTableWidget.
        most: rows up to which it grows; it scrolls the others.
    """

    def __init__(self, table: Any, most: int = _MOST_ROWS) -> None:
        super().__init__()
        self._table, self._most, self._width = table, most, 0
        self._soon = timer(self._fit, 0, once=True)
        table.wordWrap = True
        table.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Follow the width of the table, on which the lines of its texts depend."""
        if event.type() == qt.QEvent.Resize and self._table.width != self._width:
            self._width = self._table.width
            self.update()
        return False

    def update(self) -> None:
        """Follow the texts, now and once the columns have their widths."""
        self._fit()
        self._soon.start()

    def _fit(self) -> None:
        table = self._table
        least = table.verticalHeader().defaultSectionSize
        table.resizeRowsToContents()
        for row in range(table.rowCount):
            if table.rowHeight(row) < least:
                table.setRowHeight(row, least)
        rows = sum(table.rowHeight(row) for row in range(min(table.rowCount, self._most)))
        header = table.horizontalHeader().sizeHint.height()
        table.setFixedHeight(rows + header + 2 * table.frameWidth)


def _item(cell: Cell, column: int, heading: bool, color: Any) -> Any:
    text = f"{_WORSE_SIGN}{cell.text}" if cell.worse else cell.text
    item = qt.QTableWidgetItem(printable(text, lines=True))
    item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
    side = qt.Qt.AlignRight if column else qt.Qt.AlignLeft
    item.setTextAlignment(side | qt.Qt.AlignVCenter)
    item.setToolTip(tip(cell.tip or ("" if column else cell.text)))
    font = item.font()
    font.setBold(heading or cell.worse)
    item.setFont(font)
    if cell.worse:
        item.setForeground(qt.QBrush(color))
    return item
