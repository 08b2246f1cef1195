"""`effective`: what a job's settings come to, line by line."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from core.catalogue.kinds import literal
from core.catalogue.loader import load_catalogue
from core.cli.counted import with_images
from core.cli.output import plain, print_facts, print_json, print_table, say
from core.effective.memory import Estimate, estimate_of, facts_of
from core.effective.model import Effective
from core.effective.words import ORIGINS, rate_words
from core.job.store import load_job
from core.text import Text


def run_effective(options: Namespace) -> int:
    """Prints what will really happen."""
    job, catalogue = load_job(Path(options.job)), load_catalogue()
    found = with_images(job, catalogue)
    memory = estimate_of(job, catalogue.find_for_options(job.options))
    if options.json:
        record = plain(found)
        record["memory"] = {"total": memory.total, **plain(memory)} if memory.why is None else plain(memory)
        record["rates"] = plain(found.rates())
        print_json(record)
    else:
        _print(found, memory)
    return 0


def _print(found: Effective, memory: Estimate) -> None:
    headings = Text("Parameter group", "パラメータグループ"), Text("Learning rate", "学習率"), Text("From", "由来")
    rows = [[group.name, say(rate_words(group.rate)), group.option or say(ORIGINS["default"])] for group in found.groups]
    print_table([say(heading) for heading in headings], rows)
    lines = [(say(Text("Optimizer", "オプティマイザー")), found.optimizer)]
    lines.append((say(Text("Scheduler", "スケジューラ")), say(found.scheduler)))
    lines += [(say(fact.label), f"{say(fact.value)} ({say(ORIGINS[fact.origin])})") for fact in found.facts]
    lines += [(say(fact.label), say(fact.value)) for fact in facts_of(memory)]
    print_facts(lines)
    headings = Text("Argument", "引数"), Text("Value", "値"), Text("From", "由来")
    rows = [[one.name, literal(one.value), say(ORIGINS[one.origin])] for one in found.arguments]
    print_table([say(heading) for heading in headings], rows)
