"""Which entry is started where."""

from __future__ import annotations

import sys
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.job.model import Job
from core.queue.lanes import due, find_lanes, lane_variables, trains_alone
from core.queue.model import ALL_LANES, NO_LANE, Entry, State


def entry(name: str, state: State = State.WAITING, *, alone: bool = False, lane: str | None = None) -> Entry:
    return Entry(id=name, name=name, state=state, alone=alone, lane=lane)


def started(found: list[tuple[Entry, str]]) -> list[tuple[str, str]]:
    return [(one.id, lane) for one, lane in found]


def test_one_lane_takes_one_after_the_other() -> None:
    waiting = [entry("a"), entry("b")]
    assert started(due(waiting, (NO_LANE,))) == [("a", NO_LANE)]
    assert due([entry("a", State.RUNNING, lane=NO_LANE), entry("b")], (NO_LANE,)) == []
    assert due(waiting, (NO_LANE,), {NO_LANE}) == []


def test_each_gpu_trains_one() -> None:
    assert started(due([entry("a"), entry("b"), entry("c")], ("0", "1"))) == [("a", "0"), ("b", "1")]
    assert started(due([entry("a", State.RUNNING, lane="0"), entry("b")], ("0", "1"))) == [("b", "1")]


def test_held_damaged_and_finished_ones_are_passed_over() -> None:
    damaged = Entry(id="x", name="x", damaged=True)
    entries = [entry("a", State.HELD), damaged, entry("b", State.FAILED, lane="0"), entry("c")]
    assert started(due(entries, ("0",))) == [("c", "0")]


def test_one_that_needs_all_waits_for_all_and_nobody_overtakes_it() -> None:
    wide = entry("wide", alone=True)
    assert started(due([entry("a"), wide, entry("b")], ("0", "1"))) == [("a", "0")]
    assert due([entry("a", State.RUNNING, lane="0"), wide, entry("b")], ("0", "1")) == []
    assert started(due([wide, entry("b")], ("0", "1"))) == [("wide", ALL_LANES)]
    assert due([entry("wide", State.RUNNING, alone=True, lane=ALL_LANES), entry("b")], ("0", "1")) == []
    assert started(due([wide], (NO_LANE,))) == [("wide", NO_LANE)]


def test_gpus_chosen_anew_while_one_trains() -> None:
    assert due([entry("a", State.RUNNING, lane=NO_LANE), entry("b")], ("0",)) == []
    assert started(due([entry("a", State.RUNNING, lane="7"), entry("b"), entry("c")], ("0", "1"))) == [("b", "1")]


@given(
    st.lists(st.tuples(st.sampled_from(list(State)), st.booleans(), st.sampled_from(["0", "1", "2", NO_LANE, ALL_LANES]))),
    st.sampled_from([(NO_LANE,), ("0",), ("0", "1"), ("0", "1", "2")]),
)
def test_no_lane_is_ever_given_twice(rows: list[tuple[State, bool, str]], lanes: tuple[str, ...]) -> None:
    entries = [
        entry(str(number), state, alone=alone, lane=lane if state.is_under_way else None)
        for number, (state, alone, lane) in enumerate(rows)
    ]
    found = due(entries, lanes)
    taken = [lane for _, lane in found]
    under_way = {one.lane for one in entries if one.state.is_under_way}
    assert len(set(taken)) == len(taken)
    assert not under_way & set(taken)
    assert ALL_LANES not in taken or (len(taken) == 1 and not under_way)
    assert len(found) + len(under_way) <= max(len(lanes), len(under_way))
    order = [one.id for one in entries if one.state is State.WAITING]
    assert [one.id for one, _ in found] == order[: len(found)]


def test_the_gpus_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_lanes({}) == (NO_LANE,)
    assert find_lanes({"CUDA_VISIBLE_DEVICES": "1,3"}) == ("1", "3")
    assert find_lanes({"CUDA_VISIBLE_DEVICES": "1"}) == (NO_LANE,)
    assert find_lanes({"CUDA_VISIBLE_DEVICES": ""}) == (NO_LANE,)
    if sys.platform == "win32":
        return
    tool = tmp_path / "nvidia-smi"
    for said, lanes in (("0\n1\n", ("0", "1")), ("0\n", (NO_LANE,)), ("No devices were found\n", (NO_LANE,))):
        tool.write_text(f"#!/bin/sh\necho '{said.strip()}'\n")
        tool.chmod(0o755)
        assert find_lanes({}) == lanes
    tool.write_text("#!/bin/sh\necho 0; echo 1; exit 9\n")
    assert find_lanes({}) == (NO_LANE,)


def test_what_sends_a_training_to_a_lane() -> None:
    assert lane_variables(NO_LANE, {}) == lane_variables(ALL_LANES, {}) == {}
    assert lane_variables("1", {}) == {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert lane_variables("3", {"CUDA_VISIBLE_DEVICES": "1,3"}) == {"CUDA_VISIBLE_DEVICES": "3"}
    assert lane_variables("1", {"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}) == {"CUDA_VISIBLE_DEVICES": "1"}


@pytest.mark.parametrize(
    ("options", "alone"),
    [
        ({}, False),
        ({"num_processes": 1, "gpu_ids": "all"}, False),
        ({"num_processes": 2}, True),
        ({"multi_gpu": True}, True),
        ({"gpu_ids": "1"}, True),
        ({"num_machines": 2}, True),
    ],
)
def test_a_job_that_chooses_its_gpus_itself_trains_alone(options: dict[str, object], alone: bool) -> None:
    assert trains_alone(Job(accelerate=MappingProxyType(options))) is alone  # type: ignore[arg-type]
