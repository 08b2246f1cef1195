"""Files that are either the old one or the new one, never half of each."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import Final

_PAUSES: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between the attempts to rename a file over one that somebody else has open."""


def write_atomically(path: Path, content: str | bytes, *, executable: bool = False, durable: bool = True) -> None:
    """Writes `content` beside `path`, flushes it to the disk and renames it over `path`.

    Args:
        path: the file to make or replace; its folder is created.
        content: text is written as UTF-8 with the newlines it has.
        executable: sets the executable bits (no effect on Windows).
        durable: waits until the disk has it. Without, a power failure may leave a damaged file under the name, which is good
            enough for thousands of files that are checked when they are read and can be made again.

    Raises:
        OSError: no space, no permission, … The old file is untouched and no temporary file stays.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not longer than most names: a file's own may already be as long as the disk or Windows allows.
    handle, temporary = tempfile.mkstemp(prefix=".caddie-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        os.chmod(temporary, mode | (0o111 if executable else 0))
        replace_patiently(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def replace_patiently(source: str | Path, target: str | Path) -> None:
    """`os.replace`, tried for about a second and a half.

    Windows renames nothing over a file that a virus scanner, a viewer or another training has open, mostly for a moment.

    Raises:
        OSError: it is still not possible, or for another reason.
    """
    for pause in _PAUSES:
        try:
            os.replace(source, target)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    os.replace(source, target)


def _umask() -> int:
    # The umask can only be read by setting it.
    current = os.umask(0o022)
    os.umask(current)
    return current
