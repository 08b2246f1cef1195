"""Reads one TOML table strictly: every wrong, missing or unknown key becomes a sentence, and reading goes on.

A reader that stops at the first mistake makes people mend a file one start at a time. This one gathers what is wrong
in a list that all tables of a load share; the values it returns in the meantime are placeholders nobody will see,
because `core.catalogue.loader` raises the gathered problems before it hands anything out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import cast

from core.catalogue.kinds import Value
from core.errors import nearest
from core.text import Text, same

_BLANK = Text("", "")


class Table:
    """One TOML table, the place it was found, and the shared list of problems."""

    def __init__(self, data: dict[str, object], place: tuple[str, ...], problems: list[Text]) -> None:
        self._place = place
        self._data = data
        self._problems = problems
        self._asked: set[str] = set()

    @property
    def where(self) -> str:
        """File and path inside it, for sentences: `adamw.toml [arguments] [betas]`, `adamw.toml [tips 2]`."""
        file, *keys = self._place
        return " ".join([file, *(f"[{key}]" for key in keys)])

    def complain(self, en: str, ja: str) -> None:
        """Adds a problem of this table."""
        self._problems.append(Text(f"{self.where}: {en}", f"{self.where}: {ja}"))

    def has(self, key: str) -> bool:
        """Whether the key is there. Counts as knowing it."""
        self._asked.add(key)
        return key in self._data

    def raw(self, key: str, *, required: bool = True) -> object:
        """The value as TOML gave it; None where it is missing (a problem if required)."""
        self._asked.add(key)
        if key not in self._data and required:
            self.complain(f"the key '{key}' is missing.", f"キー '{key}' がありません。")
        return self._data.get(key)

    def finish(self) -> None:
        """Complains about every key that nobody asked for. Call when all keys were read."""
        for key in self._data:
            if key not in self._asked:
                near = nearest(key, self._asked - self._data.keys()) or nearest(key, self._asked)
                hint_en = f" Did you mean '{near}'?" if near else ""
                hint_ja = f" '{near}' のことですか?" if near else ""
                self.complain(f"unknown key '{key}'.{hint_en}", f"不明なキー '{key}' です。{hint_ja}")

    def wrong(self, key: str, needs_en: str, needs_ja: str) -> None:
        """Complains that a key holds the wrong sort of thing."""
        self.complain(f"'{key}' must be {needs_en}.", f"'{key}' は{needs_ja}で書きます。")

    def string(self, key: str) -> str:
        """A text that is not empty."""
        return self.optional_string(key, required=True) or ""

    def optional_string(self, key: str, *, required: bool = False) -> str | None:
        value = self.raw(key, required=required)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            self.wrong(key, "a text that is not empty", "空でない文字列")
            return None
        return value

    def boolean(self, key: str, default: bool = False) -> bool:
        value = self.raw(key, required=False)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(key, "true or false", "true か false ")
            return default
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        value = self.optional_number(key, required=True)
        return 0.0 if value is None else value

    def optional_number(self, key: str, *, required: bool = False) -> float | None:
        value = self.raw(key, required=required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            self.wrong(key, "a number", "数値")
            return None
        return value

    def integer(self, key: str) -> int:
        value = self.optional_integer(key, required=True)
        return 0 if value is None else value

    def optional_integer(self, key: str, *, required: bool = False) -> int | None:
        value = self.raw(key, required=required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(key, "a whole number", "整数")
            return None
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty where the key is missing."""
        value = self.raw(key, required=False)
        if value is None:
            return ()
        items = cast("list[object]", value) if isinstance(value, list) else []
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in items):
            self.wrong(key, "a list of texts", "文字列のリスト")
            return ()
        return tuple(cast("list[str]", items))

    def prose(self, key: str) -> Text:
        """A text in both languages."""
        return self.optional_prose(key, required=True) or _BLANK

    def optional_prose(self, key: str, *, required: bool = False) -> Text | None:
        table = self.optional_table(key, required=required)
        return None if table is None else table.spoken()

    def optional_name(self, key: str, *, required: bool = False) -> Text | None:
        """A text in both languages, or a plain text that is the same in both (a name, a command)."""
        if isinstance(self._data.get(key), str):
            plain = self.optional_string(key)
            return None if plain is None else same(plain)
        return self.optional_prose(key, required=required)

    def name(self, key: str) -> Text:
        return self.optional_name(key, required=True) or _BLANK

    def spoken(self) -> Text:
        """This very table as a text: the keys `en` and `ja`, and no others."""
        text = Text(self.string("en"), self.string("ja"))
        self.finish()
        return text

    def table(self, key: str) -> Table:
        return self.optional_table(key, required=True) or Table({}, (*self._place, key), [])

    def optional_table(self, key: str, *, required: bool = False) -> Table | None:
        value = self.raw(key, required=required)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong(key, "a table", "テーブル")
            return None
        return Table(cast("dict[str, object]", value), (*self._place, key), self._problems)

    def tables(self, key: str) -> Iterator[Table]:
        """The tables of an array of tables (`[[key]]`); none where the key is missing."""
        value = self.raw(key, required=False)
        if value is None:
            return
        if not isinstance(value, list):
            self.wrong(key, f"a list of tables ([[{key}]])", f"テーブルの配列 ([[{key}]]) ")
            return
        for number, item in enumerate(cast("list[object]", value), start=1):
            if isinstance(item, dict):
                yield Table(cast("dict[str, object]", item), (*self._place, f"{key} {number}"), self._problems)
            else:
                self.wrong(key, f"a list of tables ([[{key}]])", f"テーブルの配列 ([[{key}]]) ")

    def named_tables(self) -> Iterator[tuple[str, Table]]:
        """Every key of this table as a table of its own, in the order of the file."""
        for key in self._data:
            table = self.optional_table(key, required=True)
            if table is not None:
                yield key, table

    def value(self, key: str) -> Value:
        """What an optimizer argument can be. TOML has no None: it is written `{none = true}`; a tuple is a list."""
        return self._as_value(key, self.raw(key))

    def values(self, key: str) -> dict[str, Value]:
        """A table of such values; empty where the key is missing."""
        table = self.optional_table(key)
        return {} if table is None else {name: table.value(name) for name in table._data}

    def _as_value(self, key: str, value: object) -> Value:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if value == {"none": True}:
            return None
        if isinstance(value, list):
            items = cast("list[object]", value)
            if all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in items):
                return tuple(cast("list[float | int]", items))
        self.wrong(
            key,
            "true, false, a number, a text, a list of numbers or {none = true}",
            " true、false、数値、文字列、数値のリスト、{none = true} のいずれか",
        )
        return None

    def merged_over(self, shared: dict[str, object]) -> Table:
        """A copy where missing keys come from `shared`."""
        return Table({**shared, **self._data}, self._place, self._problems)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that are there."""
        return tuple(self._data)
