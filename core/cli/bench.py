"""`bench optimizers`: a child Python with torch measures (`optimizers.bench`), this side draws the table."""

from __future__ import annotations

import json
import shlex
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

from core import __version__
from core.cli.bench_table import print_bench
from core.cli.output import note, print_json
from core.environment.child import Child
from core.environment.interpreters import child_environment, with_console
from core.errors import CaddieError, nearest
from core.files import write_atomically
from core.paths import PROJECT_ROOT
from core.text import Text

FORMAT: Final = 1
"""Of the file that `--json` writes."""

_SILENCE: Final = 1800.0
"""Seconds: one row of the largest set on a slow CPU takes minutes."""

_NOISE: Final = ("USDT:", "[W")
"""How lines begin that torch's profiler writes to standard error whatever happens."""

_HAS_TORCH: Final = "import importlib.util, sys; sys.exit(0 if importlib.util.find_spec('torch') else 3)"

Line = Mapping[str, Any]


def run_bench(options: Namespace) -> int:
    """Measures and prints; `--json FILE` also writes the figures there, `--json -` prints them instead of the table."""
    python = _interpreter(options)
    arguments = _arguments(options)
    _need_torch(python)
    document = bench_document(python, arguments, threads=options.threads)
    if options.json == "-":
        print_json(document)
    else:
        print_bench(document)
    if options.json and options.json != "-":
        write_atomically(Path(options.json), json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    if document["problem"] is not None:
        note(_failed(document["problem"]))
        return 1
    return 0


def bench_document(python: Path, arguments: Sequence[str], *, threads: int) -> dict[str, Any]:
    """Runs the measuring process and gathers what it says.

    Returns:
        `format`, `caddie`, `date`, `command` (what repeats it), `seconds` (how long it took), `problem` (why the
        process ended early, else None), `start` (what was measured and where) and `rows`.

    Raises:
        CaddieError: nothing was measured.
    """
    rows: list[Line] = []
    start: Line | None = None
    seconds: float | None = None
    variables = {**child_environment(python), "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    with Child([str(python), "-m", "optimizers.bench", *arguments], cwd=PROJECT_ROOT, variables=variables) as child:
        for line in _lines(child):
            kind = line["kind"]
            if kind == "problem":
                raise CaddieError(_problem(line))
            if kind == "start":
                start = line
            elif kind == "begin":
                note(f"{line['number']}/{line['of']}  {line['name']} {line['variant']}".rstrip())
            elif kind == "row":
                rows.append(_without_kind(line))
            elif kind == "end":
                seconds = line["seconds"]
        problem = None if seconds is not None else f"{_last_words(child.error_tail())} (exit code {child.wait(1.0)})".strip()
    if start is None or not rows:
        raise CaddieError(_failed(problem or ""))
    return {
        "format": FORMAT,
        "caddie": __version__,
        "date": date.today().isoformat(),
        "command": shlex.join(["python", "main.py", "bench", "optimizers", *arguments]),
        "seconds": seconds,
        "problem": problem,
        "start": _without_kind(start),
        "rows": rows,
    }


def _interpreter(options: Namespace) -> Path:
    if not options.environment:
        return with_console(Path(sys.executable))
    from core.cli.environment import find_environment, store

    return with_console(find_environment(store(), options.environment).python)


def _arguments(options: Namespace) -> list[str]:
    arguments = ["--set", options.set, "--device", options.device, "--threads", str(options.threads)]
    arguments += ["--rounds", str(options.rounds)] if options.rounds else []
    return arguments + (["--optimizers", options.optimizers] if options.optimizers else [])


def _need_torch(python: Path) -> None:
    """The measuring process would only show a traceback.

    Raises:
        CaddieError: this Python cannot be started, or has no torch.
    """
    try:
        with Child([str(python), "-c", _HAS_TORCH], variables=child_environment(python)) as child:
            code = child.wait(60.0)
    except OSError as error:
        raise CaddieError(Text(f"{python} cannot be started: {error}", f"{python} を起動できません: {error}")) from error
    if code != 0:
        raise CaddieError(
            Text(
                f"{python} has no torch, so there is nothing to measure with. Install it there (pip install torch), or name "
                "another Python with --environment.",
                f"{python} に torch がないため測定できません。そこに torch をインストールするか (pip install torch)、"
                "--environment で別の Python を指定してください。",
            )
        )


def _lines(child: Child) -> Iterator[Line]:
    rest, heard = b"", time.monotonic()
    while True:
        chunk = child.read(1.0)
        if chunk is None:
            if time.monotonic() - heard > _SILENCE:
                return
            continue
        if not chunk:
            return
        heard = time.monotonic()
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield cast("Line", json.loads(line))


def _without_kind(line: Line) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "kind"}


def _problem(line: Line) -> Text:
    words = str(line["words"])
    if line["reason"] == "no-cuda":
        return Text(f"There is no CUDA device for {words} here.", f"{words} で使用できる CUDA デバイスがありません。")
    known = [str(name) for name in line["known"]]
    near, listed = nearest(words, known), ", ".join(known)
    return Text(
        f"There is no optimizer {words!r} in the benchmark." + (f" Did you mean {near}?" if near else "") + f" Known: {listed}",
        f"{words!r} というオプティマイザーは測定の対象にありません。"
        + (f"{near} のことですか?" if near else "")
        + f" 対象: {listed}",
    )


def _failed(words: str) -> Text:
    return Text(f"The measuring process failed: {words}", f"測定プロセスが失敗しました: {words}")


def _last_words(errors: str) -> str:
    lines = [line.strip() for line in errors.splitlines() if line.strip() and not line.startswith(_NOISE)]
    return lines[-1] if lines else ""
