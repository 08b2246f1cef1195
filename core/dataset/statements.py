"""A TOML text cut into its statements, so that each can be moved or replaced and all the others stay as they are.

What a value is, the well-kept reader says (`tomli`): a statement ends at the first line at which it can be read alone.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import tomli as tomllib

from core.errors import Problems
from core.job.toml_text import read_back, same_value, write_document
from core.text import Text

Kind = Literal["line", "key", "header"]


@dataclass(frozen=True, slots=True)
class Statement:
    """A few lines of the text.

    Attributes:
        kind: a comment or an empty line; a key with its value; the header of a table.
        text: with its newline.
        said: what it says when it is read alone.
    """

    kind: Kind
    text: str
    said: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The first word of the key or of the header; "" of a comment."""
        return next(iter(self.said), "")


def statements(text: str) -> Iterator[Statement]:
    """The statements of a valid TOML; joined they are the text.

    Args:
        text: with newlines alone at the ends of lines.
    """
    waiting = ""
    for line in io.StringIO(text, newline="\n"):  # str.splitlines would end a line at a form feed or U+2028 too
        if not waiting and (not line.strip() or line.lstrip().startswith("#")):
            yield Statement("line", line, {})
            continue
        waiting += line
        try:
            said = tomllib.loads(waiting)
        except tomllib.TOMLDecodeError:
            continue
        yield Statement("header" if waiting.lstrip().startswith("[") else "key", waiting, said)
        waiting = ""
    assert not waiting, "the text is no TOML"


def replaced(statement: Statement, value: object) -> Statement:
    """The same key with another value; what stands before it and a comment behind it stay.

    Raises:
        Problems: sd-scripts would read something else, however the value is written.
    """
    name, text = statement.key, statement.text
    before = next(place for place, letter in enumerate(text) if letter == "=" and _reads(f"{text[:place]}= 0"))
    written = written_value(name, value)
    gap = text[before + 1 :][: len(text[before + 1 :]) - len(text[before + 1 :].lstrip(" \t"))] or " "
    return _statement(f"{text[:before]}={gap}{written}{_comment(text)}")


def renamed(statement: Statement, name: str) -> Statement:
    """Another key with the same value; what stands behind it stays."""
    text = statement.text
    before = next(place for place, letter in enumerate(text) if letter == "=" and _reads(f"{text[:place]}= 0"))
    head = text[:before]
    indent, gap = head[: len(head) - len(head.lstrip(" \t"))], head[len(head.rstrip(" \t")) :]
    return _statement(f"{indent}{_bare(name)}{gap}{text[before:]}")


def new_statement(name: str, value: object, indent: str = "") -> Statement:
    """A key with its value.

    Raises:
        Problems: sd-scripts would read something else, however it is written.
    """
    return _statement(f"{indent}{_bare(name)} = {written_value(name, value)}\n")


def _statement(text: str) -> Statement:
    return Statement("key", text, tomllib.loads(text))


def _reads(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _comment(text: str) -> str:
    """What stands behind the value, and the newline."""
    value = tomllib.loads(text)
    for place, letter in enumerate(text):
        if letter == "#" and _reads(text[:place]) and tomllib.loads(text[:place]) == value:
            bare = text[:place].rstrip(" \t")
            return text[len(bare) :]
    return "\n"


def _bare(name: str) -> str:
    """A key as it is written, quoted where it has to be."""
    return write_document({name: 0}).rpartition("=")[0].strip()


def written_value(name: str, value: object) -> str:
    """A value such that the standard's reader and sd-scripts' agree about it.

    Raises:
        Problems: no way of writing it does that.
    """
    if isinstance(value, Mapping):
        parts = (f"{_bare(key)} = {written_value(key, one)}" for key, one in cast("Mapping[str, object]", value).items())
        text = f"{{ {', '.join(parts)} }}" if value else "{}"
        readings = read_back(f"{_bare(name)} = {text}\nnext = 1\n")
        if not all(reading.get(name) == value and reading.get("next") == 1 for reading in readings):
            raise Problems(
                Text("This cannot be written into a dataset config:", "データセット設定ファイルに書けない値があります:"),
                [Text(f"{name} = {value!r}", f"{name} = {value!r}")],
            )
        return text
    if isinstance(value, str) and "\\" in value:  # a Windows path is easier to read in single quotes
        plain = f"'{value}'"
        if all(same_value(reading.get("key"), value) for reading in read_back(f"key = {plain}\n")):
            return plain
    return write_document({"key": value}).partition("=")[2].strip()
