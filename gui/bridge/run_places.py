"""What the run service needs to know of environments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from core.environment.model import Environment, OptimizerState, ProbeReport

if TYPE_CHECKING:
    from core.catalogue.spec import OptimizerSpec


class Environments(Protocol):
    """What is needed of `EnvironmentService`."""

    @property
    def selected(self) -> Environment | None:
        """The one that trains where the job names none."""
        ...

    def get(self, environment_id: str, /) -> Environment | None:
        """By id."""
        ...

    def report(self, environment_id: str, /) -> ProbeReport | None:
        """What its probe saw."""
        ...

    def state(self, spec: OptimizerSpec, /, *, fast: bool = False) -> OptimizerState:
        """Install state of an optimizer in the selected environment."""
        ...
