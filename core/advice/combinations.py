"""Options that exclude or need each other in sd-scripts, which finds out after the model or the images are loaded."""

from __future__ import annotations

from collections.abc import Iterator

from core.advice.model import Fix, Subject, Trouble, set_options
from core.text import Text

_CACHED_LATENTS = ("cache_latents", "cache_latents_to_disk")
_CHANGES_PICTURE = ("color_aug", "random_crop")
_CACHED_TEXT = ("cache_text_encoder_outputs", "cache_text_encoder_outputs_to_disk")
_CHANGES_CAPTION = ("shuffle_caption", "caption_dropout_rate", "token_warmup_step", "caption_tag_dropout_rate")


def _sdxl(subject: Subject) -> bool:
    return subject.job.script.startswith("sdxl_")


def _remove(names: list[str]) -> Text:
    listed = ", ".join(names)
    return Text(f"Remove {listed}", f"{listed} を削除する")


def _fields(*names: str) -> tuple[str, ...]:
    return tuple(f"option:{name}" for name in names)


def latents_and_augmentation(subject: Subject) -> Iterator[Trouble]:
    """Cached latents beside changes of the picture that need it anew at each step."""
    cached, changed = subject.switched(*_CACHED_LATENTS), subject.switched(*_CHANGES_PICTURE)
    if cached and changed:
        listed = ", ".join(changed)
        yield Trouble(
            Text(
                f"Cached latents cannot be cropped or recoloured at each step: {cached[0]} excludes {listed}.",
                f"キャッシュした latent は、ステップごとに切り抜いたり色を変えたりできません。{cached[0]} と {listed} は併用できません。",
            ),
            _fields(*changed, *cached),
            set_options(_remove(changed), **dict.fromkeys(changed)),
        )


def text_and_shuffling(subject: Subject) -> Iterator[Trouble]:
    """Cached outputs of the text encoder beside captions that change at each step."""
    cached, changed = subject.switched(*_CACHED_TEXT), subject.switched(*_CHANGES_CAPTION)
    if subject.job.script.startswith("anima_"):
        changed = [name for name in changed if name != "caption_dropout_rate"]  # this one drops what was cached
    if cached and changed:
        listed = ", ".join(changed)
        yield Trouble(
            Text(
                f"Captions cannot change once the text encoder's outputs are cached: {cached[0]} excludes {listed}.",
                f"テキストエンコーダーの出力をキャッシュすると、キャプションを変化させられません。{cached[0]} と {listed} は併用できません。",
            ),
            _fields(*changed, *cached),
            set_options(_remove(changed), **dict.fromkeys(changed)),
        )


def text_cached_and_trained(subject: Subject) -> Iterator[Trouble]:
    """Cached outputs of a text encoder that is to be trained."""
    cached = subject.switched(*_CACHED_TEXT)
    if cached and _sdxl(subject) and not subject.job.options.get("network_train_unet_only"):
        yield Trouble(
            Text(
                "The text encoders cannot be trained while their outputs are cached.",
                "テキストエンコーダーの出力をキャッシュしながら、テキストエンコーダーを学習することはできません。",
            ),
            _fields("network_train_unet_only", *cached),
            set_options(Text("Train the U-Net only", "U-Net だけを学習する"), network_train_unet_only=True),
        )


def low_precision(subject: Subject) -> Iterator[Trouble]:
    """Full fp16, full bf16 and fp8 weights each need a mixed precision of their kind."""
    mixed = subject.word("mixed_precision", "no")
    for name, wanted in (("full_fp16", "fp16"), ("full_bf16", "bf16")):
        if subject.job.options.get(name) and mixed != wanted:
            yield Trouble(
                Text(f"{name} needs mixed_precision {wanted}.", f"{name} には mixed_precision = {wanted} が必要です。"),
                _fields("mixed_precision", name),
                set_options(
                    Text(f"Set mixed_precision to {wanted}", f"mixed_precision を {wanted} にする"), mixed_precision=wanted
                ),
            )
            return
    fp8 = subject.switched("fp8_base", "fp8_base_unet")
    if fp8 and mixed == "no":
        yield Trouble(
            Text(
                f"{fp8[0]} needs mixed_precision fp16 or bf16.", f"{fp8[0]} には mixed_precision = fp16 または bf16 が必要です。"
            ),
            _fields("mixed_precision", fp8[0]),
            set_options(Text("Set mixed_precision to bf16", "mixed_precision を bf16 にする"), mixed_precision="bf16"),
        )


def needs_noise_offset(subject: Subject) -> Iterator[Trouble]:
    """`adaptive_noise_scale` alone."""
    options = subject.job.options
    if options.get("adaptive_noise_scale") is not None and options.get("noise_offset") is None:
        yield Trouble(
            Text("adaptive_noise_scale needs noise_offset.", "adaptive_noise_scale には noise_offset が必要です。"),
            _fields("noise_offset", "adaptive_noise_scale"),
            set_options(_remove(["adaptive_noise_scale"]), adaptive_noise_scale=None),
        )


def prediction_type(subject: Subject) -> Iterator[Trouble]:
    """Options for the other kind of prediction."""
    v = bool(subject.job.options.get("v_parameterization"))
    name = "v_pred_like_loss" if v else "scale_v_pred_loss_like_noise_pred"
    if not subject.switched(name):
        return
    text = (
        Text(f"{name} is for models that predict noise, not v.", f"{name} は v 予測ではないモデル用です。")
        if v
        else Text(f"{name} needs v_parameterization.", f"{name} には v_parameterization が必要です。")
    )
    yield Trouble(text, _fields(name, "v_parameterization"), set_options(_remove([name]), **{name: None}))


def zero_terminal(subject: Subject) -> Iterator[Trouble]:
    """Zero-terminal SNR with noise prediction, which is undefined at the last timestep."""
    if subject.switched("zero_terminal_snr") and not subject.job.options.get("v_parameterization"):
        yield Trouble(
            Text(
                "zero_terminal_snr belongs to v prediction; without v_parameterization the results are unpredictable.",
                "zero_terminal_snr は v 予測用です。v_parameterization なしでは、想定外の学習結果になります。",
            ),
            _fields("zero_terminal_snr", "v_parameterization"),
            set_options(_remove(["zero_terminal_snr"]), zero_terminal_snr=None),
        )


def logging_folder(subject: Subject) -> Iterator[Trouble]:
    """TensorBoard without a folder to write to."""
    if subject.word("log_with") in {"tensorboard", "all"} and not subject.word("logging_dir"):
        yield Trouble(
            Text("log_with tensorboard needs logging_dir.", "log_with = tensorboard には logging_dir が必要です。"),
            _fields("logging_dir", "log_with"),
            set_options(Text("Set logging_dir to logs", "logging_dir を logs にする"), logging_dir="logs"),
        )


def sdxl_and_v2(subject: Subject) -> Iterator[Trouble]:
    """`v2` in a script for SDXL."""
    if _sdxl(subject) and subject.switched("v2"):
        yield Trouble(
            Text("v2 is for Stable Diffusion 2, not for SDXL.", "v2 は Stable Diffusion 2 用で、SDXL では使用できません。"),
            _fields("v2"),
            set_options(_remove(["v2"]), v2=None),
        )


def sdxl_and_clip_skip(subject: Subject) -> Iterator[Trouble]:
    """`clip_skip` in a script for SDXL."""
    if _sdxl(subject) and subject.number("clip_skip") is not None:
        yield Trouble(
            Text(
                "clip_skip has no effect here: SDXL always takes the layer before the last.",
                "SDXL では常に最後から 2 番目の層が使われるため、clip_skip は効果がありません。",
            ),
            _fields("clip_skip"),
            set_options(_remove(["clip_skip"]), clip_skip=None),
        )


def resolution(subject: Subject) -> Iterator[Trouble]:
    """A resolution that is neither `512` nor `512,768`, or none for a folder of images."""
    said = subject.job.options.get("resolution")
    size = "1024,1024" if _sdxl(subject) else "512,512"
    fix = set_options(Text(f"Set {size}", f"{size} にする"), resolution=size)
    if said is None:
        if subject.word("train_data_dir") and not subject.word("dataset_config"):
            text = Text("No resolution is given for the images.", "画像の解像度 (resolution) が指定されていません。")
            yield Trouble(text, _fields("resolution"), fix)
        return
    parts = str(said).split(",")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        yield Trouble(
            Text(
                f"resolution {said!r} has to be a size (512) or width,height (512,768).",
                f"resolution {said!r}: 「512」または「幅,高さ」(512,768) の形にしてください。",
            ),
            _fields("resolution"),
            fix,
        )


def dylora(subject: Subject) -> Iterator[Trouble]:
    """DyLoRA with optimizers that the reference text names as unfit for it."""
    spec = subject.spec
    if spec is None or subject.word("network_module") != "networks.dylora":
        return
    if spec.category.id == "d-adaptation" or spec.id == "AdaFactor":
        yield Trouble(
            Text(
                f"{spec.name} does not work with DyLoRA. Prodigy does.",
                f"{spec.name} は DyLoRA と併用できません。Prodigy は使えます。",
            ),
            _fields("network_module", "optimizer_type"),
            set_options(Text("Use networks.lora", "networks.lora を使う"), network_module="networks.lora"),
        )


def momentum(subject: Subject) -> Iterator[Trouble]:
    """SGD without a momentum, for which sd-scripts puts one."""
    if subject.name in {"sgdnesterov", "sgdnesterov8bit"} and "momentum" not in subject.arguments:
        yield Trouble(
            Text(
                "No momentum is given; sd-scripts warns and takes 0.9.",
                "momentum の指定がないため、sd-scripts は警告を出して 0.9 を使います。",
            ),
            ("argument:momentum",),
            Fix(Text("Write momentum=0.9", "momentum=0.9 を書く"), lambda job: job.with_argument("momentum", "0.9")),
        )
