# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# WORKAROUND: the annotations that matplotlib ships are incomplete, which strict mode takes for unknown members.
"""The picture of a run, drawn without a window: loss above, learning rates below."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.files import write_atomically
from core.metrics.downsample import thin
from core.metrics.rates import rate_curves
from core.metrics.run_metrics import LOSS, VALIDATION_LOSS, MarkKind, Quantity, RunMetrics, SeriesKey
from core.metrics.series import Floats
from core.metrics.smoothing import Smoothing
from core.text import Language, Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, _FAINT, _GRID = "#1f2430", "#6b7280", "#e5e7eb"
_WARNING = "#b45309"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito: told apart by the colour-blind
_COLUMNS = 1200
_CJK_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Yu Gothic",
    "Meiryo",
    "MS Gothic",
    "Hiragino Sans",
    "Hiragino Kaku Gothic ProN",
    "IPAexGothic",
    "TakaoGothic",
    "VL Gothic",
    "Droid Sans Fallback",
)

_STEP = Text("step", "ステップ")
_LOSS = Text("loss", "loss")
_RAW = Text("each step", "各ステップ")
_SMOOTH = Text("smoothed", "平滑化")
_VALIDATION = Text("validation loss", "検証 loss")
_RATE = Text("learning rate", "学習率")
_NO_LOSS = Text("no loss was reported", "loss の記録がありません")
_NO_RATE = Text("no learning rate was reported", "学習率の記録がありません")
_NAN = Text("{count} steps without a finite loss", "loss が有限でないステップ: {count}")
_EFFECTIVE = Text("effective lr", "実効 lr")


def write_png(
    metrics: RunMetrics,
    path: Path,
    *,
    title: str = "",
    subtitle: str = "",
    language: Language = "en",
    smoothing: Smoothing | None = None,
) -> None:
    """Draws loss (raw and smoothed) and the learning rates into a PNG of 1600 x 1000 pixels.

    Args:
        metrics: the run.
        path: the file to make or replace.
        title: the name of the run; any script for which a font is installed.
        subtitle: a line below the title.
        language: of the labels.
        smoothing: of the loss; by default over a twentieth of the run, at least 5 steps.

    Raises:
        OSError: the file cannot be written.
    """
    write_atomically(path, render_png(metrics, title=title, subtitle=subtitle, language=language, smoothing=smoothing))


def render_png(
    metrics: RunMetrics,
    *,
    title: str = "",
    subtitle: str = "",
    language: Language = "en",
    smoothing: Smoothing | None = None,
) -> bytes:
    """The bytes of the picture that `write_png` writes."""
    return render([("", metrics)], title=title, subtitle=subtitle, language=language, smoothing=smoothing)


def render(
    runs: Sequence[tuple[str, RunMetrics]],
    *,
    kind: Literal["png", "svg"] = "png",
    title: str = "",
    subtitle: str = "",
    language: Language = "en",
    smoothing: Smoothing | None = None,
) -> bytes:
    """Draws one run, or several over each other, each in a colour of its own.

    Args:
        runs: names and numbers, at least one.
        kind: `png`, or `svg` with letters as outlines, which looks the same everywhere.
        title, subtitle, language, smoothing: see `write_png`; the smoothing is by default as wide as the longest run wants.

    Returns:
        The bytes of the file.
    """
    # Here and not above: matplotlib takes longer to import than the window may take to open.
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.25), dpi=160, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    family = families()
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    smoothing = smoothing or Smoothing(window=max(5.0, *(len(metrics.get(LOSS)) / 20 for _, metrics in runs)))
    if len(runs) == 1:
        _draw_loss(upper, runs[0][1], smoothing, language, family)
        _draw_rates(lower, runs[0][1], language, family)
        _draw_marks((upper, lower), runs[0][1])
    else:
        draw_overlay(upper, lower, runs, smoothing, language)
    lower.set_xlabel(_STEP.in_language(language), family=family, color=INK)
    heading = "\n".join(line for line in (title, subtitle) if line)
    if heading:
        upper.set_title(heading, loc="left", family=family, color=INK, fontsize=11, pad=10, parse_math=False)
    stream = io.BytesIO()
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "caddie"}):  # the same run gives the same file
        figure.savefig(stream, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
    return stream.getvalue()


def draw_overlay(
    upper: Axes, lower: Axes, runs: Sequence[tuple[str, RunMetrics]], smoothing: Smoothing, language: Language
) -> None:
    """Losses of several runs above, the learning rate that says most of each below."""
    family = families()
    style_axes(upper, _LOSS.in_language(language), family)
    style_axes(lower, _RATE.in_language(language), family)
    rates = False
    for number, (name, metrics) in enumerate(runs):
        color, dash = COLOURS[number % len(COLOURS)], ("-", "--", ":", "-.")[number // len(COLOURS) % 4]
        loss = metrics.get(LOSS)
        if not np.any(np.isfinite(loss.y)):
            loss = metrics.get(SeriesKey(Quantity.AVERAGE_LOSS))
        if len(loss):
            x, y = _visible(loss.x, loss.y)
            upper.plot(x, y, color=color, alpha=0.15, linewidth=0.6)
            x, y = _visible(loss.x, smoothing.apply(loss.y))
            upper.plot(x, y, color=color, linewidth=1.6, linestyle=dash, label=_literal(name))
        validation = metrics.get(VALIDATION_LOSS)
        upper.plot(validation.x, validation.y, color=color, linewidth=0, marker="o", markersize=3)
        curve = next((curve for curve in rate_curves(metrics) if curve.prominent), None)
        if curve is not None:
            series = metrics.get(curve.key)
            x, y = _visible(series.x, np.where(series.y > 0, series.y, np.nan))
            rates = rates or bool(np.any(np.isfinite(y)))
            lower.plot(x, y, color=color, linewidth=1.4, linestyle=dash)
    if rates:
        lower.set_yscale("log")
    if upper.get_legend_handles_labels()[0]:
        add_legend(upper, family)
    else:
        _say(upper, _NO_LOSS.in_language(language), family)


def _literal(name: str) -> str:
    """A name that matplotlib neither hides (a first underscore) nor takes for mathematics."""
    return ("\u200b" + name if name.startswith("_") else name).replace("$", r"\$")


def families() -> list[str]:
    """The fonts to look for each character in, in order; only installed ones, or matplotlib complains."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _CJK_FONTS if name in installed)]


def _draw_loss(axes: Axes, metrics: RunMetrics, smoothing: Smoothing, language: Language, family: list[str]) -> None:
    series = metrics.get(LOSS)
    if not np.any(np.isfinite(series.y)):
        series = metrics.get(SeriesKey(Quantity.AVERAGE_LOSS))
    style_axes(axes, _LOSS.in_language(language), family)
    if not np.any(np.isfinite(series.y)):
        _say(axes, _NO_LOSS.in_language(language), family)
        return
    x, y = _visible(series.x, series.y)
    axes.plot(x, y, color=COLOURS[0], alpha=0.3, linewidth=0.8, label=_RAW.in_language(language))
    x, y = _visible(series.x, smoothing.apply(series.y))
    axes.plot(x, y, color=COLOURS[0], linewidth=1.8, label=_SMOOTH.in_language(language))
    _draw_validation(axes, metrics, language)
    if metrics.nan_count:
        words = _NAN.format(count=metrics.nan_count).in_language(language)
        axes.text(0.01, 0.03, words, transform=axes.transAxes, color=_WARNING, family=family, fontsize=9)
    add_legend(axes, family)


def _draw_validation(axes: Axes, metrics: RunMetrics, language: Language) -> None:
    series = metrics.get(VALIDATION_LOSS)
    if np.any(np.isfinite(series.y)):
        label = _VALIDATION.in_language(language)
        axes.plot(series.x, series.y, color=COLOURS[1], linewidth=1.6, marker="o", markersize=4, label=label)


def _draw_rates(axes: Axes, metrics: RunMetrics, language: Language, family: list[str]) -> None:
    curves = [curve for curve in rate_curves(metrics) if curve.prominent]
    style_axes(axes, _RATE.in_language(language), family)
    drawn = 0
    for curve in curves:
        series = metrics.get(curve.key)
        x, y = _visible(series.x, np.where(series.y > 0, series.y, np.nan))  # a logarithm has no zero
        if not np.any(np.isfinite(y)):
            continue
        effective = curve.key.quantity is Quantity.EFFECTIVE_LR
        word = _EFFECTIVE.in_language(language) if effective else curve.key.quantity.value
        label = f"{word} ({curve.named_groups})" if curve.named_groups else word
        axes.plot(x, y, color=COLOURS[drawn % len(COLOURS)], linewidth=1.6, linestyle="--" if effective else "-", label=label)
        drawn += 1
    if not drawn:
        _say(axes, _NO_RATE.in_language(language), family)
        return
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 10 * low:  # or a constant would have an axis without a single power of ten
        axes.set_ylim(low / 3, high * 3)
    add_legend(axes, family, "best")


def _draw_marks(panels: tuple[Axes, Axes], metrics: RunMetrics) -> None:
    steps = sorted({mark.step for mark in metrics.marks if mark.kind is MarkKind.SAVED})
    for step in steps[-50:]:  # a run that saves every few steps would be all lines
        for axes in panels:
            axes.axvline(step, color=_FAINT, linewidth=0.6, alpha=0.5, linestyle=":", zorder=0)


def _visible(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    if len(x) < 2:
        return x, y
    return thin(x, y, float(x[0]), float(x[-1]), _COLUMNS)


def style_axes(axes: Axes, label: str, family: list[str]) -> None:
    """The look that every panel has, with the name of its heights."""
    axes.set_ylabel(label, family=family, color=INK)
    axes.grid(True, color=_GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=_FAINT, labelsize=9, length=0)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(_GRID)
    axes.margins(x=0.01)


def add_legend(axes: Axes, family: list[str], place: Literal["upper right", "best"] = "upper right") -> None:
    """A legend whose words any installed font may draw."""
    from matplotlib.font_manager import FontProperties

    legend = axes.legend(loc=place, frameon=True, prop=FontProperties(family=family, size=9), labelcolor=INK)
    legend.get_frame().set(edgecolor="none", alpha=0.85)


def _say(axes: Axes, words: str, family: list[str]) -> None:
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=_FAINT, family=family)
    axes.set_yticks([])
