"""The keys of a dataset config as fields that a form can edit. No widgets here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import tomli as tomllib

from core.dataset.config import GENERAL, Fault, Place, style_of
from core.dataset.document import DatasetConfig
from core.dataset.keys import WORDS, Key, KeyKind, Level, Style, all_keys, keys_by_name
from core.dataset.statements import written_value
from core.errors import Problems
from core.job.model import Job
from core.text import Text
from gui.forms.described import Described
from gui.forms.fields import Shape, Stored

_SHAPES: Final[dict[KeyKind, Shape]] = {
    "flag": Shape.TRI_STATE,
    "choice": Shape.CHOICE,
    "folder": Shape.FOLDER,
    "file": Shape.FILE_OPEN,
}


@dataclass(frozen=True, slots=True)
class Inherited:
    """What holds where a table says nothing.

    Attributes:
        value: None where nothing does.
        origin: "dataset", "general", "job", or "" for sd-scripts' default.
    """

    value: object = None
    origin: str = ""


def style_at(config: DatasetConfig, place: Place, *, masked_loss: bool) -> Style:
    """How the captions of a table's dataset are found; "dreambooth" where its subsets contradict each other."""
    if place == GENERAL:
        return "dreambooth"
    subsets = [config.values(Place(place.dataset, number)) for number in range(config.subset_count(place.dataset))]
    return style_of(subsets, masked_loss=masked_loss) or "dreambooth"


def inherited(key: Key, config: DatasetConfig, place: Place, job: Job) -> Inherited:
    """What a table gets for a key from above: its dataset, `[general]`, the job, sd-scripts."""
    above: list[tuple[str, Place]] = []
    if place.subset >= 0 and "dataset" in key.levels:
        above.append(("dataset", Place(place.dataset)))
    if place != GENERAL and "general" in key.levels:
        above.append(("general", GENERAL))
    for origin, one in above:
        said = config.values(one).get(key.name)
        if said is not None:
            return Inherited(said, origin)
    said = job.options.get(key.option) if key.option else None
    return Inherited(key.default) if said is None else Inherited(said, "job")


@dataclass(frozen=True, slots=True)
class KeyField:
    """One key of a table.

    Attributes:
        spec: what is known of it; None for a key that sd-scripts does not know.
        name: in the file.
        above: what holds where the table says nothing.
        fault: what is wrong with it now.
    """

    spec: Key | None
    name: str
    above: Inherited
    fault: Callable[[str], Fault | None]

    @property
    def key(self) -> str:
        return f"dataset:{self.name}"

    @property
    def kind(self) -> KeyKind:
        """What it takes; a value of TOML where nobody knows."""
        return self.spec.kind if self.spec is not None else "table"

    @property
    def shape(self) -> Shape:
        return _SHAPES.get(self.kind, Shape.LINE)

    @property
    def choices(self) -> tuple[str, ...]:
        if self.shape is Shape.TRI_STATE:
            return ("True", "False")
        return self.spec.choices if self.spec is not None else ()

    @property
    def origin(self) -> str:
        return self.above.origin

    def get(self, job: Job) -> Stored:
        """What the job says, which holds where no table does."""
        return job.options.get(self.spec.option) if self.spec is not None and self.spec.option else None

    def put(self, job: Job, stored: Stored) -> Job:
        """A job that says so where no table does."""
        assert self.spec is not None and self.spec.option, "the job knows no such option"
        return job.with_option(self.spec.option, stored)

    def read(self, typed: str) -> Stored:
        if not typed:
            return None
        return cast("Stored", _read(self.kind, typed))

    def typed(self, stored: Stored) -> str:
        return "" if stored is None else _typed(self.kind, stored)

    def default(self) -> str | None:
        value = self.above.value
        return None if value is None or value == "" else _typed(self.kind, value)

    def problem(self, stored: Stored) -> Text | None:
        found = self.fault(self.name)
        return found.text if found is not None else None


def _read(kind: KeyKind, typed: str) -> object:
    """The value of typed text; what cannot be read is kept as the text, which the faults then name."""
    word = typed.strip()
    try:
        if kind == "flag":
            return {"True": True, "False": False}[word]
        if kind == "whole":
            return int(word)
        if kind == "float":
            return float(word)
        if kind == "number":
            return int(word) if word.lstrip("+-").isdecimal() else float(word)
        if kind in ("size", "range"):
            parts = word.strip("[]").replace(",", " ").split()
            numbers = [int(part) if kind == "size" else float(part) for part in parts]
            return numbers[0] if kind == "size" and len(numbers) == 1 else numbers if numbers else typed
        if kind == "table":
            return tomllib.loads(f"value = {word}")["value"]
    except (ValueError, KeyError):
        return typed
    return typed


def _typed(kind: KeyKind, value: object) -> str:
    if isinstance(value, str):
        # A text where none belongs is shown with its quotes: "4" is not 4.
        return value
    if isinstance(value, bool):
        return repr(value) if kind == "flag" else str(value).lower()
    if isinstance(value, list) and kind in ("size", "range"):
        return ", ".join(str(one) for one in cast("list[Any]", value))
    if isinstance(value, int | float):
        return repr(value)
    try:
        return written_value("value", value)
    except Problems:
        return str(value)


def describe_keys(
    config: DatasetConfig, place: Place, job: Job, *, masked_loss: bool, fault: Callable[[str], Fault | None]
) -> list[Described]:
    """The rows of a table: first what is in it that sd-scripts does not know, then its keys, the rarer ones folded.

    A key of another level comes first where somebody wrote it here, as what is not known does.
    """
    level: Level | None = place.level
    assert level is not None
    style = style_at(config, place, masked_loss=masked_loss)
    # The two keys that make a dataset one of another style have to be there before it is one.
    deciding = {"metadata_file", "conditioning_data_dir"} if masked_loss else {"metadata_file"}
    known = tuple(key for key in all_keys() if key.fits(level, style) or (level == "subset" and key.name in deciding))
    names = {key.name for key in known}
    said = config.values(place)
    rows = [_stray(name, fault) for name in said if name not in names and name != "subsets"]
    for key in sorted(known, key=lambda key: level != "subset" and "subset" in key.levels):  # a dataset's own come first
        field = KeyField(key, key.name, inherited(key, config, place, job), fault)
        rows.append(_described(key, field, said))
    return rows


def _described(key: Key, field: KeyField, said: Mapping[str, Any]) -> Described:
    listed = ", ".join(key.choices)
    kind = Text(f"one of: {listed}", f"次のいずれか: {listed}") if listed else WORDS[key.kind]
    common = key.common or key.name in said
    return Described(field=field, title=key.label, help=key.help, kind=kind, advanced=not common)


def _stray(name: str, fault: Callable[[str], Fault | None]) -> Described:
    known = keys_by_name().get(name)
    field = KeyField(known, name, Inherited(), fault)
    if known is not None:
        return Described(field=field, title=known.label, help=known.help, kind=WORDS[known.kind])
    unknown = Text("sd-scripts does not know this key.", "sd-scripts にないキーです。")
    return Described(field=field, help=unknown, kind=Text("a value of TOML", "TOML の値"))
