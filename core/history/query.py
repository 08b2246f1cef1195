"""What to show of the history: words, and conditions on columns, as people type them.

    prodigy                    the word is somewhere in name, optimizer, arguments, scheduler, tags or notes
    optimizer:prodigy          the column holds it (also optimizer=Prodigy: it is exactly that)
    loss<0.1  steps>=1000      compared as numbers; what is unknown is never shown
    -tag:bad                   not that
    "two words"                as one

All of them have to hold. Upper and lower case, full-width and half-width count the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core.errors import CaddieError, nearest
from core.history.record import RunRecord
from core.text import Text

_NUMBERS: Final[Mapping[str, Callable[[RunRecord], float | None]]] = MappingProxyType(
    {
        "rate": lambda record: record.rate,
        "loss": lambda record: record.loss,
        "validation": lambda record: record.validation_loss,
        "d_lr": lambda record: record.d_lr,
        "speed": lambda record: record.steps_per_second,
        "memory": lambda record: None if record.memory is None else record.memory / 2**30,
        "steps": lambda record: float(record.steps),
        "duration": lambda record: record.duration,
        "seed": lambda record: None if record.seed is None else float(record.seed),
    }
)
"""Memory in GiB, duration in seconds."""

_WORDS: Final[Mapping[str, Callable[[RunRecord], Iterable[str]]]] = MappingProxyType(
    {
        "name": lambda record: (record.name, record.id),
        "optimizer": lambda record: (record.optimizer,),
        "arguments": lambda record: record.arguments,
        "scheduler": lambda record: (record.scheduler,),
        "outcome": lambda record: (record.ending.value,),
        "engine": lambda record: (record.engine,),
        "script": lambda record: (record.script,),
        "source": lambda record: (record.source,),
        "tag": lambda record: record.tags,
        "notes": lambda record: (record.notes,),
        "date": lambda record: (_day(record),),
    }
)
COLUMNS: Final = (*_WORDS, *_NUMBERS)
"""The names of columns in a query."""

_ANYWHERE = ("name", "optimizer", "arguments", "scheduler", "tag", "notes", "source")
_TOKEN = re.compile(r'(-?)(?:([A-Za-z_]\w*)(:|<=|>=|=|<|>))?(?:"([^"]*)"?|(\S+))')


@dataclass(frozen=True, slots=True)
class Condition:
    """One word of a query. `column` is "" for a word that may be anywhere."""

    column: str
    sign: str
    wanted: str
    negative: bool = False

    def holds(self, record: RunRecord) -> bool:
        """Whether a run is to be shown."""
        return self._holds(record) is not self.negative

    def _holds(self, record: RunRecord) -> bool:
        if self.column in _NUMBERS:
            value = _NUMBERS[self.column](record)
            wanted = float(self.wanted)
            if value is None:
                return False
            return {"<": value < wanted, "<=": value <= wanted, ">": value > wanted, ">=": value >= wanted}.get(
                self.sign, value == wanted
            )
        columns = (self.column,) if self.column else _ANYWHERE
        words = [folded(word) for column in columns for word in _WORDS[column](record)]
        return self.wanted in words if self.sign == "=" else any(self.wanted in word for word in words)


def parse(text: str) -> tuple[Condition, ...]:
    """Reads a query.

    Raises:
        CaddieError: there is no such column, or a number is none.
    """
    found: list[Condition] = []
    for match in _TOKEN.finditer(text):
        minus, column, sign, quoted, bare = match.groups()
        wanted = quoted if quoted is not None else bare
        column = "" if column is None else column.casefold()
        if column and column not in COLUMNS:
            if sign != "=" or nearest(column, COLUMNS) is not None:
                raise _no_column(column)
            column, sign, wanted = "", ":", f"{column}={wanted}"  # an argument of an optimizer
        if column in _NUMBERS:
            _number(column, wanted)
        elif sign in ("<", "<=", ">", ">="):
            raise _no_number_column(column)
        found.append(Condition(column, sign or ":", wanted if column in _NUMBERS else folded(wanted), minus == "-"))
    return tuple(found)


def matching(records: Iterable[RunRecord], conditions: Iterable[Condition]) -> list[RunRecord]:
    """The runs for which all conditions hold."""
    wanted = tuple(conditions)
    return [record for record in records if all(condition.holds(record) for condition in wanted)]


def folded(text: str) -> str:
    """Text for comparing: full-width and half-width alike, no case."""
    return unicodedata.normalize("NFKC", text).casefold()


def _day(record: RunRecord) -> str:
    from datetime import datetime

    return f"{datetime.fromtimestamp(record.created_at):%Y-%m-%d}"


def _number(column: str, wanted: str) -> float:
    try:
        return float(wanted)
    except ValueError as error:
        raise CaddieError(
            Text(f"{column} is compared with a number, not with {wanted!r}.", f"{column} の比較には数値が必要です ({wanted})。")
        ) from error


def _no_column(column: str) -> CaddieError:
    near = nearest(column, COLUMNS)
    listed = ", ".join(COLUMNS)
    return CaddieError(
        Text(
            f"There is no column {column}" + (f"; did you mean {near}?" if near else ".") + f" Columns: {listed}.",
            f"{column} という列はありません" + (f"。{near} のことですか。" if near else "。") + f"使用できる列: {listed}。",
        )
    )


def _no_number_column(column: str) -> CaddieError:
    return CaddieError(
        Text(f"{column} holds words; use {column}:word.", f"{column} は文字の列です。{column}:語 の形で指定してください。")
    )
