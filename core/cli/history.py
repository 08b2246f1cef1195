"""`history`: every run that was ever made, in one table."""

from __future__ import annotations

import math
import sys
from argparse import Namespace
from datetime import datetime
from pathlib import Path

from rich.progress import Progress

from core.catalogue.loader import load_catalogue
from core.cli.output import note, plain, print_json, print_table, say
from core.errors import CaddieError
from core.history.differ import SECTIONS, differences
from core.history.imports import import_runs
from core.history.index import list_history
from core.history.notes import clean_tags, write_notes
from core.history.query import matching, parse
from core.history.read import read_record
from core.history.record import RunRecord
from core.history.seeds import SeedGroup, Spread, seed_groups
from core.text import Text

_HEADINGS = (
    Text("Run", "実行"),
    Text("Outcome", "結果"),
    Text("Optimizer", "オプティマイザー"),
    Text("Rate", "学習率"),
    Text("Steps", "ステップ"),
    Text("Loss", "loss"),
    Text("Validation", "検証 loss"),
    Text("Steps/s", "ステップ/秒"),
    Text("Started", "開始"),
    Text("Tags", "タグ"),
)
_ENDINGS = {
    "starting": Text("starting", "起動中"),
    "running": Text("running", "実行中"),
    "finished": Text("finished", "完了"),
    "stopped": Text("stopped", "停止"),
    "failed": Text("failed", "失敗"),
    "lost": Text("lost", "不明"),
}


def run_history(options: Namespace) -> int:
    """Lists runs, or does what the action says."""
    actions = {"diff": _diff, "spread": _spread, "import": _import, "tag": _tag, "note": _note}
    return actions.get(options.action, _list)(options)


def records_of(options: Namespace) -> tuple[RunRecord, ...]:
    """All runs of the folder that the command line names, with a bar while they are read for the first time."""
    with Progress(transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(say(Text("runs", "実行")), total=None)
        listing = list_history(_runs_dir(options), progress=lambda done, total: bar.update(task, completed=done, total=total))
    if listing.trouble is not None:
        note(listing.trouble)
    return listing.records


def find_record(records: tuple[RunRecord, ...], word: str) -> RunRecord:
    """The run that a word names: its folder, the folder's name or the only beginning of it, or a name that only one has.

    Raises:
        CaddieError: none, or several.
    """
    for found in (
        [record for record in records if word in (record.id, str(record.folder)) or record.folder == Path(word).resolve()],
        [record for record in records if record.name == word],
        [record for record in records if record.id.startswith(word)],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(record.id for record in found[:5])
            raise CaddieError(
                Text(f"{word} names several runs: {listed} …", f"{word} に当てはまる実行が複数あります: {listed} …")
            )
    raise CaddieError(Text(f"There is no run {word}.", f"実行 {word} は見つかりません。"))


def _list(options: Namespace) -> int:
    conditions = parse(" ".join(options.filter or ()))
    found = matching(records_of(options), conditions)
    if options.json:
        print_json([{"id": record.id, **_plain(record)} for record in found])
        return 0
    if not found:
        note(Text("No run.", "該当する実行はありません。"))
        return 0
    print_table([say(heading) for heading in _HEADINGS], [_row(record) for record in found])
    for record in found:
        if record.damage is not None:
            note(Text(f"{record.id}: {record.damage.en}", f"{record.id}: {record.damage.ja}"))
    return 0


def _diff(options: Namespace) -> int:
    records = records_of(options)
    one, other = (find_record(records, word) for word in (options.one, options.other))
    found = differences(one.folder, other.folder)
    if options.json:
        print_json([{**plain(item), "label": item.label.en, "one": item.one.en, "other": item.other.en} for item in found])
        return 0
    if not found:
        note(Text("Nothing differs.", "違いはありません。"))
        return 0
    quiet = Text("(no effect)", "(影響なし)")
    rows = [
        [say(SECTIONS[item.section]), say(item.label), say(item.one), say(item.other), "" if item.matters else say(quiet)]
        for item in found
    ]
    print_table(["", "", one.id, other.id, ""], rows)
    return 0


def _spread(options: Namespace) -> int:
    records = records_of(options)
    groups = seed_groups(matching(records, parse(" ".join(options.filter or ()))), records)
    if options.json:
        fields = ("loss", "validation_loss", "steps_per_second", "memory")
        print_json(
            [
                {
                    "runs": [record.id for record in group.counted],
                    "seeds": [record.seed for record in group.counted],
                    **{name: getattr(group, name) for name in fields},
                }
                for group in groups
            ]
        )
        return 0
    if not groups:
        note(Text("No run.", "該当する実行はありません。"))
        return 0
    headings = (_HEADINGS[2], _HEADINGS[3], Text("Seeds", "シード"), *_HEADINGS[5:8])
    print_table([say(heading) for heading in headings], [_spread_row(group) for group in groups])
    return 0


def _spread_row(group: SeedGroup) -> list[str]:
    first = group.counted[0]
    seeds = ", ".join("–" if record.seed is None else str(record.seed) for record in group.counted)
    values = [_with_spread(value) for value in (group.loss, group.validation_loss, group.steps_per_second)]
    return [" ".join((first.optimizer, *first.arguments)), _number(first.rate), seeds, *values]


def _with_spread(value: Spread | None) -> str:
    if value is None:
        return "–"
    return _number(value.mean) + ("" if value.sd is None else f" ± {value.sd:.3g} ({value.n})")


def _import(options: Namespace) -> int:
    settings = Path(options.settings) if options.settings else None
    found = import_runs(Path(options.path), load_catalogue(), runs_dir=_runs_dir(options), settings=settings)
    if options.json:
        print_json(found)
        return 0
    for run in found:
        word = Text("new", "新規") if run.new else Text("brought up to date", "更新")
        print(f"{run.folder}  {run.source}  {say(word)}")
    return 0


def _tag(options: Namespace) -> int:
    record = find_record(records_of(options), options.run)
    wanted = clean_tags(options.tags)
    present = read_record(record.folder).tags
    kept = [tag for tag in present if tag not in wanted] if options.remove else [*present, *wanted]
    print(", ".join(write_notes(record.folder, tags=kept).tags))
    return 0


def _note(options: Namespace) -> int:
    record = find_record(records_of(options), options.run)
    write_notes(record.folder, notes=options.text)
    return 0


def _plain(record: RunRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in RunRecord.__dataclass_fields__}


def _row(record: RunRecord) -> list[str]:
    steps = f"{record.steps}" + (f"/{record.total}" if record.total is not None else "")
    return [
        record.id,
        say(_ENDINGS[record.ending.value]) + (" !" if record.damage is not None else ""),
        " ".join((record.optimizer, *record.arguments)),
        _number(record.rate),
        steps,
        _number(record.loss),
        _number(record.validation_loss),
        _number(record.steps_per_second),
        f"{datetime.fromtimestamp(record.created_at):%Y-%m-%d %H:%M}",
        ", ".join(record.tags),
    ]


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if math.isfinite(value) else "NaN" if math.isnan(value) else str(value)


def _runs_dir(options: Namespace) -> Path | None:
    return Path(options.runs).absolute() if options.runs else None
