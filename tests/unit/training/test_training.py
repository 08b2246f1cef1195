"""Whole trainings on tiny models: what they tell, what they save, and that they go on where they were."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core.errors import CaddieError
from core.runs.events import Event, Sample, Saved, Started, Step, Validated, Warned, Wished
from core.training.control import Control
from core.training.loop import NanLossError, NoMemoryError
from core.training.models.text import inner_model
from core.training.plan import plan_of
from core.training.rates.schedules import learning_rates
from tests.helpers import tiny_models
from tests.helpers.tiny_training import losses, tiny_job, trainer_of


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _same(one: Path, other: Path) -> bool:
    a, b = load_file(one), load_file(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("kind", tiny_models.KINDS)
def test_a_training_of_each_family(tmp_path: Path, kind: tiny_models.Kind) -> None:
    events: list[Event] = []
    assert trainer_of(tiny_job(tmp_path, kind, max_train_steps=3), events).run() == "returned"
    (started,) = [event for event in events if isinstance(event, Started)]
    assert (started.optimizer, started.total_steps, started.source) == ("torch.optim.adamw.AdamW", 3, "builtin")
    steps = [event for event in events if isinstance(event, Step)]
    assert [step.step for step in steps] == [1, 2, 3]
    assert all(step.loss is not None and math.isfinite(step.loss) and (step.grad_norm or 0) > 0 for step in steps)
    assert all(group.lr == 1e-3 for step in steps for group in step.groups)
    assert [group.name for group in steps[0].groups][-1] == "unet"
    saved = tmp_path / "out" / "tiny.safetensors"
    assert [event.path for event in events if isinstance(event, Saved)] == [str(saved)]
    prefixes = {name.split("_")[1] for name in load_file(saved)}
    assert prefixes == ({"te1", "te2", "unet"} if kind == "sdxl" else {"te", "unet"})


def test_what_is_trained_moves_and_nothing_else(tmp_path: Path) -> None:
    trainer_of(tiny_job(tmp_path, network_train_unet_only=True, save_precision="float")).run()
    tensors = load_file(tmp_path / "out" / "tiny.safetensors")
    ups = [tensor for name, tensor in tensors.items() if name.endswith("lora_up.weight")]
    assert all(name.startswith("lora_unet_") for name in tensors)
    assert sum(bool(up.any()) for up in ups) > 0.9 * len(ups)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cache_latents": True, "cache_text_encoder_outputs": True, "network_train_unet_only": True, "kind": "sdxl"},
        {"gradient_accumulation_steps": 2, "network_dropout": 0.3, "shuffle_caption": True, "flip_aug": True},
        {"optimizer_type": "optimizers.Prodigy", "learning_rate": 1.0, "lr_scheduler": "cosine"},
        {"optimizer_type": "RAdamScheduleFree", "optimizer_args": ["betas=0.9,0.99"], "ema": 0.9},
    ],
    ids=["plain", "caches", "accumulation, dropout, flips", "prodigy, cosine", "schedule-free, averaged"],
)
def test_a_training_that_is_resumed_ends_with_the_same_bits(tmp_path: Path, options: dict[str, Any]) -> None:
    """Stopped in the middle of an epoch, gone on in a new trainer."""
    options = dict(options)
    kind, builtin = options.pop("kind", "sd1"), {"ema": options.pop("ema", 0.0)}
    job = tiny_job(tmp_path, kind, **{"save_every_n_steps": 3, "save_state": True, "max_train_steps": 5} | options)
    job = replace(job, builtin=builtin)
    whole: list[Event] = []
    trainer_of(job, whole).run()
    final = (tmp_path / "out" / "tiny.safetensors").rename(tmp_path / "whole.safetensors")
    again: list[Event] = []
    trainer_of(job.with_option("resume", str(tmp_path / "out" / "tiny-step00000003-state")), again).run()
    assert losses(again) == losses(whole)[3:]
    assert [event.step for event in again if isinstance(event, Step)] == [4, 5]
    assert _same(final, tmp_path / "out" / "tiny.safetensors")


def test_a_training_that_is_done_has_nothing_to_go_on_with(tmp_path: Path) -> None:
    job = tiny_job(tmp_path, max_train_steps=2, save_state_on_train_end=True)
    events: list[Event] = []
    trainer_of(job, events).run()
    again = job.with_option("resume", str(tmp_path / "out" / "tiny-state"))
    with pytest.raises(CaddieError, match="max_train_steps"):
        trainer_of(again)
    more: list[Event] = []
    trainer_of(again.with_option("max_train_steps", 5), more).run()
    whole: list[Event] = []
    trainer_of(job.with_option("max_train_steps", 5), whole).run()
    assert [event.step for event in more if isinstance(event, Step)] == [3, 4, 5]
    assert losses(more) == losses(whole)[2:], "it goes on within the epoch, with the batches that had not come"


def test_what_a_resumed_training_does_not_take_over_is_told(tmp_path: Path) -> None:
    job = tiny_job(tmp_path, max_train_steps=1, save_state_on_train_end=True)
    trainer_of(job.with_option("optimizer_args", ["weight_decay=0.1"])).run()
    again = job.with_option("resume", str(tmp_path / "out" / "tiny-state")).with_option("max_train_steps", 2)
    events: list[Event] = []
    trainer_of(again.with_option("learning_rate", 5e-4).with_option("optimizer_args", ["weight_decay=0.2"]), events)
    told = [event.detail for event in events if isinstance(event, Warned) and event.key == "resume"]
    assert [detail.partition(" has no effect")[0] for detail in told] == ["lr = 0.0005", "weight_decay = 0.2"]
    quiet: list[Event] = []
    trainer_of(again.with_option("optimizer_args", ["weight_decay=0.1"]), quiet)
    assert not [event for event in quiet if isinstance(event, Warned)]
    for other in ({"optimizer_type": "Lion"}, {"lr_scheduler_type": "StepLR", "lr_scheduler_args": ["step_size=3"]}):
        changed = again
        for name, value in other.items():
            changed = changed.with_option(name, value)
        with pytest.raises(CaddieError, match="does not fit"):
            trainer_of(changed)


def test_a_schedule_that_cannot_be_is_found_before_the_model_is_looked_at(tmp_path: Path) -> None:
    job = tiny_job(tmp_path, lr_scheduler="cosine", lr_scheduler_args=["num_cycle=3"])
    with pytest.raises(CaddieError, match="num_cycles"):
        trainer_of(job.with_option("pretrained_model_name_or_path", str(tmp_path / "nowhere")))


def test_micro_batches_give_the_gradient_of_their_mean(tmp_path: Path) -> None:
    events: list[Event] = []
    job = tiny_job(tmp_path, gradient_accumulation_steps=2, max_train_steps=4, lr_scheduler="cosine", lr_warmup_steps=0.5)
    trainer_of(job, events).run()
    rates = [event.groups[-1].lr for event in events if isinstance(event, Step)]
    assert rates == learning_rates(plan_of(job).rates, 4), "a share of the optimizer's steps, not of the micro-batches"
    assert rates == [0.0, 5e-4, 1e-3, 5e-4]
    plain: list[Event] = []
    trainer_of(tiny_job(tmp_path, max_train_steps=2, learning_rate=1e-30), plain).run()
    first = losses(plain)
    assert losses(events)[0] == pytest.approx((first[0] + first[1]) / 2, rel=1e-6)  # type: ignore[operator]


def test_the_header_says_what_readers_of_loras_look_for(tmp_path: Path) -> None:
    """The keys that sd-scripts writes for the same kind of job, in a golden header of its own."""
    golden = json.loads((Path(__file__).parents[2] / "golden" / "lora_header.json").read_text(encoding="utf-8"))
    wanted = {*golden["header"], *golden["not_of_the_job"]} - {"ss_sd_scripts_commit_hash", "sshs_model_hash", "sshs_legacy_hash"}
    trainer_of(tiny_job(tmp_path, max_train_steps=1)).run()
    with safe_open(tmp_path / "out" / "tiny.safetensors", "pt") as file:
        header = file.metadata()
    # A folder has no hash; the golden model was a file.
    assert wanted - header.keys() <= {"ss_sd_model_hash", "ss_new_sd_model_hash", "ss_network_args"}
    assert {"sshs_model_hash", "sshs_legacy_hash"} <= header.keys()
    assert json.loads(header["ss_dataset_dirs"]) == {"2_shapes": {"n_repeats": 2, "img_count": 4}}
    assert json.loads(header["ss_tag_frequency"])["2_shapes"]["a red circle"] == 1
    assert (header["ss_steps"], header["ss_num_train_images"], header["ss_seed"]) == ("1", "8", "7")
    assert "None" not in (header["ss_optimizer"], header["ss_resolution"])


def test_pictures_and_held_out_images_change_nothing_of_the_training(tmp_path: Path) -> None:
    prompts = tmp_path / "プロンプト.txt"
    prompts.write_text("a red circle --w 64 --h 64 --s 2 --d 1\n", encoding="utf-8")
    common = {"max_train_steps": 3, "validation_split": 0.25, "optimizer_type": "AdamWScheduleFree"}
    plain: list[Event] = []
    trainer_of(tiny_job(tmp_path, **common, validate_every_n_epochs=9), plain).run()
    options = common | {"sample_prompts": str(prompts), "sample_every_n_steps": 2, "sample_at_first": True}
    events: list[Event] = []
    trainer_of(tiny_job(tmp_path, **options, validate_every_n_steps=2, cache_latents=True), events).run()
    assert not any(isinstance(event, Warned) for event in events)
    pictures = [event for event in events if isinstance(event, Sample)]
    assert [picture.step for picture in pictures] == [0, 2]
    assert all(Path(picture.path).is_file() for picture in pictures)
    assert [event.step for event in events if isinstance(event, Validated)] == [2, 3]
    # Cached latents are drawn with other numbers.
    without: list[Event] = []
    trainer_of(tiny_job(tmp_path, **common, validate_every_n_epochs=9, cache_latents=True), without).run()
    assert losses(events) == losses(without)


def test_tensorboard_gets_the_tags_of_sd_scripts(tmp_path: Path) -> None:
    events: list[Event] = []
    job = tiny_job(tmp_path, max_train_steps=2, logging_dir=str(tmp_path / "logs"), log_prefix="p", optimizer_type="Prodigy")
    trainer = trainer_of(job.with_option("learning_rate", 1.0), events)
    trainer.run()
    trainer._reporter.finished("returned")
    (folder,) = (tmp_path / "logs").glob("p*/network_train")
    found = EventAccumulator(str(folder)).Reload()
    assert [one.value for one in found.Scalars("loss/current")] == pytest.approx(losses(events))
    assert {"loss/average", "lr/unet", "lr/textencoder", "lr/d*lr/unet"} <= set(found.Tags()["scalars"])


def test_checkpointing_changes_no_gradient(tmp_path: Path) -> None:
    plain: list[Event] = []
    trainer_of(tiny_job(tmp_path, max_train_steps=3), plain).run()
    checked: list[Event] = []
    trainer = trainer_of(tiny_job(tmp_path, max_train_steps=3, gradient_checkpointing=True), checked)
    components: Any = trainer._loss_of.__self__._components  # type: ignore[attr-defined]
    calls = {"U-Net": 0, "text encoder": 0}
    for name, part in (
        ("U-Net", components.unet.down_blocks[0].resnets[0]),
        ("text encoder", inner_model(components.text_encoders[0]).encoder.layers[0].self_attn),
    ):
        part.register_forward_pre_hook(lambda *_, name=name: calls.__setitem__(name, calls[name] + 1))
    trainer.run()
    assert calls == {"U-Net": 6, "text encoder": 6}, "each is computed again in the backward pass"
    assert losses(checked) == pytest.approx(losses(plain), rel=1e-5)
    norms = [[event.grad_norm for event in events if isinstance(event, Step)] for events in (plain, checked)]
    assert norms[1] == pytest.approx(norms[0], rel=1e-5)


def test_bfloat16_trains_near_float32(tmp_path: Path) -> None:
    plain: list[Event] = []
    trainer_of(tiny_job(tmp_path, max_train_steps=2), plain).run()
    half: list[Event] = []
    trainer_of(tiny_job(tmp_path, max_train_steps=2, mixed_precision="bf16"), half).run()
    assert losses(half) == pytest.approx(losses(plain), rel=0.03)


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_a_model_kept_in_eight_bits_trains_near_it(tmp_path: Path, kind: tiny_models.Kind) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a red circle --w 64 --h 64 --s 1 --d 1\n", encoding="utf-8")
    common = {"max_train_steps": 2, "mixed_precision": "bf16"}
    plain: list[Event] = []
    trainer_of(tiny_job(tmp_path, kind, **common), plain).run()
    small: list[Event] = []
    options = common | {"fp8_base": True, "sample_prompts": str(prompts), "sample_every_n_steps": 2}
    trainer = trainer_of(tiny_job(tmp_path, kind, **options), small)
    trainer.run()
    assert losses(small) == pytest.approx(losses(plain), rel=0.05)
    assert losses(small) != losses(plain)
    assert not [event for event in small if isinstance(event, Warned)]
    components = trainer._loss_of.__self__._components  # type: ignore[attr-defined]
    for model in (components.unet, *components.text_encoders):
        types = {name: weights.dtype for name, weights in model.named_parameters() if weights.ndim > 1}
        eight = {name for name, dtype in types.items() if dtype == torch.float8_e4m3fn}
        assert types.keys() - eight <= {name for name in types if "embedding.weight" in name or "text_projection" in name}


def test_nan_ends_the_training_and_saves_nothing(tmp_path: Path) -> None:
    events: list[Event] = []
    job = tiny_job(tmp_path, learning_rate=1e30, max_grad_norm=0.0, save_every_n_steps=1, max_train_steps=50)
    with pytest.raises(NanLossError, match="learning rate"):
        trainer_of(job, events).run()
    assert not (tmp_path / "out" / "tiny.safetensors").exists()
    for event in events:
        if isinstance(event, Saved):
            number = int(Path(event.path).stem[-8:])
            assert all(math.isfinite(loss or 0) for loss in losses(events)[:number])


def test_a_gradient_of_nan_under_a_sound_loss_saves_nothing(tmp_path: Path) -> None:
    """The last step's loss is a number, but its gradient has spoilt the weights that would be saved."""
    events: list[Event] = []
    trainer = trainer_of(tiny_job(tmp_path, max_train_steps=2, save_every_n_steps=1), events)
    real, calls = trainer._loss_of, iter(range(100))

    def loss_of(batch: Any, generator: torch.Generator) -> torch.Tensor:
        loss = real(batch, generator)
        if next(calls) == 1:
            loss.register_hook(lambda grad: grad * math.nan)
        return loss

    trainer._loss_of = loss_of
    with pytest.raises(NanLossError, match="gradient's norm of step 2"):
        trainer.run()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tiny-step00000001.safetensors"]


def test_no_memory_names_what_would_help(tmp_path: Path) -> None:
    trainer = trainer_of(tiny_job(tmp_path))

    def too_much(*_: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")

    trainer._loss_of = too_much
    with pytest.raises(NoMemoryError) as caught:
        trainer.run()
    assert all(name in caught.value.text.ja for name in ("gradient_checkpointing", "train_batch_size", "cache_latents"))


def test_steps_with_nan_can_be_left_out(tmp_path: Path) -> None:
    job = replace(tiny_job(tmp_path, max_train_steps=4), builtin={"nan": "skip"})
    events: list[Event] = []
    trainer = trainer_of(job, events)
    real, calls = trainer._loss_of, iter(range(100))
    trainer._loss_of = lambda batch, generator: real(batch, generator) * (math.nan if next(calls) == 1 else 1.0)
    trainer.run()
    assert [event.key for event in events if isinstance(event, Warned)] == ["step-skipped"]
    tensors = load_file(tmp_path / "out" / "tiny.safetensors")
    assert all(bool(tensor.isfinite().all()) for tensor in tensors.values())


def test_the_average_is_what_is_saved(tmp_path: Path) -> None:
    """The first step of diffusers' average takes the weights as they are; from there on it follows."""
    job = tiny_job(tmp_path, max_train_steps=3, save_every_n_steps=1, save_precision="float", learning_rate=0.1)
    trainer_of(job).run()
    plain = [load_file(tmp_path / "out" / f"tiny-step0000000{step}.safetensors") for step in (1, 2, 3)]
    trainer_of(replace(job, builtin={"ema": 0.5})).run()
    name = next(name for name in plain[0] if name.endswith("lora_down.weight"))
    average = plain[0][name]
    for step in (2, 3):
        average = average + (plain[step - 1][name] - average) * (1 - min(0.5, step / (9 + step)))
    saved = load_file(tmp_path / "out" / "tiny.safetensors")[name]
    torch.testing.assert_close(saved, average)
    assert not torch.equal(saved, plain[2][name])


def test_a_stop_with_a_save_before_it(tmp_path: Path) -> None:
    control = Control()
    events: list[Event] = []
    trainer = trainer_of(tiny_job(tmp_path, max_train_steps=50), events, control)
    real = trainer._stepper.step

    def step(number: int, epoch: float) -> bool:
        if number == 3:
            control.stop(save=True)
        return real(number, epoch)

    trainer._stepper.step = step  # type: ignore[method-assign]
    assert trainer.run() == "stopped"
    assert len(losses(events)) == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "tiny-step00000003-state",
        "tiny-step00000003.safetensors",
    ]


def test_a_save_that_was_asked_for_and_fails_is_told_and_ends_nothing(tmp_path: Path) -> None:
    control = Control()
    control.ask("save")
    events: list[Event] = []
    job = tiny_job(tmp_path, max_train_steps=3)
    trainer = trainer_of(job, events, control)
    folder = tmp_path / "out"
    if folder.is_dir():
        folder.rmdir()
    folder.write_text("a file where a folder should be")
    step = trainer._stepper.step

    def free(number: int, epoch: float) -> bool:
        if number == 2:
            folder.unlink()
        return step(number, epoch)

    trainer._stepper.step = free  # type: ignore[method-assign]
    assert trainer.run() == "returned"
    told = [(event.wish, event.stage, event.step) for event in events if isinstance(event, Wished)]
    assert told == [("save", "heard", 1), ("save", "failed", 1)]
    assert (folder / "tiny.safetensors").is_file()


def test_a_stop_file_stops(tmp_path: Path) -> None:
    file = tmp_path / "stop"
    file.touch()
    assert trainer_of(tiny_job(tmp_path), [], Control(file)).run() == "stopped"


def test_a_state_of_another_job_is_refused(tmp_path: Path) -> None:
    trainer_of(tiny_job(tmp_path, max_train_steps=1, save_state=True)).run()
    state = str(tmp_path / "out" / "tiny-state")
    with pytest.raises(CaddieError, match="does not fit"):
        trainer_of(tiny_job(tmp_path, network_dim=3, resume=state))
    with pytest.raises(CaddieError, match="seed 7"):
        trainer_of(tiny_job(tmp_path, seed=8, resume=state))
