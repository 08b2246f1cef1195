"""The list of all runs: right in every case, and fast where nothing changed."""

from __future__ import annotations

import json
import math
import os
import shutil
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from core.history import index as index_module
from core.history.ends import REACH, SMOOTHING, ends_of, read_ends
from core.history.index import list_history
from core.history.notes import read_notes, write_notes
from core.history.read import read_record
from core.metrics.run_metrics import LOSS, RunMetrics
from core.runs.event_lines import decode_event
from core.runs.outcome import Ending
from tests.helpers.histories import NOON, event_lines, make_run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path))
    return tmp_path / "runs"


def test_a_record_says_what_the_run_was_and_what_came_out(runs: Path) -> None:
    losses = [0.5 - step / 1000 for step in range(200)]
    run = make_run(
        runs,
        optimizer="Prodigy",
        arguments=["d_coef=0.8"],
        rate=1.0,
        seed=42,
        losses=losses,
        validation=[(100, 0.4), (200, 0.35)],
        d_lr=3e-4,
        lr_scheduler="cosine",
    )
    write_notes(run.path, tags=["good", "猫"], notes="keep this")
    record = read_record(run.path)
    assert (record.optimizer, record.arguments, record.rate) == ("Prodigy", ("d_coef=0.8",), 1.0)
    assert (record.scheduler, record.seed, record.engine) == ("cosine", 42, "sd-scripts")
    assert record.loss == pytest.approx(float(SMOOTHING.apply(np.array(losses))[-1]), rel=1e-7)
    assert (record.validation_loss, record.d_lr) == (0.35, 3e-4)
    assert (record.steps_per_second, record.memory, record.duration) == (2.0, 2**30, 60.0)
    assert (record.ending, record.steps, record.total) == (Ending.FINISHED, 200, 200)
    assert (record.tags, record.notes, record.damage) == (("good", "猫"), "keep this", None)


def test_the_end_of_a_long_file_tells_what_the_whole_file_tells(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0.1, 0.02, 6000)
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(event_lines(noise.tolist(), [(7, 0.5), (900, 0.25)])) + '\n{"event": "st', encoding="utf-8")
    assert path.stat().st_size > 3 * (256 << 10)  # only its end is read for the steps
    metrics = RunMetrics()
    metrics.feed(event for line in path.read_bytes().splitlines() if (event := decode_event(line)) is not None)
    whole, quick = ends_of(metrics), read_ends(path)
    assert quick.loss == pytest.approx(whole.loss, rel=1e-8)
    assert quick.loss != pytest.approx(float(metrics.get(LOSS).y[-1]), rel=1e-3)
    assert (quick.steps, quick.validation_loss, quick.seconds_per_step) == (6000, 0.25, 0.5)
    assert (whole.steps, whole.validation_loss, whole.seconds_per_step) == (6000, 0.25, 0.5)
    assert REACH < 6000


def test_a_training_that_went_back_counts_its_steps_once(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join([*event_lines([0.9] * 50), *event_lines([0.2] * 20)]) + "\n", encoding="utf-8")
    ends = read_ends(path)
    assert ends.steps == 20
    assert ends.loss == pytest.approx(0.2)


def test_a_loss_that_is_not_finite_at_the_end_is_told_so(runs: Path) -> None:
    record = read_record(make_run(runs, losses=[0.1, 0.1, math.nan]).path)
    assert record.loss is not None
    assert math.isnan(record.loss)
    listed = list_history().records[0].loss
    again = list_history()
    assert again.read == 0
    assert math.isnan(listed or 0)
    assert math.isnan(again.records[0].loss or 0)


def test_what_is_known_is_not_read_again_and_what_changed_is(runs: Path) -> None:
    made = [make_run(runs, seed=seed, at=NOON + seed) for seed in range(5)]
    assert list_history().read == 5
    second = list_history()
    assert second.read == 0
    assert [record.seed for record in second.records] == [4, 3, 2, 1, 0]
    write_notes(made[2].path, tags=["best"])
    third = list_history()
    assert third.read == 1
    assert third.records[2].tags == ("best",)


def test_a_clock_that_was_set_back_hides_no_change_and_makes_no_negative_time(runs: Path) -> None:
    run = make_run(runs)
    list_history()
    write_notes(run.path, notes="later")
    os.utime(run.path / "notes.json", (NOON - 10**6, NOON - 10**6))
    assert list_history().records[0].notes == "later"
    outcome = json.loads(run.outcome_file.read_text(encoding="utf-8"))
    outcome["ended_at"] = outcome["started_at"] - 3600
    run.outcome_file.write_text(json.dumps(outcome), encoding="utf-8")
    record = list_history().records[0]
    assert record.duration == pytest.approx(1.5)  # the events' own time


def test_damage_is_shown_and_hides_nothing(runs: Path) -> None:
    whole = make_run(runs, at=NOON)
    no_job, no_command, no_outcome, notes, strange = (make_run(runs, at=NOON + n) for n in range(1, 6))
    no_job.job_file.write_text("[[[", encoding="utf-8")
    no_command.command_file.write_bytes(b"\x00\x01")
    no_outcome.outcome_file.write_text("{", encoding="utf-8")
    (notes.path / "notes.json").write_text("[]", encoding="utf-8")
    strange.outcome_file.write_text(json.dumps({"ending": "finished", "sentence": {"en": 1, "ja": 2}, "steps": "many"}))
    (runs / "20260101-000000-empty").mkdir()
    (runs / "some folder").mkdir()
    records = {record.id: record for record in list_history().records}
    assert len(records) == 7
    assert records[whole.path.name].damage is None
    for run, file in ((no_job, "job.toml"), (no_command, "command.json"), (notes, "notes.json")):
        damage = records[run.path.name].damage
        assert damage is not None
        assert file in damage.en
        assert file in damage.ja
    assert records[no_outcome.path.name].ending is Ending.FINISHED  # judged anew from its events
    assert records[strange.path.name].damage is not None
    assert records["20260101-000000-empty"].damage is not None
    assert list_history().read <= 1  # the empty one may still be starting


def test_a_run_that_is_deleted_is_gone_and_forgotten(runs: Path) -> None:
    kept, lost = make_run(runs, at=NOON), make_run(runs, at=NOON + 1)
    list_history()
    shutil.rmtree(lost.path)
    assert [record.id for record in list_history().records] == [kept.path.name]
    with sqlite3.connect(index_module.index_file()) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone()[0] == 1
    connection.close()


def test_a_run_that_is_deleted_while_the_list_is_read_is_left_out(runs: Path) -> None:
    made = [make_run(runs, at=NOON + n) for n in range(3)]
    listing = list_history(progress=lambda done, _all: shutil.rmtree(made[1].path, ignore_errors=True) if done == 0 else None)
    assert [record.id for record in listing.records] == [made[2].path.name, made[0].path.name]


@pytest.mark.parametrize(
    "content", [b"", b"not a database at all, however long it is" * 50, b"SQLite format 3\x00" + b"\xff" * 4000]
)
def test_an_index_that_is_damaged_is_made_anew(runs: Path, content: bytes) -> None:
    make_run(runs)
    index_module.index_file().write_bytes(content)
    assert list_history().trouble is None
    assert list_history().read == 0


def test_an_index_that_cannot_be_written_is_told_and_the_runs_are_shown(runs: Path) -> None:
    make_run(runs)
    index_module.index_file().mkdir()
    listing = list_history()
    assert len(listing.records) == 1
    assert listing.trouble is not None
    assert "history.sqlite" in listing.trouble.ja


def test_two_instances_fill_one_index(runs: Path) -> None:
    for number in range(24):
        make_run(runs, at=NOON + number)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(list_history().records))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [24] * 4
    last = list_history()
    assert (last.read, last.trouble) == (0, None)


def test_a_look_that_is_ended_keeps_what_it_has_read(runs: Path) -> None:
    for number in range(4):
        make_run(runs, at=NOON + number)

    def end(done: int, _all: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list_history(progress=end)
    assert list_history().read == 1


def test_a_running_run_is_read_each_time(runs: Path) -> None:
    run = make_run(runs)
    run.outcome_file.unlink()
    from core.runs.folder import update_processes
    from core.runs.processes import identify

    update_processes(run, host=identify(os.getpid()))
    assert list_history().records[0].ending is Ending.RUNNING
    assert list_history().read == 1


def test_jobs_that_differ_in_the_seed_alone_are_alike(runs: Path) -> None:
    one, other = make_run(runs, seed=1, output_name="a"), make_run(runs, seed=2, output_name="b", at=NOON + 1)
    third = make_run(runs, seed=3, rate=0.5, at=NOON + 2)
    keys = [read_record(run.path).alike for run in (one, other, third)]
    assert keys[0] == keys[1] != keys[2]


def test_edits_at_the_same_time_do_not_undo_each_other(runs: Path) -> None:
    run = make_run(runs)
    for number in range(10):
        edits = [
            threading.Thread(target=write_notes, args=(run.path,), kwargs=change)
            for change in ({"tags": [f"tag {number}"]}, {"notes": f"words {number}"})
        ]
        for edit in edits:
            edit.start()
        for edit in edits:
            edit.join()
        said = read_notes(run.path)
        assert (said.tags, said.notes) == ((f"tag {number}",), f"words {number}")


def test_notes_change_only_what_is_given(runs: Path) -> None:
    run = make_run(runs)
    write_notes(run.path, tags=["a, b", "a", " ", "良い、速い"])
    write_notes(run.path, notes=" fine ")
    said = read_notes(run.path)
    assert said.tags == ("a", "b", "良い", "速い")
    assert said.notes == "fine"
