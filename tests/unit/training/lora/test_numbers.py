"""What one LoRA computes and draws, and how norms are limited, against sd-scripts' own numbers.

tests/golden/make_lora_numbers.py asked sd-scripts for them.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.training.lora.module import Dropouts, LoRAModule
from core.training.lora.names import Kind, Target
from core.training.lora.network import LoraNetwork
from core.training.lora.settings import NetworkSettings

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "lora_numbers.json.gz"
KNOWN: dict[str, Any] = json.loads(gzip.decompress(GOLDEN.read_bytes()))
DROPOUTS = {"dropout": "neurons", "rank_dropout": "ranks", "module_dropout": "modules"}


def wave(shape: torch.Size | list[int], seed: float) -> Tensor:
    """As in make_lora_numbers.py."""
    count = torch.Size(shape).numel()
    return torch.sin(torch.arange(count, dtype=torch.float64) * 1.7 + seed).float().view(*shape)


def layer(kind: str, *sizes: int) -> nn.Linear | nn.Conv2d:
    module = getattr(nn, kind)(*sizes)
    with torch.no_grad():
        module.weight.copy_(wave(module.weight.shape, 1))
        module.bias.copy_(wave(module.bias.shape, 2))
    return module.requires_grad_(False)


def target(module: nn.Linear | nn.Conv2d, name: str = "lora_unet_x") -> Target:
    kind: Kind = "linear" if isinstance(module, nn.Linear) else "conv1" if module.kernel_size == (1, 1) else "conv"
    return Target(name, name, module, "unet", kind, kind)


@pytest.mark.parametrize("case", KNOWN["cases"])
def test_outputs_gradients_and_draws_are_those_of_sd_scripts(case: str) -> None:
    name, drop = case.split(", ")
    made, shape = KNOWN["layers"][name]
    module = layer(*made)
    dropouts = Dropouts(**{DROPOUTS[key]: value for key, value in KNOWN["dropouts"][drop].items()})
    torch.manual_seed(11)
    lora = LoRAModule(target(module), KNOWN["dim"], KNOWN["alpha"], dropouts=dropouts)
    known = KNOWN["cases"][case]
    # The same draws from the same generator: the same bits.
    assert torch.equal(lora.down, torch.tensor(known["first"]))
    assert not lora.up.any()
    with torch.no_grad():
        lora.up.copy_(wave(lora.up.shape, 3))
    lora.attach()
    lora.train()
    for seed, (out, *grads) in enumerate(known["steps"]):
        x = wave(shape, 4 + seed).requires_grad_(True)
        lora.zero_grad(set_to_none=True)
        torch.manual_seed(seed)
        found = module(x)
        torch.testing.assert_close(found, torch.tensor(out), rtol=2e-6, atol=2e-6)
        (found * wave(found.shape, 9)).sum().backward()
        for parameter, grad in zip((lora.down, lora.up, x), grads, strict=True):
            if grad is None:
                assert parameter.grad is None
            else:
                assert parameter.grad is not None
                torch.testing.assert_close(parameter.grad, torch.tensor(grad), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("drop", ["neurons", "ranks", "module", "all"])
def test_nothing_is_left_out_while_not_training(drop: str) -> None:
    module = layer("Linear", 6, 5)
    with torch.random.fork_rng():
        plain = LoRAModule(target(layer("Linear", 6, 5)), 3, 2.0, dropouts=Dropouts())
    lora = LoRAModule(
        target(module), 3, 2.0, dropouts=Dropouts(**{DROPOUTS[key]: value for key, value in KNOWN["dropouts"][drop].items()})
    )
    plain.load_state_dict(lora.state_dict())
    for one in (lora, plain):
        one.attach()
        one.eval()
    x = wave([2, 4, 6], 0)
    assert torch.equal(module(x), plain.target.module(x))


@pytest.mark.parametrize("known", KNOWN["norms"], ids=lambda known: str(known["size"]))
def test_norms_are_limited_as_in_sd_scripts(known: dict[str, Any]) -> None:
    layers = [nn.Linear(6, 5), nn.Conv2d(3, 4, 1), nn.Linear(4, 9), nn.Conv2d(3, 4, 3, padding=1)]
    ranks = [(3, 2.0), (3, 2.0), (3, 2.0), (2, 1.5)]
    loras = [
        LoRAModule(target(module, f"lora_unet_{number}"), dim, alpha, dropouts=Dropouts())
        for number, (module, (dim, alpha)) in enumerate(zip(layers, ranks, strict=True))
    ]
    network = LoraNetwork(loras, NetworkSettings(), sdxl=False, blocks=None)
    with torch.no_grad():
        for number, lora in enumerate(loras):
            lora.down.copy_(known["size"] * wave(lora.down.shape, number))
            lora.up.copy_(known["size"] * wave(lora.up.shape, number + 20))
    norms = network.scale_norms(KNOWN["limit"])
    scaled, mean, greatest = known["told"]
    assert int(norms.scaled) == scaled
    assert float(norms.mean) == pytest.approx(mean, rel=1e-5)
    assert float(norms.greatest) == pytest.approx(greatest, rel=1e-5)
    for lora, (down, up) in zip(loras, known["weights"], strict=True):
        torch.testing.assert_close(lora.down.detach(), torch.tensor(down), rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(lora.up.detach(), torch.tensor(up), rtol=1e-5, atol=1e-7)


def test_a_detached_layer_is_as_it_was() -> None:
    module = layer("Linear", 6, 5)
    x = wave([2, 6], 0)
    before = module(x)
    lora = LoRAModule(target(module), 3, 2.0, dropouts=Dropouts())
    nn.init.ones_(lora.up)
    lora.attach()
    second = LoRAModule(target(module), 3, 2.0, dropouts=Dropouts())
    nn.init.ones_(second.up)
    with_one = module(x)
    second.attach()
    assert not torch.equal(module(x), with_one)
    second.detach()
    assert torch.equal(module(x), with_one)
    lora.detach()
    assert torch.equal(module(x), before)
    assert "forward" not in vars(module)
