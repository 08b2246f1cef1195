"""What holds for every test: nothing of the real user is touched, and no display is needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.pop("CADDIE_LANGUAGE", None)


@pytest.fixture(autouse=True)
def _own_user_data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has its own empty user data folder, and English as the system's language."""
    home = tmp_path_factory.mktemp("caddie-home")
    monkeypatch.setenv("CADDIE_HOME", str(home))
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    return home


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    """A test that leaves a thread running fails: the next test would pay for it."""
    before = set(threading.enumerate())
    yield
    # Dummies stand for threads that Qt made and Python only met; they are checked by waiting for the pools.
    left = [thread for thread in threading.enumerate() if thread not in before and type(thread) is not threading._DummyThread]
    for thread in left:
        thread.join(timeout=2)
    alive = [thread.name for thread in left if thread.is_alive() and not _is_library(thread)]
    assert not alive, f"the test left threads running: {alive}"


def _is_library(thread: threading.Thread) -> bool:
    # torch, tqdm and accelerate keep a monitor for the life of the process; our optimizers keep their workers.
    return (
        thread.name.startswith(("TMonitor", "tqdm", "pydevd", "ThreadPoolExecutor-torch", "optimizer_"))
        or "tqdm" in type(thread).__module__
    )
