"""How long it takes to say everything of a job at an edit: `python tests/benchmarks/advice.py [--rounds 20]`.

Jobs of every optimizer of the catalogue, each plain and with a dozen things wrong. Printed are the median and the 99th
percentile, by the clock and by the processor time of this thread (on a busy machine the clock counts the others' turns), of `core.advice.review.review`, which the window calls a moment after each edit, and its share of the rules alone.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.advice.advise import RULES, advise
from core.advice.disk import FACT_RULES
from core.advice.facts import Facts
from core.advice.images import ImageFolder
from core.advice.review import review
from core.catalogue.loader import load_catalogue
from core.job.model import Job
from core.job.new import new_job
from core.options.model import OptionSet, OptionValue
from core.options.snapshot import snapshot_for

WRONG: dict[str, OptionValue] = {
    "learning_rate": 1e-4,
    "unet_lr": 1.0,
    "text_encoder_lr": [0.5],
    "lr_scheduler": "cosine_with_restarts",
    "lr_warmup_steps": 5000,
    "max_train_steps": 1000,
    "fused_backward_pass": True,
    "cache_latents": True,
    "random_crop": True,
    "full_bf16": True,
    "adaptive_noise_scale": 0.1,
    "train_batch_sise": 2,
    "output_name": "lora",
    "save_every_n_steps": 100,
    "optimizer_args": ["weight_deca=0.1", "betas=0.9", "odd=true"],
}


def _milliseconds(call: Callable[[], object]) -> tuple[float, float]:
    """By the clock, and of the processor."""
    start, worked = time.perf_counter(), time.thread_time()
    call()
    return (time.perf_counter() - start) * 1000, (time.thread_time() - worked) * 1000


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    catalogue = load_catalogue()
    options = snapshot_for("train_network.py") or OptionSet("train_network.py", {}, "snapshot")
    facts = Facts(
        paths={"output_dir": "folder", "train_data_dir": "folder"},
        absolute={"output_dir": "D:/lora", "train_data_dir": "D:/images"},
        folders=tuple(ImageFolder(f"10_{number}", 10, 100, {".txt": 90, ".caption": 0}) for number in range(50)),
        outputs=frozenset(f"lora-step{number:08d}.safetensors" for number in range(0, 20_000, 100)),
        free_bytes=10**12,
        writable=True,
    )
    plain = [new_job(spec, catalogue) for spec in catalogue.optimizers]
    jobs = plain + [Job(options={**job.options, **WRONG}, script=job.script) for job in plain]
    for job in jobs:
        review(job, options, catalogue)  # what is read once and kept
    print(f"{len(RULES)} rules and {len(FACT_RULES)} of the disk, {len(jobs)} jobs, {rounds} rounds; milliseconds an edit")
    calls: tuple[tuple[str, Callable[[Job], object]], ...] = (
        ("everything (review)", lambda job: review(job, options, catalogue)),
        ("everything with the disk's facts", lambda job: review(job, options, catalogue, facts=facts)),
        ("the rules alone (advise)", lambda job: advise(job, catalogue)),
    )
    for name, call in calls:
        times = [_milliseconds(lambda call=call, job=job: call(job)) for _ in range(rounds) for job in jobs]
        for of, taken in zip(("by the clock", "of the processor"), zip(*times, strict=True), strict=True):
            worst = sorted(taken)[int(len(taken) * 0.99)]
            print(f"{name}, {of}: median {statistics.median(taken):.2f}, 99 % {worst:.2f}")


if __name__ == "__main__":
    main()
