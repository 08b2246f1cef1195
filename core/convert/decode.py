"""The bytes of a text file as text, in the encodings that such files really have."""

from __future__ import annotations

import codecs
from typing import Final

from core.errors import CaddieError
from core.text import Text

LARGEST_TEXT: Final = 8 << 20
"""Bytes of a settings file that are read; real ones have a few thousand."""

_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def decode(data: bytes) -> str:
    """Reads UTF-8 and UTF-16 with or without a byte order mark, and CP932 (batch files from a Japanese Windows).

    Raises:
        CaddieError: none of these, or too large for a settings file.
    """
    if len(data) > LARGEST_TEXT:
        raise too_large(len(data), LARGEST_TEXT)
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], (encoding,))
    if data[1:2] == b"\0" and data[:1] != b"\0":
        return _decoded(data, ("utf-16-le",))
    if data[:1] == b"\0" and data[1:2] != b"\0":
        return _decoded(data, ("utf-16-be",))
    return _decoded(data, ("utf-8", "cp932"))


def _decoded(data: bytes, encodings: tuple[str, ...]) -> str:
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    listed = " / ".join(encodings)
    raise CaddieError(
        Text(f"This is no text that can be read ({listed}).", f"テキストとして読み取れないファイルです ({listed})。")
    )


def too_large(size: int, limit: int) -> CaddieError:
    """What to raise for a file that is too large to be what it claims."""
    return CaddieError(
        Text(
            f"The file has {size} bytes; settings files of up to {limit} bytes are read.",
            f"ファイルが大きすぎます ({size} バイト)。設定ファイルとして読み取れるのは {limit} バイトまでです。",
        )
    )
