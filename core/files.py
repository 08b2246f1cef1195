"""Files that are either the old one or the new one, never half of each."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: str | bytes, *, executable: bool = False) -> None:
    """Writes `content` beside `path`, flushes it to the disk and renames it over `path`.

    Args:
        path: the file to make or replace; its folder is created.
        content: text is written as UTF-8 with the newlines it has.
        executable: sets the executable bits (no effect on Windows).

    Raises:
        OSError: no space, no permission, … The old file is untouched and no temporary file stays.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        os.chmod(temporary, mode | (0o111 if executable else 0))
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    # The umask can only be read by setting it.
    current = os.umask(0o022)
    os.umask(current)
    return current
