"""A lock between processes that a killed process leaves open. Standard library only."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator
from pathlib import Path


@contextlib.contextmanager
def locked(path: Path, *, on_wait: Callable[[], None] | None = None) -> Generator[None]:
    """Holds a lock on a file, which is made beside what it guards and stays there, empty.

    The lock belongs to the open file, so it ends with its process. Not to be taken twice by one thread.

    Args:
        path: the file; its folder has to be there.
        on_wait: called once where another holds the lock.

    Raises:
        OSError: the file cannot be made or locked.
    """
    with path.open("a+b") as stream:
        if not _try_lock(stream.fileno()):
            if on_wait is not None:
                on_wait()
            _lock(stream.fileno())
        yield


@contextlib.contextmanager
def locked_if_free(path: Path) -> Generator[bool]:
    """Like `locked`, but never waits: tells whether the lock was free and is held now.

    Args:
        path: the file; its folder has to be there.

    Raises:
        OSError: the file cannot be made.
    """
    with path.open("a+b") as stream:
        yield _try_lock(stream.fileno())


if sys.platform == "win32":
    import msvcrt
    import time

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _lock(descriptor: int) -> None:
        while not _try_lock(descriptor):
            time.sleep(0.1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
