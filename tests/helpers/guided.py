"""A run folder in which somebody hears wishes and answers, without any training: for windows and terminals."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from core.job.model import Job
from core.job.store import save_job
from core.runs.event_lines import encode_event
from core.runs.events import Event, Started, Step, Wished
from core.runs.folder import make_run_folder, prepare, update_processes
from core.runs.outcome import Ending, Outcome
from core.runs.processes import identify
from core.runs.records import RunCommand, write_outcome
from core.text import Text


class Guided:
    """Somebody who hears the wishes of a run folder and writes events, and trains nothing.

    Args:
        hears: what it says that it can be asked for.
        companion: as in the job.
        started: the first step is done.
        options: of the job.
    """

    def __init__(
        self,
        *,
        hears: tuple[str, ...] = ("save", "pause"),
        companion: bool = True,
        started: bool = True,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder = make_run_folder("guided")
        save_job(Job(name="guided", companion=companion, options=dict(options or {})), folder.job_file)
        prepare(folder, RunCommand(argv=(), cwd=str(folder.path), name="guided", companion=companion, created_at=time.time()))
        update_processes(folder, host=identify(os.getpid()))
        self.hears = hears
        if started:
            self.start()
        self.over = threading.Event()
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        """The first step is done."""
        self.tell(Started(time=time.time(), optimizer="torch.optim.AdamW", total_steps=20, hears=self.hears))
        self.tell(Step(time=time.time(), step=1, loss=0.5))

    def tell(self, event: Event) -> None:
        """Writes an event."""
        with open(self.folder.events_file, "ab") as file:
            file.write(encode_event(event).encode() + b"\n")

    def answer(self, act: Callable[[], bool]) -> None:
        """Answers in another thread as soon as something is asked."""

        def work() -> None:
            while not self.over.is_set() and not act():
                time.sleep(0.01)

        self.thread = threading.Thread(target=work)
        self.thread.start()

    def says(self, wish: str, stage: str, **more: str) -> None:
        """Tells what became of a wish, at step 7."""
        self.tell(Wished(time=time.time(), step=7, wish=wish, stage=stage, **more))

    def end(self, ending: Ending = Ending.STOPPED) -> None:
        """Writes the outcome."""
        write_outcome(self.folder.outcome_file, Outcome(ending=ending, sentence=Text("It is over.", "終わりました。")))
