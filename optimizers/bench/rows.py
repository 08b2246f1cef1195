"""Which optimizers are measured: every pair of the registry, and those that are not rewritten here, for comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from optimizers.registry import PAIRS, Pair


def _none() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One implementation.

    Attributes:
        path: dotted path of its class.
        package: where it comes from, as on the package index.
        wanted: the version that figures are meant for, or None.
        arguments: beside the parameters.
    """

    path: str
    package: str
    wanted: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=_none)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        name: as the catalogue calls the optimizer.
        variant: what is special about this line ("fused"), or "".
        reference: the original.
        ours: the class of this package, or None where the original is used.
        warm_up: steps before the first that counts.
    """

    name: str
    variant: str = ""
    reference: Contender
    ours: Contender | None = None
    warm_up: int = 2


_NESTEROV: Final = {"momentum": 0.9, "nesterov": True}
_RADAM_STEPS: Final = 7  # before that its second moment is not used, and a step costs less

BASELINE: Final = Row(name="AdamW", reference=Contender(path="torch.optim.AdamW", package="torch"))
"""The unit of the relative cost: torch's AdamW as sd-scripts builds it."""


def _plain(
    name: str, path: str, package: str, variant: str = "", warm_up: int = 2, arguments: Mapping[str, Any] | None = None
) -> Row:
    contender = Contender(path=path, package=package, arguments=arguments or {})
    return Row(name=name, variant=variant, reference=contender, warm_up=warm_up)


COMPARED: Final[tuple[Row, ...]] = (
    BASELINE,
    _plain("AdamW", "torch.optim.AdamW", "torch", "foreach", arguments={"foreach": True}),
    _plain("AdamW", "torch.optim.AdamW", "torch", "fused", arguments={"fused": True}),
    _plain("SGDNesterov", "torch.optim.SGD", "torch", arguments=_NESTEROV),
    _plain("SGDNesterov", "torch.optim.SGD", "torch", "fused", arguments={**_NESTEROV, "fused": True}),
    _plain("Lion", "lion_pytorch.Lion", "lion-pytorch"),
    _plain("Lion", "lion_pytorch.foreach.Lion", "lion-pytorch", "foreach"),
    _plain("AdamWScheduleFree", "schedulefree.AdamWScheduleFree", "schedulefree"),
    _plain("RAdamScheduleFree", "schedulefree.RAdamScheduleFree", "schedulefree", warm_up=_RADAM_STEPS),
    _plain("SGDScheduleFree", "schedulefree.SGDScheduleFree", "schedulefree"),
    _plain("AdamW8bit", "bitsandbytes.optim.AdamW8bit", "bitsandbytes"),
    _plain("Lion8bit", "bitsandbytes.optim.Lion8bit", "bitsandbytes"),
    _plain("SGDNesterov8bit", "bitsandbytes.optim.SGD8bit", "bitsandbytes", arguments={"lr": 1e-3, **_NESTEROV}),
    _plain("AdEMAMix8bit", "bitsandbytes.optim.AdEMAMix8bit", "bitsandbytes"),
    _plain("PagedAdamW", "bitsandbytes.optim.PagedAdamW", "bitsandbytes"),
    _plain("PagedAdamW32bit", "bitsandbytes.optim.PagedAdamW32bit", "bitsandbytes"),
    _plain("PagedAdamW8bit", "bitsandbytes.optim.PagedAdamW8bit", "bitsandbytes"),
    _plain("PagedLion8bit", "bitsandbytes.optim.PagedLion8bit", "bitsandbytes"),
    _plain("PagedAdEMAMix8bit", "bitsandbytes.optim.PagedAdEMAMix8bit", "bitsandbytes"),
)
"""What this package does not rewrite."""

_CATALOGUE_NAMES: Final = {"Adafactor": "AdaFactor"}
"""Classes that the catalogue calls otherwise."""


def all_rows() -> tuple[Row, ...]:
    """Every row: pairs first, then what they are compared with."""
    paired = [_of_pair(pair) for pair in PAIRS]
    taken = {(row.name, row.variant) for row in paired}
    return (*paired, *(row for row in COMPARED if (row.name, row.variant) not in taken))


def _of_pair(pair: Pair) -> Row:
    module, _, name = pair.name.rpartition(".")
    return Row(
        name=_CATALOGUE_NAMES.get(name, name),
        variant=module,
        reference=Contender(path=pair.reference, package=pair.package, wanted=pair.version, arguments=pair.arguments),
        ours=Contender(path=pair.ours, package="optimizers", arguments=pair.arguments),
    )


def chosen_rows(names: Sequence[str]) -> tuple[Row, ...]:
    """The rows of these optimizers, all where none is named; case does not matter.

    Raises:
        KeyError: no row has that name.
    """
    rows = all_rows()
    known = {row.name.casefold() for row in rows}
    wanted = {name.casefold(): name for name in names}
    for folded, name in wanted.items():
        if folded not in known:
            raise KeyError(name)
    return tuple(row for row in rows if not wanted or row.name.casefold() in wanted)
