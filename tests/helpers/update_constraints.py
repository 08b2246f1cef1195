"""Rewrites constraints.txt: one pin a package, for every Python that Caddie supports.

Usage: python tests/helpers/update_constraints.py python3.10 python3.11 python3.12 python3.13

Each interpreter asks pip's resolver (nothing is installed) for all dependency groups; pins that differ between
versions get a marker. NVIDIA's packages are left out: torch itself pins them, and CPU builds have none.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# PySide6 6.12.0 leaks references to None and aborts Python 3.10 and 3.11 after some thousand calls.
FIXED = ["torch==2.13.0", "PySide6-Essentials==6.11.3"]
LEFT_OUT = ("nvidia-", "cuda-", "triton")
# Needed on Windows or macOS only, so that the resolver of this system never meets them.
ELSEWHERE = ["colorama==0.4.6"]


def resolve(python: str) -> tuple[str, dict[str, str]]:
    """The version of Python and what pip would install there."""
    with tempfile.TemporaryDirectory() as folder:
        venv = Path(folder) / "venv"
        subprocess.run([python, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin" / "python"), "-m", "pip", "-q"]
        subprocess.run([*pip, "install", "--upgrade", "pip"], check=True)
        report = Path(folder) / "report.json"
        groups = [word for group in ("app", "train", "test") for word in ("--group", group)]
        command = [*pip, "install", "--dry-run", "--ignore-installed", "--report", str(report), *FIXED, *groups]
        subprocess.run(command, cwd=ROOT, check=True)
        found = json.loads(report.read_text(encoding="utf-8"))
        pip_version = subprocess.run([*pip[:-1], "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    pins = {item["metadata"]["name"].lower().replace("_", "-"): item["metadata"]["version"] for item in found["install"]}
    pins["pip"] = pip_version
    version = ".".join(found["environment"]["python_version"].split(".")[:2])
    return version, {name: pin.split("+")[0] for name, pin in pins.items() if not name.startswith(LEFT_OUT)}


def main(pythons: list[str]) -> None:
    by_package: dict[str, dict[str, str]] = defaultdict(dict)
    for python in pythons:
        version, pins = resolve(python)
        print(version, len(pins), "packages")
        for name, pin in pins.items():
            by_package[name][version] = pin
    lines = ["# Made by tests/helpers/update_constraints.py; tested versions for Python 3.10 to 3.13.", *ELSEWHERE]
    for name, pins in sorted(by_package.items()):
        if name in {line.split("==")[0] for line in ELSEWHERE}:
            continue
        if len(set(pins.values())) == 1:
            lines.append(f"{name}=={next(iter(pins.values()))}")
        else:
            lines += [f'{name}=={pin}; python_version == "{version}"' for version, pin in sorted(pins.items())]
    (ROOT / "constraints.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
