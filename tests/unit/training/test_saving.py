"""When saves come, what they are called and which ones go: held against what sd-scripts does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.errors import CaddieError
from core.runs.events import Event, Saved, Warned
from core.training.names import epoch_to_delete, of_epoch, of_step, step_to_delete
from core.training.reporting import Reporter
from core.training.saving import Saver
from core.training.settings import SaveSettings
from core.training.state import Place


def _saver(folder: Path, events: list[Event], epochs: int = 6, **settings: Any) -> Saver:
    def write(path: Path, place: Place) -> None:
        path.write_text(str(place))

    saves = SaveSettings(folder=str(folder), name="demo", **settings)
    return Saver(saves, epochs, write, dict, Reporter(events.append))


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_names_are_those_of_sd_scripts() -> None:
    assert of_epoch("demo", 1) == "demo-000001"
    assert of_step("demo", 20) == "demo-step00000020"


@pytest.mark.parametrize(
    ("every", "last", "step", "gone"),
    [(10, 30, 50, 10), (10, 30, 40, None), (10, 0, 20, 10), (10, 35, 60, 20), (10, None, 60, None)],
)
def test_older_steps_go_as_in_sd_scripts(every: int, last: int | None, step: int, gone: int | None) -> None:
    assert step_to_delete(SaveSettings(every_steps=every, last_steps=last), step, state=False) == gone


def test_states_may_be_kept_for_another_time() -> None:
    settings = SaveSettings(every_epochs=2, last_epochs=1, last_epochs_state=3)
    assert epoch_to_delete(settings, 8, state=False) == 6
    assert epoch_to_delete(settings, 8, state=True) == 2


class _Kept:
    """What an optimizer of somebody's own may keep in its state."""


def test_a_state_that_will_not_be_read_is_told_at_once(tmp_path: Path) -> None:
    events: list[Event] = []
    saves = SaveSettings(folder=str(tmp_path), name="demo", state=True)
    state: dict[str, Any] = {"optimizer": {"state": {0: {"step": 1}}}}
    saver = Saver(saves, 2, lambda path, _: None, lambda: state, Reporter(events.append))
    saver.at_end(Place(step=1))
    assert not any(isinstance(event, Warned) for event in events)
    state["optimizer"]["kept"] = _Kept()
    saver.at_end(Place(step=1))
    (warned,) = [event for event in events if isinstance(event, Warned)]
    assert warned.key == "state"
    assert "_Kept" in warned.detail


def test_saves_by_epochs_and_the_end(tmp_path: Path) -> None:
    events: list[Event] = []
    saver = _saver(tmp_path, events, every_epochs=2, last_epochs=1, state=True)
    for epoch in range(1, 7):
        if saver.is_due_at_epoch(epoch):
            saver.after_epoch(Place(step=epoch * 10, epoch=epoch))
    saver.at_end(Place(step=60, epoch=6))
    assert _names(tmp_path) == {"demo-000004.safetensors", "demo-000004-state", "demo.safetensors", "demo-state"}
    assert [Path(event.path).name for event in events if isinstance(event, Saved) and event.kind == "weights"] == [
        "demo-000002.safetensors",
        "demo-000004.safetensors",
        "demo.safetensors",
    ]


def test_a_ratio_spreads_the_saves(tmp_path: Path) -> None:
    saver = _saver(tmp_path, [], epochs=10, epoch_ratio=5)
    assert [epoch for epoch in range(1, 11) if saver.is_due_at_epoch(epoch)] == [2, 4, 6, 8]
    assert not saver.is_due_at_step(2)


def test_a_save_that_cannot_be_written_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CaddieError, match=r"demo\.safetensors could not be saved"):
        _saver(tmp_path / "file" / "folder", []).at_end(Place())


def test_a_full_disk_for_the_events_does_not_end_the_training(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Event] = []

    def full(event: Event) -> None:
        raise OSError(28, "No space left on device")

    reporter = Reporter(full)
    reporter.listen(heard.append)
    reporter.warned("one")
    reporter.warned("two")
    assert len(heard) == 2
    assert [record.message for record in caplog.records] == ["Events are lost: [Errno 28] No space left on device"]
