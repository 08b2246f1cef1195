"""Rules from one optimizer's rate to another's, and the job that follows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.catalogue.loader import load_catalogue
from core.cli.main import run as run_verb
from core.errors import CaddieError
from core.handover.measure import Found, GroupRate
from core.handover.plateau import Plateau, State
from core.handover.rules import rule_between
from core.handover.take_over import take_over, targets
from core.handover.words import caution_words, plateau_words, rule_words
from core.job.model import Job
from core.job.store import load_job
from tests.helpers.histories import make_run

CATALOGUE = load_catalogue()


def plateau(value: float, state: State = "settled") -> Plateau:
    return Plateau(state=state, value=value, low=value * 0.9, high=value * 1.2, begin=180, window=(750, 1000), d0=1e-6)


def found(optimizer: str = "Prodigy", norm: float | None = None, **rates: float) -> Found:
    """What a run tells whose groups settled at these d, at a given rate of 1."""
    groups = tuple(GroupRate(names=(name,), given=1.0, plateau=plateau(rate)) for name, rate in rates.items())
    return Found(spec=CATALOGUE[optimizer], groups=groups, has_d=True, first_gradient=norm, last_step=1000, total=1000, over=True)


JOB = Job(
    name="cat",
    options={
        "pretrained_model_name_or_path": "model.safetensors",
        "output_name": "cat",
        "optimizer_type": "prodigy",
        "optimizer_args": ["d_coef=0.8", "weight_decay=0.01"],
        "learning_rate": 1.0,
        "unet_lr": 1.0,
        "text_encoder_lr": [1.0],
        "lr_scheduler": "cosine",
        "max_train_steps": 1000,
    },
)


@pytest.mark.parametrize(
    ("optimizer", "rate", "low", "high"),
    [
        ("AdamW", 3e-4, 2.7e-4, 3.6e-4),
        ("AdamW8bit", 3e-4, 2.7e-4, 3.6e-4),
        ("Lion", 1e-4, 2.7e-5, 1.2e-4),
        ("CAME", 1e-4, 9e-5, 3.6e-4),
        ("AdaFactor", 3e-4, 2.7e-4, 3.6e-4),
        ("AdamWScheduleFree", 9e-4, 2.7e-4, 3.6e-3),
    ],
)
def test_the_rate_and_its_range_follow_from_plateau_and_rule(optimizer: str, rate: float, low: float, high: float) -> None:
    way = take_over(found(unet=3e-4), JOB, CATALOGUE[optimizer], CATALOGUE)
    (taken,) = way.rates
    assert (taken.value, taken.low, taken.high) == pytest.approx((rate, low, high), rel=0.01)
    assert way.job.options["learning_rate"] == taken.value
    assert "unet_lr" not in way.job.options
    assert "text_encoder_lr" not in way.job.options
    assert all(scale.source.title.en and scale.source.title.ja for scale in way.rule.scales)


def test_everything_else_of_the_job_stays_and_nothing_is_written_over() -> None:
    way = take_over(found(unet=3e-4), JOB, CATALOGUE["AdamW"], CATALOGUE)
    assert way.job.options["pretrained_model_name_or_path"] == "model.safetensors"
    assert way.job.options["lr_scheduler"] == "cosine"
    assert way.job.options["max_train_steps"] == 1000
    assert way.job.options["output_name"] == "cat-adamw"
    assert "d_coef" not in way.job.arguments


def test_different_plateaus_give_each_group_its_own_rate() -> None:
    way = take_over(found("ProdigyPlusScheduleFree", textencoder=5e-5, unet=4e-4), JOB, CATALOGUE["AdamWScheduleFree"], CATALOGUE)
    assert way.job.options["unet_lr"] == pytest.approx(4e-4)
    assert way.job.options["text_encoder_lr"] == pytest.approx([5e-5])
    assert [rate.names for rate in way.rates] == [("unet",), ("textencoder",)]


def test_a_group_that_was_frozen_stays_frozen() -> None:
    only = found(unet=3e-4)
    frozen = replace(only, groups=(*only.groups, GroupRate(names=("textencoder",), given=0.0, plateau=plateau(3e-4))))
    job = JOB.with_option("text_encoder_lr", [0.0])
    way = take_over(frozen, job, CATALOGUE["AdamW"], CATALOGUE)
    assert way.job.options["text_encoder_lr"] == [0.0]
    assert way.job.options["unet_lr"] == pytest.approx(3e-4)


def test_weight_decay_keeps_its_strength() -> None:
    lion = take_over(found(unet=3e-4), JOB, CATALOGUE["Lion"], CATALOGUE).job
    assert float(lion.arguments["weight_decay"]) == pytest.approx(0.03, rel=0.01)  # a third of the rate
    assert take_over(found(unet=3e-4), JOB, CATALOGUE["AdamW"], CATALOGUE).job.arguments["weight_decay"] == "0.01"
    coupled = replace(JOB.with_argument("decouple", "False"))
    assert "weight_decay" not in take_over(found(unet=3e-4), coupled, CATALOGUE["Lion"], CATALOGUE).job.arguments


def test_adafactor_uses_the_rate_and_a_scheduler_that_suits_it() -> None:
    job = take_over(found(unet=3e-4), JOB, CATALOGUE["AdaFactor"], CATALOGUE).job
    assert job.arguments["relative_step"] == "False"
    assert job.arguments["scale_parameter"] == "False"
    assert job.options["lr_scheduler"] == "constant_with_warmup"


def test_a_schedule_free_optimizer_takes_no_scheduler_and_gives_one_back() -> None:
    there = take_over(found(unet=3e-4), JOB, CATALOGUE["RAdamScheduleFree"], CATALOGUE).job
    assert "lr_scheduler" not in there.options
    plus = JOB.with_option("optimizer_type", CATALOGUE["ProdigyPlusScheduleFree"].optimizer_type).with_option(
        "max_grad_norm", 0.0
    )
    back = take_over(found("ProdigyPlusScheduleFree", unet=3e-4), plus, CATALOGUE["AdamW"], CATALOGUE)
    assert back.job.options["lr_scheduler"] == "cosine"
    assert "max_grad_norm" not in back.job.options


def test_warm_up_as_long_as_d_rose() -> None:
    job = take_over(found(unet=3e-4), JOB, CATALOGUE["AdamW"], CATALOGUE, warmup=True).job
    assert job.options["lr_warmup_steps"] == 180
    constant = JOB.with_option("lr_scheduler", None)
    steady = take_over(
        found(unet=3e-4), constant.with_option("lr_scheduler", "constant"), CATALOGUE["AdamW"], CATALOGUE, warmup=True
    )
    assert steady.job.options["lr_scheduler"] == "constant_with_warmup"


def test_the_other_way_d0_begins_a_tenth_below_the_known_rate() -> None:
    adamw = Job(options={"optimizer_type": "AdamW", "learning_rate": 2e-4, "unet_lr": 2e-4, "lr_scheduler": "cosine"})
    told = replace(found(unet=1.0), spec=CATALOGUE["AdamW"], has_d=False, groups=(GroupRate(names=("unet",), given=2e-4),))
    way = take_over(told, adamw, CATALOGUE["Prodigy"], CATALOGUE)
    assert way.job.options["learning_rate"] == 1.0
    assert "unet_lr" not in way.job.options
    assert float(way.job.arguments["d0"]) == pytest.approx(2e-5)
    assert "growth_rate" in way.notes[0].en
    lion = take_over(told, adamw, CATALOGUE["DAdaptLion"], CATALOGUE)
    assert float(lion.job.arguments["d0"]) == pytest.approx(2e-5)  # its steps are AdamW's, not Lion's (`_scales.toml`)


def test_sgd_takes_over_from_dadapt_sgd_by_the_first_gradient_and_from_nothing_else() -> None:
    job = JOB.with_option("optimizer_type", "DAdaptSGD").with_option("optimizer_args", None)
    way = take_over(found("DAdaptSGD", 0.5, unet=0.2), job, CATALOGUE["SGDNesterov"], CATALOGUE)
    assert way.rates[0].value == pytest.approx(0.2 / 0.5 * 0.1)
    assert way.job.arguments["momentum"] == "0.9"
    with pytest.raises(CaddieError, match="first gradient"):
        take_over(found("DAdaptSGD", None, unet=0.2), job, CATALOGUE["SGDNesterov"], CATALOGUE)
    with pytest.raises(CaddieError, match="No rule leads"):
        take_over(found(unet=3e-4), JOB, CATALOGUE["SGDNesterov"], CATALOGUE)
    with pytest.raises(CaddieError, match="No rule leads"):
        take_over(found("DAdaptAdaGrad", unet=3e-4), JOB, CATALOGUE["AdamW"], CATALOGUE)


def test_what_never_left_d0_is_not_taken_over() -> None:
    stuck = replace(found(unet=1e-6), groups=(GroupRate(names=("unet",), given=1.0, plateau=plateau(1e-6, "stuck")),))
    assert targets(stuck, JOB, CATALOGUE) == ()
    with pytest.raises(CaddieError):
        take_over(stuck, JOB, CATALOGUE["AdamW"], CATALOGUE)


def test_what_has_not_settled_is_taken_over_with_a_caution() -> None:
    rising = replace(found(unet=1e-4), groups=(GroupRate(names=("unet",), given=1.0, plateau=plateau(1e-4, "rising")),))
    assert caution_words(rising) is not None
    assert caution_words(found(unet=1e-4)) is None
    assert "No plateau yet" in plateau_words(rising.groups[0]).en
    assert take_over(rising, JOB, CATALOGUE["AdamW"], CATALOGUE).rates[0].value == pytest.approx(1e-4)


def test_every_optimizer_says_what_its_rate_means_and_every_rule_has_both_ways() -> None:
    for spec in CATALOGUE:
        assert spec.scale is not None, spec.id
    for old in CATALOGUE:
        for new in CATALOGUE:
            arguments = [dict(spec.scale.arguments) if spec.scale else {} for spec in (old, new)]
            try:
                there = rule_between((old, arguments[0]), (new, arguments[1]), 0.5)
                back = rule_between((new, arguments[1]), (old, arguments[0]), 0.5)
            except CaddieError:
                continue
            assert there.factor * back.factor == pytest.approx(1.0), (old.id, new.id)
            assert there.least <= there.factor <= there.most
            assert rule_words(there, old, new).ja


# --- the verb ----------------------------------------------------------------------------------------------------


@pytest.fixture
def prodigy_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CADDIE_LANGUAGE", "en")
    run = make_run(tmp_path / "home" / "runs", losses=[0.1] * 200, d_lr=3e-4, name="cat", lr_scheduler="cosine")
    return str(run.path)


def test_the_verb_tells_the_plateau_and_writes_the_job(
    prodigy_run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "lion.toml"
    assert run_verb(["handover", prodigy_run, "--to", "lion", "-o", str(target)]) == 0
    printed = capsys.readouterr().out
    assert "0.0003" in printed
    assert "lion-pytorch" in printed  # the source
    job = load_job(target)
    assert job.optimizer_type == "Lion"
    assert job.options["learning_rate"] == pytest.approx(1e-4, rel=0.01)
    assert run_verb(["handover", prodigy_run, "--to", "lion", "-o", str(target)]) == 1  # never over a file


def test_the_verb_lists_what_each_optimizer_would_take(prodigy_run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verb(["handover", "cat", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["settled"]
    rates = {way["optimizer"]: way["rates"][0]["value"] for way in told["to"]}
    assert rates["AdamW"] == pytest.approx(3e-4)
    assert "SGDNesterov" not in rates
    assert "Prodigy" not in rates
    assert prodigy_run


def test_the_verb_refuses_a_file_without_an_optimizer(prodigy_run: str) -> None:
    assert run_verb(["handover", prodigy_run, "-o", "job.toml"]) == 1
