"""What the references refuse, in their way: a ValueError for a value out of range."""

from __future__ import annotations

from collections.abc import Sequence


def check_positive(name: str, value: float) -> None:
    """Raises ValueError unless the value is above 0."""
    if not value > 0.0:
        raise ValueError(f"Invalid {name} value: {value}")


def check_betas(betas: Sequence[float]) -> None:
    """Raises ValueError unless all are at least 0 and below 1."""
    for index, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {beta}")
