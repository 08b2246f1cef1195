"""Values of other programs as values of sd-scripts' options."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final, cast

from core.command.values import parse_scalar
from core.convert.report import Ledger, shown
from core.errors import ValueProblem
from core.job.model import Job
from core.options.check import check_kind
from core.options.model import Option, OptionKind, OptionValue
from core.options.snapshot import load_snapshot
from core.text import Text

KEPT: Final = "caddie_imported"
"""Key of a job's extra facts under which unknown keys of a foreign file are kept, as texts "key = value"."""


def as_option(option: Option, value: object) -> OptionValue:
    """The value as the option takes it: "1" for a number is 1, "true" for a switch is True.

    Raises:
        ValueProblem: it is nothing that the option can hold.
    """
    if option.is_list:
        items = cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else [value]
        return cast("OptionValue", [_scalar(option, item) for item in items])
    found = _scalar(option, value)
    check_kind(option, found)
    return found


def _scalar(option: Option, value: object) -> bool | int | float | str:
    kind = option.kind
    if kind in (OptionKind.FLAG, OptionKind.OFF_FLAG):
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        if isinstance(value, int) and value in (0, 1):
            return bool(value)
    elif kind in (OptionKind.TEXT, OptionKind.PATH):
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return str(value)
    elif isinstance(value, str):
        return parse_scalar(kind, value.strip())
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if isinstance(value, float) and kind is OptionKind.INT and value.is_integer():
            return int(value)
        if kind is not OptionKind.INT or isinstance(value, int):
            return value
    text = shown(value)
    raise ValueProblem(Text(f"{text} does not fit {option.name}.", f"{text} は {option.name} の値にできません。"))


def is_nothing(value: object) -> bool:
    """Whether a front end says "not set" with it: empty, None, or a switch that is off."""
    return value is None or value is False or value in ("", "None", "none", [], {})


def same(one: object, other: object) -> bool:
    """Whether nothing was changed by a translation."""
    return one.__class__ is other.__class__ and one == other


def known_anywhere(name: str) -> bool:
    """Whether any training script of sd-scripts has such an option."""
    return any(options.get(name) is not None for options in load_snapshot().values())


def number(value: object, default: float = 0.0) -> float:
    """The number that a front end means by a value, `default` where it means none."""
    if isinstance(value, bool) or value is None:
        return default
    if isinstance(value, (int, float)):
        return float(value) if math.isfinite(value) else default
    try:
        found = float(str(value))
    except ValueError:
        return default
    return found if math.isfinite(found) else default


def literal(value: object) -> str:
    """The literal of an optimizer argument that a file gives as a typed value or as text."""
    if not isinstance(value, str):
        return repr(value)
    text = value.strip()
    if text.lower() in ("true", "false", "none"):
        return text.capitalize()
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return repr(value)
    return text


def with_kept(job: Job, kept: Mapping[str, object]) -> Job:
    """The job with unknown keys of a foreign file beside it, so that saving loses none."""
    if not kept:
        return job
    items = [f"{name} = {value if isinstance(value, str) else repr(value)}".replace("\0", "") for name, value in kept.items()]
    items = [item.encode("utf-8", "replace").decode("utf-8") for item in items]
    return replace(job, extra=MappingProxyType({**job.extra, KEPT: items}))


def put(options: dict[str, OptionValue], option: Option, key: str, value: object, ledger: Ledger) -> bool:
    """Takes a value into options and books it. False where it does not fit (booked as impossible)."""
    try:
        meant = as_option(option, value)
    except ValueProblem as problem:
        ledger.impossible(key, value, problem.text)
        return False
    options[option.name] = meant
    if key == option.name and same(meant, value):
        ledger.taken(key, value)
    else:
        ledger.translated(key, value, f"{option.name} = {shown(meant)}")
    return True
