"""The small process that starts a training, watches it, obeys a stop, and writes down how it ended.

`python -m core.runs.supervisor FOLDER` detaches itself and returns; the window that asked may then close or crash. It
needs nothing but the run's folder. Where the training of that folder already lives (an earlier supervisor was killed),
it watches that one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.detached import main_of
from core.environment.variables import changed_variables
from core.locks import locked
from core.runs.evidence import gather
from core.runs.folder import RunFolder, update_processes
from core.runs.judge import judge
from core.runs.outcome import Outcome
from core.runs.processes import ProcessId, identify, is_alive, tree_of
from core.runs.records import RunCommand, StopTimes, stop_is_urgent, write_outcome
from core.runs.stopping import Stage, Stopper, alive, end_leftovers
from core.text import Text

_LOOK = 0.2
"""Seconds between two looks at the child and the stop request."""

_LOOK_AT_TREE = 2.0
"""Seconds between two looks at the child's descendants at first; later five times as long."""

_LOOK_AT_ALL = 2.0
"""Seconds between two looks for the training among all processes, once its launcher is gone."""

_WRITE_AGAIN = 15.0
"""Seconds before an outcome that could not be written is tried again."""

_WRITE_TRIES = 240


class Supervisor:
    """Watches one run to its end.

    Args:
        run: the run.
        times: how long each way of stopping is given.
    """

    def __init__(self, run: RunFolder, times: StopTimes) -> None:
        self._run = run
        self._times = times
        self._command = run.command
        self._child: subprocess.Popen[bytes] | None = None
        self._looked_at_tree = -_LOOK_AT_TREE
        self._began = time.monotonic()
        self._looked_at_all = 0.0
        self._lives_on = False
        self._terminated = False
        self._unwritten: dict[str, Any] = {}

    def run(self) -> None:
        """Starts the command (or finds it running), watches it, and writes the outcome."""
        if not self._take_charge():
            return
        # A supervisor may have been killed between the start of the training and the note of it.
        found_running = self._run.processes().child is not None or bool(alive(self._run))
        signal.signal(signal.SIGTERM, self._on_terminate)
        # A handler, not "ignore": what is ignored here would be ignored by the training too, and Ctrl-C has to reach it.
        signal.signal(signal.SIGINT, self._on_terminate)
        trouble = None
        if not found_running and not self._run.stop_requested():
            trouble = self._start()
        if trouble is None:
            self._watch()
        self._conclude(trouble)

    def _take_charge(self) -> bool:
        """Whether this is the one supervisor of a run that is not over: of several at once, one gets it."""
        me = identify(os.getpid())
        assert me is not None
        with locked(self._run.charge_file):
            if self._run.outcome_file.exists() or is_alive(self._run.processes().supervisor):
                return False
            update_processes(self._run, supervisor=me)
        return True

    def _on_terminate(self, _number: int, _frame: object) -> None:
        self._terminated = True

    def _start(self) -> Text | None:
        """Starts the command; returns what went wrong, None where nothing did."""
        try:
            with open(self._run.log_file, "ab") as log:
                self._child = subprocess.Popen(
                    list(self._command.argv),
                    cwd=self._command.cwd,
                    env=child_environment(self._command, dict(os.environ)),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=sys.platform != "win32",
                    creationflags=child_flags(),
                )
        except (OSError, ValueError) as error:
            return Text(f"The training could not be started: {error}", f"学習プロセスを起動できませんでした: {error}")
        child = identify(self._child.pid) or ProcessId(self._child.pid, time.time())
        self._note(child=child, started_at=child.created)
        return None

    def _note(self, **facts: Any) -> None:
        """Writes into process.json. A full disk must not end the watch: what could not be written is, the next time."""
        self._unwritten |= facts
        try:
            update_processes(self._run, **self._unwritten)
        except OSError as error:
            _complain(f"process.json is not written: {error}")
        else:
            self._unwritten = {}

    def _watch(self) -> None:
        """Returns when nothing of the training is alive any more, or only what it left behind."""
        stopper: Stopper | None = None
        while self._is_running():
            self._remember_tree()
            asked = self._run.stop_requested()
            if self._terminated and not asked:  # somebody ends the supervisor: the training does not go on unseen
                with contextlib.suppress(OSError):
                    self._run.request_stop()
                asked = self._run.stop_requested()
            if asked or self._terminated:
                urgent = stop_is_urgent(self._run.stop_file)
                if stopper is None:
                    # The companion is asked by the file; where that could not be written, nobody is asked.
                    companion = self._command.companion and asked
                    saves = companion and self._run.wishes.saves_first
                    stopper = Stopper(self._run, self._times, with_companion=companion, urgent=urgent, saves=saves)
                if urgent:
                    stopper.hurry()
                stopper.push()
            elif stopper is not None and stopper.stage is Stage.ASK:
                stopper = None  # taken back: the save that should have come first was not possible
            time.sleep(_LOOK)
        if stopper is None:
            self._wait_for_leftovers()
        end_leftovers(self._run, self._times)

    def _is_running(self) -> bool:
        """Whether the launched command lives, or the script that it left behind when it was killed."""
        if self._child is not None:
            if self._child.poll() is None:
                return True
        elif is_alive(self._run.processes().child):
            return True
        if self._child is not None and self._child.returncode == 0:
            return False
        if time.monotonic() - self._looked_at_all > _LOOK_AT_ALL:
            self._lives_on = any(_runs_script(argv, self._command) for argv in self._living_commands())
            self._looked_at_all = time.monotonic()
        return self._lives_on

    def _living_commands(self) -> list[list[str]]:
        import psutil

        commands: list[list[str]] = []
        for process in alive(self._run):
            try:
                commands.append(process.cmdline())
            except psutil.Error:
                continue
        return commands

    def _remember_tree(self) -> None:
        """Writes down the descendants, so that they are found again when their parent is gone."""
        now = time.monotonic()
        settled = now - self._began > 60
        if now - self._looked_at_tree < _LOOK_AT_TREE * (5 if settled else 1):
            return
        self._looked_at_tree = now
        if self._unwritten:
            self._note()
        record = self._run.processes()
        if record.child is None:
            return
        known = {process.pid: process for process in record.seen if is_alive(process)}
        for pid in tree_of(record.roots):
            if pid != record.child.pid and pid not in known and (found := identify(pid)) is not None:
                known[pid] = found
        seen = tuple(known.values())
        if set(seen) != set(record.seen):
            self._note(seen=seen)

    def _wait_for_leftovers(self) -> None:
        """Gives what a script that ended by itself left behind (uploads, loggers) a moment to end by itself."""
        until = time.monotonic() + self._times.leftovers
        while time.monotonic() < until and alive(self._run):
            time.sleep(_LOOK)

    def _conclude(self, trouble: Text | None) -> None:
        code = None if self._child is None else self._child.poll()
        outcome = judge(gather(self._run, exit_code=code, trouble=trouble, ended_at=time.time()))
        self._write(outcome)

    def _write(self, outcome: Outcome) -> None:
        """Writes the outcome, again and again where the disk is full: an end that nobody can read is no end."""
        for attempt in range(_WRITE_TRIES):
            try:
                write_outcome(self._run.outcome_file, outcome)
            except OSError as error:
                if not self._run.path.is_dir():
                    return  # somebody has deleted the run
                if attempt == 0:
                    _complain(f"The outcome ({outcome.ending.value}: {outcome.sentence.en}) is not written: {error}")
                time.sleep(_WRITE_AGAIN)
            else:
                return


def _complain(words: str) -> None:
    # Into supervisor.log, which lies on the same full disk.
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{words}\n")


def _runs_script(argv: list[str], command: RunCommand) -> bool:
    """Whether a process is the training itself: it has the launched script among its arguments."""
    scripts = {argument for argument in command.argv if argument.endswith(".py")}
    return any(argument in scripts for argument in argv)


def child_environment(command: RunCommand, inherited: dict[str, str]) -> dict[str, str]:
    """The environment of the training: what is inherited, without what would harm it, with what the run adds."""
    return changed_variables(
        inherited,
        change=command.environment,
        remove=command.unset,
        path_first=command.path_first,
        windows=sys.platform == "win32",
    )


def child_flags(platform: str = sys.platform) -> int:
    """`creationflags` that give the training a group of its own on Windows; 0 elsewhere (it leads a session).

    It keeps the supervisor's hidden console, else it could not be sent Ctrl-Break.
    """
    return 0x00000200 if platform == "win32" else 0


def read_times(variables: dict[str, str]) -> StopTimes:
    """The times of stopping; `CADDIE_STOP_TIMES=ask,interrupt,terminate,leftovers[,save]` changes them (seconds)."""
    said = variables.get("CADDIE_STOP_TIMES")
    if not said:
        return StopTimes()
    ask, interrupt, terminate, leftovers, *save = (float(part) for part in said.split(","))
    times = StopTimes(ask=ask, interrupt=interrupt, terminate=terminate, leftovers=leftovers)
    return replace(times, save=save[0]) if save else times


def _watch_over(folder: str) -> None:
    Supervisor(RunFolder(Path(folder)), read_times(dict(os.environ))).run()


def main(arguments: list[str]) -> int:
    """Detaches and watches. Returns an exit code: 2 for wrong usage."""
    return main_of("core.runs.supervisor", arguments, _watch_over)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
