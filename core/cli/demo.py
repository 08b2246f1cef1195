"""`demo`: a LoRA trained from end to end with what Caddie ships; no window, no GPU, no sd-scripts, no download.

It is a real training of a small model by the built-in trainer, and goes the way of every run: job, supervisor, events,
outcome.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from core.catalogue.loader import load_catalogue
from core.cli.optimizers import find_optimizer
from core.cli.output import note, print_json
from core.cli.watch import show_outcome, watch
from core.job.demo import PROMPTS, demo_folder, write_demo
from core.job.store import load_job
from core.metrics.figure import write_png
from core.metrics.run_metrics import RunMetrics
from core.options.snapshot import snapshot_for
from core.runs.builtin import start_builtin_run
from core.runs.events import Sample
from core.runs.follow import Update
from core.runs.outcome import Ending
from core.text import Text


def run_demo(options: Namespace) -> int:
    """Trains, draws the curves, puts the samples side by side; says where everything is."""
    folder = (Path(options.out).expanduser() if options.out else demo_folder()).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = load_catalogue()
    spec = find_optimizer(catalogue, options.optimizer)
    file = write_demo(folder, catalogue, optimizer=spec, steps=options.steps)
    job = load_job(file)
    known = snapshot_for(job.script)
    assert known is not None, job.script
    note(
        Text(
            f"Teaching a small model what a golf flag is: a LoRA with {spec.id}, {options.steps} steps, on the device that is found.",
            f"小さなモデルに「ゴルフの旗」を教えます: {spec.id} で LoRA を {options.steps} ステップ学習します。",
        )
    )
    run = start_builtin_run(job, known, catalogue=catalogue, runs_dir=folder / "runs", base=folder)
    metrics, samples = RunMetrics(), list[Sample]()

    def take(update: Update) -> None:
        metrics.feed(update.events)
        samples.extend(event for event in update.events if isinstance(event, Sample))

    outcome = watch(run, each=take)
    made = _pictures(folder, metrics, samples, title=f"{spec.id}: demo")
    if options.json:
        print_json({"run": run.path, "outcome": outcome, "job": file, **made})
        return 0 if outcome.ending is Ending.FINISHED else 1
    code = show_outcome(outcome)
    note(
        Text(
            f"\nRun folder        {run.path}\nJob               {file}", f"\n実行フォルダー   {run.path}\nジョブ           {file}"
        )
    )
    if "curves" in made:
        note(Text(f"Loss and d*lr     {made['curves']}", f"loss と d*lr     {made['curves']}"))
    if "comparison" in made:
        note(Text(f"Before and after  {made['comparison']}", f"学習の前と後     {made['comparison']}"))
    return code


def _pictures(folder: Path, metrics: RunMetrics, samples: list[Sample], *, title: str) -> dict[str, Path]:
    """Writes the curves, and the comparison where there are samples of both ends."""
    made = dict[str, Path]()
    if metrics.last_step:
        made["curves"] = folder / "demo.png"
        write_png(metrics, made["curves"], title=title)
    before = [Path(sample.path) for sample in samples if sample.step == 0]
    last = max((sample.step for sample in samples), default=0)
    after = [Path(sample.path) for sample in samples if sample.step == last]
    if last and len(before) == len(after) == len(PROMPTS):
        from core.training.demo.compare import write_comparison  # late: Pillow

        made["comparison"] = folder / "before-after.png"
        write_comparison(made["comparison"], PROMPTS, before, after)
    return made
