"""The throttle: at once, not too often, and never lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gui.bridge.throttle import Throttle


@pytest.fixture
def owner(qapp: QApplication) -> Iterator[QObject]:
    made = QObject()
    yield made
    made.deleteLater()


def test_the_first_call_acts_at_once_and_a_burst_acts_once_more(owner: QObject) -> None:
    calls: list[int] = []
    throttle = Throttle(lambda: calls.append(1), 50, owner)
    for _ in range(100):
        throttle.call()
    assert len(calls) == 1
    QTest.qWait(200)
    assert len(calls) == 2


def test_an_action_that_asks_again_is_not_called_within_itself(owner: QObject) -> None:
    depth = deepest = count = 0

    def action() -> None:
        nonlocal depth, deepest, count
        depth, count = depth + 1, count + 1
        deepest = max(deepest, depth)
        if count < 3:
            throttle.call()
        depth -= 1

    throttle = Throttle(action, 10, owner)
    throttle.call()
    assert count == 1
    QTest.qWait(300)
    assert (count, deepest) == (3, 1)


def test_flush_does_what_waits_and_cancel_forgets_it(owner: QObject) -> None:
    calls: list[int] = []
    throttle = Throttle(lambda: calls.append(1), 10_000, owner)
    throttle.call()
    throttle.call()
    throttle.flush()
    assert len(calls) == 2
    throttle.call()
    throttle.cancel()
    throttle.flush()
    assert len(calls) == 2


def test_an_action_that_fails_does_not_jam_it(owner: QObject) -> None:
    calls: list[int] = []

    def action() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("once")

    throttle = Throttle(action, 10, owner)
    with pytest.raises(RuntimeError, match="once"):
        throttle.call()
    throttle.call()
    assert len(calls) == 2
