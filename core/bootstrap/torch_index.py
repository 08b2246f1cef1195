"""Where torch comes from: PyPI has CUDA builds for Linux and CPU builds for Windows, PyTorch's own index the rest.

Facts live in resources/torch-index.json (JSON, since Python 3.10 has no TOML reader in its library).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

PYPI = ""
"""No index of its own: pip's normal resolution."""


def nvidia_driver() -> int | None:
    """Major version of the NVIDIA driver, or None where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    try:
        answer = subprocess.run(
            [tool, "--query-gpu=driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+)\.", answer.stdout)
    return int(found.group(1)) if found else None


def candidates(table: dict[str, object], platform: str, driver: int | None) -> list[str]:
    """Indexes to try in order; the last is always pip's normal resolution.

    Args:
        table: contents of resources/torch-index.json.
        platform: `sys.platform`.
        driver: major version of the NVIDIA driver, None without one.
    """
    system = "windows" if platform == "win32" else "linux" if platform.startswith("linux") else "other"
    found: list[str] = []
    rules = table["rules"]
    assert isinstance(rules, list)
    for rule in rules:  # pyright: ignore[reportUnknownVariableType]
        assert isinstance(rule, dict)
        needed = rule.get("driver")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        fits = driver is None if needed is None else driver is not None and driver >= int(needed)  # pyright: ignore[reportUnknownArgumentType]
        if rule["system"] == system and fits:
            found.append(str(rule["index"]))  # pyright: ignore[reportUnknownArgumentType]
    return [*found, PYPI]


def reachable(index: str) -> bool:
    """Whether the index answers within three seconds; any HTTP answer counts."""
    try:
        urllib.request.urlopen(urllib.request.Request(index, method="HEAD"), timeout=3).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def choose(resources: Path) -> list[str]:
    """The indexes to try on this machine, those that do not answer left out."""
    table = json.loads((resources / "torch-index.json").read_text(encoding="utf-8"))
    listed = candidates(table, sys.platform, nvidia_driver())
    return [index for index in listed if index == PYPI or reachable(index)]
