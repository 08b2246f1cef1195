"""A run as one page that opens anywhere without a network: curves, settings, samples, environment.

Everything is in the file: curves as SVG, pictures as data. No script runs in it and nothing is loaded from elsewhere, which
its own content security policy states. Keys of other services are cut out as everywhere (`core.runs.log_errors`), and the
name of the user's home folder, since pages are made to be shown.
"""

from __future__ import annotations

import base64
import contextlib
import html
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.metrics.figure import render
from core.metrics.quantities import Quantity, SeriesKey
from core.metrics.reading import read_metrics
from core.metrics.run_metrics import LOSS, VALIDATION_LOSS, MarkKind, RunMetrics
from core.metrics.smoothing import Smoothing
from core.runs.folder import RunFolder
from core.runs.log_errors import hide_secrets_in
from core.runs.surroundings import read_surroundings
from core.text import Language, Text

MOST_PICTURES = 24
MOST_BYTES = 40 << 20
_KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}

_WORDS = {
    "curves": Text("Curves", "グラフ"),
    "numbers": Text("Numbers", "数値"),
    "samples": Text("Sample pictures", "サンプル画像"),
    "settings": Text("Settings", "設定"),
    "command": Text("Command", "コマンド"),
    "environment": Text("Environment", "環境"),
    "optimizer": Text("Optimizer", "オプティマイザー"),
    "started": Text("Started", "開始日時"),
    "steps": Text("Steps", "ステップ数"),
    "loss": Text("Loss at the end, smoothed", "最後の loss (平滑化)"),
    "validation": Text("Validation loss at the end", "最後の検証 loss"),
    "memory": Text("Peak memory", "メモリのピーク"),
    "outcome": Text("Outcome", "結果"),
    "step": Text("step {step}", "ステップ {step}"),
    "left_out": Text(
        "{count} more pictures are not in this page: it holds the last {most}, up to {mib} MiB.",
        "ほかに {count} 枚の画像があります。このページには最後の {most} 枚 (合計 {mib} MiB まで) だけを収めています。",
    ),
}

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2430; --faint: #5b6472; --edge: #e2e5ea; --paper: #fff; --back: #f5f6f8 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaee; --faint: #a0a8b5; --edge: #3a404b; --paper: #22262e; --back: #191c22 } }
body { margin: 0; background: var(--back); color: var(--ink); font: 15px/1.5 system-ui, "Noto Sans JP", "Yu Gothic UI", Meiryo, sans-serif }
main { max-width: 1100px; margin: 0 auto; padding: 24px }
section { background: var(--paper); border: 1px solid var(--edge); border-radius: 10px; padding: 16px 20px; margin: 16px 0 }
h1 { margin: 0 0 4px } h2 { font-size: 1.05em; margin: 0 0 10px } .faint { color: var(--faint) }
figure { margin: 0 } .curves svg { width: 100%; height: auto; background: #fff; border-radius: 6px }
table { border-collapse: collapse } td, th { padding: 3px 18px 3px 0; text-align: left; vertical-align: top; font-weight: normal }
th { color: var(--faint) } pre { overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; margin: 0 }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 12px } .grid img { width: 100%; border-radius: 6px }
figcaption { color: var(--faint); font-size: 13px }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRun:
    """What a page tells of a run.

    Attributes:
        name: what a person calls it.
        metrics: its numbers.
        created_at: seconds since the epoch.
        outcome: how it ended, in a sentence; "" where it goes on.
        job: the text of its job file.
        command: how it was started, as a person would write it.
        environment: facts about what trained it, in order.
    """

    name: str
    metrics: RunMetrics
    created_at: float = 0.0
    outcome: Text | None = None
    job: str = ""
    command: str = ""
    environment: Sequence[tuple[str, str]] = ()


def page_run(run: RunFolder) -> PageRun:
    """Reads what a page tells of a run.

    Raises:
        CaddieError: its command.json is damaged.
        OSError: a file cannot be read.
    """
    job = ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        job = run.job_file.read_text(encoding="utf-8")
    outcome, around = run.outcome(), read_surroundings(run.path)
    facts: list[tuple[str, str]] = []
    if around is not None:
        facts = [("Python", " ".join(part for part in (around.python_version, around.python) if part))]
        facts.append(("sd-scripts", " ".join(part for part in (around.commit[:12], around.checkout) if part)))
        facts += list(around.packages.items())
    return PageRun(
        name=run.name,
        metrics=read_metrics(run),
        created_at=run.created_at,
        outcome=None if outcome is None else outcome.sentence,
        job=job,
        command=shlex.join(run.command.argv),
        environment=[(name, value) for name, value in facts if value],
    )


def render_page(runs: Sequence[PageRun], *, language: Language = "en", smoothing: Smoothing | None = None) -> str:
    """The page of one run, or of several with their curves over each other.

    Pictures that are gone are left out; of many, the last ones are there.
    """
    title = " / ".join(run.name for run in runs)
    svg = render([(run.name, run.metrics) for run in runs], kind="svg", language=language, smoothing=smoothing).decode()
    parts = [
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>",
        f"<h1>{html.escape(title)}</h1>",
        _section("curves", f'<figure class="curves">{svg[svg.index("<svg") :]}</figure>', language),
    ]
    for run in runs:
        if len(runs) > 1:
            parts.append(f"<h1>{html.escape(run.name)}</h1>")
        parts.append(_section("numbers", _table(_numbers(run, smoothing, language)), language))
        pictures = _pictures(run.metrics, language)
        if pictures:
            parts.append(_section("samples", pictures, language))
        if run.job:
            parts.append(_section("settings", _text(run.job), language))
        if run.command:
            parts.append(_section("command", _text(run.command), language))
        if run.environment:
            parts.append(_section("environment", _table(run.environment), language))
    parts.append("</main>\n</body>\n</html>\n")
    return "\n".join(parts)


def _section(word: str, content: str, language: Language) -> str:
    return f"<section>\n<h2>{html.escape(_WORDS[word].in_language(language))}</h2>\n{content}\n</section>"


def _text(text: str) -> str:
    return f"<pre>{html.escape(_shareable(text))}</pre>"


def _shareable(text: str) -> str:
    home = str(Path.home())
    return hide_secrets_in(text if len(home) < 4 else text.replace(home, "~").replace(home.replace("\\", "\\\\"), "~"))


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = (f"<tr><th>{html.escape(name)}</th><td>{html.escape(_shareable(value))}</td></tr>" for name, value in rows)
    return "<table>\n" + "\n".join(cells) + "\n</table>"


def _numbers(run: PageRun, smoothing: Smoothing | None, language: Language) -> list[tuple[str, str]]:
    metrics = run.metrics
    total = f" / {metrics.total_steps}" if metrics.total_steps else ""
    rows = [
        ("outcome", run.outcome.in_language(language) if run.outcome is not None else ""),
        ("optimizer", metrics.optimizer),
        ("started", time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created_at)) if run.created_at else ""),
        ("steps", f"{metrics.last_step}{total}" if metrics.last_step else ""),
    ]
    loss = metrics.get(LOSS)
    if len(loss):
        smooth = (smoothing or Smoothing(window=max(5.0, len(loss) / 20))).apply(loss.y)
        rows.append(("loss", f"{smooth[-1]:.5g}"))
    validation, memory = metrics.get(VALIDATION_LOSS).last, metrics.get(SeriesKey(Quantity.MEMORY)).last
    rows.append(("validation", "" if validation is None else f"{validation:.5g}"))
    rows.append(("memory", "" if memory is None else f"{memory / 2**30:.2f} GiB"))
    return [(_WORDS[word].in_language(language), value) for word, value in rows if value]


def _pictures(metrics: RunMetrics, language: Language) -> str:
    found = [mark for mark in metrics.marks if mark.kind is MarkKind.SAMPLE and Path(mark.detail).suffix.lower() in _KINDS]
    shown: list[str] = []
    size = 0
    for mark in reversed(found):
        try:
            data = Path(mark.detail).read_bytes()
        except OSError:
            continue  # deleted or moved: the run is still worth a page
        size += len(data)
        if len(shown) == MOST_PICTURES or size > MOST_BYTES:
            break
        kind = _KINDS[Path(mark.detail).suffix.lower()]
        words = html.escape(_WORDS["step"].format(step=mark.step).in_language(language))
        source = f"data:{kind};base64,{base64.b64encode(data).decode()}"
        shown.append(f'<figure><img alt="{words}" src="{source}"><figcaption>{words}</figcaption></figure>')
    if not shown:
        return ""
    more = len(found) - len(shown)
    left_out = _WORDS["left_out"].format(count=more, most=MOST_PICTURES, mib=MOST_BYTES >> 20).in_language(language)
    note = f'<p class="faint">{html.escape(left_out)}</p>' if more > 0 else ""
    return '<div class="grid">\n' + "\n".join(reversed(shown)) + "\n</div>" + note
