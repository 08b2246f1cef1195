"""Words and tones of environments: ages, sizes, states."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from core.environment.findings import Weight, findings
from core.environment.model import CheckoutReport, Environment, ProbeReport
from gui.widgets.badge import BadgeLook


def age_words(seconds: float) -> str:
    """How long ago, roughly."""
    translate = QCoreApplication.translate
    minutes = int(seconds // 60)
    if minutes < 1:
        return translate("EnvironmentWords", "just now")
    if minutes < 60:
        return translate("EnvironmentWords", "{count} min ago").format(count=minutes)
    if minutes < 24 * 60:
        return translate("EnvironmentWords", "{count} h ago").format(count=minutes // 60)
    if minutes < 48 * 60:
        return translate("EnvironmentWords", "yesterday")
    return translate("EnvironmentWords", "{count} days ago").format(count=minutes // (24 * 60))


def memory_words(size: int) -> str:
    """Bytes as people name the memory of a GPU: 12 GB."""
    return f"{size / 1024**3:.0f} GB"


def environment_badge(environment: Environment, report: ProbeReport | None, *, probing: bool) -> BadgeLook | None:
    """The state of a whole environment in one or two words; None where all is well."""
    translate = QCoreApplication.translate
    if probing:
        return BadgeLook(translate("EnvironmentWords", "Checking …"), "info")
    if report is None:
        return BadgeLook(translate("EnvironmentWords", "Not checked"), "neutral")
    if report.problem is not None:
        return BadgeLook(translate("EnvironmentWords", "No answer"), "danger")
    found = findings(environment, report)
    if any(item.weight is Weight.BLOCKS for item in found):
        return BadgeLook(translate("EnvironmentWords", "Cannot train"), "danger")
    if not report.cuda_available and report.platform != "darwin":
        return BadgeLook(translate("EnvironmentWords", "No GPU"), "warning")
    if found:
        return BadgeLook(translate("EnvironmentWords", "See notes"), "warning")
    return BadgeLook(translate("EnvironmentWords", "Ready"), "success")


def commit_words(checkout: CheckoutReport) -> str:
    """Branch and short commit, as git shows them."""
    short = checkout.commit[:8] if checkout.commit else ""
    return " · ".join(part for part in (checkout.branch or "", short) if part)
