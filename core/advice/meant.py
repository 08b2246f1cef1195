"""What somebody most likely meant by an option's value that will not do: `4` for the text "4", `True` for "true"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import cast

from core.catalogue.kinds import BoolKind
from core.errors import ValueProblem, nearest
from core.job.check import literal_problem, option_problem
from core.options.check import NUMBERS
from core.options.model import Option, OptionKind, OptionValue

Scalar = bool | int | float | str
_SWITCHES = {OptionKind.FLAG, OptionKind.OFF_FLAG}
_DECIMAL_COMMA, _THOUSANDS = re.compile(r"-?\d+,\d+"), re.compile(r"\d{1,3}(,\d{3})+")


def meant_value(option: Option, value: OptionValue, readable: Callable[[str], str | None]) -> OptionValue | None:
    """A value that the option takes, None where nobody can say which.

    Args:
        option: the option.
        value: what stands in the job and will not do.
        readable: the literal that was most likely meant by what stands behind `name=`, None where there is none.
    """
    return next((right for right in _candidates(option, value, readable) if option_problem(option, right) is None), None)


def _candidates(option: Option, value: OptionValue, readable: Callable[[str], str | None]) -> Iterator[OptionValue]:
    if not option.is_list:
        only = value[0] if isinstance(value, list) and len(value) == 1 else value
        if not isinstance(only, list):
            yield from _scalars(option, only)
        return
    items: list[Scalar] = list(value) if isinstance(value, list) else _split(option, value)
    mended = [_item(option, item, readable) for item in items]
    kept = [item for item in mended if item is not None]
    # One of several rates left out would give the others' places away.
    if kept and (len(kept) == len(items) or option.kind is OptionKind.TEXT):
        yield cast(OptionValue, kept)


def _alone(item: Scalar) -> OptionValue:
    return cast(OptionValue, [item])


def _split(option: Option, value: Scalar) -> list[Scalar]:
    if option.kind in NUMBERS and isinstance(value, str):
        return list(re.split(r"[,\s]+", value.strip(" ,[]()")))
    return [value]


def _item(option: Option, item: Scalar, readable: Callable[[str], str | None]) -> Scalar | None:
    if option_problem(option, _alone(item)) is None:
        return item
    if isinstance(item, str) and option.kind is OptionKind.TEXT:
        key, equals, stored = item.partition("=")
        right = readable(stored) if equals and key.isidentifier() and literal_problem(stored) else None
        return f"{key}={right}" if right is not None else None
    return next((right for right in _scalars(option, item) if option_problem(option, _alone(right)) is None), None)


def _scalars(option: Option, value: Scalar) -> Iterator[Scalar]:
    yield value
    if option.choices and (near := nearest(str(value), [str(choice) for choice in option.choices])):
        yield next(choice for choice in option.choices if str(choice) == near)
    text = str(value).strip().strip("\"'").rstrip(",").strip()
    if option.kind in NUMBERS and not isinstance(value, bool):
        yield from _numbers(option, text)
        if isinstance(value, float) and value.is_integer():
            yield int(value)
    elif option.kind in _SWITCHES:
        yield from _parsed(lambda: BoolKind().parse(text))
    elif option.kind in (OptionKind.TEXT, OptionKind.PATH) and not isinstance(value, bool):
        yield text


def _numbers(option: Option, text: str) -> Iterator[Scalar]:
    texts = [text]
    if _THOUSANDS.fullmatch(text) and option.kind is not OptionKind.FLOAT:
        texts.append(text.replace(",", ""))
    elif _DECIMAL_COMMA.fullmatch(text):
        texts.append(text.replace(",", "."))
    for one in texts:
        yield from _parsed(lambda one=one: NUMBERS[option.kind].parse(one))


def _parsed(parse: Callable[[], object]) -> Iterator[Scalar]:
    try:
        value = parse()
    except ValueProblem:
        return
    if isinstance(value, (bool, int, float, str)):
        yield value
