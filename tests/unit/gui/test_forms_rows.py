"""Rows and their binding to the job: typing, reset, undo, no echo."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDropEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from core.job.model import Job
from core.options.model import Option, OptionKind
from core.text import Text
from gui.forms.choosers import ChoiceEditor, TriStateEditor
from gui.forms.described import Described, describe_argument, describe_option, first_sentence
from gui.forms.editors import LineEditor, LinesEditor, PathEditor
from gui.forms.fields import OptionField, Shape
from gui.forms.grid import COLUMN_WIDTH, RowGrid
from gui.forms.make import make_editor
from gui.forms.row import ElidedLabel
from gui.forms.section import FormSection
from gui.setup.frame import FormArea
from tests.unit.gui.form_kit import BETAS, DECOUPLE, EPS, GROWTH, MODE, OPTIONS, Kit


@pytest.fixture
def kit(qtbot, tmp_path):
    made = Kit(tmp_path)
    qtbot.addWidget(made.host)
    return made


def _line(row) -> LineEditor:
    assert isinstance(row.editor, LineEditor)
    return row.editor


def _type(row, text: str) -> None:
    line = _line(row).line
    line.selectAll()
    QTest.keyClicks(line, text)


def _option(name: str) -> Described:
    option = OPTIONS.get(name)
    assert option is not None
    return describe_option(option)


def test_typing_reaches_the_job_and_is_left_as_typed(kit):
    row = kit.row(describe_argument(EPS))
    _type(row, "1e-30")
    assert kit.session.job.arguments == {"eps": "1e-30"}
    _type(row, "0.00010")
    assert kit.session.job.arguments == {"eps": "0.0001"}
    assert _line(row).line.text() == "0.00010"
    assert row.problem is None


def test_infinity(kit):
    row = kit.row(describe_argument(GROWTH))
    _type(row, "inf")
    assert kit.session.job.arguments == {"growth_rate": "1e999"}
    assert _line(row).line.text() == "inf"


def test_bad_text_is_kept_explained_and_survives_undo(kit):
    row = kit.row(describe_argument(EPS))
    _type(row, "abc")
    assert kit.session.job.arguments == {"eps": "abc"}
    assert row.problem is not None
    assert "wrong" in _line(row).line.property("class")
    kit.session.undo()
    assert _line(row).line.text() == ""
    assert row.problem is None
    assert "wrong" not in _line(row).line.property("class")
    kit.session.redo()
    assert _line(row).line.text() == "abc"
    assert row.problem is not None


@pytest.mark.parametrize("typed", ["abc", "0.9, x", "(0.9, )x"])
def test_a_tuple_says_how_many_numbers_it_wants_and_what_they_look_like(kit, typed: str) -> None:
    row = kit.row(describe_argument(BETAS))
    _type(row, typed)
    assert row.problem is not None
    assert "write 2 numbers with commas between, like 0.9, 0.999." in row.problem.en
    assert "数値 2 個をカンマ区切りで指定してください (例: 0.9, 0.999)。" in row.problem.ja


def test_bad_text_of_several_words_can_be_typed_through(kit):
    row = kit.row(describe_argument(EPS))
    _type(row, "one and two")
    assert _line(row).line.text() == "one and two"
    assert kit.session.job.arguments == {"eps": "one and two"}


def test_typing_is_one_undo_step_per_visit(kit):
    eps, betas = kit.row(describe_argument(EPS)), kit.row(describe_argument(BETAS))
    kit.host.show()
    eps.editor.focused.emit()
    _type(eps, "1e-5")
    betas.editor.focused.emit()
    _type(betas, "0.9, 0.99")
    eps.editor.focused.emit()
    _type(eps, "1e-7")
    kit.session.undo()
    assert kit.session.job.arguments == {"eps": "1e-05", "betas": "(0.9, 0.99)"}
    assert _line(eps).line.text() == "1e-05"
    kit.session.undo()
    assert kit.session.job.arguments == {"eps": "1e-05"}
    kit.session.undo()
    assert kit.session.job.arguments == {}
    assert not kit.session.can_undo


def test_reset_takes_the_value_out(kit):
    row = kit.row(describe_argument(BETAS))
    assert row.reset.isHidden()
    _type(row, "0.9, 0.9")
    assert not row.reset.isHidden()
    row.reset.click()
    assert kit.session.job.arguments == {}
    assert _line(row).line.text() == ""
    assert _line(row).line.placeholderText() == "default 0.9, 0.999"
    assert row.reset.isHidden()


def test_a_field_is_reset_with_the_keyboard(kit):
    for described, typed in ((describe_argument(BETAS), "0.9, 0.9"), (_option("network_args"), "a=1")):
        row = kit.row(described)
        QTest.keyClicks(row.editor.focusProxy(), typed)
        assert described.field.get(kit.session.job) is not None
        QTest.keyClick(row.editor.focusProxy(), Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
        assert described.field.get(kit.session.job) is None
    switch = kit.row(describe_argument(DECOUPLE))
    switch.editor.button("True").click()
    QTest.keyClick(switch.editor.button("True"), Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert kit.session.job.arguments == {}
    assert switch.editor.button(None).isChecked()


def test_undo_in_a_field_is_the_undo_of_the_job(kit, qtbot):
    eps, betas = kit.row(describe_argument(EPS)), kit.row(describe_argument(BETAS))
    undo = QAction(kit.host)
    undo.setShortcut(QKeySequence(QKeySequence.StandardKey.Undo))
    undo.triggered.connect(kit.session.undo)
    kit.host.addAction(undo)
    kit.host.show()
    qtbot.waitExposed(kit.host)
    kit.host.activateWindow()
    qtbot.waitUntil(kit.host.isActiveWindow)
    _type(eps, "0.5")
    _line(betas).line.setFocus()
    QTest.keyClick(_line(betas).line, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert kit.session.job.arguments == {}
    assert _line(eps).line.text() == ""


def test_an_outside_change_is_shown_without_an_echo(kit):
    row = kit.row(describe_argument(EPS))
    steps = []
    kit.session.changed.connect(steps.append)
    kit.session.edit(Job().with_argument("eps", "0.5"), "paste")
    assert _line(row).line.text() == "0.5"
    assert len(steps) == 1


def test_an_unbound_row_touches_nothing(kit):
    row = kit.row(describe_argument(EPS))
    kit.binding.unbind()
    kit.binding.unbind()
    _type(row, "3")
    assert kit.session.job.arguments == {}
    kit.session.edit(Job().with_argument("eps", "0.5"), "paste")
    assert _line(row).line.text() == "3"


def test_true_false_and_default_are_three_things(kit):
    row = kit.row(describe_argument(DECOUPLE))
    editor = row.editor
    assert isinstance(editor, TriStateEditor)
    assert editor.button(None).isChecked()
    assert editor.button(None).text() == "Default: False"
    editor.button("False").click()
    assert kit.session.job.arguments == {"decouple": "False"}
    editor.button("True").click()
    assert kit.session.job.arguments == {"decouple": "True"}
    editor.button("True").click()
    assert editor.button("True").isChecked()
    editor.button(None).click()
    assert kit.session.job.arguments == {}


def test_a_flag_can_be_said_to_be_false(kit):
    row = kit.row(_option("cache_latents"))
    row.editor.button("False").click()
    assert kit.session.job.options == {"cache_latents": False}
    assert kit.session.job.options["cache_latents"] is False


def test_arrow_keys_move_in_the_segments(kit):
    row = kit.row(describe_argument(DECOUPLE))
    editor = row.editor
    QTest.keyClick(editor.button(None), Qt.Key.Key_Right)
    assert kit.session.job.arguments == {"decouple": "True"}
    QTest.keyClick(editor.button("True"), Qt.Key.Key_Right)
    assert kit.session.job.arguments == {"decouple": "False"}
    QTest.keyClick(editor.button("False"), Qt.Key.Key_Right)
    assert kit.session.job.arguments == {"decouple": "False"}


def test_a_strange_value_of_a_switch_is_shown(kit):
    row = kit.row(describe_argument(DECOUPLE))
    kit.session.edit(Job().with_argument("decouple", "true"), "open")
    assert row.editor.button("true").isChecked()
    assert row.problem is not None
    row.editor.button("True").click()
    assert kit.session.job.arguments == {"decouple": "True"}
    with pytest.raises(KeyError):
        row.editor.button("true")


def test_a_strange_choice_is_shown_and_kept(kit):
    row = kit.row(_option("mixed_precision"))
    editor = row.editor
    assert isinstance(editor, ChoiceEditor)
    assert editor.combo.currentText() == "default no"
    kit.session.edit(Job().with_option("mixed_precision", "fp15"), "open")
    assert editor.combo.currentText() == "fp15"
    assert row.problem is not None
    kit.session.edit(Job().with_option("mixed_precision", "bf16"), "open")
    assert editor.combo.currentText() == "bf16"
    assert editor.combo.count() == 4
    editor.combo.activated.emit(0)
    assert kit.session.job.options == {}


def test_none_can_be_chosen(kit):
    row = kit.row(describe_argument(MODE))
    editor = row.editor
    editor.combo.activated.emit(editor.combo.findText("None"))
    assert kit.session.job.arguments == {"mode": "None"}


def test_a_list_of_texts_has_one_a_line(kit):
    row = kit.row(_option("network_args"))
    editor = row.editor
    assert isinstance(editor, LinesEditor)
    QTest.keyClicks(editor.text, "conv_dim=4")
    QTest.keyClick(editor.text, Qt.Key.Key_Return)
    QTest.keyClicks(editor.text, "algo=lo con")
    assert kit.session.job.options == {"network_args": ["conv_dim=4", "algo=lo con"]}
    assert editor.text.toPlainText() == "conv_dim=4\nalgo=lo con"


def test_an_empty_text_is_a_value(kit):
    row = kit.row(_option("output_name"))
    kit.session.edit(Job().with_option("output_name", ""), "open")
    assert _line(row).line.placeholderText() == "empty text"
    assert not row.reset.isHidden()


def test_a_dropped_folder_becomes_the_path(kit, tmp_path):
    option = Option(name="train_data_dir", flags=("--train_data_dir",), kind=OptionKind.TEXT)
    row = kit.row(Described(field=OptionField(option, wanted=Shape.FOLDER)))
    assert isinstance(row.editor, PathEditor)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "猫 %20 pictures"))])
    event = QDropEvent(QPointF(2, 2), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    row.editor.line.dropEvent(event)
    assert kit.session.job.options == {"train_data_dir": str(tmp_path / "猫 %20 pictures")}


def test_words_follow_the_language(kit, qtbot):
    row = kit.row(describe_argument(BETAS))
    _type(row, "7")
    kit.japanese = True
    QCoreApplication.sendEvent(row, QEvent(QEvent.Type.LanguageChange))
    full = [label.full() for label in row.findChildren(ElidedLabel)]
    assert full == ["betas", "betas の説明です。"]
    texts = [label.text() for label in row.findChildren(QLabel)]
    assert any("必要です" in text for text in texts)


def test_first_sentences():
    assert first_sentence("What eps does. And more.") == "What eps does"
    assert first_sentence("1.0 is the start. Then") == "1.0 is the start"
    assert first_sentence("説明です。続きです。") == "説明です。"
    assert first_sentence("no stop") == "no stop"


def _section(kit: Kit) -> FormSection:
    from dataclasses import replace

    fields = [describe_argument(EPS), describe_argument(BETAS), replace(describe_argument(GROWTH), advanced=True)]
    return FormSection(Text("Numbers", "数値"), fields, binding=kit.binding, tools=kit.tools, parent=kit.host)


def test_a_section_is_built_when_needed_and_unfolds_for_its_fields(kit):
    section = _section(kit)
    assert not section.rows
    row = section.reveal("argument:growth_rate")
    assert row is not None
    assert [one.field.name for one in section.rows] == ["eps", "betas", "growth_rate"]
    assert not row.isHidden()
    assert section.reveal("argument:nothing") is None


def test_released_rows_do_not_hear_of_changes(kit):
    section = _section(kit)
    section.build()
    section.release()
    kit.session.edit(Job().with_argument("eps", "0.5"), "paste")
    assert _line(section.rows[0]).line.text() == ""


def test_tab_goes_through_the_fields_in_reading_order(kit, qtbot):
    section = _section(kit)
    section.build()
    kit.host.show()
    qtbot.waitExposed(kit.host)
    first = section.rows[0].editor.focusProxy()
    second = section.rows[1].editor.focusProxy()
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_Tab)
    assert kit.host.focusWidget() is second


def _grid(kit, fields) -> RowGrid:
    grid = RowGrid(kit.host)
    grid.add([kit.row(field) for field in fields])
    return grid


def test_a_wide_grid_has_two_columns_and_a_narrow_one_again_one(kit):
    grid = _grid(kit, [describe_argument(EPS), describe_argument(BETAS)])
    grid.resize(2 * COLUMN_WIDTH + 40, 200)
    kit.host.show()
    assert grid.columns == 2
    grid.resize(COLUMN_WIDTH, 200)
    assert grid.columns == 1


def _check_places(section, columns: int) -> None:
    """Rows stand in columns without gaps or overlaps, each as high as it needs, and the card ends below the last."""
    rows = section.rows
    grid = rows[0].parentWidget()
    assert grid.columns == columns
    top = 0
    for start in range(0, len(rows), columns):
        line = rows[start : start + columns]
        assert {row.y() for row in line} == {top}
        assert [row.x() for row in line] == sorted({row.x() for row in line})
        for row in line:
            assert row.height() == row.sizeHint().height() or row.hasHeightForWidth()
            assert row.height() >= row.minimumSizeHint().height()
            assert row.editor.geometry().bottom() <= row.rect().bottom()
            assert row.geometry().right() <= grid.rect().right()
        top += max(row.height() for row in line)
    assert grid.height() == top
    below = grid.mapTo(section, grid.rect().bottomLeft()).y()
    assert below < section.height() <= below + 40


def test_rows_keep_no_room_of_another_width(kit, qtbot):
    fields = [describe_argument(one) for one in (EPS, BETAS, GROWTH, DECOUPLE, MODE)]
    section = FormSection(Text("Numbers", "数値"), fields, binding=kit.binding, tools=kit.tools)
    section.build()
    area = FormArea(kit.host)
    area.cards.addWidget(section)
    area.cards.addStretch(1)
    kit.host.show()
    for width, columns in ((1760, 3), (500, 1), (1200, 2), (1760, 3), (500, 1)):
        area.resize(width, 600)
        qtbot.waitUntil(lambda columns=columns: section.rows[0].parentWidget().columns == columns)
        QCoreApplication.processEvents()
        _check_places(section, columns)


def test_a_row_grows_for_what_is_wrong_and_shrinks_again(kit, qtbot):
    section = FormSection(
        Text("Numbers", "数値"), [describe_argument(EPS), describe_argument(BETAS)], binding=kit.binding, tools=kit.tools
    )
    section.build()
    area = FormArea(kit.host)
    area.cards.addWidget(section)
    area.cards.addStretch(1)
    area.resize(500, 600)
    kit.host.show()
    QCoreApplication.processEvents()
    first, second = section.rows
    before = first.height()
    _type(first, "no number at all")
    qtbot.waitUntil(lambda: first.height() > before)
    assert second.y() == first.geometry().bottom() + 1
    words = next(label for label in first.findChildren(QLabel) if label.property("class") == "field-problem")
    assert words.geometry().bottom() <= first.rect().bottom()
    assert words.height() >= words.heightForWidth(words.width())
    kit.session.undo()
    qtbot.waitUntil(lambda: first.height() == before)


@pytest.mark.parametrize("shape", list(Shape))
def test_every_shape_has_an_editor_that_shows_and_forgets(kit, shape):
    option = Option(name="any", flags=("--any",), kind=OptionKind.TEXT)

    class Shaped(OptionField):
        __slots__ = ()

        @property
        def shape(self) -> Shape:
            return shape

        @property
        def choices(self) -> tuple[str, ...]:
            return ("one", "two")

    editor = make_editor(Shaped(option), kit.host)
    heard = []
    editor.edited.connect(heard.append)
    editor.show_stored("two")
    editor.show_stored(None)
    editor.retranslate()
    assert heard == []
