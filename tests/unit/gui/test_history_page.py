"""The History page over real run folders."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest

from core.history.notes import read_notes
from core.paths import runs_dir
from core.runs.folder import RunFolder, update_processes
from core.runs.outcome import Ending
from core.runs.processes import identify
from gui.history.curves_view import CurvesView
from gui.history.dialogs import HistoryDialogs
from gui.main_window import MainWindow
from gui.models.history_columns import COLUMNS, figure, optimizer_name
from gui.models.history_table import HistoryFilter
from gui.pages.history import HistoryPage
from gui.run.words import moment
from gui.services import Services
from tests.helpers.histories import NOON, make_run
from tests.unit.gui.conftest import FakeDialogs, settle


class Answers(HistoryDialogs):
    """What the user would answer."""

    def __init__(self) -> None:
        QObject.__init__(self)
        self.yes = True
        self.path: Path | None = None
        self.asked: list[list[str]] = []

    def delete(self, names: list[str]) -> bool:
        self.asked.append(names)
        return self.yes

    def import_folder(self) -> Path | None:
        return self.path

    def import_file(self) -> Path | None:
        return self.path


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until, "it never came"
        QTest.qWait(5)
        time.sleep(0.005)  # lets the workers run


@pytest.fixture
def runs(tmp_path: Path) -> list[RunFolder]:
    """Four runs: the newest is the last."""
    folder = runs_dir()
    return [
        make_run(folder, name="alpha", optimizer="Prodigy", losses=[0.3, 0.2], validation=[(2, 0.25)], at=NOON),
        make_run(folder, name="beta", optimizer="AdamW", rate=1e-4, losses=[0.1, float("nan")], at=NOON + 100),
        make_run(folder, name="gamma", optimizer="Lion", rate=None, losses=[], at=NOON + 200, ending=Ending.FAILED),
        make_run(folder, name="delta", optimizer="AdamW", rate=1e-4, seed=2, losses=[0.05, 0.05], at=NOON + 300),
    ]


@pytest.fixture
def page(services: Services, runs: list[RunFolder]) -> Iterator[HistoryPage]:
    made = HistoryPage(services, dialogs=Answers())
    made.resize(1200, 800)
    made.show()
    made.activated()
    wait_for(lambda: made.history.listing is not None and made.tabs.curves is not None)
    yield made
    services.tasks.wait()
    settle()
    made.hide()
    made.deleteLater()
    settle()


def names(page: HistoryPage) -> list[str]:
    return [record.name for record in page.table.shown]


def curves_of(page: HistoryPage) -> CurvesView:
    assert page.tabs.curves is not None
    return page.tabs.curves


def choose(page: HistoryPage, *wanted: str) -> None:
    page.view.select([record.folder for record in page.table.records if record.name in wanted])


def test_nothing_is_read_before_the_page_is_visited(
    services: Services, dialogs: FakeDialogs, runs: list[RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.history import index

    looks: list[Path | None] = []
    real = index.list_history

    def look(runs_dir: Path | None = None, **options: object) -> index.Listing:
        looks.append(runs_dir)
        return real(runs_dir, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(index, "list_history", look)
    window = MainWindow(services, dialogs=dialogs)
    window.show()
    services.tasks.wait()
    settle()
    assert looks == []
    assert not index.index_file().exists()
    window.navigate("history")
    wait_for(lambda: looks)
    services.tasks.wait()
    settle()
    window.close()
    window.deleteLater()


def test_every_run_is_a_row_the_newest_first(page: HistoryPage) -> None:
    assert names(page) == ["delta", "gamma", "beta", "alpha"]
    assert page.stack.currentWidget() is page.view
    texts = {name: page.table.cell(page.table.shown[3], column).text for column, name in enumerate(COLUMNS)}
    assert (texts["outcome"], texts["rate"], texts["validation"], texts["steps"]) == ("Finished", "1", "0.25", "2")
    assert page.table.cell(page.table.shown[2], COLUMNS.index("loss")).text == "NaN"


def test_what_is_unknown_comes_last_in_both_directions(page: HistoryPage) -> None:
    column = COLUMNS.index("loss")
    page.view.sortByColumn(column, Qt.SortOrder.AscendingOrder)
    assert names(page) == ["delta", "alpha", "beta", "gamma"]
    page.view.sortByColumn(column, Qt.SortOrder.DescendingOrder)
    assert names(page) == ["beta", "alpha", "delta", "gamma"]


def test_search_and_filters(page: HistoryPage) -> None:
    page.filters.search.setText("loss<0.1")
    wait_for(lambda: names(page) == ["delta"])
    page.filters.search.setText("lossy<0.1")
    wait_for(page.filters.problem.isVisible)
    assert "loss" in page.filters.problem.text()
    assert names(page) == ["delta"]  # as long as the words make no sense
    page.filters.clear()
    assert len(names(page)) == 4
    page.filters.outcome.setCurrentIndex(page.filters.outcome.findData("failed"))
    assert names(page) == ["gamma"]
    page.filters.optimizer.setCurrentIndex(1)
    assert page.stack.currentWidget() is page.no_fit
    page.no_fit.button.click()
    assert page.stack.currentWidget() is page.view
    assert page.table.filter == HistoryFilter()


def test_tags_and_notes_are_edited_in_place(page: HistoryPage, runs: list[RunFolder], services: Services) -> None:
    index = page.table.index(3, COLUMNS.index("tags"))
    assert index.flags() & Qt.ItemFlag.ItemIsEditable
    assert not page.table.index(3, 0).flags() & Qt.ItemFlag.ItemIsEditable
    page.table.setData(index, "good, 猫")
    page.table.setData(page.table.index(3, COLUMNS.index("notes")), "  keep ")
    services.tasks.wait()
    said = read_notes(runs[0].path)
    assert said.tags == ("good", "猫")
    page.history.load()
    wait_for(lambda: not page.history.loading)
    assert page.table.shown[3].tags == ("good", "猫")
    wait_for(lambda: page.filters.tag.findData("猫") > 0)


def test_a_run_that_is_gone_cannot_be_noted_and_leaves_the_table(
    page: HistoryPage, runs: list[RunFolder], unhandled: list[BaseException]
) -> None:
    shutil.rmtree(runs[0].path)
    page.table.setData(page.table.index(3, COLUMNS.index("tags")), "late")
    wait_for(lambda: "alpha" not in names(page))
    assert len(unhandled) == 1
    assert runs[0].path.name in str(unhandled.pop())
    assert not runs[0].path.exists()


def test_selection_survives_a_new_look_and_another_order(page: HistoryPage, runs: list[RunFolder]) -> None:
    choose(page, "alpha", "delta")
    make_run(runs_dir(), name="epsilon", at=NOON + 400)
    page.history.load()
    wait_for(lambda: len(names(page)) == 5)
    page.view.sortByColumn(COLUMNS.index("name"), Qt.SortOrder.AscendingOrder)
    assert [record.name for record in page.view.selected()] == ["alpha", "delta"]


def test_runs_go_to_the_bin(page: HistoryPage, runs: list[RunFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    dialogs = page.dialogs
    assert isinstance(dialogs, Answers)
    choose(page, "alpha", "beta")
    dialogs.yes = False
    page.delete_button.click()
    assert (dialogs.asked, runs[0].path.exists()) == ([["beta", "alpha"]], True)
    dialogs.yes = True
    page.delete()
    wait_for(lambda: names(page) == ["delta", "gamma"])
    assert not runs[0].path.exists()
    assert (tmp_path / "data" / "Trash" / "files" / runs[0].path.name / "job.toml").is_file()


def test_a_running_run_is_not_deleted(page: HistoryPage, runs: list[RunFolder]) -> None:
    runs[3].outcome_file.unlink()
    update_processes(runs[3], host=identify(os.getpid()))
    page.history.load()
    wait_for(lambda: page.table.shown[0].ending is Ending.RUNNING)
    choose(page, "delta")
    page.delete()
    assert isinstance(page.dialogs, Answers)
    assert page.dialogs.asked == []
    assert runs[3].path.exists()


def test_a_running_run_is_looked_at_again(page: HistoryPage, runs: list[RunFolder], monkeypatch: pytest.MonkeyPatch) -> None:
    runs[3].outcome_file.unlink()
    update_processes(runs[3], host=identify(os.getpid()))
    page.history.load()
    wait_for(lambda: page.table.shown[0].ending is Ending.RUNNING)
    assert page._look_again.waiting
    with runs[3].events_file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"event": "step", "time": NOON + 400, "step": 3, "loss": 0.05}) + "\n")
    page._look_again.start(0)  # instead of waiting for its time
    wait_for(lambda: page.table.shown[0].steps == 3)
    page.hide()
    assert not page._look_again.waiting


def test_its_job_is_opened_as_a_new_one(window: MainWindow, services: Services, runs: list[RunFolder]) -> None:
    window.navigate("history")
    page = window.page
    assert isinstance(page, HistoryPage)
    wait_for(lambda: page.table.records)
    choose(page, "delta")
    page.again_button.click()
    wait_for(lambda: services.session.job.optimizer_type == "AdamW" and services.session.job.options.get("seed") == 2)
    assert services.session.path is None  # a save must not change what the run was
    assert window.page is not None
    assert window.page.page_id == "setup"


def test_what_differs_is_shown_the_older_run_first(page: HistoryPage, runs: list[RunFolder]) -> None:
    assert page.differ.message.text() == "Select two runs above to see what differs between them."
    page.tabs.setCurrentWidget(page.differ)
    choose(page, "alpha", "delta")
    wait_for(lambda: page.differ.found is not None)
    tree = page.differ.tree
    assert tree.headerItem().text(1) == "alpha"
    rows = {item.child(n).text(0): item.child(n).text(1) for item in top_items(page) for n in range(item.childCount())}
    assert rows["Learning rate"] == "1.0"
    choose(page, "alpha", "beta", "delta")
    assert "3 are selected" in page.differ.message.text()
    runs[0].job_file.write_text("[[", encoding="utf-8")
    choose(page, "alpha", "beta")
    wait_for(lambda: "job.toml" in page.differ.message.text())


def top_items(page: HistoryPage) -> list[object]:
    tree = page.differ.tree
    return [tree.topLevelItem(number) for number in range(tree.topLevelItemCount())]


def test_runs_from_elsewhere_come_in(page: HistoryPage, tmp_path: Path, unhandled: list[BaseException]) -> None:
    from tests.unit.core.history.test_imports import write_lora

    assert isinstance(page.dialogs, Answers)
    page.dialogs.path = write_lora(tmp_path / "cat.safetensors")
    page.import_menu.actions()[0].trigger()
    wait_for(lambda: "cat" in names(page))
    record = next(record for record in page.table.records if record.name == "cat")
    unknown = dataclasses.replace(record, optimizer="")
    assert optimizer_name(unknown, page.services.catalogue) == ""  # and not sd-scripts' default
    assert page.table.cell(record, COLUMNS.index("source")).text == "LoRA file"
    page.dialogs.path = tmp_path / "nothing"
    page.import_menu.actions()[1].trigger()
    wait_for(lambda: unhandled)
    assert "nothing" in str(unhandled.pop())


def test_what_is_dropped_comes_in(page: HistoryPage, tmp_path: Path) -> None:
    from PySide6.QtCore import QMimeData, QPointF, QUrl
    from PySide6.QtGui import QDragEnterEvent, QDropEvent
    from PySide6.QtWidgets import QApplication

    from tests.unit.core.history.test_imports import write_lora

    for name, fits in (("notes.txt", False), ("dog.safetensors", True)):
        path = write_lora(tmp_path / name, ss_output_name="dog")
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path))])
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0)
        enter = QDragEnterEvent(QPointF(9, 9).toPoint(), Qt.DropAction.CopyAction, mime, left, none)
        QApplication.sendEvent(page, enter)
        assert enter.isAccepted() is fits
        drop = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, left, none)
        QApplication.sendEvent(page, drop)
    wait_for(lambda: "dog" in names(page))


def test_damage_is_shown_with_its_reason(page: HistoryPage, runs: list[RunFolder], services: Services) -> None:
    runs[1].job_file.write_text("[[", encoding="utf-8")
    page.history.load()
    wait_for(lambda: any(record.damage is not None for record in page.table.records))
    damaged = next(record for record in page.table.records if record.damage is not None)
    cell = page.table.cell(damaged, COLUMNS.index("outcome"))
    assert (cell.text, "job.toml" in cell.full) == ("Damaged", True)
    services.settings.language = "ja"
    settle()
    assert page.table.cell(damaged, COLUMNS.index("outcome")).text == "破損"
    page.filters.outcome.setCurrentIndex(page.filters.outcome.findData("damaged"))
    assert names(page) == ["beta"]


def test_an_empty_history_says_what_comes_here(services: Services) -> None:
    page = HistoryPage(services, dialogs=Answers())
    page.show()
    page.activated()
    wait_for(lambda: page.history.listing is not None)
    assert page.stack.currentWidget() is page.empty
    assert not page.below.isVisible()
    page.hide()
    page.deleteLater()


def test_an_error_is_shown_and_can_be_tried_again(
    services: Services, runs: list[RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.history import index

    real = index.list_history
    monkeypatch.setattr(index, "list_history", lambda *_args, **_options: (_ for _ in ()).throw(OSError("no drive")))
    page = HistoryPage(services, dialogs=Answers())
    page.show()
    page.activated()
    wait_for(lambda: page.stack.currentWidget() is page.failed)
    assert "no drive" in page.failed.text.text()
    monkeypatch.setattr(index, "list_history", real)
    page.failed.button.click()
    wait_for(lambda: page.stack.currentWidget() is page.view)
    page.hide()
    page.deleteLater()


def test_columns_are_found_again(services: Services, page: HistoryPage) -> None:
    page.view.columns.show(COLUMNS.index("tags"), on=False)
    page.view.horizontalHeader().resizeSection(COLUMNS.index("loss"), 333)
    page.view.columns.remember()
    again = HistoryPage(services, dialogs=Answers())
    assert again.view.isColumnHidden(COLUMNS.index("tags"))
    assert again.view.columnWidth(COLUMNS.index("loss")) == 333
    again.view.columns.reset()
    assert not again.view.isColumnHidden(COLUMNS.index("tags"))
    again.deleteLater()


def test_rows_are_copied_with_their_heading(page: HistoryPage, qapp: object) -> None:
    from PySide6.QtGui import QGuiApplication

    choose(page, "alpha")
    page.view.copy()
    heading, line = QGuiApplication.clipboard().text().split("\n")
    assert heading.startswith("Run\tOutcome\tOptimizer")
    assert line.startswith("alpha\tFinished\tProdigy")


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.1235"), (1e-4, "1e-4"), (3.14159e-5, "3.142e-5"), (float("nan"), "NaN"), (0, "0")]
)
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text
    assert json.dumps(text)


def test_selected_runs_lie_over_each_other(page: HistoryPage, runs: list[RunFolder]) -> None:
    curves = curves_of(page)
    assert "Select runs" in curves.plot.empty_message()
    choose(page, "alpha", "delta")
    wait_for(lambda: len(curves.plot.plot.curves) == 2)
    drawn = {curve.name: curve.y.tolist() for curve in curves.plot.plot.curves.values()}
    assert drawn["delta"] == pytest.approx([0.05, 0.05])
    colors = dict(page.view._delegate.colors)
    assert set(colors) == {runs[0].path, runs[3].path}
    choose(page, "alpha", "beta", "delta")
    wait_for(lambda: len(curves.plot.plot.curves) == 3)
    assert page.view._delegate.colors[runs[0].path] == colors[runs[0].path]  # a run keeps its colour
    curves.quantity.setCurrentIndex(1)
    assert [curve.y.tolist() for curve in curves.plot.plot.curves.values() if len(curve.y)] == [[0.25]]
    choose(page, "gamma")
    wait_for(lambda: not curves.curves.waiting)
    assert "None of the selected runs" in curves.plot.empty_message()


def test_a_baseline_gives_differences_and_ratios(page: HistoryPage, runs: list[RunFolder]) -> None:
    curves = curves_of(page)
    choose(page, "alpha", "delta")
    wait_for(lambda: len(curves.plot.plot.curves) == 2)
    curves.smoothing.setCurrentIndex(0)
    assert not curves.mode.isEnabled()
    curves.baseline.setCurrentIndex(curves.baseline.findData(str(runs[3].path)))
    curves.mode.setCurrentIndex(1)
    y = {curve.name: curve.y.tolist() for curve in curves.plot.plot.curves.values()}
    assert y["alpha"] == pytest.approx([0.25, 0.15])
    assert y["delta"] == [0, 0]
    assert curves.plot.heading.text() == "Loss, difference"
    curves.mode.setCurrentIndex(2)
    y = {curve.name: curve.y.tolist() for curve in curves.plot.plot.curves.values()}
    assert y["alpha"] == pytest.approx([6, 4])
    curves.axis.setCurrentIndex(1)
    assert next(iter(curves.plot.plot.curves.values())).x.tolist() == [0, 0.5]
    choose(page, "alpha")  # the baseline is not chosen any more
    assert curves.plot.heading.text() == "Loss"
    y = {curve.name: curve.y.tolist() for curve in curves.plot.plot.curves.values()}
    assert y["alpha"] == pytest.approx([0.3, 0.2])


def test_a_run_that_cannot_be_read_is_named_and_the_others_are_drawn(page: HistoryPage, runs: list[RunFolder]) -> None:
    runs[0].command_file.write_text("{", encoding="utf-8")
    choose(page, "alpha", "delta")
    curves = curves_of(page)
    wait_for(lambda: "alpha" in curves.note.text() and len(curves.plot.plot.curves) == 1)
    assert "command.json" in curves.note.text()


def test_runs_of_one_name_are_told_apart_by_their_seeds(page: HistoryPage) -> None:
    for seed in (7, 8):
        make_run(runs_dir(), name="same", seed=seed, network_dim=99, at=NOON + 1000 + seed)
    page.history.load()
    wait_for(lambda: names(page).count("same") == 2)
    choose(page, "same")
    curves = curves_of(page)
    wait_for(lambda: len(curves.plot.plot.curves) == 2)
    assert sorted(curve.name for curve in curves.plot.plot.curves.values()) == ["same · seed 7", "same · seed 8"]
    make_run(runs_dir(), name="same", optimizer="Lion", seed=7, at=NOON + 1009)
    page.history.load()
    wait_for(lambda: names(page).count("same") == 3)
    choose(page, "same")
    assert set(curves._names().values()) == {"same · seed 8", "same · Lion", f"same · {moment(NOON + 1007, 'en')}"}
    page.view.select([record.folder for record in page.table.records if record.name == "same" and record.optimizer != "Lion"])
    page.tabs.setCurrentWidget(page.tabs.ends)
    top = page.tabs.ends.tree.topLevelItem(0)
    assert (page.tabs.ends.tree.topLevelItemCount(), top.childCount(), top.text(1)) == (1, 2, "2 seeds")
    assert top.text(2).startswith("0.1973")
    assert "±" in top.text(2)


def test_curves_are_read_only_while_they_are_looked_at(page: HistoryPage) -> None:
    page.tabs.setCurrentWidget(page.tabs.ends)
    choose(page, "alpha", "beta")
    assert curves_of(page).curves.get(page.table.shown[3].folder) is None
    page.tabs.setCurrentWidget(curves_of(page))
    wait_for(lambda: len(curves_of(page).plot.plot.curves) == 2)
