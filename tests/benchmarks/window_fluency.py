"""How fluent the window stays while it trains: the delay of a timer of 5 ms before, at the start of and during a training.

    python tests/benchmarks/window_fluency.py [--job JOB] [--seconds 20] [--platform offscreen]

The Run page is on show with its plots. Without --job a tiny random model trains: its steps are mostly Python, which is the
hardest case for a window in the same process. Where other programs use the processor, "before" says how much of the delay is
theirs. Goal: the median under 16 ms, the 99th percentile under 50 ms.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.job.model import Job

ROOT = Path(__file__).resolve().parents[2]
TICK = 0.005
TINY = """
import sys
from pathlib import Path
from core.job.store import save_job
from tests.helpers.tiny_training import tiny_job
folder = Path(sys.argv[1])
save_job(tiny_job(folder, max_train_steps=1_000_000), folder / "job.toml")
"""


def main(arguments: list[str]) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--job", type=Path, help="job of the built-in trainer; a tiny one where absent")
    parser.add_argument("--isolated", action="store_true", help="in a process of its own: what following and drawing cost alone")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long before, and how long after the first step")
    parser.add_argument("--platform", default="offscreen", help="of Qt; '' for the system's own")
    wanted = parser.parse_args(arguments)
    sys.path.insert(0, str(ROOT))
    if wanted.platform:
        os.environ["QT_QPA_PLATFORM"] = wanted.platform
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CADDIE_HOME"] = str(Path(folder) / "home")
        return measure(wanted, Path(folder))


def measure(wanted: argparse.Namespace, folder: Path) -> int:
    """Opens the window, trains in it, and prints the delays."""
    from gui.app import build_services, make_application, shut_down, starting_job
    from gui.main_window import MainWindow

    application = make_application()
    services = build_services(application)
    window = MainWindow(services, make_job=lambda: starting_job(services.catalogue))
    window.show()
    window.navigate("run")
    runs = services.runs
    clock = Clock()
    clock.run(lambda: False, 2.0)  # the page is built and drawn
    phases = {"before": clock.run(lambda: False, wanted.seconds)}
    job, base = job_of(wanted.job, folder)
    if wanted.isolated:
        job = replace(job, builtin={**job.builtin, "isolated": True})
    services.session.new(job)
    begin = time.perf_counter()
    runs.start(job, base=base)
    phases["start, to the first step"] = clock.run(lambda: runs.metrics.last_step > 0 or runs.outcome is not None, 600.0)
    started, step = time.perf_counter(), runs.metrics.last_step
    phases["training"] = clock.run(lambda: runs.outcome is not None, wanted.seconds)
    steps = runs.metrics.last_step - step
    runs.stop()
    phases["stop, with the memory freed"] = clock.run(lambda: runs.outcome is not None and runs.hosting.training is None, 120.0)
    import torch

    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "")
    print(f"Python {platform.python_version()}, torch {torch.__version__}, {where}; first step after {started - begin:.1f} s")
    if runs.outcome is not None and not steps:
        print(runs.outcome.sentence.en, runs.outcome.error)
    print(f"{steps} steps in {wanted.seconds:.0f} s")
    print(f"{'delay in ms':<30}{'median':>8}{'99 %':>8}{'worst':>8}{'ticks':>8}{'own 99 %':>10}{'own worst':>10}")
    for name, ticks in phases.items():
        late, own = sorted(delay for delay, _ in ticks), sorted(own for _, own in ticks)
        figures = (share(late, 0.5), share(late, 0.99), late[-1])
        words = "".join(f"{figure * 1000:>8.1f}" for figure in figures)
        print(f"{name:<30}{words}{len(ticks):>8}{share(own, 0.99) * 1000:>10.1f}{own[-1] * 1000:>10.1f}")
    services.session.new(starting_job(services.catalogue))
    window.close()
    shut_down(services)
    return 0


def share(ordered: list[float], part: float) -> float:
    """The value below which a part of the values lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def job_of(path: Path | None, folder: Path) -> tuple[Job, Path]:
    """The job and what its paths start from."""
    from core.job.store import load_job

    if path is None:
        path = folder / "job.toml"
        # By another process: what it imports is not to be there before the training asks for it.
        subprocess.run([sys.executable, "-c", TINY, str(folder)], check=True, cwd=ROOT)
    return replace(load_job(path), engine="builtin"), path.absolute().parent


class Clock:
    """A timer of the event loop, and how late it comes."""

    def run(self, over: Callable[[], bool], seconds: float) -> list[tuple[float, float]]:
        """Runs the event loop until something is over, or for so long.

        Returns:
            Each tick's delay, and what the window's own thread computed since the tick before; seconds.
        """
        from PySide6.QtCore import QEventLoop, Qt, QTimer

        loop, timer = QEventLoop(), QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.setInterval(int(TICK * 1000))
        delays: list[tuple[float, float]] = []
        last = begin = time.perf_counter()
        worked = time.thread_time()

        def tick() -> None:
            nonlocal last, worked
            now, work = time.perf_counter(), time.thread_time()
            delays.append((max(0.0, now - last - TICK), work - worked))
            last, worked = now, work
            if over() or now - begin > seconds:
                loop.quit()

        timer.timeout.connect(tick)
        timer.start()
        loop.exec()
        timer.stop()
        return delays


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
