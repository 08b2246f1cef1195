"""Rules on the dataset config and on what the checkout and its Python can import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.advice.facts import Facts
from core.advice.model import Subject, Trouble, set_options
from core.advice.names import TORCH_OPTIMIZERS
from core.dataset.config import Fault
from core.text import Text

_MOST_NAMED = 8
_CACHED = {
    ("cache_latents", "cache_latents_to_disk"): ("color_aug", "random_crop"),
    ("cache_text_encoder_outputs", "cache_text_encoder_outputs_to_disk"): (
        "shuffle_caption",
        "caption_dropout_rate",
        "token_warmup_step",
        "caption_tag_dropout_rate",
    ),
}
"""What excludes what, the former in the job and the latter in the dataset config."""


def config_errors(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    """What sd-scripts refuses in the dataset config."""
    del subject
    yield from _faults([fault for fault in facts.config if fault.severity == "error"], facts)


def config_doubts(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    """What it takes, and otherwise than it seems."""
    del subject
    yield from _faults([fault for fault in facts.config if fault.severity != "error"], facts)


def _faults(faults: list[Fault], facts: Facts) -> Iterator[Trouble]:
    file, fields = Path(facts.absolute.get("dataset_config", "")).name, ("option:dataset_config",)
    for fault in faults[:_MOST_NAMED]:
        place, key = fault.place.words, fault.key if fault.key not in fault.text.en else ""
        en = ", ".join(part for part in (file, place.en, key) if part)
        ja = "、".join(part for part in (file, place.ja, key) if part)
        yield Trouble(Text(f"{en}: {fault.text.en}", f"{ja}: {fault.text.ja}"), fields)
    more = len(faults) - _MOST_NAMED
    if more > 0:
        yield Trouble(Text(f"{file}: {more} more of the kind.", f"{file}: 同様の問題がほかに {more} 件あります。"), fields)


def cached_of_config(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    """Caches of the job beside keys of the dataset config that change what is cached."""
    for caches, changes in _CACHED.items():
        cached = subject.switched(*caches)
        changed = [name for name in changes if name in facts.config_on and not subject.switched(name)]
        if subject.job.script.startswith("anima_"):
            changed = [name for name in changed if name != "caption_dropout_rate"]
        if cached and changed:
            listed, together = ", ".join(changed), ", ".join(cached)
            yield Trouble(
                Text(
                    f"The dataset config has {listed}, which cannot change at each step what is cached ({together}).",
                    f"データセット設定に {listed} がありますが、{together} でキャッシュすると、ステップごとに変化させられません。",
                ),
                (f"option:{cached[0]}", "option:dataset_config"),
                set_options(Text(f"Remove {together}", f"{together} を削除する"), **dict.fromkeys(cached)),
            )


# --- what can be imported ----------------------------------------------------------------------------------------


def unknown_to_checkout(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    """An optimizer that sd-scripts knows and this checkout does not yet."""
    names, name = facts.code.optimizers, subject.job.optimizer_type or ""
    if names is None or not name or "." in name or name in TORCH_OPTIMIZERS or subject.spec is None or names.has(name):
        return  # what no sd-scripts knows is told of without the checkout
    if subject.spec.fast is not None and name == subject.spec.fast.optimizer_type:
        return
    yield Trouble(
        Text(
            f"This sd-scripts is too old for {name}: it does not know the name, and looks for it in torch. Update it.",
            f"この sd-scripts は古いため {name} に対応していません (名前を知らず、torch の中を探します)。更新してください。",
        ),
        ("option:optimizer_type",),
    )


def no_schedule_free(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    """A schedule-free class by its dotted name in a checkout that never switches between training and evaluation."""
    names, name = facts.code.optimizers, subject.job.optimizer_type or ""
    if names is not None and "." in name and subject.schedule_free and not names.schedule_free:
        yield Trouble(
            Text(
                f"This sd-scripts is too old for schedule-free optimizers: it never tells {name} when it trains and when it saves. "
                "Update it.",
                f"この sd-scripts は古いため schedule-free のオプティマイザーに対応していません。{name} の学習時と保存時の切り替えが"
                "行われません。更新してください。",
            ),
            ("option:optimizer_type",),
        )


def no_such_module(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    """A module that the Python that trains does not have."""
    code = facts.code
    network = subject.word("network_module")
    package, _, rest = network.partition(".")
    if package == "networks" and rest:
        if code.networks is not None and rest.partition(".")[0] not in code.networks:
            text = Text(
                f"The folder networks of this sd-scripts has no {rest}.",
                f"この sd-scripts の networks フォルダーに {rest} がありません。",
            )
            fix = set_options(Text("Use networks.lora", "networks.lora を使う"), network_module="networks.lora")
            yield Trouble(text, ("option:network_module",), fix if "lora" in code.networks else None)
    elif network and _absent(facts, package):
        install, install_ja = (
            (" Install lycoris-lora into it.", "lycoris-lora をインストールしてください。") if package == "lycoris" else ("", "")
        )
        yield _no_package(package, "network_module", install, install_ja)
    for option in ("optimizer_type", "lr_scheduler_type"):
        name = subject.word(option)
        known = option == "optimizer_type" and subject.spec is not None  # what the catalogue knows is probed
        package = name.partition(".")[0]
        if "." in name and package and not known and _absent(facts, package):
            yield _no_package(package, option, "", "")


def _absent(facts: Facts, package: str) -> bool:
    return facts.code.modules is not None and package not in facts.code.modules and package != "optimizers"


def _no_package(package: str, option: str, install: str, install_ja: str) -> Trouble:
    return Trouble(
        Text(
            f"The Python that trains has no package {package}.{install}",
            f"学習に使う Python に {package} パッケージがありません。{install_ja}",
        ),
        (f"option:{option}",),
    )


# --- the model's own size ----------------------------------------------------------------------------------------


def resolution(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    """A resolution far from the one that the model was made at."""
    said = str(subject.job.options.get("resolution") or "").split(",")
    if facts.model is None or not all(part.strip().isdecimal() for part in said) or subject.word("dataset_config"):
        return
    size, family = max(int(part) for part in said), facts.model.family
    of_v = bool(subject.job.options.get("v_parameterization")) or facts.model.prediction == "v_prediction"
    right = {"sdxl": "1024,1024", "sd1": "512,512", "sd2": "768,768" if of_v else "512,512"}[family]
    fix = set_options(Text(f"Set {right}", f"{right} にする"), resolution=right)
    fields = ("option:resolution",)
    if family == "sdxl" and size < 768:
        text = Text(
            f"SDXL was made at 1024 pixels; at {size} it learns blurred pictures with odd frames.",
            f"SDXL は 1024 ピクセルで作られたモデルです。{size} では画質や構図が崩れやすくなります。",
        )
        yield Trouble(text, fields, fix)
    elif family == "sd1" and size > 768:
        times = round((size / 512) ** 2)
        text = Text(
            f"Stable Diffusion 1.x was made at 512 pixels; {size} costs {times} times the work for little.",
            f"Stable Diffusion 1.x は 512 ピクセルで作られたモデルです。{size} は約 {times} 倍の計算がかかり、効果は限られます。",
        )
        yield Trouble(text, fields, fix)
    elif family == "sd2" and of_v and size < 768:
        text = Text(
            f"Models of Stable Diffusion 2 that predict v were made at 768 pixels; {size} is far from what they know.",
            f"v 予測の Stable Diffusion 2 は 768 ピクセルで作られたモデルです。{size} は本来の解像度から離れています。",
        )
        yield Trouble(text, fields, fix)
