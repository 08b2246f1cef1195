"""What has become of an entry that was started: its run's folder says, whoever asks and whoever died."""

from __future__ import annotations

import time
from dataclasses import replace

from core.queue.model import Entry, State
from core.runs.folder import RunFolder
from core.runs.outcome import Ending, Outcome
from core.runs.processes import is_alive, members
from core.text import Text

TRIES = 3
"""Starts in a row that may come to nothing before an entry counts as failed."""

_ENDS = {Ending.FINISHED: State.DONE, Ending.STOPPED: State.STOPPED, Ending.FAILED: State.FAILED, Ending.LOST: State.FAILED}


def judged(entry: Entry, *, driven: bool) -> Entry:
    """The entry with the state that its run gives it.

    Args:
        entry: as written.
        driven: whether a driver is at work; without one nobody is just starting anything.
    """
    if not entry.state.is_under_way:
        return entry
    if entry.run is None:
        return entry if driven else replace(entry, state=State.WAITING)
    if not entry.run.is_dir():
        if members(entry.run, (), None):
            return replace(entry, state=State.RUNNING)  # the folder was deleted, but the training goes on, and keeps its GPU
        if entry.state is State.STARTING:  # the start was given up, and the disk had no room to say so
            return came_to_nothing(entry, _gone(entry))
        return _over(entry, State.FAILED, _gone(entry))
    run = RunFolder(entry.run)
    outcome = run.outcome()
    if outcome is not None:
        return _ended(entry, run, outcome)
    return replace(entry, state=State.STARTING if run.under_way() is Ending.STARTING else State.RUNNING)


def needs_supervisor(entry: Entry) -> bool:
    """Whether the run of an entry was prepared, but nobody is in charge of it and nothing trains.

    Looked at before anybody judges the run: starting a supervisor is safe at any time, since of several one takes charge.
    """
    if not entry.state.is_under_way or entry.run is None or not entry.run.is_dir():
        return False
    run = RunFolder(entry.run)
    record = run.processes()
    return not run.outcome_file.exists() and record.child is None and not is_alive(record.supervisor)


def _ended(entry: Entry, run: RunFolder, outcome: Outcome) -> Entry:
    if outcome.ending is Ending.LOST and _never_began(run):
        return came_to_nothing(entry, outcome.sentence)
    problem = outcome.sentence if outcome.ending in (Ending.FAILED, Ending.LOST) else None
    return _over(entry, _ENDS[outcome.ending], problem, outcome.ended_at)


def came_to_nothing(entry: Entry, why: Text) -> Entry:
    """An entry whose start never became a training: it waits again, but not for ever."""
    tries = entry.tries + 1
    if tries >= TRIES:
        return _over(replace(entry, tries=tries), State.FAILED, why)
    former = entry.former if entry.run is None else (*entry.former, entry.run)
    return replace(entry, state=State.WAITING, run=None, lane=None, tries=tries, former=former)


def _never_began(run: RunFolder) -> bool:
    try:
        silent = run.log_file.stat().st_size == 0
    except OSError:
        silent = True
    return run.processes().child is None and silent and not run.events_file.exists()


def _over(entry: Entry, state: State, problem: Text | None, at: float | None = None) -> Entry:
    ended_at = entry.ended_at if entry.ended_at is not None else time.time() if at is None else at
    return replace(entry, state=state, problem=problem, ended_at=ended_at)


def _gone(entry: Entry) -> Text:
    return Text(f"The run's folder is gone: {entry.run}", f"実行フォルダーがなくなっています: {entry.run}")
