"""Words and tones of the small marks beside an optimizer, the same on every page."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from core.catalogue.spec import LrMethod
from core.environment.model import Readiness
from gui.widgets.badge import BadgeLook, BadgeTone

# Green, yellow and red are for the install state beside it.
_METHOD_TONES: dict[LrMethod, BadgeTone] = {
    LrMethod.MANUAL: "neutral",
    LrMethod.SEMI_AUTOMATIC: "info",
    LrMethod.AUTOMATIC: "violet",
}

_READINESS_TONES: dict[Readiness, BadgeTone] = {
    Readiness.READY: "success",
    Readiness.MISSING: "warning",
    Readiness.TOO_OLD: "warning",
    Readiness.BROKEN: "danger",
    Readiness.NEEDS_CUDA: "warning",
    Readiness.UNKNOWN: "neutral",
}


def method_badge(method: LrMethod, *, alone: bool = False) -> BadgeLook:
    """Who sets the learning rate. `alone` is for where no heading says that it is about the learning rate."""
    translate = QCoreApplication.translate
    short = {
        LrMethod.MANUAL: translate("Badges", "Manual"),
        LrMethod.SEMI_AUTOMATIC: translate("Badges", "Semi-automatic"),
        LrMethod.AUTOMATIC: translate("Badges", "Automatic"),
    }
    whole = {
        LrMethod.MANUAL: translate("Badges", "Manual learning rate"),
        LrMethod.SEMI_AUTOMATIC: translate("Badges", "Semi-automatic (d*lr)"),
        LrMethod.AUTOMATIC: translate("Badges", "Automatic learning rate"),
    }
    return BadgeLook((whole if alone else short)[method], _METHOD_TONES[method])


def readiness_badge(readiness: Readiness) -> BadgeLook:
    """Install state in the environment that trains."""
    translate = QCoreApplication.translate
    words = {
        Readiness.READY: translate("Badges", "Ready"),
        Readiness.MISSING: translate("Badges", "Not installed"),
        Readiness.TOO_OLD: translate("Badges", "Too old"),
        Readiness.BROKEN: translate("Badges", "Broken"),
        Readiness.NEEDS_CUDA: translate("Badges", "Needs CUDA"),
        Readiness.UNKNOWN: translate("Badges", "Not checked"),
    }
    return BadgeLook(words[readiness], _READINESS_TONES[readiness])
