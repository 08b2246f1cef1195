"""What stands in while there is no environment or run service: it says so, and pretends nothing."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core.catalogue.spec import OptimizerSpec
from core.environment.model import Environment, OptimizerState, ProbeReport, Readiness
from core.text import Text


class NoEnvironments(QObject):
    """No environment was added, so nothing is known about any optimizer."""

    environments_changed = Signal()
    selected_changed = Signal()
    report_changed = Signal(str)

    environments: tuple[Environment, ...] = ()
    selected: Environment | None = None

    def report(self, _environment_id: str) -> ProbeReport | None:
        """Nothing was probed."""
        return None

    def probing(self, _environment_id: str) -> bool:
        """Nothing is being probed."""
        return False

    def state(self, _spec: OptimizerSpec) -> OptimizerState:
        """Unknown."""
        return OptimizerState(
            readiness=Readiness.UNKNOWN,
            reason=Text(
                "No environment has been added yet, so Caddie cannot tell.",
                "環境がまだ追加されていないため、判定できません。",
            ),
        )
