"""Draws the icons: a regular grid that a registration has warped.

    python docs/make_icons.py

Needs PySide6. Writes Resources/Icons/SlicerLDMReg.png (the module) and LDMReg.png (the extension),
the same drawing at 128 x 128 pixels, and with ``--preview PATH`` a sheet with smaller sizes.
"""

from __future__ import annotations

import argparse
import os
from math import pi, sin
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QImage,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPen,
    QRadialGradient,
)

ICONS = Path(__file__).resolve().parents[1] / "Resources" / "Icons"
CENTER = QPointF(0.5, 0.5)
WAVES = 2 * pi / 0.74


def warp(x: float, y: float) -> QPointF:
    """Return the displaced position of a point of the unit square: a wave along each axis."""
    return QPointF(x + 0.075 * sin(WAVES * (y - 0.5)), y - 0.075 * sin(WAVES * (x - 0.5)))


def grid_line(position: float, vertical: bool) -> QPainterPath:
    """Return one line of the warped grid."""
    path = QPainterPath()
    for step in range(65):
        along = 0.13 + 0.74 * step / 64
        point = warp(position, along) if vertical else warp(along, position)
        path.lineTo(point) if step else path.moveTo(point)
    return path


def draw(size: int) -> QImage:
    """Return the icon with ``size`` pixels per side."""
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size, size)
    background = QLinearGradient(0, 0, 0, 1)
    background.setColorAt(0, QColor("#1f7a8c"))
    background.setColorAt(1, QColor("#0b3954"))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(background)
    painter.drawRoundedRect(QRectF(0.02, 0.02, 0.96, 0.96), 0.18, 0.18)
    pen = QPen(QColor("#ffffff"), 0.065)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(pen)
    for position in (0.22, 0.5, 0.78):
        painter.drawPath(grid_line(position, vertical=True))
        painter.drawPath(grid_line(position, vertical=False))
    spot = QRadialGradient(CENTER, 0.16)
    spot.setColorAt(0, QColor("#ffb703"))
    spot.setColorAt(1, QColor("#fb8500"))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(spot)
    painter.drawEllipse(CENTER, 0.13, 0.13)
    painter.end()
    return image


def preview(path: Path) -> None:
    """Write a sheet of Slicer's icon sizes, each enlarged up to eight times."""
    sheet = QImage(560, 300, QImage.Format.Format_RGB32)
    sheet.fill(QColor("#dddddd"))
    painter = QPainter(sheet)
    painter.fillRect(0, 150, 560, 150, QColor("#323232"))
    for row in (10, 160):
        left = 10
        for size, scale in ((128, 1), (64, 1), (32, 1), (16, 1), (16, 8)):
            small = draw(128).scaled(
                size,
                size,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            painter.drawImage(left, row, small.scaled(size * scale, size * scale))
            left += size * scale + 12
    painter.end()
    sheet.save(str(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preview", type=Path)
    arguments = parser.parse_args()
    ICONS.mkdir(parents=True, exist_ok=True)
    for name in ("SlicerLDMReg", "LDMReg"):
        draw(128).save(str(ICONS / f"{name}.png"))
    if arguments.preview:
        preview(arguments.preview)


if __name__ == "__main__":
    main()
