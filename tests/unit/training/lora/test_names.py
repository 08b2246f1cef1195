"""Which LoRAs a job makes: names, order, shapes, alphas and learning rates of real models, equal to sd-scripts' own.

The real architectures are built on the meta device, without weights. tests/golden/make_lora_names.py asked sd-scripts.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from core.training.lora.names import Family
from core.training.lora.network import LoraNetwork, build_network
from core.training.lora.settings import NetworkSettings, read_settings
from core.training.options import OptionReader

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "lora_names.json.gz"
KNOWN: dict[str, Any] = json.loads(gzip.decompress(GOLDEN.read_bytes()))

L: dict[str, Any] = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
H: dict[str, Any] = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23, "num_attention_heads": 16}
BIG_G: dict[str, Any] = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20}
UNETS: dict[Family, dict[str, Any]] = {
    "sd1": {"cross_attention_dim": 768, "attention_head_dim": 8},
    "sd2": {"cross_attention_dim": 1024, "attention_head_dim": (5, 10, 20, 20), "use_linear_projection": True},
    "sdxl": {
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}


@cache
def real_model(family: Family) -> tuple[nn.Module, tuple[nn.Module, ...]]:
    with torch.device("meta"):
        unet = UNet2DConditionModel(**UNETS[family])
        if family == "sdxl":
            return unet, (CLIPTextModel(CLIPTextConfig(**L)), CLIPTextModelWithProjection(CLIPTextConfig(**BIG_G)))
        return unet, (CLIPTextModel(CLIPTextConfig(**(L if family == "sd1" else H))),)


@cache
def network_of(case: str) -> LoraNetwork:
    """The network of a case of the golden file, from options as a job has them; not attached any more."""
    family: Family = case.partition(" ")[0]  # type: ignore[assignment]
    unet, encoders = real_model(family)
    with torch.device("meta"):
        network = build_network(unet, encoders, settings_of(case), family=family)
    network.detach()
    return network


def settings_of(case: str) -> NetworkSettings:
    given = dict(KNOWN["cases"][case])
    options = OptionReader(
        {
            "network_module": "networks.lora",
            "network_dim": given.pop("dim"),
            "network_alpha": given.pop("alpha"),
            "network_args": [f"{name}={value}" for name, value in given.items()],
            "text_encoder_lr": 5e-5,
            "unet_lr": 2e-4,
        }
    )
    settings = read_settings(options)
    options.finish()
    return settings


@pytest.mark.parametrize("case", KNOWN["networks"])
def test_names_order_shapes_and_alphas_are_those_of_sd_scripts(case: str) -> None:
    found: list[list[Any]] = []
    for lora in network_of(case).loras:
        in_file = [1, 1] if lora.target.file_kind != lora.target.kind else []
        found.append([lora.name, [*lora.down.shape, *in_file], [*lora.up.shape, *in_file], lora.alpha])
    assert found == KNOWN["networks"][case]["modules"]


@pytest.mark.parametrize("case", KNOWN["networks"])
def test_parameter_groups_and_their_rates_are_those_of_sd_scripts(case: str) -> None:
    network = network_of(case)
    groups = network.parameter_groups(1e-4)
    found = [
        [name, pytest.approx(group["lr"], rel=1e-12), len(group["params"])]
        for name, group in zip(groups.names, groups.groups, strict=True)
    ]
    assert KNOWN["networks"][case]["groups"] == found
    trained = [parameter for group in groups.groups for parameter in group["params"]]
    assert {id(p) for p in trained} == {id(p) for p in network.parameters() if p.requires_grad}
