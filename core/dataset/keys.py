"""Every key of a dataset config: where it may stand, what it takes, and Caddie's words for it.

The table is `resources/dataset/keys.toml`, whose facts are sd-scripts' (library/config_util.py, ConfigSanitizer). The form of
the editor, the faults of a file and what is inherited are all made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import tomli as tomllib

from core.errors import Problems
from core.options.main_form import load_main_form
from core.paths import RESOURCES
from core.text import Text

KEYS_FILE = RESOURCES / "dataset" / "keys.toml"

Level = Literal["general", "dataset", "subset"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
Style = Literal["dreambooth", "finetuning", "controlnet"]
"""How a dataset's images get their captions: files beside them, a metadata file, or files and masks beside them."""
STYLES: Final[tuple[Style, ...]] = get_args(Style)
KeyKind = Literal["flag", "whole", "number", "float", "text", "folder", "file", "choice", "size", "range", "table"]
KINDS: Final[tuple[KeyKind, ...]] = get_args(KeyKind)

WORDS: Final[dict[KeyKind, Text]] = {
    "flag": Text("true or false", "true か false"),
    "whole": Text("a whole number", "整数"),
    "number": Text("a number", "数値"),
    "float": Text("a number with a point, such as 1.0", "1.0 のような小数点付きの数値"),
    "text": Text("a text in quotes", "引用符で囲んだ文字列"),
    "folder": Text("a folder in quotes", "引用符で囲んだフォルダーのパス"),
    "file": Text("a file in quotes", "引用符で囲んだファイルのパス"),
    "choice": Text("one of its choices", "選択肢のいずれか"),
    "size": Text("a whole number or [width, height]", "整数 1 つ、または [幅, 高さ]"),
    "range": Text("two numbers with a point, such as [2.0, 4.0]", "[2.0, 4.0] のような小数点付きの数値 2 つ"),
    "table": Text("a table", "テーブル"),
}
"""What a key of that kind takes."""

_REQUIRED: Final = {"dreambooth": "image_dir", "finetuning": "metadata_file", "controlnet": "image_dir"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key.

    Attributes:
        name: in the file.
        kind: what it takes.
        levels: tables that may hold it; a lower one inherits from those above it.
        styles: of datasets whose tables may hold it.
        label, help: Caddie's words.
        default: what holds where nobody says anything, the job neither; None for nothing.
        option: the option of the job that speaks where the file says nothing; "" for none.
        least, most: limits of its numbers, None where there is none.
        choices: allowed texts, empty where any.
        common: belongs above the fold.
    """

    name: str
    kind: KeyKind
    levels: tuple[Level, ...]
    styles: tuple[Style, ...]
    label: Text
    help: Text
    default: bool | int | float | str | None = None
    option: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    common: bool = False

    def fits(self, level: Level, style: Style) -> bool:
        """Whether a table of that level may hold it. `[general]` takes what any style knows."""
        return level in self.levels and (level == "general" or style in self.styles)


def required_key(style: Style) -> str:
    """What each subset of such a dataset has to have (masks besides `image_dir`, which make it a `controlnet` one)."""
    return _REQUIRED[style]


@lru_cache(maxsize=1)
def all_keys() -> tuple[Key, ...]:
    """The table, in the order of the form.

    Raises:
        Problems, OSError, tomllib.TOMLDecodeError: the installation is damaged.
    """
    return read_keys(KEYS_FILE)


@lru_cache(maxsize=1)
def keys_by_name() -> dict[str, Key]:
    """The same by name; not to be changed."""
    return {key.name: key for key in all_keys()}


def keys_of(level: Level, style: Style) -> tuple[Key, ...]:
    """The keys that a table of that level may hold, in the order of the form."""
    return tuple(key for key in all_keys() if key.fits(level, style))


def read_keys(path: Path) -> tuple[Key, ...]:
    """Reads a table of keys.

    Raises:
        Problems: anything in it that is unknown, missing or twice.
        OSError, tomllib.TOMLDecodeError: it cannot be read.
    """
    fields = {field.name: (field.label, field.help) for group in load_main_form() for field in group.fields}
    problems: list[str] = []
    keys: dict[str, Key] = {}
    for record in cast("list[dict[str, Any]]", tomllib.loads(path.read_text(encoding="utf-8"))["key"]):
        name = str(record.get("name", ""))
        try:
            key = _key(dict(record), fields)
        except (KeyError, TypeError, ValueError) as error:
            problems.append(f"{name}: {error!r}")
            continue
        if name in keys:
            problems.append(f"{name}: twice")
        keys[name] = key
    if problems:
        said = tuple(Text(problem, problem) for problem in problems)
        raise Problems(Text(f"{path} is damaged:", f"{path} に誤りがあります:"), said)
    return tuple(keys.values())


# Options of the job that are called otherwise (ConfigSanitizer.ARGPARSE_OPTNAME_TO_CONFIG_OPTNAME).
_OPTIONS: Final = {"batch_size": "train_batch_size", "num_repeats": "dataset_repeats"}
_NO_OPTION: Final = ("image_dir", "metadata_file", "is_reg", "class_tokens", "custom_attributes", "network_multiplier")


def _key(record: dict[str, Any], fields: dict[str, tuple[Text, Text]]) -> Key:
    name, kind = record.pop("name"), record.pop("kind")
    form = record.pop("form", None)
    label, words = fields[form] if form else (Text(**record.pop("label")), Text(**record.pop("help")))
    levels, styles = tuple(record.pop("levels")), tuple(record.pop("styles", STYLES))
    if kind not in KINDS or not set(levels) <= set(LEVELS) or not set(styles) <= set(STYLES):
        raise ValueError("kind, levels or styles")
    return Key(
        name=name,
        kind=kind,
        levels=levels,
        styles=styles,
        label=label,
        help=words,
        option="" if name in _NO_OPTION else _OPTIONS.get(name, str(name)),
        choices=tuple(record.pop("choices", ())),
        **record,
    )
