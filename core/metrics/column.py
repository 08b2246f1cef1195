"""Numbers in a row that grows: in memory while they are few, in a scratch file that is mapped once they are many.

A run that goes on for days must not fill the memory of the window. What lies in a mapped file the system takes back from
memory when others need it. The file has no name (or one that the system removes), so nothing is left behind.
"""

from __future__ import annotations

import contextlib
import mmap
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

IN_MEMORY = 1 << 16
"""Numbers from which a column moves into a file: half a MiB."""
_FIRST_CAPACITY = 256
_LEAST_GROWTH = 1 << 17
_ZEROS = bytes(1 << 20)


class Column:
    """float64 numbers.

    Args:
        numbers: what it begins with; may be read-only (part of a mapped cache), and is then copied at the first change.
        scratch: folder for the file of a long column; None keeps it in memory however long it becomes.
    """

    __slots__ = ("_file", "_numbers", "_scratch", "_size")

    def __init__(self, numbers: Floats | None = None, *, scratch: Path | None = None) -> None:
        self._file: IO[bytes] | None = None
        self._numbers: Floats = np.empty(_FIRST_CAPACITY) if numbers is None else numbers
        self._size = 0 if numbers is None else len(numbers)
        self._scratch = scratch

    def __len__(self) -> int:
        return self._size

    @property
    def numbers(self) -> Floats:
        """All of them: a read-only view, valid until the next change."""
        view = self._numbers[: self._size]
        view.flags.writeable = False
        return view

    @property
    def in_file(self) -> bool:
        """Whether they lie in a file."""
        return self._file is not None

    def append(self, more: Floats | Sequence[float]) -> None:
        """Adds numbers at the end."""
        end = self._size + len(more)
        self._reserve(end)
        self._numbers[self._size : end] = more
        self._size = end

    def insert(self, index: int, number: float) -> None:
        """Puts one number before another."""
        self._reserve(self._size + 1)
        self._numbers[index + 1 : self._size + 1] = np.array(self._numbers[index : self._size])
        self._numbers[index] = number
        self._size += 1

    def replace(self, index: int, number: float) -> None:
        """Another number at a place."""
        self._reserve(self._size)
        self._numbers[index] = number

    def truncate(self, size: int) -> None:
        """Forgets all numbers from `size` on."""
        self._size = min(self._size, size)

    def __del__(self) -> None:
        """Gives the file back; views that somebody still holds keep its pages."""
        self._close()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _reserve(self, needed: int) -> None:
        if needed <= len(self._numbers) and self._numbers.flags.writeable:
            return
        if needed > IN_MEMORY and self._scratch is not None:
            with contextlib.suppress(OSError):  # a full disk: memory it is
                self._grow_file(needed)
                return
        bigger = np.empty(max(needed, 2 * self._size, _FIRST_CAPACITY))
        bigger[: self._size] = self._numbers[: self._size]
        self._close()
        self._numbers = bigger

    def _grow_file(self, needed: int) -> None:
        capacity = needed + max(_LEAST_GROWTH, needed // 8)
        file = self._file
        if file is None:
            assert self._scratch is not None
            self._scratch.mkdir(parents=True, exist_ok=True)
            file = tempfile.TemporaryFile(dir=self._scratch, prefix="column-")  # noqa: SIM115 -- lives as long as the column
        try:
            _make_long(file, capacity * 8)
        except OSError:
            if self._file is None:
                file.close()
            raise
        mapped = np.frombuffer(mmap.mmap(file.fileno(), capacity * 8), dtype=np.float64)
        if self._file is None:
            mapped[: self._size] = self._numbers[: self._size]
        # An older view of the same file stays valid: both show the same pages.
        self._numbers, self._file = mapped, file


def _make_long(file: IO[bytes], size: int) -> None:
    """Writes zeros up to that size. A hole would do, but writing into one on a full disk ends the process by a signal."""
    at = file.seek(0, 2)
    while at < size:
        at += file.write(_ZEROS[: size - at])
    file.flush()
