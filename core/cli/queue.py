"""`queue`: jobs that train one after the other, whoever watches."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from core.catalogue.loader import load_catalogue
from core.cli.output import note, plain, print_json, print_table, say
from core.cli.place import find_place, options_in
from core.environment.model import Environment
from core.errors import CaddieError, Problems
from core.job.check import refuse_faults
from core.job.store import load_job
from core.options.model import OptionSet
from core.queue.export import export_queue
from core.queue.launch import start_queue
from core.queue.model import STATE_WORDS, Entry, Snapshot, State
from core.queue.progress import Progresses
from core.queue.start import builtin_options, refuse_what_fails
from core.queue.store import Queue
from core.queue.words import duration, queue_words
from core.text import Text

_HEADINGS = (
    Text("#", "#"),
    Text("Job", "ジョブ"),
    Text("State", "状態"),
    Text("Optimizer", "オプティマイザー"),
    Text("Steps", "ステップ"),
    Text("Time left", "残り時間"),
    Text("GPU", "GPU"),
    Text("Id", "ID"),
)


def run_queue(options: Namespace) -> int:
    """Lists the queue, or does what the action says."""
    queue = Queue()
    if options.action == "add":
        return _add(queue, options)
    if options.action == "export":
        exported = export_queue(queue, Path(options.file).absolute())
        note(Text(f"{len(exported)} jobs: {options.file}", f"{len(exported)} 件のジョブ: {options.file}"))
        return 0
    if options.action in _ON_ENTRIES:
        return _on_entries(queue, options)
    if options.action in _ON_QUEUE:
        _ON_QUEUE[options.action](queue, options)
    return _list(queue, options)


def _add(queue: Queue, options: Namespace) -> int:
    """Every job is looked at before one is added: a mistyped path adds none of them."""
    wanted = [(Path(word).absolute(), load_job(Path(word))) for word in options.jobs]
    catalogue = load_catalogue()
    places: list[Environment | None] = []
    problems: list[Text] = []
    for path, job in wanted:
        try:
            if job.engine == "builtin":
                refuse_faults(job, builtin_options(job), catalogue)
                places.append(None)
            else:
                place = find_place(job, options)
                known: OptionSet = options_in(place, job.script)
                refuse_what_fails(job, known, catalogue)
                places.append(place)
        except CaddieError as error:
            problems.append(Text(f"{path.name}: {error.text.en}", f"{path.name}: {error.text.ja}"))
    if problems:
        raise Problems(Text("Nothing was added:", "何も追加しませんでした:"), problems)
    added = [
        queue.add(
            job if job.name else replace(job, name=path.stem),
            environment=place,
            base=path.parent,
            preflight=not options.no_preflight,
            held=options.hold,
        )
        for (path, job), place in zip(wanted, places, strict=True)
    ]
    if options.start:
        start_queue(queue)
    if options.json:
        print_json([_record(entry) for entry in added])
        return 0
    for entry in added:
        print(f"{entry.id}  {entry.name}")
    if not options.start and not queue.is_driven():
        note(Text("The queue does not run. `queue start` starts it.", "キューは動いていません。`queue start` で開始します。"))
    return 0


def find_entry(snapshot: Snapshot, word: str) -> Entry:
    """The entry that a word names: its number in the list, its id or the only beginning of it, or a name that only one has.

    Raises:
        CaddieError: none, or several.
    """
    entries = snapshot.entries
    if word.isdecimal() and 1 <= int(word) <= len(entries):
        return entries[int(word) - 1]
    for found in (
        [entry for entry in entries if entry.id == word],
        [entry for entry in entries if entry.name == word],
        [entry for entry in entries if entry.id.startswith(word)],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(entry.id for entry in found[:5])
            raise CaddieError(Text(f"{word} names several: {listed}", f"{word} に当てはまる項目が複数あります: {listed}"))
    raise CaddieError(Text(f"There is no entry {word} in the queue.", f"キューに項目 {word} はありません。"))


def _on_entries(queue: Queue, options: Namespace) -> int:
    snapshot = queue.read()
    if options.action == "remove" and options.done:
        chosen = [entry for entry in snapshot.entries if entry.state is State.DONE]
    elif options.action == "remove" and not options.entries:
        raise CaddieError(Text("Name an entry, or --done.", "項目か --done を指定してください。"))
    else:
        words = [options.entry] if options.action == "move" else options.entries
        chosen = [find_entry(snapshot, word) for word in words]
    for entry in chosen:
        if options.action == "move":
            queue.move(entry.id, options.place - 1)
        else:
            getattr(queue, options.action)(entry.id)
    return _list(queue, options)


def _start(queue: Queue, _options: Namespace) -> None:
    start_queue(queue)


def _pause(queue: Queue, _options: Namespace) -> None:
    queue.pause()


def _stop_after(queue: Queue, options: Namespace) -> None:
    if options.never:
        queue.stop_after(None)
        return
    snapshot = queue.read()
    if options.entry is not None:
        queue.stop_after(find_entry(snapshot, options.entry).id)
        return
    if not snapshot.under_way:
        raise CaddieError(Text("Nothing trains. Name an entry.", "学習中のジョブがありません。項目を指定してください。"))
    queue.stop_after(snapshot.under_way[-1].id)


def _lanes(queue: Queue, options: Namespace) -> None:
    if options.gpus == "auto":
        queue.set_lanes(None)
        return
    lanes = [part.strip() for part in options.gpus.split(",") if part.strip()]
    if not lanes or len(set(lanes)) != len(lanes):
        raise CaddieError(
            Text("Name GPUs as 0,1 (each once), or auto.", "GPU は 0,1 のように (重複なしで)、または auto と指定してください。")
        )
    queue.set_lanes(lanes)


_ON_ENTRIES = ("move", "remove", "hold", "release", "retry")
_ON_QUEUE = {"start": _start, "go-on": _start, "pause": _pause, "stop-after": _stop_after, "lanes": _lanes}


def _list(queue: Queue, options: Namespace) -> int:
    snapshot = queue.read()
    progress = Progresses().look(snapshot)
    if options.json:
        print_json(
            {
                "driven": snapshot.driven,
                "paused": snapshot.control.paused,
                "stop_after": snapshot.control.stop_after,
                "lanes": snapshot.control.lanes,
                "waits_for": snapshot.waits_for,
                "entries": [
                    {**_record(entry), "step": progress[entry.id].step, "seconds_left": progress[entry.id].eta}
                    if entry.id in progress
                    else _record(entry)
                    for entry in snapshot.entries
                ],
            }
        )
        return 0
    if snapshot.entries:
        rows: list[list[str]] = []
        for number, entry in enumerate(snapshot.entries, 1):
            at = progress.get(entry.id)
            total = at.total if at is not None and at.total is not None else entry.steps
            steps = "" if total is None else f"{total}"
            if at is not None:
                steps = f"{at.step}/{steps or '?'}"
            left = duration(at.eta) if at is not None and at.eta is not None else Text("", "")
            state = say(STATE_WORDS[entry.state]) + (" !" if entry.damaged else "")
            rows.append([f"{number}", entry.name, state, entry.optimizer, steps, say(left), entry.lane or "", entry.id])
        print_table([say(heading) for heading in _HEADINGS], rows)
    for text in queue_words(snapshot):
        note(text)
    for entry in snapshot.entries:
        if entry.problem is not None:
            note(Text(f"{entry.name}: {entry.problem.en}", f"{entry.name}: {entry.problem.ja}"))
    return 0


def _record(entry: Entry) -> dict[str, object]:
    return plain(entry)
