"""`test`: the whole suite, or what pytest is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace

from core.paths import PROJECT_ROOT


def run_test(options: Namespace) -> int:
    """Runs pytest in the project, the whole suite on all cores. Returns pytest's exit code."""
    variables = {**os.environ, "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"}
    variables.setdefault("QT_QPA_PLATFORM", "offscreen")
    # Each core has a process of its own: threads of torch's beside them only wait for each other, and spin while they do.
    variables.setdefault("OMP_NUM_THREADS", "1")
    variables.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Files stay together: their fixtures (a trained run, a probed environment) are made once a file.
    whole = set(options.arguments) <= {"--exhaustive"}
    parallel = ["-n", "auto", "--dist", "loadfile"] if whole else []
    command = [sys.executable, "-m", "pytest", *parallel, *options.arguments]
    try:
        return subprocess.run(command, cwd=PROJECT_ROOT, env=variables, check=False).returncode
    except KeyboardInterrupt:
        return 130
