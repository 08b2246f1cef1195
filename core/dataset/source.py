"""The text of a dataset config as it lies on the disk, and what sd-scripts' own libraries make of it."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import toml
import tomli as tomllib

from core.text import Text

_TOML_ERRORS: Final = (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError)
"""What the library `toml` raises at files that are none: mostly its own error, but it also trips over itself."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text.

    Attributes:
        text: without a byte order mark; newlines as they are in the file.
        encoding: "utf-8", "utf-8-sig" (with a byte order mark), "utf-16" or "cp932".
        is_json: read as JSON.
    """

    text: str
    encoding: str = "utf-8"
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a source says.

    Attributes:
        document: its tables; None where nobody can read it.
        problem: why sd-scripts cannot read it, or what it reads that others do not; None where all is well.
        stops: sd-scripts cannot read it.
    """

    document: dict[str, Any] | None
    problem: Text | None = None
    stops: bool = False


def read_source(path: Path) -> Source:
    """Reads a file in whatever it is encoded.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is no text.
    """
    return decode(path.read_bytes(), is_json=path.suffix.lower() == ".json")


def decode(content: bytes, *, is_json: bool = False) -> Source:
    """The text of a file's content.

    Raises:
        UnicodeDecodeError: it is no text.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Source(content.decode("utf-16"), "utf-16", is_json)
    if content.startswith(codecs.BOM_UTF8):
        return Source(content.decode("utf-8-sig"), "utf-8-sig", is_json)
    try:
        return Source(content.decode("utf-8"), "utf-8", is_json)
    except UnicodeDecodeError as error:
        try:
            return Source(content.decode("cp932"), "cp932", is_json)
        except UnicodeDecodeError:
            raise error from None


def parse(source: Source) -> Parsed:
    """Reads a source as sd-scripts does, and where that fails as the standard has it."""
    return _parse_json(source.text) if source.is_json else _parse_toml(source.text.replace("\r\n", "\n"))


def _parse_json(text: str) -> Parsed:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Parsed(None, Text(f"It is no JSON: {error}.", f"JSON として読めません: {error}。"), stops=True)
    if not isinstance(document, dict):
        return Parsed(None, Text("It is no JSON object.", "JSON のオブジェクトではありません。"), stops=True)
    return Parsed(document)


def _parse_toml(text: str) -> Parsed:
    standard: dict[str, Any] | None = None
    theirs: dict[str, Any] | None = None
    wrong = refused = ""
    try:
        standard = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        wrong = str(error)
    try:
        theirs = toml.loads(text)
    except _TOML_ERRORS as error:
        refused = str(error) or type(error).__name__
    if theirs is not None and standard is not None:
        return Parsed(theirs)
    if theirs is not None:
        odd = Text(
            f"sd-scripts reads it, but it is not valid TOML: {wrong}.",
            f"sd-scripts では読めますが、正しい TOML ではありません: {wrong}。",
        )
        return Parsed(theirs, odd)
    if standard is not None:
        old = Text(
            f"It is valid TOML, but the library that sd-scripts reads it with refuses it: {refused}.",
            f"TOML としては正しい形式ですが、sd-scripts が使うライブラリでは読めません: {refused}。",
        )
        return Parsed(standard, old, stops=True)
    hint = _about_backslashes(wrong)
    return Parsed(None, Text(f"It is no TOML: {wrong}.{hint.en}", f"TOML として読めません: {wrong}。{hint.ja}"), stops=True)


def _about_backslashes(message: str) -> Text:
    """Windows paths in double quotes are what goes wrong most."""
    if "\\" not in message and "hex value" not in message:
        return Text("", "")
    return Text(
        " A path with backslashes has to stand in single quotes: 'C:\\images'.",
        r"「\」を含むパスはシングルクォートで囲んでください: 'C:\images'。",
    )
