"""A short-lived child process whose output is read with limits, and whose whole tree can be ended."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from core.environment.interpreters import on_windows

_CHUNK = 65536
_TAIL_CHUNKS = 64
_CREATE_NEW_PROCESS_GROUP = 0x00000200
_CREATE_NO_WINDOW = 0x08000000
_GRACE = 1.0


def spawn_options(*, windows: bool) -> tuple[int, bool]:
    """Popen's `creationflags` and `start_new_session` for a child of its own group, without a console window."""
    return (_CREATE_NO_WINDOW | _CREATE_NEW_PROCESS_GROUP, False) if windows else (0, True)


class Child:
    """A running child. Use as a context manager: at the end nothing of it is left running.

    Memory stays bounded: a child that prints faster than it is read has to wait, and of the error stream only the
    last part is kept.
    """

    def __init__(
        self, argv: Sequence[str], *, cwd: Path | None = None, variables: Mapping[str, str], merge_errors: bool = False
    ) -> None:
        """Starts it.

        Args:
            argv: program and arguments.
            cwd: its working folder, or None for this process's.
            variables: its whole environment.
            merge_errors: the error stream goes into the output.

        Raises:
            OSError: it cannot be started.
        """
        flags, session = spawn_options(windows=on_windows())
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge_errors else subprocess.PIPE,
            bufsize=0,
            creationflags=flags,
            start_new_session=session,
        )
        self._chunks: queue.Queue[bytes] = queue.Queue(maxsize=64)
        self._errors: deque[bytes] = deque(maxlen=_TAIL_CHUNKS)
        self._closing = False
        self._ended = False
        self._threads = [threading.Thread(target=self._read_output, name="child-output", daemon=True)]
        if not merge_errors:
            self._threads.append(threading.Thread(target=self._read_errors, name="child-errors", daemon=True))
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def read(self, timeout: float) -> bytes | None:
        """The next part of its output, b"" at the end, None when nothing came within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not self._ended:
            try:
                chunk = self._chunks.get(timeout=max(0.0, min(0.2, deadline - time.monotonic())))
            except queue.Empty:
                # A helper the child left behind can hold the pipe open for ever after the child itself ended.
                if self._process.poll() is not None and self._threads[0].is_alive():
                    self._threads[0].join(_GRACE)
                    self.kill()
                if time.monotonic() >= deadline:
                    return None
                continue
            if chunk:
                return chunk
            self._ended = True
        return b""

    def wait(self, timeout: float) -> int | None:
        """Its exit code, negative for a signal; None while it still runs after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def error_tail(self) -> str:
        """The last part of its error stream."""
        if len(self._threads) > 1:
            self._threads[1].join(_GRACE)
        return b"".join(self._errors).decode("utf-8", errors="replace")

    def kill(self) -> None:
        """Ends it and everything it started, at once."""
        kill_tree(self._process)

    def close(self) -> None:
        """Ends what still runs and frees the pipes. Safe to call twice."""
        self._closing = True
        self.kill()
        # Bounded: a descendant that left the group and the family can hold a pipe open; its reader is a daemon.
        deadline = time.monotonic() + 2 * _GRACE
        for thread, stream in zip(self._threads, (self._process.stdout, self._process.stderr), strict=False):
            thread.join(max(0.0, deadline - time.monotonic()))
            if stream is not None and not thread.is_alive():
                stream.close()

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        while chunk := self._process.stdout.read(_CHUNK):
            self._put(chunk)
        self._put(b"")

    def _put(self, chunk: bytes) -> None:
        while not self._closing:
            with contextlib.suppress(queue.Full):
                self._chunks.put(chunk, timeout=0.2)
                return

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        while chunk := self._process.stderr.read(_CHUNK // 16):
            self._errors.append(chunk)


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kills a child and all its descendants, and reaps the child.

    On POSIX the child leads a session of its own, so the group has even those whose parent is gone. On Windows they are
    found by their parents: `python.exe` of a venv is only a starter of the real one.
    """
    import psutil  # here: it costs 20 ms and most starts kill nothing

    family: list[psutil.Process] = []
    if process.poll() is None:
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(process.pid).children(recursive=True)
    if not on_windows():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()
    psutil.wait_procs(family, timeout=_GRACE)  # a kill takes a moment; "nothing left running" is to be true on return
