"""`python -m optimizers.bench`: the measuring process. Writes JSON lines; `main.py bench optimizers` draws them.

Kinds of lines: `start` (what and where), `begin` and `row` for each optimizer, `problem` (nothing was measured), `end`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from optimizers.bench.measure import Clock, Plan, run_rows
from optimizers.bench.memory import copy_bandwidth
from optimizers.bench.rows import chosen_rows
from optimizers.bench.shapes import SETS, tensors_of

Write = Callable[[dict[str, Any]], None]
_COPY_MEGABYTES = {"cpu": 256, "cuda": 1024}


def main(arguments: list[str]) -> int:
    """Returns 0 where every line was written, 1 where nothing could be measured."""
    options = _parser().parse_args(arguments)
    with _lines() as write:
        return _measure(options, write)


@contextmanager
def _lines() -> Iterator[Write]:
    """Writes JSON lines to standard output, and keeps everybody else's words out of it: some optimizers print."""
    sys.stdout.flush()
    target = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(target, "w", encoding="ascii") as stream:

        def write(line: dict[str, Any]) -> None:
            stream.write(json.dumps(_finite(line), default=str) + "\n")
            stream.flush()

        try:
            yield write
        finally:
            sys.stdout.flush()
            os.dup2(target, 1)


def _measure(options: argparse.Namespace, write: Write) -> int:
    names = [name for name in options.optimizers.split(",") if name]
    try:
        rows = chosen_rows(names)
    except KeyError as error:
        known = sorted({row.name for row in chosen_rows(())})
        write({"kind": "problem", "reason": "unknown-optimizer", "words": error.args[0], "known": known})
        return 1
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        write({"kind": "problem", "reason": "no-cuda", "words": f"torch {torch.__version__}"})
        return 1
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory(prefix="caddie-bench-", ignore_cleanup_errors=True) as folder:
        # A first step includes its compiling only where nothing was compiled before.
        os.environ["CADDIE_KERNEL_CACHE"] = str(Path(folder) / "kernels")
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(Path(folder) / "inductor")
        begun = time.monotonic()
        clock: Clock = "process" if device.type == "cpu" and options.threads == 1 else "wall"
        seconds = time.process_time if clock == "process" else time.perf_counter
        plan = Plan(
            tensors=tensors_of(options.set),
            device=device,
            rounds=options.rounds,
            seconds=options.seconds,
            clock=clock,
            bandwidth=copy_bandwidth(device, _COPY_MEGABYTES[device.type], seconds),
        )
        write({"kind": "start", **_described(plan, options)})
        for line in run_rows(plan, rows):
            write(line)
        write({"kind": "end", "seconds": time.monotonic() - begun})
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m optimizers.bench", description=__doc__)
    parser.add_argument("--set", choices=SETS, default="sd15")
    parser.add_argument("--device", choices=tuple(_COPY_MEGABYTES), default="cpu")
    parser.add_argument("--optimizers", default="", help="names, separated by commas; all where it is left out")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="for the steps of one row; at least five rounds are made")
    return parser


def _described(plan: Plan, options: argparse.Namespace) -> dict[str, Any]:
    return {
        "set": options.set,
        "tensors": len(plan.tensors),
        "parameters": plan.parameters,
        "device": plan.device.type,
        "device_name": torch.cuda.get_device_name() if plan.device.type == "cuda" else _processor(),
        "threads": torch.get_num_threads(),
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "clock": plan.clock,
        "bandwidth": plan.bandwidth,
        "torch": torch.__version__,
        "cuda": torch.version.cuda if plan.device.type == "cuda" else None,
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    named = next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
