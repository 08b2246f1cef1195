"""`demo`: the main job from end to end with what Caddie ships; no window, no GPU, no sd-scripts.

The training is real but small (low-rank matrices on a synthetic picture task), and goes the way of every run: job,
command, companion, supervisor, events, outcome.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from core.catalogue.loader import load_catalogue
from core.cli.optimizers import find_optimizer
from core.cli.output import note, print_json
from core.cli.place import options_in
from core.cli.watch import show_outcome, watch
from core.command.export import export_file
from core.environment.model import Environment
from core.job.model import Job
from core.job.new import new_job
from core.job.store import save_job
from core.metrics.figure import write_png
from core.metrics.run_metrics import RunMetrics
from core.paths import RESOURCES, user_data_dir
from core.runs.launch import start_run
from core.runs.outcome import Ending
from core.text import Text

CHECKOUT = RESOURCES / "demo" / "checkout"


def demo_environment() -> Environment:
    """Caddie's own Python and the small training script that it ships."""
    return Environment(id="demo", name="demo", python=Path(sys.executable), sd_scripts=CHECKOUT, layout="sd-scripts")


def demo_job(optimizer: str, steps: int, folder: Path) -> Job:
    """A job that trains the demo's task and writes into `folder`."""
    catalogue = load_catalogue()
    job = new_job(find_optimizer(catalogue, optimizer), catalogue)
    settings = {
        "output_dir": str(folder),
        "output_name": "demo",
        "network_dim": 8,
        "network_alpha": 8.0,
        "train_batch_size": 4,
        "max_train_steps": steps,
        "lr_scheduler": "cosine",
        "seed": 42,
        "save_model_as": "safetensors",
    }
    for name in tuple(job.options):
        if not name.startswith(("optimizer", "learning_rate")):
            job = job.with_option(name, None)
    for name, value in settings.items():
        job = job.with_option(name, value)
    return replace(job, name="demo", script="train_network.py", accelerate={"num_cpu_threads_per_process": 1})


def run_demo(options: Namespace) -> int:
    """Trains, draws, exports; says where everything is."""
    folder = (Path(options.out).expanduser() if options.out else user_data_dir() / "demo").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    environment = demo_environment()
    job = demo_job(options.optimizer, options.steps, folder)
    known = options_in(environment, job.script)
    note(
        Text(
            f"Training a small LoRA with {options.optimizer} for {options.steps} steps on this CPU.",
            f"{options.optimizer} で小さな LoRA を CPU で {options.steps} ステップ学習します。",
        )
    )
    save_job(job, folder / "demo.toml")
    for ending in ("sh", "bat"):
        export_file(job, folder / f"demo.{ending}", environment=environment, options=known)
    run = start_run(job, environment, known, runs_dir=folder / "runs")
    metrics = RunMetrics()
    outcome = watch(run, each=lambda update: metrics.feed(update.events))
    picture = folder / "demo.png"
    if metrics.last_step:
        write_png(metrics, picture, title=f"{options.optimizer}: demo")
    if options.json:
        print_json({"run": run.path, "outcome": outcome, "picture": picture, "job": folder / "demo.toml"})
        return 0 if outcome.ending is Ending.FINISHED else 1
    code = show_outcome(outcome)
    note(
        Text(
            f"\nRun folder   {run.path}\nPicture      {picture}\nJob          {folder / 'demo.toml'}\n"
            f"Scripts      {folder / 'demo.sh'}, {folder / 'demo.bat'}",
            f"\n実行フォルダー {run.path}\n図             {picture}\nジョブ         {folder / 'demo.toml'}\n"
            f"スクリプト     {folder / 'demo.sh'}, {folder / 'demo.bat'}",
        )
    )
    return code
