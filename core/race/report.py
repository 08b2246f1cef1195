"""What a race came to: a line for each optimizer, the best first, with the spread where there are several seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.history.read import read_record
from core.history.record import RunRecord
from core.race.store import Member, Race
from core.runs.outcome import Ending
from core.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One training.

    Attributes:
        member: which.
        record: what came of it; None while it has not begun.
        problem: why it was not started, or how it failed.
    """

    member: Member
    record: RunRecord | None
    problem: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One optimizer over all its seeds; means, and standard deviations where there are at least two.

    Attributes:
        optimizer: of the catalogue.
        finished: trainings that came to their end, of `total`.
        validation, loss: mean and deviation; None where unknown. A training whose loss became NaN makes it NaN.
        steps_per_second: the median.
        memory: the highest peak, in bytes.
    """

    optimizer: str
    finished: int
    total: int
    validation: tuple[float, float | None] | None
    loss: tuple[float, float | None] | None
    steps_per_second: float | None
    memory: float | None

    @property
    def key(self) -> tuple[float, float]:
        """Lower is better; what is not known, or not finite, comes last."""
        return _orderly(self.validation), _orderly(self.loss)


def lines_of(race: Race) -> tuple[Line, ...]:
    """Every training as it stands now. Reads the runs' folders."""
    snapshot = race.queue.read()
    found: list[Line] = []
    for member in race.members:
        entry = snapshot.find(member.entry)
        run: Path | None = entry.run if entry is not None else None
        record = read_record(run) if run is not None and run.is_dir() else None
        found.append(Line(member=member, record=record, problem=entry.problem if entry is not None else None))
    return tuple(found)


def standings(lines: Sequence[Line]) -> tuple[Standing, ...]:
    """One line for each optimizer, the best first: by the validation loss, else by the smoothed loss at the end."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.member.optimizer, []).append(line)
    return tuple(sorted((_standing(name, group) for name, group in groups.items()), key=lambda item: item.key))


def _standing(name: str, lines: Sequence[Line]) -> Standing:
    records = [line.record for line in lines if line.record is not None]
    speeds = [value for record in records if (value := record.steps_per_second) is not None]
    memories = [value for record in records if (value := record.memory) is not None]
    return Standing(
        optimizer=name,
        finished=sum(record.ending is Ending.FINISHED for record in records),
        total=len(lines),
        validation=_mean(records, lambda record: record.validation_loss),
        loss=_mean(records, lambda record: record.loss),
        steps_per_second=statistics.median(speeds) if speeds else None,
        memory=max(memories, default=None),
    )


def _mean(records: Sequence[RunRecord], value: Callable[[RunRecord], float | None]) -> tuple[float, float | None] | None:
    values = [found for record in records if (found := value(record)) is not None]
    if not values:
        return None
    if not all(math.isfinite(item) for item in values):
        return math.nan, None
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def _orderly(value: tuple[float, float | None] | None) -> float:
    return value[0] if value is not None and math.isfinite(value[0]) else math.inf


def caution(table: Sequence[Standing]) -> Text | None:
    """What a reader must not conclude: a lead that is smaller than the spread between seeds, or seeds that are missing."""
    ranked = [item for item in table if math.isfinite(item.key[0]) or math.isfinite(item.key[1])]
    if len(ranked) < 2:
        return None
    first, second = ranked[:2]
    if any(item.finished < item.total for item in (first, second)):
        return Text(
            "Not every training of the first two has come to its end: what stands here is not a result yet, or seeds are missing.",
            "上位 2 つの学習がすべて完了していません。途中経過であるか、一部のシードの結果が欠けています。",
        )
    # Never one's validation loss against the other's training loss.
    both = first.validation is not None and second.validation is not None
    one, other = (first.validation, second.validation) if both else (first.loss, second.loss)
    if one is None or other is None:
        return None
    if one[1] is None or other[1] is None:
        return Text(
            "With one seed a small lead says nothing: another seed may turn it round. Three seeds tell the spread.",
            "シードが 1 つだけの場合、小さな差に意味はありません。シードが変わると逆転することがあります。シードを 3 つにすると、ばらつきが分かります。",
        )
    spread = math.hypot(one[1], other[1])
    if abs(other[0] - one[0]) < 2 * spread:
        return Text(
            f"{first.optimizer} leads {second.optimizer} by less than twice the spread between seeds: no winner.",
            f"{first.optimizer} と {second.optimizer} の差はシード間のばらつきの 2 倍未満のため、優劣はつけられません。",
        )
    return None
