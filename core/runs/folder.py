"""A run's folder: plain files that a window, a command line and a supervisor share (`docs/run-folder.md`).

Nothing is kept in memory that another process could not read from the folder: a window that opens tomorrow knows as
much about a run as the one that started it.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from core.errors import CaddieError
from core.job.model import Job
from core.locks import locked
from core.paths import runs_dir as default_runs_dir
from core.runs.outcome import Ending, Outcome
from core.runs.processes import ProcessId, identify, is_alive
from core.runs.records import (
    ProcessRecord,
    RunCommand,
    read_command,
    read_outcome,
    read_processes,
    stop_is_urgent,
    write_outcome,
    write_processes,
    write_stop_request,
)
from core.runs.wishes import WishFolder
from core.text import Text

START_GRACE = 20.0
"""Seconds in which a run whose supervisor is not there yet counts as starting."""

_LOOK_FOR_STRAYS = 2.0  # seconds
_NAME = re.compile(r"\d{8}-\d{6}-.+")
_SLUG_LENGTH = 40
_WINDOWS_NAMES = {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}


class RunFolder:
    """One run, as its folder says."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._job: Job | None = None
        self._command: RunCommand | None = None
        self._outcome: Outcome | None = None
        self._looked, self._stray = -_LOOK_FOR_STRAYS, False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunFolder) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    @property
    def job_file(self) -> Path:
        """The job that was started (can be given to the script's `--config_file`)."""
        return self.path / "job.toml"

    @property
    def command_file(self) -> Path:
        """What was started: argv, folder, environment."""
        return self.path / "command.json"

    @property
    def log_file(self) -> Path:
        """Everything the script printed, raw, stdout and stderr together."""
        return self.path / "log.txt"

    @property
    def events_file(self) -> Path:
        """What the companion saw, one JSON object a line."""
        return self.path / "events.jsonl"

    @property
    def process_file(self) -> Path:
        """Who is at work: supervisor, launched command, descendants."""
        return self.path / "process.json"

    @property
    def outcome_file(self) -> Path:
        """How it ended; not there before."""
        return self.path / "outcome.json"

    @property
    def stop_file(self) -> Path:
        """Its presence asks everything to stop."""
        return self.path / "stop.request"

    @property
    def wishes(self) -> WishFolder:
        """What the built-in trainer may be asked for beside the end."""
        return WishFolder(self.path / "wishes")

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor had to say; empty where all went well."""
        return self.path / "supervisor.log"

    @property
    def charge_file(self) -> Path:
        """Locked by who takes charge of the run, or judges one that nobody is in charge of."""
        return self.path / "supervisor.lock"

    @property
    def name(self) -> str:
        """What a person calls the run."""
        command = self._read_command()
        return command.name if command is not None and command.name else self.path.name

    @property
    def created_at(self) -> float:
        """When the folder was made, seconds since the epoch."""
        command = self._read_command()
        if command is not None and command.created_at:
            return command.created_at
        try:
            return datetime.strptime(self.path.name[:15], "%Y%m%d-%H%M%S").timestamp()
        except ValueError:
            return self.path.stat().st_mtime

    @property
    def job(self) -> Job:
        """The job that was started.

        Raises:
            CaddieError: its file is missing or damaged.
        """
        if self._job is None:
            from core.job.store import load_job

            self._job = load_job(self.job_file)
        return self._job

    @property
    def command(self) -> RunCommand:
        """What was started.

        Raises:
            CaddieError: its file is missing or damaged.
        """
        command = self._read_command()
        if command is None:
            raise CaddieError(
                Text(
                    f"The run in {self.path} has no readable command.json.",
                    f"{self.path} の command.json が読み取れません。",
                )
            )
        return command

    def _read_command(self) -> RunCommand | None:
        if self._command is None:
            self._command = read_command(self.command_file)
        return self._command

    def processes(self) -> ProcessRecord:
        """Who is at work, as last written."""
        return read_processes(self.process_file) or ProcessRecord()

    def outcome(self) -> Outcome | None:
        """How the run ended; None while it goes on.

        A run whose supervisor and training are both gone without a word is judged from what they left, and the
        judgement is written down so that it stays the same.
        """
        if self._outcome is None:
            self._outcome = read_outcome(self.outcome_file)
        if self._outcome is None and self._is_deleted():
            return None if self._lives_on() else _deleted()
        if self._outcome is None and self._is_abandoned():
            from core.runs.evidence import gather
            from core.runs.judge import judge

            with self._alone():
                # Once more: a supervisor may have written its word, or taken charge, between the two looks.
                self._outcome = read_outcome(self.outcome_file)
                if self._outcome is None and not is_alive(self.processes().supervisor):
                    self._outcome = judge(gather(self, exit_code=None))
                    with contextlib.suppress(OSError):  # a full disk or a read-only copy: the judgement is the same next time
                        write_outcome(self.outcome_file, self._outcome)
        return self._outcome

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        """Nobody takes charge of the run meanwhile; where nothing can be written, nobody can."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                stack.enter_context(locked(self.charge_file))
            yield

    def state(self) -> Ending:
        """Starting, running, or one of the four ends."""
        outcome = self.outcome()
        return self.under_way() if outcome is None else outcome.ending

    def under_way(self) -> Ending:
        """Starting or running, for a run that has no outcome."""
        record = self.processes()
        unborn = record.child is None and record.host is None and not self._is_deleted()
        return Ending.STARTING if unborn else Ending.RUNNING

    def _lives_on(self) -> bool:
        """Whether a training whose folder is gone still runs. It takes a look at all processes: not at every poll."""
        now = time.monotonic()
        if now - self._looked > _LOOK_FOR_STRAYS:
            self._looked, self._stray = now, _has_stray(self.path, ProcessRecord())
        return self._stray

    def _is_deleted(self) -> bool:
        """Whether its folder was there and is not any more."""
        return self._command is not None and not self.path.is_dir()

    def _is_abandoned(self) -> bool:
        record = self.processes()
        if record.host is not None:  # what else that window has started is none of this run's
            return not is_alive(record.host) and read_outcome(self.outcome_file) is None
        if is_alive(record.supervisor) or any(is_alive(process) for process in record.roots):
            return False
        if record.supervisor is None and record.child is None:
            return not self._may_be_starting(record)
        if _has_stray(self.path, record):
            return False
        return read_outcome(self.outcome_file) is None

    def _may_be_starting(self, record: ProcessRecord) -> bool:
        try:
            age = time.time() - max(self.path.stat().st_mtime, record.updated_at)
        except OSError:
            return False
        return abs(age) < START_GRACE  # of the future: the clock was set back since

    def request_stop(self, *, now: bool = False) -> None:
        """Asks the run to stop: the script ends at the next step, else everything is ended. Returns at once.

        Args:
            now: do not ask the script, end it.

        Raises:
            OSError: the request cannot be written.
        """
        if self.outcome() is not None:
            return
        urgent = now or stop_is_urgent(self.stop_file)
        write_stop_request(self.stop_file, now=urgent, at=time.time())
        record = self.processes()
        if record.host is not None:
            return  # its own thread looks at the request; ending its process would end a window
        starting = record.supervisor is None and self._may_be_starting(record)
        if not starting and not is_alive(record.supervisor):
            from core.runs.launch import start_supervisor

            start_supervisor(self)  # nobody else would see to it that the request is obeyed

    def stop_requested(self) -> bool:
        """Whether somebody asked the run to stop."""
        return self.stop_file.exists()


def _has_stray(path: Path, record: ProcessRecord) -> bool:
    """Whether something of the run lives on that no record names (seen only when all that is named is gone)."""
    from core.runs.processes import members

    session = None if record.child is None else record.child.pid
    return bool(members(path, record.roots, session))


def _deleted() -> Outcome:
    return Outcome(
        ending=Ending.LOST,
        sentence=Text(
            "The run's folder was deleted, so nobody can say how it ended.",
            "実行フォルダーが削除されたため、どのように終わったかは分かりません。",
        ),
    )


def list_runs(runs_dir: Path | None = None) -> list[RunFolder]:
    """All runs, the newest first. A folder that is not named as a run is not one."""
    folder = default_runs_dir() if runs_dir is None else runs_dir
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [RunFolder(folder / name) for name in sorted(names, reverse=True) if _NAME.fullmatch(name)]


def make_run_folder(name: str, runs_dir: Path | None = None, *, at: float | None = None) -> RunFolder:
    """Makes an empty folder `<yyyymmdd-hhmmss>-<slug>` that no other process can get too.

    Raises:
        OSError: it cannot be made.
    """
    folder = default_runs_dir() if runs_dir is None else runs_dir
    folder.mkdir(parents=True, exist_ok=True)
    moment = datetime.fromtimestamp(time.time() if at is None else at)
    stem = f"{moment:%Y%m%d-%H%M%S}-{slug(name)}"
    number = 1
    while True:
        path = folder / (stem if number == 1 else f"{stem}-{number}")
        try:
            # Fails where it exists: two instances never share a run. Only for its owner: the command and the log may
            # hold keys of other services (--wandb_api_key).
            path.mkdir(mode=0o700)
        except FileExistsError:
            number += 1
            continue
        return RunFolder(path)


def slug(name: str) -> str:
    """A file name that every system takes: letters of any script, digits and dashes."""
    words = re.sub(r"[^\w]+", "-", name, flags=re.UNICODE).strip("-_")[:_SLUG_LENGTH].strip("-_").lower()
    if not words or words in _WINDOWS_NAMES:
        words = f"run-{words}".rstrip("-")
    return words


def prepare(folder: RunFolder, command: RunCommand) -> None:
    """Writes the files a supervisor needs. The job is written by the caller.

    Raises:
        OSError: no space, no permission, …
    """
    from core.runs.records import write_command

    write_command(folder.command_file, command)
    folder.log_file.touch()
    write_processes(folder.process_file, ProcessRecord(starter=identify(os.getpid()), updated_at=time.time()))


def update_processes(
    folder: RunFolder,
    *,
    supervisor: ProcessId | None = None,
    child: ProcessId | None = None,
    host: ProcessId | None = None,
    seen: tuple[ProcessId, ...] | None = None,
    started_at: float | None = None,
) -> ProcessRecord:
    """Writes what is new into process.json and returns the whole.

    Raises:
        OSError: it cannot be written.
    """
    changes: Mapping[str, object] = {
        name: value
        for name, value in {
            "supervisor": supervisor,
            "child": child,
            "host": host,
            "seen": seen,
            "started_at": started_at,
        }.items()
        if value is not None
    }
    record = replace(folder.processes(), updated_at=time.time(), **changes)  # pyright: ignore[reportArgumentType]
    write_processes(folder.process_file, record)
    return record
