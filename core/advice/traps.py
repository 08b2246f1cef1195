"""Options that stand in each other's way without a word, or that end sd-scripts late with words that explain nothing."""

from __future__ import annotations

from collections.abc import Iterator

from core.advice.model import Fix, Subject, Trouble, set_options
from core.text import Text

# --- what ends sd-scripts ----------------------------------------------------------------------------------------

_BUCKET_STEPS, _SMALLEST, _LARGEST = 64, 256, 1024  # sd-scripts' own


def buckets(subject: Subject) -> Iterator[Trouble]:
    """Buckets whose limits leave out the resolution itself; the limits count after rounding to whole steps.

    Source: `adjust_min_max_bucket_reso_by_steps` of sd-scripts' library/train_util.py.
    """
    sides = [part.strip() for part in str(subject.job.options.get("resolution") or "").split(",")]
    if not subject.switched("enable_bucket") or subject.word("dataset_config") or not all(side.isdecimal() for side in sides):
        return
    step = int(subject.number("bucket_reso_steps") or _BUCKET_STEPS)
    least, most = min(map(int, sides)), max(map(int, sides))
    smallest = int(_number(subject, "min_bucket_reso", _SMALLEST)) // step * step
    largest = -(-int(_number(subject, "max_bucket_reso", _LARGEST)) // step) * step
    limits = (("min_bucket_reso", smallest, least, smallest > least), ("max_bucket_reso", largest, most, largest < most))
    for name, limit, side, wrong in limits:
        if not wrong:
            continue
        right = max(side // step, 1) * step if name == "min_bucket_reso" else side
        if name == "min_bucket_reso" and right > side:
            fix = set_options(Text("Switch the buckets off", "バケットを無効にする"), enable_bucket=None)
        else:
            fix = set_options(Text(f"Set {name} to {right}", f"{name} を {right} にする"), **{name: right})
        yield Trouble(
            Text(
                f"The resolution {side} lies outside the buckets: {name} is {limit}.",
                f"解像度 {side} がバケットの範囲外です ({name} = {limit})。",
            ),
            (f"option:{name}", "option:resolution", "option:enable_bucket"),
            fix,
        )


def _number(subject: Subject, name: str, default: float) -> float:
    said = subject.number(name)
    return default if said is None else said


_AT_LEAST_ONE = {"train_batch_size": 1, "gradient_accumulation_steps": 1, "network_dim": 16}
"""Options that have to be 1 or more, with what to begin with."""


def out_of_range(subject: Subject) -> Iterator[Trouble]:
    """A number that argparse takes and the training does not: no picture in a batch, no rank, a rate below 0."""
    start = subject.spec.learning_rate.start if subject.spec is not None else None
    for name, least, right in [
        *((name, 1, right) for name, right in _AT_LEAST_ONE.items()),
        *(
            (name, 0, start)
            for name in ("learning_rate", "unet_lr")
            if not (subject.name == "adafactor" and subject.ignores_scheduler)
        ),
    ]:
        said = subject.number(name)
        if said is not None and said < least:
            label = Text(f"Set {name} to {right:g}", f"{name} を {right:g} にする") if right is not None else None
            yield Trouble(
                Text(f"{name} = {said:g} has to be {least} or more.", f"{name} = {said:g}: {least} 以上にしてください。"),
                (f"option:{name}",),
                set_options(label, **{name: right}) if label is not None else None,
            )
    yield from _never_saved(subject)
    dropout = subject.number("network_dropout")
    if dropout is not None and not 0 <= dropout <= 1:
        yield Trouble(
            Text(
                f"network_dropout = {dropout:g} has to be a share from 0 to 1.",
                f"network_dropout = {dropout:g}: 0〜1 の割合を指定してください。",
            ),
            ("option:network_dropout",),
            set_options(Text("Remove network_dropout", "network_dropout を削除する"), network_dropout=None),
        )


def _never_saved(subject: Subject) -> Iterator[Trouble]:
    """0 for "never", by which the training divides: at its first step, or at the end of its first epoch."""
    for name in ("save_every_n_steps", "save_every_n_epochs"):
        if subject.number(name) == 0:
            yield Trouble(
                Text(
                    f"{name} = 0 ends the training with a division by zero; leave it out to save at the end only.",
                    f"{name} = 0 ではゼロ除算のエラーで学習が停止します。最後にだけ保存する場合は、指定しないでください。",
                ),
                (f"option:{name}",),
                set_options(Text(f"Remove {name}", f"{name} を削除する"), **{name: None}),
            )


def workers(subject: Subject) -> Iterator[Trouble]:
    """Loader processes that are to stay, where there are none."""
    if subject.switched("persistent_data_loader_workers") and subject.number("max_data_loader_n_workers") == 0:
        name = "persistent_data_loader_workers"
        yield Trouble(
            Text(
                f"{name} needs at least one worker, and max_data_loader_n_workers is 0.",
                f"{name} には 1 つ以上のワーカーが必要ですが、max_data_loader_n_workers が 0 です。",
            ),
            (f"option:{name}", "option:max_data_loader_n_workers"),
            set_options(Text(f"Remove {name}", f"{name} を削除する"), **{name: None}),
        )


def rank_of_nothing(subject: Subject) -> Iterator[Trouble]:
    """The rank of weights that are not given."""
    if subject.switched("dim_from_weights") and not subject.word("network_weights"):
        yield Trouble(
            Text(
                "dim_from_weights reads the rank from network_weights, which is not given.",
                "dim_from_weights は network_weights から Rank を読み取りますが、network_weights の指定がありません。",
            ),
            ("option:network_weights", "option:dim_from_weights"),
            set_options(Text("Remove dim_from_weights", "dim_from_weights を削除する"), dim_from_weights=None),
        )


def samples_of_nothing(subject: Subject) -> Iterator[Trouble]:
    """Sample pictures without a file of prompts."""
    given = subject.switched("sample_every_n_steps", "sample_every_n_epochs", "sample_at_first")
    if given and not subject.word("sample_prompts"):
        listed = ", ".join(given)
        yield Trouble(
            Text(
                f"{listed}: sample pictures need prompts, and sample_prompts is not given. The training stops at the first one.",
                f"{listed}: サンプル画像にはプロンプトが必要ですが、sample_prompts の指定がありません。最初のサンプルで学習が停止します。",
            ),
            ("option:sample_prompts", *(f"option:{name}" for name in given)),
            set_options(Text(f"Remove {listed}", f"{listed} を削除する"), **dict.fromkeys(given)),
        )


# --- what has no effect, or another one than meant ---------------------------------------------------------------


def untrained_part(subject: Subject) -> Iterator[Trouble]:
    """A rate for a part that is not trained."""
    for name, part in (("text_encoder_lr", "text_encoder"), ("unet_lr", "unet")):
        said = subject.job.options.get(name)
        wanted = any(said) if isinstance(said, list) else bool(said)  # a rate of 0 says the same as the switch
        if wanted and subject.trains and part not in subject.trains:
            other = "network_train_unet_only" if part == "text_encoder" else "network_train_text_encoder_only"
            yield Trouble(
                Text(f"{name} has no effect beside {other}.", f"{other} を指定しているため、{name} は効果がありません。"),
                (f"option:{name}", f"option:{other}"),
                set_options(Text(f"Remove {name}", f"{name} を削除する"), **{name: None}),
            )


_LAST_TIMESTEP = 1000


def timesteps(subject: Subject) -> Iterator[Trouble]:
    """Limits of the timesteps the wrong way round: then every step takes the upper one.

    Source: `get_timesteps` of sd-scripts' library/train_util.py.
    """
    least, most = _number(subject, "min_timestep", 0), _number(subject, "max_timestep", _LAST_TIMESTEP)
    if least < most:
        return
    said = [name for name in ("min_timestep", "max_timestep") if subject.job.options.get(name) is not None]
    both = {"min_timestep": int(most), "max_timestep": int(least)} if len(said) == 2 and least > most else dict.fromkeys(said)
    yield Trouble(
        Text(
            f"min_timestep {least:g} is not below max_timestep {most:g}: every step trains the timestep {most:g} alone.",
            f"min_timestep ({least:g}) が max_timestep ({most:g}) より小さくないため、全ステップでタイムステップ {most:g} だけを学習します。",
        ),
        tuple(f"option:{name}" for name in said),
        set_options(
            Text("Exchange the two", "2 つの値を入れ替える") if len(said) == 2 and least > most else _removed(said), **both
        ),
    )


def _removed(names: list[str]) -> Text:
    listed = ", ".join(names)
    return Text(f"Remove {listed}", f"{listed} を削除する")


def config_wins(subject: Subject) -> Iterator[Trouble]:
    """Folders beside a dataset config, which takes their place."""
    given = subject.switched("train_data_dir", "reg_data_dir", "in_json") if subject.word("dataset_config") else []
    if given:
        listed = ", ".join(given)
        yield Trouble(
            Text(
                f"With a dataset_config sd-scripts ignores {listed}.",
                f"dataset_config を指定すると、sd-scripts は {listed} を無視します。",
            ),
            tuple(f"option:{name}" for name in given),
            set_options(Text(f"Remove {listed}", f"{listed} を削除する"), **dict.fromkeys(given)),
        )


def alpha_not_given(subject: Subject) -> Iterator[Trouble]:
    """A rank without an alpha, for which sd-scripts takes 1: what the LoRA adds is divided by the rank."""
    dim = subject.number("network_dim")
    emo = subject.spec is not None and subject.spec.category.id == "emo"  # told what it wants by a rule of its own
    if dim is None or dim <= 4 or subject.job.options.get("network_alpha") is not None or emo:
        return
    half = dim / 2
    yield Trouble(
        Text(
            f"Without network_alpha sd-scripts takes 1: what the LoRA adds is divided by {dim:g}, as if the rate were that much lower.",
            f"network_alpha を省略すると 1 になり、LoRA の変化量は 1/{dim:g} 倍されます。学習率がその分低くなったように働きます。",
        ),
        ("option:network_alpha",),
        set_options(Text(f"Set network_alpha to {half:g}", f"network_alpha を {half:g} にする"), network_alpha=half),
    )


# --- optimizers --------------------------------------------------------------------------------------------------


def _argument(label: Text, name: str, literal: str) -> Fix:
    return Fix(label, lambda job: job.with_argument(name, literal))


def scaled_rate(subject: Subject) -> Iterator[Trouble]:
    """AdaFactor's scale_parameter beside a rate of one's own: a LoRA's weights begin at 0, and so does the rate nearly."""
    if subject.name != "adafactor" or subject.ignores_scheduler or subject.arguments.get("scale_parameter") is False:
        return
    if subject.arguments.get("relative_step") is False and "scale_parameter" not in subject.arguments:
        yield Trouble(
            Text(
                "scale_parameter is on unless it is switched off: the rate is multiplied by the size of the weights, which "
                "in a LoRA begins at 0. Measured: a thousandth of the movement in the first 60 steps.",
                "scale_parameter は省略すると有効になり、学習率に重みの大きさが掛かります。LoRA の重みは 0 から始まるため、"
                "最初の 60 ステップの変化量は 1/1000 でした (測定値)。",
            ),
            ("argument:scale_parameter",),
            _argument(Text("Write scale_parameter=False", "scale_parameter=False を書く"), "scale_parameter", "False"),
        )


def warmup_init_wins(subject: Subject) -> Iterator[Trouble]:
    """AdaFactor's warmup_init beside relative_step=False, which it switches on again."""
    given = subject.arguments
    if subject.name == "adafactor" and given.get("warmup_init") is True and given.get("relative_step") is False:
        yield Trouble(
            Text(
                "warmup_init=True switches relative_step on again, whatever is said: your learning rate has no effect.",
                "warmup_init=True を指定すると、relative_step=False でも有効に戻されます。指定した学習率は使われません。",
            ),
            ("argument:warmup_init", "argument:relative_step"),
            _argument(Text("Write warmup_init=False", "warmup_init=False と書く"), "warmup_init", "False"),
        )


def unguarded_warmup(subject: Subject) -> Iterator[Trouble]:
    """Prodigy with a warm-up or restarts, without the switch that the authors give for them."""
    spec = subject.spec
    if spec is None or spec.id != "Prodigy" or subject.arguments.get("safeguard_warmup") is True:
        return
    restarts = subject.word("lr_scheduler") == "cosine_with_restarts" and _number(subject, "lr_scheduler_num_cycles", 1) > 1
    if restarts or subject.switched("lr_warmup_steps"):
        yield Trouble(
            Text(
                "During a warm-up or after a restart the small rate drives d too high; safeguard_warmup=True keeps it out.",
                "ウォームアップや再始動の小さな学習率により、d が過大になることがあります。safeguard_warmup=True で防げます。",
            ),
            ("argument:safeguard_warmup", "option:lr_warmup_steps"),
            _argument(Text("Write safeguard_warmup=True", "safeguard_warmup=True を書く"), "safeguard_warmup", "True"),
        )


def clipping_by_default(subject: Subject) -> Iterator[Trouble]:
    """Clipping from outside, which sd-scripts does at 1.0 unasked, where the optimizer scales its updates itself."""
    spec = subject.spec
    if spec is None or spec.category.id != "prodigy-schedulefree" or subject.number("max_grad_norm") == 0:
        return
    if subject.arguments.get("use_stableadamw") is not False:
        yield Trouble(
            Text(
                "It limits its updates itself, and clipping from outside hampers its estimate; sd-scripts clips at 1.0 unless "
                "max_grad_norm is 0.",
                "更新量は自分で制限するため、外部の勾配クリッピングは推定の妨げになります。sd-scripts は max_grad_norm が 0 で"
                "なければ 1.0 でクリッピングします。",
            ),
            ("option:max_grad_norm",),
            set_options(Text("Set max_grad_norm to 0", "max_grad_norm を 0 にする"), max_grad_norm=0.0),
        )


_STUCK_IN_FP16 = frozenset({"d-adaptation", "prodigy"})
_NAN_IN_FP16 = frozenset({"AdamW", "AdamWScheduleFree", "RAdamScheduleFree", "EmoNavi"})
_LEAST_EPS = 1e-6
"""1e-8, their default, is 0 in fp16; with 1e-6 AdamW was seen to train."""


def fp16_weights(subject: Subject) -> Iterator[Trouble]:
    """Optimizers that do not bear full_fp16, where the state is in fp16 as well."""
    spec = subject.spec
    fast = spec is not None and spec.fast is not None and subject.job.optimizer_type == spec.fast.optimizer_type
    if spec is None or fast or not subject.switched("full_fp16"):
        return
    eps = subject.arguments.get("eps")
    if spec.category.id in _STUCK_IN_FP16:
        text = Text(
            f"{spec.name} does not bear full_fp16: its sums are 0 in fp16, d stays at d0, and nothing is learned.",
            f"{spec.name} は full_fp16 に向きません。fp16 では内部の和が 0 になり、d が d0 のまま変わらず、学習が進みません。",
        )
    elif spec.id in _NAN_IN_FP16 and not (isinstance(eps, (int, float)) and eps >= _LEAST_EPS):
        text = Text(
            f"{spec.name} ends in NaN with full_fp16: eps=1e-8 is 0 in fp16.",
            f"{spec.name} は full_fp16 で NaN になります。eps=1e-8 は fp16 では 0 になるためです。",
        )
    else:
        return
    fix = set_options(Text("Remove full_fp16", "full_fp16 を削除する"), full_fp16=None)
    yield Trouble(text, ("option:full_fp16", "option:optimizer_type"), fix)


_LOST_IN_BF16 = 1e-4
"""At this rate AdamW was seen to move bf16 weights half as far as float32 ones, at a tenth of it a twentieth."""


def bf16_weights(subject: Subject) -> Iterator[Trouble]:
    """full_bf16 with steps so small that rounding takes most of them away: bf16 holds two to three digits."""
    spec, rate = subject.spec, max(subject.rates().values(), default=0.0)
    if spec is None or spec.category.id != "adamw" or not subject.switched("full_bf16") or not 0 < rate <= _LOST_IN_BF16:
        return
    yield Trouble(
        Text(
            f"full_bf16 rounds the weights to two or three digits, and most of the steps at a rate of {rate:g} are lost. "
            "Measured with AdamW: at 1e-4 half of the movement, at 1e-5 a twentieth.",
            f"full_bf16 では重みが 2〜3 桁に丸められ、学習率 {rate:g} の更新の多くが失われます。"
            "AdamW での測定では、変化量は 1e-4 で約半分、1e-5 で約 1/20 でした。",
        ),
        ("option:full_bf16", "option:learning_rate"),
        set_options(Text("Remove full_bf16", "full_bf16 を削除する"), full_bf16=None),
    )
