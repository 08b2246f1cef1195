"""`runs`: what trains now, whoever started it, and what may be asked of it."""

from __future__ import annotations

import time
from argparse import Namespace
from datetime import datetime
from pathlib import Path

from core.cli.output import note, print_json, print_table, say
from core.cli.watch import show_outcome, watch
from core.errors import CaddieError
from core.runs.event_lines import decode_event
from core.runs.events import Event, Wished
from core.runs.folder import RunFolder, list_runs
from core.runs.follow import Follower, Tail
from core.runs.outcome import Ending
from core.runs.wish_words import wish_words
from core.runs.wishes import abilities_of
from core.text import Text

_LOOK = 0.2
_CHUNK = 1 << 20
_STATES = {Ending.STARTING: Text("starting", "起動中"), Ending.RUNNING: Text("running", "実行中")}
_PAUSED = Text("paused", "一時停止中")


def run_runs(options: Namespace) -> int:
    """Lists what is under way, or asks something of one."""
    if options.action is None:
        return _list(options)
    run = find_run(options.run, Path(options.runs).absolute() if options.runs else None)
    if options.action == "attach":
        return _attach(run)
    if run.outcome() is not None:
        raise CaddieError(Text(f"{run.path.name} is over.", f"{run.path.name} はすでに終了しています。"))
    return _stop(run, options) if options.action == "stop" else _ask(run, options)


def find_run(word: str | None, runs_dir: Path | None) -> RunFolder:
    """The run that a word names, as `history` finds it; without a word the only one that is under way.

    Raises:
        CaddieError: none, or several.
    """
    if word and (Path(word) / "command.json").is_file():
        return RunFolder(Path(word))
    runs = list_runs(runs_dir)
    if word is None:
        found = [run for run in runs if not run.state().is_over]
    else:
        found = [run for run in runs if word in (run.path.name, run.name)] or [r for r in runs if r.path.name.startswith(word)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(run.path.name for run in found[:5])
    if found:
        raise CaddieError(Text(f"Which one? {listed}", f"どの実行か特定できません: {listed}"))
    if word is None:
        raise CaddieError(Text("Nothing is under way.", "実行中の学習はありません。"))
    raise CaddieError(Text(f"There is no run {word}.", f"実行 {word} は見つかりません。"))


def _list(options: Namespace) -> int:
    runs = list_runs(Path(options.runs).absolute() if options.runs else None)
    rows = [(run, state) for run in runs if not (state := run.state()).is_over]
    if options.json:
        found = [
            {"run": run.path, "name": run.name, "state": state.value, "paused": run.wishes.paused, "hears": abilities_of(run)}
            for run, state in rows
        ]
        print_json(found)
        return 0
    if not rows:
        note(Text("Nothing is under way.", "実行中の学習はありません。"))
        return 0
    headings = (Text("Run", "実行"), Text("State", "状態"), Text("Step", "ステップ"), Text("Started", "開始"))
    print_table([say(text) for text in headings], [_row(run, state) for run, state in rows])
    return 0


def _row(run: RunFolder, state: Ending) -> tuple[str, str, str, str]:
    progress = Follower(run).poll().progress
    step = "–" if progress is None else f"{progress.step}" + (f" / {progress.total}" if progress.total else "")
    words = _PAUSED if run.wishes.paused else _STATES[state]
    return run.path.name, say(words), step, f"{datetime.fromtimestamp(run.created_at):%Y-%m-%d %H:%M}"


def _attach(run: RunFolder) -> int:
    outcome = watch(run, stops=False)
    if outcome is None:
        note(Text(f"{run.path.name} goes on.", f"{run.path.name} は引き続き実行中です。"))
        return 0
    return show_outcome(outcome)


def _stop(run: RunFolder, options: Namespace) -> int:
    answers = Answers(run)
    if options.save:
        _refuse_deaf(run, "save")
        run.wishes.save_at_stop()
    run.request_stop(now=options.now)
    if options.no_wait:
        return 0
    while (outcome := run.outcome()) is None:
        for event in answers.new():
            note(wish_words(event))
            if (event.wish, event.stage) == ("save-then-stop", "failed") and not run.stop_requested():
                return 1
        time.sleep(_LOOK)
    for event in answers.new():
        note(wish_words(event))
    show_outcome(outcome)
    return 0 if outcome.ending in (Ending.STOPPED, Ending.FINISHED) else 1


def _ask(run: RunFolder, options: Namespace) -> int:
    wish: str = options.action
    _refuse_deaf(run, "pause" if wish == "go-on" else wish)
    answers = Answers(run)
    if wish in ("pause", "go-on"):
        run.wishes.pause(on=wish == "pause")
    else:
        run.wishes.ask("save" if wish == "save" else "sample")
    if options.no_wait:
        return 0
    while True:
        over = run.outcome()
        for event in answers.new():
            if event.wish == wish:
                note(wish_words(event))
                if event.stage != "heard":
                    return 0 if event.stage == "done" else 1
        if over is not None:
            return show_outcome(over) or 1
        time.sleep(_LOOK)


def _refuse_deaf(run: RunFolder, wish: str) -> None:
    able = abilities_of(run)
    if able is None:
        if not run.command.companion:
            raise CaddieError(
                Text(
                    "The companion is switched off in this job, so nobody in the script can hear it.",
                    "このジョブではコンパニオンがオフのため、スクリプトに伝えられません。",
                )
            )
        raise CaddieError(Text("Possible once the first step is done.", "最初のステップが終わると使えます。"))
    if wish not in able:
        heard = ", ".join(able) or "–"
        raise CaddieError(Text(f"This training cannot be asked for it ({heard}).", f"この学習では使えません ({heard})。"))


class Answers:
    """What a training says of wishes from now on."""

    def __init__(self, run: RunFolder) -> None:
        try:
            start = run.events_file.stat().st_size
        except OSError:
            start = 0
        self._tail, self._torn = Tail(run.events_file, start), b""

    def new(self) -> list[Wished]:
        """What came since the last look."""
        data, _ = self._tail.read(_CHUNK)
        lines = (self._torn + data).split(b"\n")
        self._torn = lines.pop()
        found: list[Event | None] = [decode_event(line) for line in lines if line.strip()]
        return [event for event in found if isinstance(event, Wished)]
