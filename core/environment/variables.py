"""The variables that a child gets: one place for probes, pip, trainings and exported scripts. Stdlib only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

SAFE_VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PYTHONUNBUFFERED": "1",  # else what a child says comes in blocks, hours late
        "PYTHONUTF8": "1",  # sd-scripts prints Japanese; a stdout that is not UTF-8 kills it
        "PYTHONIOENCODING": "utf-8",
        "PYTHONNOUSERSITE": "1",  # packages of the user's own folder would shadow the environment's
    }
)
"""What keeps any Python child from tripping over its surroundings."""

TRAINING_VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **SAFE_VARIABLES,
        "COLUMNS": "200",  # sd-scripts' log wraps paths at 80 otherwise
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DISABLE_TELEMETRY": "1",
    }
)
"""What a training has set, started here or from an exported script."""

MISLEADING_VARIABLES: Final[tuple[str, ...]] = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "PYTHONEXECUTABLE",
    "__PYVENV_LAUNCHER__",
    "VIRTUAL_ENV",
)
"""What makes another interpreter find the wrong library; the window's own Python may have been started so."""


def changed_variables(
    inherited: Mapping[str, str],
    *,
    change: Mapping[str, str],
    remove: Iterable[str] = MISLEADING_VARIABLES,
    path_first: Sequence[str] = (),
    windows: bool,
) -> dict[str, str]:
    """Environment variables for a child.

    Args:
        inherited: what to start from.
        change: what is set.
        remove: what is taken away.
        path_first: folders that are put before PATH.
        windows: whose rules for names and PATH.
    """
    removed = set(remove)
    result = {name: value for name, value in inherited.items() if name not in removed}
    # Windows compares names without case and a block with PATH and Path in it is undefined there.
    path_name = next((name for name in result if name.upper() == "PATH"), "PATH") if windows else "PATH"
    present = result.get(path_name, "")
    if path_first:
        result[path_name] = (";" if windows else ":").join([*path_first, present] if present else path_first)
    result.update(change)
    return result
