"""Holds the effective settings against what a checkout of sd-scripts builds: random jobs, each learning rate at each step.

    python tests/benchmarks/effective_settings.py --checkout ~/sd-scripts --jobs 300

The checkout's own `get_optimizer` and `get_scheduler_fix` are run (compiled out of library/train_util.py, as the preflight
does) with the packages of this Python. Ends with 1 where any job differs.
"""

from __future__ import annotations

import argparse
import logging
import math
import random
import sys
import warnings
from pathlib import Path
from types import MappingProxyType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from core.advice.review import review
from core.catalogue.catalogue import Catalogue
from core.catalogue.loader import load_catalogue
from core.effective.curve import factor_of
from core.effective.effective import effective
from core.effective.model import Effective
from core.job.model import Job
from core.options.model import OptionSet, OptionValue
from core.options.reader import read_checkout
from core.preflight import child
from core.preflight.request import question

OPTIMIZERS = ("AdamW", "Lion", "SGDNesterov", "AdaFactor", "prodigy", "DAdaptAdam", "DAdaptLion", "RAdamScheduleFree")
OPTIMIZERS += ("pytorch_optimizer.CAME", "torch.optim.RAdam")
SCHEDULERS = ("constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "polynomial", "inverse_sqrt")
SCHEDULERS += ("cosine_with_min_lr", "warmup_stable_decay", "piecewise_constant", "adafactor")
SCRIPT = "train_network.py"


def random_job(chance: random.Random) -> Job:
    """Settings as people mix them, sensible or not."""
    options: dict[str, OptionValue] = {
        "optimizer_type": chance.choice(OPTIMIZERS),
        "lr_scheduler": chance.choice(SCHEDULERS),
        "max_train_steps": chance.choice((17, 40, 100)),
        "learning_rate": chance.choice((1e-4, 3e-4, 1.0)),
        "network_dim": 4,
    }
    extras: tuple[tuple[str, tuple[OptionValue, ...]], ...] = (
        ("unet_lr", (5e-5, 1.0)),
        ("lr_warmup_steps", (5, 0.1, 0.25)),
        ("lr_decay_steps", (6, 0.3)),
        ("lr_scheduler_num_cycles", (2, 3)),
        ("lr_scheduler_power", (2.0,)),
        ("lr_scheduler_min_lr_ratio", (0.1,)),
        ("lr_scheduler_timescale", (25,)),
        ("network_train_unet_only", (True,)),
    )
    for name, values in extras:
        if chance.random() < 0.35:
            options[name] = chance.choice(values)
    if options["optimizer_type"] == "AdaFactor" and chance.random() < 0.5:
        options["optimizer_args"] = ["relative_step=False", "scale_parameter=False", "warmup_init=False"]
    if options["lr_scheduler"] == "piecewise_constant":
        options["lr_scheduler_args"] = ["step_rules='1:7,0.3:12,0.1'"]
    accelerate = {"num_processes": chance.choice((2, 3))} if chance.random() < 0.2 else {}
    return Job(script=SCRIPT, options=MappingProxyType(options), accelerate=MappingProxyType(accelerate))


Rates = list[list[float | None]]


def really(job: Job, known: OptionSet, catalogue: Catalogue, checkout: Path) -> tuple[Rates, dict[str, Any]]:
    """The rate of each group at each step and the optimizer's defaults, from sd-scripts' own functions, on two small tensors a group."""
    asked = question(job, known, catalogue)
    request = {**asked.request, "folder": str(checkout)}
    request["groups"] = [{**group, "shapes": [[[4, 6], 1, False], [[6, 4], 1, True]]} for group in request["groups"]]
    builder = child.SdScripts(request)
    groups = child.make_groups(torch, request, "cpu")
    built = builder.build(groups, request["steps"], {})
    found: Rates = []
    for step in range(asked.steps):
        found.append(built.rates())
        child.fill_gradients(torch, groups, step, 1.0)
        built.step(None)
        built.schedule()
    return found, dict(built.optimizer.defaults)


def keywords(said: Effective, real: dict[str, Any]) -> str:
    """Which keyword of the optimizer is another than the view says, "" where none is. What the package keeps elsewhere is not seen."""
    for one in said.arguments:
        if one.name in real and real[one.name] != one.value and list_of(real[one.name]) != list_of(one.value):
            return f"{one.name}: {one.value!r} said, {real[one.name]!r} built"
    return ""


def list_of(value: object) -> object:
    """A tuple as a list: packages keep either."""
    return list(value) if isinstance(value, tuple) else value


def expected(said: Effective) -> list[list[float]] | None:
    """The same as the view says it; None where it says that nobody knows beforehand."""
    if said.schedule is None or said.steps is None:
        return None
    factor = factor_of(said.schedule)
    if factor is None or any(group.rate is None for group in said.groups):
        return None
    pace = said.schedule.pace
    return [[(group.rate or 0.0) * factor(step * pace) for group in said.groups] for step in range(said.steps)]


def compare(job: Job, known: OptionSet, catalogue: Catalogue, checkout: Path) -> str:
    """In words; what begins with DIFFERS is a fault of the view or of the advice."""
    said = effective(job, catalogue)
    try:
        real, defaults = really(job, known, catalogue, checkout)
    except Exception as error:  # noqa: BLE001  (whatever sd-scripts ends in is a refusal)
        told = any(finding.severity == "error" for finding in review(job, known, catalogue, unfinished=True))
        return "dies, as the advice says" if told else f"DIFFERS: dies with nobody telling it before: {error!r}"
    other_keyword = keywords(said, defaults)
    if other_keyword:
        return f"DIFFERS: {other_keyword}"
    wanted = expected(said)
    if wanted is None:
        return "keywords equal, no curve said"
    for step, (ours, theirs) in enumerate(zip(wanted, real, strict=True)):
        if len(ours) != len(theirs):
            return f"DIFFERS: {len(ours)} groups for {len(theirs)}"
        for one, other in zip(ours, theirs, strict=True):
            if other is None or not math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-15):
                return f"DIFFERS at step {step}: {ours} for {theirs}"
    return "equal: keywords, and every rate at every step"


def main() -> int:
    """Compares and prints the counts and each difference."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--checkout", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    checkout = options.checkout.expanduser().resolve()
    known, catalogue, chance = read_checkout(checkout)[SCRIPT], load_catalogue(), random.Random(options.seed)
    counts: dict[str, int] = {}
    for _ in range(options.jobs):
        job = random_job(chance)
        found = compare(job, known, catalogue, checkout)
        key = found if not found.startswith("DIFFERS") else "DIFFERS"
        counts[key] = counts.get(key, 0) + 1
        if key == "DIFFERS":
            sys.stdout.write(f"{found}\n  {dict(job.options)} {dict(job.accelerate)}\n")
    for key, count in sorted(counts.items()):
        sys.stdout.write(f"{count:5}  {key}\n")
    return 1 if "DIFFERS" in counts else 0


if __name__ == "__main__":
    raise SystemExit(main())
