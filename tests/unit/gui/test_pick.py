"""The Pick page: every cell, filters, sorting, keyboard, copying, and what "Use" does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from core.catalogue.loader import load_catalogue
from core.catalogue.spec import LrMethod, Measured, MeasuredSide, MeasuredWhere
from core.environment.model import OptimizerState, Readiness
from core.job.model import Job
from core.text import Text
from gui.models.choose import choose
from gui.models.optimizer_columns import COLUMNS, column_help, column_title, make_cell, rate_text
from gui.models.optimizer_table import SPEC_ROLE, Filter, OptimizerFilter, OptimizerTable
from gui.pages.pick import PickPage
from gui.pages.pick_card import OptimizerCard, breakable
from gui.pages.pick_table import HIDDEN_KEY, ORDER_KEY
from tests.helpers.specs import make_catalogue
from tests.unit.gui.conftest import settle


class FakeEnvironments(QObject):
    """Says what the test says."""

    environments_changed = Signal()
    selected_changed = Signal()
    report_changed = Signal(str)

    def __init__(self, states: dict[str, Readiness], parent: QObject) -> None:
        super().__init__(parent)
        self.states = states
        self.selected = None
        self.asked = 0

    def state(self, spec):
        self.asked += 1
        readiness = self.states.get(spec.id, Readiness.MISSING)
        return OptimizerState(readiness=readiness, reason=Text(f"why {spec.id}", f"理由 {spec.id}"))

    def report(self, _id):
        return None

    def probing(self, _id):
        return False


@pytest.fixture
def pick_services(services):
    went: list[tuple[str, str]] = []
    services.navigate.requested.connect(lambda page, topic: went.append((page, topic)))
    environments = FakeEnvironments({"AdamW": Readiness.READY}, services.session)
    made = replace(services, environments=environments)
    services.navigate.setProperty("went", True)
    made.navigate.went = went
    return made


@pytest.fixture
def page(pick_services, qtbot):
    made = PickPage(pick_services)
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    made.activated()
    settle()
    yield made
    made.hide()


def shown(page: PickPage) -> list[str]:
    return [page.rows.index(row, 0).data(SPEC_ROLE).id for row in range(page.rows.rowCount())]


def text(page: PickPage, optimizer_id: str, column: str) -> str:
    row = page.table.row_of(optimizer_id)
    assert row is not None
    return page.table.cell(row, COLUMNS.index(column)).text


def test_every_column_has_a_title_and_an_explanation() -> None:
    assert len(set(COLUMNS)) == len(COLUMNS) == 17
    assert all(column_title(column) and column_help(column) for column in COLUMNS)


def test_cells_say_what_the_entry_says(page: PickPage) -> None:
    assert text(page, "Prodigy", "start_lr") == "1"
    assert text(page, "AdamW", "start_lr") == "1e-4"
    assert text(page, "Prodigy", "to_install") == "prodigyopt ≥ 1.0"
    assert text(page, "Prodigy", "optimizer_type") == "prodigy"
    assert text(page, "Prodigy", "memory") == "16 B/param"
    assert text(page, "ProdigyPlus", "scheduler") == "ignored"
    assert text(page, "AdamW", "state") == "Ready"
    assert text(page, "Prodigy", "state") == "Not installed"


def test_unknown_is_told_apart_from_not_needed(page: PickPage) -> None:
    assert text(page, "AdamW", "optimizer_args") == "not needed"
    assert text(page, "AdamW", "other_options") == "no information"
    assert text(page, "ProdigyPlus", "memory") == "no information"
    assert text(page, "AdamW", "to_install") == "not needed"


WHERE = MeasuredWhere(
    date="2026-11-01",
    command="python main.py bench optimizers",
    device="cpu",
    device_name="A Processor",
    threads=1,
    torch="2.13.0",
    parameter_set="sd15",
    tensors=528,
    parameters=9_437_184,
)
ORIGINAL = MeasuredSide(package="prodigyopt", version="1.1.2", state_bytes=13.83, step_cost=1.5)
FAST = MeasuredSide(package="optimizers", state_bytes=13.83, step_cost=0.5)


@pytest.mark.parametrize(
    ("measured", "state", "cost"),
    [
        (None, "not measured", "not measured"),
        (Measured(where=WHERE, reference=ORIGINAL), "13.83 B/param", "1.5×"),
        (Measured(where=WHERE, reference=ORIGINAL, fast=FAST), "13.83 B/param", "1.5×, fast 0.5×"),
        (Measured(where=WHERE, fast=FAST), "fast 13.83 B/param", "fast 0.5×"),
        (
            Measured(where=WHERE, reference=ORIGINAL, fast=replace(FAST, state_bytes=12.0)),
            "13.83 B/param, fast 12 B/param",
            "1.5×, fast 0.5×",
        ),
    ],
)
def test_measured_cells_say_what_was_measured(services, measured: Measured | None, state: str, cost: str) -> None:
    spec = replace(make_catalogue()["Prodigy"], measured=measured)
    ready = OptimizerState(readiness=Readiness.READY)
    cells = [make_cell(column, spec, ready, services.translation) for column in ("measured_state", "measured_cost")]
    assert [cell.text for cell in cells] == [state, cost]
    assert [cell.quiet for cell in cells] == (["unknown"] * 2 if measured is None else [""] * 2)
    if measured is not None:
        assert "Measured 2026-11-01 on A Processor (CPU, threads: 1), torch 2.13.0: sd15, 528 tensors, 9.4 M" in cells[1].full
        assert ("prodigyopt 1.1.2: 1.5×" in cells[1].full) == (measured.reference is not None)
        assert ("Fast implementation: 0.5×" in cells[1].full) == (measured.fast is not None)
        assert cells[0].key == (13.83,)


def test_what_was_measured_on_a_gpu_says_so(services) -> None:
    where = replace(WHERE, device="cuda", device_name="A GPU")
    spec = replace(make_catalogue()["Prodigy"], measured=Measured(where=where, reference=ORIGINAL))
    ready = OptimizerState(readiness=Readiness.READY)
    assert "on A GPU (GPU), torch" in make_cell("measured_cost", spec, ready, services.translation).full


@pytest.mark.parametrize(
    ("rate", "words"), [(1e-4, "1e-4"), (3e-5, "3e-5"), (1.0, "1"), (0.0025, "0.0025"), (0.0, "0"), (2.5e-7, "2.5e-7")]
)
def test_rates_are_written_as_people_write_them(rate: float, words: str) -> None:
    assert rate_text(rate) == words
    assert float(words) == rate


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Filter(), ["AdamW", "AdamW8bit", "Prodigy", "ProdigyPlus"]),
        (Filter(text="  "), ["AdamW", "AdamW8bit", "Prodigy", "ProdigyPlus"]),
        (Filter(text="ADAMW"), ["AdamW", "AdamW8bit"]),
        (Filter(text="ａｄａｍｗ"), ["AdamW", "AdamW8bit"]),
        (Filter(text="prodigy系"), ["Prodigy", "ProdigyPlus"]),
        (Filter(text="bitsandbytes"), ["AdamW8bit"]),
        (Filter(text="prodigy schedule-free"), ["ProdigyPlus"]),
        (Filter(text="torch.optim.AdamW"), ["AdamW"]),
        (Filter(text="足元に注意"), ["AdamW", "AdamW8bit", "Prodigy", "ProdigyPlus"]),
        (Filter(text="when to pick prodigyplus"), ["ProdigyPlus"]),
        (Filter(text="nothing of the kind"), []),
        (Filter(category="prodigy"), ["Prodigy", "ProdigyPlus"]),
        (Filter(method=LrMethod.SEMI_AUTOMATIC), ["Prodigy"]),
        (Filter(installed="ready"), ["AdamW"]),
        (Filter(installed="not-ready"), ["AdamW8bit", "Prodigy", "ProdigyPlus"]),
        (Filter(max_state=8), ["AdamW", "AdamW8bit"]),
        (Filter(max_state=2.5), ["AdamW8bit"]),
        (Filter(category="prodigy", method=LrMethod.MANUAL), []),
    ],
)
def test_filters(page: PickPage, wanted: Filter, ids: list[str]) -> None:
    page.rows.set_filter(wanted)
    assert shown(page) == ids


def test_the_install_filter_follows_a_new_probe(page: PickPage, pick_services) -> None:
    page.rows.set_filter(Filter(installed="ready"))
    assert shown(page) == ["AdamW"]
    pick_services.environments.states["Prodigy"] = Readiness.READY
    pick_services.environments.report_changed.emit("some")
    assert shown(page) == ["AdamW", "Prodigy"]
    assert text(page, "Prodigy", "state") == "Ready"


@pytest.mark.parametrize("column", COLUMNS)
def test_sorting_puts_what_is_not_known_last_in_both_directions(page: PickPage, column: str) -> None:
    number = COLUMNS.index(column)
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        page.view.sortByColumn(number, order)
        rows = [page.table.row_of(optimizer) for optimizer in shown(page)]
        keys = [page.table.cell(row, number).key for row in rows if row is not None]
        known = [key for key in keys if key is not None]
        assert keys[: len(known)] == known
        assert known == sorted(known, reverse=order == Qt.SortOrder.DescendingOrder)


def test_an_empty_result_offers_to_clear_the_filters(page: PickPage) -> None:
    page.filters.search.setText("nothing of the kind")
    assert page._empty.isVisible()
    assert page._count.text() == "0 of 4 optimizers"
    QTest.mouseClick(page._empty.button, Qt.MouseButton.LeftButton)
    assert page.view.isVisible()
    assert page.filters.search.text() == ""
    assert len(shown(page)) == 4


def test_the_keyboard_alone_is_enough(page: PickPage, pick_services) -> None:
    page.activateWindow()
    page.view.setFocus()
    QTest.keyClick(page.view, Qt.Key.Key_Slash)
    assert page.filters.search.hasFocus()
    QTest.keyClicks(page.filters.search, "prodigy/")
    assert page.filters.search.text() == "prodigy/"
    QTest.keyClick(page.filters.search, Qt.Key.Key_Backspace)
    QTest.keyClick(page.filters.search, Qt.Key.Key_Down)
    assert page.view.hasFocus()
    assert page.view.current_spec.id == "Prodigy"
    QTest.keyClick(page.view, Qt.Key.Key_Down)
    assert page.view.current_spec.id == "ProdigyPlus"
    QTest.keyClick(page.view, Qt.Key.Key_Up)
    QTest.keyClick(page.view, Qt.Key.Key_Up)
    assert page.filters.search.hasFocus()
    QTest.keyClick(page.filters.search, Qt.Key.Key_Return)
    QTest.keyClick(page.view, Qt.Key.Key_Return)
    assert pick_services.session.job.optimizer_type == "prodigy"
    assert pick_services.navigate.went == [("setup", "")]
    QTest.keyClick(page.view, Qt.Key.Key_Escape)
    QTest.keyClick(page.filters.search, Qt.Key.Key_Escape)
    assert page.filters.search.text() == ""


def test_copying_gives_the_visible_columns_of_the_selected_rows(page: PickPage) -> None:
    for name in COLUMNS:
        page.view.set_column_shown(COLUMNS.index(name), name in ("name", "optimizer_type"))
    page.view.show_optimizer("Prodigy")
    QTest.keyClick(page.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Name\t--optimizer_type\nProdigy\tprodigy"
    page.view.selectAll()
    page.view.copy()
    assert len(QGuiApplication.clipboard().text().splitlines()) == 5


def test_columns_are_remembered(page: PickPage, pick_services, qtbot) -> None:
    header = page.view.horizontalHeader()
    page.view.set_column_shown(COLUMNS.index("since"), False)
    header.moveSection(header.visualIndex(COLUMNS.index("memory")), 0)
    header.resizeSection(COLUMNS.index("name"), 222)
    page.hide()
    assert pick_services.settings.texts(HIDDEN_KEY) == ["since"]
    assert pick_services.settings.texts(ORDER_KEY)[0] == "memory"
    other = PickPage(pick_services)
    qtbot.addWidget(other)
    assert other.view.isColumnHidden(COLUMNS.index("since"))
    assert other.view.horizontalHeader().logicalIndex(0) == COLUMNS.index("memory")
    assert other.view.columnWidth(COLUMNS.index("name")) == 222
    other.view.reset_columns()
    assert not other.view.isColumnHidden(COLUMNS.index("since"))
    assert other.view.horizontalHeader().logicalIndex(0) == 0
    other.show()
    other.hide()


def card_text(page: PickPage) -> str:
    return "\n".join(label.text() for label in page.card.findChildren(QLabel))


def test_the_card_follows_the_row_and_the_language(page: PickPage, pick_services) -> None:
    page.view.show_optimizer("Prodigy")
    page.show_current()
    settle()
    words = card_text(page)
    for part in (
        "What Prodigy is.",
        "When to pick Prodigy.",
        "A factor of d.",
        "Mind the step.",
        "why Prodigy",
        "16 bytes per parameter",
    ):
        assert part in words
    assert 'href="https://example.org/reference"' in words
    assert "[A paper]" in words
    pick_services.settings.language = "ja"
    settle()
    words = card_text(page)
    for part in ("Prodigy の説明です。", "足元に注意。", "理由 Prodigy", "参考資料"):
        assert part in words
    assert text(page, "ProdigyPlus", "memory") == "情報なし"
    assert page._heading.text() == "オプティマイザーを選ぶ"
    pick_services.settings.language = "en"
    settle()


def test_texts_of_the_catalogue_are_not_taken_for_markup(page: PickPage, pick_services) -> None:
    spec = page.table.spec(0)
    note = replace(spec.cautions[0], text=Text("a <b>bold</b> & <i>x", "あ <b>い"))
    page.card.show_optimizer(replace(spec, cautions=(note,), summary=Text("1 < 2 & 3", "1 < 2")))
    words = card_text(page)
    assert "&lt;b&gt;bold" in words
    assert "1 < 2 & 3" in words


def test_using_an_optimizer_can_be_taken_back(page: PickPage, pick_services) -> None:
    notices = []
    pick_services.notices.posted.connect(notices.append)
    before = pick_services.session.job
    page.use(page.table.spec(page.table.row_of("Prodigy") or 0))
    job = pick_services.session.job
    assert job.optimizer_type == "prodigy"
    assert job.options["learning_rate"] == 1.0
    assert pick_services.session.undo_label == "Use Prodigy"
    assert "learning rate 1" in notices[0].text()
    notices[0].run()
    assert pick_services.session.job == before


def test_the_undo_of_a_notice_leaves_later_edits_alone(page: PickPage, pick_services) -> None:
    notices = []
    pick_services.notices.posted.connect(notices.append)
    page.use(page.table.spec(page.table.row_of("Prodigy") or 0))
    pick_services.session.edit(pick_services.session.job.with_option("seed", 3), "Change seed")
    notices[0].run()
    assert pick_services.session.job.options["seed"] == 3
    assert pick_services.session.job.optimizer_type == "prodigy"


def test_a_learning_rate_of_the_users_own_is_kept_and_told(page: PickPage, pick_services) -> None:
    notices = []
    pick_services.notices.posted.connect(notices.append)
    pick_services.session.edit(pick_services.session.job.with_option("learning_rate", 7e-5), "Change learning rate")
    page.use(page.table.spec(page.table.row_of("Prodigy") or 0))
    assert pick_services.session.job.options["learning_rate"] == 7e-5
    assert "7e-5" in notices[0].text()
    notices[0].run()
    assert pick_services.session.job.options["learning_rate"] == 1.0
    assert pick_services.session.job.optimizer_type == "prodigy"


def test_choosing_writes_the_rate_only_where_nobody_thought_about_it() -> None:
    catalogue = make_catalogue()
    adamw, prodigy, eight = catalogue["AdamW"], catalogue["Prodigy"], catalogue["AdamW8bit"]
    first = choose(Job(), adamw, catalogue)
    assert first.job.optimizer_type == "AdamW"
    assert first.rate_set == 1e-4
    second = choose(first.job, prodigy, catalogue)
    assert second.job.options["learning_rate"] == 1.0
    back = choose(second.job, eight, catalogue)
    assert back.job.options["learning_rate"] == 1e-4
    own = choose(second.job.with_option("learning_rate", 0.5), adamw, catalogue)
    assert own.rate_kept == 0.5
    assert own.job.options["learning_rate"] == 0.5
    zero = choose(second.job.with_option("learning_rate", 0), adamw, catalogue)
    assert zero.job.options["learning_rate"] == 0
    assert zero.rate_kept == 0


def test_choosing_again_changes_nothing() -> None:
    catalogue = make_catalogue()
    job = choose(Job(), catalogue["Prodigy"], catalogue).job.with_argument("d_coef", "0.5")
    assert choose(job, catalogue["Prodigy"], catalogue).job is job


def test_going_to_and_fro_keeps_each_optimizers_arguments() -> None:
    catalogue = make_catalogue()
    job = choose(Job(), catalogue["Prodigy"], catalogue).job.with_argument("d_coef", "0.5")
    away = choose(job, catalogue["AdamW"], catalogue).job
    assert not away.arguments
    assert dict(choose(away, catalogue["Prodigy"], catalogue).job.arguments) == {"d_coef": "0.5"}


def test_the_row_in_use_is_marked(page: PickPage, pick_services) -> None:
    assert page.table.current is not None
    assert page.table.current.id == "AdamW"
    page.use(page.table.spec(page.table.row_of("Prodigy") or 0))
    assert page.table.current.id == "Prodigy"
    pick_services.session.edit(Job(options={"optimizer_type": "my.own.Class"}), "Change")
    assert page.table.current is None


def test_the_real_catalogue_fills_every_cell(services) -> None:
    shipped = replace(services, catalogue=load_catalogue())
    table = OptimizerTable(shipped)
    for row in range(table.rowCount()):
        for column in range(table.columnCount()):
            assert table.cell(row, column).text, (table.spec(row).id, COLUMNS[column])
    rows = OptimizerFilter(table)
    rows.set_filter(Filter(text="dadaptation"))
    found = [rows.index(row, 0).data(SPEC_ROLE).id for row in range(rows.rowCount())]
    assert "DAdaptAdam" in found
    assert "AdamW" not in found


def test_no_entry_makes_the_card_wider_than_its_place(services, qtbot) -> None:
    shipped = replace(services, catalogue=load_catalogue())
    card = OptimizerCard(shipped)
    qtbot.addWidget(card)
    card.resize(card.minimumWidth(), 700)
    card.show()
    for language in ("en", "ja"):
        services.settings.language = language
        for spec in shipped.catalogue:
            card.show_optimizer(spec)
            inner = card._scroll.widget()
            assert inner.minimumSizeHint().width() <= card._scroll.viewport().width(), (language, spec.id)
    services.settings.language = "en"


def test_long_names_break_only_where_it_is_sensible() -> None:
    assert (
        breakable("pytorch_optimizer.optimizer.emonavi.EmoNavi").replace("\u200b", "")
        == "pytorch_optimizer.optimizer.emonavi.EmoNavi"
    )
    assert "\u200b" in breakable("pytorch_optimizer.optimizer.emonavi.EmoNavi")
    assert breakable("short.name and more text") == "short.name and more text"


def test_the_names_stay_in_sight_when_the_table_is_scrolled(page: PickPage) -> None:
    view = page.view
    page.resize(1000, 600)
    settle()
    assert not view._frozen.isVisible()
    view.horizontalScrollBar().setValue(view.horizontalScrollBar().maximum())
    assert view._frozen.isVisible()
    assert view._frozen.width() == view.columnWidth(COLUMNS.index("name")) + 1
    view.show_optimizer("ProdigyPlus")
    assert view._frozen.currentIndex().row() == view.currentIndex().row()
    view.horizontalScrollBar().setValue(0)
    assert not view._frozen.isVisible()


def test_the_card_takes_the_colours_of_another_theme(page: PickPage, pick_services) -> None:
    theme = pick_services.theme
    pick_services.settings.theme = "dark"
    page.show_current()
    assert theme.colors.text_muted in card_text(page)
    dark = theme.colors.text_muted
    pick_services.settings.theme = "light"
    assert theme.colors.text_muted != dark
    assert theme.colors.text_muted in card_text_on_screen(page)
    assert dark not in card_text_on_screen(page)


def card_text_on_screen(page: PickPage) -> str:
    inner = page.card._scroll.widget()
    return "\n".join(label.text() for label in inner.findChildren(QLabel))


def test_the_row_of_the_jobs_optimizer_is_current_from_the_start(pick_services, qtbot) -> None:
    pick_services.session.new(Job().with_optimizer("Prodigy"))
    page = PickPage(pick_services)
    qtbot.addWidget(page)
    assert page.view.current_spec.id == "Prodigy"
    page.show_current()


def test_another_job_moves_to_the_row_of_its_optimizer(page: PickPage, pick_services, tmp_path) -> None:
    session = pick_services.session
    assert page.view.current_spec.id != "Prodigy"
    session.restore(Job().with_optimizer("Prodigy"), tmp_path / "cats.toml")
    assert page.view.current_spec.id == "Prodigy"
    page.view.show_optimizer("AdamW")
    session.edit(session.job.with_option("seed", 5), "Change seed")
    assert page.view.current_spec.id == "AdamW", "an edit does not take the reader away"
    session.new(Job().with_optimizer("Prodigy"))
    assert page.view.current_spec.id == "Prodigy"
    page.show_current()
    assert page.card.spec.id == "Prodigy"
