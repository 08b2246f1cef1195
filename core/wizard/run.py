"""Carries a set-up out, step by step, with a journal; goes on where an earlier try ended."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from core.environment.command import run_command
from core.environment.install import shown
from core.environment.interpreters import child_environment
from core.errors import CaddieError
from core.files import replace_patiently, write_atomically
from core.locks import locked
from core.text import Text
from core.wizard.archive import Stopped, fetch_zip
from core.wizard.freeze import save_freeze
from core.wizard.journal import Journal, load_journal, place_of, save_journal
from core.wizard.plan import VENV, Action, Choice, Download, Run, Step, Write, holds_something, refuse, steps_of, venv_python
from core.wizard.problems import explain_command, explain_os

LOG = "log.txt"


class Told(Protocol):
    """Hears of the progress."""

    def step(self, step: Step, state: Literal["running", "done", "failed", "skipped"], /) -> None:
        """A step begins or ends."""
        ...

    def output(self, text: str, /) -> None:
        """What a command prints, as it comes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a set-up ended.

    Attributes:
        ok: every step is done.
        stopped: ended on request; it can go on later.
        failed: id of the step that failed.
        problem: what went wrong and what to do.
        seconds: how long it took.
    """

    ok: bool
    stopped: bool = False
    failed: str = ""
    problem: Text | None = None
    seconds: float = 0.0


def carry_out(choice: Choice, told: Told, stop: threading.Event) -> Outcome:
    """Makes the environment. Steps that an earlier try finished are not done again.

    Args:
        choice: what was chosen. Where an earlier try for the same folder is known, its finished steps count.
        told: hears of steps and output, in this thread.
        stop: ends it, with every process that it started.

    Raises:
        CaddieError: the choice is refused before anything is done, or another set-up of the folder is at work.
        OSError: the journal cannot be written.
    """
    started = time.monotonic()
    place = place_of(choice.folder)
    place.mkdir(parents=True, exist_ok=True)
    with locked(place / "lock", on_wait=lambda: refuse_second(choice.folder)):
        before = load_journal(choice.folder)
        resumed = before is not None and before.began
        refuse(choice, resumed=resumed)
        journal = replace(before, choice=choice, finished=False) if before is not None and resumed else Journal(choice=choice)
        with (place / LOG).open("a", encoding="utf-8", errors="replace") as log:
            outcome = _Runner(journal, _Logged(told, log.write), stop).run()
    return replace(outcome, seconds=time.monotonic() - started)


def refuse_second(folder: Path) -> None:
    """What is said instead of waiting for another process.

    Raises:
        CaddieError: always.
    """
    raise CaddieError(
        Text(
            f"Another window or command is setting up {folder} at this moment.",
            f"別のウィンドウまたはコマンドが、いま {folder} をセットアップしています。",
        )
    )


class _Logged:
    """Writes down what is told."""

    def __init__(self, told: Told, write: Callable[[str], int]) -> None:
        self._told, self._write = told, write

    def step(self, step: Step, state: Literal["running", "done", "failed", "skipped"]) -> None:
        with contextlib.suppress(OSError):
            self._write(f"[{time.strftime('%Y-%m-%d %H:%M:%S')}] {step.id}: {state}\n")
        self._told.step(step, state)

    def output(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a full disk must not take the message with it
            self._write(text)
        self._told.output(text)


class _Failed(Exception):
    """A step failed."""

    def __init__(self, problem: Text) -> None:
        super().__init__(problem.en)
        self.problem = problem


class _Runner:
    def __init__(self, journal: Journal, told: Told, stop: threading.Event) -> None:
        self._journal = journal
        self._choice = journal.choice
        self._told = told
        self._stop = stop
        self._emptied = False

    def run(self) -> Outcome:
        skips = True  # what comes behind a step that is done anew is done anew too
        for step in steps_of(self._choice):
            skips = skips and self._journal.states.get(step.id) == "done" and self._stands(step)
            if skips:
                self._told.step(step, "skipped")
                continue
            self._told.step(step, "running")
            try:
                self._clear(step)
                self._keep(self._journal.with_state(step.id, "running"))
                for action in step.actions:
                    self._do(action)
                if step.id == "source":
                    self._keep(replace(self._journal, source_files=fingerprints(self._choice.folder)))
            except Stopped:
                self._give_up(step)
                self._told.step(step, "failed")
                return Outcome(ok=False, stopped=True, failed=step.id)
            except (_Failed, CaddieError, OSError) as error:
                problem = error.problem if isinstance(error, _Failed) else _words(error)
                with contextlib.suppress(OSError):  # a full disk is what went wrong, perhaps
                    self._give_up(step)
                self._told.step(step, "failed")
                return Outcome(ok=False, failed=step.id, problem=problem)
            self._keep(self._journal.with_state(step.id, "done"))
            self._told.step(step, "done")
        save_freeze(self._choice.folder, venv_python(self._choice.folder))
        self._keep(replace(self._journal, finished=True))
        return Outcome(ok=True)

    def _keep(self, journal: Journal) -> None:
        self._journal = journal
        save_journal(journal)

    def _stands(self, step: Step) -> bool:
        """Whether what a finished step made is still there: somebody may have removed it by hand."""
        folder = self._choice.folder
        if step.makes == ".":
            return (folder / "requirements.txt").is_file()
        if step.makes == VENV:
            return venv_python(folder).is_file()
        return venv_python(folder).is_file() or step.id == "accelerate"

    def _clear(self, step: Step) -> None:
        """Removes what a try that was cut off left half made."""
        began = self._journal.states.get(step.id)
        if step.makes == ".":
            self._clear_folder(began)
        elif step.makes and began is not None:
            remove_tree(self._choice.folder / step.makes)

    def _clear_folder(self, began: str | None) -> None:
        """Sees to an empty folder. Nothing in it is deleted: since the last try somebody may have put files of their own there."""
        folder = self._choice.folder
        if self._journal.states.get("venv") is not None:
            return  # the files of sd-scripts went, and what was made later is there: git and the zip refuse, which is told
        if holds_something(folder):
            if began != "running":
                raise _Failed(
                    Text(
                        f"{folder} holds files that are not of this set-up. Move them elsewhere, then go on.",
                        f"{folder} に、このセットアップのものではないファイルがあります。別の場所に移してから再開してください。",
                    )
                )
            aside = _free_name(folder)  # a crash: nobody can tell what is whose
            replace_patiently(folder, aside)
            self._told.output(f"{folder} -> {aside}\n")
        self._emptied = True

    def _give_up(self, step: Step) -> None:
        """Writes down that a step failed; what it put into the folder that it found empty goes at once, while that is certain."""
        if step.makes == "." and self._emptied:
            with contextlib.suppress(FileNotFoundError):
                for path in self._choice.folder.iterdir():
                    if path.is_dir() and not path.is_symlink():
                        remove_tree(path)
                    else:
                        path.unlink()
        self._keep(self._journal.with_state(step.id, "failed"))

    def _do(self, action: Action) -> None:
        if self._stop.is_set():
            raise Stopped
        if isinstance(action, Download):
            self._told.output(f"{action.address}\n")
            fetch_zip(action.address, self._choice.folder, on_output=self._told.output, stop=self._stop)
        elif isinstance(action, Write):
            self._write(action)
        else:
            self._run(action)

    def _write(self, action: Write) -> None:
        self._told.output(f"{action.path}\n")
        if action.path.exists():
            return  # somebody's own answers
        write_atomically(action.path, action.content)
        digest = hashlib.sha256(action.content.encode()).hexdigest()
        self._keep(replace(self._journal, written={**self._journal.written, str(action.path): digest}))

    def _run(self, action: Run) -> None:
        self._told.output(f"$ {shown(action.argv)}\n")
        folder = self._choice.folder if action.inside else self._choice.folder.parent
        folder.mkdir(parents=True, exist_ok=True)
        ended = run_command(
            action.argv, variables=variables_for(self._choice), on_output=self._told.output, stop=self._stop, cwd=folder
        )
        if ended.how == "stopped":
            raise Stopped
        if not ended.ok:
            raise _Failed(ended.problem or explain_command(action.argv, ended.tail, ended.exit_code))


def _free_name(folder: Path) -> Path:
    """Beside it, with the time."""
    return folder.with_name(f"{folder.name}-cut-off-{time.strftime('%Y%m%d-%H%M%S')}")


def _words(error: CaddieError | OSError) -> Text:
    return error.text if isinstance(error, CaddieError) else explain_os(error)


def variables_for(choice: Choice) -> Mapping[str, str]:
    """The environment of a step's command."""
    return {
        **child_environment(choice.python),
        "PIP_PROGRESS_BAR": "off",  # bars are made of carriage returns, which a log cannot show
        "GIT_TERMINAL_PROMPT": "0",  # a repository that is not there must not ask for a password
        "GIT_PROGRESS_DELAY": "0",
    }


def files_in(folder: Path) -> list[str]:
    """All files below a folder, relative to it, with `/`; what is in the virtual environment is left out."""
    found: list[str] = []
    for root, folders, names in os.walk(folder):
        if Path(root) == folder and VENV in folders:
            folders.remove(VENV)
        found += [(Path(root) / name).relative_to(folder).as_posix() for name in names]
    return sorted(found)


def fingerprints(folder: Path) -> dict[str, str]:
    """Each file below a folder with the hash of its content, what belongs to git aside."""
    return {name: digest_of(folder / name) for name in files_in(folder) if not name.startswith(".git/")}


def digest_of(path: Path) -> str:
    """Hash of a file's content.

    Raises:
        OSError: it cannot be read.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()


def remove_tree(folder: Path) -> None:
    """Removes a folder and all in it, also what git made read-only. Of a link only the link goes.

    Raises:
        OSError: something cannot be removed.
    """
    if folder.is_symlink():
        folder.unlink()
        return
    if not folder.exists():
        return

    def unlock(function: Callable[..., object], path: str, error: tuple[type[BaseException], BaseException, object]) -> None:
        # Only where a file refuses to go: called again, the functions that look and list would seem to have worked. And a
        # link's permissions are those of what it leads to.
        if function not in (os.unlink, os.remove, os.rmdir) or os.path.islink(path) or not os.path.isabs(path):
            raise error[1]
        os.chmod(path, stat.S_IWRITE | stat.S_IREAD | stat.S_IEXEC)
        function(path)

    shutil.rmtree(os.path.abspath(folder), onerror=unlock)  # onexc is Python 3.12's
