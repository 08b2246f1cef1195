"""`handover RUN`: where d*lr came to rest, and a job for another optimizer with the rate that follows."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from core.catalogue.catalogue import Catalogue
from core.catalogue.loader import load_catalogue
from core.cli.history import find_record, records_of
from core.cli.optimizers import find_optimizer
from core.cli.output import note, plain, print_json, print_table, say
from core.errors import CaddieError
from core.handover.measure import Found, measure
from core.handover.take_over import TakeOver, take_over, targets
from core.handover.words import caution_words, group_label, is_ready, plateau_words, rule_words
from core.history.curves import read_metrics
from core.history.differ import differing_jobs
from core.job.model import Job
from core.job.store import save_job
from core.runs.folder import RunFolder
from core.text import Text


def run_handover(options: Namespace) -> int:
    """Says what the run found; with `--to` makes the job. 1 where there is nothing to take over."""
    if options.output and not options.to:
        raise CaddieError(Text("-o needs --to.", "-o には --to が必要です。"))
    run, catalogue = _run(options), load_catalogue()
    job = run.job
    found = measure(read_metrics(run), job, catalogue)
    if options.to:
        return _make(found, job, catalogue, options)
    return _list(found, job, catalogue, options)


def _run(options: Namespace) -> RunFolder:
    path = Path(options.run)
    if (path / "command.json").is_file():
        return RunFolder(path)
    return RunFolder(find_record(records_of(options), options.run).folder)


def _say_found(found: Found) -> None:
    headings = Text("Parameter group", "パラメータグループ"), Text("d × rate", "d × 学習率"), Text("What d does", "d の様子")
    rows = [
        [group_label(group), f"{group.rate:.3g}" if group.usable and group.rate else "–", say(plateau_words(group))]
        for group in found.groups
    ]
    print_table([say(heading) for heading in headings], rows)
    caution = caution_words(found)
    if caution is not None:
        note(caution)


def _list(found: Found, job: Job, catalogue: Catalogue, options: Namespace) -> int:
    ways = [take_over(found, job, spec, catalogue) for spec in targets(found, job, catalogue)]
    if options.json:
        print_json({**_found_plain(found), "to": [_way_plain(way) for way in ways]})
        return 0 if ways else 1
    if not found.groups:
        note(Text("This run tells no learning rate.", "この実行には学習率の記録がありません。"))
        return 1
    _say_found(found)
    if not ways:
        return 1
    headings = (
        Text("Optimizer", "オプティマイザー"),
        Text("Rate", "学習率"),
        Text("Range", "範囲"),
        Text("Rule from", "規則の出典"),
    )
    rows = [
        [
            way.spec.name,
            ", ".join(f"{rate.option} {rate.value:g}" for rate in way.rates),
            ", ".join(f"{rate.low:g} – {rate.high:g}" for rate in way.rates),
            say(way.rule.scales[-1].source.title),
        ]
        for way in ways
    ]
    print_table([say(heading) for heading in headings], rows)
    return 0


def _make(found: Found, job: Job, catalogue: Catalogue, options: Namespace) -> int:
    way = take_over(found, job, find_optimizer(catalogue, options.to), catalogue, warmup=options.warmup)
    path = Path(options.output) if options.output else None
    if path is not None and path.exists() and not options.force:
        raise CaddieError(
            Text(
                f"{path} exists; add --force to replace it.", f"{path} は既にあります。置き換えるには --force を付けてください。"
            )
        )
    changed = differing_jobs(job, way.job)
    if path is not None:
        save_job(way.job, path)
    if options.json:
        differences = [{"name": item.name, "old": item.one.en, "new": item.other.en} for item in changed]
        print_json({**_found_plain(found), "to": _way_plain(way), "differences": differences})
        return 0
    _say_found(found)
    assert found.spec is not None, "take_over refuses what the catalogue does not know"
    print(say(rule_words(way.rule, found.spec, way.spec)))
    for scale in way.rule.scales:
        print(f"  {say(scale.text)} [{say(scale.source.title)}]")
    for text in way.notes:
        print(f"  {say(text)}")
    headings = Text("Setting", "設定"), Text("This run", "この実行"), Text("New job", "新しいジョブ")
    print_table([say(heading) for heading in headings], [[item.name, say(item.one), say(item.other)] for item in changed])
    if path is not None:
        note(Text(f"Written: {path}", f"書き出しました: {path}"))
    return 0


def _found_plain(found: Found) -> dict[str, object]:
    groups = [
        {
            "names": list(group.names),
            "given": group.given,
            "rate": group.rate if group.usable else None,
            "low": group.low if group.usable else None,
            "high": group.high if group.usable else None,
            "plateau": plain(group.plateau),
            "text": plateau_words(group).en,
        }
        for group in found.groups
    ]
    return {
        "optimizer": None if found.spec is None else found.spec.id,
        "has_d": found.has_d,
        "settled": is_ready(found),
        "last_step": found.last_step,
        "total": found.total,
        "groups": groups,
    }


def _way_plain(way: TakeOver) -> dict[str, object]:
    return {
        "optimizer": way.spec.id,
        "rates": plain(way.rates),
        "factor": way.rule.factor,
        "least": way.rule.least,
        "most": way.rule.most,
        "rules": [
            {"text": scale.text.en, "source": scale.source.title.en, "link": scale.source.link} for scale in way.rule.scales
        ],
        "notes": [text.en for text in way.notes],
    }
