"""Follows a run in a terminal: a progress bar, warnings, and in the end the outcome. Ctrl-C stops the run cleanly."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import overload

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from core.cli.output import note, say
from core.runs.events import Event, Sample, Saved, Step, Validated, Warned, Wished
from core.runs.folder import RunFolder
from core.runs.follow import Follower, Update
from core.runs.outcome import Ending, Outcome
from core.runs.wish_words import wish_words
from core.text import Text

_POLL_SECONDS = 0.2


@overload
def watch(run: RunFolder, *, each: Callable[[Update], None] | None = None) -> Outcome: ...
@overload
def watch(run: RunFolder, *, each: Callable[[Update], None] | None = None, stops: bool) -> Outcome | None: ...
def watch(run: RunFolder, *, each: Callable[[Update], None] | None = None, stops: bool = True) -> Outcome | None:
    """Shows the run until it is over. The first Ctrl-C asks it to stop, the second ends it.

    Args:
        run: a started run.
        each: called with every update (metrics of the demo).
        stops: else Ctrl-C leaves the run alone, and nothing (None) is known of its end.
    """
    from core.cli.alarms import Alarms  # late: numpy

    follower, asked, alarms = Follower(run), 0, Alarms(run)
    with _Display() as display:
        while True:
            try:
                update = follower.poll()
                display.show(update)
                for alarm in alarms.take(update):
                    display.say(alarm.text)
                if each is not None:
                    each(update)
                if update.outcome is not None:
                    return update.outcome
                time.sleep(0 if update.behind else _POLL_SECONDS)
            except KeyboardInterrupt:
                if not stops:
                    return None
                asked += 1
                run.request_stop(now=asked > 1)
                display.say(
                    Text(
                        "Stopping after this step; Ctrl-C again ends it at once.",
                        "このステップの後に停止します。もう一度 Ctrl-C で強制終了します。",
                    )
                    if asked == 1
                    else Text("Ending it now.", "強制終了しています。")
                )


def show_outcome(outcome: Outcome) -> int:
    """Prints how it ended. Returns the exit code: 0 for a finished run only."""
    note(outcome.sentence)
    if outcome.error:
        note(outcome.error)
    for text in (outcome.explanation, outcome.advice):
        if text is not None:
            note(text)
    if outcome.ending is Ending.FAILED and not outcome.explanation:
        for line in outcome.tail:
            note("  " + line)
    for file in outcome.files:
        note("  " + file)
    return 0 if outcome.ending is Ending.FINISHED else 1


class _Display:
    """A bar in a terminal; a line every tenth of the way elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._live = sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._live,
            transient=True,
        )
        self._task = self._bar.add_task(say(Text("starting", "起動中")), total=None, facts="")
        self._said = 0
        self._last_log = ""

    def __enter__(self) -> _Display:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, text: Text | str) -> None:
        self._console.print(say(text) if isinstance(text, Text) else text, markup=False)

    def show(self, update: Update) -> None:
        for event in update.events:
            self._event(event)
        lines = [line for line in update.log.splitlines() if line.strip()]
        if lines:
            self._last_log = lines[-1]
        progress = update.progress
        if progress is None or not progress.step:
            self._bar.update(self._task, description=self._last_log[:60] or say(Text("starting", "起動中")))
            return
        training = say(Text("training", "学習中"))
        self._bar.update(self._task, description=training, completed=progress.step, total=progress.total)
        if not self._live and progress.total and progress.step * 10 // progress.total > self._said:
            self._said = progress.step * 10 // progress.total
            self.say(f"{training} {progress.step}/{progress.total} {self._facts}")

    _facts = ""

    def _event(self, event: Event) -> None:
        if isinstance(event, Step):
            facts = [] if event.loss is None else [f"loss {event.loss:.4g}"]
            # The last group is the U-Net where both are trained; its rate is what people look at.
            facts += [f"d*lr {group.d_lr:.3g}" for group in event.groups[-1:] if group.d_lr is not None]
            facts += [f"lr {group.lr:.3g}" for group in event.groups[-1:] if group.d_lr is None and group.lr is not None]
            self._facts = "  ".join(facts)
            self._bar.update(self._task, facts=self._facts)
        elif isinstance(event, Sample | Saved):
            self.say(event.path)
        elif isinstance(event, Validated):
            step, loss = event.step, f"{event.loss:.4g}"
            self.say(Text(f"validation loss {loss} (step {step})", f"検証 loss {loss} (ステップ {step})"))
        elif isinstance(event, Wished):
            if not (event.stage == "done" and event.path):  # the file itself was told just before
                self.say(wish_words(event))
        elif isinstance(event, Warned):
            self.say(f"! {event.key} {event.detail}")
