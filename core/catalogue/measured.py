"""What the benchmark found: resources/catalogue/_measured.toml, which tests/helpers/update_measured.py writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.catalogue.parts import look_up
from core.catalogue.spec import Measured, MeasuredSide, MeasuredWhere
from core.catalogue.table import Table

FILE = "_measured.toml"


def read_measured(table: Table, known: Collection[str]) -> Mapping[str, Measured]:
    """The figures of each optimizer by its id.

    Args:
        table: the whole file.
        known: ids of the catalogue; a figure of any other optimizer is a problem.
    """
    where = _where(table.table("where"))
    ids = {name: name for name in known}
    found: dict[str, Measured] = {}
    for name, entry in table.table("optimizers").named_tables():
        look_up(entry, "optimizer", name, ids)
        reference, fast = entry.optional_table("reference"), entry.optional_table("fast")
        if reference is None and fast is None:
            entry.complain("neither 'reference' nor 'fast' is there.", "'reference' も 'fast' もありません。")
        entry.finish()
        found[name] = Measured(
            where=where,
            reference=None if reference is None else _side(reference),
            fast=None if fast is None else _side(fast),
        )
    table.finish()
    return found


def _where(table: Table) -> MeasuredWhere:
    where = MeasuredWhere(
        date=table.string("date"),
        command=table.string("command"),
        device=table.string("device"),
        device_name=table.string("device_name"),
        threads=table.integer("threads"),
        torch=table.string("torch"),
        parameter_set=table.string("set"),
        tensors=table.integer("tensors"),
        parameters=table.integer("parameters"),
    )
    table.finish()
    return where


def _side(table: Table) -> MeasuredSide:
    side = MeasuredSide(
        package=table.string("package"),
        version=table.optional_string("version"),
        state_bytes=table.number("state_bytes"),
        step_cost=table.number("step_cost"),
    )
    if side.state_bytes < 0:
        table.wrong("state_bytes", "a number of at least 0", " 0 以上の数値")
    if side.step_cost <= 0:
        table.wrong("step_cost", "a number above 0", " 0 より大きい数値")
    table.finish()
    return side
