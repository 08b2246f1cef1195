"""The numbers of a run as a table for other programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.files import write_atomically
from core.metrics.run_metrics import PER_GROUP, Quantity, RunMetrics, SeriesKey


def columns(metrics: RunMetrics) -> list[SeriesKey]:
    """The curves of a table in reading order: loss first, then group by group, then the rest."""
    first = [Quantity.TIME, Quantity.EPOCH, Quantity.LOSS, Quantity.AVERAGE_LOSS, Quantity.VALIDATION_LOSS]
    last = [Quantity.GRAD_NORM, Quantity.SECONDS, Quantity.MEMORY]
    keys = [SeriesKey(quantity) for quantity in first]
    keys += [SeriesKey(quantity, group) for group in metrics.groups for quantity in PER_GROUP]
    keys += [SeriesKey(quantity) for quantity in last]
    return [key for key in keys if key in metrics.series]


def to_csv(metrics: RunMetrics) -> str:
    """One row a step, one column a curve, numbers with all their digits.

    An empty cell is a value nobody reported; `nan` and `inf` are values. Times are seconds since the epoch, memory is
    in bytes.
    """
    keys = columns(metrics)
    steps = np.unique(np.concatenate([metrics.get(key).x for key in keys])) if keys else np.empty(0)
    cells = np.full((len(steps), len(keys)), "", dtype=object)
    for number, key in enumerate(keys):
        series = metrics.get(key)
        whole = key.quantity is Quantity.MEMORY
        cells[np.searchsorted(steps, series.x), number] = [_number(value, whole=whole) for value in series.y.tolist()]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(["step", *(key.name for key in keys)])
    for step, row in zip(steps.tolist(), cells.tolist(), strict=True):
        writer.writerow([int(step), *row])
    return stream.getvalue()


def several_to_csv(runs: Sequence[tuple[str, RunMetrics]]) -> str:
    """The tables of several runs below each other; the first column says whose row it is."""
    names: list[str] = []
    tables: list[tuple[str, list[dict[str, str]]]] = []
    for name, metrics in runs:
        reader = csv.DictReader(io.StringIO(to_csv(metrics)))
        tables.append((name, list(reader)))
        names += [column for column in reader.fieldnames or () if column not in names]
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, ["run", *names], restval="", lineterminator="\r\n")
    writer.writeheader()
    for name, rows in tables:
        writer.writerows({"run": name, **row} for row in rows)
    return stream.getvalue()


def write_csv(metrics: RunMetrics, path: Path) -> None:
    """Writes `to_csv` to a UTF-8 file.

    Raises:
        OSError: it cannot be written; an older file of that name is untouched.
    """
    write_atomically(path, to_csv(metrics))


def _number(value: float, *, whole: bool) -> str:
    return str(int(value)) if whole and math.isfinite(value) else repr(value)
