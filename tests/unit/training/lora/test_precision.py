"""Half-precision bases under autocast, what gets gradients, casts per layer, and what a job may say about the LoRA."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from core.training.lora.network import build_network
from core.training.lora.settings import NetworkSettings, read_file_settings, read_settings
from core.training.options import OptionReader
from tests.helpers.tiny_models import build


class Casts(TorchDispatchMode):
    """Counts the conversions from one type to another."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: Counter[tuple[int, ...]] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._to_copy.default:
            self.shapes[tuple(args[0].shape)] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_half_precision_base_trains_the_lora_alone(dtype: torch.dtype) -> None:
    model = build("sd1")
    model.unet.to(dtype)
    network = build_network(model.unet, model.text_encoders, NetworkSettings(dim=2, conv_dim=2), family="sd1")
    network.parameter_groups(1e-4)
    network.train()
    with torch.no_grad():
        for lora in network.loras:
            lora.up.normal_(std=0.05)
    latents, hidden = torch.randn(2, 4, 8, 8), torch.randn(2, 5, 32)
    with torch.autocast("cpu", dtype):
        model.unet(latents, torch.tensor([3, 700]), hidden).sample.float().square().mean().backward()
    for lora in network.loras:
        for parameter in (lora.down, lora.up):
            assert parameter.dtype == torch.float32
            if lora.target.part == "unet":
                assert parameter.grad is not None
                assert parameter.grad.dtype == torch.float32
                assert parameter.grad.isfinite().all()
    assert all(parameter.grad is None for parameter in model.unet.parameters())


def test_an_input_is_cast_once_for_the_layer_and_its_lora() -> None:
    model = build("sd1")
    model.unet.to(torch.bfloat16)
    network = build_network(model.unet, (), NetworkSettings(dim=2), family="sd1")
    lora = next(lora for lora in network.loras if lora.target.kind == "linear")
    x = torch.randn(3, 7, lora.down.shape[1])
    with torch.autocast("cpu", torch.bfloat16), Casts() as casts:
        lora.target.module(x)
    # The input and the two matrices; nothing of the base, and nothing of the output's size.
    assert casts.shapes == Counter({tuple(x.shape): 1, tuple(lora.down.shape): 1, tuple(lora.up.shape): 1})


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"network_module": "lycoris.kohya"}, "networks.lora only"),
        ({"network_args": ["conv_dimm=4"]}, "no argument of networks.lora"),
        ({"network_args": ["dropout=0.1"]}, "network_dropout"),
        ({"network_args": ["conv_dim"]}, "name=value"),
        ({"network_args": ["conv_dim=four"]}, "not a number"),
        ({"network_dropout": 1.0}, "between 0 and 1"),
        ({"network_train_unet_only": True, "network_train_text_encoder_only": True}, "nothing to train"),
        ({"dim_from_weights": True}, "needs network_weights"),
        ({"text_encoder_lr": [1e-4, 5e-5]}, "several rates"),
        ({"save_precision": "fp8"}, "none of"),
    ],
)
def test_what_cannot_be_done_is_named(options: dict[str, Any], word: str) -> None:
    reader = OptionReader(options)
    read_settings(reader)
    read_file_settings(reader)
    assert len(reader.problems) == 1
    assert word in reader.problems[0].en
    assert reader.problems[0].ja
    assert not reader.unread()


def test_a_ratio_of_zero_freezes_the_upper_matrices() -> None:
    model = build("sd1")
    network = build_network(model.unet, [], NetworkSettings(dim=2, lora_plus=0.0), family="sd1")
    (group,) = network.parameter_groups(1e-4).groups
    assert {id(p) for p in group["params"]} == {id(lora.down) for lora in network.loras}


def test_zero_is_a_value() -> None:
    reader = OptionReader(
        {"network_alpha": 0, "unet_lr": 0, "network_args": ["conv_dim=2", "conv_alpha=0"], "scale_weight_norms": 0}
    )
    settings = read_settings(reader)
    reader.finish()
    assert (settings.alpha, settings.unet_lr, settings.conv_alpha, settings.scale_weight_norms) == (0, 0, 0, 0)
    network = build_network(build("sd1").unet, (), settings, family="sd1")
    assert {(lora.dim, lora.alpha) for lora in network.loras} == {(4, 4.0), (2, 2.0)}
