"""A file of another program: the report is shown first, applying is one edit, and leaving changes nothing."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from core.catalogue.catalogue import Catalogue
from core.convert.read import read_file
from core.convert.report import Imported
from core.errors import CaddieError
from core.job.model import Job
from core.job.presets import Preset, save_preset
from core.options.model import OptionSet
from core.runs.explain import explain
from gui.main_window import MainWindow
from gui.run.explain_dialog import ExplainDialog
from gui.services import Services
from gui.setup.import_dialog import ImportDialog
from tests.unit.gui.conftest import FakeDialogs, settle

SETTINGS = {"LoRA_type": "Standard", "max_resolution": "512,512", "train_batch_size": 3, "vae": "", "brand_new": "on"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kohya.json"
    path.write_text(json.dumps(SETTINGS), encoding="utf-8")
    return path


def dropped(window: MainWindow, path: Path) -> ImportDialog:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    none = Qt.KeyboardModifier(0)
    enter = QDragEnterEvent(QPointF(9, 9).toPoint(), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, none)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, none))
    finish(window.services)
    (dialog,) = window.findChildren(ImportDialog)
    return dialog


def finish(services: Services) -> None:
    while services.tasks.busy:  # one piece of work may begin the next
        services.tasks.wait()
        settle()


def keys(dialog: ImportDialog) -> list[str]:
    rows = [dialog.report.topLevelItem(place) for place in range(dialog.report.topLevelItemCount())]
    return [row.text(0) for row in rows if row is not None]


def test_a_dropped_file_is_shown_and_then_taken(window: MainWindow, services: Services, file: Path) -> None:
    services.session.edit(Job(options={"seed": 5}, notes="mine"), "Begin")
    dialog = dropped(window, file)
    assert dict(services.session.job.options) == {"seed": 5}
    assert keys(dialog) == ["LoRA_type", "max_resolution", "train_batch_size", "brand_new"]
    dialog.quiet.setChecked(True)
    assert "vae" in keys(dialog)
    dialog.replace.setChecked(False)
    assert dialog.result_job().options["seed"] == 5
    dialog.replace.setChecked(True)
    dialog.accept()
    job = services.session.job
    assert dict(job.options) == {"network_module": "networks.lora", "resolution": "512,512", "train_batch_size": 3}
    assert job.notes == "mine"
    assert job.extra["caddie_imported"] == ["brand_new = on"]
    services.session.undo()
    assert dict(services.session.job.options) == {"seed": 5}


def test_leaving_changes_nothing(window: MainWindow, services: Services, file: Path) -> None:
    before = services.session.job
    dropped(window, file).reject()
    assert services.session.job == before


def test_what_cannot_be_imported_is_told(window: MainWindow, tmp_path: Path, unhandled: list[BaseException]) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}", encoding="utf-8")
    window.jobs.import_path(path)
    finish(window.services)
    assert isinstance(unhandled.pop(), CaddieError)
    window.errors.close()


def test_the_file_is_read_off_the_gui_thread(window: MainWindow, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[bool] = []

    def read(path: Path, catalogue: Catalogue, options: OptionSet | None = None) -> Imported:
        threads.append(threading.current_thread() is threading.main_thread())
        return read_file(path, catalogue, options)

    monkeypatch.setattr("core.convert.read.read_file", read)
    dropped(window, file).reject()
    assert threads == [False]


def test_a_dropped_preset_replaces_the_optimizers_part_only(window: MainWindow, services: Services, tmp_path: Path) -> None:
    services.session.edit(Job(options={"seed": 5, "output_dir": "o", "learning_rate": 1e-4}), "Begin")
    path = save_preset(Preset(name="p", options={"optimizer_type": "Prodigy", "unet_lr": 1.0}), folder=tmp_path)
    dialog = dropped(window, path)
    assert not dialog.replace.isVisible()
    dialog.accept()
    assert dict(services.session.job.options) == {
        "seed": 5,
        "output_dir": "o",
        "optimizer_type": "Prodigy",
        "unet_lr": 1.0,
    }
    services.session.undo()
    assert "optimizer_type" not in services.session.job.options


def test_a_log_is_explained_in_the_words_of_the_command_line(
    window: MainWindow, services: Services, tmp_path: Path, dialogs: FakeDialogs, unhandled: list[BaseException]
) -> None:
    dialogs.to_open = tmp_path / "log.txt"
    window.menus.explain.trigger()
    finish(services)
    assert isinstance(unhandled.pop(), CaddieError)  # there is no such file
    window.errors.close()
    dialogs.to_open.write_bytes("RuntimeError: x\nOSError: [WinError 1455] 小さすぎる\n".encode("cp932"))
    window.menus.explain.trigger()
    finish(services)
    (dialog,) = window.findChildren(ExplainDialog)
    assert dialog.error.text() == "OSError: [WinError 1455] 小さすぎる"
    known = explain(dialog.error.text())
    assert known is not None
    assert (dialog.meaning.text(), dialog.advice.text()) == (known[0].en, known[1].en)
    dialog.reject()
    dialogs.to_open.write_text("all is well", encoding="utf-8")
    window.menus.explain.trigger()
    finish(services)
    dialog = window.findChildren(ExplainDialog)[-1]
    assert not dialog.advice.isVisible()
    dialog.reject()
