"""Mending a dataset config where it is plain what was meant: a mistyped key, a number in quotes."""

from __future__ import annotations

from collections.abc import Iterable

import tomli as tomllib

from core.dataset.config import Fault
from core.dataset.document import DatasetConfig


def can_mend(fault: Fault) -> bool:
    """Whether it is plain what was meant."""
    return bool(fault.better) and fault.code in ("unknown-key", "type") and fault.place.level is not None


def mended(config: DatasetConfig, faults: Iterable[Fault]) -> DatasetConfig:
    """The config with what was meant, as far as that is plain; a key that is there under its right name already is left alone.

    Args:
        config: the config.
        faults: of it.

    Raises:
        Problems: a value that cannot be written.
    """
    for fault in filter(can_mend, faults):
        values = config.values(fault.place)
        if fault.key not in values:
            continue
        if fault.code == "type":
            meant = tomllib.loads(f"value = {fault.better}")["value"]
            config = config.with_value(fault.place, fault.key, meant)
        elif fault.better not in values:
            config = config.with_name(fault.place, fault.key, fault.better)
    return config
