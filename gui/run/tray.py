"""The icon beside the clock while something trains: how far it is, how long it takes yet, and what happened meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRectF, Qt
from PySide6.QtGui import QAction, QColor, QGuiApplication, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QMainWindow, QMenu, QSystemTrayIcon

from core.runs.outcome import Ending, Outcome
from core.watch.model import Alarm
from gui.bridge.taskbar import Taskbar
from gui.run.words import duration
from gui.services import Services

if TYPE_CHECKING:
    from core.runs.follow import Update

_ICONS = {
    Ending.FINISHED: QSystemTrayIcon.MessageIcon.Information,
    Ending.STOPPED: QSystemTrayIcon.MessageIcon.Information,
    Ending.FAILED: QSystemTrayIcon.MessageIcon.Critical,
    Ending.LOST: QSystemTrayIcon.MessageIcon.Warning,
}
_SIZE = 64


def progress_icon(icon: QIcon, share: float | None, color: QColor) -> QIcon:
    """The icon with a ring around it that is closed at the end. `share` is 0 to 1, None where nobody knows."""
    picture = QPixmap(_SIZE, _SIZE)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    inset = 0 if share is None else 10
    icon.paint(painter, inset, inset, _SIZE - 2 * inset, _SIZE - 2 * inset)
    if share is not None:
        ring = QRectF(4, 4, _SIZE - 8, _SIZE - 8)
        faint = QColor(color)
        faint.setAlpha(70)
        painter.setPen(QPen(faint, 8))
        painter.drawEllipse(ring)
        painter.setPen(QPen(color, 8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawArc(ring, 90 * 16, -round(360 * 16 * max(0.0, min(1.0, share))))
    painter.end()
    return QIcon(picture)


class Tray(QObject):
    """Args:
    services: the window's services.
    window: comes to the front when the icon is clicked.
    taskbar: shows the progress on the window's button, where the system has such.
    """

    def __init__(self, services: Services, window: QMainWindow, *, taskbar: Taskbar | None = None) -> None:
        super().__init__(window)
        self._services, self._window, self._taskbar = services, window, taskbar
        self._shown_share: int | None = -1
        self.icon = QSystemTrayIcon(window.windowIcon(), self)
        self.menu = QMenu(window)
        self._open = QAction(self.menu)
        self._open.triggered.connect(self.to_front)
        self.menu.addAction(self._open)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._activated)
        self.icon.messageClicked.connect(self.to_front)
        services.runs.current_changed.connect(self._begin)
        services.runs.updated.connect(self._updated)
        services.runs.ended.connect(self._ended)
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.applicationStateChanged.connect(self._application_changed)

    def to_front(self) -> None:
        """Shows the window with the run."""
        self._window.showNormal() if self._window.isMinimized() else self._window.show()
        self._window.raise_()
        self._window.activateWindow()
        self._services.navigate("run")

    def tell(self, title: str, text: str, icon: QSystemTrayIcon.MessageIcon = QSystemTrayIcon.MessageIcon.Warning) -> bool:
        """Lets the system show a message where nobody looks at the window; False where it is not shown."""
        if self._looked_at() or not self._services.settings.flag("notify", True) or not self._there():
            return False
        self.icon.show()  # a message needs an icon to come from
        self.icon.showMessage(title, text, icon)
        return True

    def bark(self, alarm: Alarm, done: str) -> None:
        """Tells what a watchdog says."""
        services = self._services
        self.tell(services.runs.name, f"{services.translation.say(alarm.text)} {done}".strip())

    def tooltip(self) -> str:
        """Name, share and time left of the run on show."""
        runs = self._services.runs
        progress = runs.progress
        parts = [runs.name]
        if progress is not None and progress.total:
            parts.append(f"{100 * progress.step // progress.total} %")
        if progress is not None and progress.eta is not None:
            parts.append(self.tr("{time} left").format(time=duration(progress.eta)))
        return " · ".join(parts)

    # --- the run -----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self._services.runs.running:
            self._hide()

    def _updated(self, _update: Update) -> None:
        runs = self._services.runs
        if not runs.running:
            return
        progress = runs.progress
        share = progress.step / progress.total if progress is not None and progress.total else None
        if self._taskbar is not None:
            self._taskbar.show_progress(share)
        if not self._there():
            return
        percent = None if share is None else round(100 * share)
        if percent != self._shown_share:
            self._shown_share = percent
            color = QColor(self._services.theme.colors.accent)
            self.icon.setIcon(progress_icon(self._window.windowIcon(), share, color))
        self._open.setText(self.tr("Open Caddie"))
        self.icon.setToolTip(self.tooltip())
        self.icon.show()

    def _ended(self, outcome: Outcome) -> None:
        if self._taskbar is not None:
            self._taskbar.clear()
        self._shown_share = -1
        self.icon.setIcon(self._window.windowIcon())
        sentence = self._services.translation.say(outcome.sentence)
        self.icon.setToolTip(f"{self._services.runs.name} · {sentence}")
        told = self.icon.isVisible() and self.tell(self._services.runs.name, sentence, _ICONS[outcome.ending])
        if not told:
            self._hide()

    def _hide(self) -> None:
        self.icon.hide()
        if self._taskbar is not None:
            self._taskbar.clear()

    def _application_changed(self, state: Qt.ApplicationState) -> None:
        if state is Qt.ApplicationState.ApplicationActive and not self._services.runs.running:
            self.icon.hide()  # what it had to say was said

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.to_front()

    @staticmethod
    def _looked_at() -> bool:
        return QGuiApplication.applicationState() is Qt.ApplicationState.ApplicationActive

    @staticmethod
    def _there() -> bool:
        return QSystemTrayIcon.isSystemTrayAvailable()
