"""Makes folders of finished runs as a training leaves them, without training."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from core.job.model import Job
from core.job.store import save_job
from core.runs.folder import RunFolder, make_run_folder
from core.runs.outcome import Ending, Outcome
from core.runs.processes import ProcessId
from core.runs.records import ProcessRecord, RunCommand, write_command, write_outcome, write_processes
from core.text import same

NOON = 1_767_000_000.0
"""2025-12-29, when the first of these runs was made."""


def make_run(
    runs_dir: Path,
    *,
    optimizer: str = "Prodigy",
    arguments: Sequence[str] = (),
    rate: float | None = 1.0,
    seed: int | None = 1,
    losses: Sequence[float] = (0.3, 0.2, 0.1),
    validation: Sequence[tuple[int, float]] = (),
    at: float = NOON,
    ending: Ending = Ending.FINISHED,
    name: str = "",
    d_lr: float | None = None,
    **options: object,
) -> RunFolder:
    """A run that is over: job, command, events, outcome. A step takes half a second."""
    values: dict[str, object] = {"optimizer_type": optimizer, "learning_rate": rate, "seed": seed, **options}
    if arguments:
        values["optimizer_args"] = list(arguments)
    job = Job(options={key: value for key, value in values.items() if value is not None}, name=name)  # type: ignore[arg-type]
    folder = make_run_folder(name or optimizer, runs_dir, at=at)
    save_job(job, folder.job_file)
    write_command(folder.command_file, RunCommand(argv=("python",), cwd=str(runs_dir), name=name or optimizer, created_at=at))
    gone = ProcessId(2**22 + 1, 1.0)
    write_processes(folder.process_file, ProcessRecord(supervisor=gone, child=gone, started_at=at, updated_at=at))
    folder.log_file.touch()
    folder.events_file.write_text("".join(line + "\n" for line in event_lines(losses, validation, at, d_lr)), encoding="utf-8")
    end = Outcome(
        ending=ending, sentence=same(ending.value), steps=len(losses), total_steps=len(losses), started_at=at, ended_at=at + 60
    )
    write_outcome(folder.outcome_file, end)
    return folder


def event_lines(
    losses: Sequence[float], validation: Sequence[tuple[int, float]] = (), at: float = NOON, d_lr: float | None = None
) -> list[str]:
    """Lines as the companion writes them."""
    lines = [json.dumps({"event": "started", "time": at, "source": "companion", "total_steps": len(losses)})]
    validated = dict(validation)
    for step, loss in enumerate(losses, 1):
        told = loss if math.isfinite(loss) else "nan"
        group = {"name": "unet", "lr": 1.0} | ({} if d_lr is None else {"d": d_lr, "d_lr": d_lr})
        record = {"event": "step", "time": at + step / 2, "step": step, "loss": told, "groups": [group]}
        lines.append(json.dumps({**record, "seconds": 0.5, "memory": 2**30}))
        if step in validated:
            lines.append(json.dumps({"event": "validated", "time": at + step / 2, "step": step, "loss": validated[step]}))
    lines.append(json.dumps({"event": "finished", "time": at + len(losses) / 2, "step": len(losses), "how": "returned"}))
    return lines
