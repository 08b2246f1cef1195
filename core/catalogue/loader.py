"""Reads resources/catalogue: one TOML file an optimizer, and the few files that all of them share.

The schema is described in docs/adding-an-optimizer.md. Nothing is skipped and nothing is guessed: an unknown key, a missing
one, a source or category nobody declared, a default outside its own limits or a name two optimizers claim are all
reported together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import tomli as tomllib

from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import Value
from core.catalogue.measured import FILE as MEASURED_FILE
from core.catalogue.measured import read_measured
from core.catalogue.parts import (
    dotted_path,
    look_up,
    read_fact,
    read_kind,
    read_logging,
    read_lr_method,
    read_old_form,
    read_requirement,
    read_schedulers,
    read_state_bytes,
)
from core.catalogue.scales import FILE as SCALES_FILE
from core.catalogue.scales import Scale, read_scale, read_scales
from core.catalogue.spec import (
    FAST_PACKAGE,
    ArgumentSpec,
    Category,
    Example,
    FastImplementation,
    LearningRate,
    Measured,
    Note,
    OptimizerSpec,
    Source,
)
from core.catalogue.table import Table
from core.errors import Problems, ValueProblem
from core.paths import RESOURCES
from core.text import Text

CATALOGUE_FOLDER = RESOURCES / "catalogue"
_PLACES_PER_CATEGORY = 1000
_HEADING = Text("The optimizer catalogue cannot be read:", "オプティマイザーのカタログを読み込めません:")


def load_catalogue(folder: Path = CATALOGUE_FOLDER) -> Catalogue:
    """Reads the whole catalogue.

    Args:
        folder: holds `_categories.toml`, `_sources.toml`, `_arguments.toml`, `_notes.toml`, one file an optimizer, and
            `_measured.toml` where something was measured, `_scales.toml` where rates are compared.

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
    measured = _measured(folder / MEASURED_FILE, {spec.id for _, spec in optimizers}, problems)
    if problems:
        raise Problems(_HEADING, problems)
    specs = [replace(spec, measured=measured.get(spec.id)) for _, spec in optimizers]
    return Catalogue(specs, list(shared.categories.values()))


def load_sources(folder: Path = CATALOGUE_FOLDER) -> Mapping[str, Source]:
    """Where statements come from, by key. Raises `Problems` with everything that is wrong in the file."""
    problems: list[Text] = []
    sources = _read_sources(folder, problems)
    if problems:
        raise Problems(_HEADING, problems)
    return sources


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the files that begin with an underscore declare."""

    categories: Mapping[str, Category]
    sources: Mapping[str, Source]
    arguments: Mapping[str, dict[str, object]]
    notes: Mapping[str, Note]
    scales: Mapping[str, Scale]


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
    sources = _read_sources(folder, problems)
    notes: dict[str, Note] = {}
    for key, table in _entries(folder / "_notes.toml", problems):
        source = look_up(table, "source", table.string("source"), sources)
        text = Text(table.string("en"), table.string("ja"))
        table.finish()
        if source is not None:
            notes[key] = Note(text=text, source=source)
    arguments: dict[str, dict[str, object]] = {}
    for key, table in _entries(folder / "_arguments.toml", problems):
        for forbidden in {"default", "like"}.intersection(table.keys):
            table.complain(f"'{forbidden}' cannot be shared.", f"'{forbidden}' は共有できません。")
        arguments[key] = {name: table.raw(name) for name in table.keys}
    path = folder / SCALES_FILE
    scales = read_scales(_entries(path, problems), sources) if path.exists() else {}
    return _Shared(categories, sources, arguments, notes, scales)


def _read_sources(folder: Path, problems: list[Text]) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    for key, table in _entries(folder / "_sources.toml", problems):
        sources[key] = Source(key=key, title=table.name("title"), link=table.optional_string("link"))
        table.finish()
    return sources


def _measured(path: Path, known: set[str], problems: list[Text]) -> Mapping[str, Measured]:
    if not path.exists():
        return {}
    table = _open(path, problems)
    return {} if table is None else read_measured(table, known)


def _entries(path: Path, problems: list[Text]) -> list[tuple[str, Table]]:
    table = _open(path, problems)
    return [] if table is None else list(table.named_tables())


_NO_SOURCE = Source(key="", title=Text("", ""))
_NO_CATEGORY = Category(id="", name=Text("", ""), order=0)


class _Reader:
    """Turns one table into one `OptimizerSpec`; wrong parts become placeholders and problems."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared

    def optimizer(self, table: Table) -> OptimizerSpec:
        name = table.string("id")
        category = look_up(table, "category", table.string("category"), self._shared.categories) or _NO_CATEGORY
        facts, state = table.table("facts"), table.table("state")
        spec = OptimizerSpec(
            id=name,
            name=table.optional_string("name") or name,
            category=category,
            order=category.order * _PLACES_PER_CATEGORY + table.integer("order"),
            optimizer_type=table.string("optimizer_type"),
            class_path=dotted_path(table, "class_path"),
            fixed_arguments=table.values("fixed_arguments"),
            aliases=table.strings("aliases"),
            mistaken_names=table.strings("mistaken_names"),
            summary=table.prose("summary"),
            pick_when=table.prose("pick_when"),
            homepage=read_fact(facts, "homepage"),
            background=read_fact(facts, "background"),
            low_precision=read_fact(facts, "low_precision"),
            since=read_fact(facts, "since"),
            wanted_arguments=read_fact(facts, "wanted_arguments"),
            other_options=read_fact(facts, "other_options"),
            requirements=tuple(read_requirement(item) for item in table.tables("requirements")),
            install_note=table.optional_prose("install_note"),
            old_forms=tuple(read_old_form(item) for item in table.tables("old_forms")),
            lr_method=read_lr_method(table),
            learning_rate=self._learning_rate(table.table("learning_rate")),
            schedulers=read_schedulers(table.table("schedulers")),
            arguments=tuple(self._argument(*pair) for pair in table.table("arguments").named_tables()),
            internal_arguments=self._internal_arguments(table.optional_table("internal_arguments")),
            logging=read_logging(table.table("logging")),
            state_bytes=read_state_bytes(state),
            state_note=state.prose("note"),
            cautions=tuple(self._note(item) for item in table.tables("cautions")),
            tips=tuple(self._note(item) for item in table.tables("tips")),
            needs_cuda=table.boolean("needs_cuda"),
            fast=self._fast(table.optional_table("fast")),
            scale=read_scale(table.optional_table("scale"), self._shared.scales),
        )
        for part in (facts, state, table):
            part.finish()
        _check_fast(table, spec)
        return spec

    def _internal_arguments(self, table: Table | None) -> dict[str, Text]:
        reasons: dict[str, Text] = {}
        for name in () if table is None else table.keys:
            note = look_up(table, "note", table.string(name), self._shared.notes) if table else None
            reasons[name] = note.text if note else Text("", "")
        return reasons

    def _source(self, table: Table) -> Source:
        return look_up(table, "source", table.string("source"), self._shared.sources) or _NO_SOURCE

    def _note(self, table: Table) -> Note:
        key = table.optional_string("shared")
        if key is not None:
            note = look_up(table, "note", key, self._shared.notes)
            table.finish()
            return note or Note(text=Text("", ""), source=_NO_SOURCE)
        note = Note(text=Text(table.string("en"), table.string("ja")), source=self._source(table))
        table.finish()
        return note

    def _fast(self, table: Table | None) -> FastImplementation | None:
        if table is None:
            return None
        fast = FastImplementation(
            optimizer_type=dotted_path(table, "optimizer_type"),
            equals=table.string("equals"),
            only_with=table.values("only_with"),
            requirements=tuple(read_requirement(item) for item in table.tables("requirements")),
            notes=tuple(self._note(item) for item in table.tables("notes")),
        )
        if not fast.optimizer_type.startswith(f"{FAST_PACKAGE}."):
            table.wrong("optimizer_type", f"a class of {FAST_PACKAGE}", f" {FAST_PACKAGE} のクラス")
        table.finish()
        return fast

    def _learning_rate(self, table: Table) -> LearningRate:
        rate = LearningRate(start=table.number("start"), reason=table.prose("reason"), source=self._source(table))
        table.finish()
        return rate

    def _argument(self, name: str, table: Table) -> ArgumentSpec:
        key = table.optional_string("like")
        shared = None if key is None else look_up(table, "argument", key, self._shared.arguments)
        table = table.merged_over(shared or {})
        table.has("like")
        spec = ArgumentSpec(
            name=name,
            kind=read_kind(table),
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


def _check_value(table: Table, spec: ArgumentSpec, key: str, value: Value) -> None:
    try:
        spec.check(value)
    except ValueProblem as problem:
        table.complain(f"'{key}' {value!r}: {problem.text.en}", f"'{key}' {value!r}: {problem.text.ja}")


def _check_fast(table: Table, spec: OptimizerSpec) -> None:
    """Conditions of the fast implementation have to be about arguments that there are, and values they can have."""
    for name, value in () if spec.fast is None else spec.fast.only_with.items():
        argument = spec.argument(name)
        if argument is None:
            table.complain(
                f"'fast.only_with' names an argument '{name}' that it does not have.",
                f"'fast.only_with' の '{name}' という引数はありません。",
            )
        else:
            _check_value(table, argument, "fast.only_with", value)


def _check_together(optimizers: list[tuple[str, OptimizerSpec]], problems: list[Text]) -> None:
    """No two optimizers may claim one id, one place in the table or one name on the command line."""
    owners: dict[tuple[str, object], str] = {}
    for file, spec in optimizers:
        claims: set[tuple[str, object]] = {("id", spec.id.casefold()), ("order", spec.order)}
        for name in (*spec.names, *spec.mistaken_names):
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
