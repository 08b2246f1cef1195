"""One sample picture, large: arrows go through the steps and the prompts."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui.run.pictures import Pictures
from gui.run.sample_model import GAP, SampleModel, SamplePicture
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import IconButton, Label, Translated

LARGEST = 4096
"""Pixels of a side: larger pictures are made smaller when they are read."""


class PictureArea(QWidget):
    """A picture as large as there is room for, but not larger than it is."""

    def __init__(self, theme: Theme, pictures: Pictures, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._pictures = pictures
        self._path = ""
        self.broken_text = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 160)
        pictures.changed.connect(self.update)
        theme.changed.connect(self.update)

    def set_path(self, path: str) -> None:
        """Shows another picture."""
        self._path = path
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws it; small pictures up to twice their size, so that a picture of 64 pixels can be seen."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._theme.colors.raised))
        image = self._pictures.get(self._path, LARGEST) if self._path else None
        if image is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            largest = (image.size() / self.devicePixelRatioF()) * 2
            size = image.size().scaled(self.size().boundedTo(largest), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect(QPoint(0, 0), size)
            place.moveCenter(self.rect().center())
            painter.drawImage(place, image)
        elif self._pictures.is_broken(self._path):
            painter.setPen(QColor(self._theme.colors.text_muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.broken_text)
        painter.end()


class SampleViewer(Translated, QDialog):
    """See the module.

    Signals:
        menu_wanted: a SamplePicture, and where on the screen.
    """

    menu_wanted = Signal(object, QPoint)

    def __init__(self, theme: Theme, model: SampleModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._picture: SamplePicture | None = None
        self.pictures = Pictures(parent=self)
        self.area = PictureArea(theme, self.pictures)
        self.heading = Label("", "section")
        self.place = Label("", "muted")
        self.prompt = Label("", "muted", wrap=True)
        self.prompt.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.previous_button = IconButton(theme, "chevron-left")
        self.next_button = IconButton(theme, "chevron-right")
        for button in (self.previous_button, self.next_button):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the arrows belong to the pictures
        head = QHBoxLayout()
        head.setSpacing(tokens.S)
        head.addWidget(self.heading)
        head.addStretch(1)
        for widget in (self.place, self.previous_button, self.next_button):
            head.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setSpacing(tokens.M)
        layout.addLayout(head)
        layout.addWidget(self.area, 1)
        layout.addWidget(self.prompt)
        self.resize(820, 820)
        self.previous_button.clicked.connect(lambda: self.go(-1))
        self.next_button.clicked.connect(lambda: self.go(1))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        for signal in (model.modelReset, model.columnsInserted, model.dataChanged, model.headerDataChanged):
            signal.connect(self._tell)
        self.retranslate()

    @property
    def picture(self) -> SamplePicture | None:
        """What is shown."""
        return self._picture

    def show_picture(self, picture: SamplePicture) -> None:
        """Shows a picture, and the window where it is hidden."""
        self._picture = picture
        self.area.set_path(picture.path)
        self._tell()
        if not self.isVisible():
            self.show()
        self.raise_()

    def go(self, steps: int) -> None:
        """Shows the picture so many steps later or earlier; stays at the ends."""
        if self._picture is None:
            return
        series = self._model.series(self._picture.row)
        if self._picture in series:
            self.show_picture(series[min(max(series.index(self._picture) + steps, 0), len(series) - 1)])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right: the steps; up and down: the prompts; Home and End: first and last step; Escape closes."""
        key = Qt.Key(event.key())
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Home: -(1 << 30), Qt.Key.Key_End: 1 << 30}.get(key)
        rows = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(key)
        if steps is not None:
            self.go(steps)
        elif rows is not None and self._picture is not None:
            self.show_picture(self._model.beside(self._picture, rows))
        else:
            super().keyPressEvent(event)

    def _menu(self, place: QPoint) -> None:
        if self._picture is not None:
            self.menu_wanted.emit(self._picture, self.mapToGlobal(place))

    def _tell(self) -> None:
        picture = self._picture
        if picture is None:
            return
        model = self._model
        self.heading.setText(model.step_name(picture) + GAP + model.row_name(picture.row))
        series = model.series(picture.row)
        here = series.index(picture) if picture in series else -1
        self.place.setText(f"{here + 1} / {len(series)}" if here >= 0 else "")
        self.previous_button.setEnabled(here > 0)
        self.next_button.setEnabled(0 <= here < len(series) - 1)
        text = model.prompt_text(picture.row)
        self.prompt.setText(text)
        self.prompt.setVisible(bool(text))
        self.area.setAccessibleName(self.heading.text())

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.setWindowTitle(self.tr("Sample picture"))
        self.area.broken_text = self.tr("This picture cannot be read")
        self.previous_button.set_text(self.tr("Earlier step (Left)"))
        self.next_button.set_text(self.tr("Later step (Right)"))
        self._tell()
