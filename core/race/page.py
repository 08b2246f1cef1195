"""The report as one page that opens anywhere: standings, curves, settings, and the pictures side by side."""

# pyright: reportUnknownMemberType=false
# WORKAROUND: the annotations that matplotlib ships are incomplete, which strict mode takes for unknown members.

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.files import write_atomically
from core.history.compare import curve_of
from core.metrics.figure import COLOURS, INK, add_legend, families, style_axes
from core.metrics.quantities import Quantity
from core.metrics.reading import read_metrics
from core.metrics.run_metrics import MarkKind, RunMetrics
from core.metrics.smoothing import Smoothing
from core.race.report import Line, Standing, caution, lines_of, standings
from core.race.store import Race
from core.runs.folder import RunFolder
from core.runs.samples import read_name
from core.text import Language, Text

_STYLES = ("solid", "dashed", "dotted", "dashdot")
_HEADINGS = (
    Text("Optimizer", "オプティマイザー"),
    Text("Validation loss", "検証 loss"),
    Text("Loss at the end", "最終 loss"),
    Text("Steps/s", "ステップ/秒"),
    Text("Peak memory", "最大メモリ"),
    Text("Finished", "完了"),
)
_STYLE = (
    "body{font:15px/1.5 system-ui,'Yu Gothic UI',Meiryo,sans-serif;margin:2rem auto;max-width:1100px;padding:0 1rem;color:#1f2430}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{padding:.35rem .8rem;border-bottom:1px solid #e5e7eb;text-align:left;"
    "vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}figure{margin:1rem 0}img{max-width:100%}"
    ".grid td{border:0;padding:.2rem}.grid img{width:200px;border-radius:6px}.note{background:#fdf3d8;padding:.6rem 1rem;border-radius:8px}"
    "@media(prefers-color-scheme:dark){body{background:#16181d;color:#e6e8ee}th,td{border-color:#333}.note{background:#3a2e10}}"
)


def write_page(race: Race, path: Path, language: Language = "en") -> None:
    """Writes the report; the pictures and curves are in it, nothing is fetched.

    Raises:
        OSError: it cannot be written.
    """
    write_atomically(path, "\n".join(_page(race, language)))


def _page(race: Race, language: Language) -> Iterator[str]:
    lines = lines_of(race)
    table = standings(lines)
    metrics = _metrics(lines)
    title = html.escape(race.name)
    yield f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<h1>{title}</h1>"
    yield from _table(table, language)
    words = caution(table)
    if words is not None:
        yield f'<p class="note">{html.escape(words.in_language(language))}</p>'
    if metrics:
        yield f"<figure>{_curves(metrics, language)}</figure>"
    yield from _settings(race, lines, language)
    yield from _pictures(lines, metrics, language)
    yield "</html>"


def _metrics(lines: Sequence[Line]) -> dict[str, RunMetrics]:
    found: dict[str, RunMetrics] = {}
    for line in lines:
        if line.record is not None and line.record.damage is None:
            found[line.member.name] = read_metrics(RunFolder(line.record.folder))
    return found


def _table(table: Sequence[Standing], language: Language) -> Iterator[str]:
    yield "<table><tr>" + "".join(f"<th>{html.escape(text.in_language(language))}</th>" for text in _HEADINGS) + "</tr>"
    for item in table:
        cells = "".join(f'<td class="n">{html.escape(cell)}</td>' for cell in cells_of(item))
        yield f"<tr><td>{html.escape(item.optimizer)}</td>{cells}</tr>"
    yield "</table>"


def cells_of(item: Standing) -> tuple[str, ...]:
    """The numbers of a standing as people read them: validation loss, loss, speed, memory, finished."""
    speed = f"{item.steps_per_second:.3g}" if item.steps_per_second is not None else "-"
    memory = f"{item.memory / 1024**3:.2f} GB" if item.memory is not None else "-"
    return _with_spread(item.validation), _with_spread(item.loss), speed, memory, f"{item.finished}/{item.total}"


def _with_spread(value: tuple[float, float | None] | None) -> str:
    if value is None:
        return "-"
    if not math.isfinite(value[0]):
        return "NaN"
    return f"{value[0]:.4f}" + (f" ± {value[1]:.4f}" if value[1] is not None else "")


def _curves(metrics: dict[str, RunMetrics], language: Language) -> str:
    # Here and not above: matplotlib takes longer to import than the window may take to open.
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), facecolor="white", layout="constrained")
    FigureCanvasSVG(figure)
    family = families()
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    style_axes(upper, Text("loss, smoothed", "loss (平滑化)").in_language(language), family)
    style_axes(lower, Text("validation loss", "検証 loss").in_language(language), family)
    for place, (name, found) in enumerate(metrics.items()):
        look = {"color": COLOURS[place % len(COLOURS)], "linestyle": _STYLES[place // len(COLOURS) % len(_STYLES)]}
        smoothing = Smoothing(window=max(5.0, found.last_step / 20))
        upper.plot(*curve_of(found, Quantity.LOSS, smoothing=smoothing), label=name, linewidth=1.6, **look)
        lower.plot(*curve_of(found, Quantity.VALIDATION_LOSS), label=name, linewidth=1.4, marker="o", markersize=3, **look)
    add_legend(upper, family)
    lower.set_xlabel(Text("step", "ステップ").in_language(language), family=family, color=INK)
    stream = io.StringIO()
    figure.savefig(stream, format="svg")
    text = stream.getvalue()
    return text[text.index("<svg") :]


def _settings(race: Race, lines: Sequence[Line], language: Language) -> Iterator[str]:
    yield f"<h2>{Text('What each trained with', '各オプティマイザーの設定').in_language(language)}</h2><table>"
    for line in lines:
        job = race.queue.job(line.member.entry)
        rate, scheduler = job.options.get("learning_rate", "-"), job.options.get("lr_scheduler", "constant")
        arguments = " ".join(job.argument_items) or "-"
        problem = f"<br><em>{html.escape(line.problem.in_language(language))}</em>" if line.problem is not None else ""
        cells = (f"lr {rate}", str(scheduler), arguments)
        listed = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        yield f"<tr><td>{html.escape(line.member.name)}{problem}</td>{listed}</tr>"
    yield "</table>"


def _pictures(lines: Sequence[Line], metrics: dict[str, RunMetrics], language: Language) -> Iterator[str]:
    last = {line.member.name: _last_pictures(metrics[line.member.name]) for line in lines if line.member.name in metrics}
    prompts = sorted({prompt for pictures in last.values() for prompt in pictures})
    if not prompts:
        return
    yield f"<h2>{Text('Same prompt, same seed', '同じプロンプトと同じシード').in_language(language)}</h2>"
    yield '<table class="grid"><tr>' + "".join(f"<th>{html.escape(name)}</th>" for name in last) + "</tr>"
    for prompt in prompts:
        cells = (_picture(pictures.get(prompt)) for pictures in last.values())
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</table>"


def _last_pictures(metrics: RunMetrics) -> dict[int, Path]:
    """The newest picture of each prompt."""
    found: dict[int, Path] = {}
    for mark in metrics.marks:
        if mark.kind is MarkKind.SAMPLE:
            name = read_name(mark.detail)
            found[name.prompt if name is not None else 0] = Path(mark.detail)
    return found


def _picture(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        data = base64.b64encode(path.read_bytes()).decode("ascii")
    except OSError:
        return html.escape(path.name)  # deleted meanwhile
    return f'<img alt="{html.escape(path.name)}" src="data:image/png;base64,{data}">'
