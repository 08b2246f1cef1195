"""What the command of a job needs around it beside sd-scripts' own: where Caddie's optimizers are, who tells the loss."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from core.catalogue.spec import FAST_PACKAGE
from core.errors import CaddieError
from core.job.model import Job
from core.job.optimizer import hands_loss, needs_package
from core.paths import PROJECT_ROOT
from core.text import Text

HAND_LOSS: Final[Mapping[str, str]] = MappingProxyType({"CADDIE_HAND_LOSS": "1"})
"""What tells the companion to hand the loss to the optimizer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What has to be there when the command runs.

    Attributes:
        module_path: folder that goes first on PYTHONPATH, or None. It holds the package `optimizers` and nothing else.
        companion: the companion, where the job cannot do without it; an export leaves it out otherwise.
        variables: more environment variables.
    """

    module_path: str | None = None
    companion: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def is_empty(self) -> bool:
        """The plain command is enough."""
        return self.module_path is None and self.companion is None and not self.variables

    @property
    def marker(self) -> str | None:
        """A file that is there as long as `module_path` is in its place."""
        return None if self.module_path is None else os.path.join(self.module_path, FAST_PACKAGE, "__init__.py")


def surroundings_of(job: Job, *, root: Path = PROJECT_ROOT) -> Surroundings:
    """What a job's command needs around it.

    Args:
        job: the job.
        root: Caddie's folder.
    """
    loss = hands_loss(job)
    return Surroundings(
        module_path=str(module_path(root)) if needs_package(job) else None,
        companion=str(root / "core" / "runs" / "companion.py") if loss else None,
        variables=HAND_LOSS if loss else {},
    )


def module_path(root: Path = PROJECT_ROOT) -> Path:
    """The folder that makes `import optimizers` work and lets a training find nothing else of Caddie."""
    return root / "resources" / "python"


def own_variables(surroundings: Surroundings) -> dict[str, str]:
    """The variables for a process that is started here. An inherited PYTHONPATH is not kept: it is the window's own.

    Raises:
        CaddieError: Caddie's folder cannot be named in PYTHONPATH.
    """
    variables = dict(surroundings.variables)
    if surroundings.module_path is not None:
        separator_for(surroundings.module_path)
        variables["PYTHONPATH"] = surroundings.module_path
    return variables


def separator_for(folder: str) -> str:
    """What stands between the folders of a PYTHONPATH that begins with `folder`, by the system that the path is of.

    Raises:
        CaddieError: it is in the folder's own name, which PYTHONPATH has no way to say.
    """
    separator = ";" if re.match(r"[A-Za-z]:[\\/]|\\\\", folder) else ":"
    if separator in folder:
        raise CaddieError(
            Text(
                f"Python cannot find Caddie's optimizers in {folder}, because there is a '{separator}' in the path."
                " Move Caddie's folder, or switch the fast implementation off.",
                f"パスに '{separator}' が含まれるため、{folder} にある Caddie のオプティマイザーを Python から参照できません。"
                "Caddie のフォルダーを移動するか、高速実装をオフにしてください。",
            )
        )
    return separator
