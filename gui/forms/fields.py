"""What a form edits: one object per field, between the text somebody typed and the value in the job.

A field never loses input. What cannot be read is stored in the job as the very text that was typed, and `problem` says
in words why it will not do; so a bad value survives undo, saving and a change of page, and cannot start a training.
No Qt here: editors ask these objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, runtime_checkable

from core.catalogue.kinds import BoolKind, TextKind, from_literal, literal
from core.catalogue.spec import ArgumentSpec
from core.errors import ValueProblem
from core.job.check import argument_problem, literal_problem, option_problem
from core.job.model import Job
from core.options.check import FLAG, NUMBERS, check_option
from core.options.model import Option, OptionKind, OptionValue
from core.text import Text

Stored = OptionValue | None
"""What the job holds for a field: None is "not said", so that sd-scripts' or the optimizer's default counts."""


class Shape(str, Enum):
    """Which kind of editor a field wants."""

    LINE = "line"
    TRI_STATE = "tri-state"
    CHOICE = "choice"
    SUGGEST = "suggest"  # free text with suggestions
    FILE_OPEN = "file-open"
    FILE_SAVE = "file-save"
    FOLDER = "folder"
    LINES = "lines"  # several texts, one a line
    SEED = "seed"  # a whole number with a dice


class Field(Protocol):
    """One thing that a form edits."""

    @property
    def key(self) -> str:
        """Unique within a page: `argument:betas`, `option:learning_rate`."""
        ...

    @property
    def name(self) -> str:
        """The name as sd-scripts or the optimizer spells it."""
        ...

    @property
    def shape(self) -> Shape:
        """The editor it wants."""
        ...

    @property
    def choices(self) -> tuple[str, ...]:
        """Typed forms to choose from (CHOICE) or to suggest (SUGGEST)."""
        ...

    def get(self, job: Job) -> Stored:
        """What the job says."""
        ...

    def put(self, job: Job, stored: Stored) -> Job:
        """A job that says `stored`."""
        ...

    def read(self, typed: str) -> Stored:
        """Reads typed text; nothing typed is None, and what cannot be read is kept as the text."""
        ...

    def typed(self, stored: Stored) -> str:
        """The text that stands for `stored` in an editor ("" for None)."""
        ...

    def default(self) -> str | None:
        """The typed form of the default, None where there is none."""
        ...

    def problem(self, stored: Stored) -> Text | None:
        """Why `stored` will not do, or None."""
        ...


@runtime_checkable
class Inheriting(Protocol):
    """A field whose default is a value from elsewhere."""

    @property
    def origin(self) -> str:
        """Where from: "general", "dataset" or "job"; "" where it is a default all the same."""
        ...


@dataclass(frozen=True, slots=True)
class ArgumentField:
    """One argument of the optimizer; the job holds the literal after `name=`."""

    spec: ArgumentSpec

    @property
    def key(self) -> str:
        return f"argument:{self.spec.name}"

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def shape(self) -> Shape:
        kind = self.spec.kind
        if isinstance(kind, BoolKind):
            return Shape.TRI_STATE
        if isinstance(kind, TextKind) and kind.choices:
            return Shape.CHOICE
        return Shape.LINE

    @property
    def choices(self) -> tuple[str, ...]:
        kind = self.spec.kind
        none = ("None",) if self.spec.nullable else ()
        if isinstance(kind, BoolKind):
            return ("True", "False", *none)
        if isinstance(kind, TextKind):
            return (*kind.choices, *none)
        return ()

    def get(self, job: Job) -> Stored:
        return job.arguments.get(self.spec.name)

    def put(self, job: Job, stored: Stored) -> Job:
        assert stored is None or isinstance(stored, str)
        return job.with_argument(self.spec.name, stored)

    def read(self, typed: str) -> Stored:
        if not typed.strip():
            return None
        try:
            return literal(self.spec.parse(typed))
        except ValueProblem:
            return typed.strip()  # a blank at the end is still being typed on

    def typed(self, stored: Stored) -> str:
        if stored is None:
            return ""
        assert isinstance(stored, str)
        try:
            value = from_literal(stored)
            self.spec.check(value)
        except ValueProblem:
            return stored
        shown = self.spec.show(value)
        # A text such as 'None' or '' would be read back as something else: its literal says what it is.
        return shown if self.read(shown) == literal(value) else literal(value)

    def default(self) -> str | None:
        return self.spec.show(self.spec.default)

    def problem(self, stored: Stored) -> Text | None:
        if stored is None:
            return None
        assert isinstance(stored, str)
        return argument_problem(self.spec, stored)


@dataclass(frozen=True, slots=True)
class LooseArgumentField:
    """An argument that nobody described: any Python literal."""

    argument: str

    @property
    def key(self) -> str:
        return f"argument:{self.argument}"

    @property
    def name(self) -> str:
        return self.argument

    @property
    def shape(self) -> Shape:
        return Shape.LINE

    @property
    def choices(self) -> tuple[str, ...]:
        return ()

    def get(self, job: Job) -> Stored:
        return job.arguments.get(self.argument)

    def put(self, job: Job, stored: Stored) -> Job:
        assert stored is None or isinstance(stored, str)
        return job.with_argument(self.argument, stored)

    def read(self, typed: str) -> Stored:
        return typed.strip() or None

    def typed(self, stored: Stored) -> str:
        return "" if stored is None else str(stored)

    def default(self) -> str | None:
        return None

    def problem(self, stored: Stored) -> Text | None:
        return None if stored is None else literal_problem(str(stored))


@dataclass(frozen=True, slots=True)
class OptionField:
    """One option of the script.

    Attributes:
        option: what the script's parser says.
        wanted: an editor that the main form asks for, None for the one that follows from the option.
        suggestions: values to suggest for free text.
    """

    option: Option
    wanted: Shape | None = None
    suggestions: tuple[str, ...] = field(default=())

    @property
    def key(self) -> str:
        return f"option:{self.option.name}"

    @property
    def name(self) -> str:
        return self.option.name

    @property
    def shape(self) -> Shape:
        option = self.option
        if option.kind in (OptionKind.FLAG, OptionKind.OFF_FLAG):
            return Shape.TRI_STATE
        if option.choices and not option.is_list:
            return Shape.CHOICE
        if option.is_list:
            return Shape.LINES if option.kind in (OptionKind.TEXT, OptionKind.PATH) else Shape.LINE
        if self.wanted is not None:
            return self.wanted
        if self.suggestions:
            return Shape.SUGGEST
        return Shape.FILE_OPEN if option.kind is OptionKind.PATH else Shape.LINE

    @property
    def choices(self) -> tuple[str, ...]:
        if self.shape is Shape.TRI_STATE:
            return ("True", "False")
        if self.option.choices:
            return tuple(str(choice) for choice in self.option.choices)
        return self.suggestions

    def get(self, job: Job) -> Stored:
        return job.options.get(self.option.name)

    def put(self, job: Job, stored: Stored) -> Job:
        return job.with_option(self.option.name, stored)

    def read(self, typed: str) -> Stored:
        if not typed or (not typed.strip() and not self._is_text):
            return None
        try:
            return _parse_option(self.option, typed)
        except ValueProblem:
            return typed

    @property
    def _is_text(self) -> bool:
        # A blank is a value for a text (`caption_separator`), and nothing for everything else.
        return not self.option.is_list and self.option.kind in (OptionKind.TEXT, OptionKind.PATH)

    def typed(self, stored: Stored) -> str:
        return "" if stored is None else show_option(self.option, stored)

    def default(self) -> str | None:
        default = self.option.default
        return None if default is None or default == "" else show_option(self.option, default)

    def problem(self, stored: Stored) -> Text | None:
        return None if stored is None else option_problem(self.option, stored)


def _parse_one(option: Option, word: str) -> bool | int | float | str:
    if option.kind in (OptionKind.FLAG, OptionKind.OFF_FLAG):
        return bool(FLAG.parse(word))
    kind = NUMBERS.get(option.kind)
    if kind is None:
        return word
    percent = option.kind is OptionKind.INT_OR_FLOAT and word.strip().endswith("%")
    value = kind.parse(word.strip().removesuffix("%") if percent else word)
    assert isinstance(value, (int, float))
    if percent:
        return float(value) / 100.0  # as sd-scripts' int_or_float does
    return float(value) if option.kind is OptionKind.FLOAT else value


def _parse_option(option: Option, typed: str) -> OptionValue:
    if not option.is_list:
        value = _parse_one(option, typed)
    elif option.kind in NUMBERS:
        value = [_parse_one(option, word) for word in typed.replace(",", " ").split()]
    else:
        value = [line for line in typed.splitlines() if line.strip()]
    check_option(option, value)  # pyright: ignore[reportArgumentType]
    return value  # pyright: ignore[reportReturnType]


def show_option(option: Option, value: OptionValue) -> str:
    """The text that stands for an option's value: lists of texts have one a line, numbers stand between spaces."""
    if isinstance(value, list):
        between = " " if option.kind in NUMBERS else "\n"
        return between.join(_show_one(item) for item in value)
    return _show_one(value)


def _show_one(value: bool | int | float | str) -> str:
    return value if isinstance(value, str) else repr(value)
