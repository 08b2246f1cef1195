"""What the references refuse, in their way: a ValueError for a value out of range."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def check_positive(name: str, value: float) -> None:
    """Raises ValueError unless the value is a number above 0."""
    if not _holds(lambda: value > 0.0):
        raise ValueError(f"Invalid {name} value: {value}")


def check_not_negative(name: str, value: float) -> None:
    """Raises ValueError unless the value is a number and at least 0."""
    if not _holds(lambda: value >= 0.0):
        raise ValueError(f"Invalid {name} value: {value}: it must not be below 0")


def check_betas(betas: Sequence[float], count: int = 2) -> None:
    """Raises ValueError unless there are as many as asked for, all at least 0 and below 1."""
    if not _holds(lambda: len(betas) == count):
        raise ValueError(f"Invalid betas: {betas}: {count} numbers are wanted")
    for index, beta in enumerate(betas):
        if not _holds(lambda beta=beta: 0.0 <= beta < 1.0):
            raise ValueError(f"Invalid beta parameter at index {index}: {beta}")


def _holds(condition: Callable[[], bool]) -> bool:
    """Whether it holds; what cannot even be compared (None, text) does not."""
    try:
        return bool(condition())
    except TypeError:
        return False
