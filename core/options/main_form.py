"""The training's main form: which options come first, in which groups, with what words.

The words are Caddie's own, in `resources/options/main-form.toml`. Types, choices and defaults are not there: those come
from the script (`OptionSet`), so that a form never contradicts it.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

import tomli as tomllib

from core.errors import Problems, nearest
from core.options.model import OptionSet, OptionValue
from core.paths import RESOURCES
from core.text import Text

FORM_FILE = RESOURCES / "options" / "main-form.toml"

SCRIPT_FIELD: Final = "script"
"""The one field that is no option: which script trains (`Job.script`)."""

WIDGETS: Final = (
    "script",  # choice of the training script
    "path-open",  # an existing file
    "path-or-name",  # an existing file, an existing folder, or a name on Hugging Face
    "folder",  # a folder
    "text",  # one line
    "long-text",  # several words or sentences
    "choice",  # the option's own choices
    "suggest",  # free text with `suggestions`
    "number",  # an int or float
    "lr",  # a learning rate: powers of ten, never rounded
    "lr-list",  # several learning rates
    "list",  # several texts
    "switch",  # true or false
    "resolution",  # "1024" or "1024,768"
    "seed",  # a whole number, with a dice
)
"""Hints how a field is edited. What an editor does not know it shows as text."""


def _always() -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field.

    Attributes:
        name: the option's name (dest), or `script`.
        label: what stands beside the field.
        help: what it does, in a sentence or two.
        unit: short, None where there is none.
        widget: one of `WIDGETS`.
        scripts: patterns of the scripts it is meant for; a script that lacks the option does not show it anyway.
        suggestions: values to offer where any value is allowed.
        when: option -> values with which the field has an effect; empty where it always has. `""` stands for "not given".
        advanced: belongs below the fold.
    """

    name: str
    label: Text
    help: Text
    unit: Text | None = None
    widget: str
    scripts: tuple[str, ...] = ("*",)
    suggestions: tuple[str, ...] = ()
    when: Mapping[str, tuple[str, ...]] = field(default_factory=_always)
    advanced: bool = False

    def applies_to(self, options: OptionSet) -> bool:
        """Whether the form of this script shows the field."""
        known = self.name == SCRIPT_FIELD or options.get(self.name) is not None
        return known and any(fnmatch.fnmatchcase(options.script, pattern) for pattern in self.scripts)

    def has_effect(self, values: Mapping[str, OptionValue], options: OptionSet) -> bool:
        """Whether the field does anything beside these values (it may be shown dimmed where not)."""
        for name, wanted in self.when.items():
            option = options.get(name)
            value = values.get(name, option.default if option is not None else None)
            if ("" if value is None else str(value).lower()) not in {word.lower() for word in wanted}:
                return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class FormGroup:
    """Fields under one heading."""

    id: str
    title: Text
    fields: tuple[FormField, ...]


def load_main_form(path: Path = FORM_FILE) -> tuple[FormGroup, ...]:
    """Reads the form.

    Raises:
        Problems: unknown or missing keys, unknown widgets, an option in two places: everything at once.
        OSError, tomllib.TOMLDecodeError: the installation is damaged.
    """
    return _load(path)


@lru_cache(maxsize=4)
def _load(path: Path) -> tuple[FormGroup, ...]:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    reader = _FormReader(path.name)
    groups = tuple(reader.group(record) for record in cast("list[dict[str, Any]]", document.pop("group", [])))
    reader.refuse_keys(document, "the file")
    if reader.problems:
        raise Problems(Text(f"{path} is damaged:", f"{path} に誤りがあります:"), reader.problems)
    return groups


class _FormReader:
    """Turns records into groups and fields and remembers every problem."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: set[str] = set()
        self.problems: list[Text] = []

    def group(self, record: dict[str, Any]) -> FormGroup:
        name = str(record.pop("id", ""))
        where = f"[{name}]"
        title = self._text(record, "title", where)
        fields = tuple(self._field(entry, where) for entry in record.pop("field", []))
        self.refuse_keys(record, where)
        if not name or not fields:
            self._say(f"{where} needs an id and fields", f"{where} には id と field が必要です")
        return FormGroup(id=name, title=title, fields=fields)

    def _field(self, record: dict[str, Any], group: str) -> FormField:
        name = str(record.pop("name", ""))
        where = f"{group} {name}"
        if not name or name in self._seen:
            self._say(f"{where}: no name, or one used before", f"{where}: 名前がないか、重複しています")
        self._seen.add(name)
        widget = str(record.pop("widget", ""))
        if widget not in WIDGETS:
            near = nearest(widget, WIDGETS)
            self._say(f"{where}: unknown widget {widget!r} ({near}?)", f"{where}: 不明な widget {widget!r} ({near}?)")
        when = cast("dict[str, list[str]]", record.pop("when", {}))
        result = FormField(
            name=name,
            label=self._text(record, "label", where),
            help=self._text(record, "help", where),
            unit=self._text(record, "unit", where) if "unit" in record else None,
            widget=widget,
            scripts=tuple(record.pop("scripts", ["*"])),
            suggestions=tuple(record.pop("suggestions", [])),
            when=MappingProxyType({option: tuple(values) for option, values in when.items()}),
            advanced=bool(record.pop("advanced", False)),
        )
        self.refuse_keys(record, where)
        return result

    def _text(self, record: dict[str, Any], key: str, where: str) -> Text:
        value = record.pop(key, None)
        if isinstance(value, dict):
            words = cast("dict[str, object]", value)
            en, ja = words.get("en"), words.get("ja")
            if isinstance(en, str) and isinstance(ja, str) and en and ja and len(words) == 2:
                return Text(en, ja)
        self._say(f"{where}: {key} needs en and ja", f"{where}: {key} には en と ja が必要です")
        return Text("", "")

    def refuse_keys(self, record: dict[str, Any], where: str) -> None:
        """Says every key that nobody took."""
        for key in record:
            self._say(f"{where}: unknown key {key!r}", f"{where}: 不明なキー {key!r}")

    def _say(self, en: str, ja: str) -> None:
        self.problems.append(Text(f"{self._name}: {en}.", f"{self._name}: {ja}。"))
