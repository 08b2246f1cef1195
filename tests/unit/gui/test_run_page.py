"""The Run page: before, during and after a run; its log; its words."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest

from core.metrics.run_metrics import RunMetrics
from core.runs.events import Group, Started, Step, Warned
from core.runs.folder import list_runs
from core.runs.outcome import Ending, Outcome
from core.text import Text, same
from gui.bridge.notices import Notice
from gui.bridge.run_service import RunService
from gui.bridge.run_stop import StopStage
from gui.pages.run import RunPage
from gui.run.announcer import RunAnnouncer
from gui.run.dialogs import End, RunDialogs
from gui.run.log_view import LINES_AT_ONCE, LINES_KEPT, LogView
from gui.run.notes import lacks_loss
from gui.run.numbers import rate_of
from gui.run.words import duration, memory, speed
from gui.services import Services
from gui.widgets.notice_bar import NoticeBar
from tests.helpers.runs import start_bad, wait_for_end
from tests.unit.gui.conftest import settle
from tests.unit.gui.test_run_service import Environments, demo_job, options_for, wait


class Answers(RunDialogs):
    """Answers at once with what the test says."""

    def __init__(self) -> None:
        self.yes = True
        self.asked: list[object] = []
        self.target: Path | None = None

    def start_second(self, running: str) -> bool:
        self.asked.append(running)
        return self.yes

    def stop(self, unsaved_steps: int | None, *, may_save: bool = False) -> End | None:
        self.asked.append(unsaved_steps)
        return End.STOP if self.yes else None

    def save(self, title: str, suggestion: Path, kind: str) -> Path | None:
        self.asked.append(suggestion.name)
        return self.target


@pytest.fixture
def environments(services: Services) -> Environments:
    made = Environments()
    for name in ("environments_changed", "selected_changed", "report_changed"):
        setattr(made, name, getattr(services.environments, name))
    return made


@pytest.fixture
def page(services: Services, environments: Environments) -> Iterator[RunPage]:
    runs = RunService(services.tasks, services.catalogue, environments, options_for, parent=services.tasks)
    environments.environments = (environments.selected,)
    made = RunPage(replace(services, runs=runs, environments=environments), dialogs=Answers())
    made.resize(1100, 760)
    made.show()
    made.activated()
    settle()
    yield made
    runs.close()
    for folder in list_runs():
        folder.request_stop(now=True)
    for folder in list_runs():
        wait_for_end(folder)
    made.close()
    made.deleteLater()
    settle()


def runs_of(page: RunPage) -> RunService:
    return page.services.runs


# --- before ------------------------------------------------------------------------------------------------------


def test_before_the_first_run_the_page_says_what_will_be_seen(page: RunPage) -> None:
    assert page.stack.currentWidget() is page.empty
    assert "d*lr" in page.empty.text.text()
    assert page.header.name.text() == "Untitled job"
    assert not page.header.bar.isVisible()
    assert not page.header.stop_button.isVisible()


def test_what_prevents_the_start_is_listed_with_the_way_to_mend_it(page: RunPage, tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []
    page.services.navigate.requested.connect(lambda where, topic: asked.append((where, topic)))
    session = page.services.session
    session.new(demo_job(tmp_path).with_option("learning_rat", 1e-4))
    settle()
    assert page.problems.isVisible()
    assert not page.header.start_button.isEnabled()
    assert page.header.badge.look.text == "Not ready"
    (button,) = [one for one in page.problems.findChildren(type(page.header.start_button)) if one.isVisible()]
    assert button.text() == "Go to Set up"
    button.click()
    assert asked == [("setup", "option:learning_rat")]
    session.new(demo_job(tmp_path))
    settle()
    assert not page.problems.isVisible()
    assert page.header.start_button.isEnabled()
    assert page.header.badge.look.text == "Ready"


def test_no_environment_is_the_first_thing_to_mend(page: RunPage, environments: Environments, tmp_path: Path) -> None:
    page.services.session.new(demo_job(tmp_path))
    environments.selected = None
    page.services.environments.selected_changed.emit()
    assert page.problems.problems[0].page == "environment"
    page.start()
    assert list_runs() == []


# --- during and after --------------------------------------------------------------------------------------------


def test_a_real_run_from_the_button_to_the_outcome(page: RunPage, tmp_path: Path) -> None:
    page.services.session.new(demo_job(tmp_path, steps=40))
    page.header.start_button.click()
    runs = runs_of(page)
    wait(lambda: runs.metrics.last_step > 2, "some steps")
    assert page.stack.currentWidget() is page.plots
    assert page.header.name.text() == "猫 cat"
    assert "AdamW" in page.header.about.text()
    assert "here" in page.header.about.text()
    assert not page.header.start_button.isVisible()
    wait(lambda: runs.outcome is not None, "the end")
    settle()
    assert page.outcome.isVisible()
    assert runs.outcome is not None
    assert page.outcome.sentence.text() == runs.outcome.sentence.en
    assert page.header.stats["step"].value.text() == "40 / 40  ·  100 %"
    assert page.header.stats["rate"].value.text() == "0.001"
    assert page.header.bar.value() == 40
    wait(lambda: "running training" in page.log.text.toPlainText(), "the log")
    assert page.header.start_button.isVisible()
    shown: list[str] = []
    page.outcome.show_file.disconnect()
    page.outcome.show_file.connect(shown.append)
    page.outcome.file_button.click()
    assert Path(shown[0]).name == "cat.safetensors"
    wait(lambda: page.recent.tree.topLevelItemCount() == 1, "the list of runs")
    answers = page.dialogs
    assert isinstance(answers, Answers)
    buttons = (page.plots.table_button, page.plots.picture_button, page.plots.picture_button, page.plots.page_button)
    for suffix, button in zip((".csv", ".png", ".svg", ".html"), buttons, strict=True):
        answers.target = tmp_path / f"saved{suffix}"
        button.click()
        wait(lambda: answers.target is not None and answers.target.exists(), "the file")
    with (tmp_path / "saved.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["step"]) for row in rows] == list(range(1, 41))
    assert not QImage(str(tmp_path / "saved.png")).isNull()
    assert "<svg" in (tmp_path / "saved.svg").read_text(encoding="utf-8")
    assert "Content-Security-Policy" in (tmp_path / "saved.html").read_text(encoding="utf-8")
    wait(lambda: not page.services.tasks.busy)


def test_stopping_asks_first_and_shows_how_far_it_is(page: RunPage) -> None:
    runs, answers = runs_of(page), page.dialogs
    assert isinstance(answers, Answers)
    runs.attach(start_bad("slow"))
    wait(lambda: runs.progress is not None and runs.progress.step > 1, "some steps")
    answers.yes = False
    page.stop()
    assert answers.asked == [None]
    assert runs.stop_stage is StopStage.NONE
    answers.yes = True
    page.header.stop_button.click()
    assert page.header.stop_label.isVisible()
    assert page.header.now_button.isVisible()
    assert not page.header.stop_button.isVisible()
    wait(lambda: runs.outcome is not None, "the end")
    assert page.header.badge.look.text == "Stopped"
    assert not page.header.stop_label.isVisible()


def test_a_second_run_beside_a_running_one_needs_a_yes(page: RunPage, tmp_path: Path) -> None:
    runs, answers = runs_of(page), page.dialogs
    assert isinstance(answers, Answers)
    page.services.session.new(demo_job(tmp_path))
    first = start_bad("slow", name="first")
    runs.attach(first)
    wait(lambda: runs.progress is not None, "the first run")
    answers.yes = False
    page.header.another_button.click()
    assert answers.asked == ["first"]
    assert runs.current == first
    assert not runs.starting


def test_a_failure_is_explained_and_has_no_empty_plots(page: RunPage) -> None:
    runs = runs_of(page)
    runs.attach(start_bad("dies-at-once"))
    wait(lambda: runs.outcome is not None, "the end")
    settle()
    assert page.header.badge.look.text == "Failed"
    assert page.outcome.error.isVisible()
    assert "no such thing" in page.outcome.error.text()
    assert not page.plots.isVisible()
    page.outcome.tail_button.click()
    assert "no such thing" in page.outcome.tail.toPlainText()


def test_a_former_run_is_opened_again(page: RunPage) -> None:
    wait_for_end(start_bad("fine", name="a-old"))  # within one second the names decide which is the newer
    wait_for_end(start_bad("fine", name="b-new"))
    page.activated()
    wait(lambda: page.recent.tree.topLevelItemCount() == 2, "the list")
    item = page.recent.tree.topLevelItem(1)
    assert item is not None
    assert (item.text(0), item.text(1)) == ("a-old", "Finished")
    page.recent.tree.itemActivated.emit(item, 0)
    wait(lambda: runs_of(page).outcome is not None, "its end")
    assert page.header.name.text() == "a-old"


def test_a_run_that_ended_while_the_window_was_closed_is_on_show_at_the_first_visit(page: RunPage) -> None:
    wait_for_end(start_bad("fine", name="a-old"))
    wait_for_end(start_bad("fine", name="b-new"))
    runs = runs_of(page)
    assert runs.current is None
    page.activated()
    wait(lambda: runs.outcome is not None, "its end")
    assert page.header.name.text() == "b-new"
    assert page.outcome.isVisible()
    assert len(list_runs()) == 2  # nothing was started


def test_a_newest_run_that_cannot_be_opened_is_tried_once(page: RunPage) -> None:
    runs = runs_of(page)
    folder = start_bad("fine", name="old")
    wait_for_end(folder)
    page.activated()
    wait(lambda: runs.outcome is not None, "its end")
    wait(lambda: not page.services.tasks.busy)
    runs.detach()
    runs.current_changed.emit()
    seen: list[int] = []
    runs.recent(lambda found: seen.append(len(found)), owner=page)
    wait(lambda: seen, "another list")
    settle()
    assert runs.current is None
    assert "former run" in page.empty.text.text()


def test_the_log_has_six_lines_in_a_window_of_usual_height(page: RunPage) -> None:
    runs = runs_of(page)
    page.resize(1180, 765)
    folder = start_bad("slow")
    runs.attach(folder)
    wait(lambda: runs.progress is not None and runs.progress.step > 1, "some steps")
    settle()
    text = page.log.text
    assert text.viewport().height() >= 6 * text.fontMetrics().lineSpacing()
    assert page._plot_card.height() > page._tab_card.height()
    sizes = page.body.sizes()
    page.body.moveSplitter(sizes[0] - 40, 1)
    by_hand = page.body.sizes()[1]
    assert by_hand > sizes[1]
    page.resize(1180, 764)
    settle()
    assert abs(page.body.sizes()[1] - by_hand) <= 2


def test_the_log_stands_beside_the_plots_where_there_is_room(page: RunPage) -> None:
    page.resize(2400, 1300)
    settle()
    assert page.body.orientation() == Qt.Orientation.Horizontal
    page.resize(1100, 760)
    settle()
    assert page.body.orientation() == Qt.Orientation.Vertical


def test_a_small_window_cuts_nothing_off_at_its_side(page: RunPage) -> None:
    runs = runs_of(page)
    runs.attach(start_bad("fine"))
    wait(lambda: runs.outcome is not None, "the end")
    page.resize(850, 560)
    settle()
    assert page.body.parentWidget().width() <= 850


def test_the_buttons_and_the_problems_say_whose_they_are_when_another_run_is_on_show(page: RunPage, tmp_path: Path) -> None:
    runs, session, header = runs_of(page), page.services.session, page.header
    session.new(demo_job(tmp_path, name="R&D"))
    settle()
    assert header.start_button.text() == "Start"
    runs.attach(start_bad("slow", name="demo"))
    wait(lambda: runs.opened, "the run")
    assert header.name.text() == "demo"
    assert header.another_button.text() == "Start “R&&D”"
    runs.stop(now=True)
    wait(lambda: runs.outcome is not None, "the end")
    session.new(demo_job(tmp_path, name="a name that is too long for any button").with_option("learning_rat", 1e-4))
    settle()
    assert header.name.text() == "demo"
    assert header.start_button.text() == "Start “a name that is too long…”"
    assert header.start_button.toolTip().endswith("a name that is too long for any button")
    assert page.problems.heading.text() == "“a name that is too long for any button” cannot be started yet"
    session.new(demo_job(tmp_path, name="demo").with_option("learning_rat", 1e-4))
    settle()
    assert (header.start_button.text(), header.another_button.text()) == ("Start", "Start another")
    assert page.problems.heading.text() == "This job cannot be started yet"


# --- telling -----------------------------------------------------------------------------------------------------


def test_a_found_run_and_an_end_are_told_to_other_pages(page: RunPage) -> None:
    posted: list[Notice] = []
    page.services.notices.posted.connect(posted.append)
    bar = NoticeBar(page.services.theme, page.services.notices, page)
    elsewhere = True
    announcer = RunAnnouncer(page.services, lambda: not elsewhere, page)
    going = start_bad("slow", name="long one")
    runs = runs_of(page)
    runs.look_for_running()
    wait(lambda: posted, "the notice")
    assert posted[0].text() == "“long one” is training"
    going.request_stop(now=True)
    wait(lambda: runs.outcome is not None, "the end")
    assert bar.notice is posted[1]
    bar.dismiss()
    assert bar.notice is None  # what was said before is not true any more
    bar.show_notice(posted[0])
    page.activated()
    assert bar.notice is None
    assert posted[1].text().startswith("long one: ")
    elsewhere = False
    runs.attach(start_bad("fine"))
    wait(lambda: runs.outcome is not None, "the end")
    assert len(posted) == 2
    announcer.deleteLater()


def test_every_end_has_its_words_in_both_languages(page: RunPage) -> None:
    for ending in (Ending.FINISHED, Ending.STOPPED, Ending.FAILED, Ending.LOST):
        outcome = Outcome(
            ending=ending, sentence=Text("It ended.", "終わりました。"), explanation=same("Why"), advice=same("Do"), steps=3
        )
        page.outcome.show_outcome(outcome)
        assert page.outcome.sentence.text() == "It ended."
        assert page.outcome.meaning.text() == "What it means: Why"
        assert page.outcome.advice.text() == "What to do: Do"
        assert not page.outcome.file_button.isVisible()
        page.outcome.close_button.click()
        assert not page.outcome.isVisible()


def test_the_rate_that_says_most_is_shown() -> None:
    metrics = RunMetrics()
    assert rate_of(metrics) == ("lr", "–")
    metrics.feed([Step(time=0, step=1, groups=(Group(name="unet", lr=1e-4, effective_lr=1e-4),))])
    assert rate_of(metrics) == ("lr", "1e-4")
    metrics.feed([Step(time=0, step=2, groups=(Group(name="unet", lr=1e-4, effective_lr=5e-5),))])
    assert rate_of(metrics) == ("effective lr", "5e-5")
    groups = tuple(Group(name=name, lr=1.0, d=rate, d_lr=rate) for name, rate in (("textencoder", 1e-6), ("unet", 2e-6)))
    metrics.feed([Step(time=0, step=3, groups=groups)])
    assert rate_of(metrics) == ("d*lr · unet", "2e-6")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (4.4, "4 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (270_000, "3 d 3 h"), (float("nan"), "–")],
)
def test_durations_are_readable(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(None, "–"), (0.0, "–"), (0.25, "4 steps/s"), (3.456, "3.46 s/step")])
def test_speeds_are_readable(seconds: float | None, words: str) -> None:
    assert speed(seconds) == words


# --- the log -----------------------------------------------------------------------------------------------------


def test_an_optimizer_that_gets_no_loss_is_told_of(page: RunPage) -> None:
    def told(optimizer: str, *, hands: bool | None, lost: bool = False) -> bool:
        metrics = RunMetrics()
        metrics.feed([Started(time=0, optimizer=optimizer, hands_loss=hands)])
        if lost:
            metrics.feed([Warned(time=1, step=1, key="loss-not-handed", detail="why")])
        return lacks_loss(metrics)

    emo = "pytorch_optimizer.optimizer.emonavi.EmoNavi"
    assert told(emo, hands=None)
    assert not told(emo, hands=True)
    assert told(emo, hands=True, lost=True)
    assert not told("torch.optim.adamw.AdamW", hands=None)
    assert not told("", hands=None)
    asked: list[tuple[str, str]] = []
    page.services.navigate.requested.connect(lambda where, topic: asked.append((where, topic)))
    metrics = runs_of(page).metrics
    assert not page.note.isVisible()
    metrics.feed([Started(time=0, optimizer=emo)])
    page.note.refresh()
    assert page.note.isVisible()
    assert page.note.text.text().startswith("EmoNavi ")
    page.note.button.click()
    assert asked == [("setup", "option:optimizer_type")]
    page.note.close_button.click()
    metrics.feed([Step(time=1, step=1)])
    page.note.refresh()
    assert not page.note.isVisible()  # said once


def test_memory_is_readable() -> None:
    assert (memory(None), memory(7.4 * 2**30)) == ("–", "7.4 GiB")


@pytest.fixture
def log(services: Services) -> Iterator[LogView]:
    made = LogView(services.theme)
    made.resize(500, 300)
    made.show()
    settle()
    yield made
    made.bar.deleteLater()
    made.close()
    made.deleteLater()
    settle()


def test_a_million_lines_stay_bounded_and_the_last_one_is_seen(log: LogView) -> None:
    for thousand in range(1000):
        log.append("".join(f"line {number}\n" for number in range(thousand * 1000, thousand * 1000 + 1000)))
        assert log.waiting <= LINES_KEPT
    wait(lambda: log.waiting == 0, "the view")
    assert log.text.blockCount() <= LINES_KEPT
    assert log.text.toPlainText().endswith("line 999999")
    bar = log.text.verticalScrollBar()
    assert bar.value() == bar.maximum()


def test_only_so_many_lines_are_put_in_between_two_events(log: LogView) -> None:
    log.append("x\n" * (3 * LINES_AT_ONCE))
    assert log.waiting >= 2 * LINES_AT_ONCE - 1
    wait(lambda: log.waiting == 0, "the view")


def test_scrolling_up_stops_following_and_keeps_the_place(log: LogView) -> None:
    log.append("".join(f"line {number}\n" for number in range(500)))
    bar = log.text.verticalScrollBar()
    bar.triggerAction(bar.SliderAction.SliderToMinimum)
    assert not log.follow.isChecked()
    log.append("more\n" * 50)
    wait(lambda: log.waiting == 0, "the view")
    assert bar.value() == bar.minimum()
    log.follow.click()
    assert bar.value() == bar.maximum()


def test_search_goes_round_and_says_when_there_is_nothing(log: LogView) -> None:
    log.append("alpha\nbeta\nalpha\n終わり\n")
    QTest.keyClicks(log.search, "alpha")
    assert log.text.textCursor().blockNumber() == 0
    log.find_next()
    assert log.text.textCursor().blockNumber() == 2
    log.find_next()
    assert log.text.textCursor().blockNumber() == 0
    log.find_previous()
    assert log.text.textCursor().blockNumber() == 2
    log.search.setText("終わり")
    assert log.text.textCursor().selectedText() == "終わり"
    log.search.setText("gamma")
    assert log.found_label.text() == "Not found"
    log.search.setText("beta")
    assert log.found_label.text() == ""


def test_copy_takes_the_selection_or_everything(log: LogView) -> None:
    log.append("one\ntwo\n")
    log.copy_button.click()
    assert QGuiApplication.clipboard().text() == "one\ntwo"
    log.search.setText("two")
    log.copy_button.click()
    assert QGuiApplication.clipboard().text() == "two"


def test_wrapping_is_a_choice(log: LogView) -> None:
    log.append("word " * 500 + "\n")
    assert log.text.horizontalScrollBar().maximum() > 0
    log.wrap.click()
    QCoreApplication.processEvents()
    assert log.text.horizontalScrollBar().maximum() == 0
