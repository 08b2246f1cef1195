"""`convert`: another program's settings as a job, with what became of each key."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from core.catalogue.loader import load_catalogue
from core.cli.output import note, print_json, print_table, say
from core.convert.read import read_file
from core.convert.report import WORDS, Imported, Outcome
from core.errors import CaddieError
from core.job.store import dumps, save_job
from core.text import Text

_HEADINGS = (Text("Key", "キー"), Text("Value", "値"), Text("Result", "結果"), Text("Becomes", "変換先"), Text("Note", "補足"))


def run_convert(options: Namespace) -> int:
    """Reads a file, prints the report, and writes the job where one is asked for."""
    found = read_file(Path(options.file), load_catalogue())
    target = Path(options.output) if options.output else None
    if target is not None:
        if target.exists() and not options.force:
            raise CaddieError(
                Text(
                    f"{target} exists; add --force to replace it.",
                    f"{target} は既にあります。置き換えるには --force を付けてください。",
                )
            )
        save_job(found.job, target)
    if options.json:
        print_json(_plain(found, target))
        return 0
    rows = [entry for entry in found.report.entries if options.all or entry.outcome is not Outcome.UNSET]
    print_table(
        [say(heading) for heading in _HEADINGS],
        [
            (entry.key, entry.value, say(WORDS[entry.outcome]), entry.target, say(entry.why) if entry.why else "")
            for entry in rows
        ],
    )
    for text in found.report.notes:
        note(text)
    kind, counts = found.kind, found.report.summary()
    note(Text(f"{kind.en}: {counts.en}", f"{kind.ja}: {counts.ja}"))
    if target is not None:
        note(Text(f"Written: {target}", f"書き出しました: {target}"))
    else:
        note(
            Text(
                "Nothing was written; add -o JOB.toml to keep the job.",
                "何も書き出していません。ジョブを保存するには -o JOB.toml を付けてください。",
            )
        )
    return 0


def _plain(found: Imported, target: Path | None) -> dict[str, object]:
    return {
        "kind": found.kind,
        "job": dumps(found.job),
        "written": target,
        "entries": found.report.entries,
        "notes": found.report.notes,
    }
