"""Sample pictures of the beginning and of the end, side by side in one picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from core.files import write_atomically

_SIDE, _GAP, _LINE = 240, 14, 26
_INK, _PAPER = (40, 44, 52), (255, 255, 255)


def write_comparison(path: Path, prompts: Sequence[str], before: Sequence[Path], after: Sequence[Path]) -> None:
    """Draws a column for each prompt: its words, the picture before the training, and the one after it.

    Args:
        path: the PNG to write.
        prompts: what was asked for.
        before, after: a picture for each prompt.

    Raises:
        OSError: a picture cannot be read, or the file not be written.
        ValueError: there is not a picture for each prompt.
    """
    side = _SIDE + _GAP
    width, height = 80 + side * len(prompts), 2 * _LINE + 2 * side + _GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for row, word in enumerate(("before", "after")):
        pen.text((_GAP, 2 * _LINE + row * side + _SIDE // 2), word, fill=_INK, font=font, anchor="lm")
    for column, (prompt, *pictures) in enumerate(zip(prompts, before, after, strict=True)):
        left = 80 + column * side
        first, _, second = prompt.partition(" on ")
        for line, words in enumerate((first, f"on {second}" if second else "")):
            pen.text((left, _GAP // 2 + line * 20), words, fill=_INK, font=font)
        for row, picture in enumerate(pictures):
            with Image.open(picture) as opened:
                large = opened.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
            sheet.paste(large, (left, 2 * _LINE + row * side))
    stream = io.BytesIO()
    sheet.save(stream, "PNG", optimize=True)
    write_atomically(path, stream.getvalue())
