"""What the Run page lets people ask of a training, and what it says became of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.runs.wishes import WishFolder
from gui.bridge.notices import Notice
from gui.bridge.run_stop import StopRequest, StopStage, stage_after
from gui.pages.run import RunPage
from gui.run.dialogs import End, RunDialogs
from gui.services import Services
from tests.helpers.guided import Guided
from tests.unit.gui.conftest import settle
from tests.unit.gui.test_run_service import wait


class Answers(RunDialogs):
    def __init__(self) -> None:
        self.may_save: list[bool] = []

    def stop(self, unsaved_steps: int | None, *, may_save: bool = False) -> End | None:
        self.may_save.append(may_save)
        return End.SAVE if may_save else End.STOP


@pytest.fixture
def page(services: Services) -> Iterator[RunPage]:
    made = RunPage(services, dialogs=Answers())
    made.resize(1100, 760)
    made.show()
    settle()
    yield made
    services.runs.close()
    made.close()
    made.deleteLater()
    settle()


def tips(page: RunPage) -> list[str]:
    controls = page.header.controls
    return [button.toolTip() for button in (controls.hold_button, controls.save_button, controls.sample_button)]


def test_what_a_script_hears_can_be_asked_for_and_is_told_of(page: RunPage, services: Services) -> None:
    runs, header = services.runs, page.header
    guided = Guided(hears=("save", "pause"), started=False)
    runs.attach(guided.folder)
    wait(lambda: runs.opened and header.controls.isVisible())
    assert not header.controls.save_button.isEnabled()
    assert tips(page)[:2] == ["Possible once the first step is done"] * 2
    guided.start()
    wait(header.controls.save_button.isEnabled)
    assert not header.controls.sample_button.isEnabled()
    assert "sample_prompts" in tips(page)[2]

    header.controls.save_button.click()
    assert header.wish_label.isVisible()
    assert "Asked to save" in header.wish_label.text()
    wait(lambda: guided.folder.wishes.take("save"))
    guided.says("save", "heard")
    wait(lambda: header.wish_label.text() == "Saving after step 7 …")
    guided.says("save", "done", path="/x/lora-step00000007.safetensors")
    wait(lambda: header.wish_label.text() == "Saved at step 7: lora-step00000007.safetensors")

    guided.says("save", "done", path="/x/" + "a-long-name" * 40)
    wait(lambda: "a-long-name" in header.wish_label.text())
    settle()
    assert header.width() < page.width()  # it is cut, and the tool tip has all of it
    assert header.wish_label.toolTip().endswith("a-long-name")

    header.controls.hold_button.click()
    assert header.badge.look.text == "Pausing"
    wait(lambda: guided.folder.wishes.paused)
    guided.says("pause", "done")
    wait(lambda: header.badge.look.text == "Paused")
    header.controls.hold_button.click()
    guided.says("go-on", "done")
    wait(lambda: header.badge.look.text == "Running" and "Going on" in header.wish_label.text())
    guided.end()
    wait(lambda: runs.outcome is not None)
    assert not header.wish_label.isVisible()


def test_a_stop_that_could_not_save_is_taken_back(page: RunPage, services: Services) -> None:
    runs, header = services.runs, page.header
    guided = Guided()
    runs.attach(guided.folder)
    wait(lambda: runs.metrics.last_step == 1)
    posted: list[Notice] = []
    services.notices.posted.connect(posted.append)
    page.stop()
    assert isinstance(page.dialogs, Answers)
    assert page.dialogs.may_save == [True]
    assert runs.stop_stage is StopStage.SAVING
    assert header.now_button.isVisible()
    wait(guided.folder.stop_requested)
    assert WishFolder(guided.folder.path / "wishes").saves_first
    guided.folder.stop_file.unlink()
    guided.says("save-then-stop", "failed", detail="disk-full")
    wait(lambda: runs.stop_stage is StopStage.NONE)
    assert "no room" in header.wish_label.text()
    assert ["no room" in notice.text() for notice in posted] == [True]
    assert header.stop_button.isVisible()
    assert header.controls.isEnabled()


def test_a_script_without_the_companion_says_why_nothing_can_be_asked(page: RunPage, services: Services) -> None:
    guided = Guided(companion=False, started=False, options={"sample_prompts": "p.txt"})
    services.runs.attach(guided.folder)
    wait(lambda: services.runs.opened and page.header.controls.isVisible())
    assert {"companion is switched off" in tip for tip in tips(page)} == {True}
    page.stop()
    assert isinstance(page.dialogs, Answers)
    assert page.dialogs.may_save == [False]


def test_a_window_that_comes_later_knows_what_was_asked_and_answered(page: RunPage, services: Services) -> None:
    guided = Guided(hears=())
    guided.folder.wishes.pause(on=True)
    guided.says("pause", "done")
    services.runs.attach(guided.folder)
    wait(lambda: page.header.badge.look.text == "Paused")
    assert page.header.wish_label.text() == "Paused after step 7."
    assert tips(page)[1] == "This training cannot be asked for it"


def test_a_save_before_the_end_is_given_its_time() -> None:
    assert stage_after(899, urgent=False, companion=True, saves=True) is StopStage.SAVING
    assert stage_after(901, urgent=False, companion=True, saves=True) is StopStage.INTERRUPTING
    assert stage_after(1, urgent=True, companion=True, saves=True) is StopStage.TERMINATING
    assert StopRequest(asked=1.0, saves=True).stage(hosted=True, companion=True) is StopStage.SAVING
