"""What the computer has, found without torch: the system, the GPU, its driver."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Gpu = Literal["nvidia", "amd", "apple", "none"]
System = Literal["windows", "linux", "macos"]
Ask = Callable[[Sequence[str]], str | None]
"""Runs a program and gives what it printed; None where it is missing or failed."""

_QUERY = ("--query-gpu=name,driver_version,compute_cap,memory.total", "--format=csv,noheader,nounits")
_OLDER_QUERY = ("--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits")
"""Drivers before 510 know no compute_cap and fail at it."""
_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """The computer.

    Attributes:
        system: which rules for paths and packages hold.
        gpu: whose; an NVIDIA one wins over a built-in one of another make.
        name: of the GPU, "" where none was found.
        driver: major version of the NVIDIA driver.
        capability: compute capability of the first NVIDIA GPU, for example 8.9; None where the driver does not tell.
        memory: of the first GPU, in bytes.
    """

    system: System
    gpu: Gpu = "none"
    name: str = ""
    driver: int | None = None
    capability: float | None = None
    memory: int | None = None


def find_hardware(ask: Ask | None = None, *, platform_name: str = sys.platform, machine: str | None = None) -> Hardware:
    """Looks. Takes up to a second where a driver sleeps.

    Args:
        ask: runs a program; for tests.
        platform_name: as `sys.platform`.
        machine: as `platform.machine()`.
    """
    ask = ask or _ask
    system: System = "windows" if platform_name == "win32" else "macos" if platform_name == "darwin" else "linux"
    if system == "macos":
        apple = (machine or platform.machine()) == "arm64"
        return Hardware(system=system, gpu="apple" if apple else "none", name="Apple" if apple else "")
    found = _nvidia(system, ask)
    if found is None and system == "linux":
        found = _amd(ask)
    return found or Hardware(system=system)


def _nvidia(system: System, ask: Ask) -> Hardware | None:
    tool = _nvidia_smi(system)
    answer = ask([tool, *_QUERY])
    if answer is not None:
        rows = [[part.strip() for part in line.split(",")] for line in answer.splitlines() if line.count(",") >= 3]
    else:
        older = ask([tool, *_OLDER_QUERY]) or ""
        rows = [[part.strip() for part in line.split(",")] for line in older.splitlines() if line.count(",") >= 2]
        rows = [[*row[:-1], "", row[-1]] for row in rows]
    if not rows:
        return None
    *name, driver, capability, memory = rows[0]
    number = re.match(r"\d+", driver)
    return Hardware(
        system=system,
        gpu="nvidia",
        name=", ".join(name),
        driver=int(number.group()) if number else None,
        capability=float(capability) if re.fullmatch(r"\d+\.\d+", capability) else None,
        memory=int(memory) * 1024**2 if memory.isdecimal() else None,
    )


def _nvidia_smi(system: System, *, variables: Mapping[str, str] | None = None) -> str:
    """The driver's own tool. Old drivers on Windows put it where PATH does not lead."""
    found = shutil.which("nvidia-smi")
    if found is None and system == "windows":
        import os

        around = os.environ if variables is None else variables
        beside = Path(around.get("ProgramW6432", r"C:\Program Files"), "NVIDIA Corporation", "NVSMI", "nvidia-smi.exe")
        return str(beside) if beside.is_file() else "nvidia-smi"
    return found or "nvidia-smi"


def _amd(ask: Ask) -> Hardware | None:
    answer = ask(["rocminfo"]) or ""
    agents = answer.split("*******")
    for agent in agents:
        if re.search(r"Device Type:\s+GPU", agent):
            name = re.search(r"Marketing Name:\s+(.+)", agent)
            return Hardware(system="linux", gpu="amd", name=name.group(1).strip() if name else "AMD")
    return None


def _ask(command: Sequence[str]) -> str | None:
    try:
        answer = subprocess.run(
            list(command),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout
