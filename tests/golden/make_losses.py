"""Loss curves of real trainings, healthy and diverging: the small demo model, several optimizers, rates and seeds.

    python tests/golden/make_losses.py [--steps 200]

Writes tests/golden/losses/*.csv, one loss a line, as they are made; those that are there already are left alone. The watchdogs
are judged by them (tests/benchmarks/watchdogs.py, docs/watchdogs.md).
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from core.catalogue.loader import load_catalogue
from core.history.curves import read_metrics
from core.job.demo import demo_job
from core.job.model import Job
from core.job.store import save_job
from core.metrics.run_metrics import LOSS
from core.paths import PROJECT_ROOT
from core.runs.folder import list_runs

FOLDER = Path(__file__).with_name("losses")
_SAYS_NOTHING = 0.7
PICTURES = PROJECT_ROOT / "resources" / "demo" / "pictures"

SORTS = [
    ("Prodigy", {}, 1),
    ("AdamW", {"learning_rate": 1e-3}, 1),
    ("Lion", {"learning_rate": 2e-4}, 1),
    ("CAME", {"learning_rate": 3e-4}, 1),
    ("AdamW", {"learning_rate": 3e-3, "lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3}, 2),
    ("RAdamScheduleFree", {}, 1),
    ("AdaFactor", {"train_batch_size": 4}, 2),
    ("AdaFactor", {}, 1),
    ("Prodigy", {"train_batch_size": 1}, 2),
    ("AdamW", {"learning_rate": 1e-3, "min_snr_gamma": 5.0}, 3),
    ("SGDNesterov", {"learning_rate": 0.1}, 1),
    ("ProdigyPlusScheduleFree", {}, 1),
    ("AdamW", {"learning_rate": 1e-3, "train_batch_size": 1}, 4),
    ("Lion", {"learning_rate": 1e-4, "train_batch_size": 4}, 2),
    # rates that are far too high
    ("AdamW", {"learning_rate": 0.3, "lr_scheduler": "constant"}, 1),
    ("Lion", {"learning_rate": 0.1, "lr_scheduler": "constant"}, 1),
    ("SGDNesterov", {"learning_rate": 300.0, "lr_scheduler": "constant", "max_grad_norm": 0.0}, 1),
    ("CAME", {"learning_rate": 0.3, "lr_scheduler": "constant"}, 1),
    ("Prodigy", {"optimizer_args": ["d_coef=200"], "lr_scheduler": "constant"}, 1),
    ("AdamW", {"learning_rate": 1.0, "lr_scheduler": "constant_with_warmup", "lr_warmup_steps": 150}, 2),
    ("DAdaptAdam", {}, 1),  # d overshoots on so small a model
    ("AdamW", {"learning_rate": 0.02, "lr_scheduler": "constant"}, 3),
    ("SGDNesterov", {"learning_rate": 3.0, "lr_scheduler": "constant", "max_grad_norm": 0.0}, 2),
    ("Lion", {"learning_rate": 0.004, "lr_scheduler": "constant"}, 2),
]


def main(arguments: list[str]) -> int:
    """Trains what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--steps", type=int, default=200)
    wanted = parser.parse_args(arguments)
    FOLDER.mkdir(exist_ok=True)
    for place, (name, options, seed) in enumerate(SORTS):
        if not list(FOLDER.glob(f"*-{place:02}-*.csv")):
            losses = train(name, options, seed, wanted.steps)
            path = FOLDER / f"{kind_of(losses)}-{place:02}-{name}.csv"
            path.write_text("".join(f"{loss:.4g}\n" for loss in losses), encoding="utf-8")
            print(path.name, len(losses), flush=True)
    return 0


def kind_of(losses: list[float]) -> str:
    """By its end, whatever the rate: no number, or the loss of a model that says nothing (about 1)."""
    return "healthy" if all(map(math.isfinite, losses)) and statistics.median(losses[-40:]) < _SAYS_NOTHING else "diverging"


def job_for(name: str, options: dict[str, object], seed: int, steps: int, folder: Path) -> Job:
    """The demo's job, smaller and without pictures on the way."""
    job = demo_job(folder, load_catalogue()[name], steps)
    if "optimizer_args" not in options and name == "Prodigy":
        job = job.with_argument("d_coef", "0.5")
    settings = {"resolution": "64,64", "train_batch_size": 2, "train_data_dir": str(PICTURES), "seed": seed, **options}
    settings |= dict.fromkeys(["sample_prompts", "sample_sampler", "sample_at_first", "sample_every_n_steps"])
    for key, value in settings.items():
        job = job.with_option(key, value)  # type: ignore[arg-type]
    return job


def train(name: str, options: dict[str, object], seed: int, steps: int) -> list[float]:
    """The loss of each step. A training that gave up is as long as it got."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "job.toml"
        save_job(job_for(name, options, seed, steps, Path(folder)), file)
        command = [sys.executable, str(PROJECT_ROOT / "main.py"), "run", str(file), "--out", folder]
        subprocess.run(command, env={**os.environ, "CADDIE_HOME": folder}, stdout=subprocess.DEVNULL, check=False)
        (run,) = list_runs(Path(folder))
        return [float(loss) if math.isfinite(loss) else math.nan for loss in read_metrics(run).get(LOSS).y]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
