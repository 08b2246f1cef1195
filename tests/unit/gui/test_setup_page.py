"""The page "Set up" as a whole: the form, the job and the command say the same, whoever changes what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTranslator
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from core.catalogue.catalogue import Catalogue
from core.catalogue.loader import load_catalogue
from core.job.model import Job
from gui.forms.editors import LineEditor
from gui.forms.row import FieldRow
from gui.pages.setup import SetupPage
from gui.services import Services
from gui.setup.all_options_model import NAME, VALUE, Show
from gui.setup.command_view import FORMATS


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def page(services: Services, qtbot) -> Iterator[SetupPage]:
    made = SetupPage(services)
    made.resize(1200, 760)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _row(page: SetupPage, key: str) -> FieldRow:
    assert page.go_to(key)
    row = page._binding.row(key)
    assert row is not None
    return row


def _type(page: SetupPage, key: str, text: str) -> None:
    editor = _row(page, key).editor
    assert isinstance(editor, LineEditor)
    editor.line.selectAll()
    QTest.keyClicks(editor.line, text)


def _shown(page: SetupPage, key: str) -> str:
    editor = _row(page, key).editor
    assert isinstance(editor, LineEditor)
    return editor.line.text()


def test_the_page_opens_with_no_section_built_and_builds_all_while_idle(services, qtbot):
    page = SetupPage(services)
    assert len(page.sections) > 8
    assert not any(section.rows for section in page.sections)
    qtbot.waitUntil(lambda: all(section.group.is_built for section in page.sections))
    page.deleteLater()


@pytest.mark.parametrize("key", ["", "option:resolution", "option:caption_extension", "option:output_name"])
def test_a_page_can_be_destroyed_with_the_cursor_in_a_field(services, qtbot, key):
    # Qt takes the focus away while it destroys the page; a slot that touched what is gone would fail this test.
    page = SetupPage(services)
    page.resize(1200, 760)
    page.show()
    assert QTest.qWaitForWindowActive(page, 2000)
    if key:
        assert page.go_to(key)
    else:
        page.optimizer.picker.setFocus()
    focused = QApplication.focusWidget()
    assert focused is not None
    assert page.isAncestorOf(focused)
    before = services.session.job
    page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not shiboken6.isValid(page)
    assert services.session.job == before


def test_typing_reaches_the_command_as_it_is(page, services, qtbot):
    _type(page, "option:learning_rate", "1e-30")
    assert services.session.job.options["learning_rate"] == 1e-30
    qtbot.waitUntil(lambda: "--learning_rate 1e-30" in page.frame.command.text.toPlainText())


def test_zero_and_false_reach_the_command(page, services):
    _type(page, "option:max_grad_norm", "0")
    assert repr(services.session.job.options["max_grad_norm"]) == "0.0"
    page.frame.command.choose("toml")
    assert "max_grad_norm = 0.0" in page.frame.command.command.text
    services.session.edit(services.session.job.with_option("cache_latents", False), "test")
    page.frame.command.renew()
    assert "cache_latents = false" in page.frame.command.command.text


def test_every_format_is_shown(page, services):
    services.session.edit(Job(options={"output_name": "猫 & dog", "seed": 0}), "test")
    for syntax, _, _ in FORMATS:
        page.frame.command.choose(syntax)
        page.frame.command.renew()
        assert "猫 & dog" in page.frame.command.text.toPlainText()


def test_a_wrong_value_is_listed_kept_and_one_click_away(page, services, qtbot):
    _type(page, "option:seed", "4.5")
    page.frame.command.renew()
    dock = page.frame.command
    assert [finding.key for finding in dock.command.findings] == ["option:seed"]
    assert not dock.copy.isEnabled()
    assert not dock.export.isEnabled()
    assert "--seed '???'" in dock.text.toPlainText()  # the rest is shown, and says where something is missing
    assert "--output_name lora" in dock.text.toPlainText()
    page.optimizer.picker.setFocus()
    dock.problem.click()
    assert page.focusWidget() is _row(page, "option:seed").editor.focusProxy()
    assert _shown(page, "option:seed") == "4.5"
    services.session.undo()
    dock.renew()
    assert dock.command.findings == ()
    assert dock.copy.isEnabled()
    assert "???" not in dock.text.toPlainText()


def test_a_command_that_is_too_long_for_a_format_says_so(page, services):
    dock = page.frame.command
    services.session.edit(services.session.job.with_option("output_name", "x" * 9000), "test")
    dock.choose("bat")
    dock.renew()
    assert dock.command.text == ""
    assert not dock.copy.isEnabled()
    assert len(dock.command.findings) == 1
    dock.choose("sh")
    dock.renew()
    assert dock.command.findings == ()
    assert dock.copy.isEnabled()


def test_an_outside_change_reaches_the_editors(page, services):
    page.build_all()
    services.session.edit(Job(options={"learning_rate": 0.5, "output_name": "猫"}), "open")
    assert _shown(page, "option:learning_rate") == "0.5"
    assert _shown(page, "option:output_name") == "猫"
    services.session.undo()
    assert _shown(page, "option:output_name") == str(services.session.job.options.get("output_name", ""))


def test_each_optimizer_keeps_its_own_arguments(page, services):
    services.session.edit(services.session.job.with_optimizer("Prodigy"), "test")
    _type(page, "argument:d_coef", "2")
    page.optimizer.picker.picked.emit("AdamW")
    assert services.session.job.arguments == {}
    assert page.optimizer.reveal("argument:d_coef") is None
    _type(page, "argument:weight_decay", "0.1")
    page.optimizer.picker.picked.emit("Prodigy")
    assert services.session.job.arguments == {"d_coef": "2"}
    assert _shown(page, "argument:d_coef") == "2"
    page.optimizer.picker.picked.emit("AdamW")
    assert _shown(page, "argument:weight_decay") == "0.1"
    services.session.undo()
    assert _shown(page, "argument:d_coef") == "2"


def test_choosing_the_present_optimizer_changes_nothing(page, services):
    services.session.edit(Job(options={"use_8bit_adam": True}).with_argument("weight_decay", "0.1"), "test")
    view = page.optimizer.view
    assert view is not None
    assert view.spec is not None
    assert view.spec.id == "AdamW8bit"
    before = services.session.job
    page.optimizer.picker.picked.emit("AdamW8bit")
    assert services.session.job is before


def test_unknown_arguments_are_shown_and_kept(page, services):
    job = Job().with_optimizer("Prodigy").with_arguments({"wieght_decay": "0.1", "d_coef": "1.0"})
    services.session.edit(job, "open")
    others = page.optimizer.others
    assert others.names == ["wieght_decay"]
    assert "did you mean weight_decay" in others.hint.text()
    _type(page, "argument:d_coef", "3")
    assert dict(services.session.job.arguments) == {"wieght_decay": "0.1", "d_coef": "3"}
    row = others.row("wieght_decay")
    assert row is not None
    row.reset.click()
    assert dict(services.session.job.arguments) == {"d_coef": "3"}
    assert others.names == []


def test_an_argument_can_be_added_by_name(page, services):
    others = page.optimizer.others
    others.more.click()
    others.name.setText("lambda x")
    others.value.setText("1")
    assert not others.add.isEnabled()
    others.name.setText("new_thing")
    others.value.setText("(1, 2)")
    others.add.click()
    assert services.session.job.arguments["new_thing"] == "(1, 2)"
    assert others.names == ["new_thing"]


def test_reset_all_is_one_edit(page, services):
    services.session.edit(Job().with_optimizer("AdamW").with_arguments({"eps": "0.1", "odd": "1"}), "open")
    page.optimizer.reset_all.click()
    assert services.session.job.arguments == {}
    assert not page.optimizer.reset_all.isEnabled()
    services.session.undo()
    assert dict(services.session.job.arguments) == {"eps": "0.1", "odd": "1"}


def test_the_starting_rate_is_one_click_away(page, services):
    services.session.edit(Job(options={"learning_rate": 1e-4}).with_optimizer("Prodigy"), "open")
    notes = page.optimizer.notes
    assert notes.rate.button.text() == "Use 1"
    notes.rate.button.click()
    assert services.session.job.options["learning_rate"] == 1.0
    assert notes.rate.button.isHidden()


def test_an_ignored_scheduler_is_said_where_it_is_set(page, services):
    section = next(s for s in page.sections if any(f.field.key == "option:lr_scheduler" for f in s.fields))
    services.session.edit(Job().with_optimizer("AdamWScheduleFree"), "test")
    assert section.note
    assert not page.optimizer.notes.scheduler.isHidden()
    services.session.edit(services.session.job.with_optimizer("AdamW"), "test")
    assert not section.note
    assert page.optimizer.notes.scheduler.isHidden()


def test_a_name_is_typed_into_the_picker(page, services):
    line = page.optimizer.picker.line
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, "dadaptlion")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert services.session.job.optimizer_type == "DAdaptLion"
    assert line.text() == "DAdaptLion"
    services.session.undo()
    assert line.text() == page.optimizer.view.spec.name


def test_the_help_explains_the_optimizer_while_it_is_chosen(page, services):
    assert QTest.qWaitForWindowActive(page, 2000)
    page.optimizer.picker.setFocus()
    spec = services.catalogue.get("Prodigy")
    page.optimizer.picker.picked.emit(spec.optimizer_type)
    texts = [label.text() for label in page.frame.help.findChildren(QLabel)]
    assert spec.name in texts
    assert spec.pick_when.en in texts
    page.optimizer.picker.picked.emit("my.Own")
    assert "Help" in [label.text() for label in page.frame.help.findChildren(QLabel)]
    assert page.go_to("option:seed")
    page.optimizer.picker.picked.emit(spec.optimizer_type)
    assert spec.name not in [label.text() for label in page.frame.help.findChildren(QLabel)]


def test_another_script_brings_its_own_fields(page, services):
    names = {field.field.name for section in page.sections for field in section.fields}
    services.session.edit(Job(script="sdxl_train_network.py"), "test")
    more = {field.field.name for section in page.sections for field in section.fields}
    assert "no_half_vae" in names & more
    assert page.all_options.model.row_of("cache_text_encoder_outputs") is not None
    services.session.undo()
    assert page.all_options.model.row_of("cache_text_encoder_outputs") is None


def test_the_script_is_chosen_in_the_form(page, services):
    row = _row(page, "script")
    combo = row.editor.combo
    combo.activated.emit(combo.findText("sdxl_train_network.py"))
    assert services.session.job.script == "sdxl_train_network.py"
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    row = _row(page, "script")
    assert row.editor.combo.currentText() == "sdxl_train_network.py"
    row.reset.click()
    assert services.session.job.script == "train_network.py"


def test_a_setting_is_found_by_its_name_and_by_what_it_is_called(page, qtbot):
    assert any("learning_rate" in name and name != "learning_rate" for name in page.finder.names)
    page.frame.header.search.setText("x")
    page.finder.choose(next(name for name in page.finder.names if name.endswith("   learning_rate")))
    assert page.focusWidget() is _row(page, "option:learning_rate").editor.focusProxy()
    assert page.frame.help.described.field.name == "learning_rate"
    page.finder.choose("debug_dataset")
    assert page.frame.listing
    page.frame.header.search.setText("huggingface")
    page.finder._entered()
    assert page.all_options.model.rowCount() > 3


def test_the_jump_list_goes_to_each_section(page):
    for place in range(1, len(page.sections) + 1):
        page.jump_to(place)
        assert not page.frame.listing
        assert page.frame.jump.currentRow() == place
        assert page.sections[place - 1].group.is_built
    page.jump_to(len(page.sections) + 1)
    assert page.frame.listing
    page.jump_to(0)
    assert page.frame.area.verticalScrollBar().value() == 0


@pytest.mark.parametrize("key", ["option:learning_rate", "option:mixed_precision", "argument:weigth", "argument:eps"])
def test_a_field_is_in_sight_when_it_is_gone_to_however_much_changed_at_once(page, services, qtbot, key):
    job = services.session.job.with_optimizer("Prodigy").with_argument("eps", "abc").with_argument("weigth", "1")
    job = job.with_option("seed", "4x").with_option("min_bucket_reso", "x").with_option("learning_rate", "1e-")
    services.session.edit(job, "paste")
    assert page.go_to(key)  # at once: nothing has its place yet
    row = page._binding.row(key)
    area = page.frame.area

    def in_sight() -> None:
        top = row.mapTo(area.viewport(), row.rect().topLeft()).y()
        assert 0 <= top <= area.viewport().height() - row.height()

    in_sight()
    page.build_all()
    QTest.qWait(50)
    in_sight()


def test_tab_goes_from_the_picker_into_the_arguments(page, services, qtbot):
    services.session.edit(Job().with_optimizer("AdamW"), "test")
    first = page.optimizer.group.rows[0].editor.focusProxy()
    page.optimizer.picker.line.setFocus()
    seen = []
    for _ in range(8):
        QTest.keyClick(page.focusWidget(), Qt.Key.Key_Tab)
        seen.append(page.focusWidget())
        if page.focusWidget() is first:
            break
    assert first in seen


class Marked(QTranslator):
    """Puts a mark before every text that goes through Qt's translation."""

    def translate(self, context, source, disambiguation=None, n=-1):
        return f"«{source}"

    def isEmpty(self):
        return False


@pytest.fixture
def marked(qapp) -> Iterator[None]:
    translator = Marked()
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


def test_every_word_follows_the_language(services, page, request):
    page.build_all()
    services.session.edit(Job().with_optimizer("Prodigy").with_argument("odd", "1"), "test")
    page.go_to("argument:odd")
    page.jump_to(len(page.sections) + 1)
    request.getfixturevalue("marked")
    QApplication.sendPostedEvents()
    page.frame.command.renew()
    header, dock = page.frame.header, page.frame.command
    assert header.paste.text() == "«Paste …"
    assert dock.copy.text() == "«Copy"
    assert page.all_options.model.headerData(NAME, Qt.Orientation.Horizontal) == "«Option"
    assert page.optimizer.others.hint.text().startswith("«")
    assert page.sections[0].rows[0].reset.toolTip().startswith("«")
    assert page.frame.jump.item(0).text() == "«Optimizer"
    plain = [
        widget.text()
        for widget in [*page.findChildren(QPushButton), *page.findChildren(QLabel)]
        if isinstance(widget, QPushButton) and widget.text() and not widget.text().startswith("«")
        if widget is not dock.problem  # words of the core, in both languages by themselves
    ]
    assert set(plain) <= {"True", "False", "None", "sd-scripts"}


def test_all_options_edit_every_kind_of_value(page, services):
    listing = page.all_options
    model = listing.model
    page.frame.show_list(True)
    for name, typed, stored in (
        ("max_grad_norm", "0", 0.0),
        ("noise_offset", "1e-30", 1e-30),
        ("metadata_title", "my cat", "my cat"),
        ("validation_seed", "x", "x"),
    ):
        assert listing.reveal(name)
        editor = page.focusWidget()
        editor.selectAll()
        QTest.keyClicks(editor, typed)
        assert repr(services.session.job.options[name]) == repr(stored)
    assert listing.reveal("zero3_init_flag")
    index = listing.view.currentIndex()
    listing.view.indexWidget(index)
    model.edit(model.option_row(index), False, "test")
    assert services.session.job.options["zero3_init_flag"] is False
    listing.show_only(Show.SET)
    set_names = [model.data(model.index(place, NAME)) for place in range(model.rowCount())]
    assert {"max_grad_norm", "noise_offset", "metadata_title", "validation_seed", "zero3_init_flag"} <= set(set_names)
    listing.show_only(Show.WRONG)
    assert [model.data(model.index(place, NAME)) for place in range(model.rowCount())] == ["validation_seed"]
    QTest.keyClick(listing.view, Qt.Key.Key_Escape)
    listing.view.setCurrentIndex(model.index(0, VALUE))
    listing.reset.trigger()
    assert "validation_seed" not in services.session.job.options


def test_one_field_of_all_options_is_one_undo_step(page, services):
    before = services.session.job
    page.all_options.reveal("training_comment")
    QTest.keyClicks(page.focusWidget(), "hello")
    assert services.session.job.options["training_comment"] == "hello"
    services.session.undo()
    assert services.session.job == before


def test_an_option_that_the_script_does_not_have_is_kept_and_marked(page, services):
    services.session.edit(Job(options={"not_of_this_script": [1, 2], "gone": False, "seed": 1}), "open")
    model = page.all_options.model
    place = model.row_of("not_of_this_script")
    assert place is not None
    row = model.option_row(model.index(place, 0))
    assert not row.known
    assert model.data(model.index(place, VALUE)) == "1 2"
    assert model.row_of("gone") is not None
    page.all_options.show_only(Show.WRONG)
    assert model.rowCount() == 2
    model.edit(row, None, "test")
    assert dict(services.session.job.options) == {"gone": False, "seed": 1}


def test_lines_can_be_entered_in_the_table(page, services):
    page.all_options.reveal("network_args")
    QTest.keyClicks(page.focusWidget(), "a=1")
    QTest.keyClick(page.focusWidget(), Qt.Key.Key_Return)
    QTest.keyClicks(page.focusWidget(), "b=2")
    assert services.session.job.options["network_args"] == ["a=1", "b=2"]


def test_the_search_lists_matching_options_only(page):
    listing = page.all_options
    listing.search.setText("huggingface repo")
    names = [listing.model.data(listing.model.index(place, NAME)) for place in range(listing.model.rowCount())]
    assert "huggingface_repo_id" in names
    assert all("huggingface" in name for name in names)


def test_the_command_folds_away_and_stays_so(page, services):
    page.frame.dock.set_open(False)
    assert page.frame.dock.body.isHidden()
    assert services.settings.flag("command.open", True) is False
    page.frame.dock.set_open(True)
    assert not page.frame.dock.body.isHidden()


def test_the_command_is_exported_and_copied(page, services, tmp_path):
    services.session.edit(Job(options={"seed": 0, "output_name": "猫"}), "open")
    page.frame.command.renew()
    page.frame.command.copy_text()
    assert QApplication.clipboard().text() == page.frame.command.command.text
    page.frame.command.choose("toml")
    target = tmp_path / "out.toml"
    page.frame.command.export_to(target)
    assert "seed = 0" in target.read_text(encoding="utf-8")


def test_an_export_that_cannot_be_written_is_said(page, services, tmp_path, unhandled):
    (tmp_path / "file").write_text("", encoding="utf-8")
    page.frame.command.choose("toml")
    page.frame.command.export_to(tmp_path / "file" / "out.toml")
    assert len(unhandled) == 1
    unhandled.clear()


@pytest.mark.parametrize("optimizer", ["ProdigyPlusScheduleFree", "Prodigy", "AdamW"])
def test_the_form_follows_a_window_that_gets_narrower(page: SetupPage, services: Services, optimizer: str) -> None:
    spec = services.catalogue.get(optimizer)
    assert spec is not None
    page.resize(1360, 860)
    services.session.edit(services.session.job.with_optimizer(spec.optimizer_type), "Use it")
    page.build_all()
    QApplication.processEvents()
    for width in (1280, 960):
        page.resize(width, 760)
        QApplication.processEvents()
        area = page.frame.area
        assert area.inner.width() == area.viewport().width()
