"""The editor of dataset configs, with real files, real images and real workers."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from core.dataset.config import GENERAL, Place
from core.job.model import Job
from gui.forms.choosers import TriStateEditor
from gui.forms.editors import LineEditor
from gui.pages.setup import SetupPage
from gui.setup.dataset_dialog import DatasetDialog
from gui.widgets.dialogs import Keep

CONFIG = """# mine
[general]
enable_bucket = true
caption_extension = ".txt"

[[datasets]]
resolution = 128
batch_size = 2

  # the cat
  [[datasets.subsets]]
  image_dir = '{0}'
  num_repeats = 3
"""


def _pictures(folder: Path, count: int, size: tuple[int, int] = (128, 128)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", size).save(folder / f"{number}.png")
    return folder


class _Answers:
    """What somebody answers."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.keep = Keep.CANCEL
        self.asked = 0

    def open_file(self, _folder: str) -> Path | None:
        return self.path

    def save_file(self, _suggestion: str) -> Path | None:
        return self.path

    def keep_changes(self) -> Keep:
        self.asked += 1
        return self.keep


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "データ.toml"
    path.write_text(CONFIG.format(_pictures(tmp_path / "10_猫", 3)), encoding="utf-8")
    return path


@pytest.fixture
def answers():
    return _Answers()


@pytest.fixture
def dialog(services, qtbot, answers):
    dialog = DatasetDialog(services)
    qtbot.addWidget(dialog)
    dialog.questions = answers
    yield dialog
    answers.keep = Keep.DISCARD
    dialog.close()
    qtbot.waitUntil(lambda: not services.tasks.busy, timeout=10_000)


@pytest.fixture
def opened(dialog, services, config_file, qtbot):
    options = {"min_bucket_reso": 64, "max_bucket_reso": 256, "max_train_epochs": 2, "keep_tokens": 1}
    services.session.edit(Job(options={**options, "dataset_config": str(config_file)}), "test")
    dialog.open_for_job()
    qtbot.waitUntil(lambda: dialog.session.path is not None, timeout=10_000)
    return dialog


def _row(dialog: DatasetDialog, name: str):
    return next(row for row in dialog.form.rows if row.field.name == name)


def _type(dialog: DatasetDialog, name: str, text: str) -> None:
    editor = _row(dialog, name).editor
    assert isinstance(editor, LineEditor)
    editor.line.selectAll()
    QTest.keyClicks(editor.line, text)


def test_a_subset_shows_its_values_and_what_it_inherits(opened):
    assert opened.tree.place == Place(0, 0)
    assert (_row(opened, "num_repeats").editor.line.text(), _row(opened, "num_repeats").reset.isVisible()) == ("3", True)
    assert _row(opened, "caption_extension").editor.line.placeholderText() == ".txt, from [general]"
    assert _row(opened, "keep_tokens").editor.line.placeholderText() == "1, from the job"
    shuffle = _row(opened, "shuffle_caption").editor
    assert isinstance(shuffle, TriStateEditor)
    assert shuffle.button(None).text() == "Default: False"
    opened.tree.choose(GENERAL)
    _row(opened, "shuffle_caption").editor.button("True").click()
    opened.tree.choose(Place(0, 0))
    assert _row(opened, "shuffle_caption").editor.button(None).text() == "[general]: True"
    assert not any(row.field.name in ("batch_size", "metadata_file") for row in opened.form.rows if not row.described.advanced)


def test_what_will_be_trained_is_counted_anew_at_each_change(opened, qtbot):
    qtbot.waitUntil(lambda: opened.count.census is not None, timeout=15_000)
    assert (opened.count.census.images, opened.count.census.repeated, opened.count.census.steps) == (3, 9, 10)
    assert opened.count.bars.bars == (("128 × 128", 9),)
    _type(opened, "num_repeats", "1")
    qtbot.waitUntil(lambda: opened.count.census.repeated == 3, timeout=15_000)
    assert not opened.count.bar.isVisible()


def test_typing_is_one_step_of_undo_and_only_its_line_changes(opened, config_file):
    _type(opened, "num_repeats", "12")
    assert opened.session.config.text == config_file.read_text(encoding="utf-8").replace("num_repeats = 3", "num_repeats = 12")
    opened.undo.click()
    assert _row(opened, "num_repeats").editor.line.text() == "3"
    assert not opened.session.modified
    opened.redo.click()
    assert _row(opened, "num_repeats").editor.line.text() == "12"


def test_faults_stand_at_their_field_and_in_the_tree(opened):
    _type(opened, "num_repeats", "many")
    row = _row(opened, "num_repeats")
    assert row.problem is not None and "whole number" in row.problem.en
    item = opened.tree.tree.currentItem()
    assert "whole number" in item.toolTip(0)
    opened.session.edit(opened.session.config.with_value(Place(0, 0), "repeats", 5))
    assert "num_repeats" in _row(opened, "repeats").problem.en
    assert not opened.mend_button.isVisible(), "num_repeats is there already: which of them was meant?"
    _row(opened, "repeats").reset.click()
    assert not any(row.field.name == "repeats" for row in opened.form.rows)
    _type(opened, "num_repeats", "4")
    assert not opened.session.faults


def test_what_was_meant_can_be_taken_with_a_click(opened):
    config = opened.session.config.with_value(Place(0), "bucket_no_upscal", "true").with_value(GENERAL, "flip_aug", "true")
    opened.session.edit(config)
    assert opened.mend_button.text() == "Mend (2)"
    opened.mend_button.click()
    assert opened.session.config.values(GENERAL)["flip_aug"] is True
    assert not opened.mend_button.isVisible()
    opened.undo.click()
    assert opened.session.config == config


def test_a_key_that_changes_the_kind_of_dataset_keeps_the_cursor(opened):
    opened.form.fold.setChecked(True)
    editor = _row(opened, "metadata_file").editor
    editor.line.setFocus()
    for letter in "meta.json":
        QTest.keyClicks(_row(opened, "metadata_file").editor.line, letter)
    assert opened.session.config.values(Place(0, 0))["metadata_file"] == "meta.json"
    assert not any(row.field.name == "class_tokens" for row in opened.form.rows), "there is none beside a metadata file"


def test_tables_are_added_moved_and_removed_with_the_keys(opened, tmp_path, qtbot):
    tree = opened.tree.tree
    QTest.keyClick(tree, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert opened.tree.place == Place(0, 1)
    QTest.keyClick(tree, Qt.Key.Key_Insert, Qt.KeyboardModifier.ControlModifier)
    assert opened.tree.place == Place(1, 0)
    QTest.keyClick(tree, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert opened.tree.place == Place(0, 2)
    QTest.keyClick(tree, Qt.Key.Key_Delete)
    assert opened.tree.place == Place(0, 1)
    assert [len(one.get("subsets", ())) for one in opened.session.config.document()["datasets"]] == [2, 0]
    assert any(fault.place == Place(1) and fault.code == "empty" for fault in opened.session.faults)


def test_folders_can_be_dropped(opened, tmp_path, qtbot):
    _pictures(tmp_path / "more" / "5_dog", 1)
    _pictures(tmp_path / "more" / "bird", 1)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "more"))])
    nothing = Qt.KeyboardModifier.NoModifier
    drop = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, nothing)
    opened.tree.tree.dropEvent(drop)
    qtbot.waitUntil(lambda: opened.session.config.subset_count(0) == 3, timeout=10_000)
    assert opened.session.config.values(Place(0, 1)) == {
        "image_dir": str(tmp_path / "more" / "5_dog"),
        "num_repeats": 5,
        "class_tokens": "dog",
    }
    assert opened.tree.tree.currentItem().text(0) == "bird"


def test_saving_and_a_file_that_changed_meanwhile(opened, config_file, qtbot):
    _type(opened, "num_repeats", "7")
    config_file.write_text(CONFIG.format("elsewhere"), encoding="utf-8")
    opened.save_button.click()
    qtbot.waitUntil(lambda: opened.session.outdated, timeout=10_000)
    assert "elsewhere" in config_file.read_text(encoding="utf-8")
    assert opened.overwrite_button.isVisible()
    opened.overwrite_button.click()
    qtbot.waitUntil(lambda: not opened.session.modified, timeout=10_000)
    assert tomli.loads(config_file.read_text(encoding="utf-8"))["datasets"][0]["subsets"][0]["num_repeats"] == 7
    assert not opened.overwrite_button.isVisible()
    config_file.write_text(CONFIG.format("elsewhere"), encoding="utf-8")
    opened.session.look_at_file()
    qtbot.waitUntil(lambda: opened.session.outdated, timeout=10_000)
    opened.reload_button.click()
    qtbot.waitUntil(lambda: opened.session.config.values(Place(0, 0))["image_dir"] == "elsewhere", timeout=10_000)
    assert not opened.session.outdated


def test_a_config_of_the_jobs_folders_becomes_the_jobs(dialog, services, answers, tmp_path, qtbot):
    _pictures(tmp_path / "img" / "4_猫", 2)
    services.session.edit(Job(options={"train_data_dir": str(tmp_path / "img"), "resolution": "128"}), "test")
    dialog.open_for_job()
    qtbot.waitUntil(lambda: dialog.session.modified, timeout=10_000)
    assert dialog.session.config.values(Place(0, 0))["num_repeats"] == 4
    answers.path = tmp_path / "dataset.toml"
    dialog.use_button.click()
    qtbot.waitUntil(lambda: services.session.job.options.get("dataset_config") is not None, timeout=10_000)
    assert services.session.job.options == {"dataset_config": str(tmp_path / "dataset.toml"), "resolution": "128"}
    assert not dialog.use_button.isEnabled()
    services.session.undo()
    assert "train_data_dir" in services.session.job.options


def test_what_is_not_saved_is_asked_about(opened, answers, config_file, qtbot):
    _type(opened, "num_repeats", "9")
    opened.close_button.click()
    assert (opened.isVisible(), answers.asked) == (True, 1)
    answers.keep = Keep.SAVE
    opened.close_button.click()
    qtbot.waitUntil(lambda: not opened.isVisible(), timeout=10_000)
    assert "num_repeats = 9" in config_file.read_text(encoding="utf-8")


def test_the_window_does_not_close_over_what_is_not_saved(services, answers, config_file, qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    dialog = DatasetDialog(services, window)
    dialog.questions = answers
    services.session.edit(Job(options={"dataset_config": str(config_file)}), "test")
    dialog.open_for_job()
    qtbot.waitUntil(lambda: dialog.session.path is not None, timeout=10_000)
    dialog.session.edit(dialog.session.config.with_value(GENERAL, "flip_aug", True))
    assert not window.close()
    assert dialog.session.modified
    answers.keep = Keep.SAVE
    assert not window.close(), "it is written first"
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=10_000)
    assert "flip_aug = true" in config_file.read_text(encoding="utf-8")
    dialog.close()


def test_a_file_that_cannot_be_read_says_why(dialog, services, tmp_path, qtbot):
    (tmp_path / "bad.toml").write_text("a = = 1", encoding="utf-8")
    services.session.edit(Job(options={"dataset_config": str(tmp_path / "bad.toml")}), "test")
    dialog.open_for_job()
    qtbot.waitUntil(lambda: bool(dialog._problem.text()), timeout=10_000)
    assert "no TOML" in dialog._problem.text()


def test_the_ways_to_it(services, qtbot):
    page = SetupPage(services)
    qtbot.addWidget(page)
    page.show()
    row = page._reveal("option:dataset_config")
    assert row is not None and row.action is not None
    assert row.action.text() == "Edit …"
    row.action.click()
    assert page._dataset is not None and page._dataset.isVisible()
    page._dataset.close()
    page.frame.dock.show_view("images")
    page.frame.dock.view("images").edit.click()
    assert page._dataset.isVisible()
    page._dataset.close()
