"""`test`: the whole suite, or what pytest is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace

from core.paths import PROJECT_ROOT


def run_test(options: Namespace) -> int:
    """Runs pytest in the project. Returns its exit code, 2 for no tests found included."""
    variables = {**os.environ, "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"}
    variables.setdefault("QT_QPA_PLATFORM", "offscreen")
    command = [sys.executable, "-m", "pytest", *options.arguments]
    try:
        return subprocess.run(command, cwd=PROJECT_ROOT, env=variables, check=False).returncode
    except KeyboardInterrupt:
        return 130
