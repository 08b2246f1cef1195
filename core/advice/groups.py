"""Rules on parameter groups: several learning rates at once, parts that are not trained, LoRA+."""

from __future__ import annotations

from collections.abc import Iterator

from core.advice.model import Subject, Trouble, set_options
from core.text import Text

_LORA_PLUS = ("loraplus_lr_ratio", "loraplus_unet_lr_ratio", "loraplus_text_encoder_lr_ratio")
_ONE_RATE = frozenset({"d-adaptation", "prodigy"})
"""Categories whose optimizers take one rate for all groups: `Setting different lr values in different parameter groups is
only supported for values of 0`."""


def _wants_one_rate(subject: Subject) -> bool:
    return subject.spec is not None and subject.is_factor and subject.spec.category.id in _ONE_RATE


def several_rates(subject: Subject) -> Iterator[Trouble]:
    """Different rates where the optimizer takes one."""
    if not _wants_one_rate(subject) or subject.spec is None:
        return
    rates = {part: rate for part, rate in subject.rates().items() if rate != 0}
    if len(set(rates.values())) < 2:
        return
    listed = ", ".join(f"{part} {rate:g}" for part, rate in rates.items())
    main = rates.get("unet", max(rates.values()))
    yield Trouble(
        Text(
            f"{subject.spec.name} takes one learning rate for everything ({listed} here) and stops at its first step otherwise.",
            f"{subject.spec.name} はすべてに同じ学習率が必要です (現在は {listed})。異なると最初のステップで停止します。",
        ),
        ("option:text_encoder_lr", "option:unet_lr", "option:learning_rate"),
        set_options(
            Text(f"Use {main:g} for everything", f"すべて {main:g} にする"),
            learning_rate=main,
            unet_lr=None,
            text_encoder_lr=None,
        ),
    )


def lora_plus(subject: Subject) -> Iterator[Trouble]:
    """LoRA+, which gives the B matrices a rate of their own, where the optimizer takes one."""
    given = [name for name in _LORA_PLUS if subject.network_argument(name) is not None]
    if not given or not _wants_one_rate(subject) or subject.spec is None:
        return
    items = subject.job.options.get("network_args")
    words = [str(item) for item in items] if isinstance(items, list) else []
    kept: list[str] = [word for word in words if word.partition("=")[0] not in _LORA_PLUS]
    yield Trouble(
        Text(
            f"LoRA+ ({given[0]}) trains with two learning rates; {subject.spec.name} takes one and stops at its first step.",
            f"LoRA+ ({given[0]}) は 2 つの学習率を使います。{subject.spec.name} は 1 つしか使えず、最初のステップで停止します。",
        ),
        ("option:network_args", "option:optimizer_type"),
        set_options(Text("Remove LoRA+", "LoRA+ の指定を削除する"), network_args=kept or None),
    )


def nothing_trained(subject: Subject) -> Iterator[Trouble]:
    """Every part is switched off or has a rate of 0, so that there is no parameter left."""
    if not subject.trains:
        yield Trouble(
            Text(
                "With both network_train_unet_only and network_train_text_encoder_only nothing is left to train.",
                "network_train_unet_only と network_train_text_encoder_only を同時に指定すると、学習対象がなくなります。",
            ),
            ("option:network_train_unet_only", "option:network_train_text_encoder_only"),
            set_options(Text("Train the U-Net only", "U-Net だけを学習する"), network_train_text_encoder_only=None),
        )
    elif all(rate == 0 for rate in subject.rates().values()) and subject.spec is not None:
        start = subject.spec.learning_rate.start
        zero = [name for name in ("learning_rate", "unet_lr", "text_encoder_lr") if subject.job.options.get(name) is not None]
        yield Trouble(
            Text(
                "Every learning rate is 0, and sd-scripts leaves out what has a rate of 0: there is nothing to train.",
                "学習率がすべて 0 です。sd-scripts は学習率 0 の部分を除外するため、学習対象がなくなります。",
            ),
            tuple(f"option:{name}" for name in zero),
            set_options(Text(f"Set {start:g}", f"{start:g} にする"), learning_rate=start, unet_lr=None, text_encoder_lr=None),
        )


def forgotten_part(subject: Subject) -> Iterator[Trouble]:
    """A rate for one part only, so that the other is trained with sd-scripts' default."""
    if subject.number("learning_rate") is not None or len(subject.trains) < 2 or subject.is_factor:
        return
    given = subject.switched("unet_lr", "text_encoder_lr")
    if len(given) != 1 or subject.spec is None or subject.name == "adafactor":
        return
    part, part_ja = ("text encoder", "テキストエンコーダー") if given == ["unet_lr"] else ("U-Net", "U-Net ")
    rate = max(subject.rates().values())
    yield Trouble(
        Text(
            f"Only {given[0]} is given: the {part} is trained with sd-scripts' default of 2e-6, next to nothing.",
            f"{given[0]} だけが指定されています。{part_ja}は sd-scripts の既定値 2e-6 で学習され、ほとんど変化しません。",
        ),
        ("option:learning_rate",),
        set_options(Text(f"Set learning_rate to {rate:g}", f"learning_rate を {rate:g} にする"), learning_rate=rate),
    )


def first_text_rate(subject: Subject) -> Iterator[Trouble]:
    """A rate for each text encoder where the network module takes one for all."""
    given = subject.job.options.get("text_encoder_lr")
    module = subject.word("network_module", "networks.lora")
    if not isinstance(given, list) or len(set(given)) < 2 or not module.startswith("networks."):
        return
    if not subject.several_text_rates and "text_encoder" in subject.rates():
        first = float(given[0])
        yield Trouble(
            Text(
                f"{module} takes one rate for all text encoders: only the first, {first:g}, has an effect.",
                f"{module} ではすべてのテキストエンコーダーに 1 つの学習率が使われます。有効なのは最初の {first:g} だけです。",
            ),
            ("option:text_encoder_lr",),
            set_options(
                Text(f"Set text_encoder_lr to {first:g}", f"text_encoder_lr を {first:g} にする"), text_encoder_lr=[first]
            ),
        )


def rate_ignored(subject: Subject) -> Iterator[Trouble]:
    """Rates beside AdaFactor's relative_step, which finds its own."""
    if subject.name != "adafactor" or not subject.ignores_scheduler:
        return
    given = subject.switched("learning_rate", "unet_lr", "text_encoder_lr")
    if given:
        listed = ", ".join(given)
        yield Trouble(
            Text(
                f"AdaFactor with relative_step finds the rate itself: {listed}: has no effect. Set relative_step=False to use it.",
                f"relative_step=True の AdaFactor は学習率を自分で決めるため、{listed} は効果がありません。使う場合は relative_step=False にしてください。",
            ),
            tuple(f"option:{name}" for name in given),
            set_options(Text("Remove what has no effect", "効果のない設定を削除する"), **dict.fromkeys(given)),
        )


_CAME_HIGH = 1e-3
_LION_HIGH = 1e-4


def came_high(subject: Subject) -> Iterator[Trouble]:
    """A rate at which CAME tends to NaN."""
    rate = max(subject.rates().values(), default=0.0)
    if subject.spec is None or subject.spec.category.id != "came" or not _CAME_HIGH <= rate < 0.5:
        return  # higher ones are told of every manual optimizer
    start = subject.spec.learning_rate.start
    yield Trouble(
        Text(
            f"CAME easily ends in NaN at high rates, and {rate:g} is high; {start:g} is what its example uses.",
            f"CAME は学習率が高いと NaN になりやすく、{rate:g} は高めです。公式の例では {start:g} です。",
        ),
        ("option:learning_rate", "option:unet_lr"),
        set_options(Text(f"Set {start:g}", f"{start:g} にする"), learning_rate=start, unet_lr=None, text_encoder_lr=None),
    )


def lion_high(subject: Subject) -> Iterator[Trouble]:
    """AdamW's rate taken over to Lion."""
    rate = max(subject.rates().values(), default=0.0)
    if subject.spec is None or subject.spec.category.id != "lion" or not _LION_HIGH <= rate < 0.5:
        return
    start = subject.spec.learning_rate.start
    yield Trouble(
        Text(
            f"{rate:g} is a rate for AdamW. Lion moves every weight by the whole rate at each step; its authors advise a "
            f"third to a tenth of AdamW's, with a weight_decay as many times larger.",
            f"{rate:g} は AdamW 向けの学習率です。Lion は毎ステップ、すべての重みを学習率の分だけ動かします。"
            "作者は AdamW の 1/3〜1/10 の学習率と、その分大きな weight_decay を勧めています。",
        ),
        ("option:learning_rate", "option:unet_lr"),
        set_options(Text(f"Set {start:g}", f"{start:g} にする"), learning_rate=start, unet_lr=None, text_encoder_lr=None),
    )
