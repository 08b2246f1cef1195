"""What a job's settings come to, beside what sd-scripts' own code does with them."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from core.catalogue.loader import load_catalogue
from core.cli.main import run
from core.effective.effective import effective
from core.job.model import Job
from core.job.store import save_job

CATALOGUE = load_catalogue()


def _of(batches: int | None = None, accelerate: dict[str, int] | None = None, **options):
    return effective(Job(options=options, accelerate=accelerate or {}), CATALOGUE, batches=batches)


def _groups(**options):
    return [(one.name, one.rate, one.option) for one in _of(**options).groups]


def _fact(found, label: str) -> str:
    return next(one.value.en for one in found.facts if one.label.en == label)


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        ({}, [("text_encoder", 2e-6, ""), ("unet", 2e-6, "")]),
        ({"learning_rate": 1e-4}, [("text_encoder", 1e-4, "learning_rate"), ("unet", 1e-4, "learning_rate")]),
        (
            {"learning_rate": 1e-4, "unet_lr": 2e-4, "text_encoder_lr": [5e-5]},
            [("text_encoder", 5e-5, "text_encoder_lr"), ("unet", 2e-4, "unet_lr")],
        ),
        ({"learning_rate": 1e-4, "text_encoder_lr": [0.0]}, [("unet", 1e-4, "learning_rate")]),
        ({"learning_rate": 1e-4, "network_train_unet_only": True}, [("unet", 1e-4, "learning_rate")]),
        (
            {"learning_rate": 1e-4, "network_args": ["loraplus_unet_lr_ratio=16"]},
            [
                ("text_encoder", 1e-4, "learning_rate"),
                ("unet", 1e-4, "learning_rate"),
                ("unet plus", 1.6e-3, "learning_rate"),
            ],
        ),
        ({"optimizer_type": "AdaFactor", "unet_lr": 1e-4}, [("text_encoder", None, ""), ("unet", None, "unet_lr")]),
    ],
)
def test_every_group_has_its_rate_and_where_that_comes_from(options, groups):
    found = _groups(**options)
    assert [(name, option) for name, _, option in found] == [(name, option) for name, _, option in groups]
    assert [rate for _, rate, _ in found] == pytest.approx([rate for _, rate, _ in groups])


def test_the_optimizer_is_told_with_every_keyword_and_who_said_it():
    found = _of(optimizer_type="SGDNesterov", optimizer_args=["weight_decay=0.1"], learning_rate=1e-3)
    assert found.optimizer.startswith("torch.optim")
    said = {one.name: (one.value, one.origin) for one in found.arguments}
    assert said["weight_decay"] == (0.1, "set")
    assert said["nesterov"] == (True, "forced")
    assert said["momentum"] == (0.9, "default")
    fast = _of(optimizer_type="optimizers.Prodigy", learning_rate=1.0)
    assert fast.optimizer == "optimizers.Prodigy"
    warm = _of(optimizer_type="AdaFactor", optimizer_args=["relative_step=False", "warmup_init=True"])
    assert [(one.value, one.origin) for one in warm.arguments if one.name == "relative_step"] == [(True, "forced")]


def test_the_scheduler_is_the_one_that_acts():
    assert _of(lr_scheduler="cosine").scheduler.en == "cosine"
    assert _of(lr_scheduler="cosine", optimizer_type="AdaFactor").scheduler.en.startswith("adafactor")
    assert _of(lr_scheduler="cosine", optimizer_type="RAdamScheduleFree").scheduler.en.startswith("none")
    own = _of(lr_scheduler="cosine", lr_scheduler_type="StepLR")
    assert (own.scheduler.en, own.schedule) == ("StepLR", None)


def test_steps_warm_up_and_images_are_what_sd_scripts_counts():
    found = _of(
        lr_scheduler="cosine", lr_warmup_steps=0.1, max_train_steps=500, train_batch_size=2, gradient_accumulation_steps=4
    )
    assert found.steps == 500
    assert found.schedule is not None
    assert found.schedule.warmup == 50
    assert _fact(found, "Images a step").startswith("8 =")
    assert _of().steps == 1600
    assert _of(max_train_epochs=3).steps is None
    assert _of(max_train_epochs=3, batches=10, gradient_accumulation_steps=4).steps == 9
    assert _fact(_of(accelerate={"num_processes": 2}), "Images a step").startswith("2 =")


def test_several_processes_share_the_batches_and_hasten_a_warm_up_in_steps():
    two = {"num_processes": 2}
    assert _of(max_train_epochs=10, batches=100, accelerate=two).steps == 500
    found = _of(lr_scheduler="constant_with_warmup", lr_warmup_steps=100, max_train_steps=400, learning_rate=1.0, accelerate=two)
    assert _fact(found, "Warm-up") == "50 steps"
    rates = dict(found.rates(count=400)["unet"])
    assert (rates[25], rates[50], max(rates)) == (pytest.approx(0.5), 1.0, 399)
    share = _of(lr_scheduler="constant_with_warmup", lr_warmup_steps=0.25, max_train_steps=400, accelerate=two)
    assert _fact(share, "Warm-up") == "100 steps"


def test_a_warm_up_in_percent_is_a_share():
    found = _of(lr_scheduler="cosine", lr_warmup_steps="10%", max_train_steps=500)
    assert found.schedule is not None
    assert found.schedule.warmup == 50


def test_clipping_says_the_default_that_nobody_set():
    found = _of()
    fact = next(one for one in found.facts if one.label.en == "Clipping")
    assert (fact.origin, "norm of 1" in fact.value.en) == ("default", True)
    assert _fact(_of(max_grad_norm=0), "Clipping") == "none"


def test_the_curve_has_its_first_and_last_step_and_the_rate_of_each_group():
    found = _of(learning_rate=1e-4, unet_lr=2e-4, lr_scheduler="linear", max_train_steps=1000)
    curves = found.rates(count=50)
    assert set(curves) == {"text_encoder", "unet"}
    assert curves["unet"][0] == (0, pytest.approx(2e-4))
    assert curves["unet"][-1] == (999, pytest.approx(2e-4 / 1000))
    assert len(curves["unet"]) == 50
    assert _of(optimizer_type="AdaFactor").rates() == {}


@pytest.mark.parametrize("spec", CATALOGUE.optimizers, ids=lambda spec: spec.id)
def test_every_optimizer_of_the_catalogue_can_be_told(spec):
    found = _of(optimizer_type=spec.optimizer_type, learning_rate=spec.learning_rate.start)
    assert {argument.name for argument in spec.arguments} <= {one.name for one in found.arguments}
    assert found.optimizer == spec.class_path


def test_the_verb(tmp_path, capsys):
    path = tmp_path / "job.toml"
    save_job(Job(options={"optimizer_type": "prodigy", "learning_rate": 1.0, "lr_scheduler": "cosine"}), path)
    assert run(["effective", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["optimizer"] == "prodigyopt.Prodigy"
    assert found["groups"][1] == {"name": "unet", "rate": 1.0, "option": "learning_rate"}
    assert found["steps"] == 1600
    assert len(found["rates"]["unet"]) > 100
    assert run(["effective", str(path)]) == 0
    assert "prodigyopt.Prodigy" in capsys.readouterr().out


def test_the_verb_counts_the_images_where_the_length_is_in_epochs(tmp_path, capsys):
    folder = tmp_path / "img" / "5_cat"
    folder.mkdir(parents=True)
    Image.new("RGB", (64, 64)).save(folder / "0.png")
    options = {"train_data_dir": str(folder.parent), "resolution": "64", "max_train_epochs": 3, "optimizer_type": "AdamW"}
    save_job(Job(options=options), tmp_path / "job.toml")
    assert run(["effective", str(tmp_path / "job.toml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 15
    (folder / "0.png").unlink()
    assert run(["effective", str(tmp_path / "job.toml"), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["steps"] is None
    assert "cannot be counted" in said.err
