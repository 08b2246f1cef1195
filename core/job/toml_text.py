"""TOML text that two readers agree about: `toml`, with which sd-scripts reads, and `tomllib`, which follows the standard.

WORKAROUND: `toml` 0.10.2 writes some strings wrongly (control characters, DEL) and reads others wrongly without a
word: a text that begins with two quotation marks loses characters, `\\u005c` is unescaped twice, a list with a comma
and a quotation mark in one item falls apart. So each value is written in the plainest form that both readers read
back as the same value, and what no form can say is refused.
https://github.com/uiri/toml/issues/270, https://github.com/uiri/toml/issues/201
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import toml
import tomli as tomllib

from core.errors import CaddieError, Problems
from core.text import Text

_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
# What `toml` raises for text it cannot read: its own error is a ValueError, its bugs are the others.
_TOML_FAILS = (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError)


def write_document(document: dict[str, object]) -> str:
    """The text of a document: plain values first, then its tables.

    Args:
        document: keys with bool, int, float, str, lists of one of these, or tables of the same.

    Raises:
        Problems: values that no text can say such that both readers read the same; nothing is left out silently.
    """
    encoder = _Encoder()
    text = toml.dumps(document, encoder=encoder)
    heading = Text("This cannot be stored in a job file:", "ジョブファイルに保存できない値があります:")
    if encoder.problems:
        raise Problems(heading, encoder.problems)
    unread = _unlike(document, read_back(text))
    if unread:  # only a key can still be in the way
        listed = ", ".join(map(repr, unread))
        raise Problems(heading, [Text(f"the names {listed}", f"名前 {listed}")])
    return text


def read_back(text: str) -> tuple[dict[str, object], dict[str, object]]:
    """What `toml` and `tomllib` read, {} where one cannot read it."""
    results: list[dict[str, object]] = []
    for read in (toml.loads, tomllib.loads):
        try:
            results.append(cast("dict[str, object]", read(text)))
        except _TOML_FAILS:
            results.append({})
    return results[0], results[1]


def _unlike(document: Mapping[str, object], readings: tuple[dict[str, object], ...]) -> list[str]:
    """The keys at which a reading is not the document; all keys where a reading has more."""
    unlike: set[str] = set()
    for reading in readings:
        keys = set(document) if set(reading) - set(document) else set[str]()
        for key, value in document.items():
            if key not in reading or not _same(value, reading[key]):
                keys.add(key)
        unlike |= keys
    return sorted(unlike)


def _same(value: object, found: object) -> bool:
    if isinstance(value, Mapping):
        table = cast("Mapping[str, object]", value)
        return isinstance(found, dict) and not _unlike(table, (cast("dict[str, object]", found),))
    return same_value(even_numbers(value), found)


def read_document(text: str) -> dict[str, object]:
    """Reads a document as sd-scripts would; what only the standard's reader can read is read with that.

    Raises:
        CaddieError: not TOML; names the line.
    """
    try:
        return cast("dict[str, object]", toml.loads(text))
    except _TOML_FAILS as error:
        try:
            return tomllib.loads(text)
        except (ValueError, RecursionError) as strict_error:  # also a number of 5,000 digits, 1,000 lists in each other
            raise _unreadable(text, error, strict_error) from error


def _unreadable(text: str, error: Exception, strict_error: ValueError | RecursionError) -> CaddieError:
    line = getattr(error, "lineno", None)
    words = str(strict_error)
    if "(at line " in words:
        line = int(words.rpartition("(at line ")[2].split(",")[0])
        words = words.rpartition(" (at line ")[0]
    elif "end of document" in words:
        line = line or len(text.split("\n"))
        words = words.rpartition(" (at ")[0]
    if line is None:
        return CaddieError(Text(f"This is not TOML: {words}.", f"TOML として読めません: {words}"))
    lines = text.split("\n")
    shown = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return CaddieError(
        Text(f"Line {line} is not TOML: {words}.\n{shown}", f"{line} 行目を TOML として読めません: {words}\n{shown}")
    )


def same_value(one: object, other: object) -> bool:
    """Equality that tells True from 1 and 1 from 1.0, and in which NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        first, second = cast("list[object]", one), cast("list[object]", other)
        return len(first) == len(second) and all(map(same_value, first, second))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return one == other


if TYPE_CHECKING:
    _TomlEncoder = toml.TomlEncoder[dict[str, Any]]
else:
    _TomlEncoder = toml.TomlEncoder


class _Encoder(_TomlEncoder):
    """Writes values as `_forms` does. `problems` collects what could not be written."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[Text] = []

    def dump_value(self, v: object) -> str:
        value: object = even_numbers(v)
        for form in _forms(value):
            if _reads_back(form, value):
                return form
        self.problems.append(
            Text(f"{v!r} (sd-scripts would read something else)", f"{v!r} (sd-scripts が別の値として読み込んでしまいます)")
        )
        return '""'


def even_numbers(value: object) -> object:
    """Whole numbers in a list that holds real ones become real: `toml` refuses lists of two types."""
    if isinstance(value, list):
        items = cast("list[object]", value)
        kinds = {type(item) for item in items}
        if kinds == {int, float} and all(not isinstance(item, int) or float(item) == item for item in items):
            return [float(cast(float, item)) for item in items]
        return items
    return value


def _reads_back(form: str, value: object) -> bool:
    line = f"key = {form}\nnext = 1\n"
    try:
        found = toml.loads(line)
        if set(found) != {"key", "next"} or not same_value(found["key"], value):
            return False
        strict = tomllib.loads(line)
    except _TOML_FAILS:  # of tomllib, TOMLDecodeError is a ValueError
        return False
    return set(strict) == {"key", "next"} and same_value(strict["key"], value)


def _forms(value: object) -> Iterator[str]:
    """Ways to write a value, the plainest first. Each is tried until both readers agree."""
    if isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int):
        yield str(value)
    elif isinstance(value, float):
        yield repr(value)
    elif isinstance(value, (datetime.date, datetime.time)):  # only among keys kept for another version of Caddie
        yield value.isoformat()
    elif isinstance(value, str):
        yield from (form for form in (write(value) for write in _STRING_FORMS) if form is not None)
    elif isinstance(value, list):
        items = cast("list[object]", value)
        if not any(isinstance(item, str) for item in items):
            parts = [next(_forms(item), None) for item in items]
            if all(part is not None for part in parts):
                yield f"[{', '.join(part or '' for part in parts)}]"
        elif all(isinstance(item, str) for item in items):
            yield from _string_lists(cast("list[str]", items))


def _string_lists(items: list[str]) -> Iterator[str]:
    # Every item in the same form; then the plainest form of each alone, then each item in any form.
    for write in _STRING_FORMS:
        forms = [write(item) for item in items]
        if all(form is not None for form in forms):
            yield f"[{', '.join(form or '' for form in forms)}]"
    alone = [
        [form for form in (write(item) for write in _STRING_FORMS) if form and _reads_back(f"[{form}]", [item])] for item in items
    ]
    if all(alone):
        yield f"[{', '.join(forms[0] for forms in alone)}]"
        yield f"[{', '.join(forms[-1] for forms in alone)}]"


def _basic(text: str) -> str:
    return (
        '"'
        + "".join(_SHORT.get(letter, letter) if letter.isprintable() or letter in _SHORT else _escape(letter) for letter in text)
        + '"'
    )


def _literal(text: str) -> str | None:
    return f"'{text}'" if "'" not in text and text.isprintable() else None


def _escaped(text: str) -> str:
    # `toml` looks for commas and brackets before it looks at escapes, and stumbles over an escaped backslash
    # before a u when the text also has an escape like \u0001.
    pieces: list[str] = []
    for place, letter in enumerate(text):
        before_u = letter == "\\" and text[place + 1 : place + 2] == "u"
        special = letter in ",[]{}#'=" or not (letter.isprintable() or letter in _SHORT)
        pieces.append(_escape(letter) if before_u or special else _SHORT.get(letter, letter))
    return '"' + "".join(pieces) + '"'


def _triple_basic(text: str) -> str:
    return '""' + _basic(text) + '""'


def _triple_escaped(text: str) -> str:
    return '""' + _escaped(text) + '""'


def _escape(letter: str) -> str:
    point = ord(letter)
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


_STRING_FORMS: tuple[Callable[[str], str | None], ...] = (_basic, _literal, _escaped, _triple_basic, _triple_escaped)
