"""Every optimizer has its row, its class and the bytes that it must move."""

from __future__ import annotations

import importlib.util
import inspect

import pytest

from optimizers.bench.floors import TRAFFIC, floor_bytes
from optimizers.bench.rows import all_rows, chosen_rows
from optimizers.bench.subject import NotInstalled, NotThere, load_class
from optimizers.registry import PAIRS

KNOWN_FLOORS = {  # worked out by hand from the algorithms; see docs/benchmarks.md
    "AdamW": 28,
    "Lion": 20,
    "Prodigy": 52,
    "DAdaptAdam": 36,
    "DAdaptAdanIP": 52,
    "DAdaptLion": 28,
    "CAME": 20,
    "AdaFactor": 12,
    "ProdigyPlusScheduleFree": pytest.approx(20.55, abs=0.01),
    "AdamW8bit": pytest.approx(16.06, abs=0.01),
}


@pytest.mark.parametrize(("name", "expected"), KNOWN_FLOORS.items())
def test_floors(name: str, expected: float) -> None:
    assert floor_bytes(name) == expected


def test_nobody_knows_the_floor_of_an_unknown_optimizer() -> None:
    assert floor_bytes("Nobody") is None


def test_every_row_has_a_floor_and_its_place_is_its_own() -> None:
    rows = all_rows()
    assert len({(row.name, row.variant) for row in rows}) == len(rows)
    assert {row.name for row in rows} <= set(TRAFFIC)


def test_every_pair_of_the_registry_is_measured() -> None:
    rows = {row.ours.path: row for row in all_rows() if row.ours is not None}
    for pair in PAIRS:
        assert rows[pair.ours].reference.path == pair.reference
        assert rows[pair.ours].reference.arguments == pair.arguments


def test_rows_are_chosen_without_case_and_with_their_variants() -> None:
    assert [(row.name, row.variant) for row in chosen_rows(["adamw"])] == [
        ("AdamW", ""),
        ("AdamW", "foreach"),
        ("AdamW", "fused"),
    ]
    with pytest.raises(KeyError, match="adamv"):
        chosen_rows(["adamw", "adamv"])


@pytest.mark.parametrize("row", all_rows(), ids=lambda row: f"{row.name} {row.variant}".strip())
def test_the_reference_takes_these_arguments(row) -> None:
    if importlib.util.find_spec(row.reference.path.split(".")[0]) is None:
        pytest.skip(f"{row.reference.package} is not installed")
    made = load_class(row.reference.path)
    inspect.signature(made).bind([], **row.reference.arguments)


def test_what_is_not_there_is_told_apart() -> None:
    with pytest.raises(NotInstalled):
        load_class("no_such_package_anywhere.part.Class")
    with pytest.raises(NotThere):
        load_class("torch.optim.NoSuchOptimizer")
