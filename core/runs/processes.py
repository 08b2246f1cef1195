"""Whole trees of processes: found again later, told apart from a reused pid, and ended without leaving anything.

`accelerate launch` does nothing when it is killed: its training lives on without a parent. So a run's processes are
looked for in three ways: descendants of the known ones, members of the session that the launcher leads (POSIX), and
processes that carry the run's mark in their environment.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

RUN_MARK = "CADDIE_RUN"
"""Environment variable that every process of a run inherits; its value is the run folder."""

_CLOCK_SLACK = 5.0
"""Seconds by which a start time may seem to move when the system's clock is set."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that a reused pid cannot be taken for.

    Attributes:
        pid: its number.
        created: when it began, seconds since the epoch, by the clock of that time.
        uptime: seconds from the system's start to its own; None where the system tells that no better than `created`.
        boot: which start of the system that was; "" where nobody knows.
    """

    pid: int
    created: float
    uptime: float | None = None
    boot: str = ""


def identify(pid: int) -> ProcessId | None:
    """The identity of a living process, None where there is none."""
    try:
        created = psutil.Process(pid).create_time()
    except psutil.Error:
        return None
    boot = _boot_id()
    return ProcessId(pid, created, created - psutil.boot_time() if boot else None, boot)


@functools.cache
def _boot_id() -> str:
    """Linux works out a process' start from the clock of now, which may have been set since; so it is told by the uptime, too."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _same_start(process: ProcessId, created: float) -> bool:
    if abs(created - process.created) <= _CLOCK_SLACK:
        return True
    if process.uptime is None or not process.boot or process.boot != _boot_id():
        return False
    return abs(created - psutil.boot_time() - process.uptime) <= _CLOCK_SLACK


def find(process: ProcessId | None) -> psutil.Process | None:
    """The living process of that identity. A zombie is not alive."""
    if process is None:
        return None
    try:
        found = psutil.Process(process.pid)
        if not _same_start(process, found.create_time()) or found.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.Error:
        return None
    return found


def is_alive(process: ProcessId | None) -> bool:
    """Whether exactly that process lives."""
    return find(process) is not None


def tree_of(roots: Iterable[ProcessId]) -> dict[int, psutil.Process]:
    """The living roots and all their descendants, by pid. Cheap: one look at the parents of all processes."""
    found: dict[int, psutil.Process] = {}
    for root in roots:
        process = find(root)
        if process is None:
            continue
        found[process.pid] = process
        try:
            for child in process.children(recursive=True):
                found[child.pid] = child
        except psutil.Error:
            continue
    return found


def members(run: Path, roots: Iterable[ProcessId], session: int | None) -> list[psutil.Process]:
    """Everything alive that belongs to a run, this process and its supervisor not counted.

    Args:
        run: the run folder, as it stands in the mark.
        roots: known processes (launcher, trainer, what was seen under them).
        session: the session that the launcher leads on POSIX, else None.
    """
    found = tree_of(roots)
    mark = str(run)
    for process in psutil.process_iter():
        if process.pid in found or process.pid == os.getpid():
            continue
        if _in_session(process.pid, session) or _is_marked(process, mark):
            found[process.pid] = process
    found.pop(os.getpid(), None)
    return [process for process in found.values() if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _in_session(pid: int, session: int | None) -> bool:
    if session is None or sys.platform == "win32":
        return False
    try:
        return os.getsid(pid) == session
    except OSError:
        return False


def _is_marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(RUN_MARK) == mark
    except (psutil.Error, OSError, ValueError):  # another user's process, a kernel thread, one that just ended
        return False


def interrupt(processes: Iterable[psutil.Process], group: int | None) -> None:
    """Asks as Ctrl-C does: the group where there is one, since only a parent that is asked leaves its child running."""
    if sys.platform == "win32":
        if group is not None:
            _signal_quietly(group, signal.CTRL_BREAK_EVENT)
        return
    done = group is not None and _signal_group(group, signal.SIGINT)
    if not done:
        for process in processes:
            _signal_quietly(process.pid, signal.SIGINT)


def end(processes: Iterable[psutil.Process], *, kill: bool) -> None:
    """Sends every process SIGTERM or SIGKILL (both are TerminateProcess on Windows). Gone ones do not matter."""
    for process in processes:
        try:
            if kill:
                process.kill()
            else:
                process.terminate()
        except psutil.Error:
            continue


def _signal_group(group: int, number: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        os.killpg(group, number)
    except OSError:
        return False
    return True


def _signal_quietly(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        return
