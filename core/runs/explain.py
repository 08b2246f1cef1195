"""What a known error means and what to do about it: resources/messages/explanations.toml."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import tomli as tomllib

from core.errors import CaddieError, Problems
from core.paths import RESOURCES
from core.text import Text

EXPLANATIONS = RESOURCES / "messages" / "explanations.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One known error.

    Attributes:
        id: unique name.
        pattern: found in the line of the error, or in a line before it.
        anywhere: the pattern is looked for in the whole tail, not only in the error.
        meaning: what it means; `{0}`, `{1}`, … are the pattern's groups.
        advice: what to do.
    """

    id: str
    pattern: re.Pattern[str]
    anywhere: bool
    meaning: Text
    advice: Text


@lru_cache(maxsize=4)
def load_explanations(path: Path = EXPLANATIONS) -> tuple[Explanation, ...]:
    """Reads the file, strictly.

    Raises:
        Problems: unknown or missing keys, a pattern that is none, a field without a group: all at once.
    """
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    problems: list[str] = []
    found: list[Explanation] = []
    for number, entry in enumerate(data.get("explanation", []), 1):
        try:
            found.append(_read(entry))
        except (KeyError, TypeError, ValueError, re.error, IndexError) as error:
            problems.append(f"{path.name}, entry {number} ({entry.get('id', '?')}): {error!r}")
    names = [item.id for item in found]
    problems += [f"{path.name}: {name} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    if problems:
        heading = Text("The explanations of errors are damaged.", "エラー説明ファイルに誤りがあります。")
        raise Problems(heading, [Text(problem, problem) for problem in problems])
    return tuple(found)


def _read(entry: dict[str, Any]) -> Explanation:
    unknown = entry.keys() - {"id", "pattern", "anywhere", "meaning", "advice"}
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    explanation = Explanation(
        id=entry["id"],
        pattern=re.compile(entry["pattern"]),
        anywhere=entry.get("anywhere", False),
        meaning=Text(**entry["meaning"]),
        advice=Text(**entry["advice"]),
    )
    blanks = [""] * explanation.pattern.groups
    for text in (explanation.meaning, explanation.advice):
        _fill(text, blanks)
    return explanation


def _fill(text: Text, groups: Iterable[str | None]) -> Text:
    values = ["" if value is None else value for value in groups]
    return Text(text.en.format(*values), text.ja.format(*values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What is known about a log.

    Attributes:
        line: the line that was explained.
        id: of the explanation.
        meaning, advice: what it means and what to do.
    """

    line: str
    id: str
    meaning: Text
    advice: Text


def explain_lines(error: str, tail: Iterable[str] = (), *, path: Path = EXPLANATIONS) -> Explained | None:
    """The explanation of an error, or None where it is not known.

    The line of the error comes first: only where nothing is known about it, a line before it may tell the cause.
    Of several entries that fit the first one wins.

    Args:
        error: the line that matters; may be "".
        tail: the last lines of the log.
        path: the file of explanations.
    """
    try:
        known = load_explanations(path)
    except (CaddieError, OSError, ValueError):
        return None  # a damaged file must not hide how a training ended; a test keeps the shipped one whole
    if error:
        for entry in known:
            if (match := entry.pattern.search(error)) is not None:
                return _explained(entry, match, error)
    lines = tuple(tail)
    for entry in known:
        if not entry.anywhere:
            continue
        for line in reversed(lines):
            if (match := entry.pattern.search(line)) is not None:
                return _explained(entry, match, line.strip())
    return None


def explain(error: str, tail: Iterable[str] = (), *, path: Path = EXPLANATIONS) -> tuple[Text, Text] | None:
    """What the error means and what to do; see `explain_lines`."""
    found = explain_lines(error, tail, path=path)
    return None if found is None else (found.meaning, found.advice)


def _explained(entry: Explanation, match: re.Match[str], line: str) -> Explained:
    groups = match.groups()
    return Explained(line=line, id=entry.id, meaning=_fill(entry.meaning, groups), advice=_fill(entry.advice, groups))
