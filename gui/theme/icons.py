"""Caddie's own 24x24 stroke icons, drawn in any colour."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
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
    _add(result, source, color, QIcon.Mode.Normal, QIcon.State.Off)
    if checked is not None:
        _add(result, source, checked, QIcon.Mode.Normal, QIcon.State.On)
    if disabled is not None:
        _add(result, source, disabled, QIcon.Mode.Disabled, QIcon.State.Off)
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


def _add(target: QIcon, source: str, color: str, mode: QIcon.Mode, state: QIcon.State) -> None:
    renderer = _renderer(source, color)
    for size in _SIZES:
        target.addPixmap(_paint(renderer, size), mode, state)


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
