"""The Qt binding itself: a version that corrupts Python must not be pinned."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject


def test_calls_into_qt_do_not_lose_references_to_none() -> None:
    """PySide6 6.12.0 on Python 3.10 and 3.11 returns None without owning it; after some thousand calls Python aborts."""
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(500):
        thing.setObjectName("x")
    assert sys.getrefcount(None) > before - 250
