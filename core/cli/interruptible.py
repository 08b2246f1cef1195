"""Work in a thread of its own, so that Ctrl-C ends its children in order and not only this program."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")


def interruptible(work: Callable[[threading.Event], Made]) -> Made:
    """Runs it; Ctrl-C sets its event.

    Raises:
        BaseException: what the work raised.
    """
    stop = threading.Event()
    results: list[Made] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work(stop))
        except BaseException as error:  # noqa: BLE001  (it is raised again where somebody waits for it)
            errors.append(error)

    worker = threading.Thread(target=run, name="work")
    worker.start()
    while worker.is_alive():
        try:
            worker.join(0.2)
        except KeyboardInterrupt:
            stop.set()
    if errors:
        raise errors[0]
    return results[0]


def show_output(text: str) -> None:
    """What a child prints, as it comes, on standard error."""
    sys.stderr.write(text)
    sys.stderr.flush()
