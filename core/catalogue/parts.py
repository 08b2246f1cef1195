"""The parts of an optimizer's file that need nothing but their own table: cells, packages, schedulers, kinds of values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from core.catalogue.kinds import BoolKind, Kind, NumberKind, TextKind, TupleKind
from core.catalogue.spec import Fact, Knowledge, Logging, LrMethod, OldForm, Requirement, Schedulers
from core.catalogue.table import Table
from core.errors import nearest

_KINDS = ("bool", "int", "float", "text", "choice", "tuple")
_T = TypeVar("_T")


def look_up(table: Table, what: str, key: str, known: Mapping[str, _T]) -> _T | None:
    """The declared thing of that key; a problem with the nearest one where there is none."""
    found = known.get(key)
    if found is None and key:  # an empty key was already complained about
        near = nearest(key, known)
        hint_en = f" Did you mean '{near}'?" if near else ""
        hint_ja = f" '{near}' のことですか?" if near else ""
        table.complain(f"{what} '{key}' is not declared.{hint_en}", f"{what} '{key}' は定義されていません。{hint_ja}")
    return found


def dotted_path(table: Table, key: str) -> str:
    """A dotted path to a class."""
    path = table.string(key)
    if (path and not all(part.isidentifier() for part in path.split("."))) or path.count(".") < 1:
        table.wrong(key, "a dotted path to a class", "クラスへのドット区切りのパス")
    return path


def read_fact(table: Table, key: str) -> Fact:
    """One cell of the table."""
    value = table.raw(key)
    if value in ("unknown", "not-needed"):
        return Fact(knowledge=Knowledge(value))
    if isinstance(value, str):
        table.wrong(key, '"unknown", "not-needed" or a table with text or links', ' "unknown"、"not-needed"、テーブルのいずれか')
        return Fact(knowledge=Knowledge.UNKNOWN)
    part = table.optional_table(key)
    if part is None:
        return Fact(knowledge=Knowledge.UNKNOWN)
    fact = Fact(knowledge=Knowledge.KNOWN, text=part.name("text"), links=part.strings("links"))
    for link in fact.links:
        if not link.startswith(("https://", "http://")):
            part.wrong("links", "a list of web addresses", " Web アドレスのリスト")
    part.finish()
    return fact


def read_requirement(table: Table) -> Requirement:
    """One package."""
    requirement = Requirement(
        package=table.string("package"),
        module=table.string("module"),
        minimum=table.optional_string("minimum"),
        advised=table.optional_string("advised"),
        note=table.optional_prose("note"),
    )
    table.finish()
    return requirement


def read_old_form(table: Table) -> OldForm:
    """Another way to ask for the same optimizer."""
    options: dict[str, bool | str] = {}
    for name, value in table.values("options").items():
        if isinstance(value, (bool, str)):
            options[name] = value
        else:
            table.wrong(f"options.{name}", "true, false or a text", " true、false、文字列のいずれか")
    if not options:
        table.complain("'options' is missing or empty.", "'options' がないか、空です。")
    form = OldForm(options=options, note=table.prose("note"))
    table.finish()
    return form


def read_lr_method(table: Table) -> LrMethod:
    """Who sets the learning rate."""
    word = table.string("lr_method")
    known = {method.value: method for method in LrMethod}
    return look_up(table, "lr_method", word, known) or LrMethod.MANUAL


def read_schedulers(table: Table) -> Schedulers:
    """Which schedulers go with it."""
    schedulers = Schedulers(
        ignored=table.boolean("ignored"),
        ignored_when=table.values("ignored_when"),
        fits=table.strings("fits"),
        note=table.prose("note"),
    )
    if schedulers.ignored_when and not schedulers.ignored:
        table.complain("'ignored_when' needs 'ignored = true'.", "'ignored_when' には 'ignored = true' が必要です。")
    table.finish()
    return schedulers


def read_logging(table: Table) -> Logging:
    """Where its numbers are found."""
    logging = Logging(
        tags=table.strings("tags"),
        note=table.optional_prose("note"),
        d_key=table.optional_string("d_key"),
        effective_lr=table.string("effective_lr"),
    )
    table.finish()
    return logging


def read_state_bytes(table: Table) -> float | None:
    """State per parameter; None where unknown."""
    if table.raw("bytes") == "unknown":
        return None
    return table.optional_number("bytes")


def _number_kind(table: Table, *, whole: bool) -> NumberKind:
    return NumberKind(
        whole=whole,
        minimum=table.optional_number("minimum"),
        maximum=table.optional_number("maximum"),
        above_minimum=table.boolean("above_minimum"),
        below_maximum=table.boolean("below_maximum"),
    )


def read_kind(table: Table) -> Kind:
    """How an argument is typed, checked and written."""
    word = table.string("kind")
    if word in ("int", "float"):
        return _number_kind(table, whole=word == "int")
    if word == "tuple":
        item = table.string("item")
        if item and item not in ("int", "float"):
            table.wrong("item", '"int" or "float"', ' "int" か "float" ')
        return TupleKind(item=_number_kind(table, whole=item == "int"), length=table.optional_integer("length"))
    if word in ("text", "choice"):
        choices = table.strings("choices")
        if bool(choices) != (word == "choice"):
            table.complain('"choice" needs choices, "text" has none.', '"choice" には choices が必要で、"text" には不要です。')
        return TextKind(choices=choices)
    look_up(table, "kind", word, dict.fromkeys(_KINDS, True))
    return BoolKind()
