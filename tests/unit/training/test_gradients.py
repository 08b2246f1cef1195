"""Gradients of the LoRA through a whole model, against finite differences in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from core.training.lora.network import build_network
from core.training.lora.settings import NetworkSettings
from core.training.models.family import Family
from core.training.models.load import training_alphas
from core.training.objective.objective import Objective
from core.training.objective.settings import ObjectiveSettings
from tests.helpers.tiny_models import Kind, build


@pytest.mark.parametrize(
    ("kind", "family", "settings"),
    [
        ("sd1", "sd1", ObjectiveSettings(min_snr_gamma=5.0, noise_offset=0.1)),
        (
            "sd2-v",
            "sd2",
            ObjectiveSettings(loss_type="smooth_l1", scale_v_pred_loss_like_noise_pred=True, zero_terminal_snr=True),
        ),
        ("sdxl", "sdxl", ObjectiveSettings(loss_type="huber", debiased_estimation_loss=True, ip_noise_gamma=0.1)),
    ],
)
def test_the_gradient_of_every_part_is_the_slope_of_the_loss(kind: Kind, family: Family, settings: ObjectiveSettings) -> None:
    torch.set_num_threads(1)
    model = build(kind)
    unet, encoder = model.unet.double(), model.text_encoders[0].double()
    network = build_network(unet, [encoder], NetworkSettings(dim=2, alpha=3.0, conv_dim=2), family=family).double()
    network.parameter_groups(1.0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for lora in network.loras:
            lora.up.normal_(std=0.1, generator=generator)
    objective = Objective(settings, training_alphas().double(), "v_prediction" if kind == "sd2-v" else "epsilon")
    latents = torch.randn(2, 4, 8, 8, generator=generator, dtype=torch.float64)
    drawn = objective.draw(latents, generator, torch.tensor([30, 700]))
    ids = torch.randint(3, 20, (2, 77), generator=generator)
    width = int(unet.config["cross_attention_dim"])
    added: dict[str, Tensor] | None = None
    if kind == "sdxl":
        sizes = torch.tensor([[64.0, 64, 0, 0, 64, 64]] * 2, dtype=torch.float64)
        pooled = int(model.text_encoders[1].config.projection_dim)  # type: ignore[union-attr, arg-type]
        added = {"text_embeds": torch.randn(2, pooled, generator=generator, dtype=torch.float64), "time_ids": sizes}

    def loss() -> Tensor:
        states: Any = encoder(ids).last_hidden_state
        hidden = torch.nn.functional.pad(states, (0, width - states.shape[-1]))
        output = unet(drawn.noisy, drawn.timesteps, hidden, added_cond_kwargs=added, return_dict=False)[0]
        return objective.loss(output, drawn, torch.tensor([1.0, 0.5], dtype=torch.float64))

    loss().backward()
    for part in ("unet", "text"):
        weights = [p for lora in network.loras if lora.target.part == part for p in (lora.down, lora.up)]
        way = [torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in weights]
        slope = sum(float((p.grad * step).sum()) for p, step in zip(weights, way, strict=True) if p.grad is not None)
        ends: list[float] = []
        for factor in (1e-5, -2e-5):  # there, and then as far to the other side
            with torch.no_grad():
                for p, step in zip(weights, way, strict=True):
                    p.add_(step, alpha=factor)
                ends.append(float(loss()))
        with torch.no_grad():
            for p, step in zip(weights, way, strict=True):
                p.add_(step, alpha=1e-5)
        assert slope != 0
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(slope, rel=1e-6), part
