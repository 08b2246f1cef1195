"""The built-in trainer against sd-scripts: the same jobs, in turn, each in a process of its own, measured by the same code.

    python tests/benchmarks/trainer.py --checkout SD_SCRIPTS --python ITS_PYTHON --model sd15=FILE --model sdxl=FILE
        [--batch 1,4] [--optimizers AdamW,Prodigy] [--resolution N] [--steps 20] [--rounds 3] [--device cuda] [--count]
        [--precision bf16] [--threads N] [--json FILE] [-- further options of the job, e.g. --gradient_checkpointing]

Prints for every job, as medians of the rounds: steps per second after the first few, peak memory (of the GPU, as torch
counts it; on a CPU of the process), the time from the start of the process to the end of the first step, and the ratios;
those of the processor's time too, which on a CPU does not see what else the machine does.
sd-scripts is started without accelerate's launcher, whose own start would be a few seconds more. Prodigy is prodigyopt's
class in sd-scripts, and in Caddie both that and the one of optimizers/ ("fast"). Any weights will do, random ones too.
With --count instead: what torch dispatches in one step, without views, and where numbers of tensors are read.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("trainer_child.py")
sys.path.insert(0, str(ROOT))

from core.job.model import Job  # noqa: E402
from core.job.store import dumps  # noqa: E402

WARM = 3
"""Steps before the clock: kernels are chosen, memory is set aside, states are made."""
NUMBERS = ("seconds", "work", "peak", "resident", "begin", "first_work")
SIDES = {"sd15": ("train_network.py", 512), "sdxl": ("sdxl_train_network.py", 1024)}
# What sd-scripts calls it, its learning rate, and what Caddie runs: the same class, and its own where it has one.
OPTIMIZERS: Mapping[str, tuple[str, float, Mapping[str, str]]] = {
    "AdamW": ("AdamW", 1e-4, {"": "AdamW"}),
    "Prodigy": ("Prodigy", 1.0, {"": "Prodigy", " fast": "optimizers.prodigy.Prodigy"}),
}


@dataclass(frozen=True)
class Case:
    """One job."""

    family: str
    model: str
    optimizer: str
    batch: int


def draw(folder: Path, size: int, count: int, repeats: int) -> None:
    """Writes pictures of noise with captions."""
    images = folder / f"{repeats}_noise"
    images.mkdir(parents=True)
    numbers = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(numbers.integers(0, 256, (size, size, 3), dtype=np.uint8)).save(images / f"{number}.png")
        (images / f"{number}.txt").write_text(f"a picture of noise, number {number}", encoding="utf-8")


def options_of(case: Case, arguments: argparse.Namespace, folder: Path, steps: int) -> dict[str, Any]:
    """The job's options, by sd-scripts' names."""
    size = arguments.resolution or SIDES[case.family][1]
    data = folder / f"data {size}"
    if not data.exists():
        draw(data, size, 4, 10_000)
    name, rate, _ = OPTIMIZERS[case.optimizer]
    options: dict[str, Any] = {
        "pretrained_model_name_or_path": case.model,
        "train_data_dir": str(data),
        "caption_extension": ".txt",
        "resolution": f"{size},{size}",
        "output_dir": str(folder / "out"),
        "output_name": "benchmark",
        "network_module": "networks.lora",
        "network_dim": arguments.rank,
        "network_alpha": float(arguments.rank),
        "optimizer_type": name,
        "learning_rate": rate,
        "lr_scheduler": "constant",
        "max_train_steps": steps,
        "train_batch_size": case.batch,
        "mixed_precision": arguments.precision,
        "save_precision": "fp16",
        "seed": 1,
        "cache_latents": True,
        "sdpa": True,
        "max_data_loader_n_workers": 0,
    }
    if arguments.tokenizers:
        options["tokenizer_cache_dir"] = arguments.tokenizers
    for word in arguments.more:
        option, _, value = word.removeprefix("--").partition("=")
        options[option] = json.loads(value) if value else True
    return options


def words_of(options: Mapping[str, Any]) -> Iterator[str]:
    """The options as a command line."""
    for name, value in options.items():
        yield f"--{name}"
        if value is not True:
            yield str(value)


def run(side: str, case: Case, arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One training; what its child wrote down, and the seconds to its first step."""
    last = 4 if arguments.count else WARM + arguments.steps
    options = options_of(case, arguments, folder, last)
    variables = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONUTF8": "1"}
    if arguments.threads:
        variables |= {name: str(arguments.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    if arguments.device == "cpu":
        variables["CUDA_VISIBLE_DEVICES"] = ""
    out = folder / "facts.json"
    out.unlink(missing_ok=True)
    timed = [str(out), "3" if arguments.count else str(WARM + 1), str(last), "3" if arguments.count else "0"]
    script = SIDES[case.family][0]
    if side == "sd-scripts":
        command = [arguments.python, str(CHILD), *timed, "script", script, *words_of(options)]
        where = arguments.checkout
    else:
        options["optimizer_type"] = OPTIMIZERS[case.optimizer][2][side.removeprefix("caddie")]
        job = folder / "job.toml"
        job.write_text(dumps(Job(script=script, engine="builtin", options=options)), encoding="utf-8")
        command = [sys.executable, str(CHILD), *timed, "module", "core.training", str(job)]
        where = str(ROOT)
    begin = time.time()
    done = subprocess.run(
        command, cwd=where, env=variables, check=False, capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    facts: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    if "seconds" not in facts:
        sys.exit(f"{side}: {case} did not get to its end\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}")
    return facts | {"begin": facts["first_step"] - begin, "side": side}


def measure(case: Case, arguments: argparse.Namespace, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """All sides of a case in turn, in an order that turns round with every round."""
    sides = [*(["sd-scripts"] if arguments.checkout else []), *(f"caddie{word}" for word in OPTIMIZERS[case.optimizer][2])]
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(1 if arguments.count else arguments.rounds):
        for side in sides:
            found[side].append(run(side, case, arguments, folder))
        sides.reverse()
    return found


def tell(case: Case, found: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Prints medians and ratios."""
    medians = {
        side: {name: statistics.median(one[name] or 0 for one in runs) for name in NUMBERS} for side, runs in found.items()
    }
    print(f"\n{case.family}, batch {case.batch}, {case.optimizer}")
    base = medians.get("sd-scripts")
    for side, own in medians.items():
        line = (
            f"  {side:14}{1 / own['seconds']:9.3f} steps/s{own['peak'] / 2**20:9.0f} MiB{own['begin']:8.1f} s to the first step"
        )
        if base and side != "sd-scripts":
            line += (
                f"   speed x{base['seconds'] / own['seconds']:.2f}, memory x{own['peak'] / base['peak']:.2f}, "
                f"start x{own['begin'] / base['begin']:.2f}; by processor time speed x{base['work'] / own['work']:.2f}, "
                f"start x{own['first_work'] / base['first_work']:.2f}"
            )
        print(line, flush=True)
    return {"family": case.family, "batch": case.batch, "optimizer": case.optimizer, "runs": found}


def tell_count(case: Case, found: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Prints what was dispatched and read in one step."""
    print(f"\n{case.family}, batch {case.batch}, {case.optimizer}: one step")
    for side, (facts,) in found.items():
        ops: dict[str, int] = facts["ops"]
        print(f"  {side:14}{sum(ops.values()):8} operations, {sum(facts['reads'].values())} reads")
        print("    " + ", ".join(f"{name} {number}" for name, number in list(ops.items())[:24]))
        for name, number in facts["reads"].items():
            print(f"    {number:6} {name}")
    return {"family": case.family, "batch": case.batch, "optimizer": case.optimizer, "count": found}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", default="", help="sd-scripts; without it the built-in trainer runs alone")
    parser.add_argument("--python", default=sys.executable, help="sd-scripts' interpreter")
    parser.add_argument("--model", action="append", required=True, metavar="FAMILY=FILE", help="sd15=… or sdxl=…")
    parser.add_argument("--tokenizers", default="", help="tokenizer_cache_dir of both")
    parser.add_argument("--batch", default="1,4")
    parser.add_argument("--optimizers", default="AdamW,Prodigy")
    parser.add_argument("--resolution", type=int, default=0, help="512 for sd15 and 1024 for sdxl where it is not given")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("more", nargs="*", help="--option or --option=value, value as JSON")
    arguments = parser.parse_args()
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for pair in arguments.model:
            family, _, model = pair.partition("=")
            for optimizer in arguments.optimizers.split(","):
                for batch in map(int, arguments.batch.split(",")):
                    case = Case(family, os.path.abspath(model), optimizer, batch)
                    found = measure(case, arguments, Path(folder))
                    results.append((tell_count if arguments.count else tell)(case, found))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
