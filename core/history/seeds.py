"""End values of runs, with the spread from seed to seed where otherwise equal jobs were trained with several seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from core.history.record import RunRecord
from core.runs.outcome import Ending


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and sample standard deviation of `n` values; `sd` is None for a single one."""

    mean: float
    sd: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedGroup:
    """Runs of one job with different seeds.

    Attributes:
        runs: every run of the group, the newest first.
        counted: the runs that the spreads are made of: of each seed the newest finished one, else the newest of all.
        loss, validation_loss, steps_per_second, memory: None where no counted run knows it.
    """

    runs: tuple[RunRecord, ...]
    counted: tuple[RunRecord, ...]
    loss: Spread | None
    validation_loss: Spread | None
    steps_per_second: Spread | None
    memory: Spread | None


def seed_groups(chosen: Sequence[RunRecord], records: Iterable[RunRecord]) -> list[SeedGroup]:
    """The groups of chosen runs, in their order, each with its other seeds from the whole history.

    Two finished runs with one seed tell nothing of the spread from seed to seed, so the newest counts.
    """
    everything = tuple(records)
    groups: list[SeedGroup] = []
    seen: set[str] = set()
    for record in chosen:
        key = record.alike or str(record.folder)
        if key in seen:
            continue
        seen.add(key)
        members = [other for other in everything if other.alike == record.alike] if record.alike else [record]
        groups.append(_group(members or [record]))
    return groups


def _group(members: Sequence[RunRecord]) -> SeedGroup:
    runs = tuple(sorted(members, key=lambda record: record.created_at, reverse=True))
    finished = [record for record in runs if record.ending is Ending.FINISHED]
    counted: dict[int | None, RunRecord] = {}
    for record in finished or runs[:1]:
        counted.setdefault(record.seed, record)
    used = tuple(counted.values())
    return SeedGroup(
        runs=runs,
        counted=used,
        loss=_spread(used, lambda record: record.loss),
        validation_loss=_spread(used, lambda record: record.validation_loss),
        steps_per_second=_spread(used, lambda record: record.steps_per_second),
        memory=_spread(used, lambda record: record.memory),
    )


def _spread(records: Sequence[RunRecord], value: Callable[[RunRecord], float | None]) -> Spread | None:
    values = [number for record in records if (number := value(record)) is not None]
    if not values:
        return None
    if not all(math.isfinite(number) for number in values):
        return Spread(math.nan, math.nan if len(values) > 1 else None, len(values))  # a run that broke is part of the answer
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))
