"""`dataset`: what the images of a job, or of a dataset config alone, come to, counted without training."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from rich.progress import Progress, TextColumn

from core.cli.output import note, print_facts, print_json, print_table, say
from core.cli.place import find_place
from core.dataset.census import Census, count_images
from core.dataset.source import parse, read_source
from core.job.model import Job
from core.job.store import load_job
from core.text import Text

_MOST_BUCKETS = 12


def run_dataset(options: Namespace) -> int:
    """Counts and prints; 1 where the images cannot be trained."""
    path = Path(options.job)
    alone = is_dataset_config(path)
    job = Job(options={"dataset_config": str(path.absolute())}) if alone else load_job(path)
    base = None
    if job.engine == "sd-scripts" and (options.environment or options.python or options.checkout):
        base = find_place(job, options).sd_scripts
    with Progress(TextColumn("{task.description} {task.completed}"), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(say(Text("images", "画像")), total=None)
        census = count_images(job, base, progress=lambda seen: bar.update(task, completed=seen))
    if alone:  # how long it trains the job says
        census = replace(census, steps=0, epochs=0)
    if options.json:
        print_json(census)
    else:
        _print(census)
    return 1 if census.errors else 0


def is_dataset_config(path: Path) -> bool:
    """Whether a file is a dataset config and no job. What cannot be read is a job, whose reader says why."""
    if path.suffix.lower() == ".json":
        return True
    try:
        document = parse(read_source(path)).document
    except (OSError, UnicodeDecodeError):
        return False
    return document is not None and "datasets" in document


def _print(census: Census) -> None:
    headings = (
        Text("Folder", "フォルダー"),
        Text("Images", "画像"),
        Text("Repeats", "繰り返し"),
        Text("With caption", "キャプションあり"),
    )
    folders = [folder for dataset in census.datasets for folder in dataset.folders]
    rows = [
        [one.path + (" (reg)" if one.is_reg else ""), str(one.images), str(one.repeats), str(one.captions)] for one in folders
    ]
    if rows:
        print_table([say(heading) for heading in headings], rows)
    for dataset in census.datasets:
        headings = Text("Bucket", "バケット"), Text("Images with repeats", "画像 (繰り返しを含む)")
        shown = [[f"{one.size[0]} × {one.size[1]}", str(one.count)] for one in dataset.buckets[:_MOST_BUCKETS]]
        more = dataset.buckets[_MOST_BUCKETS:]
        if more:
            several = Text(f"{len(more)} more", f"ほか {len(more)} 種類")
            shown.append([say(several), str(sum(one.count for one in more))])
        print_table([say(heading) for heading in headings], shown)
    facts = (
        (Text("Images", "画像"), census.images),
        (Text("Images with repeats", "画像 (繰り返しを含む)"), census.repeated),
        (Text("Regularization images", "正則化画像"), census.reg_images),
        (Text("Without a caption", "キャプションなし"), census.without_caption),
        (Text("Steps an epoch", "1 エポックのステップ数"), census.steps_per_epoch),
        (Text("Epochs", "エポック数"), census.epochs),
        (Text("Steps", "ステップ数"), census.steps),
    )
    if rows:
        unknown = ("Epochs", "Steps") if not census.steps else ()
        print_facts([(say(name), str(value)) for name, value in facts if name.en not in unknown])
    for text in (*census.errors, *census.warnings):
        note(text)
