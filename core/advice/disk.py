"""Rules on what a job finds on the disk. sd-scripts ends with 0 or fails late on most of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.advice import disk_config, room
from core.advice.facts import Facts
from core.advice.model import Severity, Subject, Trouble, set_options
from core.text import Text
from core.training.models.family import FAMILY_NAMES

_NEEDED = {
    "pretrained_model_name_or_path": Text("model", "モデル"),
    "vae": Text("VAE", "VAE"),
    "train_data_dir": Text("folder of images", "画像フォルダー"),
    "dataset_config": Text("dataset config", "データセット設定"),
    "network_weights": Text("LoRA", "LoRA"),
    "resume": Text("saved state", "保存した状態"),
    "config_file": Text("config file", "設定ファイル"),
}


@dataclass(frozen=True, slots=True)
class FactRule:
    """A rule that looks at the disk too; otherwise as `core.advice.model.Rule`.

    Attributes:
        id, severity, check: as there.
        of_both: it holds for the built-in trainer too, which tells the others by itself before it starts.
    """

    id: str
    severity: Severity
    check: Callable[[Subject, Facts], Iterator[Trouble]]
    of_both: bool = False


def _missing(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    del subject
    for name, kind in _NEEDED.items():
        if facts.paths.get(name) == "missing":
            path = facts.absolute[name]
            yield Trouble(Text(f"There is no {kind.en} at {path}.", f"{kind.ja}が {path} にありません。"), (f"option:{name}",))


def _prompts(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    del subject
    if facts.paths.get("sample_prompts") == "missing":
        path = facts.absolute["sample_prompts"]
        text = Text(
            f"There is no file of prompts at {path}: it trains, and draws no samples.",
            f"プロンプトのファイルが {path} にありません。学習は行われますが、サンプル画像は生成されません。",
        )
        yield Trouble(text, ("option:sample_prompts",))


def _regularization(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    if facts.paths.get("reg_data_dir") == "missing" and not subject.word("dataset_config"):
        path = facts.absolute["reg_data_dir"]
        text = Text(
            f"There is no folder of regularization images at {path}: it trains without them, and says nothing.",
            f"正則化画像のフォルダーが {path} にありません。正則化画像なしで学習され、メッセージも出ません。",
        )
        fix = set_options(Text("Remove reg_data_dir", "reg_data_dir を削除する"), reg_data_dir=None)
        yield Trouble(text, ("option:reg_data_dir",), fix)


def _ending(subject: Subject) -> str:
    """Of captions, with its dot."""
    said = subject.word("caption_extension", ".caption")
    return said if said.startswith(".") else f".{said}"


def _no_images(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    if facts.folders is None or subject.word("dataset_config") or not facts.whole:
        return
    if any(folder.repeats and folder.images for folder in facts.folders):
        return
    path = facts.absolute["train_data_dir"]
    wrong = next((folder.name for folder in facts.folders if folder.images), "")
    if facts.loose_images:
        text = Text(
            f"The {facts.loose_images} images lie directly in {path}. sd-scripts trains those of folders inside it whose names "
            'begin with a number of repeats: "10_name". It finds no data here and ends as if all were well.',
            f"画像 {facts.loose_images} 枚が {path} の直下にあります。学習されるのは、その中にある「10_名前」のように繰り返し回数で始まる"
            "フォルダーの画像だけです。このままでは何も学習せず、正常終了のように終わります。",
        )
    elif wrong:
        text = Text(
            f'The folder {wrong} has no number of repeats in front of its name ("10_{wrong}"), so sd-scripts passes it over.',
            f"フォルダー {wrong} の名前が繰り返し回数で始まっていないため (例: 10_{wrong})、sd-scripts はこれを無視します。",
        )
    else:
        text = Text(f"There are no images in the folders of {path}.", f"{path} の中のフォルダーに画像がありません。")
    yield Trouble(text, ("option:train_data_dir",))


def _captions(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    if not facts.folders or subject.word("dataset_config"):
        return
    trained = [folder for folder in facts.folders if folder.repeats and folder.images]
    ending = _ending(subject)
    have = {known: sum(folder.captions.get(known, 0) for folder in trained) for known in (".txt", ".caption")}
    other = max((known for known in have if known != ending), key=lambda known: have[known], default="")
    if ending in have and have[ending] == 0 and other and have[other]:
        yield Trouble(
            Text(
                f"The captions end in {other}, and sd-scripts looks for {ending}: it would train with the folders' names instead.",
                f"キャプションの拡張子は {other} ですが、sd-scripts は {ending} を探します。このままではフォルダー名だけで学習されます。",
            ),
            ("option:caption_extension",),
            set_options(
                Text(f"Set caption_extension to {other}", f"caption_extension を {other} にする"), caption_extension=other
            ),
        )


def _some_without_caption(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    if not facts.folders or subject.word("dataset_config"):
        return
    ending = _ending(subject)
    trained = [folder for folder in facts.folders if folder.repeats and folder.images and ending in folder.captions]
    lacking = [(folder.name, folder.images - folder.captions[ending]) for folder in trained if folder.captions[ending] > 0]
    lacking = [(name, count) for name, count in lacking if count]
    if lacking:
        listed = ", ".join(f"{name} {count}" for name, count in lacking[:5])
        total = sum(count for _, count in lacking)
        yield Trouble(
            Text(
                f"{total} images have no caption ({listed}): they are trained with their folder's name alone.",
                f"キャプションのない画像が {total} 枚あります ({listed})。これらはフォルダー名だけで学習されます。",
            ),
            ("option:train_data_dir", "option:caption_extension"),
        )


def _folders_passed_over(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    if not facts.folders or subject.word("dataset_config"):
        return
    trained = any(folder.repeats and folder.images for folder in facts.folders)
    passed = [folder.name for folder in facts.folders if folder.images and not folder.repeats]
    if trained and (passed or facts.loose_images):
        names = passed + ([f"{facts.loose_images} ×"] if facts.loose_images else [])
        listed = ", ".join(names[:5])
        yield Trouble(
            Text(
                f'Images that are not trained, because they lie in no folder "<repeats>_<name>": {listed}.',
                f"「<繰り返し回数>_<名前>」の形のフォルダーにないため、学習されない画像があります: {listed}",
            ),
            ("option:train_data_dir",),
        )


def _wrong_script(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    if facts.model is None or subject.job.engine != "sd-scripts":
        return
    script = subject.job.script
    sdxl = facts.model.family == "sdxl"
    if script not in {"train_network.py", "sdxl_train_network.py"} or sdxl == (script == "sdxl_train_network.py"):
        return
    right, name = ("sdxl_train_network.py" if sdxl else "train_network.py"), FAMILY_NAMES[facts.model.family]
    yield Trouble(
        Text(
            f"The model is {name}, which {right} trains, not {script}.",
            f"モデルは {name} です。{script} ではなく {right} で学習します。",
        ),
        ("option:pretrained_model_name_or_path",),
    )


def _wrong_flags(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    if facts.model is None or facts.model.family == "sdxl":
        return
    second, said = facts.model.family == "sd2", bool(subject.job.options.get("v2"))
    if second != said:
        name = FAMILY_NAMES[facts.model.family]
        word, word_ja = ("needs v2", "v2 が必要です") if second else ("takes no v2", "v2 は指定できません")
        yield Trouble(
            Text(f"The model is {name}, which {word}.", f"モデルは {name} で、{word_ja}。"),
            ("option:v2", "option:pretrained_model_name_or_path"),
            set_options(
                Text("Set v2" if second else "Remove v2", "v2 を指定する" if second else "v2 を削除する"), v2=second or None
            ),
        )


def _prediction(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    model = facts.model
    if model is not None and model.prediction == "v_prediction" and not subject.job.options.get("v_parameterization"):
        yield Trouble(
            Text(
                "The model predicts v; trained without v_parameterization it is spoilt.",
                "v 予測のモデルです。v_parameterization なしで学習すると壊れます。",
            ),
            ("option:v_parameterization", "option:pretrained_model_name_or_path"),
            set_options(Text("Set v_parameterization", "v_parameterization を指定する"), v_parameterization=True),
        )


def _not_writable(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    del subject
    if facts.paths.get("output_dir") == "file":
        path = facts.absolute["output_dir"]
        yield Trouble(
            Text(f"{path} is a file, not a folder.", f"{path} はフォルダーではなくファイルです。"), ("option:output_dir",)
        )
    elif facts.writable is False:
        path = facts.absolute["output_dir"]
        yield Trouble(Text(f"Nothing can be written to {path}.", f"{path} に書き込めません。"), ("option:output_dir",))


def _empty_captions(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    if subject.word("dataset_config"):
        return
    ending = _ending(subject)
    empty = [f"{folder.name}/{name}" for folder in facts.folders or () if folder.repeats for name in folder.empty.get(ending, ())]
    if empty:
        listed = ", ".join(empty[:3]) + (", …" if len(empty) > 3 else "")
        yield Trouble(
            Text(
                f"Captions without a single letter, at which sd-scripts stops: {listed}. Write something or delete the files.",
                f"中身が空のキャプションファイルがあり、sd-scripts が停止します: {listed}。内容を書くか、ファイルを削除してください。",
            ),
            ("option:train_data_dir", "option:caption_extension"),
        )


FACT_RULES = (
    FactRule("file.missing", "error", _missing),
    FactRule("file.output", "error", _not_writable, of_both=True),
    FactRule("data.no-images", "error", _no_images),
    FactRule("caption.empty", "error", _empty_captions),
    FactRule("data.config", "error", disk_config.config_errors),
    FactRule("cache.config", "error", disk_config.cached_of_config),
    FactRule("checkout.optimizer", "error", disk_config.unknown_to_checkout),
    FactRule("environment.module", "error", disk_config.no_such_module),
    FactRule("model.script", "error", _wrong_script),
    FactRule("model.v2", "error", _wrong_flags),
    FactRule("model.prediction", "warning", _prediction),
    FactRule("data.caption-ending", "warning", _captions),
    FactRule("file.prompts", "warning", _prompts),
    FactRule("file.regularization", "warning", _regularization),
    FactRule("data.passed-over", "warning", _folders_passed_over),
    FactRule("data.config-doubt", "warning", disk_config.config_doubts),
    FactRule("checkout.schedule-free", "warning", disk_config.no_schedule_free),
    FactRule("file.overwrites", "warning", room.overwrites, of_both=True),
    FactRule("file.space", "warning", room.space, of_both=True),
    FactRule("file.long-path", "warning", room.long_path, of_both=True),
    FactRule("data.no-caption", "hint", _some_without_caption),
    FactRule("data.size", "hint", disk_config.resolution, of_both=True),
)
"""In the order in which the findings come."""
