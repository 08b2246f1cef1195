"""TensorBoard's scalars become the steps they were."""

from __future__ import annotations

from core.runs.events import Group, Step
from core.runs.tensorboard_reader import Merger, Scalar, merge_groups


def rows(*points: tuple[int, dict[str, float]]) -> list[Scalar]:
    return [Scalar(float(i), x, tag, value) for i, (x, values) in enumerate(points) for tag, value in values.items()]


def test_rates_belong_to_the_step_after() -> None:
    merger = Merger()
    merger.add(rows(*((x, {"loss/current": x / 10, "loss/average": 1.0, "lr/unet": x / 100}) for x in (1, 2, 3))))
    assert [(s.step, s.loss, [g.lr for g in s.groups]) for s in merger.take()] == [(1, 0.1, []), (2, 0.2, [0.01])]
    assert [(s.step, s.groups[0].lr) for s in merger.take(last=True)] == [(3, 0.02)]
    assert merger.take(last=True) == []


def test_micro_batches_go_to_the_step_they_are_part_of() -> None:
    merger = Merger()
    merger.add(rows(*((x, {"loss/current": loss}) for x, loss in [(0, 1), (1, 3), (1, 5), (2, 7), (2, 9), (3, 11)])))
    assert [(s.step, s.loss) for s in merger.take(last=True)] == [(1, 2.0), (2, 6.0), (3, 10.0)]


def test_epochs_are_another_axis() -> None:
    merger = Merger()
    merger.add(rows((1, {"loss/current": 1.0}), (1, {"loss/epoch_average": 9.0}), (2, {"loss/current": 2.0})))
    assert [(s.step, s.loss) for s in merger.take(last=True)] == [(1, 1.0), (2, 2.0)]


def test_tags_that_say_the_same_are_one_group() -> None:
    rates = {"lr/textencoder": 1.0, "lr/unet": 1.0, "lr/group1": 1.0, "lr/d*lr/textencoder": 2e-6, "lr/d*lr/unet": 2e-6}
    rates |= {"lr/d*lr/group1": 2e-6}
    assert merge_groups(rates) == tuple(
        Group(name=name, lr=1.0, effective_lr=2e-6, d=2e-6, d_lr=2e-6) for name in ("textencoder", "unet")
    )


def test_prodigyplus_has_no_named_d() -> None:
    rates = {"lr/textencoder": 1.0, "lr/unet": 1.0, "lr/d*lr": 1e-6, "lr/group1": 1.0, "lr/d*lr/group1": 2e-6}
    assert [(group.name, group.d_lr) for group in merge_groups(rates)] == [("textencoder", 1e-6), ("unet", 2e-6)]


def test_other_scripts_have_other_tags() -> None:
    assert [group.name for group in merge_groups({"lr": 0.1})] == ["group0"]
    assert [group.name for group in merge_groups({"lr/unet": 0.1, "lr/text_encoder1": 0.2})] == ["unet", "text_encoder1"]
    assert [group.name for group in merge_groups({"lr/unet": 0.1, "lr/group0": 0.1})] == ["unet"]
    assert [group.name for group in merge_groups({"lr/textencoder 1 ": 0.1, "lr/unet": 0.1})] == ["textencoder 1", "unet"]


def test_validations_stand_at_their_steps() -> None:
    step = {"loss/validation/step_average": 0.5, "loss/validation/step_divergence": 0.1}
    epoch = {"loss/validation/epoch_average": 0.4, "loss/validation/epoch_divergence": 0.0}
    train = [(x, {"loss/current": float(x), "lr/unet": x / 100}) for x in (1, 2, 3, 4)]
    merger = Merger()
    merger.add(rows(train[0], train[1], (2, step), train[2], (1, epoch), (1, {"loss/epoch_average": 9.0})))
    told = [(type(event).__name__, event.step, event.loss) for event in merger.take()]
    assert told == [("Step", 1, 1.0), ("Step", 2, 2.0), ("Validated", 2, 0.5), ("Step", 3, 3.0), ("Validated", 3, 0.4)]
    merger.add(rows(train[3]))
    (last,) = merger.take(last=True)
    assert isinstance(last, Step)
    assert [group.lr for group in last.groups] == [0.03]  # of the row before the validation


def test_a_validation_among_micro_batches_moves_none_of_them() -> None:
    validation = {"loss/validation/step_average": 0.5}
    merger = Merger()
    losses = [(0, {"loss/current": 1.0}), (1, {"loss/current": 3.0}), (1, validation), (1, {"loss/current": 5.0})]
    merger.add(rows(*losses, (2, {"loss/current": 7.0})))
    told = [(type(event).__name__, event.step, event.loss) for event in merger.take(last=True)]
    assert told == [("Step", 1, 2.0), ("Validated", 1, 0.5), ("Step", 2, 6.0)]
