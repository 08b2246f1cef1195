"""The columns of the history: what a cell says and how it sorts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QCoreApplication

from core.catalogue.catalogue import Catalogue
from core.history.record import RunRecord, Source
from core.runs.outcome import Ending
from core.text import Language
from gui.run.words import duration, ending_badge, memory, moment
from gui.widgets.badge import BadgeLook

HistoryColumn = Literal[
    "name",
    "outcome",
    "optimizer",
    "arguments",
    "rate",
    "scheduler",
    "loss",
    "validation",
    "d_lr",
    "speed",
    "memory",
    "steps",
    "duration",
    "started",
    "seed",
    "tags",
    "notes",
    "engine",
    "source",
]

COLUMNS: tuple[HistoryColumn, ...] = (
    "name",
    "outcome",
    "optimizer",
    "rate",
    "loss",
    "validation",
    "speed",
    "steps",
    "started",
    "tags",
    "notes",
    "arguments",
    "scheduler",
    "d_lr",
    "memory",
    "duration",
    "seed",
    "engine",
    "source",
)

WIDTHS: dict[HistoryColumn, int] = {
    "name": 190,
    "outcome": 104,
    "optimizer": 150,
    "rate": 80,
    "loss": 90,
    "validation": 96,
    "speed": 92,
    "steps": 96,
    "started": 136,
    "tags": 120,
    "notes": 200,
    "arguments": 220,
    "scheduler": 110,
    "d_lr": 90,
    "memory": 90,
    "duration": 110,
    "seed": 80,
    "engine": 96,
    "source": 110,
}

NUMERIC = frozenset(["rate", "loss", "validation", "d_lr", "speed", "memory", "steps", "duration", "seed"])
EDITABLE = frozenset(["tags", "notes"])

SortKey = float | str


@dataclass(frozen=True, slots=True)
class HistoryCell:
    """One cell. `key` is None where nothing is known, which sorts last in both directions. `full` goes to the tool tip."""

    text: str
    key: SortKey | None
    badge: BadgeLook | None = None
    full: str = ""
    mono: bool = False


def column_title(column: HistoryColumn) -> str:
    """The header of a column."""
    translate = QCoreApplication.translate
    return {
        "name": translate("HistoryColumns", "Run"),
        "outcome": translate("HistoryColumns", "Outcome"),
        "optimizer": translate("HistoryColumns", "Optimizer"),
        "arguments": translate("HistoryColumns", "Arguments"),
        "rate": translate("HistoryColumns", "Rate"),
        "scheduler": translate("HistoryColumns", "Scheduler"),
        "loss": translate("HistoryColumns", "Loss at end"),
        "validation": translate("HistoryColumns", "Validation"),
        "d_lr": translate("HistoryColumns", "d*lr at end"),
        "speed": translate("HistoryColumns", "Steps/s"),
        "memory": translate("HistoryColumns", "Memory"),
        "steps": translate("HistoryColumns", "Steps"),
        "duration": translate("HistoryColumns", "Duration"),
        "started": translate("HistoryColumns", "Started"),
        "seed": translate("HistoryColumns", "Seed"),
        "tags": translate("HistoryColumns", "Tags"),
        "notes": translate("HistoryColumns", "Notes"),
        "engine": translate("HistoryColumns", "Engine"),
        "source": translate("HistoryColumns", "Source"),
    }[column]


def column_help(column: HistoryColumn) -> str:
    """What a column means, "" where its title says it."""
    translate = QCoreApplication.translate
    return {
        "rate": translate("HistoryColumns", "The learning rate that the job names; for d*lr optimizers it is a factor."),
        "loss": translate("HistoryColumns", "Smoothed over about 50 steps. The validation loss is the better guide."),
        "validation": translate("HistoryColumns", "The last loss on held-out images."),
        "speed": translate("HistoryColumns", "Of a usual step, without saving, samples and validation."),
        "memory": translate("HistoryColumns", "Peak memory of the GPU, else of the process."),
        "tags": translate("HistoryColumns", "Yours; separated by commas. F2 or a double click edits them."),
        "notes": translate("HistoryColumns", "Yours. F2 or a double click edits them."),
        "source": translate("HistoryColumns", "Where the run was made: here, or imported."),
    }.get(column, "")


def source_word(source: Source) -> str:
    """Where a run comes from."""
    return {
        "caddie": "Caddie",
        "tensorboard": QCoreApplication.translate("HistoryColumns", "TensorBoard"),
        "lora": QCoreApplication.translate("HistoryColumns", "LoRA file"),
    }[source]


def optimizer_name(record: RunRecord, catalogue: Catalogue) -> str:
    """What people call the optimizer: the catalogue's name, else the last part of the class."""
    if not record.optimizer:
        return ""
    spec = catalogue.find(record.optimizer) or catalogue.find(record.optimizer.rpartition(".")[2])
    return spec.name if spec is not None else record.optimizer.rpartition(".")[2]


def outcome_badge(record: RunRecord) -> BadgeLook:
    """Where a run stands; what is damaged or imported is said so."""
    if record.damage is not None:
        return BadgeLook(QCoreApplication.translate("HistoryColumns", "Damaged"), "danger")
    if record.source != "caddie" and record.ending is Ending.LOST:
        return BadgeLook(QCoreApplication.translate("HistoryColumns", "Imported"), "neutral")
    return ending_badge(record.ending)


def make_cell(column: HistoryColumn, record: RunRecord, catalogue: Catalogue, language: Language, damage: str) -> HistoryCell:
    """The content of a cell.

    Args:
        column: which.
        record: the run.
        catalogue: names the optimizers.
        language: of dates.
        damage: what is damaged in the run's folder, in that language; "" for nothing.
    """
    match column:
        case "name":
            return HistoryCell(record.name, record.name.casefold(), full=damage or str(record.folder))
        case "outcome":
            look = outcome_badge(record)
            return HistoryCell(look.text, look.text, badge=look, full=damage)
        case "optimizer":
            name = optimizer_name(record, catalogue)
            return HistoryCell(name or "–", name.casefold() or None, full=record.optimizer)
        case "arguments":
            words = "  ".join(record.arguments)
            return HistoryCell(words, words or None, full="\n".join(record.arguments), mono=True)
        case "started":
            return HistoryCell(moment(record.created_at, language), record.created_at)
        case "tags":
            return HistoryCell(", ".join(record.tags), ", ".join(record.tags).casefold() or None)
        case "notes":
            return HistoryCell(record.notes.replace("\n", "  "), record.notes.casefold() or None, full=record.notes)
        case "scheduler":
            return HistoryCell(record.scheduler or "–", record.scheduler or None)
        case "engine":
            return HistoryCell(record.engine or "–", record.engine or None)
        case "source":
            copied = record.source == "caddie" and record.origin
            words = QCoreApplication.translate("HistoryColumns", "Caddie (copied)") if copied else source_word(record.source)
            return HistoryCell(words, words, full=record.origin)
        case _:
            return _number_cell(column, record)


def _number_cell(column: HistoryColumn, record: RunRecord) -> HistoryCell:
    value: float | None = {
        "rate": record.rate,
        "loss": record.loss,
        "validation": record.validation_loss,
        "d_lr": record.d_lr,
        "speed": record.steps_per_second,
        "memory": record.memory,
        "steps": float(record.steps) if record.steps else None,
        "duration": record.duration,
        "seed": None if record.seed is None else float(record.seed),
    }[column]
    if value is None:
        return HistoryCell("–", None)
    key = value if not math.isnan(value) else math.inf  # worse than any loss, and yet known
    if column == "memory":
        return HistoryCell(memory(value), key)
    if column == "duration":
        return HistoryCell(duration(value), key)
    if column == "steps":
        of = f" / {record.total:,}" if record.total and record.total != record.steps else ""
        return HistoryCell(f"{record.steps:,}{of}", key)
    if column == "seed":
        return HistoryCell(str(record.seed), key)
    return HistoryCell(figure(value), key, full=repr(value))


def figure(value: float) -> str:
    """A loss, a rate, a speed: four digits."""
    if math.isnan(value):
        return "NaN"
    if value != 0 and (abs(value) < 1e-3 or abs(value) >= 1e6):
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:.4g}"
