"""What somebody may ask of a training while it runs, from another thread or through files of its run's folder."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from core.runs.wishes import WISHES, Wish, WishFolder

_LOOK = 0.2
"""Seconds between two looks at the files during a pause."""


class Control:
    """Wishes for a running training. The training looks at them between two steps.

    Args:
        stop_file: the training is stopped where this file exists, and further wishes are looked for beside it, in the folder
            `wishes`; None where there is no such file.
        files: False where the wishes come by this object alone, the end aside.
    """

    def __init__(self, stop_file: Path | None = None, *, files: bool = True) -> None:
        self._stop_file = stop_file
        self._folder = WishFolder(stop_file.with_name("wishes")) if stop_file is not None and files else None
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._paused = False
        self._lock = threading.Lock()
        self._wishes: set[Wish] = set()
        self._save_first = False
        self._waiting = False
        self._serve: Callable[[], object] | None = None
        self._told: Callable[[bool], object] | None = None
        self._put_off = False

    def ask(self, wish: Wish) -> None:
        """Asks for a save or for sample pictures after the step that is under way, or at once during a pause."""
        with self._lock:
            self._wishes.add(wish)
        self._wake.set()

    def stop(self, *, save: bool = False) -> None:
        """Asks for the end, with a save before it or without."""
        with self._lock:
            self._save_first = self._save_first or save
        self._stopping.set()
        self._wake.set()

    def pause(self) -> None:
        """Holds the training between two steps."""
        self._paused = True

    def go_on(self) -> None:
        """Ends a pause, whoever asked for it."""
        self._paused = False
        if self._folder is not None:
            with contextlib.suppress(OSError):  # then it is still paused, and says so
                self._folder.pause(on=False)
        self._wake.set()

    def take(self, wish: Wish) -> bool:
        """Whether something was asked for; it counts as done."""
        with self._lock:
            if wish in self._wishes:
                self._wishes.remove(wish)
                return True
        return self._folder is not None and self._folder.take(wish)

    @property
    def paused(self) -> bool:
        """Whether the training is to hold."""
        return self._paused or (self._folder is not None and self._folder.paused)

    @property
    def waiting(self) -> bool:
        """Whether it does hold, between two steps."""
        return self._waiting

    @property
    def saves_first(self) -> bool:
        """Whether the one who asked for the end wants a save before it."""
        return self._save_first or (self._folder is not None and self._folder.saves_first)

    def is_stopping(self) -> bool:
        """Whether the training is to end."""
        return self._stopping.is_set() or self._asked_by_file()

    def while_waiting(self, serve: Callable[[], object] | None, told: Callable[[bool], object] | None = None) -> None:
        """Says who does what is asked for during a pause.

        Args:
            serve: does it (`take` says what); None: nobody, it waits for the pause's end.
            told: hears when the training holds (True) and when it goes on.
        """
        self._serve, self._told = serve, told

    def wait_here(self) -> bool:
        """Waits while the training is paused; returns whether it is to end."""
        while self.hold(until_wished=self._serve is not None):
            assert self._serve is not None
            self._serve()
        return self.is_stopping()

    def hold(self, *, until_wished: bool) -> bool:
        """Waits while the training is paused, or until something is asked for, too; returns whether it still is to hold."""
        while self.paused and not self.is_stopping():
            if not self._waiting and self._told is not None:
                self._told(True)
            self._waiting = True
            if until_wished and self._is_wished() and not self._put_off:
                self._put_off = True  # what cannot be done yet (a save before the first step) is not asked for without end
                return True
            self._wake.wait(_LOOK)
            self._wake.clear()
            self._put_off = False
        if self._waiting and self._told is not None and not self.is_stopping():
            self._told(False)
        self._waiting = self._put_off = False
        return False

    def _is_wished(self) -> bool:
        with self._lock:
            if self._wishes:
                return True
        return self._folder is not None and any(map(self._folder.wants, WISHES))

    def _asked_by_file(self) -> bool:
        return self._stop_file is not None and self._stop_file.exists()
