"""What a job says about the training as a whole: how long, how precise, what is saved, sampled and validated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from core.text import Text
from core.training.options import OptionReader

Precision = Literal["no", "fp16", "bf16"]
NanPolicy = Literal["stop", "skip"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
NAN_POLICIES: tuple[NanPolicy, ...] = get_args(NanPolicy)

SAME_HERE = (
    "sdpa",
    "xformers",
    "mem_eff_attn",
    "lowram",
    "highvram",
    "max_data_loader_n_workers",
    "persistent_data_loader_workers",
    "skip_cache_check",
    "disable_mmap_load_safetensors",
    "console_log_level",
    "console_log_file",
    "console_log_simple",
    "log_config",
    "output_config",
    "config_file",
    "ddp_timeout",
    "ddp_gradient_as_bucket_view",
    "ddp_static_graph",
    "huggingface_repo_type",
    "huggingface_repo_visibility",
)
"""Options that tell sd-scripts how to do what is done here anyway, in one way, with the same results: attention is torch's
own, files are read by threads, and what is told goes into the run's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """The training loop.

    Attributes:
        seed: decides every random number; drawn by the trainer where the job has none.
        steps: optimizer steps, where `epochs` is None.
        epochs: passes over the data.
        accumulation: micro-batches per step.
        max_grad_norm: gradients are scaled down to this norm; 0 leaves them.
        mixed_precision: what autocast computes in.
        full: the LoRA's own weights are kept in that type too.
        fp8_base: the frozen U-Net is kept in 8 bits; `fp8_text` the frozen text encoders too.
        checkpointing: activations are computed again in the backward pass instead of kept.
        compile: the U-Net goes through torch.compile.
        nan: what happens where the loss is no number: the training stops, or the step is left out.
        ema: decay of a moving average of the LoRA, which is what is saved; 0 for none.
    """

    seed: int | None = None
    steps: int = 1600
    epochs: int | None = None
    accumulation: int = 1
    max_grad_norm: float = 1.0
    mixed_precision: Precision = "no"
    full: bool = False
    fp8_base: bool = False
    fp8_text: bool = False
    checkpointing: bool = False
    compile: bool = False
    nan: NanPolicy = "stop"
    ema: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveSettings:
    """What is written, where and when.

    Attributes:
        folder, name: `output_dir` and `output_name` ("last" where the job has none, as in sd-scripts).
        every_epochs, every_steps: when; 0 for never. The last state of the LoRA is always saved.
        epoch_ratio: so many saves in all, evenly spread; 0 for none.
        last_epochs, last_steps: older saves are deleted; None keeps all. In epochs and in steps, as sd-scripts counts them.
        last_epochs_state, last_steps_state: the same for states, where they differ.
        state: the training's state is saved beside each save, so that it can be resumed.
        state_at_end: also, or only, at the end.
        resume: folder of a state to go on from.
    """

    folder: str = ""
    name: str = "last"
    every_epochs: int = 0
    every_steps: int = 0
    epoch_ratio: int = 0
    last_epochs: int | None = None
    last_steps: int | None = None
    last_epochs_state: int | None = None
    last_steps_state: int | None = None
    state: bool = False
    state_at_end: bool = False
    resume: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """Sample pictures.

    Attributes:
        prompts: the prompt file; "" for none.
        every_steps, every_epochs: when; 0 for never.
        at_first: also before the first step.
        sampler: sd-scripts' word for the sampler.
    """

    prompts: str = ""
    every_steps: int = 0
    every_epochs: int = 0
    at_first: bool = False
    sampler: str = "ddim"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationSettings:
    """Loss on images that are held out.

    Attributes:
        split: share of the images, 0 to 1; 0 for none.
        seed: of the choice, of noise and of timesteps; the training's own where the job has none.
        every_steps, every_epochs: when.
        most_batches: no more than so many; None for all.
    """

    split: float = 0.0
    seed: int | None = None
    every_steps: int | None = None
    every_epochs: int | None = None
    most_batches: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """TensorBoard's files, beside the run folder's events.

    Attributes:
        folder: `logging_dir`; "" for none.
        prefix: of the folder that is made in it, before the time.
        tracker: the folder in that one.
    """

    folder: str = ""
    prefix: str = ""
    tracker: str = "network_train"


def read_log(options: OptionReader) -> LogSettings:
    """Takes what is said about TensorBoard."""
    options.word("log_with", ("tensorboard",), "tensorboard")
    if options.has("log_with") and not options.value("logging_dir"):
        options.refuse("log_with", "tensorboard", _needs("logging_dir"))
    return LogSettings(
        folder=options.text("logging_dir"),
        prefix=options.text("log_prefix"),
        tracker=options.text("log_tracker_name") or "network_train",
    )


def read_loop(options: OptionReader) -> LoopSettings:
    """Takes what is said about the loop."""
    options.ignore(*SAME_HERE)
    precision: Precision = options.word("mixed_precision", PRECISIONS, "no")
    if options.flag("full_fp16"):
        options.refuse("full_fp16", True, _NO_FULL_FP16)
    full_bf16 = options.flag("full_bf16")
    if full_bf16 and precision != "bf16":
        options.refuse("full_bf16", True, _needs('mixed_precision = "bf16"'))
    backend = options.text("dynamo_backend", "inductor").lower()
    if options.value("torch_compile") is True and backend != "inductor":
        options.refuse("dynamo_backend", backend, _needs('"inductor"'))
    fp8_base, fp8_unet = options.flag("fp8_base"), options.flag("fp8_base_unet")
    if (fp8_base or fp8_unet) and precision == "no":
        options.refuse("fp8_base" if fp8_base else "fp8_base_unet", True, _needs('mixed_precision = "bf16"'))
    return LoopSettings(
        seed=options.maybe_integer("seed", least=0),
        steps=options.integer("max_train_steps", 1600, least=1),
        epochs=options.maybe_integer("max_train_epochs", least=1),
        accumulation=options.integer("gradient_accumulation_steps", 1, least=1),
        max_grad_norm=options.number("max_grad_norm", 1.0, least=0),
        mixed_precision=precision,
        full=full_bf16,
        fp8_base=fp8_base or fp8_unet,
        fp8_text=fp8_base and not fp8_unet,
        checkpointing=options.flag("gradient_checkpointing"),
        compile=options.flag("torch_compile"),
        nan=options.word("caddie_nan", NAN_POLICIES, "stop"),
        ema=_decay(options),
    )


def read_saves(options: OptionReader) -> SaveSettings:
    """Takes what is said about saving."""
    # What it asks for is what resuming does here.
    options.ignore("skip_until_initial_step")
    kind = options.text("save_model_as", "safetensors")
    if kind != "safetensors":
        options.refuse("save_model_as", kind, _needs("safetensors"))
    return SaveSettings(
        folder=options.text("output_dir"),
        name=options.text("output_name") or "last",
        every_epochs=options.integer("save_every_n_epochs", 0, least=0),
        every_steps=options.integer("save_every_n_steps", 0, least=0),
        epoch_ratio=options.integer("save_n_epoch_ratio", 0, least=0),
        # 0 would have each save by epochs deleted as soon as it is written; in steps, 0 keeps the newest.
        last_epochs=options.maybe_integer("save_last_n_epochs", least=1),
        last_steps=options.maybe_integer("save_last_n_steps", least=0),
        # For states, 0 is no number of their own in sd-scripts.
        last_epochs_state=options.maybe_integer("save_last_n_epochs_state", least=0) or None,
        last_steps_state=options.maybe_integer("save_last_n_steps_state", least=0) or None,
        state=options.flag("save_state"),
        state_at_end=options.flag("save_state_on_train_end"),
        resume=options.text("resume"),
    )


def read_samples(options: OptionReader) -> SampleSettings:
    """Takes what is said about sample pictures."""
    return SampleSettings(
        prompts=options.text("sample_prompts"),
        every_steps=options.integer("sample_every_n_steps", 0, least=0),
        every_epochs=options.integer("sample_every_n_epochs", 0, least=0),
        at_first=options.flag("sample_at_first"),
        sampler=options.text("sample_sampler", "ddim"),
    )


def read_validation(options: OptionReader) -> ValidationSettings:
    """Takes what is said about validation."""
    return ValidationSettings(
        split=options.number("validation_split", 0.0, least=0.0),
        seed=options.maybe_integer("validation_seed"),
        every_steps=options.maybe_integer("validate_every_n_steps", least=1),
        every_epochs=options.maybe_integer("validate_every_n_epochs", least=1),
        most_batches=options.maybe_integer("max_validation_steps", least=1),
    )


def _decay(options: OptionReader) -> float:
    decay = options.number("caddie_ema", 0.0, least=0.0)
    if decay >= 1:
        options.refuse("caddie_ema", decay, Text("has to be below 1", "は 1 未満にしてください"))
    return decay


_NO_FULL_FP16 = Text(
    "is left to sd-scripts: gradients of 16 bits need another GradScaler than torch's own. full_bf16 goes without one",
    "は sd-scripts でのみ使えます。fp16 の勾配には PyTorch 標準の GradScaler を改造する必要があるためです。full_bf16 なら内蔵トレーナーでも使えます",
)


def _needs(what: str) -> Text:
    return Text(f"needs {what} here", f"には {what} が必要です")
