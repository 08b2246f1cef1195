"""A queue's files: changes, order, damage, undo; nothing is started here."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import MappingProxyType

import pytest

from core.environment.model import Environment
from core.errors import CaddieError
from core.job.model import Job
from core.locks import locked
from core.queue.model import Control, Entry, State
from core.queue.records import DriverNote, read_control, read_entry, read_note, write_control, write_entry
from core.queue.store import REMOVED_KEPT, Queue
from core.text import Text

PLACE = Environment(id="x", name="環境 x", python=Path("/opt/a b/python"), sd_scripts=Path("/srv/sd scripts"), layout="kohya_ss")


def job(name: str, **options: object) -> Job:
    return Job(name=name, options=MappingProxyType({"optimizer_type": "Prodigy", **options}))  # type: ignore[arg-type]


@pytest.fixture
def queue() -> Queue:
    return Queue()


def names(queue: Queue) -> list[str]:
    return [entry.name for entry in queue.read().entries]


def states(queue: Queue) -> list[str]:
    return [entry.state.value for entry in queue.read().entries]


def test_nothing_is_there_before_something_is_added(queue: Queue) -> None:
    snapshot = queue.read()
    assert snapshot.entries == ()
    assert not snapshot.driven
    assert not queue.folder.exists()


def test_an_entry_is_a_frozen_copy_that_another_process_reads(queue: Queue, tmp_path: Path) -> None:
    added = queue.add(job("学習 その1", max_train_steps=100), environment=PLACE, base=tmp_path, preflight=False)
    (found,) = Queue(queue.folder).read().entries
    assert found == added
    assert (found.optimizer, found.steps, found.environment, found.base) == ("Prodigy", 100, PLACE, tmp_path)
    assert "学習-その1" in found.id
    assert queue.job(found.id) == job("学習 その1", max_train_steps=100)
    assert queue.entry_of(queue.job_file(found.id)) == found.id
    assert queue.entry_of(tmp_path / "job.toml") is None


def test_an_entry_keeps_every_field(tmp_path: Path) -> None:
    entry = Entry(
        id="e",
        name="n",
        optimizer="Lion",
        engine="builtin",
        steps=5,
        state=State.FAILED,
        environment=PLACE,
        base=tmp_path,
        preflight=False,
        alone=True,
        run=tmp_path / "run",
        lane="1",
        tries=2,
        former=(tmp_path / "a", tmp_path / "b"),
        problem=Text("en", "ja"),
        added_at=1.5,
        ended_at=2.5,
    )
    write_entry(tmp_path / "e.json", entry)
    assert read_entry(tmp_path / "e.json", "e") == entry
    control = Control(order=("a", "b"), paused=True, stop_after="b", lanes=("0", "1"))
    write_control(tmp_path / "q.json", control)
    assert read_control(tmp_path / "q.json") == control


def test_moving_keeps_everything_else_in_order(queue: Queue) -> None:
    ids = [queue.add(job(name), environment=PLACE).id for name in "abcd"]
    queue.move(ids[3], 0)
    assert names(queue) == ["d", "a", "b", "c"]
    queue.move(ids[0], 99)
    assert names(queue) == ["d", "b", "c", "a"]
    queue.move(ids[3], 1)
    assert names(queue) == ["b", "d", "c", "a"]


def test_hold_release_retry_and_what_they_refuse(queue: Queue, tmp_path: Path) -> None:
    entry = queue.add(job("a"), environment=PLACE)
    queue.hold(entry.id)
    assert states(queue) == ["held"]
    with pytest.raises(CaddieError, match="held"):
        queue.hold(entry.id)
    assert queue.release(entry.id).state is State.WAITING
    with pytest.raises(CaddieError, match="waiting"):
        queue.retry(entry.id)
    failed = Entry(**{**fields(entry), "state": State.FAILED, "run": tmp_path, "problem": Text("x", "x"), "ended_at": 1.0})
    assert queue.put(failed, over=queue.load()[1][0])
    again = queue.retry(entry.id)
    assert (again.state, again.run, again.former, again.problem, again.ended_at) == (State.WAITING, None, (tmp_path,), None, None)
    with pytest.raises(CaddieError, match="no entry"):
        queue.hold("nobody")


def fields(entry: Entry) -> dict[str, object]:
    return {name: getattr(entry, name) for name in Entry.__dataclass_fields__}


def test_a_removed_entry_comes_back_where_it_was(queue: Queue) -> None:
    ids = [queue.add(job(name), environment=PLACE).id for name in "abc"]
    queue.stop_after(ids[1])
    place = queue.remove(ids[1])
    assert names(queue) == ["a", "c"]
    assert queue.read().control.stop_after is None
    with pytest.raises(CaddieError):
        queue.remove(ids[1])
    queue.bring_back(ids[1], place)
    assert names(queue) == ["a", "b", "c"]
    assert queue.job(ids[1]).name == "b"


def test_what_trains_cannot_be_removed(queue: Queue) -> None:
    entry = queue.add(job("a"), environment=PLACE)
    training = Entry(**{**fields(entry), "state": State.STARTING})
    assert queue.put(training, over=entry)
    with locked(queue.driver_lock), pytest.raises(CaddieError, match="training"):
        queue.remove(entry.id)
    # Without a driver nobody is starting it: it waits, and can be removed.
    assert states(queue) == ["waiting"]
    queue.remove(entry.id)


def test_only_some_removed_entries_are_kept(queue: Queue) -> None:
    for number in range(REMOVED_KEPT + 3):
        queue.remove(queue.add(job(f"{number}"), environment=PLACE).id)
    assert len(list((queue.folder / "removed").iterdir())) == REMOVED_KEPT


def test_a_waiting_job_is_rewritten_and_a_started_one_is_not(queue: Queue) -> None:
    entry = queue.add(job("a", max_train_steps=5), environment=PLACE)
    changed = queue.rewrite(entry.id, job("b", max_train_steps=7))
    assert (changed.name, changed.steps, changed.id) == ("b", 7, entry.id)
    assert queue.put(Entry(**{**fields(changed), "state": State.STARTING}), over=changed)
    with locked(queue.driver_lock), pytest.raises(CaddieError, match="does not wait any more"):
        queue.rewrite(entry.id, job("c"))
    assert queue.job(entry.id).name == "b"


def test_nobody_writes_over_what_another_has_changed(queue: Queue) -> None:
    entry = queue.add(job("a"), environment=PLACE)
    queue.hold(entry.id)
    assert not queue.put(Entry(**{**fields(entry), "state": State.STARTING}), over=entry)
    assert states(queue) == ["held"]


@pytest.mark.parametrize("damage", ["", "{", '{"version": 1}', "[]", "null", '{"version": 2, "name": "a"}', "\udcff"])
def test_an_entry_file_cut_in_the_middle_is_shown_and_never_started(queue: Queue, damage: str) -> None:
    first, second = (queue.add(job(name), environment=PLACE) for name in "ab")
    (queue.folder / "entries" / first.id / "entry.json").write_bytes(damage.encode("utf-8", "surrogateescape"))
    one, other = queue.read().entries
    assert (one.damaged, one.state) == (True, State.HELD)
    assert one.problem is not None
    assert other == second
    with pytest.raises(CaddieError, match="cannot be read"):
        queue.release(first.id)
    assert not queue.put(other, over=one)
    assert queue.job(first.id).name == "a"
    queue.remove(first.id)
    assert names(queue) == ["b"]


def test_every_cut_of_an_entry_file_is_survived(queue: Queue) -> None:
    entry = queue.add(job("学習"), environment=PLACE)
    path = queue.folder / "entries" / entry.id / "entry.json"
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2):
        path.write_bytes(whole[:length])
        (found,) = queue.read().entries
        assert found.damaged, length


def test_a_missing_entry_file_beside_a_job_is_not_forgotten(queue: Queue) -> None:
    entry = queue.add(job("a"), environment=PLACE)
    (queue.folder / "entries" / entry.id / "entry.json").unlink()
    (found,) = queue.read().entries
    assert found.damaged
    queue.remove(entry.id)
    assert queue.read().entries == ()


def test_a_damaged_order_pauses_and_loses_nobody(queue: Queue) -> None:
    for name in "abc":
        queue.add(job(name), environment=PLACE)
    (queue.folder / "queue.json").write_text('{"version": 1, "order": ["')
    snapshot = queue.read()
    assert snapshot.control.paused
    assert snapshot.control.problem is not None
    assert sorted(entry.name for entry in snapshot.entries) == ["a", "b", "c"]
    queue.go_on()
    assert not Queue(queue.folder).read().control.paused


def test_a_disk_that_is_full_changes_nothing(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.queue import records

    entry = queue.add(job("a"), environment=PLACE)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(records, "write_atomically", full)
        for change in (
            lambda: queue.add(job("b"), environment=PLACE),
            lambda: queue.hold(entry.id),
            queue.pause,
            lambda: queue.move(entry.id, 0),
        ):
            with pytest.raises(OSError, match="No space"):
                change()
    assert queue.read().entries == (entry,)
    assert len(list((queue.folder / "entries").iterdir())) == 1


def test_the_words_of_a_dead_driver_are_not_shown(queue: Queue) -> None:
    queue.add(job("a"), environment=PLACE)
    note = DriverNote(pid=os.getpid(), waits_for=("x",), trouble=Text("t", "t"))
    queue.note(note)
    assert read_note(queue.folder / "driver.json") == note
    assert queue.read().trouble is None
    with locked(queue.driver_lock):
        snapshot = queue.read()
    assert (snapshot.driven, snapshot.trouble, snapshot.waits_for) == (True, Text("t", "t"), ("x",))
    assert not queue.read().driven


def test_stop_after_refuses_what_is_over(queue: Queue) -> None:
    entry = queue.add(job("a"), environment=PLACE)
    queue.stop_after(entry.id)
    queue.end_of(entry.id)
    assert queue.read().control.paused
    assert queue.put(Entry(**{**fields(entry), "state": State.DONE}), over=entry)
    with pytest.raises(CaddieError, match="over"):
        queue.stop_after(entry.id)


def test_a_file_by_a_newer_caddie_is_not_guessed_at(queue: Queue) -> None:
    entry = queue.add(job("a"), environment=PLACE)
    path = queue.folder / "entries" / entry.id / "entry.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    assert queue.read().entries[0].damaged
