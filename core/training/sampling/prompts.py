"""Prompt files, as sd-scripts reads them. No torch: they are checked before a training starts.

Source: kohya-ss/sd-scripts at 48d368f, library/train_util.py, load_prompts, line_to_prompt_dict, sample_images_common. Other
than there, what cannot be read is told instead of left out, values are never pushed into their range, and a prompt that
begins like an option ("d 2 cats") is a prompt and sets nothing.
"""

from __future__ import annotations

import codecs
import importlib.util
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import tomli as tomllib

from core.errors import CaddieError, Problems, nearest
from core.text import Text
from core.training.settings import SampleSettings

SAMPLERS: Final = (
    "ddim",
    "ddpm",
    "pndm",
    "lms",
    "euler",
    "euler_a",
    "heun",
    "dpm_2",
    "dpm_2_a",
    "dpmsolver",
    "dpmsolver++",
    "dpmsingle",
    "k_lms",
    "k_euler",
    "k_euler_a",
    "k_dpm_2",
    "k_dpm_2_a",
)
"""sd-scripts' words for `sample_sampler`, and ddpm, which it knows but does not offer."""

_FLAGS: Final = {
    "w": "width",
    "h": "height",
    "d": "seed",
    "s": "sample_steps",
    "l": "scale",
    "n": "negative_prompt",
    "ss": "sample_sampler",
    "g": "guidance_scale",
    "cn": "controlnet_image",
    "ctr": "cfg_trunc_ratio",
    "rcfg": "renorm_cfg",
    "fs": "flow_shift",
}
_WITHOUT_EFFECT: Final = frozenset({"guidance_scale", "controlnet_image", "cfg_trunc_ratio", "renorm_cfg", "flow_shift"})
"""Keys for other models (FLUX, SD3, Lumina) or for ControlNets; with these scripts sd-scripts reads them and does nothing."""

_NEEDS_SCIPY: Final = frozenset({"lms", "k_lms"})
_LARGEST_SEED: Final = 2**64 - 1
_MOST_STEPS: Final = 1000
_LEAST_PNDM_STEPS: Final = 4  # it begins with four steps of Runge and Kutta

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePrompt:
    """One picture that is drawn again and again. Defaults are sd-scripts', for SDXL too.

    Attributes:
        number: place in the file, 0-based; part of the pictures' names.
        text, negative: the prompts.
        width, height: in pixels, as they stand in the file.
        steps: of the sampler.
        scale: of the guidance; 1 and less for none.
        seed: None where the file says none.
        sampler: sd-scripts' word; None for the job's.
    """

    number: int
    text: str
    negative: str = ""
    width: int = 512
    height: int = 512
    steps: int = 30
    scale: float = 7.5
    seed: int | None = None
    sampler: str | None = None


@dataclass(frozen=True, slots=True)
class PromptFile:
    """What a prompt file says.

    Attributes:
        prompts: at least one.
        warnings: what has no effect.
    """

    prompts: tuple[SamplePrompt, ...]
    warnings: tuple[Text, ...]


def read_prompts(path: Path) -> PromptFile:
    """Reads a prompt file.

    Args:
        path: of a .txt, .toml or .json file.

    Raises:
        CaddieError: it is not there, or cannot be read.
        Problems: what is wrong in it, each with its place.
    """
    problems: list[Text] = []
    warnings: list[Text] = []
    prompts: list[SamplePrompt] = []
    for number, (place, table) in enumerate(_tables(path, problems)):
        before = len(problems)
        _check(place, table, problems, warnings)
        if len(problems) == before:
            prompts.append(_prompt(number, table))
    if not problems and not prompts:
        problems.append(Text("there is no prompt in it", "プロンプトがありません"))
    if problems:
        raise Problems(
            Text(f"sample_prompts = {path} cannot be used as it is:", f"sample_prompts = {path} はこのままでは使えません:"),
            problems,
        )
    return PromptFile(tuple(prompts), tuple(warnings))


def prompts_of(settings: SampleSettings) -> PromptFile:
    """The prompts of a job; none where it wants no pictures.

    Raises:
        CaddieError: the prompt file is missing or cannot be used, or the job's sampler cannot, or not with so few steps.
    """
    if not settings.prompts:
        if settings.every_steps or settings.every_epochs or settings.at_first:
            raise CaddieError(
                Text(
                    "The job wants sample pictures, but names no prompts under sample_prompts.",
                    "サンプル画像を生成する設定ですが、sample_prompts にプロンプトのファイルが指定されていません。",
                )
            )
        return PromptFile((), ())
    if problem := sampler_problem(settings.sampler):
        raise CaddieError(problem)
    found = read_prompts(Path(settings.prompts))
    for prompt in found.prompts:
        if (prompt.sampler or settings.sampler) == "pndm" and prompt.steps < _LEAST_PNDM_STEPS:
            raise CaddieError(
                Text(
                    f"sample_prompts = {settings.prompts}: prompt {prompt.number + 1} wants {prompt.steps} steps, but the sampler "
                    f"pndm needs {_LEAST_PNDM_STEPS} at least.",
                    f"sample_prompts = {settings.prompts}: プロンプト {prompt.number + 1} のステップ数は {prompt.steps} ですが、"
                    f"サンプラー pndm には {_LEAST_PNDM_STEPS} 以上が必要です。",
                )
            )
    return found


def sampler_problem(word: str) -> Text | None:
    """What is in the way of a sampler; None where it can be used.

    Args:
        word: sd-scripts' word.
    """
    if word not in SAMPLERS:
        likely = nearest(word, SAMPLERS)
        hint = Text(f"; did you mean {likely}?", f"。{likely} のことですか？") if likely else Text("", "")
        listed = ", ".join(SAMPLERS)
        return Text(
            f"sample_sampler = {word!r} is none of: {listed}{hint.en}",
            f"sample_sampler = {word!r} は次のいずれでもありません: {listed}{hint.ja}",
        )
    if word in _NEEDS_SCIPY and importlib.util.find_spec("scipy") is None:
        return Text(
            f"sample_sampler = {word!r} needs the package scipy, which is not installed",
            f"sample_sampler = {word!r} にはパッケージ scipy が必要ですが、インストールされていません",
        )
    return None


def _tables(path: Path, problems: list[Text]) -> Iterator[tuple[Text, Table]]:
    """Every prompt of a file as keys and values, with its place in words."""
    suffix = path.suffix.lower()
    if suffix not in (".txt", ".toml", ".json"):
        raise CaddieError(
            Text(
                f"sample_prompts = {path}: the file has to end with .txt, .toml or .json.",
                f"sample_prompts = {path}: 拡張子は .txt、.toml、.json のいずれかにしてください。",
            )
        )
    text = _read(path)
    if suffix == ".txt":
        # Not splitlines(), which also ends lines at characters that may stand within a prompt.
        for number, line in enumerate(io.StringIO(text, newline=None), 1):
            if line.strip() and not line.startswith("#"):
                place = Text(f"line {number}: ", f"{number} 行目: ")
                yield place, _from_line(line.strip(), place, problems)
        return
    entries = _from_toml(path, text, problems) if suffix == ".toml" else _from_json(path, text, problems)
    for number, entry in enumerate(entries, 1):
        place = Text(f"prompt {number}: ", f"プロンプト {number}: ")
        if isinstance(entry, str):
            yield place, _from_line(entry, place, problems)
        elif isinstance(entry, dict):
            yield place, {key: value for key, value in cast("Table", entry).items() if key not in ("subset", "enum")}
        else:
            problems.append(Text(place.en + f"{entry!r} is no prompt", place.ja + f"{entry!r} はプロンプトではありません"))


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(
            Text(f"sample_prompts = {path} cannot be read: {reason}", f"sample_prompts = {path} を読めません: {reason}")
        ) from error
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # Japanese Windows writes cp932 in places; UTF-8 never looks like it by chance for long, so it is tried first.
    for encoding in ("utf-16",) if is_utf16 else ("utf-8-sig", "cp932"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CaddieError(
        Text(
            f"sample_prompts = {path} is neither UTF-8 nor Shift JIS (cp932). Save it as UTF-8.",
            f"sample_prompts = {path} の文字コードが UTF-8 でも Shift JIS (cp932) でもありません。UTF-8 で保存し直してください。",
        )
    )


def _from_toml(path: Path, text: str, problems: list[Text]) -> list[object]:
    """`[prompt]` holds what is common to its `[[prompt.subset]]`."""
    document = _parsed(path, text, tomllib.loads)
    common = document.get("prompt") if isinstance(document, dict) else None
    subsets = common.get("subset") if isinstance(common, dict) else None
    if not isinstance(subsets, list):
        problems.append(Text("there is no [[prompt.subset]] in it", "[[prompt.subset]] がありません"))
        return []
    assert isinstance(common, dict)
    return [{**common, **subset} if isinstance(subset, dict) else subset for subset in subsets]


def _from_json(path: Path, text: str, problems: list[Text]) -> list[object]:
    document = _parsed(path, text, json.loads)
    if isinstance(document, list):
        return cast("list[object]", document)
    problems.append(Text("it is no list of prompts", "プロンプトのリストではありません"))
    return []


def _parsed(path: Path, text: str, parse: Callable[[str], object]) -> object:
    try:
        return parse(text)
    except (ValueError, RecursionError) as error:
        raise CaddieError(
            Text(f"sample_prompts = {path} cannot be read: {error}", f"sample_prompts = {path} を読めません: {error}")
        ) from error


def _from_line(line: str, place: Text, problems: list[Text]) -> Table:
    """`prompt --w 512 --n negative`: options come after " --", in capitals or not; of one said twice the last counts."""
    text, *options = (" " + line if line.startswith("--") else line).split(" --")
    table: dict[str, object] = {"prompt": text}
    for option in options:
        flag, _, value = option.partition(" ")
        key = _FLAGS.get(flag.lower())
        if key is None:
            known = " ".join(f"--{name}" for name in _FLAGS)
            problems.append(
                Text(
                    f"{place.en}--{flag} is unknown; there are {known}",
                    f"{place.ja}--{flag} は不明なオプションです。使えるもの: {known}",
                )
            )
            continue
        table[key] = _read_value(key, value.strip())
    return table


def _read_value(key: str, value: str) -> object:
    """What a line says, as the kind that its key wants; as it is where it is not of that kind, so that it can be told."""
    kinds: dict[str, type[int] | type[float]] = dict.fromkeys(("width", "height", "seed", "sample_steps"), int)
    kind = kinds.get(key, float if key == "scale" else None)
    try:
        return value if kind is None else kind(value)
    except ValueError:
        return value


def _check(place: Text, table: Table, problems: list[Text], warnings: list[Text]) -> None:
    for key, value in table.items():
        if key in _WITHOUT_EFFECT:
            warnings.append(
                Text(
                    f"{place.en}{key} has no effect with Stable Diffusion and SDXL",
                    f"{place.ja}{key} は Stable Diffusion と SDXL では効果がありません",
                )
            )
        elif key not in _KEYS:
            likely = nearest(key, _KEYS)
            hint = Text(f"; did you mean {likely}?", f"。{likely} のことですか？") if likely else Text("", "")
            problems.append(Text(f"{place.en}{key} is unknown{hint.en}", f"{place.ja}{key} は不明なキーです{hint.ja}"))
        elif key == "sample_sampler" and isinstance(value, str):
            if wrong := sampler_problem(value):
                problems.append(Text(place.en + wrong.en, place.ja + wrong.ja))
        else:
            fits, wanted = _KEYS[key]
            if not fits(value):
                problems.append(
                    Text(
                        f"{place.en}{key} = {value!r} is not {wanted.en}",
                        f"{place.ja}{key} = {value!r} は使えません(必要な値: {wanted.ja})",
                    )
                )


def _prompt(number: int, table: Table) -> SamplePrompt:
    names = {"prompt": "text", "negative_prompt": "negative", "sample_steps": "steps", "sample_sampler": "sampler"}
    said = {names.get(key, key): value for key, value in table.items() if key not in _WITHOUT_EFFECT}
    return SamplePrompt(number=number, **{"text": "", **said})


def _whole(least: int, most: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_TEXT: Final = (_is_text, Text("a text", "文字列"))
_SIDE: Final = (_whole(1, 1 << 16), Text("a whole number of pixels", "ピクセル数(整数)"))
_KEYS: Final[dict[str, tuple[Callable[[object], bool], Text]]] = {
    "prompt": _TEXT,
    "negative_prompt": _TEXT,
    "width": _SIDE,
    "height": _SIDE,
    "seed": (_whole(0, _LARGEST_SEED), Text("a whole number from 0 to 2^64 - 1", "0 から 2^64 - 1 までの整数")),
    "sample_steps": (
        _whole(1, _MOST_STEPS),
        Text(f"a whole number from 1 to {_MOST_STEPS}", f"1 から {_MOST_STEPS} までの整数"),
    ),
    "scale": (_is_number, Text("a number", "数値")),
    "sample_sampler": _TEXT,
}
