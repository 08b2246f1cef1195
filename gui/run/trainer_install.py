"""Installs what the built-in trainer needs into Caddie's own Python, with its log and a stop button; nothing has to be restarted."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.paths import PROJECT_ROOT
from core.text import Text
from gui.bridge.pip_runner import PipRunner
from gui.bridge.tasks import Tasks
from gui.theme.theme import Theme

if TYPE_CHECKING:
    from core.environment.install import InstallPlan, InstallResult
    from gui.environment.install_panel import InstallPanel

_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from core.bootstrap.__main__ import main; sys.exit(main(sys.argv[2:]))"


def install_command() -> list[str]:
    """What installs the packages of the trainer, in a process of its own."""
    from core.environment.interpreters import with_console

    python = with_console(Path(sys.executable))
    return [str(python), "-X", "utf8", "-c", _CHILD, str(PROJECT_ROOT), "app", "train"]


class TrainerInstall(QWidget):
    """Hidden until something is installed.

    Signals:
        installed: all went well; the packages can be imported.
        changed: `running` is another.
    """

    installed = Signal()
    changed = Signal()

    def __init__(
        self, theme: Theme, say: Callable[[Text], str], tasks: Tasks, command: Callable[[], list[str]] = install_command
    ) -> None:
        super().__init__()
        self._theme = theme
        self._say = say
        self._command = command
        self._workers = Tasks(self, threads=1)
        self._workers.unhandled.connect(tasks.report)
        self._pip = PipRunner(self._workers, self)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.panel: InstallPanel | None = None
        self._pip.finished.connect(self._finished)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close_workers)
        self.hide()

    @property
    def running(self) -> bool:
        """Whether an installation is under way."""
        return self._pip.running is not None

    def start(self) -> None:
        """Begins, unless it is under way."""
        from core.environment.install import InstallPlan
        from core.environment.model import Environment
        from gui.environment.install_panel import InstallPanel

        if self.running:
            return
        if self.panel is None:
            self.panel = InstallPanel(self._theme, self._say)
            self.panel.stop_wanted.connect(self._pip.stop)
            self._pip.output.connect(self.panel.add_output)
            self._layout.addWidget(self.panel)
        own = Environment(id="caddie", name="Caddie", python=Path(sys.executable))
        plan = InstallPlan(environment=own, argv=self._command(), requirements=("torch", "diffusers", "transformers"))
        self.panel.start(plan)
        self.show()
        self._pip.install(plan)
        self.changed.emit()

    def close_workers(self) -> None:
        """Ends what is under way."""
        self._pip.close()
        self._workers.wait()

    def _finished(self, _plan: InstallPlan, result: InstallResult) -> None:
        assert self.panel is not None
        self.panel.finish(result)
        importlib.invalidate_caches()  # the folders were looked into before the packages came
        self.changed.emit()
        if result.ok:
            self.installed.emit()
