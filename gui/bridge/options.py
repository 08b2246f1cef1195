"""Which options a script accepts: read from the selected environment's checkout, else the shipped snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal

from core.options.model import OptionSet
from core.text import Text
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:  # the window opens without the reader
    from core.options.reader import CheckoutOptions


class CheckoutReader(Protocol):
    """`core.options.reader.read_some_options`, which raises where nothing could be read."""

    def __call__(self, folder: Path, /) -> CheckoutOptions:
        """All scripts of a checkout, and why some could not be read."""
        ...


class SnapshotReader(Protocol):
    """`core.options.snapshot.load_snapshot`."""

    def __call__(self) -> dict[str, OptionSet]:
        """All scripts of the shipped snapshot."""
        ...


class Options(QObject):
    """Option sets by script. Reading a checkout happens in a worker; until it is there the snapshot answers.

    Signals:
        changed: other option sets are in force.
        failed: the checkout could not be read (the error); the snapshot stays in force.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(
        self, tasks: Tasks, *, snapshot: SnapshotReader, checkout: CheckoutReader, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._read_snapshot = snapshot
        self._read_checkout = checkout
        self._snapshot: dict[str, OptionSet] | None = None
        self._from_checkout: Mapping[str, OptionSet] = {}
        self._problems: Mapping[str, Text] = {}
        self._folder: Path | None = None

    @property
    def reading(self) -> bool:
        """Whether a checkout is named whose options are not (or could not be) read."""
        return self._folder is not None and not self._from_checkout

    def use_checkout(self, folder: Path | None) -> None:
        """Takes the options of this checkout from now on; None for the snapshot."""
        if folder == self._folder:
            return
        self._folder = folder
        self._from_checkout, self._problems = {}, {}
        self.changed.emit()
        if folder is not None:
            self._tasks.start(
                self._read_checkout,
                folder,
                done=lambda found: self._take(folder, found),
                failed=lambda error: self._refuse(folder, error),
                owner=self,
            )

    def scripts(self) -> tuple[str, ...]:
        """Names of the scripts, those of the checkout when there is one."""
        return tuple(self._from_checkout or self._shipped())

    def for_script(self, script: str) -> OptionSet:
        """The options of one script; an empty set (source `snapshot`) for a script nobody knows."""
        found = self._from_checkout.get(script) or self._shipped().get(script)
        return found or OptionSet(script=script, options={}, source="snapshot")

    def unread(self, script: str) -> Text | None:
        """Why a script's options are not those of the checkout that was read; None where they are, or where there is none."""
        if not self._from_checkout or script in self._from_checkout:
            return None
        missing = Text(f"There is no {script} in {self._folder}.", f"{self._folder} に {script} がありません。")
        return self._problems.get(script, missing)

    def _shipped(self) -> dict[str, OptionSet]:
        if self._snapshot is None:
            self._snapshot = self._read_snapshot()
        return self._snapshot

    def _take(self, folder: Path, found: CheckoutOptions) -> None:
        if folder == self._folder:
            self._from_checkout, self._problems = found.sets, found.problems
            self.changed.emit()

    def _refuse(self, folder: Path, error: BaseException) -> None:
        if folder == self._folder:
            self.failed.emit(error)
