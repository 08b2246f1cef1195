"""How runs are put into words: endings, durations, speeds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale

from core.runs.outcome import Ending
from core.text import Language
from gui.bridge.run_controls import Controls
from gui.bridge.run_stop import StopStage
from gui.widgets.badge import BadgeLook, BadgeTone

if TYPE_CHECKING:  # numpy: the history's table shows without it
    from core.metrics.run_metrics import Quantity

_TONES: dict[Ending, BadgeTone] = {
    Ending.STARTING: "info",
    Ending.RUNNING: "info",
    Ending.FINISHED: "success",
    Ending.STOPPED: "neutral",
    Ending.FAILED: "danger",
    Ending.LOST: "warning",
}


def ending_word(ending: Ending) -> str:
    """One word for where a run stands."""
    return {
        Ending.STARTING: QCoreApplication.translate("Runs", "Starting"),
        Ending.RUNNING: QCoreApplication.translate("Runs", "Running"),
        Ending.FINISHED: QCoreApplication.translate("Runs", "Finished"),
        Ending.STOPPED: QCoreApplication.translate("Runs", "Stopped"),
        Ending.FAILED: QCoreApplication.translate("Runs", "Failed"),
        Ending.LOST: QCoreApplication.translate("Runs", "Lost"),
    }[ending]


def ending_badge(ending: Ending) -> BadgeLook:
    """The badge of a run."""
    return BadgeLook(ending_word(ending), _TONES[ending])


def running_badge(controls: Controls, ending: Ending) -> BadgeLook:
    """The badge of a run that may be held."""
    if ending is not Ending.RUNNING or not controls.paused:
        return ending_badge(ending)
    if controls.waiting:
        return BadgeLook(QCoreApplication.translate("Runs", "Paused"), "warning")
    return BadgeLook(QCoreApplication.translate("Runs", "Pausing"), "info")


def stop_words(stage: StopStage) -> str:
    """What is being done to end a run, "" where nothing is."""
    return {
        StopStage.NONE: "",
        StopStage.SAVING: QCoreApplication.translate("Runs", "Stopping: the script saves after its present step, then ends"),
        StopStage.ASKING: QCoreApplication.translate("Runs", "Stopping: the script ends itself after its present step"),
        StopStage.INTERRUPTING: QCoreApplication.translate("Runs", "Stopping: the script was interrupted"),
        StopStage.TERMINATING: QCoreApplication.translate("Runs", "Stopping: its processes were told to end"),
        StopStage.KILLING: QCoreApplication.translate("Runs", "Stopping: its processes are being killed"),
    }[stage]


def rate_word(quantity: Quantity) -> str:
    """A kind of learning rate, as plots and figures name it."""
    from core.metrics.run_metrics import Quantity

    return {
        Quantity.D_LR: QCoreApplication.translate("Runs", "d*lr"),
        Quantity.LR: QCoreApplication.translate("Runs", "lr"),
        Quantity.EFFECTIVE_LR: QCoreApplication.translate("Runs", "effective lr"),
    }[quantity]


def duration(seconds: float | None) -> str:
    """`4 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`; a dash where unknown."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return QCoreApplication.translate("Runs", "{s} s").format(s=whole)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return QCoreApplication.translate("Runs", "{m} min {s:02d} s").format(m=minutes, s=rest)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return QCoreApplication.translate("Runs", "{h} h {m:02d} min").format(h=hours, m=minutes)
    days, hours = divmod(hours, 24)
    return QCoreApplication.translate("Runs", "{d} d {h} h").format(d=days, h=hours)


def speed(seconds_per_step: float | None) -> str:
    """Steps a second, or seconds a step where that is the larger number; a dash where unknown."""
    if not seconds_per_step or not math.isfinite(seconds_per_step):
        return "–"
    if seconds_per_step >= 1:
        return QCoreApplication.translate("Runs", "{number} s/step").format(number=f"{seconds_per_step:.2f}")
    return QCoreApplication.translate("Runs", "{number} steps/s").format(number=f"{1 / seconds_per_step:.3g}")


def memory(peak: float | None) -> str:
    """Bytes in GiB, a dash where unknown."""
    return "–" if peak is None else f"{peak / 2**30:.1f} GiB"


def moment(seconds: float, language: Language) -> str:
    """A point in time, short, as the language writes it."""
    locale = QLocale(QLocale.Language.Japanese if language == "ja" else QLocale.Language.English)
    time = QDateTime.fromSecsSinceEpoch(int(seconds))
    return locale.toString(time, "yyyy-MM-dd HH:mm")
