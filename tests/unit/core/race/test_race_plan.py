"""The jobs of a race: the optimizer's own rate and scheduler, and nothing else, is another."""

from __future__ import annotations

import pytest

from core.advice.advise import advise
from core.catalogue.loader import load_catalogue
from core.errors import CaddieError
from core.job.model import Job
from core.race.check import refuse
from core.race.plan import entrants

CATALOGUE = load_catalogue()
OF_OPTIMIZER = {"optimizer_type", "optimizer_args", "learning_rate", "lr_scheduler", "lr_warmup_steps", "max_grad_norm"}
NAMES = {"output_name", "seed", "validation_split", "validation_seed"}
JOB = Job(
    name="猫",
    options={
        "optimizer_type": "AdamW",
        "optimizer_args": ["weight_decay=0.02"],
        "learning_rate": 3e-4,
        "unet_lr": 2e-4,
        "text_encoder_lr": 0.0,
        "lr_scheduler": "cosine_with_restarts",
        "lr_scheduler_num_cycles": 3,
        "lr_warmup_steps": 50,
        "max_train_epochs": 10,
        "network_dim": 16,
        "network_alpha": 8.0,
        "train_data_dir": "/img",
        "resolution": "512",
        "seed": 7,
        "output_name": "cat",
        "resume": "/state",
    },
)


def _of(*names: str, **more):
    return entrants(JOB, [spec for name in names if (spec := CATALOGUE.get(name)) is not None], CATALOGUE, **more)


def test_the_job_s_own_optimizer_keeps_its_settings_and_others_get_their_usual_ones() -> None:
    own, prodigy, came = _of("AdamW", "Prodigy", "CAME")
    assert (own.own, prodigy.own) == (True, False)
    assert own.job.options["unet_lr"] == 2e-4
    assert own.job.options["lr_scheduler_num_cycles"] == 3
    assert own.job.arguments == {"weight_decay": "0.02"}
    assert prodigy.job.options["learning_rate"] == 1.0
    assert "unet_lr" not in prodigy.job.options, "a rate for AdamW"
    assert prodigy.job.options["text_encoder_lr"] == 0.0, "a part that is not trained stays so"
    assert "lr_scheduler_num_cycles" not in prodigy.job.options
    assert prodigy.job.arguments == {}
    assert came.job.options["learning_rate"] == CATALOGUE.get("CAME").learning_rate.start  # type: ignore[union-attr]
    assert {one.job.options["seed"] for one in (own, prodigy, came)} == {7}
    assert all("resume" not in one.job.options for one in (own, prodigy, came))


@pytest.mark.parametrize("spec", list(CATALOGUE), ids=lambda spec: spec.id)
def test_nothing_but_what_belongs_to_the_optimizer_is_another_and_the_advice_has_no_error(spec) -> None:
    (one,) = entrants(JOB, [spec], CATALOGUE)
    changed = {name for name in {*one.job.options, *JOB.options} if one.job.options.get(name) != JOB.options.get(name)}
    scheduler = {name for name in changed if name.startswith("lr_scheduler")}
    assert changed - scheduler <= OF_OPTIMIZER | NAMES | {"unet_lr", "resume"}
    assert one.job.options["network_alpha"] == 8.0
    errors = [finding.rule for finding in advise(one.job, CATALOGUE) if finding.severity == "error"]
    assert errors == []


def test_seeds_steps_and_held_out_images() -> None:
    found = _of("AdamW", "Lion", "AdamW", seeds=2, steps=100)
    assert [one.id for one in found] == ["AdamW-7", "Lion-7", "AdamW-8", "Lion-8"], "all with one seed, then with the next"
    options = found[3].job.options
    assert (options["seed"], options["max_train_steps"], options.get("max_train_epochs")) == (8, 100, None)
    assert (options["validation_split"], options["validate_every_n_steps"]) == (0.1, 10)
    assert options["output_name"] == "cat-Lion-8"
    (bare,) = _of("Lion", hold_out=False)
    assert "validation_split" not in bare.job.options
    assert "validation_seed" not in bare.job.options


def test_the_same_images_are_held_out_from_every_training() -> None:
    assert {one.job.options["validation_seed"] for one in _of("AdamW", "Lion", seeds=3)} == {7}
    (own,) = entrants(JOB.with_option("validation_seed", 5), [CATALOGUE.get("Lion")], CATALOGUE)  # type: ignore[list-item]
    assert own.job.options["validation_seed"] == 5


def test_a_race_for_sd_scripts_without_an_environment_is_not_taken_for_one_of_the_built_in_trainer() -> None:
    with pytest.raises(CaddieError, match="Choose an environment"):
        refuse(_of("AdamW"), None, CATALOGUE)
