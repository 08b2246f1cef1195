"""What a job says about the LoRA and its file: sd-scripts' options, and the arguments of its networks.lora."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar, get_args

from core.text import Text
from core.training.options import OptionReader

SavePrecision = Literal["float", "fp16", "bf16"]
SAVE_PRECISIONS: Final[tuple[SavePrecision, ...]] = get_args(SavePrecision)

NETWORK_MODULE: Final = "networks.lora"
BLOCK_ARGUMENTS: Final = ("block_dims", "block_alphas", "conv_block_dims", "conv_block_alphas")
RATE_ARGUMENTS: Final = ("down_lr_weight", "mid_lr_weight", "up_lr_weight")
MODEL_SPEC: Final = ("author", "description", "license", "tags", "usage_hint", "thumbnail", "merged_from", "trigger_phrase")
MODEL_SPEC_REST: Final = ("preprocessor", "is_negative_embedding")

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """The LoRA.

    Attributes:
        dim, alpha: rank, and the numerator of the factor alpha / rank; an alpha of 0 stands for the rank.
        conv_dim, conv_alpha: the same for 3x3 convolutions; None leaves them, and all of the residual blocks, alone.
        dropout, rank_dropout, module_dropout: shares, 0 to 1, of what is left out while training.
        block_texts: `block_dims` and its kin as they stand in the job; `blocks.read_blocks` reads them for a model.
        lora_plus, lora_plus_unet, lora_plus_text: factors on the rate of lora_up; None for none.
        train_unet, train_text: what gets a LoRA.
        unet_lr: None for the job's learning_rate; 0 trains none of it, as sd-scripts has it.
        text_encoder_lr: the same.
        weights: a file to start from; "" for none.
        dim_from_weights: ranks and alphas are that file's.
        base_weights: files that are merged into the model before, each with its factor.
        scale_weight_norms: the greatest norm a module may have; 0 for none.
        arguments: `network_args` by name, for the file's metadata.
    """

    dim: int = 4
    alpha: float = 1.0
    conv_dim: int | None = None
    conv_alpha: float = 1.0
    dropout: float = 0.0
    rank_dropout: float = 0.0
    module_dropout: float = 0.0
    block_texts: Mapping[str, str] = field(default_factory=dict)
    lora_plus: float | None = None
    lora_plus_unet: float | None = None
    lora_plus_text: float | None = None
    train_unet: bool = True
    train_text: bool = True
    unet_lr: float | None = None
    text_encoder_lr: float | None = None
    weights: str = ""
    dim_from_weights: bool = False
    base_weights: tuple[tuple[str, float], ...] = ()
    scale_weight_norms: float = 0.0
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """The file that is saved.

    Attributes:
        precision: None keeps the type the LoRA has.
        with_metadata: False leaves only what programs need to load the file (`no_metadata`).
        comment: `training_comment`; None where the job has none.
        title: `metadata_title`; None for the file's name.
        model_spec: further `metadata_...` of the job, by ModelSpec's name.
    """

    precision: SavePrecision | None = None
    with_metadata: bool = True
    comment: str | None = None
    title: str | None = None
    model_spec: Mapping[str, str] = field(default_factory=dict)


def read_settings(options: OptionReader) -> NetworkSettings:
    """Takes what a job says about the LoRA. Looks at no file."""
    module = options.text("network_module", NETWORK_MODULE)
    if module != NETWORK_MODULE:
        options.refuse("network_module", module, _only(f"the built-in trainer has {NETWORK_MODULE} only", NETWORK_MODULE))
    arguments = _Arguments(options)
    unet_only, text_only = options.flag("network_train_unet_only"), options.flag("network_train_text_encoder_only")
    if unet_only and text_only:
        options.refuse(
            "network_train_text_encoder_only",
            True,
            Text(
                "leaves nothing to train beside network_train_unet_only",
                "を network_train_unet_only と併用すると学習対象がなくなります",
            ),
        )
    weights, from_weights = options.text("network_weights"), options.flag("dim_from_weights")
    if from_weights and not weights:
        options.refuse("dim_from_weights", True, Text("needs network_weights", "には network_weights が必要です"))
    conv_alpha = arguments.take("conv_alpha", float)
    settings = NetworkSettings(
        dim=options.integer("network_dim", 4, least=1),
        alpha=options.number("network_alpha", 1.0, least=0),
        conv_dim=arguments.take("conv_dim", int),
        conv_alpha=1.0 if conv_alpha is None else conv_alpha,
        dropout=_share(options, "network_dropout", options.maybe_number("network_dropout", least=0)),
        rank_dropout=_share(options, "network_args", arguments.take("rank_dropout", float)),
        module_dropout=_share(options, "network_args", arguments.take("module_dropout", float)),
        block_texts=arguments.texts(*BLOCK_ARGUMENTS, *RATE_ARGUMENTS, "block_lr_zero_threshold"),
        lora_plus=arguments.take("loraplus_lr_ratio", float),
        lora_plus_unet=arguments.take("loraplus_unet_lr_ratio", float),
        lora_plus_text=arguments.take("loraplus_text_encoder_lr_ratio", float),
        train_unet=not text_only,
        train_text=not unet_only,
        unet_lr=options.maybe_number("unet_lr", least=0),
        text_encoder_lr=_text_rate(options),
        weights=weights,
        dim_from_weights=from_weights,
        base_weights=_base_weights(options),
        scale_weight_norms=options.number("scale_weight_norms", 0.0, least=0),
        arguments=arguments.all,
    )
    arguments.finish()
    return settings


def read_file_settings(options: OptionReader) -> FileSettings:
    """Takes what a job says about the file of the LoRA."""
    texts = {
        name: options.text(f"metadata_{name}") for name in (*MODEL_SPEC, *MODEL_SPEC_REST) if options.has(f"metadata_{name}")
    }
    precision: SavePrecision = options.word("save_precision", SAVE_PRECISIONS, "fp16")
    return FileSettings(
        precision=precision if options.has("save_precision") else None,
        with_metadata=not options.flag("no_metadata"),
        comment=options.text("training_comment") if options.has("training_comment") else None,
        title=options.text("metadata_title") if options.has("metadata_title") else None,
        model_spec=texts,
    )


class _Arguments:
    """`network_args`, read once each: networks.lora itself drops what it does not know without a word."""

    def __init__(self, options: OptionReader) -> None:
        self._options = options
        self._read: set[str] = set()
        self.all: dict[str, str] = {}
        for text in options.texts("network_args"):
            name, equals, value = text.partition("=")
            if not equals:
                options.refuse("network_args", text, Text('is not of the form "name=value"', "は「名前=値」の形ではありません"))
                continue
            self.all[name.strip()] = value.strip()

    def take(self, name: str, kind: Callable[[str], _Value]) -> _Value | None:
        self._read.add(name)
        if name not in self.all:
            return None
        try:
            return kind(self.all[name])
        except ValueError:
            self._refuse(name, Text("is not a number", "は数値ではありません"))
            return None

    def texts(self, *names: str) -> dict[str, str]:
        self._read.update(names)
        return {name: self.all[name] for name in names if name in self.all}

    def finish(self) -> None:
        for name in self.all:
            if name == "dropout":
                self._refuse(
                    name,
                    Text(
                        "has no effect on networks.lora, in sd-scripts neither: say network_dropout",
                        "は networks.lora では（sd-scripts でも）効果がありません。network_dropout を指定してください",
                    ),
                )
            elif name not in self._read:
                self._refuse(name, Text("is no argument of networks.lora", "は networks.lora の引数ではありません"))

    def _refuse(self, name: str, why: Text) -> None:
        self._options.refuse("network_args", f"{name}={self.all[name]}", why)


def _share(options: OptionReader, name: str, value: float | None) -> float:
    if value is None:
        return 0.0
    if not 0 <= value < 1:
        options.refuse(name, value, Text("is not between 0 and 1, 1 excluded", "は 0 以上 1 未満ではありません"))
        return 0.0
    return value


def _text_rate(options: OptionReader) -> float | None:
    value = options.value("text_encoder_lr")
    rates = value if isinstance(value, list) else [] if value is None else [value]
    numbers = [rate for rate in rates if isinstance(rate, int | float) and not isinstance(rate, bool) and rate >= 0]
    if len(numbers) != len(rates):
        options.refuse("text_encoder_lr", value, Text("is not a learning rate", "は学習率ではありません"))
        return None
    if len(set(numbers)) > 1:
        options.refuse(
            "text_encoder_lr",
            value,
            Text(
                "holds several rates; networks.lora trains all text encoders at the first one. Give one",
                "には複数の学習率があります。networks.lora はすべてのテキストエンコーダーを最初の値で学習します。一つだけ指定してください",
            ),
        )
    return float(numbers[0]) if numbers else None


def _base_weights(options: OptionReader) -> tuple[tuple[str, float], ...]:
    files = options.texts("base_weights")
    value = options.value("base_weights_multiplier")
    given = value if isinstance(value, list) else [] if value is None else [value]
    factors: list[float] = []
    for factor in given:
        if isinstance(factor, bool | str):
            options.refuse("base_weights_multiplier", factor, Text("is not a number", "は数値ではありません"))
            return ()
        factors.append(float(factor))
    if len(factors) > len(files):
        options.refuse(
            "base_weights_multiplier",
            value,
            Text("holds more numbers than base_weights files", "の数が base_weights のファイルより多くあります"),
        )
        return ()
    return tuple(zip(files, factors + [1.0] * (len(files) - len(factors)), strict=True))


def _only(en: str, module: str) -> Text:
    return Text(f"cannot be: {en}", f"は使えません。内蔵トレーナーにあるのは {module} だけです")
