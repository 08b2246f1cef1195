# pyright: reportUnknownMemberType=false
# WORKAROUND: the annotations that matplotlib ships are incomplete, which strict mode takes for unknown members.
"""The curves of "what would it do" as a picture or a table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.files import write_atomically
from core.metrics.figure import COLOURS, INK, add_legend, families, style_axes
from core.preflight.model import Curve, Report
from core.preflight.words import stride_note
from core.text import Language, Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RATE = Text("learning rate", "学習率")
_D_RATE = Text("d*lr", "d*lr")
_EFFECTIVE = Text("effective step", "実効ステップ")
_LOSS = Text("loss", "loss")
_STEP = Text("step", "ステップ")
_SWEEP_RATE = Text("learning rate at step 0", "step 0 の学習率")
_SWEEP_X = Text("second value of eps", "eps の 2 番目の値")
_VARIANTS = {"job": Text("this job", "このジョブ"), "defaults": Text("default arguments", "引数が初期値の場合")}
Row = Sequence[float | None]


def rows_of(curve: Curve, what: str) -> list[Row]:
    """For each group the values over the noted steps.

    Args:
        curve: the curve.
        what: `rates`, `d_rates` or `effective`.
    """
    table: Sequence[Sequence[float | None]] = getattr(curve, what)
    groups = max((len(row) for row in table), default=0)
    return [[row[place] if place < len(row) else None for row in table] for place in range(groups)]


def write_csv(report: Report, path: Path) -> list[Path]:
    """Writes one row a noted step; a sweep goes into a second file beside it (`….eps.csv`).

    Returns:
        The files written.

    Raises:
        OSError: one of them cannot be written.
    """
    columns = ("rates", "d_rates", "effective")
    header = [f"{what}/{name}" for what in columns for name in report.groups]
    lines: list[Sequence[object]] = [["variant", "step", "loss", *header]]
    for curve in report.curves:
        cells = [rows_of(curve, what) for what in columns]
        for place, step in enumerate(curve.steps):
            row: list[object] = [curve.variant, step, repr(curve.loss[place])]
            for rows in cells:
                row += [_cell(rows[group][place]) if group < len(rows) else "" for group in range(len(report.groups))]
            lines.append(row)
    write_atomically(path, _csv(lines))
    if not report.sweep:
        return [path]
    beside = path.with_suffix(".eps.csv")
    sweep: list[Sequence[object]] = [["eps", *(f"rate/{name}" for name in report.groups)]]
    sweep += [[repr(point.value), *(_cell(rate) for rate in point.rates)] for point in report.sweep]
    write_atomically(beside, _csv(sweep))
    return [path, beside]


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


def _csv(lines: list[Sequence[object]]) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\r\n").writerows(lines)
    return stream.getvalue()


def write_png(report: Report, path: Path, *, title: str = "", language: Language = "en") -> list[Path]:
    """Draws learning rate, d*lr, effective step and loss, each that there is, and AdaFactor's rate against eps.

    Returns:
        The file written.

    Raises:
        OSError: it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    wanted: list[tuple[str, Text]] = [("rates", _RATE)]
    if any(row for curve in report.curves for row in curve.d_rates):
        wanted.append(("d_rates", _D_RATE))
    wanted += [("effective", _EFFECTIVE), ("loss", _LOSS)]
    number = len(wanted) + bool(report.sweep)
    figure = Figure(figsize=(10, 2.3 * number + 0.6), dpi=160, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    family = families()
    panels: list[Axes] = list(figure.subplots(number, 1, squeeze=False)[:, 0])
    for panel, (what, name) in zip(panels, wanted, strict=False):
        style_axes(panel, name.in_language(language), family)
        _draw(panel, report, what, language, family)
        panel.set_xlabel(_STEP.in_language(language), family=family, color=INK)
    if report.sweep:
        _draw_sweep(panels[-1], report, language, family)
    told = stride_note(report.curves[0], report.total_steps).in_language(language)
    heading = "\n".join(line for line in (title, told) if line)
    panels[0].set_title(heading, loc="left", family=family, color=INK, fontsize=10, pad=10, parse_math=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=160)
    write_atomically(path, stream.getvalue())
    return [path]


def _draw(axes: Axes, report: Report, what: str, language: Language, family: list[str]) -> None:
    drawn = 0
    for curve in report.curves:
        rows = [curve.loss] if what == "loss" else rows_of(curve, what)
        for place, row in enumerate(rows):
            label = _VARIANTS[curve.variant].in_language(language)
            if what != "loss" and len(rows) > 1 and place < len(report.groups):
                label = f"{report.groups[place]} ({label})"
            values = [math.nan if value is None or (what != "loss" and value <= 0) else value for value in row]
            if all(math.isnan(value) for value in values):
                continue
            dashed = curve.variant == "defaults"
            colour = COLOURS[place % len(COLOURS)]
            axes.plot(curve.steps, values, color=colour, linewidth=1.5, linestyle="--" if dashed else "-", label=label)
            drawn += 1
    if drawn:
        if what != "loss":
            _logarithmic(axes)
        add_legend(axes, family, "best")


def _draw_sweep(axes: Axes, report: Report, language: Language, family: list[str]) -> None:
    style_axes(axes, _SWEEP_RATE.in_language(language), family)
    values = [point.value for point in report.sweep]
    for place, name in enumerate(report.groups):
        rates = [point.rates[place] if place < len(point.rates) else None for point in report.sweep]
        heights = [math.nan if rate is None else rate for rate in rates]
        axes.plot(values, heights, color=COLOURS[place % len(COLOURS)], linewidth=1.5, marker="o", markersize=3, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(_SWEEP_X.in_language(language), family=family, color=INK)
    add_legend(axes, family, "best")


def _logarithmic(axes: Axes) -> None:
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 10 * low:  # or a constant would have an axis without a single power of ten
        axes.set_ylim(low / 3, high * 3)
