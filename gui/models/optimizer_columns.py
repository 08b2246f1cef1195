"""The columns of the quick-reference table: what a cell says, how it sorts, how it copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QCoreApplication

from core.catalogue.spec import (
    Fact,
    Knowledge,
    LrMethod,
    Measured,
    MeasuredSide,
    MeasuredWhere,
    OptimizerSpec,
    Requirement,
)
from core.environment.model import OptimizerState, Readiness
from core.text import Text
from gui.bridge.translation import Translation
from gui.models.badges import method_badge, readiness_badge
from gui.widgets.badge import BadgeLook

ColumnId = Literal[
    "category",
    "name",
    "lr_method",
    "state",
    "start_lr",
    "memory",
    "measured_state",
    "measured_cost",
    "to_install",
    "since",
    "optimizer_type",
    "optimizer_args",
    "other_options",
    "scheduler",
    "background",
    "low_precision",
    "homepage",
]

COLUMNS: tuple[ColumnId, ...] = (
    "category",
    "name",
    "lr_method",
    "start_lr",
    "state",
    "memory",
    "measured_state",
    "measured_cost",
    "to_install",
    "optimizer_type",
    "optimizer_args",
    "other_options",
    "scheduler",
    "since",
    "background",
    "low_precision",
    "homepage",
)

WIDTHS: dict[ColumnId, int] = {
    # The first six fit beside the card in a window of 1280 pixels.
    "category": 118,
    "name": 176,
    "lr_method": 126,
    "start_lr": 73,
    "state": 128,
    "memory": 113,
    "measured_state": 150,
    "measured_cost": 170,
    "to_install": 190,
    "optimizer_type": 240,
    "optimizer_args": 230,
    "other_options": 230,
    "scheduler": 110,
    "since": 190,
    "background": 200,
    "low_precision": 190,
    "homepage": 200,
}


def column_title(column: ColumnId) -> str:
    """The header of a column."""
    translate = QCoreApplication.translate
    return {
        "category": translate("OptimizerColumns", "Category"),
        "name": translate("OptimizerColumns", "Name"),
        "lr_method": translate("OptimizerColumns", "LR method"),
        "start_lr": translate("OptimizerColumns", "Start LR"),
        "state": translate("OptimizerColumns", "Install state"),
        "memory": translate("OptimizerColumns", "State memory"),
        "measured_state": translate("OptimizerColumns", "State, measured"),
        "measured_cost": translate("OptimizerColumns", "Step time (AdamW = 1)"),
        "to_install": translate("OptimizerColumns", "To install"),
        "optimizer_type": "--optimizer_type",
        "optimizer_args": "--optimizer_args",
        "other_options": translate("OptimizerColumns", "Other options"),
        "scheduler": translate("OptimizerColumns", "Scheduler"),
        "since": translate("OptimizerColumns", "In sd-scripts since"),
        "background": translate("OptimizerColumns", "Background"),
        "low_precision": translate("OptimizerColumns", "Low precision"),
        "homepage": translate("OptimizerColumns", "Home page"),
    }[column]


def column_help(column: ColumnId) -> str:
    """What a column means, for the tool tip of its header."""
    translate = QCoreApplication.translate
    return {
        "category": translate("OptimizerColumns", "The family; sorting by it gives the order of the reference table."),
        "name": translate("OptimizerColumns", "The optimizer. A bar marks the one that the open job uses."),
        "lr_method": translate(
            "OptimizerColumns", "Who sets the learning rate: you, you and the optimizer (d × LR), or the optimizer."
        ),
        "start_lr": translate("OptimizerColumns", "What to put into the learning rate to begin with; the card says why."),
        "state": translate("OptimizerColumns", "Whether the selected environment can use it."),
        "memory": translate("OptimizerColumns", "Optimizer state in bytes for each trained parameter."),
        "measured_state": translate(
            "OptimizerColumns", "Bytes of optimizer state for each parameter, measured; a cell says on what device."
        ),
        "measured_cost": translate(
            "OptimizerColumns",
            "Time of one optimizer step, measured, as a multiple of torch's AdamW; a cell says on what device. "
            "Forward and backward pass are not in it.",
        ),
        "to_install": translate("OptimizerColumns", "Python packages that it needs."),
        "optimizer_type": translate("OptimizerColumns", "What is given to --optimizer_type."),
        "optimizer_args": translate("OptimizerColumns", "Arguments that the reference text names as needed."),
        "other_options": translate("OptimizerColumns", "Other options that belong to it."),
        "scheduler": translate("OptimizerColumns", "Whether sd-scripts ignores --lr_scheduler for it."),
        "since": translate("OptimizerColumns", "The version of sd-scripts that first supported it."),
        "background": translate("OptimizerColumns", "The paper or idea behind it."),
        "low_precision": translate("OptimizerColumns", "How it fits training in low precision."),
        "homepage": translate("OptimizerColumns", "Where its program lives; the card has the links."),
    }[column]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes:
        text: what it says.
        quiet: it says that there is nothing (`not needed`) or nothing known (`unknown`).
        badge: drawn instead of the text.
        full: tool tip.
        key: sorts by this; None sorts last in both directions.
        mono: program text.
    """

    text: str
    quiet: Literal["", "unknown", "not-needed"] = ""
    badge: BadgeLook | None = None
    full: str = ""
    key: tuple[float | str, ...] | None = None
    mono: bool = False


def unknown_word() -> str:
    """What an unknown fact says."""
    return QCoreApplication.translate("OptimizerColumns", "no information")


def not_needed_word() -> str:
    """What a fact says that is not needed."""
    return QCoreApplication.translate("OptimizerColumns", "not needed")


def rate_text(rate: float) -> str:
    """A learning rate as people write it: 1e-4, 0.0025, 1."""
    if rate == 0 or abs(rate) >= 0.001:
        return f"{rate:g}"
    mantissa, exponent = f"{rate:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def requirement_text(requirement: Requirement) -> str:
    """`bitsandbytes ≥ 0.39.1`."""
    return f"{requirement.package} ≥ {requirement.minimum}" if requirement.minimum else requirement.package


_READINESS_ORDER = tuple(Readiness)
_METHOD_ORDER = tuple(LrMethod)


def make_cell(column: ColumnId, spec: OptimizerSpec, state: OptimizerState, translation: Translation) -> Cell:
    """The cell of an optimizer in a column."""
    say = translation.say
    facts = {
        "optimizer_args": spec.wanted_arguments,
        "other_options": spec.other_options,
        "since": spec.since,
        "background": spec.background,
        "low_precision": spec.low_precision,
        "homepage": spec.homepage,
    }
    if column in facts:
        return _fact_cell(facts[column], translation, mono=column == "optimizer_args" and _is_code(facts[column]))
    if column == "category":
        return Cell(say(spec.category.name), key=(spec.category.order, spec.order))
    if column == "name":
        return Cell(spec.name, full=say(spec.summary), key=(spec.name.casefold(),))
    if column == "lr_method":
        look = method_badge(spec.lr_method)
        return Cell(look.text, badge=look, key=(_METHOD_ORDER.index(spec.lr_method),))
    if column == "state":
        look = readiness_badge(state.readiness)
        reason = say(state.reason) if state.reason else ""
        if state.readiness is Readiness.UNKNOWN:
            return Cell(look.text, quiet="unknown", full=reason)
        return Cell(look.text, badge=look, full=reason, key=(_READINESS_ORDER.index(state.readiness),))
    if column == "start_lr":
        rate = spec.learning_rate
        return Cell(rate_text(rate.start), full=say(rate.reason), key=(rate.start,))
    if column == "memory":
        if spec.state_bytes is None:
            return Cell(unknown_word(), quiet="unknown", full=say(spec.state_note))
        return Cell(
            QCoreApplication.translate("OptimizerColumns", "{bytes} B/param").format(bytes=f"{spec.state_bytes:.3g}"),
            full=say(spec.state_note),
            key=(spec.state_bytes,),
        )
    if column in ("measured_state", "measured_cost"):
        return _measured_cell(column, spec.measured)
    if column == "to_install":
        return _install_cell(spec, say(spec.install_note) if spec.install_note else "")
    if column == "optimizer_type":
        return Cell(spec.optimizer_type, key=(spec.optimizer_type.casefold(),), mono=True)
    assert column == "scheduler"
    word = (
        QCoreApplication.translate("OptimizerColumns", "ignored")
        if spec.schedulers.ignored
        else QCoreApplication.translate("OptimizerColumns", "used")
    )
    return Cell(word, full=say(spec.schedulers.note), key=(float(spec.schedulers.ignored),))


def _is_code(fact: Fact) -> bool:
    return fact.text is not None and fact.text.en == fact.text.ja


def _fact_cell(fact: Fact, translation: Translation, *, mono: bool = False) -> Cell:
    if fact.knowledge is Knowledge.UNKNOWN:
        return Cell(
            unknown_word(),
            quiet="unknown",
            full=QCoreApplication.translate("OptimizerColumns", "The reference text says nothing about it."),
        )
    if fact.knowledge is Knowledge.NOT_NEEDED:
        return Cell(not_needed_word(), quiet="not-needed")
    words = translation.say(fact.text or Text("", ""))
    return Cell(words, full=words, key=(words.casefold(),), mono=mono)


def _measured_cell(column: ColumnId, measured: Measured | None) -> Cell:
    translate = QCoreApplication.translate
    if measured is None:
        nothing = translate("OptimizerColumns", "not measured")
        return Cell(nothing, quiet="unknown", full=nothing)

    def number(side: MeasuredSide) -> float:
        return side.state_bytes if column == "measured_state" else side.step_cost

    def words(side: MeasuredSide) -> str:
        shown = f"{number(side):g}"
        return translate("OptimizerColumns", "{bytes} B/param").format(bytes=shown) if column == "measured_state" else f"{shown}×"

    reference, fast = measured.reference, measured.fast
    texts: list[str] = []
    lines: list[str] = []
    if reference is not None:
        texts.append(words(reference))
        lines.append(f"{reference.package} {reference.version or ''}".rstrip() + f": {words(reference)}")
    if fast is not None:
        lines.append(translate("OptimizerColumns", "Fast implementation: {number}").format(number=words(fast)))
        if reference is None or number(fast) != number(reference):
            texts.append(translate("OptimizerColumns", "fast {number}").format(number=words(fast)))
    lines.append(_measured_where(measured.where))
    first = reference or fast
    return Cell(", ".join(texts), full="\n".join(lines), key=None if first is None else (number(first),))


def _measured_where(where: MeasuredWhere) -> str:
    translate = QCoreApplication.translate
    if where.device == "cpu":
        device = translate("OptimizerColumns", "{name} (CPU, threads: {threads})")
    else:
        device = translate("OptimizerColumns", "{name} (GPU)")
    return translate(
        "OptimizerColumns", "Measured {date} on {device}, torch {torch}: {set}, {tensors} tensors, {parameters} M parameters."
    ).format(
        date=where.date,
        device=device.format(name=where.device_name, threads=where.threads),
        torch=where.torch,
        set=where.parameter_set,
        tensors=where.tensors,
        parameters=f"{where.parameters / 1e6:.1f}",
    )


def _install_cell(spec: OptimizerSpec, note: str) -> Cell:
    if spec.requirements:
        words = ", ".join(requirement_text(item) for item in spec.requirements)
        return Cell(words, full=f"{words}\n{note}".strip(), key=(words.casefold(),), mono=True)
    if note:
        return Cell(note, full=note, key=(note.casefold(),))
    return Cell(not_needed_word(), quiet="not-needed")
