"""Mending a dataset config where it is plain what was meant: a mistyped key, a number in quotes."""

from __future__ import annotations

from collections.abc import Iterable

import tomli as tomllib

from core.dataset.config import Fault
from core.dataset.document import DatasetConfig
from core.dataset.key_values import judge
from core.dataset.keys import keys_by_name


def can_mend(config: DatasetConfig, fault: Fault) -> bool:
    """Whether it is plain what was meant; not so for a key that the table also has under its right name."""
    values = config.values(fault.place)
    if not fault.better or fault.key not in values or fault.place.level is None:
        return False
    return fault.code == "type" or (fault.code == "unknown-key" and fault.better not in values)


def mended(config: DatasetConfig, faults: Iterable[Fault]) -> DatasetConfig:
    """The config with what was meant, as far as that is plain.

    Args:
        config: the config.
        faults: of it.

    Raises:
        Problems: a value that cannot be written.
    """
    for fault in faults:
        if not can_mend(config, fault):
            continue
        name, better = fault.key, fault.better
        if fault.code == "unknown-key":
            config, name = config.with_name(fault.place, name, better), better
            found = judge(keys_by_name()[name], config.values(fault.place)[name])
            better = found.better if found is not None else ""
        if better:
            config = config.with_value(fault.place, name, tomllib.loads(f"value = {better}")["value"])
    return config
