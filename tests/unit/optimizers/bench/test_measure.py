"""A row is measured, and what cannot be measured says why."""

from __future__ import annotations

import sys
import types
from typing import ClassVar

import pytest
import torch

from optimizers.bench.measure import FEWEST_ROUNDS, Bench, Plan
from optimizers.bench.rows import BASELINE, Contender, Row
from optimizers.bench.shapes import TensorSpec
from optimizers.bench.subject import Gradients, Subject

CPU = torch.device("cpu")
TENSORS = (TensorSpec((4, 3)), TensorSpec((3, 4), zero=True), TensorSpec((5,)))


class Recorder(torch.optim.SGD):
    """Says in which order the instances step."""

    order: ClassVar[list[str]] = []

    def __init__(self, params, lr=0.1, name="", fails_at=None):
        super().__init__(params, lr)
        self.name, self.fails_at, self.steps = name, fails_at, 0

    def step(self, closure=None):
        self.steps += 1
        if self.fails_at is not None and self.steps >= self.fails_at:
            raise ValueError("no more\nand a second line")
        type(self).order.append(self.name)
        return super().step(closure)


@pytest.fixture(autouse=True)
def lab(monkeypatch):
    module = types.ModuleType("bench_lab")
    module.Recorder = Recorder
    monkeypatch.setitem(sys.modules, "bench_lab", module)
    monkeypatch.setattr(Recorder, "order", [])


def bench(rounds: int = 3, seconds: float = 10.0) -> Bench:
    return Bench(Plan(tensors=TENSORS, device=CPU, rounds=rounds, seconds=seconds, clock="wall", bandwidth=1e9))


def row(reference: Contender, ours: Contender | None = None, name: str = "AdamW", warm_up: int = 2) -> Row:
    return Row(name=name, reference=reference, ours=ours, warm_up=warm_up)


def recorder(name: str, **arguments) -> Contender:
    return Contender(path="bench_lab.Recorder", package="nobody", arguments={"name": name, **arguments})


ADAMW = Contender(path="torch.optim.AdamW", package="torch")


def test_a_pair_is_measured_in_turn_and_the_order_turns_round() -> None:
    bench(rounds=4).row(row(recorder("a"), recorder("b")))
    order = "".join(Recorder.order)
    # three fresh ones of each, then two rounds that do not count and four that do; then each alone for memory and counts
    assert order == "aaabbb" + "baab" * 3 + "aabb"


def test_a_measured_side_has_every_figure() -> None:
    measured = bench().row(row(ADAMW, ADAMW))
    for who in ("reference", "ours"):
        side = measured[who]
        assert side["status"] == "measured"
        assert side["problem"] is None
        assert side["rounds"] == 3
        assert 0 < side["host_ms"] <= side["step_ms"]
        assert side["process_ms"] >= 0
        assert side["relative_cost"] > 0
        assert (side["ops"], side["waits"], side["launches"]) == (27, 0, 27)
        assert side["state_bytes"] == 2 * 29 * 4 + 3 * 4
        assert side["peak_bytes"] > 0
        assert side["floor_bytes_per_parameter"] == 28
        assert side["limit_ms"] == pytest.approx(28 * 29 / 1e9 * 1e3)
        assert side["times_limit"] == pytest.approx(side["step_ms"] / side["limit_ms"])
        assert side["version"] == torch.__version__
    assert measured["ours"]["kept_bytes"] == measured["ours"]["state_bytes"]
    assert measured["ratio"] == pytest.approx(measured["reference"]["step_ms"] / measured["ours"]["step_ms"])
    assert measured["round_ratio"] > 0


def test_an_optimizer_without_a_known_floor_has_no_limit() -> None:
    side = bench().row(row(ADAMW, name="Somebody's"))["reference"]
    assert side["status"] == "measured"
    assert side["limit_ms"] is side["times_limit"] is side["floor_bytes_per_parameter"] is None


def test_the_unit_costs_one_and_others_are_measured_by_it() -> None:
    made = bench()
    assert made.row(BASELINE)["reference"]["relative_cost"] == 1
    beside = made.row(row(ADAMW, name="SGDNesterov"))["reference"]["relative_cost"]
    assert beside > 0
    assert beside != 1  # two instances never take the very same time in every round


def test_rounds_end_when_the_time_is_over_but_not_before_there_are_enough() -> None:
    assert bench(rounds=50, seconds=0.0).row(row(ADAMW))["reference"]["rounds"] == FEWEST_ROUNDS


@pytest.mark.parametrize(
    ("contender", "status", "words"),
    [
        (Contender(path="no_such_package.Optimizer", package="no-such"), "not-installed", "no_such_package"),
        (Contender(path="torch.optim.NotYet", package="torch"), "not-there", "torch.optim.NotYet"),
        (Contender(path="torch.optim.AdamW", package="torch", arguments={"lr": -1}), "failed", "ValueError"),
        (recorder("x", fails_at=1), "failed", "ValueError: no more"),
    ],
)
def test_what_fails_says_why_and_the_other_side_is_measured_all_the_same(contender, status, words) -> None:
    measured = bench().row(row(ADAMW, contender))
    assert measured["reference"]["status"] == "measured"
    assert measured["ours"]["status"] == status
    assert words in measured["ours"]["problem"]
    assert "second line" not in measured["ours"]["problem"]
    assert measured["ratio"] is measured["round_ratio"] is None


def test_a_failure_in_the_middle_stops_that_side_only() -> None:
    measured = bench(rounds=5).row(row(recorder("dies", fails_at=4), ADAMW))
    assert measured["reference"]["status"] == "failed"
    assert "step_ms" not in measured["reference"]
    assert measured["ours"]["rounds"] == 5


def test_gradients_are_new_tensors_with_other_numbers_each_round() -> None:
    gradients = Gradients(TENSORS, CPU)
    subject = Subject(ADAMW, TENSORS, gradients, CPU)
    subject.prepare(0)
    first = [p.grad for p in subject.parameters]
    subject.prepare(1)
    second = [p.grad for p in subject.parameters]
    assert all(not torch.equal(one, other) for one, other in zip(first, second, strict=True))
    subject.prepare(0)
    assert all(torch.equal(one, p.grad) and one is not p.grad for one, p in zip(first, subject.parameters, strict=True))
    assert all(0.001 < one.std() < 0.1 for one in first)


def test_subjects_begin_alike_with_the_zeros_of_the_set() -> None:
    gradients = Gradients(TENSORS, CPU)
    one, other = (Subject(ADAMW, TENSORS, gradients, CPU) for _ in range(2))
    assert all(torch.equal(p, q) for p, q in zip(one.parameters, other.parameters, strict=True))
    assert [bool((p == 0).all()) for p in one.parameters] == [False, True, False]


def test_an_optimizer_that_has_to_be_told_is_told_that_it_trains() -> None:
    schedulefree = pytest.importorskip("schedulefree")
    assert schedulefree  # refuses to step before train()
    contender = Contender(path="schedulefree.AdamWScheduleFree", package="schedulefree")
    assert bench().row(row(contender))["reference"]["status"] == "measured"
