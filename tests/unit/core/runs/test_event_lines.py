"""Events go to lines and come back; a reader survives anything that stands in a line."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs.event_lines import decode_event, encode_event
from core.runs.events import Event, Finished, Group, Sample, Saved, Started, Step, Validated, Warned, Wished

numbers = st.none() | st.floats(allow_nan=False)
times = st.floats(0, 1e10)
counts = st.integers(0, 10**9)
groups = st.builds(Group, name=st.text(), lr=numbers, effective_lr=numbers, d=numbers, d_lr=numbers)
events = st.one_of(
    st.builds(
        Started,
        time=times,
        optimizer=st.text(),
        total_steps=st.none() | counts,
        source=st.text(),
        hears=st.lists(st.text()).map(tuple),
    ),
    st.builds(
        Step,
        time=times,
        step=counts,
        loss=numbers,
        groups=st.lists(groups, max_size=3).map(tuple),
        grad_norm=numbers,
        seconds=numbers,
        memory=st.none() | counts,
        epoch=numbers,
        average_loss=numbers,
    ),
    st.builds(Validated, time=times, step=counts, loss=st.floats(allow_nan=False), epoch=numbers),
    st.builds(Sample, time=times, step=counts, path=st.text()),
    st.builds(Saved, time=times, step=counts, path=st.text(), kind=st.text()),
    st.builds(Warned, time=times, step=counts, key=st.text(), detail=st.text()),
    st.builds(Wished, time=times, step=counts, wish=st.text(), stage=st.text(), path=st.text(), detail=st.text()),
    st.builds(Finished, time=times, step=counts, how=st.text(), error=st.text()),
)


@given(events)
def test_a_round_trip_loses_nothing(event: Event) -> None:
    line = encode_event(event)
    assert "\n" not in line
    assert decode_event(line) == event


def test_nan_and_infinity_are_words_that_every_json_reader_takes() -> None:
    line = encode_event(Step(time=1.0, step=1, loss=math.nan, grad_norm=math.inf))
    assert json.loads(line, parse_constant=pytest.fail)["loss"] == "nan"
    event = decode_event(line)
    assert isinstance(event, Step)
    assert event.loss is not None
    assert math.isnan(event.loss)
    assert event.grad_norm == math.inf


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        '{"event": "step", "time": 1.0, "step": 3, "loss": 0.',
        "[1]",
        '"step"',
        '{"event": "unheard-of", "time": 1}',
        '{"event": "step", "time": 1}',
        '{"event": "step", "step": 1}',
        '{"event": "step", "time": "x", "step": 1}',
        b"\xff\xfe",
    ],
)
def test_what_cannot_be_an_event_is_none(line: str | bytes) -> None:
    assert decode_event(line) is None


def test_unknown_keys_and_wrong_values_are_left_out() -> None:
    event = decode_event('{"event": "step", "time": 1, "step": 2, "loss": "bad", "new": 1, "groups": [{"name": "a", "x": 1}, 3]}')
    assert event == Step(time=1.0, step=2, groups=(Group(name="a"),))


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(line: str) -> None:
    decode_event(line)


@given(events, st.integers(0, 400))
def test_a_torn_line_is_none_or_nothing_else(event: Event, cut: int) -> None:
    line = encode_event(event)
    if cut < len(line):
        assert decode_event(line[:cut]) is None


@pytest.mark.parametrize("digits", [25, 400, 5000])
def test_a_number_without_end_is_damage_and_no_crash(digits: int) -> None:
    number = "9" * digits
    assert decode_event(f'{{"event": "step", "time": 1, "step": {number}}}') is None
    seen = decode_event(f'{{"event": "step", "time": 1, "step": 1, "loss": {number}}}')
    assert seen is None or (isinstance(seen, Step) and seen.loss is None)
