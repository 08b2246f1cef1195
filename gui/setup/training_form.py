"""The main form's groups as fields that the form can edit. No widgets here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.job.model import Job
from core.options.main_form import SCRIPT_FIELD, FormField, FormGroup
from core.options.model import Option, OptionSet
from core.text import Text, same
from gui.forms.described import NOTHING, Described, describe_option_kind
from gui.forms.fields import OptionField, Shape, Stored

_SHAPES = {
    "path-open": Shape.FILE_OPEN,
    "path-or-name": Shape.FILE_OPEN,
    "folder": Shape.FOLDER,
    "seed": Shape.SEED,
}
_ACTIONS = {"dataset_config": Text("Edit …", "編集…")}
_DEFAULT_SCRIPT = Job().script


@dataclass(frozen=True, slots=True)
class ScriptField:
    """Which script trains; the one field of the form that is no option."""

    scripts: tuple[str, ...]

    @property
    def key(self) -> str:
        return "script"

    @property
    def name(self) -> str:
        return "script"

    @property
    def shape(self) -> Shape:
        return Shape.CHOICE

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(script for script in self.scripts if script != _DEFAULT_SCRIPT)

    def get(self, job: Job) -> Stored:
        return None if job.script == _DEFAULT_SCRIPT else job.script

    def put(self, job: Job, stored: Stored) -> Job:
        return replace(job, script=_DEFAULT_SCRIPT if stored is None else str(stored))

    def read(self, typed: str) -> Stored:
        return None if typed in ("", _DEFAULT_SCRIPT) else typed

    def typed(self, stored: Stored) -> str:
        return "" if stored is None else str(stored)

    def default(self) -> str | None:
        return _DEFAULT_SCRIPT

    def problem(self, stored: Stored) -> Text | None:
        if stored is None or stored in self.scripts:
            return None
        return Text(
            f"There is no training script {stored} here. Its options are not known.",
            f"学習スクリプト {stored} が見つからないため、オプションを確認できません。",
        )


@dataclass(frozen=True, slots=True)
class TrainingGroup:
    """One section of the form."""

    id: str
    title: Text
    fields: tuple[Described, ...]


def training_groups(groups: Sequence[FormGroup], options: OptionSet, scripts: Sequence[str]) -> list[TrainingGroup]:
    """The sections for a script; groups of which the script has nothing are left out."""
    found: list[TrainingGroup] = []
    for group in groups:
        fields = tuple(_describe(field, options, scripts) for field in group.fields if field.applies_to(options))
        if fields:
            found.append(TrainingGroup(group.id, group.title, fields))
    return found


def _describe(field: FormField, options: OptionSet, scripts: Sequence[str]) -> Described:
    if field.name == SCRIPT_FIELD:
        listed = Text("one of the scripts of sd-scripts", "sd-scripts の学習スクリプトのいずれか")
        return Described(field=ScriptField(tuple(scripts)), title=field.label, help=field.help, kind=listed)
    option = options.get(field.name)
    assert option is not None, "applies_to has looked"
    return Described(
        field=OptionField(option, _SHAPES.get(field.widget), field.suggestions),
        title=field.label,
        help=_joined(field.help, option),
        kind=describe_option_kind(option),
        unit=field.unit,
        advanced=field.advanced,
        has_effect=(lambda job: field.has_effect(job.options, options)) if field.when else None,
        action=_ACTIONS.get(field.name, NOTHING),
    )


def _joined(words: Text, option: Option) -> Text:
    if not option.help:
        return words
    # The script's own words stay as its author wrote them (many are in English and Japanese at once).
    return Text(f"{words.en}\n\n{option.help}", f"{words.ja}\n\n{option.help}")


def describe_any(option: Option, groups: Sequence[FormGroup], options: OptionSet) -> Described:
    """The description of any option: with the main form's words where it has some."""
    for group in groups:
        for field in group.fields:
            if field.name == option.name and options.get(option.name) is not None:
                return _describe(field, options, ())
    return Described(field=OptionField(option), help=same(option.help), kind=describe_option_kind(option))
