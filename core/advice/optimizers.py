"""Rules on rates, clipping and what goes with an optimizer, generic over what the catalogue says of it."""

from __future__ import annotations

from collections.abc import Iterator

from core.advice.model import Subject, Trouble, set_options
from core.catalogue.spec import LrMethod
from core.text import Text

_RATES = ("learning_rate", "unet_lr")
_OLD_FORMS = ("use_8bit_adam", "use_lion_optimizer")
_LOW = 0.1  # at or under it, sd-scripts warns for D-Adaptation and Prodigy


def low_factor(subject: Subject) -> Iterator[Trouble]:
    """A manual learning rate where a factor belongs."""
    if not subject.is_factor:
        return
    for name in _RATES:
        rate = subject.number(name)
        if rate is not None and 0 < rate <= _LOW:
            yield Trouble(
                Text(
                    f"{name} = {rate:g} is only a factor here: the optimizer finds the rate itself. Start from 1.0.",
                    f"{name} = {rate:g} は、ここでは倍率です。学習率はオプティマイザーが自分で求めます。1.0 から始めてください。",
                ),
                (f"option:{name}",),
                set_options(Text(f"Set {name} to 1.0", f"{name} を 1.0 にする"), **{name: 1.0}),
            )


def high_manual(subject: Subject) -> Iterator[Trouble]:
    """A factor where a manual learning rate belongs."""
    spec = subject.spec
    if spec is None or spec.lr_method is not LrMethod.MANUAL or spec.learning_rate.start >= _LOW:
        return
    start = spec.learning_rate.start
    for name in _RATES:
        rate = subject.number(name)
        if rate is not None and rate >= 0.5:
            yield Trouble(
                Text(
                    f"{name} = {rate:g} is far too high for {spec.name}, which takes it as it is. {start:g} is a beginning.",
                    f"{name} = {rate:g} は {spec.name} には高すぎます。この値がそのまま使われます。まず {start:g} を試してください。",
                ),
                (f"option:{name}",),
                set_options(Text(f"Set {name} to {start:g}", f"{name} を {start:g} にする"), **{name: start}),
            )


def no_rate(subject: Subject) -> Iterator[Trouble]:
    """No learning rate at all, for which sd-scripts puts 2e-6."""
    given = any(subject.job.options.get(name) is not None for name in (*_RATES, "text_encoder_lr", "config_file"))
    spec = subject.spec
    if given or spec is None or (spec.lr_method is LrMethod.AUTOMATIC and subject.ignores_scheduler):
        return
    start = spec.learning_rate.start
    yield Trouble(
        Text(
            "No learning rate is given; sd-scripts then takes 2e-6, with which next to nothing is learned.",
            "学習率が指定されていません。sd-scripts は 2e-6 を使うため、ほとんど学習が進みません。",
        ),
        ("option:learning_rate",),
        set_options(Text(f"Set {start:g}", f"{start:g} にする"), learning_rate=start),
    )


def fused_elsewhere(subject: Subject) -> Iterator[Trouble]:
    """`fused_backward_pass` where sd-scripts refuses it. (Under a fast implementation's name `core.job.check` says so.)"""
    spec = subject.spec
    fast = spec is not None and spec.fast is not None and subject.job.optimizer_type == spec.fast.optimizer_type
    if not subject.job.options.get("fused_backward_pass") or fast:
        return
    fix = set_options(Text("Switch fused_backward_pass off", "fused_backward_pass を無効にする"), fused_backward_pass=None)
    if subject.name != "adafactor":
        text = Text("fused_backward_pass works with AdaFactor only.", "fused_backward_pass は AdaFactor でしか使用できません。")
        yield Trouble(text, ("option:fused_backward_pass", "option:optimizer_type"), fix)
    elif (subject.number("gradient_accumulation_steps") or 1) > 1:
        text = Text(
            "fused_backward_pass does not work with gradient accumulation.", "fused_backward_pass は勾配累積と併用できません。"
        )
        yield Trouble(text, ("option:fused_backward_pass", "option:gradient_accumulation_steps"), fix)


def two_names(subject: Subject) -> Iterator[Trouble]:
    """An old form (`use_8bit_adam`) beside `optimizer_type`, or two old forms."""
    forms = [name for name in _OLD_FORMS if subject.job.options.get(name)]
    named = bool(subject.job.optimizer_type)
    if len(forms) + named < 2:
        return
    stale = forms if named else forms[1:]
    listed = ", ".join([*forms, *(["optimizer_type"] if named else [])])
    yield Trouble(
        Text(
            f"Several options name an optimizer: {listed}.", f"オプティマイザーが複数のオプションで指定されています: {listed}。"
        ),
        tuple(f"option:{name}" for name in stale),
        set_options(Text(f"Remove {', '.join(stale)}", f"{', '.join(stale)} を削除する"), **dict.fromkeys(stale)),
    )


def clipped_twice(subject: Subject) -> Iterator[Trouble]:
    """AdaFactor without relative_step, which clips by itself, beside sd-scripts' default clipping."""
    if subject.name != "adafactor" or subject.ignores_scheduler or subject.number("max_grad_norm") == 0:
        return
    yield Trouble(
        Text(
            "AdaFactor limits its updates itself (clip_threshold), and max_grad_norm (1.0 if not given) clips once more.",
            "AdaFactor は自分で更新量を制限します (clip_threshold)。max_grad_norm (省略時 1.0) により、さらに勾配が制限されます。",
        ),
        ("option:max_grad_norm",),
        set_options(Text("Set max_grad_norm to 0", "max_grad_norm を 0 にする"), max_grad_norm=0.0),
    )
