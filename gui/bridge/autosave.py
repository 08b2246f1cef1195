"""A copy of the unsaved job in the user's data folder, so that a crash loses at most two seconds of work."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import CaddieError
from core.files import write_atomically
from core.job.model import Job

_log = logging.getLogger(__name__)
_HEADER = "# caddie-autosave-of: "


@dataclass(frozen=True, slots=True)
class Rescued:
    """An unsaved job that another window left behind. `path` is the file it belonged to."""

    job: Job
    path: Path | None
    source: Path


class Autosave:
    """One file per window (named by process id), removed when there is nothing unsaved.

    Args:
        folder: is made when first needed.
        dumps, loads: `core.job.store.dumps` and `loads`.
    """

    def __init__(self, folder: Path, *, dumps: Callable[[Job], str], loads: Callable[[str], Job]) -> None:
        self._folder = folder
        self._file = folder / f"{os.getpid()}.toml"
        self._dumps = dumps
        self._loads = loads

    def write(self, job: Job, path: Path | None) -> None:
        """Writes the copy. A disk that refuses is logged: the user did not ask for this write."""
        try:
            write_atomically(self._file, f"{_HEADER}{path or ''}\n{self._dumps(job)}")
        except (OSError, CaddieError):
            _log.exception("The unsaved job could not be copied to %s", self._file)

    def drop(self) -> None:
        """Removes the copy of this window."""
        try:
            self._file.unlink(missing_ok=True)
        except OSError:
            _log.exception("%s could not be removed", self._file)

    def forget(self, rescued: Rescued) -> None:
        """Removes a copy that was restored; from now on this window's own copy holds it."""
        self.write(rescued.job, rescued.path)
        try:
            rescued.source.unlink(missing_ok=True)
        except OSError:
            _log.exception("%s could not be removed", rescued.source)

    def left_behind(self) -> list[Rescued]:
        """Unsaved jobs of windows that are gone, the latest first. Unreadable files stay where they are."""
        if not self._folder.is_dir():
            return []
        import psutil  # here: only after a crash is it needed at the start

        found: list[tuple[float, Rescued]] = []
        for source in self._folder.glob("*.toml"):
            if not source.stem.isdigit() or source == self._file or psutil.pid_exists(int(source.stem)):
                continue
            try:
                written = source.stat().st_mtime
                header, _, content = source.read_text(encoding="utf-8").partition("\n")
                if not header.startswith(_HEADER):
                    continue  # nothing that this class wrote
                job = self._loads(content)
            except (OSError, UnicodeDecodeError, CaddieError):
                _log.exception("The unsaved job %s cannot be read", source)
                continue
            named = header.removeprefix(_HEADER).strip()
            found.append((written, Rescued(job, Path(named) if named else None, source)))
        return [rescued for _, rescued in sorted(found, key=lambda item: item[0], reverse=True)]
