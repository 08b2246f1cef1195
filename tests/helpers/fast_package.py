"""A folder laid out like Caddie's, with a tiny package `optimizers` that needs no torch."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.command.surroundings import module_path

_PACKAGE = "from optimizers.prodigy import Prodigy\n"
_MODULE = "class Prodigy:\n    pass\n"


def make_caddie(root: Path) -> Path:
    """Makes the folder: the real way in (`resources/python`), the stand-in behind it. Returns `root`."""
    package = root / "optimizers"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(_PACKAGE, encoding="utf-8")
    (package / "prodigy.py").write_text(_MODULE, encoding="utf-8")
    shutil.copytree(module_path(), module_path(root), ignore=shutil.ignore_patterns("__pycache__"))
    (root / "core").mkdir()
    (root / "core" / "__init__.py").touch()
    return root
