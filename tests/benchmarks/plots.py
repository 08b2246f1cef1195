"""How fast runs of a million steps are opened and moved, and what a training of a thousand steps a second costs the window.

    python tests/benchmarks/plots.py [open] [live] [--runs 10] [--steps 1000000] [--events 3600000] [--size 1280x800]

`open`: run folders with event files (the same one by other names, each with a cache of its own), opened from the cache, drawn (each step's and smoothed loss above, d*lr
below) and moved sideways at several zooms. `live`: the time of an hour, compressed: events are fed as fast as they go, 100 at
a time as a window gets them, and at 60 places of the hour the page is drawn as it is ten times a second. The delay is what the
window's thread works in such a tenth of a second. Prints goal, figure and ratio (over 1 is too slow); `cpu` is processor
time, for a machine that does other work too. Without a display.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from core.metrics.run_metrics import RunMetrics
    from core.runs.folder import RunFolder
    from gui.services import Services

ROOT = Path(__file__).resolve().parents[2]
OPEN_GOAL, FRAME_GOAL, DELAY_GOAL = 1.0, 17.0, 50.0
ZOOMS = (0.9, 0.3, 0.05, 0.005, 0.001)
PLACES = 60


def main(arguments: list[str]) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", metavar="open|live", help="both where absent")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=3_600_000)
    parser.add_argument("--size", default="1280x800", help="of the plots, WIDTHxHEIGHT")
    wanted = parser.parse_args(arguments)
    sys.path.insert(0, str(ROOT))
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CADDIE_HOME"] = str(Path(folder) / "home")
        import pyqtgraph
        import PySide6

        from gui.app import build_services, make_application

        application = make_application()
        services = build_services(application)
        print(
            f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
            f"numpy {np.__version__}, PySide6 {PySide6.__version__}, pyqtgraph {pyqtgraph.__version__}"
        )
        width, height = (int(part) for part in wanted.size.split("x"))
        if "open" in wanted.what or not wanted.what:
            measure_open(application, services, Path(folder), wanted, (width, height))
        if "live" in wanted.what or not wanted.what:
            measure_live(application, services, wanted.events, (width, height))
    return 0


def tell(what: str, figure: float, unit: str, goal: float | None = None) -> None:
    """A line."""
    print(f"{what:<58} {figure:10.1f} {unit}" + ("" if goal is None else f"   goal {goal:g}, ratio {figure / goal:.2f}"))


# --- runs of a million steps ---------------------------------------------------------------------------------------


def write_run(folder: Path, steps: int, seed: int) -> RunFolder:
    """A run folder with the events of a Prodigy training in two groups."""
    from core.runs.folder import RunFolder
    from core.runs.records import RunCommand, write_command

    folder.mkdir(parents=True)
    write_command(folder / "command.json", RunCommand(argv=("python",), cwd="/", name=f"run {seed}", created_at=time.time()))
    random = np.random.default_rng(seed)
    with open(folder / "events.jsonl", "w", encoding="utf-8") as stream:
        stream.write(
            json.dumps({"event": "started", "time": 1e9, "optimizer": "prodigyopt.Prodigy", "total_steps": steps}) + "\n"
        )
        for begin in range(0, steps, 10_000):
            losses = np.exp(random.normal(size=10_000) * 0.3) * 0.1
            for step, loss in enumerate(losses[: steps - begin].tolist(), begin + 1):
                rate = 1e-4 * (seed + 1) * (1 + math.cos(step / steps * 3))
                groups = ", ".join(
                    f'{{"name": "{name}", "lr": 1.0, "effective_lr": {rate}, "d": {rate}, "d_lr": {rate}}}'
                    for name in ("te", "unet")
                )
                stream.write(
                    f'{{"event": "step", "time": {1e9 + step / 3}, "step": {step}, "seconds": 0.33, "epoch": {step / 1000}, '
                    f'"memory": 8000000000, "groups": [{groups}], "loss": {loss}, "grad_norm": {loss * 3}}}\n'
                )
    return RunFolder(folder)


def copied(run: RunFolder, metrics: RunMetrics, folder: Path) -> RunFolder:
    """Another run with the same events and a cache of its own."""
    from core.metrics import cache
    from core.metrics.reading import cache_folder
    from core.runs.folder import RunFolder

    folder.mkdir(parents=True)
    os.link(run.events_file, folder / "events.jsonl")
    shutil.copy(run.command_file, folder / "command.json")
    made = RunFolder(folder)
    assert cache.save(cache.snapshot(metrics), made.events_file, run.events_file.stat().st_size, cache_folder())
    return made


def measure_open(
    application: QApplication, services: Services, folder: Path, wanted: argparse.Namespace, size: tuple[int, int]
) -> None:
    """Opens runs and moves them."""
    from PySide6.QtWidgets import QVBoxLayout, QWidget

    from core.metrics.quantities import Quantity, SeriesKey
    from core.metrics.reading import read_metrics
    from core.metrics.run_metrics import LOSS
    from core.metrics.smoothing import Smoother, Smoothing
    from gui.plots.curve import Curve, Look
    from gui.plots.plot import StepPlot

    begun = time.perf_counter()
    first = write_run(folder / "runs" / "0", wanted.steps, 0)
    size_of = first.events_file.stat().st_size
    print(f"a run of {wanted.steps} steps written in {time.perf_counter() - begun:.0f} s, {size_of / 2**20:.0f} MiB")
    begun, cpu = time.perf_counter(), time.process_time()
    metrics = read_metrics(first)
    tell("read from the events, and the cache made", time.perf_counter() - begun, "s")
    tell("  the same, cpu", time.process_time() - cpu, "s")
    runs = [first, *(copied(first, metrics, folder / "runs" / str(number)) for number in range(1, wanted.runs))]
    del metrics
    box = QWidget()
    layout = QVBoxLayout(box)
    upper, lower = StepPlot(services.theme, step_labels=False), StepPlot(services.theme, step_labels=True)
    lower.set_logarithmic(True)
    for plot in (upper, lower):
        layout.addWidget(plot)
    box.resize(*size)
    box.show()
    settle(application)
    begun, cpu = time.perf_counter(), time.process_time()
    kept: list[object] = []
    for number, run in enumerate(runs):
        metrics = read_metrics(run)
        color = services.theme.colors.series[number % 6]
        smoother = Smoother(Smoothing(window=50))
        curves = [
            (upper, Look(color, 1.0, 0.35), metrics.get(LOSS).trace()),
            (upper, Look(color, 2.0), smoother.trace(metrics.get(LOSS))),
            (lower, Look(color, 2.0), metrics.get(SeriesKey(Quantity.D_LR, "unet")).trace()),
        ]
        for place, (plot, look, trace) in enumerate(curves):
            curve = Curve(f"{number}", look)
            curve.set_trace(trace)
            plot.add(f"{number} {place}", curve)
        kept += [metrics, smoother]
    view(application, (upper, lower), 0, wanted.steps)
    tell(f"{len(runs)} runs opened from the cache, smoothed and drawn", time.perf_counter() - begun, "s", OPEN_GOAL)
    tell("  the same, cpu", time.process_time() - cpu, "s", OPEN_GOAL)
    for zoom in ZOOMS:
        frames, cpus = pan(application, (upper, lower), wanted.steps, zoom)
        tell(f"a frame at {zoom:.1%} of the run, 95th percentile", float(np.percentile(frames, 95)), "ms", FRAME_GOAL)
        tell("  median", float(np.median(frames)), "ms")
        tell("  95th percentile, cpu", float(np.percentile(cpus, 95)), "ms", FRAME_GOAL)
    box.close()


def settle(application: QApplication) -> None:
    """Everything that waits is done."""
    for _ in range(5):
        application.processEvents()


def view(application: QApplication, plots: tuple, left: float, right: float) -> None:
    """Shows a part of both plots, as the panel does."""
    for plot in plots:
        plot.set_view(left, right)
        plot.redraw()
    application.processEvents()


def pan(application: QApplication, plots: tuple, steps: int, zoom: float, count: int = 240) -> tuple[list[float], list[float]]:
    """Milliseconds of each frame, by the clock and of the processor."""
    width = steps * zoom
    left = (steps - width) / 3
    view(application, plots, left, left + width)
    settle(application)
    frames, cpus = [], []
    for _ in range(count):
        left += width / 250
        begun, cpu = time.perf_counter(), time.thread_time()
        view(application, plots, left, left + width)
        frames.append((time.perf_counter() - begun) * 1e3)
        cpus.append((time.thread_time() - cpu) * 1e3)
    return frames, cpus


# --- an hour of a thousand steps a second --------------------------------------------------------------------------


def memory() -> tuple[float, float]:
    """MiB of this process that no file holds, and all that is in memory; nan where the system does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return tuple(int(lines[name].split()[0]) / 1024 for name in ("RssAnon", "VmRSS"))  # pyright: ignore[reportReturnType]
    except (OSError, KeyError):
        return math.nan, math.nan


def measure_live(application: QApplication, services: Services, events: int, size: tuple[int, int]) -> None:
    """Feeds the panel of the Run page."""
    from core.metrics.reading import cache_folder
    from core.metrics.run_metrics import RunMetrics
    from core.runs.events import Group, Started, Step
    from gui.plots.panel import PlotPanel

    metrics = RunMetrics(scratch=cache_folder())
    panel = PlotPanel(services.theme, services.settings)
    panel.resize(*size)
    panel.show()
    metrics.feed([Started(time=0.0, optimizer="prodigyopt.Prodigy", total_steps=events)])
    panel.set_metrics(metrics)
    settle(application)
    random = np.random.default_rng(0)

    def some(first: int, count: int) -> list[Step]:
        losses = (np.exp(random.normal(size=count) * 0.3) * 0.1).tolist()
        return [
            Step(
                time=step / 1000,
                step=step,
                loss=loss,
                grad_norm=loss * 3,
                seconds=0.001,
                memory=8 << 30,
                epoch=step / 1000,
                groups=tuple(
                    Group(name=name, lr=1.0, effective_lr=1e-4 + step * 1e-11, d=1e-4, d_lr=1e-4 + step * 1e-11)
                    for name in ("te", "unet")
                ),
            )
            for step, loss in enumerate(losses, first)
        ]

    delays: list[float] = []
    cpus: list[float] = []
    known, begun = 0, time.perf_counter()
    every = events // PLACES
    for place in range(PLACES):
        while known < (place + 1) * every - 2_000:
            metrics.feed(some(known + 1, 2_000))
            known += 2_000
        for _ in range(20):
            batch = some(known + 1, 100)
            before, cpu = time.perf_counter(), time.thread_time()
            metrics.feed(batch)
            panel._refresh()
            application.processEvents()
            delays.append((time.perf_counter() - before) * 1e3)
            cpus.append((time.thread_time() - cpu) * 1e3)
            known += 100
        if place % 10 == 9:
            own, all_of_it = memory()
            ten = delays[-200:]
            print(
                f"  after {known:>8} events: {np.median(ten):5.1f} ms (median), {np.percentile(ten, 99):5.1f} ms (99 %), "
                f"memory of its own {own:.0f} MiB, in memory {all_of_it:.0f} MiB"
            )
    print(f"{known} events in {time.perf_counter() - begun:.0f} s")
    tell("work of the window in a tenth of a second, 99th percentile", float(np.percentile(delays, 99)), "ms", DELAY_GOAL)
    tell("  median", float(np.median(delays)), "ms")
    tell("  worst", max(delays), "ms")
    tell("  99th percentile, cpu", float(np.percentile(cpus, 99)), "ms", DELAY_GOAL)
    panel.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
