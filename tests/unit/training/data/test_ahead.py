"""Work done ahead: in order, bounded, with its errors, and stopped at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from core.training.data.ahead import read_ahead


def test_results_come_in_order_whoever_is_first() -> None:
    gates = [threading.Event() for _ in range(4)]

    def piece(number: int) -> int:
        if number < 3:
            assert gates[number + 1].wait(10)  # each waits for the next one, so that the last is done first
        gates[number].set()
        return number

    assert list(read_ahead([partial(piece, number) for number in range(4)], workers=4)) == [0, 1, 2, 3]


def test_never_further_ahead_than_allowed() -> None:
    taken: list[int] = []

    def work() -> Iterator[Callable[[], int]]:
        for number in range(100):
            taken.append(number)
            yield partial(int, number)

    results = read_ahead(work(), workers=2, ahead=3)
    assert taken == []
    assert next(results) == 0
    assert len(taken) == 4
    assert next(results) == 1
    assert len(taken) == 5
    results.close()
    assert len(taken) == 5


def test_an_error_comes_where_its_result_would_have() -> None:
    def fail() -> int:
        raise ValueError("third")

    results = read_ahead([partial(int, 1), partial(int, 2), fail, partial(int, 4)], workers=4)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(ValueError, match="third"):
        next(results)


def test_what_has_not_begun_never_begins_after_the_end() -> None:
    gate, started = threading.Event(), threading.Semaphore(0)
    done: list[int] = []

    def piece(number: int) -> int:
        if number > 0:
            started.release()
            gate.wait(10)
        done.append(number)
        return number

    results = read_ahead([partial(piece, number) for number in range(50)], workers=1, ahead=10)
    assert next(results) == 0
    assert started.acquire(timeout=10)  # the second is under way
    before = threading.active_count()
    results.close()
    gate.set()
    for thread in threading.enumerate():
        if thread.name.startswith("caddie-data"):
            thread.join(10)
    assert done == [0, 1]
    assert threading.active_count() < before
