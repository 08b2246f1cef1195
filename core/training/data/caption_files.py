"""Reading the caption that lies beside an image.

Source: kohya-ss/sd-scripts at 48d368f, library/train_util.py, DreamBoothDataset.read_caption. It reads UTF-8 alone and stops
at anything else; Japanese Windows writes cp932 in places, so that is read too, and told.
"""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass
from typing import Final

from core.errors import CaddieError
from core.text import Text

USUAL_ENDINGS: Final = (".txt", ".caption")


@dataclass(frozen=True, slots=True)
class CaptionFile:
    """What a caption file says.

    Attributes:
        path: of the file.
        caption: its first line, or all lines that hold something where wildcards are on.
        encoding: what it is written in.
    """

    path: str
    caption: str
    encoding: str


def read_caption(image: str, extension: str, *, lines: bool) -> CaptionFile | None:
    """The caption of an image; None where it has none.

    Args:
        image: path of the image.
        extension: of caption files, with the dot.
        lines: take all lines, for wildcards.

    Raises:
        CaddieError: there is one that cannot be read.
    """
    for path in caption_paths(image, extension):
        try:
            with open(path, "rb") as stream:
                content = stream.read()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CaddieError(
                Text(f"{path}: the caption cannot be read: {error}", f"{path}: キャプションを読めません: {error}")
            ) from error
        text, encoding = _decode(path, content)
        rows = [row.strip() for row in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
        return CaptionFile(path, "\n".join(filter(None, rows)) if lines else rows[0], encoding)
    return None


def caption_paths(image: str, extension: str) -> list[str]:
    """The names that an image's caption may have; a face detector's four numbers may be missing in it."""
    stem = os.path.splitext(image)[0]
    words = stem.split("_")
    stems = [stem, "_".join(words[:-4])] if len(words) >= 5 else [stem]
    return [one + extension for one in stems]


def _decode(path: str, content: bytes) -> tuple[str, str]:
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if is_utf16 else ("utf-8-sig", "cp932"):
        try:
            return content.decode(encoding), "utf-8" if encoding == "utf-8-sig" else encoding
        except UnicodeDecodeError:
            continue
    raise CaddieError(
        Text(
            f"{path}: the caption is neither UTF-8 nor Shift JIS (cp932). Save it as UTF-8.",
            f"{path}: キャプションの文字コードが UTF-8 でも Shift JIS (cp932) でもありません。UTF-8 で保存し直してください。",
        )
    )
