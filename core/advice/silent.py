"""Settings with which sd-scripts trains something else than meant, or nothing of it, without a word."""

from __future__ import annotations

from collections.abc import Iterator

from core.advice.model import Subject, Trouble, set_options
from core.text import Text

_CACHED_LATENTS = ("cache_latents", "cache_latents_to_disk")
_CACHED_TEXT = ("cache_text_encoder_outputs", "cache_text_encoder_outputs_to_disk")
_MENDED_VAE = "fp16"
"""In the name of the VAE that was mended for fp16 (sdxl-vae-fp16-fix)."""
_TEXT_LAYERS = 12
"""Of Stable Diffusion 1's text encoder; `clip_skip` counts its outputs from the last, and there is one before the first."""


def _sdxl(subject: Subject) -> bool:
    return subject.job.script.startswith("sdxl_")


def nan_vae(subject: Subject) -> Iterator[Trouble]:
    """SDXL's VAE in fp16, in which it gives NaN.

    Source: the cast of the VAE in sd-scripts' train_network.py; the NaN and its silence were seen with a VAE that gives NaN.
    """
    mended = _MENDED_VAE in subject.word("vae").lower()
    if not _sdxl(subject) or subject.word("mixed_precision") != "fp16" or subject.switched("no_half_vae") or mended:
        return
    if subject.switched(*_CACHED_LATENTS):
        then = "the cached latents are NaN then, and so is all that is trained, without a message"
        then_ja = "キャッシュした latent が NaN になると、学習全体が NaN になります (メッセージは出ません)"
    else:
        then, then_ja = "such images are trained as zeros then", "NaN になった画像は 0 として学習されます"
    yield Trouble(
        Text(
            f"SDXL's own VAE overflows in fp16: {then}. no_half_vae keeps it in float32. (A VAE that was mended for fp16 does "
            "not need it.)",
            f"SDXL の標準 VAE は fp16 で桁あふれします。{then_ja}。no_half_vae を付けると VAE だけ float32 で計算されます "
            "(fp16 対応に修正された VAE なら不要です)。",
        ),
        ("option:no_half_vae", "option:mixed_precision"),
        set_options(Text("Set no_half_vae", "no_half_vae を指定する"), no_half_vae=True),
    )


def captions_dropped(subject: Subject) -> Iterator[Trouble]:
    """Shares of captions of 1 and more, and "every epoch": nothing is left of the captions.

    Source: `process_caption` of sd-scripts' library/train_util.py.
    """
    for name, what, what_ja in (
        ("caption_dropout_rate", "every caption is dropped", "すべてのキャプションが使われません"),
        ("caption_tag_dropout_rate", "every tag is dropped", "すべてのタグが使われません"),
    ):
        said = subject.number(name)
        if said is None or said < 1:
            continue
        share = said / 100
        fix = (
            set_options(Text(f"Set {name} to {share:g}", f"{name} を {share:g} にする"), **{name: share})
            if 1 < said < 100
            else set_options(Text(f"Remove {name}", f"{name} を削除する"), **{name: None})
        )
        yield Trouble(
            Text(
                f"{name} is a share from 0 to 1, and with {said:g} {what}.",
                f"{name} は 0〜1 の割合です。{said:g} では{what_ja}。",
            ),
            (f"option:{name}",),
            fix,
        )
    if subject.number("caption_dropout_every_n_epochs") == 1 and not subject.switched(*_CACHED_TEXT):
        name = "caption_dropout_every_n_epochs"
        yield Trouble(
            Text(
                f"{name} = 1 drops the captions in every epoch: nothing is learned of them.",
                f"{name} = 1 では毎エポックでキャプションが使われず、キャプションが一切学習されません。",
            ),
            (f"option:{name}",),
            set_options(Text(f"Remove {name}", f"{name} を削除する"), **{name: None}),
        )


def dropout_of_cached(subject: Subject) -> Iterator[Trouble]:
    """Whole epochs without captions beside cached outputs of the text encoder, which are taken as they are."""
    name = "caption_dropout_every_n_epochs"
    cached = subject.switched(*_CACHED_TEXT)
    if cached and subject.switched(name):
        yield Trouble(
            Text(
                f"{name} has no effect on outputs of the text encoder that are cached.",
                f"テキストエンコーダーの出力をキャッシュしているため、{name} は効果がありません。",
            ),
            (f"option:{name}", f"option:{cached[0]}"),
            set_options(Text(f"Remove {name}", f"{name} を削除する"), **{name: None}),
        )


def fused_of_network(subject: Subject) -> Iterator[Trouble]:
    """`fused_backward_pass` where a network is trained: only the scripts that train whole models read it."""
    wanted = subject.switched("fused_backward_pass") and subject.name == "adafactor"
    accumulates = (subject.number("gradient_accumulation_steps") or 1) > 1  # refused, and told of there
    if wanted and not accumulates and subject.job.script.endswith("train_network.py"):
        yield Trouble(
            Text(
                f"{subject.job.script} never looks at fused_backward_pass: it neither saves memory nor skips the clipping.",
                f"{subject.job.script} は fused_backward_pass を見ないため、メモリの節約にもならず、クリッピングも行われます。",
            ),
            ("option:fused_backward_pass",),
            set_options(Text("Remove fused_backward_pass", "fused_backward_pass を削除する"), fused_backward_pass=None),
        )


def clip_skip(subject: Subject) -> Iterator[Trouble]:
    """`clip_skip` where there is no such layer, or for Stable Diffusion 2, which has its own."""
    said = subject.number("clip_skip")
    if said is None or subject.job.script != "train_network.py":
        return
    removed = set_options(Text("Remove clip_skip", "clip_skip を削除する"), clip_skip=None)
    if subject.switched("v2"):
        yield Trouble(
            Text(
                "Stable Diffusion 2 is made with the layer before the last already; clip_skip takes it elsewhere.",
                "Stable Diffusion 2 はもともと最後から 2 番目の層で作られています。clip_skip を指定すると別の層になります。",
            ),
            ("option:clip_skip", "option:v2"),
            removed,
        )
    elif not 1 <= said <= _TEXT_LAYERS:
        yield Trouble(
            Text(
                f"clip_skip counts layers from the last, 1 to {_TEXT_LAYERS}; {said:g} takes words that no layer has worked on, "
                "or ends with an error.",
                f"clip_skip は最後から数えた層の番号 (1〜{_TEXT_LAYERS}) です。{said:g} では、どの層も通らない状態が使われるか、エラーになります。",
            ),
            ("option:clip_skip",),
            removed,
        )


def no_steps(subject: Subject) -> Iterator[Trouble]:
    """A run of no step at all, at whose end an untrained LoRA is saved."""
    epochs, steps = subject.number("max_train_epochs"), subject.number("max_train_steps")
    name = "max_train_steps" if epochs is None else "max_train_epochs"
    said = steps if epochs is None else epochs
    if said is not None and said <= 0:
        right = 1600 if epochs is None else 10
        yield Trouble(
            Text(
                f"{name} = {said:g} trains nothing and saves an untrained LoRA.",
                f"{name} = {said:g} では何も学習されず、未学習の LoRA が保存されます。",
            ),
            (f"option:{name}",),
            set_options(Text(f"Set {name} to {right}", f"{name} を {right} にする"), **{name: right}),
        )


def epochs_win(subject: Subject) -> Iterator[Trouble]:
    """Samples by steps beside samples by epochs, which take their place."""
    every = [subject.number(name) or 0 for name in ("sample_every_n_steps", "sample_every_n_epochs")]
    if all(number > 0 for number in every):
        name = "sample_every_n_steps"
        yield Trouble(
            Text(
                f"With sample_every_n_epochs sd-scripts ignores {name}.",
                f"sample_every_n_epochs を指定すると、{name} は無視されます。",
            ),
            (f"option:{name}", "option:sample_every_n_epochs"),
            set_options(Text(f"Remove {name}", f"{name} を削除する"), **{name: None}),
        )
