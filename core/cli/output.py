"""Printing: tables for people, JSON for programs, sentences in the language of the system."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from core.text import Text, preferred_language


def say(text: Text) -> str:
    """The text in the user's language."""
    return text.in_language(preferred_language())


def note(text: Text | str) -> None:
    """A sentence for a person, on standard error, so that standard output stays data."""
    print(say(text) if isinstance(text, Text) else text, file=sys.stderr)


def plain(value: Any) -> Any:
    """The value as JSON can say it: dataclasses as objects, paths and enums as text, infinities and NaN as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def print_json(value: Any) -> None:
    """Prints one JSON document."""
    print(json.dumps(plain(value), ensure_ascii=False, indent=2))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table as wide as the terminal; in a pipe nothing is cut."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 400)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    console.print(table)


def print_facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Prints names and values, the values below each other and wrapped to the terminal."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text as Words

    facts = list(pairs)
    width = max(cell_len(name) for name, _ in facts) + 2
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    for name, value in facts:
        lead = name + " " * (width - cell_len(name))
        if sys.stdout.isatty():
            wrapped = Words(value).wrap(console, max(20, console.width - width))
            console.print(Words(lead) + (wrapped[0] if len(wrapped) else Words()))
            for line in wrapped[1:]:
                console.print(Padding(line, (0, 0, 0, width)))
        else:
            print(lead + value)
