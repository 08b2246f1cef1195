"""A whole queue as one script: what waits, in its order, without Caddie's driver and its companion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

from core.command.build import build_argv
from core.command.builtin import builtin_argv
from core.command.export import encode, format_of
from core.command.sequence import ScriptFormat, Step, script_of
from core.command.surroundings import surroundings_of
from core.errors import CaddieError, Problems
from core.files import write_atomically
from core.queue.files import QueueFiles
from core.queue.model import Entry, State
from core.queue.start import needed_environment, options_of
from core.text import Text


def export_queue(queue: QueueFiles, path: Path) -> tuple[Entry, ...]:
    """Writes a script that trains everything that waits, one after the other; the queue itself stays as it is.

    A job for the built-in trainer is named by its copy in the queue's folder, which has to stay as long.

    Args:
        queue: the queue.
        path: the file; its ending (.sh, .bat, .cmd or .ps1) names the format.

    Returns:
        What is in it.

    Raises:
        Problems: jobs or values that the format cannot carry, each with the name of its entry.
        CaddieError: nothing waits, an ending that names no script, or the file cannot be written.
    """
    format = format_of(path)
    if format not in get_args(ScriptFormat):
        raise CaddieError(
            Text(
                f"{path.name}: a queue is exported as .bat, .cmd, .ps1 or .sh.",
                f"{path.name}: キューは .bat、.cmd、.ps1、.sh のいずれかで書き出せます。",
            )
        )
    waiting = tuple(entry for entry in queue.read().entries if entry.state is State.WAITING)
    if not waiting:
        raise CaddieError(Text("Nothing waits in the queue.", "キューに待機中のジョブはありません。"))
    data = encode(script_of(_steps(queue, waiting), cast("ScriptFormat", format)), format)
    try:
        write_atomically(path, data, executable=format == "sh")
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(Text(f"{path} could not be written: {reason}", f"{path} に書き込めませんでした: {reason}")) from error
    return waiting


def _steps(queue: QueueFiles, entries: Sequence[Entry]) -> list[Step]:
    steps: list[Step] = []
    problems: list[Text] = []
    for entry in entries:
        try:
            steps.append(_step(queue, entry))
        except CaddieError as error:
            problems.append(Text(f"{entry.name}: {error.text.en}", f"{entry.name}: {error.text.ja}"))
    if problems:
        raise Problems(Text("These jobs cannot be exported:", "次のジョブは書き出せません:"), problems)
    return steps


def _step(queue: QueueFiles, entry: Entry) -> Step:
    job = queue.job(entry.id)
    if job.engine == "builtin":
        base = [] if entry.base is None else ["--base", str(entry.base)]
        return Step(name=entry.name, argv=[*builtin_argv(queue.job_file(entry.id)), *base])
    environment = needed_environment(entry)
    checkout = str(environment.sd_scripts)
    around = surroundings_of(job)
    argv = build_argv(
        job,
        python=str(environment.python),
        checkout=checkout,
        options=options_of(job, environment),
        companion=around.companion,
    )
    return Step(name=entry.name, argv=argv, folder=checkout, around=around)
