"""Prompts that say how much a part of them counts, as A1111 introduced it and sd-scripts understands it.

`(text)` counts 1.1 times, `[text]` 1/1.1 times, `(text:1.3)` 1.3 times, all of them inside each other; `\\(` is a bracket.
"""

from __future__ import annotations

import re

_PART = re.compile(
    r"\\(?P<literal>[()\[\]\\])|\\|(?P<open>[(\[])|:(?P<weight>[+-]?[.\d]+)\)|(?P<close>[)\]])|[^\\()\[\]:]+|:",
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_ROUND, _SQUARE = 1.1, 1 / 1.1


def weighted_pieces(text: str) -> list[tuple[str, float]]:
    """Takes a prompt apart into pieces of one weight each, in order; neighbours differ in weight."""
    pieces: list[tuple[str, float]] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}

    def multiply(start: int, factor: float) -> None:
        pieces[start:] = [(piece, weight * factor) for piece, weight in pieces[start:]]

    for part in _PART.finditer(text):
        word = part[0]
        if part["literal"]:
            pieces.append((part["literal"], 1.0))
        elif part["open"]:
            opened[word].append(len(pieces))
        elif part["weight"] and opened["("] and _NUMBER.fullmatch(part["weight"]):
            multiply(opened["("].pop(), float(part["weight"]))
        elif word == ")" and opened["("]:
            multiply(opened["("].pop(), _ROUND)
        elif word == "]" and opened["["]:
            multiply(opened["["].pop(), _SQUARE)
        else:
            pieces.append(("" if word == "\\" else word, 1.0))  # a lone backslash vanishes
    # Brackets that are never closed reach to the end.
    for start in opened["("]:
        multiply(start, _ROUND)
    for start in opened["["]:
        multiply(start, _SQUARE)
    return _merged(pieces) or [("", 1.0)]


def _merged(pieces: list[tuple[str, float]]) -> list[tuple[str, float]]:
    merged: list[tuple[str, float]] = []
    for piece, weight in pieces:
        if merged and merged[-1][1] == weight:
            merged[-1] = (merged[-1][0] + piece, weight)
        else:
            merged.append((piece, weight))
    return merged
