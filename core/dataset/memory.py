"""What images look like, remembered from one count to the next: opening 100,000 files is most of a count's time.

A database in Caddie's cache folder, by folder and name, good for as long as a file's length and time of change are the same.
Nothing of it is needed: whatever goes wrong with it costs time only. It may be deleted, and two windows may use it at once.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Final

from core.paths import user_data_dir
from core.training.data.images import Look, look_at

MOST: Final = 1_000_000
"""Images that are remembered; the folders that were not counted for the longest are forgotten first."""

_VERSION: Final = 1
_PATIENCE: Final = 5.0
"""Seconds that another process may hold the database."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS folders (id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, used REAL NOT NULL);
CREATE TABLE IF NOT EXISTS images (
    folder INTEGER NOT NULL, name TEXT NOT NULL, bytes INTEGER NOT NULL, changed INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, marks INTEGER NOT NULL, PRIMARY KEY (folder, name)
) WITHOUT ROWID;
"""
_Row = tuple[int, int, Look]
"""Length in bytes, time of change in ns, and what the file looked like then."""


def memory_file() -> Path:
    """Where it lies."""
    return user_data_dir() / "cache" / f"images-{_VERSION}.sqlite"


class LookMemory:
    """Looks at images that are not known or have changed, and remembers them.

    Args:
        file: the database; the user's own if None.
        most: images that are remembered.
    """

    def __init__(self, file: Path | None = None, *, most: int = MOST) -> None:
        self._file = memory_file() if file is None else file
        self._most = most

    @contextlib.contextmanager
    def folder(self, folder: str, paths: Sequence[str]) -> Generator[Callable[[str], Look]]:
        """For as long as it is held, something that reads the header of one of these images, or remembers it.

        What was looked at is kept when it is let go, also when a count is ended.

        Args:
            folder: that the images lie in.
            paths: of the images; what is known of others in the folder is forgotten.
        """
        place = os.path.abspath(folder)
        known = self._load(place) if paths else {}
        fresh: dict[str, _Row] = {}

        def look(path: str) -> Look:
            name = os.path.basename(path)
            try:
                state = os.stat(path)
            except OSError:
                return look_at(path, whole=False)  # says why it cannot be read
            kept = known.get(name)
            if kept is not None and kept[:2] == (state.st_size, state.st_mtime_ns):
                return kept[2]
            seen = look_at(path, whole=False)
            fresh[name] = (state.st_size, state.st_mtime_ns, seen)
            return seen

        try:
            yield look
        finally:
            if paths:
                self._store(place, fresh, known.keys() - {os.path.basename(path) for path in paths})

    def _load(self, place: str) -> dict[str, _Row]:
        try:
            with self._open() as connection:
                rows = connection.execute(
                    "SELECT name, bytes, changed, width, height, marks FROM images"
                    " WHERE folder = (SELECT id FROM folders WHERE path = ?)",
                    (place,),
                )
                return {
                    name: (length, changed, Look((width, height), bool(marks & 1), bool(marks & 2), bool(marks & 4)))
                    for name, length, changed, width, height, marks in rows
                }
        except sqlite3.DatabaseError as error:
            if not isinstance(error, sqlite3.OperationalError):  # damaged, not held by another
                with contextlib.suppress(OSError):
                    self._file.unlink()
        except (OSError, UnicodeError):  # a name that is no text cannot be remembered
            pass
        return {}

    def _store(self, place: str, fresh: dict[str, _Row], gone: set[str]) -> None:
        with contextlib.suppress(sqlite3.Error, OSError, UnicodeError), self._open() as connection, connection:
            connection.execute(
                "INSERT INTO folders (path, used) VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET used = excluded.used",
                (place, time.time()),
            )
            number = connection.execute("SELECT id FROM folders WHERE path = ?", (place,)).fetchone()[0]
            connection.executemany("DELETE FROM images WHERE folder = ? AND name = ?", [(number, name) for name in gone])
            connection.executemany(
                "INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (number, name, length, changed, *look.size, look.turned + 2 * look.transparent + 4 * look.animated)
                    for name, (length, changed, look) in fresh.items()
                ],
            )
            self._forget(connection, number)

    def _forget(self, connection: sqlite3.Connection, keep: int) -> None:
        """Forgets whole folders until there are not more images than may be, but never the one just counted."""
        counts = connection.execute("SELECT folder, COUNT(*) FROM images GROUP BY folder").fetchall()
        spare = sum(count for _, count in counts) - self._most
        if spare <= 0:
            return
        used = dict(connection.execute("SELECT id, used FROM folders"))
        for number, count in sorted(counts, key=lambda row: used.get(row[0], 0.0)):
            if spare <= 0:
                break
            if number != keep:
                connection.execute("DELETE FROM images WHERE folder = ?", (number,))
                connection.execute("DELETE FROM folders WHERE id = ?", (number,))
                spare -= count

    @contextlib.contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._file, timeout=_PATIENCE)
        try:
            connection.executescript(_TABLES)
            yield connection
        finally:
            connection.close()
