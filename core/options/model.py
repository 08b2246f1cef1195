"""What a training script of sd-scripts accepts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

OptionValue = bool | int | float | str | list[str] | list[int] | list[float]
"""What an option can hold in a job. Absence means sd-scripts' default; 0, False and "" are values."""


class OptionKind(str, Enum):
    """How argparse reads the option."""

    FLAG = "flag"  # store_true
    OFF_FLAG = "off-flag"  # store_false
    TEXT = "text"
    INT = "int"
    FLOAT = "float"
    INT_OR_FLOAT = "int-or-float"
    PATH = "path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of one script.

    Attributes:
        name: argparse's dest, which is also the key in a config file.
        flags: `("--learning_rate",)`, the long one first.
        kind: the type of one value.
        nargs: None for one value, `"*"`, `"+"`, `"?"` or a count.
        choices: allowed values, empty where any.
        default: the script's own, None where it has none.
        help: the script's own help text where it was read from a checkout, else "".
    """

    name: str
    flags: tuple[str, ...]
    kind: OptionKind
    nargs: Literal["*", "+", "?"] | int | None = None
    choices: tuple[str | int | float, ...] = ()
    default: OptionValue | None = None
    help: str = ""

    @property
    def is_list(self) -> bool:
        """Whether the option takes several values."""
        return self.nargs in ("*", "+") or isinstance(self.nargs, int)


@dataclass(frozen=True, slots=True)
class OptionSet:
    """All options of one script.

    Attributes:
        script: file name, for example `train_network.py`.
        options: by name, in the script's order.
        source: `checkout` when read from the user's own, `snapshot` when shipped with Caddie.
        commit: commit of what was read, or None.
    """

    script: str
    options: Mapping[str, Option]
    source: Literal["checkout", "snapshot"]
    commit: str | None = None

    def __iter__(self) -> Iterator[Option]:
        return iter(self.options.values())

    def get(self, name: str) -> Option | None:
        """The option of that name (dest), or None."""
        return self.options.get(name)
