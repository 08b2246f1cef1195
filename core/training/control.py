"""What somebody may ask of a training while it runs, from another thread or through a file."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal

Wish = Literal["save", "sample"]


class Control:
    """Wishes for a running training. The training looks at them between two steps.

    Args:
        stop_file: the training is stopped where this file exists; None where there is no such file.
    """

    def __init__(self, stop_file: Path | None = None) -> None:
        self._stop_file = stop_file
        self._stopping = threading.Event()
        self._may_go_on = threading.Event()
        self._may_go_on.set()
        self._lock = threading.Lock()
        self._wishes: set[Wish] = set()
        self._save_first = False

    def ask(self, wish: Wish) -> None:
        """Asks for a save or for sample pictures after the step that is under way."""
        with self._lock:
            self._wishes.add(wish)

    def stop(self, *, save: bool = False) -> None:
        """Asks for the end, with a save before it or without."""
        with self._lock:
            self._save_first = self._save_first or save
        self._stopping.set()
        self._may_go_on.set()

    def pause(self) -> None:
        """Holds the training between two steps."""
        self._may_go_on.clear()

    def go_on(self) -> None:
        """Ends a pause."""
        self._may_go_on.set()

    def take(self, wish: Wish) -> bool:
        """Whether something was asked for; it counts as done."""
        with self._lock:
            if wish in self._wishes:
                self._wishes.remove(wish)
                return True
        return False

    @property
    def paused(self) -> bool:
        return not self._may_go_on.is_set()

    @property
    def saves_first(self) -> bool:
        """Whether the one who asked for the end wants a save before it."""
        return self._save_first

    def is_stopping(self) -> bool:
        """Whether the training is to end."""
        return self._stopping.is_set() or self._asked_by_file()

    def wait_here(self) -> bool:
        """Waits while the training is paused; returns whether it is to end."""
        while not self._may_go_on.wait(0.2):
            if self._asked_by_file():
                break
        return self.is_stopping()

    def _asked_by_file(self) -> bool:
        return self._stop_file is not None and self._stop_file.exists()
