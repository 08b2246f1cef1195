"""An action as a person would type or say it."""

from __future__ import annotations

from core.environment.install import shown
from core.wizard.plan import Action, Download, Run


def shown_action(action: Action, *, windows: bool | None = None) -> str:
    """One line: the command, the address, or the file that is written."""
    if isinstance(action, Run):
        return shown(action.argv, windows=windows)
    return action.address if isinstance(action, Download) else f"> {action.path}"
