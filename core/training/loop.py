"""The training loop: epochs, steps, saves, and an end that is said as it is."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from core.errors import CaddieError
from core.runs.events import Step
from core.text import Text
from core.training.control import Control
from core.training.randomness import generator_for, seed_everything
from core.training.reporting import Reporter
from core.training.saving import Saver
from core.training.settings import LoopSettings
from core.training.state import Place
from core.training.steps import Stepper
from core.training.world import World

How = Literal["returned", "stopped"]
Batch = Any


class NanLossError(CaddieError):
    """The loss is no number, and the job does not want to go on so."""


class NoMemoryError(CaddieError):
    """The device has no memory left for a step."""


def no_memory(error: torch.OutOfMemoryError) -> NoMemoryError:
    """What to tell a person whose device has no memory left: the settings that help."""
    first = str(error).splitlines()[0]
    return NoMemoryError(
        Text(
            "The GPU's memory is not enough for this job. What helps most: gradient_checkpointing, a smaller "
            f"train_batch_size, cache_latents; then a lower resolution or network_dim. ({first})",
            "VRAM が足りません。効果が大きいのは gradient_checkpointing の有効化、train_batch_size を小さくすること、"
            f"cache_latents の有効化です。次に解像度や network_dim を下げてください。({first})",
        )
    )


class Data(Protocol):
    """Where batches come from."""

    @property
    def batches_per_epoch(self) -> int: ...
    def batches(self, epoch: int, start: int = 0) -> Generator[Batch, None, None]: ...


@dataclass(frozen=True, slots=True)
class Moments:
    """What else happens at times; each is given where the training stands.

    Attributes:
        sample: draws sample pictures.
        validate: measures the loss on images that are held out.
        samples_at, validates_at: whether they are due at a place; true where an epoch has just ended.
        after_step: whatever belongs to each step, for example norms of weights and averages.
    """

    sample: Callable[[Place], None]
    validate: Callable[[Place], None]
    samples_at: Callable[[Place, bool], bool]
    validates_at: Callable[[Place, bool], bool]
    after_step: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Length:
    """How long a training is.

    Attributes:
        batches: micro-batches of an epoch.
        steps_per_epoch: optimizer steps of an epoch; the last one may have fewer micro-batches.
        steps: of the whole training.
        epochs: of the whole training; the last one may end early.
    """

    batches: int
    steps_per_epoch: int
    steps: int
    epochs: int


def length_of(settings: LoopSettings, batches: int) -> Length:
    """The length of a training, counted as sd-scripts does."""
    per_epoch = math.ceil(batches / settings.accumulation)
    if settings.epochs is not None:
        return Length(batches, per_epoch, settings.epochs * per_epoch, settings.epochs)
    return Length(batches, per_epoch, settings.steps, math.ceil(settings.steps / per_epoch))


class Trainer:
    """Trains.

    Args:
        settings: of the loop.
        seed: decides every random number.
        data: gives the batches.
        loss_of: a batch and a generator -> its mean loss, of shape ().
        stepper: owns the optimizer.
        saver: writes.
        moments: samples, validation and the like.
        reporter: hears of everything.
        control: may ask for something.
        start: where to begin.
        world: the processes that train together; each gets its own share of the batches.
    """

    def __init__(
        self,
        *,
        settings: LoopSettings,
        seed: int,
        device: torch.device,
        data: Data,
        loss_of: Callable[[Batch, torch.Generator], Tensor],
        stepper: Stepper,
        saver: Saver,
        moments: Moments,
        reporter: Reporter,
        control: Control,
        start: Place,
        world: World | None = None,
    ) -> None:
        self.length = length_of(settings, data.batches_per_epoch)
        self._settings = settings
        self._seed = seed
        self._device = device
        self._data = data
        self._loss_of = loss_of
        self._stepper = stepper
        self._saver = saver
        self._moments = moments
        self._reporter = reporter
        self._control = control
        self._place = start
        self._world = world or World()

    def run(self) -> How:
        """Trains to the end, or until somebody asks for it.

        Raises:
            NanLossError: the loss is no number.
            NoMemoryError: the device has no memory left.
            CaddieError: something could not be written or read.
        """
        self._control.while_waiting(self._serve, lambda on: self._reporter.wished("pause" if on else "go-on", "done"))
        try:
            return self._run()
        except torch.OutOfMemoryError as error:
            raise no_memory(error) from error
        finally:
            self._control.while_waiting(None)  # whoever keeps the control must not keep the model

    def _run(self) -> How:
        self._reporter.step = self._place.step
        self._stepper.built.train()
        if self._moments.samples_at(self._place, False):
            self._sample()
        for epoch in range(self._place.epoch, self.length.epochs):
            if not self._epoch(epoch):
                self._tell(wait=True)
                if self._control.saves_first and self._place.step:
                    self._reporter.wished("save-then-stop", "heard")
                    self._reporter.wished("save-then-stop", "done", str(self._saver.now(self._place)))
                return "stopped"
        self._tell(wait=True)
        self._saver.at_end(self._place)
        return "returned"

    def _epoch(self, epoch: int) -> bool:
        """One pass over the data; False where the training is to stop."""
        start = self._place.batch // self._world.size if epoch == self._place.epoch else 0
        # Closed in any case: its threads read ahead.
        with contextlib.closing(self._data.batches(epoch, start)) as batches:
            for number, batch in enumerate(batches, start + 1):
                # Within a step nothing can be saved, so nobody waits there.
                starts = (number - 1) % self._settings.accumulation == 0
                if self._control.wait_here() if starts else self._control.is_stopping():
                    return False
                self._micro(batch, epoch, number)
                if number % self._settings.accumulation == 0 or number == self.length.batches:
                    self._step(epoch, number)
                    if self._place.step >= self.length.steps:
                        break
        reached, self._place = self._place, Place(step=self._place.step, epoch=epoch + 1, seed=self._seed)
        self._tell()
        if self._saver.is_due_at_epoch(epoch + 1):
            self._tell(wait=True)
            self._saver.after_epoch(self._place)
        if self._moments.samples_at(self._place, True):
            self._sample()
        if self._moments.validates_at(self._place, True):
            self._validate()
        if self._place.step >= self.length.steps:
            self._place = reached  # perhaps within the epoch: whoever wants more steps later goes on from there
        return True

    def _micro(self, batch: Batch, epoch: int, number: int) -> None:
        # Counted over all processes: n of them draw what one would that accumulates n batches.
        number = (number - 1) * self._world.size + self._world.rank + 1
        # Dropout and optimizers that round at random draw from torch's own generators.
        seed_everything(self._seed, "work", epoch, number)
        self._stepper.backward(self._loss_of(batch, generator_for(self._device, self._seed, "noise", epoch, number)))

    def _step(self, epoch: int, number: int) -> None:
        step = self._place.step + 1
        self._reporter.step = step
        if not self._world.is_alone:
            seed_everything(self._seed, "step", step)  # an optimizer that rounds at random has to do so alike everywhere
        if self._stepper.step(step, epoch + number / self.length.batches):
            self._moments.after_step()
        else:
            self._reporter.warned("step-skipped")
        self._place = Place(step=step, epoch=epoch, batch=number * self._world.size, seed=self._seed)
        self._tell()
        if self._saver.is_due_at_step(step):
            self._tell(wait=True)  # a loss that is no number has to be known before its weights are saved
            self._saver.after_step(self._place)
        wished = self._control.take("sample")
        if self._control.take("save"):
            self._tell(wait=True)
            self._save_now()
        due = self._moments.samples_at(self._place, False)
        if wished:
            self._sample_now()
        elif due:
            self._sample()
        if self._moments.validates_at(self._place, False):
            self._validate()

    def _serve(self) -> None:
        """What is asked for during a pause."""
        self._tell(wait=True)
        # Before the first step there is nothing to save: the wish waits for that step and is not lost.
        if self._place.step and self._control.take("save"):
            self._save_now()
        if self._control.take("sample"):
            self._sample_now()

    def _save_now(self) -> None:
        """A wish is no reason to end: where it fails, that is told and the training goes on."""
        self._reporter.wished("save", "heard")
        try:
            saved = self._saver.now(self._place)
        except CaddieError as error:
            self._reporter.wished("save", "failed", detail=str(error.text))
        else:
            self._reporter.wished("save", "done", str(saved))

    def _sample_now(self) -> None:
        self._reporter.wished("sample", "heard")
        self._reporter.sampled_last = ""
        self._sample()
        path = self._reporter.sampled_last
        self._reporter.wished("sample", "done" if path else "failed", path, "" if path else "not-done")

    def _sample(self) -> None:
        with self._stepper.resting():
            self._moments.sample(self._place)

    def _validate(self) -> None:
        with self._stepper.resting():
            self._moments.validate(self._place)

    def _tell(self, *, wait: bool = False) -> None:
        """Reports the steps whose numbers have arrived.

        Raises:
            NanLossError: a loss is no number.
        """
        for event in self._stepper.events(wait=wait):
            self._reporter.send(event)
            if self._settings.nan == "stop":
                # Gradients that overflow with fp16 are the scaler's business: it leaves such steps out.
                _refuse_nan(event, gradients=self._stepper.scaler is None)


def _refuse_nan(event: Step, *, gradients: bool) -> None:
    numbers = [("loss", "loss", event.loss), ("gradient's norm", "勾配ノルム", event.grad_norm if gradients else None)]
    for name, name_ja, value in numbers:
        if value is not None and not math.isfinite(value):
            raise NanLossError(
                Text(
                    f"The {name} of step {event.step} is {value}: training on would give a file full of NaN. What was saved "
                    "before is untouched. Usual causes: a learning rate that is too high, or fp16 with a VAE that needs "
                    "no_half_vae.",
                    f"ステップ {event.step} の{name_ja}が {value} になりました。このまま続けても NaN だらけのファイルになるため停止しました。"
                    "それまでに保存したファイルはそのままです。よくある原因は、高すぎる学習率や、no_half_vae が必要な VAE を fp16 で使うことです。",
                )
            )
