"""Whether a training would find Caddie's package of optimizers, or another module of that name, or none."""

from __future__ import annotations

from pathlib import Path

from core.catalogue.spec import FAST_PACKAGE
from core.environment.model import Environment
from core.errors import CaddieError
from core.job.model import Job
from core.job.optimizer import needs_package
from core.text import Text

_SUFFIXES = (".py", ".pyc", ".pyd", ".so")


def module_in(folder: Path, name: str = FAST_PACKAGE) -> Path | None:
    """A module or package of that name in a folder; None where there is none.

    A folder without `__init__` counts as none: Python goes on looking, and takes a real package that comes later.
    """
    candidates = [folder / name / "__init__.py", *(folder / f"{name}{suffix}" for suffix in _SUFFIXES)]
    return next((path for path in candidates if path.is_file()), None)


def ignores_module_path(python: Path) -> bool:
    """Whether an interpreter takes no PYTHONPATH: Windows' embeddable Python, whose path is fixed in a `._pth` file."""
    return any(python.parent.glob("python*._pth"))


def hidden_package_problem(checkout: Path | None, python: Path) -> Text | None:
    """Why a training there would not find Caddie's optimizers; None where it would. Looks at the disk."""
    own = None if checkout is None else module_in(checkout)
    if own is not None:
        return own_module_problem(own)
    if ignores_module_path(python):
        return Text(
            f"{python} is an embeddable Python, which takes no PYTHONPATH, so it would not find Caddie's optimizers."
            " Switch the fast implementation off.",
            f"{python} は埋め込み用の Python で PYTHONPATH が効かないため、Caddie のオプティマイザーを読み込めません。"
            "高速実装をオフにしてください。",
        )
    return None


def own_module_problem(path: Path | str) -> Text:
    """That a module of the checkout stands in the way."""
    return Text(
        f"{path} would be taken for Caddie's package '{FAST_PACKAGE}'. Rename it, or switch the fast implementation off.",
        f"{path} が Caddie の「{FAST_PACKAGE}」パッケージの代わりに読み込まれてしまいます。"
        "名前を変えるか、高速実装をオフにしてください。",
    )


def refuse_hidden_package(job: Job, environment: Environment) -> None:
    """Raises CaddieError where the job needs Caddie's optimizers and the training would not find them."""
    if needs_package(job):
        problem = hidden_package_problem(environment.sd_scripts, environment.python)
        if problem is not None:
            raise CaddieError(problem)
