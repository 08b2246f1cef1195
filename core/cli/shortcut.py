"""`shortcut`: puts Caddie, with its icon, into the applications menu of a Linux desktop."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path

from core.cli.output import note
from core.errors import CaddieError
from core.files import write_atomically
from core.paths import PROJECT_ROOT, RESOURCES
from core.text import Text


def desktop_entry(root: Path, icon: Path) -> str:
    """The text of a desktop entry with absolute paths, quoted by the Desktop Entry Specification."""
    quoted = str(root / "start.sh").translate(str.maketrans({mark: "\\\\" + mark for mark in '"`$\\'})).replace("%", "%%")
    lines = (PROJECT_ROOT / "caddie.desktop").read_text(encoding="utf-8").splitlines()
    replaced = {"Exec": f'"{quoted}"', "Icon": str(icon)}
    kept = [line for line in lines if not line.startswith("#")]
    return "\n".join(f"{key}={replaced[key]}" if (key := line.partition("=")[0]) in replaced else line for line in kept) + "\n"


def run_shortcut(options: Namespace) -> int:
    """Writes the entry for this user."""
    if not sys.platform.startswith("linux"):
        raise CaddieError(
            Text(
                "On Windows, right-click start.bat and choose Send to > Desktop (create shortcut).",
                "Windows では start.bat を右クリックし「送る > デスクトップ (ショートカットを作成)」を選んでください。",
            )
        )
    folder = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "applications"
    target = folder / "caddie.desktop"
    write_atomically(target, desktop_entry(PROJECT_ROOT, RESOURCES / "icons" / "caddie.svg"))
    note(Text(f"Written: {target}", f"書き出しました: {target}"))
    return 0
