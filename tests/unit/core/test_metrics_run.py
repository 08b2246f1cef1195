"""RunMetrics: from events to curves."""

from __future__ import annotations

import math

from core.metrics.rates import rate_curves
from core.metrics.run_metrics import LOSS, VALIDATION_LOSS, Mark, MarkKind, Quantity, RunMetrics, SeriesKey
from core.metrics.smoothing import Smoothing
from core.runs.events import Finished, Group, Sample, Saved, Started, Step, Validated, Warned


def step(number: int, loss: float | None = 1.0, **more) -> Step:
    return Step(time=1000.0 + number, step=number, loss=loss, **more)


def prodigy(number: int, *, d: float = 1e-6) -> Step:
    groups = tuple(
        Group(name=name, lr=1.0, d=d, d_lr=d * factor, effective_lr=d * factor)
        for name, factor in (("textencoder", 1), ("unet", 2))
    )
    return step(number, groups=groups)


def test_every_number_of_a_step_gets_its_curve() -> None:
    metrics = RunMetrics()
    metrics.feed([step(1, 0.5, average_loss=0.6, grad_norm=2.0, seconds=1.5, memory=123, epoch=0.1, groups=prodigy(1).groups)])
    got = {key.name: series.last for key, series in metrics.series.items()}
    assert got == {
        "time": 1001.0,
        "loss": 0.5,
        "average_loss": 0.6,
        "grad_norm": 2.0,
        "seconds": 1.5,
        "memory": 123.0,
        "epoch": 0.1,
        "lr/textencoder": 1.0,
        "d/textencoder": 1e-6,
        "d*lr/textencoder": 1e-6,
        "effective_lr/textencoder": 1e-6,
        "lr/unet": 1.0,
        "d/unet": 1e-6,
        "d*lr/unet": 2e-6,
        "effective_lr/unet": 2e-6,
    }


def test_validation_has_a_curve_that_goes_back_with_the_training() -> None:
    def validated(number: int, loss: float) -> Validated:
        return Validated(time=1.0, step=number, loss=loss, epoch=1.0)

    start = Started(time=0, optimizer="a.B", source="builtin")
    metrics = RunMetrics()
    metrics.feed([start, *(step(number) for number in range(1, 11)), validated(5, 0.5), validated(10, 0.4)])
    metrics.feed([start, *(step(number) for number in range(6, 11)), validated(10, 0.3)])
    assert metrics.get(VALIDATION_LOSS).x.tolist() == [5, 10]
    assert metrics.get(VALIDATION_LOSS).y.tolist() == [0.5, 0.3]


def test_zero_is_a_value_and_unknown_is_not() -> None:
    metrics = RunMetrics()
    metrics.feed([step(1, None, groups=(Group(name="unet", lr=0.0),))])
    assert LOSS not in metrics.series
    assert metrics.get(SeriesKey(Quantity.LR, "unet")).last == 0.0
    assert metrics.of(Quantity.D_LR) == {}


def test_feeding_in_pieces_is_feeding_at_once() -> None:
    events = [Started(time=0, optimizer="a.B", total_steps=50), *(prodigy(number, d=number * 1e-6) for number in range(1, 51))]
    whole, pieces = RunMetrics(), RunMetrics()
    whole.feed(events)
    for event in events:
        pieces.feed([event])
    for key, series in whole.series.items():
        assert pieces.get(key).y.tolist() == series.y.tolist()
    assert pieces.total_steps == 50
    assert pieces.optimizer == "a.B"


def test_the_same_step_told_twice_is_one_step() -> None:
    metrics = RunMetrics()
    metrics.feed([step(1, 1.16987), step(2, 1.2), step(1, 1.17, grad_norm=3.0)])
    assert metrics.get(LOSS).y.tolist() == [1.16987, 1.2]
    assert metrics.get(SeriesKey(Quantity.GRAD_NORM)).y.tolist() == [3.0]


def test_a_resumed_run_begins_where_it_begins() -> None:
    metrics = RunMetrics()
    metrics.feed([Started(time=0), step(501), step(502)])
    assert metrics.get(LOSS).x.tolist() == [501, 502]
    assert metrics.marks == (Mark(MarkKind.RESUMED, 501),)


def test_going_back_forgets_what_the_weights_forgot() -> None:
    metrics = RunMetrics()
    metrics.feed([Started(time=0), *(step(number, float(number)) for number in range(1, 11))])
    metrics.feed([Saved(time=0, step=6, path="a"), Saved(time=0, step=10, path="b")])
    metrics.feed([Started(time=1), step(7, 70.0)])
    assert metrics.get(LOSS).y.tolist() == [1, 2, 3, 4, 5, 6, 70]
    assert [(mark.kind, mark.step) for mark in metrics.marks] == [(MarkKind.SAVED, 6), (MarkKind.RESUMED, 7)]


def test_a_start_told_again_or_by_another_source_is_no_restart() -> None:
    metrics = RunMetrics()
    metrics.feed([Started(time=0), step(1), step(2), Started(time=0, total_steps=9), step(3)])
    metrics.feed([Started(time=0, source="console"), step(1, 1.0), step(4)])
    assert metrics.get(LOSS).x.tolist() == [1, 2, 3, 4]
    assert metrics.total_steps == 9
    assert metrics.marks == ()


def test_steps_without_a_finite_loss_are_counted_and_marked_once_a_row() -> None:
    metrics = RunMetrics()
    losses = [1.0, math.nan, math.nan, 1.0, math.inf, 1.0]
    metrics.feed([step(number, loss) for number, loss in enumerate(losses, start=1)])
    assert metrics.nan_count == 3
    assert [mark.step for mark in metrics.marks if mark.kind is MarkKind.NAN] == [2, 5]
    smoothed = metrics.smoothed(LOSS, Smoothing(window=10))
    assert [math.isnan(value) for value in smoothed] == [False, True, True, False, True, False]


def test_what_happened_is_marked() -> None:
    metrics = RunMetrics()
    metrics.feed(
        [
            Sample(time=0, step=2, path="s.png"),
            Saved(time=0, step=3, path="w.safetensors"),
            Warned(time=0, step=4, key="nan-loss", detail="x"),
            Warned(time=0, step=5, key="slow"),
            Finished(time=0, step=5, how="returned"),
        ]
    )
    assert metrics.marks == (
        Mark(MarkKind.SAMPLE, 2, "s.png"),
        Mark(MarkKind.SAVED, 3, "w.safetensors"),
        Mark(MarkKind.WARNED, 4, "nan-loss: x"),
        Mark(MarkKind.WARNED, 5, "slow"),
    )
    assert metrics.finished is not None


def test_revision_tells_that_something_changed() -> None:
    metrics = RunMetrics()
    metrics.feed([])
    assert metrics.revision == 0
    metrics.feed([step(1)])
    assert metrics.revision > 0


def test_a_copy_goes_its_own_way() -> None:
    metrics = RunMetrics()
    metrics.feed([Started(time=0), prodigy(1), step(2, math.nan)])
    copy = metrics.copy()
    metrics.feed([step(3), Saved(time=0, step=3, path="a")])
    assert copy.get(LOSS).x.tolist() == [1, 2]
    assert copy.marks == (Mark(MarkKind.NAN, 2),)
    copy.feed([step(3, 5.0), step(4)])
    assert copy.get(LOSS).last_step == 4
    assert metrics.get(LOSS).y.tolist()[-1] == 1.0
    assert (copy.nan_count, copy.groups) == (1, ("textencoder", "unet"))


def test_groups_with_the_same_numbers_share_a_curve_until_they_part() -> None:
    metrics = RunMetrics()
    same = tuple(Group(name=name, lr=1e-4, effective_lr=1e-4) for name in ("textencoder", "unet"))
    metrics.feed([step(1, groups=same)])
    (curve,) = rate_curves(metrics)
    assert curve.named_groups == "textencoder, unet"
    apart = (Group(name="textencoder", lr=1e-5, effective_lr=1e-5), Group(name="unet", lr=1e-4, effective_lr=1e-4))
    metrics.feed([step(2, groups=apart)])
    assert [item.groups for item in rate_curves(metrics)] == [("textencoder",), ("unet",)]


def test_d_lr_stands_before_a_lr_that_says_nothing() -> None:
    metrics = RunMetrics()
    metrics.feed([prodigy(1), prodigy(2)])
    assert [(curve.key.name, curve.prominent) for curve in rate_curves(metrics)] == [
        ("d*lr/textencoder", True),
        ("d*lr/unet", True),
        ("lr/textencoder", False),
    ]


def test_an_effective_rate_of_its_own_is_shown() -> None:
    metrics = RunMetrics()
    metrics.feed([step(1, groups=(Group(name="unet", lr=1e-4, effective_lr=5e-5),))])
    assert [curve.key.name for curve in rate_curves(metrics)] == ["lr/unet", "effective_lr/unet"]
    assert all(curve.prominent for curve in rate_curves(metrics))
