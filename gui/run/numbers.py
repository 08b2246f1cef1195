"""What the page's head says of a job and of a run: where it trains, how far it is, its latest numbers."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from core.errors import CaddieError
from core.metrics.run_metrics import LOSS, Quantity, RunMetrics, SeriesKey
from core.metrics.smoothing import Smoothing
from gui.bridge.run_service import RunService
from gui.plots.ticks import number
from gui.run.header import RunHeader
from gui.run.words import duration, memory, moment, rate_word, running_badge, speed
from gui.services import Services

if TYPE_CHECKING:
    from core.runs.folder import RunFolder

GAP = "  ·  "


def about_job(services: Services) -> str:
    """Optimizer, script and place of the open job."""
    job = services.session.job
    environment = services.runs.environment_for(job)
    place = _builtin() if job.engine == "builtin" else environment.name if environment else ""
    spec = services.catalogue.find_for_options(job.options)
    optimizer = spec.name if spec is not None else job.optimizer_type
    return GAP.join(part for part in (optimizer, job.script, place) if part)


def about_run(services: Services, folder: RunFolder) -> str:
    """Optimizer, place and start of a run; "" until its files are read."""
    if not services.runs.opened:
        return ""
    argv = folder.command.argv
    place = next((item.name for item in services.environments.environments if argv and item.python == Path(argv[0])), None)
    # Only a training of this window and one that was imported have no command line.
    place = place or (argv[0] if argv else QCoreApplication.translate("HistoryColumns", "Imported"))
    parts = [place, moment(folder.created_at, services.translation.language)]
    try:
        if folder.job.engine == "builtin":
            parts[0] = _builtin()
        if folder.job.options:  # TensorBoard's files do not say what was trained with
            spec = services.catalogue.find_for_options(folder.job.options)
            parts.insert(0, spec.name if spec is not None else folder.job.optimizer_type)
    except CaddieError:
        pass  # the job's file is damaged: the rest is still true
    return GAP.join(parts)


def _builtin() -> str:
    return QCoreApplication.translate("Runs", "Built-in trainer")


def fill_numbers(header: RunHeader, runs: RunService, smoothing: Smoothing) -> None:
    """Brings the head's bar and numbers up to date; nothing where no run is on show."""
    if runs.current is None:
        return
    header.badge.set_look(running_badge(runs.controls.now, runs.ending))
    progress, outcome = runs.progress, runs.outcome
    step = progress.step if progress else runs.metrics.last_step
    header.set_progress(step, progress.total if progress else None, running=runs.running)
    header.set_stat("speed", speed(progress.seconds_per_step if progress else None))
    header.set_stat("left", duration(progress.eta if progress and runs.running else None))
    if outcome is not None and outcome.started_at is not None and outcome.ended_at is not None:
        elapsed = outcome.ended_at - outcome.started_at
    else:
        elapsed = time.time() - runs.current.created_at if runs.opened and runs.running else None
    header.set_stat("elapsed", duration(elapsed))
    header.set_stat("memory", memory(runs.metrics.get(SeriesKey(Quantity.MEMORY)).last))
    header.set_stat("loss", _loss(runs.metrics, smoothing))
    name, value = rate_of(runs.metrics)
    header.set_rate_name(name)
    header.set_stat("rate", value)


def _loss(metrics: RunMetrics, smoothing: Smoothing) -> str:
    # What is older than ten windows has a weight below 1e-8.
    recent = metrics.get(LOSS).y[-int(10 * smoothing.window) - 1 :]
    if not len(recent):
        average = metrics.get(SeriesKey(Quantity.AVERAGE_LOSS)).last
        return "–" if average is None else number(average)
    return number(float(smoothing.apply(recent)[-1]))


def rate_of(metrics: RunMetrics) -> tuple[str, str]:
    """Name and latest value of the learning rate that says most: d*lr, else the effective one, else lr; of the U-Net."""
    for quantity in (Quantity.D_LR, Quantity.EFFECTIVE_LR, Quantity.LR):
        curves = {
            group: series
            for group, series in metrics.of(quantity).items()
            if not metrics.adds_nothing(SeriesKey(quantity, group))
        }
        if curves:
            group = next((name for name in curves if "unet" in name), list(curves)[-1])
            last = curves[group].last
            several = len(metrics.groups) > 1 and bool(group)
            text = number(last) if last is not None and not math.isnan(last) else "nan"
            word = rate_word(quantity)
            return (f"{word} · {group}" if several else word), text
    return rate_word(Quantity.LR), "–"
