"""What is special about the emo optimizers: the loss, two references under one name, and what they leave in the state.

The author's implementation is no package, so its numbers are held here against formulas written down anew, one number at
a time in Python's own floats; pytorch_optimizer's are held against the package by the tests for every optimizer.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import optimizers
from optimizers import emo_author
from optimizers.emo_drive import drive_of, follow_loss, trend_of

BOTH = [pytest.param(package, id=f"{package.__name__.rpartition('.')[2]}") for package in (optimizers, emo_author)]
NAMES = ("EmoNavi", "EmoFact", "EmoLynx")
every_name = pytest.mark.parametrize("name", NAMES)
every_package = pytest.mark.parametrize("package", BOTH)


def stormy(step: int) -> float:
    """Calm, then worse, an alarm, and back: every zone of the trend."""
    return 0.5 + 0.4 * math.sin(step / 5) + (9.0 if step in (20, 21, 22) else 0.0) - (0.45 if 35 <= step < 40 else 0.0)


# --- the author's formulas, number by number -----------------------------------------------------------------------


class Oracle:
    """The author's three optimizers on lists of numbers; a matrix is a list of rows."""

    def __init__(self, name: str, start: list[list[float]], lr: float, decay: float, shadow: bool) -> None:
        self.name, self.p, self.lr, self.decay = name, [list(row) for row in start], lr, decay
        self.shadow = [list(row) for row in start] if shadow else None
        self.m = [[0.0] * len(row) for row in start]
        self.v = [[0.0] * len(row) for row in start]
        self.rows, self.columns = [0.0] * len(start), [0.0] * len(start[0])
        self.short = self.medium = self.long = math.nan
        self.trends: list[float] = []

    def places(self) -> Iterator[tuple[int, int]]:
        yield from ((i, j) for i in range(len(self.p)) for j in range(len(self.p[0])))

    def trend(self, loss: float) -> float:
        first = math.isnan(self.short)
        self.short = loss if first else 0.3 * loss + 0.7 * self.short
        self.medium = loss if first else 0.05 * loss + 0.95 * self.medium
        self.long = loss if first else 0.01 * loss + 0.99 * self.long
        gap = self.long - self.short
        by_long, by_medium = gap / max(self.long, 1e-5), gap / max(self.medium, 1e-5)
        smaller = abs(by_medium) * max(self.medium, 1e-5) < abs(by_long) * max(self.long, 1e-5)
        return math.tanh(by_medium if abs(by_long) >= 0.05 and smaller else by_long)

    def step(self, grad: list[list[float]], loss: float) -> None:
        trend = self.trend(loss)
        self.trends.append(trend)
        calm, size = 1.0 - abs(trend), abs(trend)
        factor = 1.0
        if 0.25 < size < 0.5:
            factor = 8.0 * calm * (1.0 + 0.1 * math.copysign(calm, trend))
        if size > 0.75:
            factor = calm
        for i, j in self.places() if self.shadow is not None else ():
            if size > 0.625:
                self.p[i][j] = size * self.p[i][j] + calm * self.shadow[i][j]
            else:
                self.shadow[i][j] += 0.1 * calm * (self.p[i][j] - self.shadow[i][j])
        directions = getattr(self, self.name)(grad)
        for i, j in self.places():
            self.p[i][j] -= self.lr * self.decay * self.p[i][j]
            self.p[i][j] -= self.lr * factor * directions[i][j]

    def EmoNavi(self, grad: list[list[float]]) -> list[list[float]]:
        for i, j in self.places():
            self.m[i][j] = 0.9 * self.m[i][j] + 0.1 * grad[i][j]
            self.v[i][j] = 0.995 * self.v[i][j] + 0.005 * grad[i][j] ** 2
        return [[m / (math.sqrt(v) + 1e-8) for m, v in zip(*rows, strict=True)] for rows in zip(self.m, self.v, strict=True)]

    def EmoLynx(self, grad: list[list[float]]) -> list[list[float]]:
        blend = [[0.9 * m + 0.1 * g for m, g in zip(*rows, strict=True)] for rows in zip(self.m, grad, strict=True)]
        for i, j in self.places():
            self.m[i][j] = 0.995 * self.m[i][j] + 0.005 * grad[i][j]
        return [[math.copysign(1.0, value) if value else 0.0 for value in row] for row in blend]

    def EmoFact(self, grad: list[list[float]]) -> list[list[float]]:
        for i, row in enumerate(grad):
            self.rows[i] = 0.9 * self.rows[i] + 0.1 * math.sqrt(sum(g * g for g in row) / len(row) + 1e-8)
        for j, column in enumerate(zip(*grad, strict=True)):
            self.columns[j] = 0.9 * self.columns[j] + 0.1 * math.sqrt(sum(g * g for g in column) / len(column) + 1e-8)
        return [[math.copysign(1.0, g) if g else 0.0 for g in row] for row in grad]


@pytest.mark.parametrize("backend", ["exact", "eager", "native"])
@pytest.mark.parametrize("shadow", [False, True])
@every_name
def test_the_authors_formulas(name: str, shadow: bool, backend: str) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(5, 7, generator=generator, dtype=torch.float64)
    p = torch.nn.Parameter(start.clone())
    optimizer = getattr(emo_author, name)([p], lr=0.01, weight_decay=0.1, use_shadow=shadow)
    optimizer.backend = backend
    oracle = Oracle(name, start.tolist(), 0.01, 0.1, shadow)
    for step in range(60):
        p.grad = 0.3 * p.detach() + torch.randn(5, 7, generator=generator, dtype=torch.float64)
        oracle.step(p.grad.tolist(), stormy(step))
        optimizer.step(lambda step=step: torch.tensor(stormy(step), dtype=torch.float64))
        assert torch.allclose(p.detach(), torch.tensor(oracle.p, dtype=torch.float64), rtol=0, atol=1e-12)
    state = optimizer.state[p]
    if name == "EmoFact":
        assert torch.allclose(state["exp_avg_r"].flatten(), torch.tensor(oracle.rows, dtype=torch.float64), atol=1e-13)
        assert torch.allclose(state["exp_avg_c"].flatten(), torch.tensor(oracle.columns, dtype=torch.float64), atol=1e-13)
    sizes = sorted(abs(trend) for trend in oracle.trends)
    assert sizes[0] < 0.25, "the loss was never calm"
    assert sizes[-1] > 0.75, "the loss never alarmed"


def test_the_authors_vectors_decay_by_one_beta_and_add_by_the_other() -> None:
    """So the size does not settle at the gradient's; its sign is all that is used, though."""
    p = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
    optimizer = emo_author.EmoFact([p], lr=0.5, weight_decay=0.0)
    for _ in range(400):
        p.grad = torch.tensor([2.0, -2.0, 0.0], dtype=torch.float64)
        optimizer.step()
    assert optimizer.state[p].keys() == {"exp_avg_sq"}
    assert optimizer.state[p]["exp_avg_sq"].tolist() == pytest.approx([0.2, 0.2, 0.0])  # 4 * 0.005 / (1 - 0.9)
    assert p.tolist() == [-200.0, 200.0, 0.0]


# --- the loss ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trend", "factor", "ratio"),
    [
        (0.0, 1, 0),
        (0.25, 1, 0),
        (0.3, 8 * 0.7 * 1.07, 0),
        (-0.3, 8 * 0.7 * 0.93, 0),
        (0.5, 1, 0),
        (-0.6, 1, 0),
        (0.7, 1, 0.3),
        (-0.75, 1, 0.25),
        (0.8, 0.2, 0.2),
        (-0.95, 0.05, 0.05),
    ],
)
def test_what_a_trend_asks_for(trend: float, factor: float, ratio: float) -> None:
    drive = drive_of(trend, use_shadow=True)
    assert (drive.factor, drive.ratio) == (pytest.approx(factor), pytest.approx(ratio))
    assert drive_of(trend, use_shadow=False).ratio == 0.0


def test_a_falling_loss_has_a_trend_above_zero_and_a_rising_one_below() -> None:
    falling: dict[str, float] = {}
    rising: dict[str, float] = {}
    for step in range(20):
        follow_loss(falling, 1.0 - step / 40)
        follow_loss(rising, 1.0 + step / 40)
    assert trend_of(falling) > 0.05
    assert trend_of(rising) < -0.05


@every_package
@every_name
def test_without_a_closure_the_loss_drives_nothing(name: str, package: Any) -> None:
    """As sd-scripts steps: the numbers are those of a loss that is always the same."""

    def trained(step: Callable[[Any], object]) -> torch.Tensor:
        torch.manual_seed(0)
        p = torch.nn.Parameter(torch.randn(4, 6))
        optimizer = getattr(package, name)([p], lr=0.1)
        for _ in range(40):
            p.grad = torch.randn(4, 6)
            step(optimizer)
        return p.detach()

    without = trained(lambda optimizer: optimizer.step())
    assert torch.equal(without, trained(lambda optimizer: optimizer.step(lambda: 0.7)))
    losses = iter(range(1, 41))
    assert not torch.equal(without, trained(lambda optimizer: optimizer.step(lambda: float(next(losses)))))


@pytest.mark.parametrize("loss", [0.25, 1, torch.tensor(0.25), torch.tensor([0.25], dtype=torch.float64)], ids=repr)
@every_package
@every_name
def test_losses_are_numbers_or_tensors_of_one(name: str, package: Any, loss: Any) -> None:
    optimizer = getattr(package, name)([torch.nn.Parameter(torch.zeros(2))])
    assert optimizer.step(lambda: loss) is loss
    assert optimizer.state["ema"] == {"short": float(loss), "medium": float(loss), "long": float(loss)}


@pytest.mark.parametrize(("loss", "error"), [("0.25", TypeError), ([0.25], TypeError), (torch.zeros(2), RuntimeError)], ids=repr)
@every_package
def test_what_is_no_loss_is_refused_before_anything_is_stepped(package: Any, loss: Any, error: type[Exception]) -> None:
    p = torch.nn.Parameter(torch.ones(2))
    optimizer = package.EmoNavi([p])
    p.grad = torch.ones(2)
    with pytest.raises(error):
        optimizer.step(lambda: loss)
    assert p.tolist() == [1.0, 1.0]


def test_a_closure_without_a_loss_counts_as_none_with_the_author_and_is_refused_like_the_package() -> None:
    optimizer = emo_author.EmoNavi([torch.nn.Parameter(torch.zeros(2))])
    assert optimizer.step(lambda: None) is None
    assert optimizer.state["ema"]["short"] == 0.0
    with pytest.raises(TypeError, match="NoneType"):
        optimizers.EmoNavi([torch.nn.Parameter(torch.zeros(2))]).step(lambda: None)


@every_package
@every_name
def test_a_closure_may_run_the_model(name: str, package: Any) -> None:
    p = torch.nn.Parameter(torch.ones(3))
    optimizer, calls = getattr(package, name)([p]), []

    def closure() -> torch.Tensor:
        calls.append(1)
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 3.0
    assert len(calls) == 1
    assert (p < 1.0).all()


def test_the_package_follows_the_loss_once_per_group_and_the_author_once_per_step() -> None:
    def averages(package: Any) -> dict[str, float]:
        groups = [{"params": [torch.nn.Parameter(torch.zeros(2))]} for _ in range(2)]
        optimizer = package.EmoNavi(groups)
        optimizer.step(lambda: 1.0)
        optimizer.step(lambda: 2.0)
        return optimizer.state["ema"]

    assert averages(emo_author)["short"] == pytest.approx(0.7 + 0.3 * 2)
    assert averages(optimizers)["short"] == pytest.approx(0.7 * (0.7 + 0.3 * 2) + 0.3 * 2)


@pytest.mark.parametrize("loss", [math.nan, math.inf], ids=str)
@every_name
def test_a_loss_that_is_no_number_ends_the_driving_as_in_the_package(name: str, loss: float) -> None:
    reference = pytest.importorskip("pytorch_optimizer", reason="pytorch_optimizer is not installed")

    def trained(optimizer_class: type[Any], **chosen: str) -> torch.Tensor:
        torch.manual_seed(0)
        p = torch.nn.Parameter(torch.randn(4, 6))
        optimizer = optimizer_class([p], lr=0.1)
        for key, value in chosen.items():
            setattr(optimizer, key, value)
        for step in range(12):
            p.grad = torch.randn(4, 6)
            optimizer.step(lambda step=step: loss if step == 4 else stormy(step))
        return p.detach()

    assert torch.equal(trained(getattr(optimizers, name), backend="exact"), trained(getattr(reference, name)))


@pytest.mark.parametrize("backend", ["exact", "eager", "native"])
@pytest.mark.parametrize("value", [math.nan, math.inf], ids=str)
def test_a_gradient_that_is_no_number_freezes_rows_and_columns_as_in_the_package(value: float, backend: str) -> None:
    """The averages of its row and column stay NaN or infinite, and nothing divided by them has a sign."""
    reference = pytest.importorskip("pytorch_optimizer", reason="pytorch_optimizer is not installed")

    def trained(optimizer_class: type[Any], **chosen: str) -> torch.Tensor:
        torch.manual_seed(0)
        p = torch.nn.Parameter(torch.randn(4, 6))
        optimizer = optimizer_class([p], lr=0.1, weight_decay=0.0)
        for key, choice in chosen.items():
            setattr(optimizer, key, choice)
        for step in range(6):
            p.grad = torch.randn(4, 6)
            if step == 2:
                p.grad[1, 3] = value
            optimizer.step()
        return p.detach()

    ours, theirs = trained(optimizers.EmoFact, backend=backend), trained(reference.EmoFact)
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert not theirs.isnan().any()


# --- the state -----------------------------------------------------------------------------------------------------


@every_name
def test_the_author_says_when_the_loss_is_calm(name: str) -> None:
    """Also where it is never told the loss: after 32 steps, and for good."""
    p = torch.nn.Parameter(torch.zeros(2))
    optimizer = getattr(emo_author, name)([p])
    for _ in range(31):
        optimizer.step()
    assert not optimizer.should_stop
    optimizer.step()
    assert optimizer.should_stop
    optimizer.step(lambda: 100.0)
    assert optimizer.should_stop
    assert not hasattr(optimizers.EmoNavi([p]), "should_stop")


def test_the_authors_navi_remembers_the_trend_of_the_long_average_alone() -> None:
    """The others remember the one that drives them."""
    kept: dict[str, list[float]] = {}
    for name in NAMES:
        optimizer = getattr(emo_author, name)([torch.nn.Parameter(torch.zeros(2))])
        for step in range(30):
            optimizer.step(lambda step=step: stormy(step))
        kept[name] = list(optimizer.state["scalar_hist"])
    assert kept["EmoFact"] == kept["EmoLynx"]
    assert kept["EmoNavi"] != kept["EmoFact"]


def test_the_history_of_a_state_that_lost_its_type_goes_on() -> None:
    p = torch.nn.Parameter(torch.zeros(2))
    optimizer = emo_author.EmoNavi([p])
    for _ in range(40):
        optimizer.step(lambda: 1.0)
    saved = copy.deepcopy(optimizer.state_dict())
    assert isinstance(saved["state"]["scalar_hist"], deque)
    saved["state"]["scalar_hist"] = list(saved["state"]["scalar_hist"])
    other = emo_author.EmoNavi([p])
    other.load_state_dict(saved)
    other.step(lambda: 1.0)
    assert other.state["scalar_hist"].maxlen == len(other.state["scalar_hist"]) == 32


@every_package
@every_name
def test_a_shadow_begins_where_it_is_asked_for_in_the_middle(name: str, package: Any) -> None:
    p = torch.nn.Parameter(torch.ones(3, 4))
    optimizer = getattr(package, name)([p], lr=0.1)
    p.grad = torch.ones(3, 4)
    optimizer.step()
    assert "shadow" not in optimizer.state[p]
    optimizer.use_shadow = optimizer.param_groups[0]["use_shadow"] = True
    before = p.detach().clone()
    optimizer.step()
    # It begins as the parameter, and in calm follows it before the step.
    assert torch.allclose(optimizer.state[p]["shadow"], before, rtol=0.01)


def test_a_writer_is_told_the_rates_by_each_of_the_authors() -> None:
    class Writer:
        def __init__(self) -> None:
            self.lines: list[tuple[str, float, int]] = []

        def add_scalar(self, tag: str, value: float, step: int) -> None:
            self.lines.append((tag, value, step))

    for name in NAMES:
        writer, p = Writer(), torch.nn.Parameter(torch.zeros(2))
        optimizer = getattr(emo_author, name)([p], lr=0.25, writer=writer)
        optimizer.step()
        assert not writer.lines, "nothing was stepped"
        for _ in range(2):
            p.grad = torch.ones(2)
            optimizer.step()
        tags = ["emoLR/base", "emoLR/Turbo", "emostate/emoDrive", "emostate/scalar"]
        assert [line[0] for line in writer.lines] == 2 * tags
        assert writer.lines[:4] == list(zip(tags, (0.25, 0.25, 1.0, 0.0), (1,) * 4, strict=True))
        assert writer.lines[-1][2] == 2


@every_package
@every_name
def test_an_argument_that_is_not_there_is_refused(name: str, package: Any) -> None:
    """pytorch_optimizer takes anything and says nothing."""
    with pytest.raises(TypeError, match="use_shadwo"):
        getattr(package, name)([torch.nn.Parameter(torch.zeros(2))], use_shadwo=True)


@pytest.mark.parametrize("wrong", [{"lr": -1.0}, {"betas": (0.9, 1.0)}, {"eps": -1e-8}, {"weight_decay": -0.1}], ids=repr)
@every_package
@every_name
def test_values_out_of_range_are_refused(name: str, package: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Invalid"):
        getattr(package, name)([torch.nn.Parameter(torch.zeros(2))], **wrong)


def test_a_learning_rate_may_be_a_tensor_with_the_package() -> None:
    results = []
    for lr in (0.125, torch.tensor(0.125)):
        p = torch.nn.Parameter(torch.ones(5))
        optimizer = optimizers.EmoNavi([p], lr=lr)
        p.grad = torch.ones(5)
        optimizer.step()
        results.append(p.detach())
    assert torch.equal(*results)
