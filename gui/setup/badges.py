"""Words and tones of the small marks beside an optimizer."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from core.catalogue.spec import LrMethod
from core.environment.model import Readiness
from gui.widgets.badge import BadgeLook, BadgeTone


def method_badge(method: LrMethod) -> BadgeLook:
    """Who sets the learning rate."""
    translate = QCoreApplication.translate
    words: dict[LrMethod, tuple[str, BadgeTone]] = {
        LrMethod.MANUAL: (translate("Badges", "Manual learning rate"), "neutral"),
        LrMethod.SEMI_AUTOMATIC: (translate("Badges", "Semi-automatic (d*lr)"), "info"),
        LrMethod.AUTOMATIC: (translate("Badges", "Automatic learning rate"), "violet"),
    }
    return BadgeLook(*words[method])


def readiness_badge(readiness: Readiness) -> BadgeLook:
    """Install state in the environment that trains."""
    translate = QCoreApplication.translate
    words: dict[Readiness, tuple[str, BadgeTone]] = {
        Readiness.READY: (translate("Badges", "Ready"), "success"),
        Readiness.MISSING: (translate("Badges", "Not installed"), "warning"),
        Readiness.TOO_OLD: (translate("Badges", "Too old"), "warning"),
        Readiness.BROKEN: (translate("Badges", "Broken"), "danger"),
        Readiness.NEEDS_CUDA: (translate("Badges", "Needs CUDA"), "warning"),
        Readiness.UNKNOWN: (translate("Badges", "Not checked"), "neutral"),
    }
    return BadgeLook(*words[readiness])
