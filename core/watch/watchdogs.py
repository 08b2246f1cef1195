"""The watchdogs of one run: looked at again and again, each look costs only what is new."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.catalogue.catalogue import Catalogue
from core.handover.measure import Found, measure
from core.handover.words import plateau_words
from core.job.model import Job
from core.metrics.run_metrics import LOSS, MarkKind, Quantity, RunMetrics
from core.text import Text
from core.watch.divergence import Divergence
from core.watch.model import PASSES, Alarm, Dog, WatchSettings
from core.watch.surroundings import Around, gpu_trouble_in

AT_ONCE: Final = 5000
"""Steps that one look takes in; `behind` tells whether there are more."""

_STUCK_STEPS: Final = 200
_STUCK_SHARE: Final = 0.2
_AGAIN: Final = 1.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is known beside the run's numbers.

    Attributes:
        idle: seconds since the last event or line of the log; 0 where that is no matter (paused, ended).
        log: what was printed since the last look.
        around: disk and GPU; None where they were not asked.
        over: whether the run has ended.
    """

    idle: float = 0.0
    log: str = ""
    around: Around | None = None
    over: bool = False


class Watchdogs:
    """Args:
    metrics: the run's numbers, fed by somebody else.
    job: the run's; None where it cannot be read.
    catalogue: knows its optimizer.
    settings: which of them watch.
    """

    def __init__(self, metrics: RunMetrics, job: Job | None, catalogue: Catalogue, settings: WatchSettings | None = None) -> None:
        self.settings = settings or WatchSettings()
        self._metrics, self._job, self._catalogue = metrics, job, catalogue
        self._divergence = Divergence()
        self._seen, self._resumed = 0, 0
        self._next = 0.0
        self._ended = False
        self._gpus = 0
        self._active: dict[Dog, Alarm] = {}

    @property
    def active(self) -> tuple[Alarm, ...]:
        """What is to be told of the run as it is now, the oldest first."""
        return tuple(self._active.values())

    @property
    def behind(self) -> bool:
        """Whether another look would find more steps that are there already."""
        return self._seen < len(self._metrics.get(LOSS))

    def look(self, moment: Moment | None = None) -> tuple[Alarm, ...]:
        """Looks at what is new; gives the alarms that were not there before."""
        moment = moment or Moment()
        found = [*self._loss(), *self._estimate(moment), *self._outside(moment)]
        told = {alarm.dog for alarm in found}
        for dog in PASSES:
            if dog not in told and dog in self._active and self._passed(dog, moment):
                del self._active[dog]
        new = [alarm for alarm in found if alarm.dog in self.settings.on and alarm.dog not in self._active]
        self._active.update({alarm.dog: alarm for alarm in new})
        return tuple(new)

    @staticmethod
    def _passed(dog: Dog, moment: Moment) -> bool:
        """Whether the trouble is over, as far as this look can tell."""
        return moment.over or dog is Dog.NO_PROGRESS or moment.around is not None

    # --- the loss --------------------------------------------------------------------------------------------------

    def _loss(self) -> list[Alarm]:
        series, found = self._metrics.get(LOSS), list[Alarm]()
        resumed = sum(mark.kind is MarkKind.RESUMED for mark in self._metrics.marks)
        if resumed != self._resumed or len(series) < self._seen:  # the training went back to an older state
            self._divergence, self._seen, self._resumed = Divergence(), 0, resumed
        fresh = slice(self._seen, self._seen + AT_ONCE)  # a window must not stand still for a long run that it has just found
        self._divergence.feed(
            (int(step), loss) for step, loss in zip(series.x[fresh].tolist(), series.y[fresh].tolist(), strict=True)
        )
        self._seen = min(len(series), fresh.stop)
        step = self._metrics.last_step
        if self._metrics.nan_count:
            bad = series.x[~np.isfinite(series.y)]
            first = int(bad[0]) if len(bad) else step
            text = Text(
                f"The loss is no number since step {first}: the weights are spoilt if they got such a step. Go back to a file saved "
                "before it, and lower the learning rate, or leave float16 for bfloat16.",
                f"ステップ {first} で loss が数値ではなくなりました。そのまま更新された重みは壊れています。それより前に保存したファイルに戻り、"
                "学習率を下げるか、float16 の代わりに bfloat16 を使ってください。",
            )
            found.append(Alarm(dog=Dog.NAN_LOSS, step=first, text=text))
        since = self._divergence.since
        if since is not None:
            level, recent = self._divergence.level, self._divergence.recent
            text = Text(
                f"The loss has left its level since about step {since}: {recent:.3g} now, {level:.3g} before. The learning rate is "
                "probably too high.",
                f"ステップ {since} あたりから loss が上がったままです (現在 {recent:.3g}、以前 {level:.3g})。学習率が高すぎる可能性があります。",
            )
            found.append(Alarm(dog=Dog.DIVERGED, step=since, text=text))
        return found

    # --- d ---------------------------------------------------------------------------------------------------------

    def _estimate(self, moment: Moment) -> list[Alarm]:
        metrics = self._metrics
        step, total = metrics.last_step, metrics.total_steps
        if self._job is None or not metrics.of(Quantity.D_LR) or (step < self._next and moment.over == self._ended):
            return []
        self._next, self._ended = step * _AGAIN, moment.over
        result = measure(metrics, self._job, self._catalogue)
        enough = step >= max(_STUCK_STEPS, math.ceil((total or 0) * _STUCK_SHARE)) or moment.over
        return [*self._stuck(result, step, enough), *self._rising(result, step, total, moment)]

    def _stuck(self, result: Found, step: int, enough: bool) -> list[Alarm]:
        states = [group.plateau.state for group in result.groups if group.plateau is not None and group.given > 0]
        if not enough or not states or any(state != "stuck" for state in states):
            return []
        spec = result.spec
        d0 = next((group.plateau.d0 for group in result.groups if group.plateau is not None), None)
        hint_en = hint_ja = ""
        if spec is not None and d0 is not None and d0 <= 1e-5:
            hint_en, hint_ja = " Try a larger d0 (1e-5, 1e-4).", "d0 を大きくしてみてください (1e-5、1e-4)。"
        text = Text(
            f"d has hardly left d0 in {step} steps, so next to nothing is learnt.{hint_en}",
            f"{step} ステップ経っても d が d0 からほとんど動かず、学習が進んでいません。{hint_ja}",
        )
        return [Alarm(dog=Dog.D_STUCK, step=step, text=text)]

    def _rising(self, result: Found, step: int, total: int | None, moment: Moment) -> list[Alarm]:
        near_end = moment.over or (total is not None and step >= 0.9 * total)
        rising = [group for group in result.groups if group.plateau is not None and group.plateau.state == "rising"]
        if not near_end or not rising:
            return []
        words = plateau_words(rising[0])
        text = Text(
            f"{words.en} The run was too short for its optimizer: more steps, or a larger d0, would serve it.",
            f"{words.ja}このオプティマイザーには実行が短すぎました。ステップ数を増やすか、d0 を大きくしてみてください。",
        )
        return [Alarm(dog=Dog.D_RISING, step=step, text=text)]

    # --- around the run ----------------------------------------------------------------------------------------------

    def _outside(self, moment: Moment) -> list[Alarm]:
        if moment.over:
            return []
        found, step = list[Alarm](), self._metrics.last_step
        if moment.idle >= self.settings.minutes * 60:
            minutes = int(moment.idle // 60)
            text = Text(
                f"Nothing has happened for {minutes} minutes: no step, no line in the log. It may hang; look at the log.",
                f"{minutes} 分間、ステップもログも進んでいません。止まっている可能性があります。ログを確認してください。",
            )
            found.append(Alarm(dog=Dog.NO_PROGRESS, step=step, text=text))
        around = moment.around
        if around is not None and around.free is not None and around.free < self.settings.free_bytes:
            free = around.free / 2**30
            text = Text(
                f"Only {free:.1f} GiB are free on the disk that is written to: the next save may fail.",
                f"書き込み先のディスクの空きが {free:.1f} GiB しかありません。次の保存に失敗するおそれがあります。",
            )
            found.append(Alarm(dog=Dog.DISK, step=step, text=text))
        gone = self._gpu(moment)
        if gone is not None:
            found.append(Alarm(dog=Dog.GPU, step=step, text=gone))
        return found

    def _gpu(self, moment: Moment) -> Text | None:
        line = gpu_trouble_in(moment.log) if moment.log else None
        if line is not None:
            return Text(f"A GPU is gone: {line}", f"GPU が失われました: {line}")
        count = None if moment.around is None else moment.around.gpus
        if count is None:
            return None
        known, self._gpus = self._gpus, max(self._gpus, count)
        if count < known:
            return Text(
                f"{known - count} of {known} GPUs do not answer any more (nvidia-smi). The machine may have to be restarted.",
                f"GPU {known} 基のうち {known - count} 基が応答しません (nvidia-smi)。再起動が必要な可能性があります。",
            )
        return None
