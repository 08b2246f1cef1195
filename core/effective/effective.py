"""From a job to what sd-scripts makes of it. Nothing is read but the job.

Source: `get_optimizer`, `get_scheduler_fix` in sd-scripts' library/train_util.py, `train` in train_network.py and
`prepare_optimizer_params` in networks/lora.py (v0.10.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from core.advice.model import DEFAULT_RATE, Subject, subject_of
from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import from_literal
from core.effective.curve import Schedule
from core.effective.model import Argument, Effective, Fact, GroupRate, Origin
from core.errors import ValueProblem
from core.job.model import Job
from core.text import Text

_DEFAULT_STEPS = 1600
_DEFAULT_OPTIMIZER = "torch.optim.adamw.AdamW"
_NONE = Text("none", "なし")


def effective(job: Job, catalogue: Catalogue, *, batches: int | None = None) -> Effective:
    """What will really happen with the job.

    Args:
        job: the job. A `config_file` of its own is not read.
        catalogue: knows the optimizers.
        batches: in an epoch of all processes together, where the images were counted; it decides the length of a job that says epochs.
    """
    subject = subject_of(job, catalogue.find_for_options(job.options))
    steps, length = _length(subject, batches)
    schedule, scheduler = _schedule(subject, steps)
    facts = [length, *_warmup(subject, schedule), *_sizes(subject), *_clipping(subject), *_precision(subject)]
    return Effective(
        optimizer=_class_of(subject),
        arguments=tuple(_arguments(subject)),
        groups=tuple(_groups(subject)),
        schedule=schedule,
        scheduler=scheduler,
        steps=steps,
        times_d=subject.is_factor,
        facts=tuple(facts),
    )


def _plain(value: object) -> Text:
    return Text(str(value), str(value))


def _origin(subject: Subject, name: str) -> Origin:
    return "set" if subject.job.options.get(name) is not None else "default"


# --- the optimizer -----------------------------------------------------------------------------------------------


def _class_of(subject: Subject) -> str:
    spec = subject.spec
    if spec is None:
        return subject.job.optimizer_type or _DEFAULT_OPTIMIZER
    fast = spec.fast is not None and subject.job.optimizer_type == spec.fast.optimizer_type
    return spec.fast.optimizer_type if fast and spec.fast is not None else spec.class_path


def _arguments(subject: Subject) -> Iterator[Argument]:
    spec = subject.spec
    given = dict(subject.arguments)
    forced = dict(spec.fixed_arguments) if spec is not None else {}
    if subject.name == "adafactor" and given.get("warmup_init") is True:
        forced["relative_step"] = True  # whatever the job says of it
    for name, value in given.items():
        if name not in forced:
            yield Argument(name, value, "set")
    for name, value in forced.items():
        yield Argument(name, value, "forced")
    if spec is not None:
        for argument in spec.arguments:
            if argument.name not in given and argument.name not in forced:
                yield Argument(argument.name, argument.default, "default")


def _groups(subject: Subject) -> Iterator[GroupRate]:
    own = subject.name == "adafactor" and subject.ignores_scheduler
    for part, rate in subject.rates().items():
        if rate == 0:
            continue
        option = "text_encoder_lr" if part.startswith("text_encoder") else "unet_lr"
        if subject.job.options.get(option) in (None, []):
            option = "learning_rate" if subject.number("learning_rate") is not None else ""
        yield GroupRate(part, None if own else rate, option)
        ratio = _plus_ratio(subject, part)
        if ratio is not None:
            yield GroupRate(f"{part} plus", None if own else rate * ratio, option)


def _plus_ratio(subject: Subject, part: str) -> float | None:
    """By how much the B matrices learn faster (LoRA+), None where they do not."""
    name = "loraplus_unet_lr_ratio" if part == "unet" else "loraplus_text_encoder_lr_ratio"
    for said in (subject.network_argument(name), subject.network_argument("loraplus_lr_ratio")):
        try:
            ratio = float(said) if said is not None else 0.0
        except ValueError:
            continue
        if ratio:
            return ratio
    return None


# --- length and scheduler ----------------------------------------------------------------------------------------


def _length(subject: Subject, batches: int | None) -> tuple[int | None, Fact]:
    label = Text("Steps", "ステップ数")
    epochs = subject.number("max_train_epochs")
    if epochs is None:
        steps = int(subject.number("max_train_steps") or _DEFAULT_STEPS)
        return steps, Fact(label, _plain(steps), _origin(subject, "max_train_steps"), ("option:max_train_steps",))
    fields = ("option:max_train_epochs",)
    if batches is None:
        text = Text(f"{epochs:g} epochs; as many as the images make", f"{epochs:g} エポック (画像の枚数によります)")
        return None, Fact(label, text, "set", fields)
    accumulation = int(subject.number("gradient_accumulation_steps") or 1)
    steps = int(epochs) * math.ceil(batches / _processes(subject) / accumulation)
    text = Text(f"{steps} ({epochs:g} epochs)", f"{steps} ({epochs:g} エポック)")
    return steps, Fact(label, text, "set", fields)


def _in_steps(subject: Subject, name: str, steps: int) -> int:
    """Steps; a number with a point is a share of the training, as argparse reads it there."""
    said = subject.job.options.get(name)
    if isinstance(said, str) and said.strip().endswith("%"):  # argparse takes "10%" there
        try:
            return int(float(said.strip()[:-1]) / 100 * steps)
        except ValueError:
            return 0
    if isinstance(said, float):
        return int(said * steps)
    return said if isinstance(said, int) and not isinstance(said, bool) else 0


def _schedule(subject: Subject, steps: int | None) -> tuple[Schedule | None, Text]:
    name = subject.word("lr_scheduler", "constant")
    own_class = subject.word("lr_scheduler_type")
    if subject.schedule_free:
        return None, Text("none: the optimizer schedules by itself", "なし (オプティマイザー自身が調整します)")
    if own_class:
        return None, _plain(own_class)
    if subject.ignores_scheduler:
        if subject.name == "adafactor":
            return None, Text("adafactor: the rate follows steps and weights", "adafactor (学習率はステップ数と重みで決まります)")
        return None, Text("none: it has no effect on this optimizer", "なし (このオプティマイザーには効果がありません)")
    if steps is None:
        return None, _plain(name)
    rules = next((item.partition("=")[2] for item in _words(subject, "lr_scheduler_args") if item.startswith("step_rules=")), "")
    try:
        rules = str(from_literal(rules)) if rules else ""
    except ValueProblem:
        rules = ""
    if name == "piecewise_constant" and not rules:
        return None, _plain(name)
    pace = _processes(subject)
    schedule = Schedule(
        name=name,
        pace=pace,
        steps=steps * pace,
        warmup=_in_steps(subject, "lr_warmup_steps", steps * pace),
        decay=_in_steps(subject, "lr_decay_steps", steps * pace),
        cycles=subject.number("lr_scheduler_num_cycles") or 1,
        power=1.0 if subject.number("lr_scheduler_power") is None else float(subject.number("lr_scheduler_power") or 0.0),
        timescale=int(subject.number("lr_scheduler_timescale") or 0) or None,
        min_ratio=subject.number("lr_scheduler_min_lr_ratio"),
        start=DEFAULT_RATE if subject.number("learning_rate") is None else float(subject.number("learning_rate") or 0.0),
        rules=rules,
    )
    return schedule, _plain(name)


def _words(subject: Subject, name: str) -> list[str]:
    said = subject.job.options.get(name)
    return [str(item) for item in said] if isinstance(said, list) else []


def _warmup(subject: Subject, schedule: Schedule | None) -> Iterator[Fact]:
    label = Text("Warm-up", "ウォームアップ")
    fields = ("option:lr_warmup_steps",)
    if schedule is not None:
        steps = math.ceil(schedule.warmup / schedule.pace)
        text = Text(f"{steps} steps", f"{steps} ステップ") if steps else _NONE
        yield Fact(label, text, _origin(subject, "lr_warmup_steps"), fields)
    elif subject.ignores_scheduler or subject.schedule_free:
        yield Fact(label, _NONE, "forced" if subject.switched("lr_warmup_steps") else "default", fields)


# --- the rest ----------------------------------------------------------------------------------------------------


def _sizes(subject: Subject) -> Iterator[Fact]:
    batch = int(subject.number("train_batch_size") or 1)
    accumulation = int(subject.number("gradient_accumulation_steps") or 1)
    processes = _processes(subject)
    images = batch * accumulation * processes
    sum_en = f"{images} = batch {batch}" + (f" × accumulation {accumulation}" if accumulation > 1 else "")
    sum_ja = f"{images} = バッチ {batch}" + (f" × 勾配累積 {accumulation}" if accumulation > 1 else "")
    if processes > 1:
        sum_en, sum_ja = f"{sum_en} × {processes} GPUs", f"{sum_ja} × GPU {processes} 枚"
    if subject.word("dataset_config"):
        sum_en, sum_ja = (
            f"{sum_en} (where the dataset config says no other batch size)",
            f"{sum_ja} (データセット設定にバッチサイズがなければ)",
        )
    text = Text(sum_en, sum_ja) if images > 1 or subject.word("dataset_config") else _plain(1)
    yield Fact(
        Text("Images a step", "1 ステップの画像数"),
        text,
        "set" if subject.switched("train_batch_size", "gradient_accumulation_steps") else "default",
        ("option:train_batch_size", "option:gradient_accumulation_steps"),
    )


def _processes(subject: Subject) -> int:
    said = subject.job.accelerate.get("num_processes")
    return said if isinstance(said, int) and not isinstance(said, bool) and said > 1 else 1


def _clipping(subject: Subject) -> Iterator[Fact]:
    said = subject.number("max_grad_norm")
    value = 1.0 if said is None else float(said)
    text = Text(f"gradients to a norm of {value:g}", f"勾配ノルムを {value:g} までに制限") if value else _NONE
    yield Fact(Text("Clipping", "勾配クリッピング"), text, _origin(subject, "max_grad_norm"), ("option:max_grad_norm",))


def _precision(subject: Subject) -> Iterator[Fact]:
    mixed = subject.word("mixed_precision", "no")
    full = subject.switched("full_fp16", "full_bf16", "fp8_base", "fp8_base_unet")
    shown = {"no": Text("float32", "float32")}.get(mixed, _plain(mixed))
    if full:
        listed = ", ".join(full)
        shown = Text(f"{shown.en}, {listed}", f"{shown.ja}、{listed}")
    fields = ("option:mixed_precision",)
    yield Fact(Text("Precision of the arithmetic", "計算の精度"), shown, _origin(subject, "mixed_precision"), fields)
    saved = subject.word("save_precision")
    text = _plain(saved) if saved else Text("as trained", "学習時と同じ")
    yield Fact(Text("Precision of the file", "保存の精度"), text, _origin(subject, "save_precision"), ("option:save_precision",))
