"""The objective against sd-scripts' own numbers (tests/golden/make_objective.py), by hand, and against differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from torch import Tensor

from core.training.objective.objective import Drawn, Objective
from core.training.objective.schedule import NoiseSchedule, signal_to_noise, with_zero_terminal_snr
from core.training.objective.settings import ObjectiveSettings, read_settings
from core.training.options import OptionReader
from tests.helpers.host_reads import forbid_host_reads

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[3] / "golden" / "objective.json").read_text(encoding="utf-8"))
ALPHAS = torch.tensor(GOLDEN["alphas_cumprod"])


def objective_for(options: dict[str, Any]) -> Objective:
    reader = OptionReader({name: value for name, value in options.items() if value is not None})
    settings = read_settings(reader)
    reader.finish()
    return Objective(settings, ALPHAS, "v_prediction" if options.get("v_parameterization") else "epsilon")


def golden_batch() -> dict[str, Tensor]:
    return {name: torch.tensor(part["values"]).reshape(part["shape"]) for name, part in GOLDEN["batch"].items()}


def drawn_of(objective: Objective, target: Tensor, timesteps: Tensor) -> Drawn:
    thresholds = objective.draw(target, torch.Generator().manual_seed(0), timesteps).huber_c
    return Drawn(target, timesteps, target, target, thresholds)


def name_of(case: dict[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in case["options"].items()) + "+mask" * case.get("masked", False)


def test_the_end_of_the_schedule_is_set_to_zero_as_in_sd_scripts() -> None:
    found = with_zero_terminal_snr(ALPHAS)
    assert torch.equal(found, torch.tensor(GOLDEN["zero_terminal_snr"]))
    assert found[-1] == 0
    assert torch.equal(signal_to_noise(ALPHAS)[::37], torch.tensor(GOLDEN["all_snr"]))


@pytest.mark.parametrize("case", GOLDEN["draws"], ids=name_of)
def test_a_batch_is_drawn_as_in_sd_scripts(case: dict[str, Any]) -> None:
    latents = torch.tensor(GOLDEN["latents"]).reshape(GOLDEN["shape"])
    drawn = objective_for(case["options"]).draw(latents, torch.Generator().manual_seed(case["seed"]))
    assert drawn.timesteps.tolist() == case["timesteps"]
    for name in ("noise", "noisy", "target"):
        torch.testing.assert_close(getattr(drawn, name).flatten(), torch.tensor(case[name]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", GOLDEN["losses"], ids=name_of)
def test_a_prediction_is_worth_what_it_is_in_sd_scripts(case: dict[str, Any]) -> None:
    batch, objective = golden_batch(), objective_for(case["options"])
    drawn = drawn_of(objective, batch["target"], batch["timesteps"])
    prediction = batch["prediction"].requires_grad_()
    masks = batch["mask"][:, None] if case["masked"] else None
    losses = objective.losses(prediction, drawn, batch["loss_weights"], masks)
    torch.testing.assert_close(losses, torch.tensor(case["losses"]), rtol=1e-6, atol=0)
    loss = objective.loss(prediction, drawn, batch["loss_weights"], masks)
    torch.testing.assert_close(loss, torch.tensor(case["loss"]), rtol=1e-6, atol=0)
    (gradient,) = torch.autograd.grad(loss, prediction)
    torch.testing.assert_close(gradient[:, :, 0].flatten(), torch.tensor(case["gradient"]), rtol=2e-6, atol=1e-9)


# A schedule with ratios that can be computed in the head: 1/9, 1 and 9.
SMALL = torch.tensor([0.9, 0.5, 0.1])


@pytest.mark.parametrize(
    ("settings", "prediction", "weights"),
    [
        (ObjectiveSettings(), "epsilon", [1, 1, 1]),
        (ObjectiveSettings(min_snr_gamma=5), "epsilon", [5 / 9, 1, 1]),
        (ObjectiveSettings(min_snr_gamma=5), "v_prediction", [5 / 10, 1 / 2, (1 / 9) / (10 / 9)]),
        (ObjectiveSettings(debiased_estimation_loss=True), "epsilon", [1 / 3, 1, 3]),
        (ObjectiveSettings(debiased_estimation_loss=True), "v_prediction", [1 / 10, 1 / 2, 9 / 10]),
        (ObjectiveSettings(scale_v_pred_loss_like_noise_pred=True), "v_prediction", [9 / 10, 1 / 2, 1 / 10]),
        (ObjectiveSettings(v_pred_like_loss=0.5), "epsilon", [1 + 0.5 * 10 / 9, 2, 6]),
        (ObjectiveSettings(v_pred_like_loss=0.5, min_snr_gamma=5), "epsilon", [(1 + 0.5 * 10 / 9) * 5 / 9, 2, 6]),
    ],
)
def test_weights_by_hand(settings: ObjectiveSettings, prediction: Any, weights: list[float]) -> None:
    objective = Objective(settings, SMALL, prediction)
    target, timesteps = torch.zeros(3, 1, 1, 2), torch.arange(3)
    predicted = torch.tensor([1.0, 3.0]).expand(3, 1, 1, 2)  # squares 1 and 9, mean 5
    losses = objective.losses(predicted, drawn_of(objective, target, timesteps), torch.ones(3))
    torch.testing.assert_close(losses, 5 * torch.tensor(weights, dtype=torch.float32))


def test_losses_by_hand() -> None:
    predicted, target = torch.tensor([0.0, 3.0]).reshape(1, 1, 1, 2), torch.tensor([1.0, 1.0]).reshape(1, 1, 1, 2)
    c = 0.5
    huber = ((1 + c * c) ** 0.5 - c + (4 + c * c) ** 0.5 - c) / 2
    for kind, wanted in {"l2": 2.5, "l1": 1.5, "huber": 2 * c * huber, "smooth_l1": 2 * huber}.items():
        settings = ObjectiveSettings(loss_type=kind, huber_schedule="constant", huber_c=c)  # pyright: ignore[reportArgumentType]
        objective = Objective(settings, SMALL, "epsilon")
        drawn = drawn_of(objective, target, torch.tensor([1]))
        torch.testing.assert_close(objective.loss(predicted, drawn, torch.ones(1)), torch.tensor(wanted))
        half = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)
        only_first = objective.loss(torch.where(half > 0, predicted, target), drawn, torch.ones(1))
        torch.testing.assert_close(objective.loss(predicted, drawn, torch.ones(1), half), only_first)


def test_a_prior_picture_counts_as_much_as_its_weight_says() -> None:
    objective = Objective(ObjectiveSettings(), SMALL, "epsilon")
    target = torch.zeros(2, 1, 1, 1)
    predicted = torch.tensor([1.0, 2.0]).reshape(2, 1, 1, 1)
    loss = objective.loss(predicted, drawn_of(objective, target, torch.tensor([0, 1])), torch.tensor([1.0, 0.25]))
    torch.testing.assert_close(loss, torch.tensor((1 + 4 * 0.25) / 2))


def test_pictures_and_noise_are_mixed_as_by_diffusers() -> None:
    theirs = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False)
    generator = torch.Generator().manual_seed(5)
    latents, noise = (torch.randn(1000, 1, 2, 2, generator=generator) for _ in range(2))
    ours, timesteps = NoiseSchedule(ALPHAS), torch.arange(1000)
    assert torch.equal(ALPHAS, theirs.alphas_cumprod)
    assert torch.equal(ours.add_noise(latents, noise, timesteps), theirs.add_noise(latents, noise, timesteps))  # pyright: ignore[reportArgumentType]
    assert torch.equal(ours.velocity(latents, noise, timesteps), theirs.get_velocity(latents, noise, timesteps))  # pyright: ignore[reportArgumentType]


def test_noisy_latents_of_16_bits_have_the_right_share_of_noise() -> None:
    latents, noise = torch.zeros(1, 1, 1, 1, dtype=torch.bfloat16), torch.ones(1, 1, 1, 1, dtype=torch.bfloat16)
    noisy = NoiseSchedule(ALPHAS).add_noise(latents, noise, torch.tensor([0]))
    wanted = (1 - GOLDEN["alphas_cumprod"][0]) ** 0.5
    assert noisy.dtype == torch.bfloat16
    assert noisy.item() == pytest.approx(wanted, rel=2**-8)


CURVED = [
    {"loss_type": "l2", "min_snr_gamma": 5.0},
    {"loss_type": "huber"},
    {"loss_type": "smooth_l1", "huber_schedule": "exponential"},
    {"loss_type": "l1", "debiased_estimation_loss": True},
    {"loss_type": "l2", "v_pred_like_loss": 0.2},
]


@pytest.mark.parametrize("options", CURVED)
def test_gradients_are_finite_differences(options: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(3)
    objective = objective_for(options)
    target = torch.randn(2, 2, 3, 2, generator=generator, dtype=torch.float64)
    predicted = torch.randn(2, 2, 3, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    drawn = drawn_of(objective, target, torch.tensor([30, 700]))
    masks = torch.rand(2, 1, 6, 4, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p: objective.loss(p, drawn, torch.tensor([1.0, 0.5]), masks), (predicted,))


EVERYTHING = {
    "noise_offset": 0.1,
    "noise_offset_random_strength": True,
    "adaptive_noise_scale": 0.1,
    "multires_noise_iterations": 6,
    "ip_noise_gamma": 0.2,
    "ip_noise_gamma_random_strength": True,
    "v_parameterization": True,
    "zero_terminal_snr": True,
    "min_snr_gamma": 5.0,
    "scale_v_pred_loss_like_noise_pred": True,
    "debiased_estimation_loss": True,
}


@pytest.mark.parametrize("kind", ["l2", "huber", "smooth_l1", "l1"])
def test_a_step_reads_nothing_from_the_device(kind: str) -> None:
    objective = objective_for({**EVERYTHING, "loss_type": kind})
    latents, weights, masks = torch.randn(2, 4, 8, 8), torch.ones(2), torch.rand(2, 1, 64, 64)
    generator = torch.Generator().manual_seed(0)
    with forbid_host_reads():
        drawn = objective.draw(latents, generator)
        predicted = (drawn.noisy * 0.5).requires_grad_()
        objective.loss(predicted, drawn, weights, masks).backward()
    assert torch.isfinite(drawn.noisy).all()


def test_the_watch_for_host_reads_sees_them() -> None:
    reads = (lambda t: t.item(), bool, float, lambda t: [1][int(t)], lambda t: t.nonzero(), lambda t: t.tolist())
    for read in reads:
        with forbid_host_reads(), pytest.raises(AssertionError):
            read(torch.zeros((), dtype=torch.int64))


def test_given_timesteps_are_taken() -> None:
    objective = objective_for({"min_timestep": 3, "max_timestep": 4})
    latents, timesteps = torch.randn(2, 4, 8, 8), torch.tensor([7, 900])
    drawn = objective.draw(latents, torch.Generator().manual_seed(0), timesteps)
    assert drawn.timesteps.tolist() == [7, 900]
    assert set(objective.draw(latents, torch.Generator().manual_seed(0)).timesteps.tolist()) == {3}


def test_the_same_seed_draws_the_same() -> None:
    objective, latents = objective_for(EVERYTHING), torch.randn(2, 4, 8, 8)
    one, two, other = (objective.draw(latents, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.noisy, two.noisy) and torch.equal(one.target, two.target)
    assert not torch.equal(one.noisy, other.noisy)
