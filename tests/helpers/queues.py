"""Queues with real drivers, supervisors and children; only what trains is a stand-in."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from types import MappingProxyType

import psutil

from core.environment.model import Environment
from core.job.model import Job
from core.queue.model import Entry, Snapshot, State
from core.queue.store import Queue
from tests.helpers.runs import PATIENCE, wait_until

CHILD = Path(__file__).with_name("queued_child.py")
_SCRIPT = """\
import argparse


def setup_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output_dir", type=str, default=None)
    parser.add_argument("--output_name", type=str, default=None)
    parser.add_argument("--optimizer_type", type=str, default="")
    parser.add_argument("--max_train_steps", type=int, default=1600)
    parser.add_argument("--learning_rate", type=float, default=None)
    parser.add_argument("--lr_scheduler", type=str, default="constant")
    parser.add_argument("--optimizer_args", type=str, nargs="*", default=None)
    parser.add_argument("--seed", type=int, default=None)
    return parser
"""


def make_environment(folder: Path) -> Environment:
    """An environment whose interpreter is `queued_child.py`, in a folder that is made."""
    checkout = folder / "sd scripts"
    checkout.mkdir(parents=True)
    (checkout / "train_network.py").write_text(_SCRIPT, encoding="utf-8")
    python = folder / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "{CHILD}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return Environment(id="stand-in", name="stand-in", python=python, sd_scripts=checkout)


def make_job(output: Path, name: str, *, steps: int = 3, **facts: object) -> Job:
    """A job for it."""
    options = {"output_dir": str(output), "output_name": name, "optimizer_type": "AdamW", "max_train_steps": steps}
    return Job(options=MappingProxyType(options), name=name, companion=False, **facts)  # type: ignore[arg-type]


def started(output: Path) -> list[list[str]]:
    """What was started, in order: output name, CUDA_VISIBLE_DEVICES, process, run folder."""
    try:
        lines = (output / "started.txt").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [line.split("\t") for line in lines]


def drivers(queue: Queue) -> list[psutil.Process]:
    """The living processes that drive a queue or want to."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if "core.queue.driver" in words and str(queue.folder) in words and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def wait_for_rest(queue: Queue) -> Snapshot:
    """Waits until nothing trains, nothing is to be started and the driver is gone."""

    def at_rest() -> bool:
        snapshot = queue.read()
        return not snapshot.driven and not snapshot.under_way

    wait_until(at_rest, f"rest; {describe(queue)}")
    return queue.read()


def wait_for_state(queue: Queue, entry: Entry, *states: State) -> Entry:
    """Waits until an entry is in one of these states."""
    until = time.monotonic() + PATIENCE
    while True:
        found = queue.read().find(entry.id)
        if found is not None and found.state in states:
            return found
        assert time.monotonic() < until, f"still not {states}: {describe(queue)}"
        time.sleep(0.03)


def describe(queue: Queue) -> str:
    """What there is, for a test that fails."""
    log = queue.driver_log.read_text(encoding="utf-8") if queue.driver_log.exists() else ""
    return "\n".join([str([(entry.name, entry.state.value, entry.problem) for entry in queue.read().entries]), log[-3000:]])


def end_all(queue: Queue) -> None:
    """Leaves no process of a queue behind."""
    from core.runs.folder import list_runs
    from tests.helpers.runs import living

    for process in drivers(queue):
        with contextlib.suppress(psutil.Error):
            process.kill()
    for run in list_runs():
        supervisor = run.processes().supervisor
        for process in living(run):
            with contextlib.suppress(psutil.Error):
                process.kill()
        if supervisor is not None:
            with contextlib.suppress(psutil.Error):
                if psutil.Process(supervisor.pid).create_time() == supervisor.created:
                    psutil.Process(supervisor.pid).kill()
