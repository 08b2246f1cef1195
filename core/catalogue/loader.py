"""Reads resources/catalogue: one TOML file an optimizer, and the few files that all of them share.

The schema is described in docs/adding-an-optimizer.md. Nothing is skipped and nothing is guessed: an unknown key, a missing
one, a source or category nobody declared, a default outside its own limits or a name two optimizers claim are all
reported together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import tomli as tomllib

from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import BoolKind, Kind, NumberKind, TextKind, TupleKind, Value
from core.catalogue.spec import (
    ArgumentSpec,
    Category,
    Example,
    Fact,
    Knowledge,
    LearningRate,
    Logging,
    LrMethod,
    Note,
    OldForm,
    OptimizerSpec,
    Requirement,
    Schedulers,
    Source,
)
from core.catalogue.table import Table
from core.errors import Problems, ValueProblem, nearest
from core.paths import RESOURCES
from core.text import Text

CATALOGUE_FOLDER = RESOURCES / "catalogue"
_PLACES_PER_CATEGORY = 1000
_HEADING = Text("The optimizer catalogue cannot be read:", "オプティマイザーのカタログを読み込めません:")
_KINDS = ("bool", "int", "float", "text", "choice", "tuple")
_T = TypeVar("_T")


def load_catalogue(folder: Path = CATALOGUE_FOLDER) -> Catalogue:
    """Reads the whole catalogue.

    Args:
        folder: holds `_categories.toml`, `_sources.toml`, `_arguments.toml`, `_notes.toml` and one file an optimizer.

    Raises:
        Problems: everything that is wrong in any of the files, each with its file's name.
    """
    problems: list[Text] = []
    shared = _read_shared(folder, problems)
    optimizers: list[tuple[str, OptimizerSpec]] = []
    for path in sorted(folder.glob("[!_]*.toml")):
        table = _open(path, problems)
        if table is not None:
            optimizers.append((path.name, _Reader(shared).optimizer(table)))
    if not optimizers and not problems:
        problems.append(Text(f"{folder}: no optimizers here.", f"{folder}: オプティマイザーがありません。"))
    _check_together(optimizers, problems)
    if problems:
        raise Problems(_HEADING, problems)
    return Catalogue([spec for _, spec in optimizers], list(shared.categories.values()))


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the files that begin with an underscore declare."""

    categories: Mapping[str, Category]
    sources: Mapping[str, Source]
    arguments: Mapping[str, dict[str, object]]
    notes: Mapping[str, Note]


def _open(path: Path, problems: list[Text]) -> Table | None:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(Text(f"{path.name}: {error}", f"{path.name}: {error}"))
        return None
    return Table(cast("dict[str, object]", data), (path.name,), problems)


def _read_shared(folder: Path, problems: list[Text]) -> _Shared:
    categories: dict[str, Category] = {}
    for key, table in _entries(folder / "_categories.toml", problems):
        categories[key] = Category(id=key, name=table.name("name"), order=len(categories))
        table.finish()
    sources: dict[str, Source] = {}
    for key, table in _entries(folder / "_sources.toml", problems):
        sources[key] = Source(key=key, title=table.name("title"), link=table.optional_string("link"))
        table.finish()
    notes: dict[str, Note] = {}
    for key, table in _entries(folder / "_notes.toml", problems):
        source = _look_up(table, "source", table.string("source"), sources)
        text = Text(table.string("en"), table.string("ja"))
        table.finish()
        if source is not None:
            notes[key] = Note(text=text, source=source)
    arguments: dict[str, dict[str, object]] = {}
    for key, table in _entries(folder / "_arguments.toml", problems):
        for forbidden in {"default", "like"}.intersection(table.keys):
            table.complain(f"'{forbidden}' cannot be shared.", f"'{forbidden}' は共有できません。")
        arguments[key] = {name: table.raw(name) for name in table.keys}
    return _Shared(categories, sources, arguments, notes)


def _entries(path: Path, problems: list[Text]) -> list[tuple[str, Table]]:
    table = _open(path, problems)
    return [] if table is None else list(table.named_tables())


def _look_up(table: Table, what: str, key: str, known: Mapping[str, _T]) -> _T | None:
    """The declared thing of that key; a problem with the nearest one where there is none."""
    found = known.get(key)
    if found is None and key:  # an empty key was already complained about
        near = nearest(key, known)
        hint_en = f" Did you mean '{near}'?" if near else ""
        hint_ja = f" '{near}' のことですか?" if near else ""
        table.complain(f"{what} '{key}' is not declared.{hint_en}", f"{what} '{key}' は定義されていません。{hint_ja}")
    return found


_NO_SOURCE = Source(key="", title=Text("", ""))
_NO_CATEGORY = Category(id="", name=Text("", ""), order=0)


class _Reader:
    """Turns one table into one `OptimizerSpec`; wrong parts become placeholders and problems."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared

    def optimizer(self, table: Table) -> OptimizerSpec:
        name = table.string("id")
        category = _look_up(table, "category", table.string("category"), self._shared.categories) or _NO_CATEGORY
        facts, state = table.table("facts"), table.table("state")
        spec = OptimizerSpec(
            id=name,
            name=table.optional_string("name") or name,
            category=category,
            order=category.order * _PLACES_PER_CATEGORY + table.integer("order"),
            optimizer_type=table.string("optimizer_type"),
            class_path=_dotted(table, "class_path"),
            fixed_arguments=table.values("fixed_arguments"),
            aliases=table.strings("aliases"),
            mistaken_names=table.strings("mistaken_names"),
            summary=table.prose("summary"),
            pick_when=table.prose("pick_when"),
            homepage=_fact(facts, "homepage"),
            background=_fact(facts, "background"),
            low_precision=_fact(facts, "low_precision"),
            since=_fact(facts, "since"),
            wanted_arguments=_fact(facts, "wanted_arguments"),
            other_options=_fact(facts, "other_options"),
            requirements=tuple(_requirement(item) for item in table.tables("requirements")),
            install_note=table.optional_prose("install_note"),
            old_forms=tuple(_old_form(item) for item in table.tables("old_forms")),
            lr_method=_lr_method(table),
            learning_rate=self._learning_rate(table.table("learning_rate")),
            schedulers=_schedulers(table.table("schedulers")),
            arguments=tuple(self._argument(*pair) for pair in table.table("arguments").named_tables()),
            internal_arguments=self._internal_arguments(table.optional_table("internal_arguments")),
            logging=_logging(table.table("logging")),
            state_bytes=_state_bytes(state),
            state_note=state.prose("note"),
            cautions=tuple(self._note(item) for item in table.tables("cautions")),
            tips=tuple(self._note(item) for item in table.tables("tips")),
            needs_cuda=table.boolean("needs_cuda"),
        )
        for part in (facts, state, table):
            part.finish()
        return spec

    def _internal_arguments(self, table: Table | None) -> dict[str, Text]:
        reasons: dict[str, Text] = {}
        for name in () if table is None else table.keys:
            note = _look_up(table, "note", table.string(name), self._shared.notes) if table else None
            reasons[name] = note.text if note else Text("", "")
        return reasons

    def _source(self, table: Table) -> Source:
        return _look_up(table, "source", table.string("source"), self._shared.sources) or _NO_SOURCE

    def _note(self, table: Table) -> Note:
        key = table.optional_string("shared")
        if key is not None:
            note = _look_up(table, "note", key, self._shared.notes)
            table.finish()
            return note or Note(text=Text("", ""), source=_NO_SOURCE)
        note = Note(text=Text(table.string("en"), table.string("ja")), source=self._source(table))
        table.finish()
        return note

    def _learning_rate(self, table: Table) -> LearningRate:
        rate = LearningRate(start=table.number("start"), reason=table.prose("reason"), source=self._source(table))
        table.finish()
        return rate

    def _argument(self, name: str, table: Table) -> ArgumentSpec:
        key = table.optional_string("like")
        shared = None if key is None else _look_up(table, "argument", key, self._shared.arguments)
        table = table.merged_over(shared or {})
        table.has("like")
        spec = ArgumentSpec(
            name=name,
            kind=_kind(table),
            default=table.value("default"),
            nullable=table.boolean("nullable"),
            unit=table.optional_name("unit"),
            help=table.prose("help"),
            examples=tuple(self._example(item) for item in table.tables("examples")),
            advanced=table.boolean("advanced"),
        )
        table.finish()
        if table.has("default"):
            _check_value(table, spec, "default", spec.default)
        for example in spec.examples:
            _check_value(table, spec, "examples", example.value)
        return spec

    def _example(self, table: Table) -> Example:
        example = Example(value=table.value("value"), source=self._source(table), note=table.optional_prose("note"))
        table.finish()
        return example


def _dotted(table: Table, key: str) -> str:
    path = table.string(key)
    if (path and not all(part.isidentifier() for part in path.split("."))) or path.count(".") < 1:
        table.wrong(key, "a dotted path to a class", "クラスへのドット区切りのパス")
    return path


def _fact(table: Table, key: str) -> Fact:
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


def _requirement(table: Table) -> Requirement:
    requirement = Requirement(
        package=table.string("package"),
        module=table.string("module"),
        minimum=table.optional_string("minimum"),
        advised=table.optional_string("advised"),
        note=table.optional_prose("note"),
    )
    table.finish()
    return requirement


def _old_form(table: Table) -> OldForm:
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


def _lr_method(table: Table) -> LrMethod:
    word = table.string("lr_method")
    known = {method.value: method for method in LrMethod}
    return _look_up(table, "lr_method", word, known) or LrMethod.MANUAL


def _schedulers(table: Table) -> Schedulers:
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


def _logging(table: Table) -> Logging:
    logging = Logging(
        tags=table.strings("tags"),
        note=table.optional_prose("note"),
        d_key=table.optional_string("d_key"),
        effective_lr=table.string("effective_lr"),
    )
    table.finish()
    return logging


def _state_bytes(table: Table) -> float | None:
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


def _kind(table: Table) -> Kind:
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
    _look_up(table, "kind", word, dict.fromkeys(_KINDS, True))
    return BoolKind()


def _check_value(table: Table, spec: ArgumentSpec, key: str, value: Value) -> None:
    try:
        spec.check(value)
    except ValueProblem as problem:
        table.complain(f"'{key}' {value!r}: {problem.text.en}", f"'{key}' {value!r}: {problem.text.ja}")


def _check_together(optimizers: list[tuple[str, OptimizerSpec]], problems: list[Text]) -> None:
    """No two optimizers may claim one id, one place in the table or one name on the command line."""
    owners: dict[tuple[str, object], str] = {}
    for file, spec in optimizers:
        claims: set[tuple[str, object]] = {("id", spec.id.casefold()), ("order", spec.order)}
        for name in (spec.optimizer_type, *spec.aliases, *spec.mistaken_names):
            # sd-scripts compares bare names without case, dotted ones with it
            claims.add(("name", name if "." in name else name.lower()))
        clash = {name.lower() for name in spec.mistaken_names} & {spec.optimizer_type.lower()}
        if clash:
            listed = ", ".join(clash)
            problems.append(Text(f"{file}: {listed} is its right name.", f"{file}: {listed} は正しい名前です。"))
        for claim in sorted(claims, key=str):
            other = owners.setdefault(claim, file)
            if other != file:
                what, value = claim
                problems.append(
                    Text(
                        f"{file}: {what} '{value}' is already taken by {other}.",
                        f"{file}: {what} '{value}' は {other} で使われています。",
                    )
                )
