"""Doing the next few things before they are asked for, in threads, so that the training never waits for a disk."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

_T = TypeVar("_T")

WORKERS: Final = max(1, min(8, (os.cpu_count() or 2) - 1))
"""Decoding and scaling leave Python's lock alone, so a few threads are as good as processes and start at once."""


def read_ahead(
    work: Iterable[Callable[[], _T]], *, workers: int = WORKERS, ahead: int | None = None
) -> Generator[_T, None, None]:
    """The results of some work, in its order.

    What a piece of work raises is raised where its result would have come. When the iterator is closed, what has not begun
    never begins.

    Args:
        work: taken from as the results are taken, never more than `ahead` in advance.
        workers: threads.
        ahead: pieces that may be done or under way before they are asked for; twice the threads where nothing is said.
    """
    most = ahead or 2 * workers
    waiting: deque[Future[_T]] = deque()
    pieces = iter(work)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="caddie-data")
    try:
        waiting.extend(pool.submit(piece) for piece in itertools.islice(pieces, most))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(piece) for piece in itertools.islice(pieces, 1))
            yield result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
