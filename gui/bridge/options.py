"""Which options a script accepts: read from the selected environment's checkout, else the shipped snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from core.options.model import OptionSet
from gui.bridge.tasks import Tasks


class CheckoutReader(Protocol):
    """`core.options.reader.read_checkout`."""

    def __call__(self, folder: Path, /) -> dict[str, OptionSet]:
        """All scripts of a checkout."""
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
        self._from_checkout: dict[str, OptionSet] = {}
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
        self._from_checkout = {}
        self.changed.emit()
        if folder is not None:
            self._tasks.start(
                self._read_checkout,
                folder,
                done=lambda sets: self._take(folder, sets),
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

    def _shipped(self) -> dict[str, OptionSet]:
        if self._snapshot is None:
            self._snapshot = self._read_snapshot()
        return self._snapshot

    def _take(self, folder: Path, sets: dict[str, OptionSet]) -> None:
        if folder == self._folder:
            self._from_checkout = sets
            self.changed.emit()

    def _refuse(self, folder: Path, error: BaseException) -> None:
        if folder == self._folder:
            self.failed.emit(error)
