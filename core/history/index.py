"""The list of all runs, fast: what a folder said the last time is kept in a database that anybody may delete.

Each folder is the truth. Its files' times and sizes are looked at every time, and what differs is read anew, so that
neither a second window, nor a text editor, nor a clock that was set back can leave a stale line.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.history.read import read_record, stamp_of
from core.history.record import RunRecord, from_json, to_json
from core.paths import runs_dir as default_runs_dir
from core.paths import user_data_dir
from core.runs.folder import list_runs
from core.text import Text

VERSION: Final = 1
"""Of the kept lines. Others are thrown away and read anew."""

_PATIENCE = 5.0
"""Seconds that another process may hold the index."""

_TRIES = 3

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All runs, the newest first.

    Attributes:
        records: one a run.
        read: how many folders had to be read; the others were known.
        trouble: why the index could not be used; the records are right all the same, only slower. None where all is well.
    """

    records: tuple[RunRecord, ...]
    read: int = 0
    trouble: Text | None = None


def index_file() -> Path:
    """Where the index lies."""
    return user_data_dir() / "history.sqlite"


def places() -> tuple[Path, ...]:
    """Every folder of runs under the user's data: the usual one, and that of `main.py demo`."""
    from core.job.demo import demo_folder

    return (default_runs_dir().resolve(), (demo_folder() / "runs").resolve())


def list_history(runs_dir: Path | None = None, *, index: Path | None = None, progress: Progress | None = None) -> Listing:
    """Lists all runs. Slow once for each run, then fast. Not for the thread of a window.

    Args:
        runs_dir: where the runs are; the user's own folders if None.
        index: the database; beside the user's own runs if None.
        progress: called with how many folders were looked at and how many there are; what it raises ends the look.
    """
    file = index_file() if index is None else index
    folders = {
        place: [run.path for run in list_runs(place)] for place in (places() if runs_dir is None else (runs_dir.resolve(),))
    }
    total = sum(map(len, folders.values()))
    records: list[RunRecord] = []
    read, seen = 0, 0
    trouble: Text | None = None
    for place, paths in folders.items():
        kept = _Index(file, str(place))
        look = _Look(paths, kept.load(), (lambda done, seen=seen: progress(seen + done, total)) if progress is not None else None)
        try:
            look.run()
        finally:
            kept.store(look.fresh, gone=look.gone)  # a look that is ended loses nothing
        records += look.records
        read, seen, trouble = read + look.read, seen + len(paths), trouble or kept.trouble
    records.sort(key=lambda record: (record.created_at, record.folder.name), reverse=True)
    return Listing(records=tuple(records), read=read, trouble=trouble)


class _Look:
    """Goes through the folders of one place.

    Attributes:
        records: what was found.
        fresh: lines to keep: name, stamp, line.
        gone: names that are kept and not there any more.
        read: how many folders had to be read.
    """

    def __init__(self, paths: list[Path], known: dict[str, tuple[str, str]], told: Callable[[int], None] | None) -> None:
        self._paths, self._known, self._told = paths, known, told
        self.records: list[RunRecord] = []
        self.fresh: list[tuple[str, str, str]] = []
        self.gone = known.keys() - {path.name for path in paths}
        self.read = 0

    def run(self) -> None:
        """Looks at all."""
        for number, path in enumerate(self._paths):
            if self._told is not None:
                self._told(number)
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                self._one(path)

    def _one(self, path: Path) -> None:
        stamp = stamp_of(path)
        record = _known(path, stamp, self._known)
        if record is None:
            record, stamp = _read_steady(path, stamp)
            self.read += 1
            if stamp and record.ending.is_over:  # the others change without a trace: their processes end
                self.fresh.append((path.name, stamp, to_json(record)))
        self.records.append(record)


def _known(path: Path, stamp: str, known: dict[str, tuple[str, str]]) -> RunRecord | None:
    kept = known.get(path.name)
    if kept is None or kept[0] != stamp:
        return None
    with contextlib.suppress(KeyError, TypeError, ValueError):
        return from_json(kept[1])
    return None


def _read_steady(path: Path, stamp: str) -> tuple[RunRecord, str]:
    """A record and the stamp it belongs to; "" where the folder changed each time it was read."""
    record = read_record(path)
    for _ in range(_TRIES):
        after = stamp_of(path)
        if after == stamp:
            return record, stamp
        stamp, record = after, read_record(path)  # reading may itself have judged a lost run and written that down
    return record, ""


class _Index:
    """The database. Nothing of it is needed: whatever goes wrong with it is told and costs time only."""

    def __init__(self, file: Path, place: str) -> None:
        self._file, self._place = file, place
        self.trouble: Text | None = None

    def load(self) -> dict[str, tuple[str, str]]:
        """Folder name -> stamp and line, for the runs of this place."""
        for _ in range(2):
            try:
                with self._open() as connection:
                    rows = connection.execute("SELECT name, stamp, line FROM runs WHERE place = ?", (self._place,))
                    return {name: (stamp, line) for name, stamp, line in rows}
            except (sqlite3.Error, OSError) as error:
                # Locked, read-only, no space: it may be whole. Damaged, or of somebody else: it is only a cache.
                whole = isinstance(error, (sqlite3.OperationalError, OSError)) and "no such" not in str(error)
                if whole or not self._remove():
                    return self._fail(error)
        return {}

    def store(self, fresh: Iterable[tuple[str, str, str]], gone: Iterable[str]) -> None:
        """Keeps lines (name, stamp, line), and forgets runs."""
        rows = [(self._place, *row) for row in fresh]
        lost = [(self._place, name) for name in gone]
        if self.trouble is not None or not (rows or lost):
            return
        try:
            with self._open() as connection, connection:
                connection.executemany("DELETE FROM runs WHERE place = ? AND name = ?", lost)
                connection.executemany("INSERT OR REPLACE INTO runs (place, name, stamp, line) VALUES (?, ?, ?, ?)", rows)
        except (sqlite3.Error, OSError) as error:
            self._fail(error)

    @contextlib.contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._file, timeout=_PATIENCE)
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                with connection:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute("DROP TABLE IF EXISTS runs")
                    connection.execute(
                        "CREATE TABLE runs (place TEXT, name TEXT, stamp TEXT, line TEXT, PRIMARY KEY (place, name))"
                    )
                    connection.execute(f"PRAGMA user_version = {VERSION}")
            yield connection
        finally:
            connection.close()

    def _remove(self) -> bool:
        try:
            self._file.unlink(missing_ok=True)
        except OSError:
            return False
        return True

    def _fail(self, error: Exception) -> dict[str, tuple[str, str]]:
        self.trouble = Text(
            f"The index {self._file} cannot be used, so every run was read anew: {error}",
            f"索引 {self._file} を使用できないため、すべての実行を読み直しました: {error}",
        )
        return {}
