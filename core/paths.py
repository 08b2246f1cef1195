"""Where Caddie keeps what: the shipped resources, and the user's own data.

`CADDIE_HOME` moves everything of the user into one folder (tests, portable installs).
"""

from __future__ import annotations

import os
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
RESOURCES = PROJECT_ROOT / "resources"


def user_data_dir() -> Path:
    """Folder of runs and environments. Not created here."""
    home = os.environ.get("CADDIE_HOME")
    if home:
        return Path(home)
    import platformdirs  # here: the stdlib-only part of the start must not need it

    return Path(platformdirs.user_data_dir("Caddie", appauthor=False))


def runs_dir() -> Path:
    """Folder that holds one folder a run."""
    return user_data_dir() / "runs"


def settings_file() -> Path:
    """The window's settings (language, theme, recent jobs)."""
    return user_data_dir() / "settings.toml"


def environments_file() -> Path:
    """The list of environments the user added."""
    return user_data_dir() / "environments.toml"
