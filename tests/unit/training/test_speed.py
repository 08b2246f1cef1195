"""What a step may cost: no number read from the device, weights cast once, nothing computed that changes nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from core.training.compiling import quicken
from core.training.loop import Trainer
from core.training.models.lean import without_idle_work
from core.training.readback import Readback
from tests.helpers.host_reads import forbid_host_reads
from tests.helpers.tiny_models import build
from tests.helpers.tiny_training import tiny_job, trainer_of

UNET: dict[str, Any] = {"network_train_unet_only": True}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("speed")


def weights_of(trainer: Trainer) -> list[torch.Tensor]:
    return [weights for group in trainer._stepper.built.optimizer.param_groups for weights in group["params"]]


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer_type": "AdamW", "optimizer_args": ["foreach=True"], "mixed_precision": "bf16", "scale_weight_norms": 0.01},
        {"optimizer_type": "optimizers.Prodigy", "learning_rate": 1.0, "lr_scheduler": "cosine", **UNET},
        {"optimizer_type": "optimizers.CAME", "min_snr_gamma": 5.0, "loss_type": "huber", **UNET},
    ],
    ids=["AdamW", "Prodigy", "CAME"],
)
def test_a_whole_step_waits_for_no_device(folder: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU each read would wait for all that was launched before it."""
    trainer = trainer_of(tiny_job(folder, train_batch_size=1, **options))
    stepper = trainer._stepper
    if options["optimizer_type"] == "AdamW":
        assert stepper._casts is not None
    # What has arrived lies in the computer's own memory and is read when it has; a saver or a plot may wait, a step not.
    monkeypatch.setattr(Readback, "receive", lambda self, wait=False: [])
    batches = enumerate(trainer._data.batches(0), 1)

    def step() -> None:
        number, batch = next(batches)
        trainer._micro(batch, 0, number)
        trainer._step(0, number)

    step()  # builds the states of the optimizer
    before = [weights.detach().clone() for weights in weights_of(trainer)]
    counters = [state["step"] for state in stepper.built.optimizer.state.values() if torch.is_tensor(state.get("step"))]
    with forbid_host_reads(host=counters):
        step()
        step()
    assert any(not torch.equal(a, b) for a, b in zip(before, weights_of(trainer), strict=True))


def test_casting_all_weights_at_once_changes_no_bit(folder: Path) -> None:
    options: dict[str, Any] = {"mixed_precision": "bf16", "gradient_accumulation_steps": 2, "network_args": ["conv_dim=2"]}
    options |= {"network_dropout": 0.2, "gradient_checkpointing": True, "max_train_steps": 2, **UNET}
    at_once = trainer_of(tiny_job(folder, **options))
    one_by_one = trainer_of(tiny_job(folder, **options))
    casts = at_once._stepper._casts
    assert casts is not None
    assert any(weights.requires_grad for weights in casts._weights)
    one_by_one._stepper._casts = one_by_one._loss_of.__self__._casts = None  # type: ignore[attr-defined]
    first = [weights.detach().clone() for weights in weights_of(at_once)]
    at_once.run()
    one_by_one.run()
    pairs = list(zip(weights_of(at_once), weights_of(one_by_one), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert any(not torch.equal(a, b) for a, b in zip(first, weights_of(at_once), strict=True))
    assert all(weights.dtype == torch.float32 for weights, _ in pairs)


class Count(TorchDispatchMode):
    """Counts operations by their names."""

    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def test_a_step_casts_no_lora_by_itself(folder: Path) -> None:
    trainer = trainer_of(tiny_job(folder, mixed_precision="bf16"))
    batch = next(trainer._data.batches(0))
    with Count() as once:
        trainer._micro(batch, 0, 1)
    trainer._stepper._casts = trainer._loss_of.__self__._casts = None  # type: ignore[attr-defined]
    with Count() as each:
        trainer._micro(batch, 0, 1)
    weights = len(weights_of(trainer))
    assert each.names["_to_copy"] - once.names["_to_copy"] >= 2 * weights * 0.9, "forward and backward; some get no gradient"
    assert once.names["_foreach_copy_"] == 2


def test_divisions_by_one_are_taken_out_and_change_no_bit() -> None:
    unet = build("sd1").unet
    latents, hidden = torch.randn(2, 4, 8, 8), torch.randn(2, 5, 32)

    def run() -> tuple[torch.Tensor, torch.Tensor, int]:
        given = latents.clone().requires_grad_()
        with Count() as count:
            output = unet(given, torch.tensor([3, 700]), hidden, return_dict=False)[0]
            output.square().sum().backward()
        assert given.grad is not None
        return output, given.grad, count.names["div"]

    output, gradient, before = run()
    taken = without_idle_work(unet)
    lean, lean_gradient, after = run()
    assert torch.equal(output, lean)
    assert torch.equal(gradient, lean_gradient)
    # Both ways; some of those that were taken out are in blocks of no use in this model.
    assert before - after >= taken
    assert without_idle_work(unet) == 0, "twice is once"


def test_where_nothing_can_be_compiled_it_is_said_and_the_model_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.compiler.reset()
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    monkeypatch.setattr("torch._inductor.config.force_disable_caches", True)
    unet, told = build("sd1").unet, list[str]()
    quicken(unet, torch.device("cpu"), compiles=True, warn=told.append)
    assert "Compiler" in told[0]
    assert unet._compiled_call_impl is None
    assert unet(torch.randn(1, 4, 8, 8), torch.tensor([3]), torch.randn(1, 5, 32), return_dict=False)[0].isfinite().all()
