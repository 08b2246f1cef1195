"""Runs that were made elsewhere, as folders like any other: TensorBoard's event files, and what a LoRA says of its training.

An import writes a run folder with what is known, and `origin.json` that says where it came from. Reading the same source
again brings that folder up to date; the user's tags and notes stay.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from core.catalogue.catalogue import Catalogue
from core.convert import metadata
from core.convert.read import read_file
from core.errors import CaddieError
from core.files import write_atomically
from core.history import onetrainer
from core.history.index import places
from core.history.notes import FILE as NOTES
from core.history.read import ORIGIN
from core.history.record import Source
from core.job.model import Job
from core.job.store import save_job
from core.paths import runs_dir as default_runs_dir
from core.runs.event_lines import encode_event
from core.runs.events import Event, Started, Step
from core.runs.folder import RunFolder, list_runs, make_run_folder
from core.runs.outcome import Ending, Outcome
from core.runs.records import RunCommand, write_command, write_outcome
from core.runs.surroundings import FILE as SURROUNDINGS
from core.runs.tensorboard_reader import Merger, Scalar, read_event_file
from core.text import Text

EVENT_FILES: Final = "events.out.tfevents.*"
_TRACKERS: Final = frozenset(
    ["network_train", "finetuning", "dreambooth", "textual_inversion", "controlnet", "logs", "log", "tensorboard"]
)
_STAMP = re.compile(r"\d{14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRun:
    """One run that came in. `new` is False where its folder was there and was brought up to date."""

    folder: Path
    name: str
    source: Source
    steps: int
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A run found elsewhere: what its folder will say."""

    source: Source
    origin: Path
    name: str
    started_at: float
    ended_at: float
    job: Job
    outcome: Outcome
    events: tuple[Event, ...] = ()


def import_runs(
    path: Path,
    catalogue: Catalogue,
    *,
    runs_dir: Path | None = None,
    settings: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[ImportedRun]:
    """Imports what lies at a path.

    Args:
        path: a LoRA, an event file, or a folder; of a folder everything below it is looked at.
        catalogue: tells optimizers by their names.
        runs_dir: where the runs are; the user's own folder if None.
        settings: a job, script or LoRA that says what the runs of TensorBoard were trained with; the files do not.
        progress: called with how many runs were found so far; what it raises ends the import.

    Raises:
        CaddieError: there is nothing to import, or a folder cannot be written.
    """
    path = path.resolve()
    job = read_file(settings, catalogue).job if settings is not None else None
    known = _known(runs_dir)
    done: list[ImportedRun] = []
    for run in _copied(path, known, runs_dir):
        done.append(run)
        if progress is not None:
            progress(len(done))
    for foreign in _find(path, catalogue, job):
        done.append(_write(foreign, known, runs_dir))
        if progress is not None:
            progress(len(done))
    if not done:
        raise CaddieError(
            Text(
                f"{path} holds no run: no folder of a run of Caddie, no TensorBoard file of sd-scripts or OneTrainer, and no "
                "LoRA that tells of its training.",
                f"{path} に取り込める実行がありません。Caddie の実行フォルダーも、sd-scripts や OneTrainer の "
                "TensorBoard ファイルも、学習の記録を含む LoRA も見つかりませんでした。",
            )
        )
    return done


# --- finding -----------------------------------------------------------------------------------------------------


def _find(path: Path, catalogue: Catalogue, job: Job | None) -> Iterable[Foreign]:
    if not path.exists():
        raise CaddieError(Text(f"{path} does not exist.", f"{path} が見つかりません。"))
    if path.is_file() and path.suffix.lower() == ".safetensors":
        yield _of_lora(path, metadata.read_header(path), catalogue)
        return
    root = path if path.is_dir() else path.parent
    files = sorted(root.rglob(EVENT_FILES)) if path.is_dir() else [path]
    for folder in dict.fromkeys(file.parent for file in files):
        yield from _of_folder(folder, [file for file in files if file.parent == folder], root, job)
    if path.is_dir():
        yield from _of_loras(path, catalogue)


def _of_loras(folder: Path, catalogue: Catalogue) -> Iterable[Foreign]:
    """One run a training: of the files that one training saved, the last."""
    latest: dict[tuple[str, str], tuple[int, Path, Mapping[str, str]]] = {}
    for path in sorted(folder.rglob("*.safetensors")):
        try:
            texts = metadata.read_header(path)
        except CaddieError:
            continue  # a model, or damaged: the folder was named, not the file
        if not any(key.startswith("ss_") for key in texts):
            continue
        key = (texts.get("ss_session_id") or str(path), texts.get("ss_training_started_at", ""))
        steps = _whole(texts.get("ss_steps")) or 0
        if key not in latest or steps >= latest[key][0]:
            latest[key] = (steps, path, texts)
    for _, path, texts in latest.values():
        yield _of_lora(path, texts, catalogue)


# --- runs of Caddie that lie elsewhere ---------------------------------------------------------------------------


def _copied(path: Path, known: dict[str, Path], runs_dir: Path | None) -> Iterable[ImportedRun]:
    """Copies runs that are over: of `run --out`, of another machine, of a backup."""
    if not path.is_dir():
        return
    own = {(runs_dir or default_runs_dir()).resolve(), *(places() if runs_dir is None else ())}
    for command in sorted(path.rglob("command.json")):
        source = RunFolder(command.parent)
        if source.path.parent in own or not source.job_file.is_file() or not source.state().is_over:
            continue
        present = known.get(str(source.path))
        try:
            target = make_run_folder(source.name, runs_dir, at=source.created_at).path if present is None else present
            _copy_files(source.path, target)
        except OSError as error:
            raise _cannot_write(error) from error
        known[str(source.path)] = target
        steps = source.outcome()
        yield ImportedRun(
            folder=target, name=source.name, source="caddie", steps=steps.steps if steps else 0, new=present is None
        )


def _copy_files(source: Path, target: Path) -> None:
    """Copies what a run says. Processes are of that machine; tags and notes that are there already stay."""
    _write_origin(target, "caddie", source)
    for name in ("job.toml", "command.json", "outcome.json", "events.jsonl", "log.txt", SURROUNDINGS, NOTES):
        if (source / name).is_file() and not (name == NOTES and (target / name).exists()):
            write_atomically(target / name, (source / name).read_bytes())


# --- a LoRA ------------------------------------------------------------------------------------------------------


def _of_lora(path: Path, header: Mapping[str, str], catalogue: Catalogue) -> Foreign:
    job = metadata.read(header, catalogue).job
    saved = path.stat().st_mtime
    ended = _real(header.get("ss_training_finished_at")) or saved
    started = _real(header.get("ss_training_started_at")) or ended
    steps, total = _whole(header.get("ss_steps")) or 0, _whole(header.get("ss_max_train_steps"))
    name = header.get("ss_output_name", "")
    name = name if name not in ("", "None") else path.stem
    outcome = Outcome(
        ending=Ending.FINISHED if total and steps >= total else Ending.LOST,
        sentence=_sentence(steps, total),
        steps=steps,
        total_steps=total,
        files=(str(path),),
        started_at=started,
        ended_at=ended,
    )
    job = replace(job, name=name)
    return Foreign(source="lora", origin=path, name=name, started_at=started, ended_at=ended, job=job, outcome=outcome)


def _sentence(steps: int, total: int | None) -> Text:
    if total and steps >= total:
        return Text(
            f"Imported from a LoRA: all {total} steps were done.",
            f"LoRA から取り込んだ実行です。{total} ステップすべてが完了しています。",
        )
    of = f" of {total}" if total else ""
    wo = f" (全 {total} ステップ中)" if total else ""
    return Text(
        f"Imported from a LoRA that was saved at step {steps}{of}. Whether the training went on is not recorded.",
        f"ステップ {steps}{wo} で保存された LoRA から取り込んだ実行です。その後も学習が続いたかどうかは記録されていません。",
    )


# --- TensorBoard -------------------------------------------------------------------------------------------------


def _of_folder(folder: Path, files: list[Path], root: Path, job: Job | None) -> Iterable[Foreign]:
    """The runs whose files lie in one folder: a file that goes on where the one before ended belongs to the same run."""
    parts: list[tuple[Path, list[Scalar]]] = []
    for file in files:  # their names begin with the time of their making
        points = [point for point in read_event_file(file) if "loss" in point.tag or point.tag.startswith("lr")]
        if not points:
            continue  # hyper-parameters lie in folders of their own
        if parts and points[0].x > max(point.x for point in parts[-1][1]):
            parts[-1][1].extend(points)
        else:
            parts.append((file, points))
    for number, (file, points) in enumerate(parts, 1):
        foreign = _of_points(file, points, _name_of(folder, root) + (f" {number}" if len(parts) > 1 else ""), job)
        if foreign is not None:
            yield foreign


def _of_points(file: Path, points: list[Scalar], name: str, job: Job | None) -> Foreign | None:
    if onetrainer.looks_like(points):
        told = onetrainer.steps_of(points)
    else:
        merger = Merger()
        merger.add(points)
        told = merger.take(last=True)
    steps = [event.step for event in told if isinstance(event, Step)]
    if not steps:
        return None
    moments = [event.time for event in told]
    started, ended = min(moments), max(moments)
    events: tuple[Event, ...] = (Started(time=started, source="tensorboard"), *told)
    outcome = Outcome(
        ending=Ending.LOST,
        sentence=Text(
            "Imported from TensorBoard's files, which do not tell how a training ended.",
            "TensorBoard のファイルから取り込んだ実行です。学習がどのように終わったかは記録されていません。",
        ),
        steps=max(steps),
        started_at=started,
        ended_at=ended,
    )
    job = replace(job or Job(), name=name)
    times = {"started_at": started, "ended_at": ended}
    return Foreign(source="tensorboard", origin=file, name=name, job=job, outcome=outcome, events=events, **times)


def _name_of(folder: Path, root: Path) -> str:
    """What a person would call it: the folders above without those that every program makes."""
    parts = [part for part in folder.parts if part not in _TRACKERS and part != folder.anchor]
    if parts and _STAMP.fullmatch(parts[-1]) and len(parts) > 1 and not _STAMP.fullmatch(parts[-2]):
        return f"{parts[-2]} {parts[-1]}"
    return parts[-1] if parts else root.name


# --- writing -----------------------------------------------------------------------------------------------------


def _known(runs_dir: Path | None) -> dict[str, Path]:
    """What was imported already: origin -> run folder."""
    found: dict[str, Path] = {}
    for run in list_runs(runs_dir):
        try:
            origin: object = json.loads((run.path / ORIGIN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(origin, dict):
            found[str(cast("dict[str, object]", origin).get("path"))] = run.path
    return found


def _write(foreign: Foreign, known: dict[str, Path], runs_dir: Path | None) -> ImportedRun:
    present = known.get(str(foreign.origin))
    try:
        run = make_run_folder(foreign.name, runs_dir, at=foreign.started_at) if present is None else RunFolder(present)
        try:
            _write_files(foreign, run, keep_job=present is not None and not foreign.job.options)
        except BaseException:
            if present is None:
                shutil.rmtree(run.path, ignore_errors=True)
            raise
    except OSError as error:
        raise _cannot_write(error) from error
    known[str(foreign.origin)] = run.path
    return ImportedRun(
        folder=run.path, name=foreign.name, source=foreign.source, steps=foreign.outcome.steps, new=present is None
    )


def _write_files(foreign: Foreign, run: RunFolder, *, keep_job: bool) -> None:
    _write_origin(run.path, foreign.source, foreign.origin)
    if not keep_job:  # the settings may have been given the time before
        save_job(foreign.job, run.job_file)
    command = RunCommand(argv=(), cwd=str(foreign.origin.parent), name=foreign.name, created_at=foreign.started_at)
    write_command(run.command_file, command)
    run.log_file.touch()
    lines = "".join(encode_event(event) + "\n" for event in foreign.events)
    write_atomically(run.events_file, lines)
    write_outcome(run.outcome_file, foreign.outcome)


def _write_origin(folder: Path, source: Source, path: Path) -> None:
    imported = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S %z}"
    origin = {"source": source, "path": str(path), "imported": imported}
    write_atomically(folder / ORIGIN, json.dumps(origin, ensure_ascii=False, indent=2) + "\n")


def _cannot_write(error: OSError) -> CaddieError:
    reason = error.strerror or str(error)
    return CaddieError(
        Text(f"The imported run could not be written: {reason}", f"取り込んだ実行を書き込めませんでした: {reason}")
    )


def _real(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else 0.0
    except ValueError:
        return None
    return value if 0 < value < 4e10 else None  # else no date that a folder's name can hold


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,15}", text) else None
