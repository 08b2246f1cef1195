"""Caddie's own 24x24 stroke icons, drawn in any colour."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from core.paths import RESOURCES

FOLDER = RESOURCES / "icons"
_SIZES = (16, 20, 24, 32, 40, 48)


def icon(name: str, color: str, *, checked: str | None = None, disabled: str | None = None) -> QIcon:
    """The icon `resources/icons/<name>.svg` with its strokes in `color`.

    Args:
        name: file stem.
        color: `#rrggbb`.
        checked: colour while a button is checked, the same where None.
        disabled: colour of the disabled icon, Qt's own greying where None.

    Raises:
        FileNotFoundError: there is no such icon.
    """
    source = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    result = QIcon()
    renderer = _renderer(source, color)
    drawn = [_paint(renderer, size) for size in _SIZES]
    _add(result, drawn, QIcon.Mode.Normal, QIcon.State.Off)
    # Of one colour throughout, a drawing is coloured anew in a third of the time that drawing it again takes.
    if checked is not None:
        _add(result, [_in_color(pixmap, checked) for pixmap in drawn], QIcon.Mode.Normal, QIcon.State.On)
    if disabled is not None:
        _add(result, [_in_color(pixmap, disabled) for pixmap in drawn], QIcon.Mode.Disabled, QIcon.State.Off)
    return result


def image(name: str, color: str, size: int, *, ratio: float = 1.0) -> QPixmap:
    """One icon as a picture of `size` logical pixels."""
    source = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    pixmap = _draw(source, color, round(size * ratio))
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def application_icon() -> QIcon:
    """The flag on the green."""
    return QIcon(str(Path(FOLDER / "caddie.png")))


def _add(target: QIcon, pixmaps: Iterable[QPixmap], mode: QIcon.Mode, state: QIcon.State) -> None:
    for pixmap in pixmaps:
        target.addPixmap(pixmap, mode, state)


def _in_color(pixmap: QPixmap, color: str) -> QPixmap:
    """The same shape in another colour."""
    result = QPixmap(pixmap)
    painter = QPainter(result)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(result.rect(), QColor(color))
    painter.end()
    return result


def _draw(source: str, color: str, size: int) -> QPixmap:
    return _paint(_renderer(source, color), size)


def _renderer(source: str, color: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(source.replace("currentColor", color).encode("utf-8")))


def _paint(renderer: QSvgRenderer, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap
