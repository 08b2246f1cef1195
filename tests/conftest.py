"""What holds for every test: nothing of the real user is touched, and no display is needed."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import selection

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.pop("CADDIE_LANGUAGE", None)
_homes = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="run every combination of the optimizers' tests, not a selection")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "crossed(axes): over all combinations, or few that cover them (tests.helpers.selection)")
    config.addinivalue_line("markers", "chosen(names, few, every): few cases by default, every one with --exhaustive")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    selection.generate(metafunc, exhaustive=metafunc.config.getoption("exhaustive"))


@pytest.fixture(autouse=True)
def _own_user_data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has its own empty user data folder, and English as the system's language."""
    # Counted here: pytest's own counting reads the names of all folders there are, thousands in the end, for each test.
    home = tmp_path_factory.mktemp(f"caddie-home-{next(_homes)}", numbered=False)
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
