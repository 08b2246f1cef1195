"""What differs between two runs: settings by field, with words, and what they were trained with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from core.job.model import Job
from core.job.store import load_job
from core.options.main_form import load_main_form
from core.options.model import OptionValue
from core.options.snapshot import snapshot_for
from core.runs.surroundings import Surroundings, read_surroundings
from core.text import Text, same

Section = Literal["optimizer", "training", "engine", "accelerate", "environment", "packages", "names"]
SECTIONS: Final[Mapping[Section, Text]] = {
    "optimizer": Text("Optimizer", "オプティマイザー"),
    "training": Text("Settings", "設定"),
    "engine": Text("Engine", "エンジン"),
    "accelerate": Text("accelerate", "accelerate"),
    "environment": Text("Environment", "環境"),
    "packages": Text("Packages", "パッケージ"),
    "names": Text("Names and folders", "名前とフォルダー"),
}

_OPTIMIZER: Final = (
    "optimizer_type",
    "use_8bit_adam",
    "use_lion_optimizer",
    "learning_rate",
    "unet_lr",
    "text_encoder_lr",
    "lr_scheduler",
    "lr_scheduler_type",
    "lr_scheduler_args",
    "lr_warmup_steps",
    "lr_decay_steps",
    "max_grad_norm",
)
_NAMES: Final = frozenset(["output_dir", "output_name", "logging_dir", "log_prefix", "log_tracker_name", "wandb_run_name"])
_SECRET: Final = frozenset(["wandb_api_key", "huggingface_token"])

_NOT_SET: Final = Text("not set", "未指定")
_NOT_INSTALLED: Final = Text("not installed", "未インストール")
_UNKNOWN: Final = Text("not recorded", "記録なし")
_HIDDEN: Final = Text("(hidden)", "(非表示)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing in which two runs are not the same.

    Attributes:
        section: what kind of thing.
        name: of the option, argument or package.
        label: the same in words; the name itself where there are none.
        one, other: what each run has.
        matters: False where one says what the other leaves to the default, and where only something written is named.
    """

    section: Section
    name: str
    label: Text
    one: Text
    other: Text
    matters: bool = True


def differences(one: Path, other: Path) -> tuple[Difference, ...]:
    """Compares two run folders.

    Raises:
        CaddieError: a job of them cannot be read.
    """
    found = [*_of_jobs(load_job(one / "job.toml"), load_job(other / "job.toml"))]
    found += _of_surroundings(read_surroundings(one), read_surroundings(other))
    order = list(SECTIONS)
    return tuple(sorted(found, key=lambda item: (not item.matters, order.index(item.section))))


def differing_jobs(one: Job, other: Job) -> tuple[Difference, ...]:
    """Compares two jobs."""
    return tuple(_of_jobs(one, other))


def _of_jobs(one: Job, other: Job) -> Iterator[Difference]:
    labels = {field.name: field.label for group in load_main_form() for field in group.fields}
    for name, a, b in (
        ("engine", one.engine, other.engine),
        ("script", one.script, other.script),
        ("companion", one.companion, other.companion),
        ("hand_loss", one.hand_loss, other.hand_loss),
    ):
        if a != b:
            yield Difference(section="engine", name=name, label=same(name), one=_shown(a), other=_shown(b))
    yield from _of_arguments(one, other)
    for name in _in_order(one.options, other.options):
        if name != "optimizer_args":
            yield from _of_option(name, one, other, labels.get(name) or same(name))
    tables: tuple[tuple[Section, Mapping[str, OptionValue], Mapping[str, OptionValue]], ...] = (
        ("accelerate", one.accelerate, other.accelerate),
        ("engine", one.builtin, other.builtin),
    )
    for section, a, b in tables:
        for name in _in_order(a, b):
            if not _equal(a.get(name), b.get(name)):
                shown = _shown(a.get(name)), _shown(b.get(name))
                yield Difference(section=section, name=name, label=same(name), one=shown[0], other=shown[1])


def _of_arguments(one: Job, other: Job) -> Iterator[Difference]:
    for name in dict.fromkeys((*one.arguments, *other.arguments)):
        a, b = one.arguments.get(name), other.arguments.get(name)
        if a != b:
            yield Difference(section="optimizer", name=f"optimizer_args {name}", label=same(name), one=_shown(a), other=_shown(b))


def _of_option(name: str, one: Job, other: Job, label: Text) -> Iterator[Difference]:
    a, b = one.options.get(name), other.options.get(name)
    if _equal(a, b):
        return
    defaults = [_default(name, job) for job in (one, other)]
    effective = [value if value is not None else default for value, default in zip((a, b), defaults, strict=True)]
    section: Section = "optimizer" if name in _OPTIMIZER else "names" if name in _NAMES else "training"
    secret = name in _SECRET
    yield Difference(
        section=section,
        name=name,
        label=label,
        one=_HIDDEN if secret and a is not None else _shown(a, defaults[0]),
        other=_HIDDEN if secret and b is not None else _shown(b, defaults[1]),
        matters=section != "names" and not secret and not _equal(*effective),
    )


def _default(name: str, job: Job) -> OptionValue | None:
    options = snapshot_for(job.script)
    option = options.get(name) if options is not None else None
    return None if option is None else option.default


def _in_order(one: Mapping[str, OptionValue], other: Mapping[str, OptionValue]) -> list[str]:
    """The optimizer's options first, then as the jobs have them."""
    names = dict.fromkeys((*one, *other))
    return sorted(names, key=lambda name: _OPTIMIZER.index(name) if name in _OPTIMIZER else len(_OPTIMIZER))


def _equal(a: OptionValue | None, b: OptionValue | None) -> bool:
    return a == b and isinstance(a, bool) is isinstance(b, bool)


def _shown(value: OptionValue | None, default: OptionValue | None = None) -> Text:
    if value is not None:
        return same(_plain(value))
    if default is None or default == []:
        return _NOT_SET
    words = _plain(default)
    return Text(f"not set (default {words})", f"未指定 (既定値 {words})")


def _plain(value: OptionValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _of_surroundings(one: Surroundings | None, other: Surroundings | None) -> Iterator[Difference]:
    if one is None or other is None:
        if one is not other:
            known = Text("recorded", "記録あり")
            label = Text("packages and checkout", "パッケージとチェックアウト")
            a, b = (known if found is not None else _UNKNOWN for found in (one, other))
            yield Difference(section="environment", name="environment", label=label, one=a, other=b, matters=False)
        return
    for name, label in (
        ("python", Text("interpreter", "インタープリター")),
        ("python_version", same("Python")),
        ("checkout", Text("sd-scripts folder", "sd-scripts のフォルダー")),
        ("commit", Text("commit of sd-scripts", "sd-scripts のコミット")),
    ):
        a, b = getattr(one, name), getattr(other, name)
        if a != b:
            values = {"one": same(a) if a else _UNKNOWN, "other": same(b) if b else _UNKNOWN}
            yield Difference(
                section="environment", name=name, label=label, matters=name in ("python_version", "commit"), **values
            )
    if one.packages and other.packages:
        for name in sorted({*one.packages, *other.packages}):
            a, b = one.packages.get(name), other.packages.get(name)
            if a != b:
                a, b = _or(a, _NOT_INSTALLED), _or(b, _NOT_INSTALLED)
                yield Difference(section="packages", name=name, label=same(name), one=a, other=b)


def _or(word: str | None, nothing: Text) -> Text:
    return same(word) if word else nothing
