"""`plot RUN… -o FILE`: curves as PNG, SVG, CSV, or a page that holds everything."""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path

from core.cli.history import find_record, records_of
from core.cli.output import note
from core.errors import CaddieError
from core.files import write_atomically
from core.metrics.export import several_to_csv, to_csv
from core.metrics.figure import render
from core.metrics.page import PageRun, page_run, render_page
from core.metrics.smoothing import Smoothing
from core.runs.folder import RunFolder
from core.text import Text, preferred_language

_KINDS = (".png", ".svg", ".csv", ".html")


def run_plot(options: Namespace) -> int:
    """Writes the file. 1 where a run has no numbers yet."""
    target = Path(options.output)
    kind = target.suffix.lower()
    if kind not in _KINDS:
        raise CaddieError(
            Text(
                f"{target.name}: the name has to end in .png, .svg, .csv or .html.",
                f"{target.name}: ファイル名の末尾は .png、.svg、.csv、.html のいずれかにしてください。",
            )
        )
    smoothing = _smoothing(options)
    runs = [page_run(_folder(word, options)) for word in options.run]
    empty = [run.name for run in runs if not run.metrics.series]
    if empty:
        names = ", ".join(empty)
        raise CaddieError(Text(f"No numbers were reported by: {names}", f"数値の記録がありません: {names}"))
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, _content(kind, runs, smoothing, options.title))
    note(Text(f"Written: {target}", f"書き出しました: {target}"))
    return 0


def _content(kind: str, runs: list[PageRun], smoothing: Smoothing | None, title: str) -> str | bytes:
    named = [(run.name, run.metrics) for run in runs]
    if kind == ".csv":
        return to_csv(runs[0].metrics) if len(runs) == 1 else several_to_csv(named)
    language = preferred_language()
    if kind == ".html":
        return render_page(runs, language=language, smoothing=smoothing)
    heading = title or (runs[0].name if len(runs) == 1 else "")
    return render(named, kind="svg" if kind == ".svg" else "png", title=heading, language=language, smoothing=smoothing)


def _smoothing(options: Namespace) -> Smoothing | None:
    window: float | None = options.smoothing
    if window is None and not options.zero_phase:
        return None
    window = 50.0 if window is None else window
    if not (math.isfinite(window) and window >= 1):
        raise CaddieError(Text("--smoothing has to be 1 or more.", "--smoothing には 1 以上の値を指定してください。"))
    return Smoothing(window=window, method="zero-phase" if options.zero_phase else "exponential")


def _folder(word: str, options: Namespace) -> RunFolder:
    path = Path(word)
    if (path / "command.json").is_file():
        return RunFolder(path)
    return RunFolder(find_record(records_of(options), word).folder)
