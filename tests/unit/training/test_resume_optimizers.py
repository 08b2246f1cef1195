"""Every optimizer of the catalogue, stopped and gone on through the state's file: bit for bit the training without a break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.catalogue.loader import load_catalogue
from core.training.machine import machine_for
from core.training.optimizer import build_optimizer
from core.training.options import OptionReader
from core.training.randomness import seed_everything
from core.training.rates.schedules import build_schedule
from core.training.rates.settings import read_settings
from core.training.settings import LoopSettings
from core.training.state import Place, load_place, load_tensors, save_state
from core.training.steps import Stepper

pytestmark = pytest.mark.filterwarnings("ignore:Paged optimizers are not supported on CPU")

STEPS, BREAK = 8, 5


def _cases() -> list[tuple[str, tuple[str, ...], float]]:
    found: list[tuple[str, tuple[str, ...], float]] = []
    for spec in load_catalogue():
        found.append((spec.optimizer_type, (), spec.learning_rate.start))
        if spec.fast:
            arguments = tuple(f"{key}={value!r}" for key, value in spec.fast.only_with.items())
            found.append((spec.fast.optimizer_type, arguments, spec.learning_rate.start))
    # The author's own versions, which the catalogue names but does not list.
    return found + [(f"optimizers.emo_author.{name}", (), 1e-3) for name in ("EmoNavi", "EmoFact", "EmoLynx")]


class Training:
    """Two trained matrices of different shapes, which have to become a third one's halves; the data change with the step."""

    def __init__(self, name: str, arguments: tuple[str, ...], rate: float) -> None:
        settings = read_settings(
            OptionReader(
                {
                    "optimizer_type": name,
                    "optimizer_args": list(arguments),
                    "learning_rate": rate,
                    "lr_scheduler": "cosine",
                    # AdaFactor takes no warm-up, and the package of DAdaptSGD divides by a rate of 0.
                    "lr_warmup_steps": 0 if name in {"AdaFactor", "DAdaptSGD"} else 2,
                }
            )
        )
        seed_everything(3, "weights")
        # bitsandbytes keeps 8 bits from 4096 elements on.
        self.weights = nn.ParameterDict({"down": nn.Parameter(torch.randn(64, 64)), "up": nn.Parameter(torch.randn(96, 64))})
        groups = [{"params": [weights], "lr": rate} for weights in self.weights.values()]
        built = build_optimizer(settings.optimizer, groups, rate)
        loop = LoopSettings(ema=0.9)
        machine = machine_for(loop, torch.device("cpu"))
        self.stepper = Stepper(built, build_schedule(settings, built.optimizer, STEPS), ("down", "up"), machine, loop)

    def run(self, start: int, end: int) -> list[float | None]:
        for number in range(start + 1, end + 1):
            seed_everything(3, "work", number)
            data = torch.randn(16, 64)
            hidden = nn.functional.dropout(data @ self.weights["down"].t(), 0.2)
            self.stepper.backward(((hidden @ self.weights["up"].t() - data.sum(dim=1, keepdim=True)) ** 2).mean() / 1e3)
            self.stepper.step(number, 0.0)
        return [event.loss for event in self.stepper.events(wait=True)]

    def saved(self) -> dict[str, Tensor]:
        """What a file would hold: the weights to sample with, which the averaging changes too."""
        with self.stepper.resting():
            return {name: value.detach().clone() for name, value in self.weights.items()}

    def save(self, folder: Path, step: int) -> None:
        self.saved()  # as a training does: the file first, then the state
        save_state(folder, Place(step=step), {"network": self.weights.state_dict(), **self.stepper.state_dict()})

    def load(self, folder: Path) -> int:
        state = load_tensors(folder)
        self.weights.load_state_dict(state["network"])
        self.stepper.load_state_dict(state)
        return load_place(folder).step


@pytest.mark.parametrize(("name", "arguments", "rate"), _cases(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_resumed_training_goes_the_same_way(tmp_path: Path, name: str, arguments: tuple[str, ...], rate: float) -> None:
    torch.set_num_threads(1)
    whole = Training(name, arguments, rate)
    whole.run(0, BREAK)
    whole.save(tmp_path / "state", BREAK)
    wanted = whole.run(BREAK, STEPS)

    again = Training(name, arguments, rate)
    assert again.load(tmp_path / "state") == BREAK
    assert again.run(BREAK, STEPS) == wanted
    raw: dict[str, Any] = again.weights.state_dict()
    assert all(torch.equal(value, raw[name]) for name, value in whole.weights.state_dict().items())
    files = again.saved()
    assert all(torch.equal(value, files[name]) for name, value in whole.saved().items())
