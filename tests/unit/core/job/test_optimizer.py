"""One optimizer run by its own package or fast, told the loss or not: what the job says, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import BoolKind
from core.catalogue.spec import ArgumentSpec, FastImplementation
from core.command import sh
from core.command.build import build_argv, parse_argv
from core.errors import Problems
from core.job.check import job_faults, refuse_faults
from core.job.model import Job
from core.job.optimizer import (
    fast_hindrance,
    hands_loss,
    is_fast,
    needs_package,
    wants_loss,
    with_entry,
    with_fast,
    with_hand_loss,
)
from core.job.paste import read_pasted
from core.job.store import dumps, loads
from core.options.snapshot import load_snapshot
from core.text import Text
from tests.helpers.specs import ADAMW, make_spec

OPTIONS = load_snapshot()["train_network.py"]
HELP = Text("A switch.", "スイッチです。")
STEP = ArgumentSpec(name="relative_step", kind=BoolKind(), default=True, help=HELP)
PRODIGY = make_spec(
    "Prodigy", optimizer_type="prodigy", fast=FastImplementation(optimizer_type="optimizers.Prodigy", equals="x 1")
)
FACTOR = make_spec(
    "AdaFactor",
    order=20,
    arguments=(STEP,),
    fast=FastImplementation(optimizer_type="optimizers.Adafactor", equals="y 1", only_with={"relative_step": False}),
)
PLAIN = make_spec("AdamW", order=30)
CATALOGUE = Catalogue([PRODIGY, FACTOR, PLAIN], [ADAMW])
JOB = Job(options={"optimizer_type": "Prodigy", "optimizer_args": ["betas=(0.8, 0.9)"], "learning_rate": 1.0})


def test_the_fast_name_is_the_same_entry() -> None:
    fast = with_fast(JOB, PRODIGY, True)
    assert fast.options["optimizer_type"] == "optimizers.Prodigy"
    assert fast.argument_items == JOB.argument_items
    assert CATALOGUE.find_for_options(fast.options) is PRODIGY
    assert CATALOGUE.find("optimizers.prodigy") is None  # sd-scripts imports it, with case
    assert is_fast(fast, PRODIGY)
    assert needs_package(fast)
    assert not is_fast(JOB, PRODIGY)
    assert not needs_package(JOB)
    assert with_fast(fast, PRODIGY, True) is fast
    assert with_fast(fast, PRODIGY, False).options["optimizer_type"] == "prodigy"


def test_an_old_form_gives_way_to_the_fast_name() -> None:
    job = with_fast(Job(options={"use_lion_optimizer": True}), PRODIGY, True)
    assert dict(job.options) == {"optimizer_type": "optimizers.Prodigy"}


def test_the_arguments_are_judged_as_those_of_the_entry() -> None:
    fast = with_fast(JOB, PRODIGY, True)
    assert job_faults(fast, OPTIONS, CATALOGUE) == []
    (fault,) = job_faults(fast.with_argument("betas", "true"), OPTIONS, CATALOGUE)
    assert fault.key == "argument:betas"


def test_nothing_is_lost_on_the_way_through_command_file_and_paste() -> None:
    fast = with_fast(JOB, PRODIGY, True)
    argv = build_argv(fast, python="python", checkout="/sd", options=OPTIONS, companion=None)
    assert parse_argv(argv, {OPTIONS.script: OPTIONS}) == replace(fast, companion=False)
    assert loads(dumps(fast)) == fast
    assert 'optimizer_type = "optimizers.Prodigy"' in dumps(fast)
    pasted = read_pasted(sh.join(argv), OPTIONS, CATALOGUE)
    assert pasted.options["optimizer_type"] == "optimizers.Prodigy"
    assert pasted.problems == ()


def test_another_optimizer_stays_fast_where_it_can() -> None:
    fast = with_fast(JOB, PRODIGY, True)
    # AdaFactor's is no use with its default arguments, and AdamW has none.
    assert with_entry(fast, FACTOR, CATALOGUE).optimizer_type == "AdaFactor"
    assert with_entry(fast, PLAIN, CATALOGUE).optimizer_type == "AdamW"
    factor = Job(options={"optimizer_type": "AdaFactor", "optimizer_args": ["relative_step=False"]})
    back = with_entry(with_entry(factor, PRODIGY, CATALOGUE), FACTOR, CATALOGUE)
    assert back.optimizer_type == "AdaFactor"
    came = with_entry(with_fast(with_entry(factor, PRODIGY, CATALOGUE), PRODIGY, True), FACTOR, CATALOGUE)
    assert came.optimizer_type == "optimizers.Adafactor"
    assert came.argument_items == ("relative_step=False",)


def test_the_arguments_come_back_whichever_name_they_were_used_with() -> None:
    fast = with_fast(JOB, PRODIGY, True)
    back = with_entry(with_entry(fast, PLAIN, CATALOGUE), PRODIGY, CATALOGUE)
    assert back.optimizer_type == "prodigy"
    assert back.argument_items == JOB.argument_items
    assert "optimizers.Prodigy" not in back.kept_arguments


@pytest.mark.parametrize(
    ("items", "hindered"),
    [([], True), (["relative_step=True"], True), (["relative_step=False"], False), (["relative_step=x"], True)],
)
def test_what_sd_scripts_would_prepare_otherwise_is_refused(items: list[str], hindered: bool) -> None:
    job = Job(options={"optimizer_type": "optimizers.Adafactor", "optimizer_args": items})
    assert (fast_hindrance(job, FACTOR) is not None) == hindered
    found = [fault for fault in job_faults(job, OPTIONS, CATALOGUE) if fault.key == "option:optimizer_type"]
    assert bool(found) == hindered
    if hindered:
        assert found[0].certain
        assert "relative_step=False" in found[0].text.en
        # by its own name it is fine
        plain = job.with_option("optimizer_type", "AdaFactor")
        assert not [fault for fault in job_faults(plain, OPTIONS, CATALOGUE) if fault.key == "option:optimizer_type"]


def test_a_fused_backward_pass_is_refused() -> None:
    job = Job(
        options={"optimizer_type": "optimizers.Adafactor", "optimizer_args": ["relative_step=False"], "fused_backward_pass": True}
    )
    with pytest.raises(Problems, match="fused_backward_pass"):
        refuse_faults(job, OPTIONS, CATALOGUE)


@pytest.mark.parametrize(
    ("name", "wants"),
    [
        ("pytorch_optimizer.optimizer.emonavi.EmoNavi", True),
        ("optimizer.emolynx.EmoLynx", True),
        ("optimizers.EmoFact", True),
        ("emo.optimizers.Adam", False),
        ("AdamW", False),
        ("", False),
    ],
)
def test_only_the_emo_series_wants_the_loss(name: str, wants: bool) -> None:
    assert wants_loss(name) == wants
    job = with_hand_loss(Job(options={"optimizer_type": name} if name else {}), True)
    assert hands_loss(job) == wants
    assert not hands_loss(with_hand_loss(job, False))


def test_the_wish_for_the_loss_is_kept_in_the_file() -> None:
    job = with_hand_loss(JOB, True)
    assert "caddie_hand_loss = true" in dumps(job)
    assert loads(dumps(job)) == job
    assert "hand_loss" not in dumps(JOB)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"companion": False}, "without the companion"),
        ({"accelerate": {"num_processes": 2}}, "one GPU only"),
        ({"accelerate": {"multi_gpu": True}}, "one GPU only"),
        ({"accelerate": {"num_machines": 2, "num_processes": 1}}, "one GPU only"),
    ],
)
def test_where_nobody_could_hand_the_loss_over_nothing_starts(changes: dict[str, object], says: str) -> None:
    job = replace(Job(options={"optimizer_type": "my.EmoNavi"}, hand_loss=True), **changes)  # pyright: ignore[reportArgumentType]
    (fault,) = job_faults(job, OPTIONS, CATALOGUE)
    assert fault.certain
    assert says in fault.text.en
    assert job_faults(with_hand_loss(job, False), OPTIONS, CATALOGUE) == []
