"""The bytes of the tensors that a step of the built-in trainer holds, traced on tensors without numbers.

    python tests/benchmarks/memory_trace.py [--family sdxl] [--side 1024] [--batch 1 2] [--text] [--checkpointing] [--steps 2]

No GPU and no memory is needed: on the device "meta" tensors have a shape and a type, and every storage is counted from its
making to its end. What a real CUDA allocator adds (rounding, fragments, the
context, cuDNN's workspaces) is not in it, and no such allocator was measured. With checkpointing the U-Net's blocks are computed again, the
text encoders' are not: what they keep is little beside it.
"""

from __future__ import annotations

import argparse
import sys
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map, tree_map_
from torch.utils.checkpoint import checkpoint

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.training.forward import Forward
from core.training.lora.casts import Casts
from core.training.lora.network import build_network
from core.training.lora.settings import NetworkSettings
from core.training.machine import Machine
from core.training.models.family import read_config
from core.training.models.lean import without_idle_work
from core.training.models.load import CONFIGS, Components
from core.training.models.text import TextStates

TYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Case:
    """One training whose step is traced; the names are sd-scripts'."""

    family: str = "sd1"
    side: int = 512
    batch: int = 1
    precision: str = "bf16"
    dim: int = 16
    conv_dim: int | None = None
    full: bool = False
    text: bool = True
    cached_text: bool = False
    checkpointing: bool = False


@dataclass(frozen=True, slots=True)
class Traced:
    """Bytes. `resident`: model, LoRA and optimizer state before a step; `peak`: at most within it."""

    weights: int
    lora: int
    state: int
    resident: int
    peak: int


class Bytes(TorchDispatchMode):
    """Counts the storages of tensors on "meta" as they come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: dict[int, weakref.ref[Any]] = {}

    def note(self, tensor: Any) -> None:
        """Counts a tensor's storage once."""
        if not isinstance(tensor, Tensor) or tensor.device.type != "meta":
            return
        storage = tensor.untyped_storage()
        place = storage._cdata
        if place in self._known:
            return
        size = storage.nbytes()

        def ended(_: object, place: int = place, size: int = size) -> None:
            self._known.pop(place, None)
            self.now -= size

        self._known[place] = weakref.ref(storage, ended)
        self.now += size
        self.peak = max(self.peak, self.now)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        tree_map_(self.note, out)
        return out


class AsOnAGpu(TorchFunctionMode):
    """CUDA's autocast and fused attention for tensors on "meta": torch itself has both for real GPUs alone.

    Source of the two lists: aten/src/ATen/autocast_mode.h, as far as these models call them.
    """

    def __init__(self, autocast: torch.dtype | None) -> None:
        super().__init__()
        self._autocast = autocast
        f = torch.nn.functional
        self._low = {
            f.linear,
            f.conv2d,
            torch.matmul,
            Tensor.matmul,
            Tensor.__matmul__,
            torch.bmm,
            torch.addmm,
            f.scaled_dot_product_attention,
        }
        self._full = {f.layer_norm, f.group_norm, f.softmax, f.mse_loss, torch.softmax, Tensor.pow}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        to = self._autocast if func in self._low else torch.float32 if func in self._full else None
        if self._autocast is not None and to is not None:
            args, kwargs = tree_map(lambda one: _as(one, to), (args, kwargs))
        if func is not torch.nn.functional.scaled_dot_product_attention:
            return func(*args, **kwargs)
        q, k, v = args[:3] if len(args) >= 3 else (kwargs["query"], kwargs["key"], kwargs["value"])
        causal = bool(kwargs.get("is_causal"))
        if q.dtype is torch.float32:
            return torch.ops.aten._scaled_dot_product_efficient_attention(q, k, v, None, True, 0.0, causal)[0]
        return torch.ops.aten._scaled_dot_product_flash_attention(q, k, v, 0.0, causal)[0]


def _as(one: Any, dtype: torch.dtype) -> Any:
    return one.to(dtype) if isinstance(one, Tensor) and one.is_floating_point() and one.dtype is not dtype else one


@contextmanager
def _patched(autocast: torch.dtype | None) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(mock.patch("torch.is_autocast_enabled", lambda *of: of == ("meta",) and autocast is not None))
        stack.enter_context(mock.patch("torch.get_autocast_dtype", lambda *_: autocast))
        stack.enter_context(AsOnAGpu(autocast))
        yield


def _checkpoint(autocast: torch.dtype | None) -> Any:
    """Checkpoints under the stand-in: torch computes again outside of the function mode that was on."""

    def run(function: Any, *args: Any) -> Any:
        def inside(*given: Any) -> Any:
            with AsOnAGpu(autocast):
                return function(*given)

        return checkpoint(inside, *args, use_reentrant=False)

    return run


def _models(case: Case, dtype: torch.dtype) -> tuple[Any, tuple[Any, ...]]:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    folder: Path = CONFIGS / case.family
    unet: Any = UNet2DConditionModel.from_config(read_config(folder / "unet" / "config.json"))
    encoders: list[Any] = []
    for number in range(2 if case.family == "sdxl" else 1):
        config = CLIPTextConfig.from_dict(read_config(folder / ("text_encoder_2" if number else "text_encoder") / "config.json"))
        config._attn_implementation = "sdpa"
        encoders.append((CLIPTextModelWithProjection if number else CLIPTextModel)(config))
    for part in (unet, *encoders):
        part.requires_grad_(False).eval().to("meta", dtype)
    return unet, tuple(encoders)


def trace(case: Case, steps: int = 2, optimizer: Any = torch.optim.AdamW) -> Traced:
    """Takes two steps of the trainer's code and says what the second held."""
    dtype = TYPES[case.precision]
    autocast = None if case.precision == "no" else dtype
    with torch.device("meta"), _patched(autocast):
        unet, encoders = _models(case, dtype)
        counted = Bytes()
        for part in (unet, *(() if case.cached_text else encoders)):
            for tensor in (*part.parameters(), *part.buffers()):
                counted.note(tensor)
        weights = counted.now
        settings = NetworkSettings(dim=case.dim, conv_dim=case.conv_dim, train_text=case.text)
        network = build_network(unet, encoders, settings, family=case.family)  # type: ignore[arg-type]
        network = network.to("meta", dtype if case.full else torch.float32)
        casts = Casts(network.loras, autocast) if autocast is not None and not case.full else None
        for parameter in network.parameters():
            counted.note(parameter)
        lora = counted.now - weights
        built = optimizer(network.parameter_groups(1e-4).groups, lr=1e-4)
        without_idle_work(unet)
        if case.checkpointing:
            unet.train()
            unet.enable_gradient_checkpointing(_checkpoint(autocast))
        machine = Machine(torch.device("meta"), dtype, dtype, dtype, None, False)
        facts = SimpleNamespace(family=case.family)
        tokenizers = tuple(SimpleNamespace(eos=49407) for _ in encoders)
        objective: Any = None  # the loss is taken below
        parts = Components(facts, unet, None, encoders, tokenizers, None, 1.0)  # type: ignore[arg-type]
        forward = Forward(
            parts,
            objective,
            machine,
            clip_skip=None,
            trains_text=case.text and not case.cached_text,  # type: ignore[arg-type]
            checkpointing=False,
            casts=casts,
        )
        network.train()
        resident = 0
        with counted:
            for _ in range(steps):
                resident, counted.peak = counted.now, counted.now
                _step(case, forward, casts, dtype)
                built.step()
                built.zero_grad(set_to_none=True)
    state = resident - weights - lora
    return Traced(weights, lora, state, resident, counted.peak)


def _step(case: Case, forward: Forward, casts: Casts | None, dtype: torch.dtype) -> None:
    number, latent = case.batch, case.side // 8
    width = {"sd1": 768, "sd2": 1024, "sdxl": 2048}[case.family]
    states: Any = None
    if case.cached_text:
        pooled = torch.empty(number, 1280, device="meta") if case.family == "sdxl" else None
        states = TextStates(torch.empty(number, 77, width, device="meta"), pooled)
    if casts is not None:
        casts.take()
    ids = [torch.ones(number, 1, 77, dtype=torch.int64, device="meta") for _ in range(2 if case.family == "sdxl" else 1)]
    sizes = torch.ones(number, 2, dtype=torch.int64, device="meta")
    batch: Any = SimpleNamespace(
        text_hidden=None, token_ids=ids, token_weights=None, original_sizes=sizes, crop_top_lefts=sizes, target_sizes=sizes
    )
    if not case.cached_text:
        states = forward.text_states(batch, trains=True)
    noisy = torch.empty(number, 4, latent, latent, device="meta")
    noise = torch.empty_like(noisy)
    drawn: Any = SimpleNamespace(noisy=noisy, timesteps=torch.ones(number, dtype=torch.int64, device="meta"))
    output = forward._predict(batch, drawn, states)  # pyright: ignore[reportPrivateUsage]
    loss = torch.nn.functional.mse_loss(output.float(), noise, reduction="none").mean()
    torch.autograd.backward([loss])
    if casts is not None:
        casts.give_back()


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--family", choices=("sd1", "sd2", "sdxl"), default="sd1")
    parser.add_argument("--side", type=int, nargs="+", default=[512])
    parser.add_argument("--batch", type=int, nargs="+", default=[1])
    parser.add_argument("--text", action="store_true", help="train the text encoders too")
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--steps", type=int, default=2, help="2: with AdamW's state, as every step but the first")
    asked = parser.parse_args()
    sys.stdout.write(
        "| model | pixels | batch | weights | LoRA | rest at the peak | peak, MB |\n| --- | --- | --- | --- | --- | --- | --- |\n"
    )
    for side in asked.side:
        for batch in asked.batch:
            case = Case(asked.family, side, batch, text=asked.text, cached_text=not asked.text, checkpointing=asked.checkpointing)
            found = trace(case, steps=asked.steps)
            rest = found.peak - found.weights - found.lora
            row = (asked.family, side, batch, *(f"{size / 1e6:.0f}" for size in (found.weights, found.lora, rest, found.peak)))
            sys.stdout.write(f"| {' | '.join(map(str, row))} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
