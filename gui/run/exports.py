"""Writes what the plots show into files: a picture, a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject

from core.files import write_atomically
from core.metrics.export import write_csv
from gui.bridge.notices import Notice
from gui.plots.panel import PlotPanel
from gui.run.dialogs import RunDialogs
from gui.services import Services

if TYPE_CHECKING:
    from core.metrics.smoothing import Smoothing
    from core.runs.folder import RunFolder
    from core.text import Language


class RunExports(QObject):
    """Asks where to, and writes in a worker thread."""

    def __init__(self, services: Services, plots: PlotPanel, dialogs: RunDialogs) -> None:
        super().__init__(plots)
        self._services = services
        self._plots = plots
        self._dialogs = dialogs
        plots.save_picture.connect(self.save_picture)
        plots.save_table.connect(self.save_table)
        plots.save_page.connect(self.save_page)

    def save_picture(self) -> None:
        """The plots as they are seen: a PNG, or an SVG."""
        path = self._dialogs.save(self.tr("Save picture"), self._suggestion(".png"), self.tr("Pictures (*.png *.svg)"))
        if path is not None and path.suffix.lower() == ".svg":
            drawn = self._plots.vector_picture()
            self._save(path, lambda target: write_atomically(target, drawn))
        elif path is not None:
            data = QByteArray()
            buffer = QBuffer(data)
            buffer.open(QIODevice.OpenModeFlag.WriteOnly)
            self._plots.picture().save(buffer, "PNG")  # pyright: ignore[reportCallIssue, reportArgumentType]
            self._save(path.with_suffix(path.suffix or ".png"), lambda target: write_atomically(target, bytes(data.data())))

    def save_table(self) -> None:
        """The numbers behind them as a CSV."""
        path = self._dialogs.save(self.tr("Save table"), self._suggestion(".csv"), self.tr("Tables (*.csv)"))
        if path is not None:
            metrics = self._services.runs.metrics.copy()  # the run goes on while a worker writes
            self._save(path.with_suffix(path.suffix or ".csv"), lambda target: write_csv(metrics, target))

    def save_page(self) -> None:
        """The run as one page."""
        folder = self._services.runs.current
        if folder is None:
            return
        path = self._dialogs.save(self.tr("Save page"), self._suggestion(".html"), self.tr("Pages (*.html)"))
        if path is not None:
            work = partial(_write_page, folder, self._services.translation.language, self._plots.loss.smoothing)
            self._save(path.with_suffix(path.suffix or ".html"), work)

    def _save(self, path: Path, write: Callable[[Path], None]) -> None:
        done = self.tr("Saved {name}").format(name=path.name)
        notice = Notice(text=lambda: done, tone="success", seconds=6)
        self._services.tasks.start(write, path, done=lambda _: self._services.notices.post(notice), owner=self)

    def _suggestion(self, suffix: str) -> Path:
        folder = self._services.runs.current
        job_file = self._services.session.path
        return (job_file.parent if job_file else Path.home()) / f"{folder.path.name if folder else 'run'}{suffix}"


def _write_page(folder: RunFolder, language: Language, smoothing: Smoothing, path: Path) -> None:
    from core.metrics.page import page_run, render_page  # late: it imports matplotlib

    write_atomically(path, render_page([page_run(folder)], language=language, smoothing=smoothing))
