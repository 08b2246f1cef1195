"""One line of the history: what a run was and what came out, without its curves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from core.runs.outcome import Ending
from core.text import Text

Source = Literal["caddie", "tensorboard", "lora"]
SOURCES: Final[tuple[Source, ...]] = get_args(Source)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run.

    Attributes:
        folder: where everything about it lies.
        name: what a person calls it.
        created_at: when it was started, seconds since the epoch, by the clock of that moment.
        ending: where it stands.
        damage: what cannot be read in its folder; None where all is well.
        source: `caddie` for a run of its own, else where it was imported from.
        origin: what it was imported from, as a path; "" for a run of its own.
        engine, script: what trained it.
        optimizer: as `--optimizer_type` says; AdamW where nothing is said, as in sd-scripts.
        arguments: the optimizer's arguments, as written.
        rate: learning_rate, else the U-Net's; None where the job names none.
        scheduler: name of the scheduler; "constant" where nothing is said, as in sd-scripts.
        seed: None where the job names none.
        steps, total: optimizer steps done (0 where unknown), and asked for.
        loss: smoothed at the end (`core.history.ends`); NaN where the last one is not finite.
        validation_loss: the last one.
        d_lr: the last d*lr, the highest of the groups.
        steps_per_second: of a usual step; saving, samples and validation are left out.
        memory: peak in bytes.
        duration: seconds from start to end; None where unknown, or where the clock was set back meanwhile.
        tags, notes: the user's own words.
        alike: the same for runs whose jobs differ in nothing but their seed and the names of what they write; "" unknown.
    """

    folder: Path
    name: str
    created_at: float
    ending: Ending
    damage: Text | None = None
    source: Source = "caddie"
    origin: str = ""
    engine: str = ""
    script: str = ""
    optimizer: str = ""
    arguments: tuple[str, ...] = ()
    rate: float | None = None
    scheduler: str = ""
    seed: int | None = None
    steps: int = 0
    total: int | None = None
    loss: float | None = None
    validation_loss: float | None = None
    d_lr: float | None = None
    steps_per_second: float | None = None
    memory: float | None = None
    duration: float | None = None
    tags: tuple[str, ...] = ()
    notes: str = ""
    alike: str = ""

    @property
    def id(self) -> str:
        """Name of its folder: what the command line calls it."""
        return self.folder.name


def to_json(record: RunRecord) -> str:
    """One line for the index."""
    values = asdict(record)
    values["folder"], values["ending"] = str(record.folder), record.ending.value
    return json.dumps(values, ensure_ascii=False)


def from_json(line: str) -> RunRecord:
    """The record back.

    Raises:
        KeyError, TypeError, ValueError: it is not of this version's shape.
    """
    values = cast("dict[str, Any]", json.loads(line))
    return record_from(values)


def record_from(values: Mapping[str, Any]) -> RunRecord:
    """A record from plain values. Raises KeyError, TypeError or ValueError where they do not fit."""
    known = {field.name: values[field.name] for field in fields(RunRecord)}
    known["folder"], known["ending"] = Path(known["folder"]), Ending(known["ending"])
    known["damage"] = Text(**known["damage"]) if known["damage"] else None
    for name in ("arguments", "tags"):
        known[name] = tuple(known[name])
    return RunRecord(**known)
