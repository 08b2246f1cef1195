"""A prompt's letters before CLIP sees them.

CLIP's tokenizer, which sd-scripts takes from transformers 4 with ftfy installed, runs ftfy's `fix_text` over a prompt:
curly quotes, full-width letters, ligatures and HTML's entities become plain letters. Done here is all of that but the
guessing of wrong encodings, which the data's check tells about instead.
"""

from __future__ import annotations

import html
import re
import unicodedata

_ENTITY = re.compile(r"&#?[0-9A-Za-z]{1,24};")
_TERMINAL = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
_LIGATURES = {
    **dict(zip("ĲĳŉǱǲǳǄǅǆ", ("IJ", "ij", "ʼn", "DZ", "Dz", "dz", "DŽ", "Dž", "dž"), strict=True)),
    **dict(zip("ﬀﬁﬂﬃﬄﬅﬆ", ("ff", "fi", "fl", "ffi", "ffl", "ſt", "st"), strict=True)),
}
_WIDTHS = {0x3000: " "} | {
    code: unicodedata.normalize("NFKC", chr(code))
    for code in range(0xFF01, 0xFFF0)
    if unicodedata.normalize("NFKC", chr(code)) != chr(code)
}
_QUOTES = dict.fromkeys((0x2BC, *range(0x2018, 0x201C)), "'") | dict.fromkeys(range(0x201C, 0x2020), '"')
_CONTROL = dict.fromkeys(
    (*range(9), 0x0B, *range(0x0E, 0x20), 0x7F, *range(0x206A, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFD)), None
)


def clean(text: str) -> str:
    """A prompt in plain, composed, lower-case letters with single spaces."""
    if "<" not in text:  # with "<" it may be HTML itself, and is left alone, as ftfy does
        text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    text = _TERMINAL.sub("", text).translate(str.maketrans(_LIGATURES))
    text = text.translate(_WIDTHS).translate(_QUOTES).translate(_CONTROL)
    return " ".join(unicodedata.normalize("NFC", text).split()).lower()
