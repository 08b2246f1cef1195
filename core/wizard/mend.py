"""Carries repairs out: first the list of packages is kept, then one ailment after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.environment.command import run_command
from core.environment.install import shown
from core.environment.interpreters import child_environment
from core.environment.model import Environment
from core.environment.pip_errors import explain_pip
from core.text import Text
from core.wizard.freeze import differences, read_freeze, restore_commands, save_freeze
from core.wizard.problems import explain_os
from core.wizard.repair import Ailment
from core.wizard.run import remove_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """How a repair ended.

    Attributes:
        ok: everything was run and ended with 0.
        stopped: on request.
        failed: id of the ailment that could not be mended.
        problem: why.
        kept: where the list of packages from before lies.
    """

    ok: bool
    stopped: bool = False
    failed: str = ""
    problem: Text | None = None
    kept: Path | None = None


def home_of(environment: Environment) -> Path:
    """Under which folder the lists of packages of an environment are kept: its checkout, else its interpreter's."""
    return environment.sd_scripts or environment.python.parent


def mend(
    environment: Environment, ailments: Sequence[Ailment], on_output: Callable[[str], None], stop: threading.Event
) -> Mended:
    """Mends them in order; ends at the first that fails.

    Args:
        environment: where.
        ailments: from `diagnose`, those that somebody agreed to.
        on_output: gets commands and their output.
        stop: ends it.

    Raises:
        CaddieError: the list of packages cannot be read; nothing was changed.
        OSError: it cannot be written; nothing was changed.
    """
    kept = save_freeze(home_of(environment), environment.python)
    for ailment in ailments:
        for command in ailment.commands:
            problem = _run(environment, command, on_output, stop)
            if stop.is_set():
                return Mended(ok=False, stopped=True, failed=ailment.id, kept=kept)
            if problem is not None:
                return Mended(ok=False, failed=ailment.id, problem=problem, kept=kept)
        for path in ailment.removes:
            on_output(f"- {path}\n")
            try:
                if path.is_dir():
                    remove_tree(path)
                else:
                    path.unlink(missing_ok=True)
            except OSError as error:
                return Mended(ok=False, failed=ailment.id, problem=explain_os(error), kept=kept)
    return Mended(ok=True, kept=kept)


def restore_plan(environment: Environment, saved: Path, index: str = "") -> tuple[tuple[str, ...], ...]:
    """The commands that bring the packages of a saved list back; none where nothing differs.

    Raises:
        CaddieError: pip does not answer.
        OSError: the list cannot be read.
    """
    install, remove = differences(saved.read_text(encoding="utf-8"), read_freeze(environment.python))
    return tuple(restore_commands(environment.python, install, remove, index))


def restore(
    environment: Environment, commands: Sequence[tuple[str, ...]], on_output: Callable[[str], None], stop: threading.Event
) -> Mended:
    """Runs what `restore_plan` said; what is there now is kept first, so that this can be taken back too.

    Raises:
        CaddieError, OSError: as `mend`.
    """
    ailment = Ailment(id="restore", text=Text("", ""), commands=tuple(commands))
    return mend(environment, (ailment,), on_output, stop)


def _run(
    environment: Environment, command: tuple[str, ...], on_output: Callable[[str], None], stop: threading.Event
) -> Text | None:
    on_output(f"$ {shown(command)}\n")
    variables = {**child_environment(environment.python), "PIP_PROGRESS_BAR": "off"}
    ended = run_command(command, variables=variables, on_output=on_output, stop=stop)
    if ended.how == "stopped" or ended.ok:
        return None
    # pip's "not installed" is no failure where both of two were already gone.
    if "uninstall" in command and "as it is not installed" in ended.tail:
        return None
    return ended.problem or explain_pip(ended.tail, ended.exit_code)
