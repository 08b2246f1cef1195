"""`race JOB --optimizers A,B,C`: trains them with all else equal and compares; the trainings go on without the terminal."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.catalogue.loader import load_catalogue
from core.cli.environment import chosen_optimizers
from core.cli.output import note, plain, print_json, print_table, say
from core.cli.place import find_place
from core.effective.effective import effective
from core.environment.model import Environment
from core.errors import CaddieError
from core.job.store import load_job
from core.queue.model import State
from core.queue.progress import Progresses
from core.race.check import refuse
from core.race.page import cells_of, write_page
from core.race.plan import Entrant, entrants
from core.race.report import Standing, caution, lines_of, standings
from core.race.store import Race, create_race, is_over, list_races, load_race, start_race, tag_runs
from core.text import Text

_POLL_SECONDS = 0.5
_HEADINGS = (
    Text("Optimizer", "オプティマイザー"),
    Text("Validation loss", "検証 loss"),
    Text("Loss at the end", "最終 loss"),
    Text("Steps/s", "ステップ/秒"),
    Text("Peak memory", "最大メモリ"),
    Text("Finished", "完了"),
)


def run_race(options: Namespace) -> int:
    """Lists races, reports of one, or makes and follows one."""
    if options.list:
        return _list(json=options.json)
    if options.report:
        newest = list_races()[:1]
        race = newest[0] if options.report == "latest" and newest else load_race(options.report)
        return _report(race, options)
    if not options.job or not options.optimizers:
        raise CaddieError(
            Text(
                "Name a job and its --optimizers, for example AdamW,Prodigy.",
                "ジョブと --optimizers (例: AdamW,Prodigy) を指定してください。",
            )
        )
    race = _made(options)
    if race is None:
        return 0
    start_race(race)
    note(Text(f"Race {race.id}: {race.folder}", f"比較レース {race.id}: {race.folder}"))
    if options.detach:
        if options.json:
            print_json({"race": race.id})
        return 0
    _follow(race)
    return _report(race, options)


# --- making --------------------------------------------------------------------------------------------------------


def _made(options: Namespace) -> Race | None:
    path = Path(options.job).absolute()
    job = load_job(path)
    job = job if job.name else replace(job, name=path.stem)
    if options.engine:
        job = replace(job, engine=options.engine)
    catalogue = load_catalogue()
    chosen = chosen_optimizers(options.optimizers)
    racing = entrants(job, chosen, catalogue, seeds=options.seeds, steps=options.steps, hold_out=not options.no_hold_out)
    environment: Environment | None = None
    if job.engine != "builtin":
        environment = find_place(job, options)
    refuse(racing, environment, catalogue)
    if not options.json or options.dry_run:
        _show(racing, json=options.json)
    if options.dry_run:
        return None
    lanes = [part.strip() for part in options.lanes.split(",")] if options.lanes else None
    return create_race(job, racing, environment=environment, base=path.parent, lanes=lanes, preflight=not options.no_preflight)


def _show(racing: Sequence[Entrant], *, json: bool) -> None:
    catalogue = load_catalogue()
    if json:
        print_json([{"id": one.id, "seed": one.seed, "own": one.own, "options": dict(one.job.options)} for one in racing])
        return
    rows: list[list[str]] = []
    for one in racing:
        found = effective(one.job, catalogue)
        rates = ", ".join(f"{group.name} {group.rate:g}" if group.rate is not None else group.name for group in found.groups)
        rows.append([one.id, rates, say(found.scheduler), " ".join(one.job.argument_items)])
    headings = (
        Text("Optimizer", "オプティマイザー"),
        Text("Learning rate", "学習率"),
        Text("Scheduler", "スケジューラ"),
        Text("Arguments", "引数"),
    )
    print_table([say(heading) for heading in headings], rows)


# --- following -----------------------------------------------------------------------------------------------------


def _follow(race: Race) -> None:
    """A line whenever a training begins or ends. Ctrl-C leaves it to itself."""
    told: dict[str, State] = {}
    names = {member.entry: member.name for member in race.members}
    progresses = Progresses()
    last = 0.0
    while True:
        try:
            snapshot = race.queue.read()
            for entry in snapshot.entries:
                if told.get(entry.id) is not entry.state and entry.state is not State.WAITING:
                    told[entry.id] = entry.state
                    problem = f": {say(entry.problem)}" if entry.problem is not None else ""
                    note(f"{names.get(entry.id, entry.id)}: {entry.state.value}{problem}")
            tag_runs(race, snapshot)
            if is_over(snapshot):
                return
            if time.monotonic() - last > 10.0:
                last = time.monotonic()
                for entry_id, progress in progresses.look(snapshot).items():
                    if progress.step:
                        note(f"{names.get(entry_id, entry_id)}: {progress.step}/{progress.total or '?'}")
            time.sleep(_POLL_SECONDS)
        except KeyboardInterrupt:
            note(
                Text(
                    f"It goes on by itself. `race --report {race.id}` shows how it stands.",
                    f"レースはこのまま続きます。`race --report {race.id}` で状況を確認できます。",
                )
            )
            return


# --- telling -------------------------------------------------------------------------------------------------------


def _report(race: Race, options: Namespace) -> int:
    tag_runs(race)
    lines = lines_of(race)
    table = standings(lines)
    if options.json:
        print_json({"race": race.id, "standings": plain(table), "runs": [plain(line) for line in lines]})
    else:
        _print(table)
    if options.output:
        from core.text import preferred_language

        write_page(race, Path(options.output).absolute(), preferred_language())
    return 0 if all(item.finished == item.total for item in table) else 1


def _print(table: Sequence[Standing]) -> None:
    print_table([say(heading) for heading in _HEADINGS], [[item.optimizer, *cells_of(item)] for item in table])
    words = caution(table)
    if words is not None:
        note(words)


def _list(*, json: bool) -> int:
    races = list_races()
    if json:
        print_json([{"id": race.id, "name": race.name, "members": [member.name for member in race.members]} for race in races])
        return 0
    rows = [[race.id, race.name, ", ".join(member.name for member in race.members)] for race in races]
    headings = (Text("Id", "ID"), Text("Job", "ジョブ"), Text("Trainings", "学習"))
    print_table([say(heading) for heading in headings], rows)
    return 0
