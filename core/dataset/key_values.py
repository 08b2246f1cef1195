"""Whether a value will do for a key of a dataset config, judged as sd-scripts' schema does and a little more strictly."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from core.dataset.keys import WORDS, Key, KeyKind
from core.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFault:
    """Why a value will not do.

    Attributes:
        text: in words.
        wrong_type: of a kind the key does not take; otherwise outside of its limits.
        stops: sd-scripts does not train with it.
        better: the value that was meant, as TOML; "" where nobody can tell.
        said: what sd-scripts' schema says; "" where it lets it pass.
    """

    text: Text
    wrong_type: bool = False
    stops: bool = True
    better: str = ""
    said: str = ""


def _is_int(value: Any) -> bool:
    return isinstance(value, int)  # a bool too, as for voluptuous


def _is_pair(value: Any, one: Callable[[Any], bool]) -> bool:
    return isinstance(value, list | tuple) and len(cast("list[Any]", value)) == 2 and all(map(one, cast("list[Any]", value)))


_PASSES: Final[dict[KeyKind, Callable[[Any], bool]]] = {
    "flag": lambda value: isinstance(value, bool),
    "whole": _is_int,
    "number": lambda value: isinstance(value, int | float),
    "float": lambda value: isinstance(value, float),
    "text": lambda value: isinstance(value, str),
    "folder": lambda value: isinstance(value, str),
    "file": lambda value: isinstance(value, str),
    "choice": lambda value: isinstance(value, str),
    "size": lambda value: _is_int(value) or _is_pair(value, _is_int),
    "range": lambda value: _is_pair(value, lambda one: isinstance(one, float)),
    "table": lambda value: isinstance(value, Mapping),
}
_SAID: Final[dict[KeyKind, str]] = {
    "flag": "expected bool",
    "whole": "expected int",
    "number": "expected float",
    "float": "expected float",
    "size": "expected int",
    "table": "expected dict",
}
_STOPPING: Final = ("batch_size", "resolution", "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps")
"""Numbers below their limit that end the training; sd-scripts goes on with the others, but not as they say."""


def judge(key: Key, value: object) -> KeyFault | None:
    """Why a value will not do for a key, or None."""
    if not _PASSES[key.kind](value):
        return _wrong_type(key, value)
    numbers = cast("list[Any]", value if isinstance(value, list | tuple) else [value])
    if key.kind in ("whole", "number", "size") and any(isinstance(one, bool) for one in numbers):
        wanted = WORDS[key.kind]
        text = Text(
            f"{key.name} = {show(value)}: {wanted.en} is needed; sd-scripts takes true for 1 and false for 0.",
            f"{key.name} = {show(value)}: {wanted.ja}を指定してください。sd-scripts では true は 1、false は 0 として扱われます。",
        )
        too_small = key.least is not None and min(numbers) < key.least
        return KeyFault(text=text, wrong_type=True, stops=too_small and key.name in _STOPPING)
    if key.choices and value not in key.choices:
        listed = ", ".join(key.choices)
        return KeyFault(
            text=Text(
                f"{key.name} = {show(value)} is none of: {listed}.",
                f"{key.name} = {show(value)} は使えません。使える値: {listed}",
            )
        )
    return _limits(key, value, [one for one in numbers if isinstance(one, int | float)])


def _limits(key: Key, value: object, numbers: list[int | float]) -> KeyFault | None:
    stops = key.name in _STOPPING
    if not all(math.isfinite(one) for one in numbers if isinstance(one, float)):
        text = Text(f"{key.name} = {show(value)} is no usable number.", f"{key.name} = {show(value)} は使えない数値です。")
        return KeyFault(text=text, stops=stops)
    if key.least is not None and numbers and min(numbers) < key.least:
        least = Text(
            f"{key.name} = {show(value)} has to be at least {key.least:g}.",
            f"{key.name} = {show(value)} は {key.least:g} 以上にしてください。",
        )
        return KeyFault(text=least, stops=stops)
    if key.most is not None and numbers and max(numbers) > key.most:
        most = Text(
            f"{key.name} = {show(value)} has to be at most {key.most:g}.",
            f"{key.name} = {show(value)} は {key.most:g} 以下にしてください。",
        )
        return KeyFault(text=most, stops=stops)
    return None


def _wrong_type(key: Key, value: object) -> KeyFault:
    wanted, better = WORDS[key.kind], _meant(key, value)
    hint = Text(f" Write {better}.", f"{better} と書いてください。") if better else Text("", "")
    return KeyFault(
        text=Text(
            f"{key.name} = {show(value)}: {wanted.en} is needed.{hint.en}",
            f"{key.name} = {show(value)}: {wanted.ja}を指定してください。{hint.ja}",
        ),
        wrong_type=True,
        better=better,
        said=_said(key, value),
    )


def _said(key: Key, value: object) -> str:
    if key.kind == "range":  # the schema of a list has no words for what is none
        return "expected float" if _is_pair(value, lambda one: True) else "None"
    return _SAID.get(key.kind, "expected str")


def _meant(key: Key, value: object) -> str:
    """The right value that was most likely meant, as TOML."""
    meant: object = None
    if key.kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        meant = float(value)
    elif key.kind == "range" and _is_pair(value, lambda one: isinstance(one, int | float) and not isinstance(one, bool)):
        meant = [float(one) for one in cast("list[float]", value)]
    elif key.kind == "whole" and isinstance(value, float) and value.is_integer():
        meant = int(value)
    elif key.kind == "flag" and value in (0, 1) and isinstance(value, int):
        meant = bool(value)
    elif isinstance(value, str):
        meant = _unquoted(key, value)
    elif key.kind in ("text", "folder", "file") and isinstance(value, int | float) and not isinstance(value, bool):
        meant = str(value)
    return show(meant) if meant is not None and _PASSES[key.kind](meant) else ""


def _unquoted(key: Key, text: str) -> object:
    word = text.strip()
    if key.kind == "flag":
        return {"true": True, "false": False}.get(word.lower())
    try:
        numbers: list[Any] = [int(part) if key.kind in ("whole", "size") else float(part) for part in word.strip("[]").split(",")]
    except ValueError:
        return None
    if key.kind in ("size", "range") and len(numbers) == 2:
        return numbers
    return numbers[0] if len(numbers) == 1 and not (isinstance(numbers[0], float) and math.isinf(numbers[0])) else None


def show(value: object) -> str:
    """A value as a TOML file would say it, for words only."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(show(one) for one in cast('list[Any]', value))}]"
    return repr(value) if isinstance(value, int | float) else str(value)
