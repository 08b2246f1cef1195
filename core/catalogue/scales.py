"""How large one optimizer's learning rate is beside another's: `_scales.toml`, and the `[scale]` of an optimizer's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from core.catalogue.kinds import Value
from core.catalogue.parts import look_up
from core.catalogue.spec import Source
from core.catalogue.table import Table
from core.text import Text

FILE: Final = "_scales.toml"
_FORMS: Final[Mapping[str, Literal["factor", "first-gradient"]]] = {"factor": "factor", "first-gradient": "first-gradient"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What a learning rate means (`_scales.toml`).

    Attributes:
        key: its name.
        of: the scale that it is compared with; its own key where it stands for itself.
        least, start, most: its rate as a multiple of that one's, for weights that move about as much.
        form: `first-gradient`: the rate is also divided by the norm of the first gradient (`core.handover.rules`).
        text: the rule in words.
        source: who says so.
    """

    key: str
    of: str
    least: float
    start: float
    most: float
    form: Literal["factor", "first-gradient"]
    text: Text
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class RateScale:
    """The scale of an optimizer's rate: of d*lr where it estimates d, else of lr.

    Attributes:
        like: the scale.
        arguments: what has to be given so that the rate counts (`relative_step=False`).
        otherwise: arguments and the scale that holds where they have these values.
    """

    like: Scale
    arguments: Mapping[str, Value] = field(default_factory=dict[str, Value])
    otherwise: tuple[Mapping[str, Value], Scale] | None = None


def read_scales(tables: list[tuple[str, Table]], sources: Mapping[str, Source]) -> dict[str, Scale]:
    """All scales, by key; complaints go to the tables."""
    scales: dict[str, Scale] = {}
    for key, table in tables:
        source = look_up(table, "source", table.string("source"), sources)
        form = look_up(table, "form", table.optional_string("form") or "factor", _FORMS)
        least, start, most = (table.optional_number(name) for name in ("least", "start", "most"))
        scale = Scale(
            key=key,
            of=table.optional_string("of") or key,
            least=1.0 if least is None else least,
            start=1.0 if start is None else start,
            most=1.0 if most is None else most,
            form=form or "factor",
            text=table.spoken(),
            source=source or Source(key="", title=table.spoken()),
        )
        if not 0 < scale.least <= scale.start <= scale.most:
            table.complain("0 < least <= start <= most does not hold.", "0 < least <= start <= most になっていません。")
        table.finish()
        scales[key] = scale
    for key, table in tables:
        if key in scales and scales[key].of not in scales:
            table.complain(f"'of' names '{scales[key].of}', which is not there.", f"'of' の '{scales[key].of}' がありません。")
    return scales


def read_scale(table: Table | None, scales: Mapping[str, Scale]) -> RateScale | None:
    """The `[scale]` of an optimizer; None where it has none."""
    if table is None:
        return None
    like = look_up(table, "scale", table.string("like"), scales)
    arguments = table.values("arguments")
    other = table.optional_table("otherwise")
    otherwise: tuple[Mapping[str, Value], Scale] | None = None
    if other is not None:
        changed = look_up(other, "scale", other.string("like"), scales)
        when = other.values("when")
        other.finish()
        otherwise = None if changed is None else (when, changed)
    table.finish()
    return None if like is None else RateScale(like=like, arguments=arguments, otherwise=otherwise)
