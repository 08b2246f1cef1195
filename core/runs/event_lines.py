"""Events as lines of JSON, and back. The companion writes the same lines by hand (`docs/run-folder.md`).

A number that JSON has no word for is written as the text `"nan"`, `"inf"` or `"-inf"`. Keys that hold nothing are left
out. A reader skips what it does not know, so that an old window can follow a new run.
"""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any, cast, get_args

from core.runs.events import Event, Finished, Group, Sample, Saved, Started, Step, Validated, Warned, Wished

_KINDS: dict[str, type[Event]] = {kind.__name__.lower(): kind for kind in get_args(Event)}
_NUMBERS = {
    Group: {"lr", "effective_lr", "d", "d_lr", "effective_step"},
    Started: {"time"},
    Step: {"time", "loss", "grad_norm", "seconds", "epoch", "average_loss"},
    Sample: {"time"},
    Validated: {"time", "loss", "epoch"},
    Saved: {"time"},
    Warned: {"time"},
    Wished: {"time"},
    Finished: {"time"},
}
_WHOLE = {"step", "total_steps", "memory"}
_TOO_LARGE = 1 << 63
"""Counts from here on are damage: no reader's array holds them."""
_TEXTS = {"name", "optimizer", "source", "path", "kind", "key", "detail", "how", "error", "wish", "stage"}
_FLAGS = {"hands_loss"}
_REQUIRED: dict[type[Event], set[str]] = {
    Started: {"time"},
    Step: {"time", "step"},
    Sample: {"time", "step", "path"},
    Validated: {"time", "step", "loss"},
    Saved: {"time", "step", "path"},
    Warned: {"time", "step", "key"},
    Wished: {"time", "step", "wish", "stage"},
    Finished: {"time", "step", "how"},
}


def encode_event(event: Event) -> str:
    """One line of JSON without the newline. The first key is `event`, the kind in small letters."""
    record: dict[str, object] = {"event": type(event).__name__.lower()}
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name == "groups":
            if value:
                record["groups"] = [_encode_group(group) for group in value]
        elif isinstance(value, tuple):
            if value:
                record[field.name] = list(cast("tuple[str, ...]", value))
        elif value is not None:
            record[field.name] = _plain(value)
    return json.dumps(record, ensure_ascii=False)


def _encode_group(group: Group) -> dict[str, object]:
    values = {field.name: getattr(group, field.name) for field in fields(group)}
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def decode_event(line: str | bytes) -> Event | None:
    """Reads one line; None where it is torn, of an unknown kind, or lacks what its kind needs."""
    try:
        record: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    values = cast("dict[str, object]", record)
    kind = _KINDS.get(str(values.get("event")))
    if kind is None:
        return None
    known = _read_fields(values, kind)
    if kind is Step and isinstance(groups := values.get("groups"), list):
        read = [_decode_group(item) for item in cast("list[object]", groups)]
        known["groups"] = tuple(group for group in read if group is not None)
    if kind is Started and isinstance(hears := values.get("hears"), list):
        known["hears"] = tuple(word for word in cast("list[object]", hears) if isinstance(word, str))
    if not _REQUIRED[kind] <= known.keys():
        return None
    return kind(**known)


def _decode_group(item: object) -> Group | None:
    if not isinstance(item, dict):
        return None
    known = _read_fields(cast("dict[str, object]", item), Group)
    return Group(**known) if "name" in known else None


def _read_fields(values: dict[str, object], kind: type[Event] | type[Group]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    known: dict[str, Any] = {}
    for name in names & values.keys():
        value = values[name]
        if name in _NUMBERS[kind]:
            number = as_number(value)
            if number is not None:
                known[name] = number
        elif name in _WHOLE:
            if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _TOO_LARGE:
                known[name] = value
        elif (name in _TEXTS and isinstance(value, str)) or (name in _FLAGS and isinstance(value, bool)):
            known[name] = value
    return known


def as_number(value: object) -> float | None:
    """A number as JSON (ours or Python's own `NaN`) holds it; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        # JSON knows whole numbers that are too large for a float.
        return float(value) if abs(value) < _TOO_LARGE or isinstance(value, float) else None
    if value in ("nan", "inf", "-inf"):
        return float(str(value))
    return None
