"""A log that somebody saved, as clean lines: whatever console it came from, and however long it is."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import IO, Final

from core.runs.console import Console

LONGEST: Final = 16 << 20
"""Bytes of a log that are read, from its end; the error is there."""

_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SAMPLE: Final = 4096


def read_log(path: Path) -> tuple[str, ...]:
    """The lines of a log file. Raises OSError."""
    with path.open("rb") as file:
        return read_log_stream(file)


def read_log_stream(stream: IO[bytes]) -> tuple[str, ...]:
    """The lines of what a stream holds, without colours, bars and carriage returns. Raises OSError."""
    start, end = stream.read(_SAMPLE), b""
    while chunk := stream.read(1 << 20):
        end = (end + chunk)[-LONGEST:]
    encoding, mark = _encoding_of(start)
    data = start[mark:] + end
    if len(end) == LONGEST:
        # In the middle of the file: an even place of UTF-16, and what is left of a line of any other encoding is cut off.
        data = end if encoding.startswith("utf-16") else end[end.find(b"\n") + 1 :]
    console = Console()
    text = console.feed(_decoded(data, encoding).encode("utf-8")) + console.finish()
    return tuple(text.split("\n"))


def _encoding_of(start: bytes) -> tuple[str, int]:
    """The encoding, "" where each line has to be looked at, and the bytes of the byte order mark."""
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return ("" if encoding == "utf-8" else encoding), len(mark)
    # PowerShell's `>` writes UTF-16; in a log of Latin letters every second byte is then zero.
    if start[1::2].count(0) * 2 > len(start[1::2]) > 0:
        return "utf-16-le", 0
    if start[0::2].count(0) * 2 > len(start[0::2]) > 0:
        return "utf-16-be", 0
    return "", 0


def _decoded(data: bytes, encoding: str) -> str:
    if encoding:
        return data.decode(encoding, "replace")
    # One log may hold two encodings: Python writes UTF-8 and the console's own commands write the code page's.
    return "".join(_line(line) for line in data.splitlines(keepends=True))


def _line(line: bytes) -> str:
    for encoding in ("utf-8", "cp932", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("utf-8", "replace")
