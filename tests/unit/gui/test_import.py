"""A file of another program: the report is shown first, applying is one edit, and leaving changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from core.errors import CaddieError
from core.job.model import Job
from gui.main_window import MainWindow
from gui.services import Services
from gui.setup.import_dialog import ImportDialog

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
    (dialog,) = window.findChildren(ImportDialog)
    return dialog


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
    assert not window.jobs.import_path(path)
    assert isinstance(unhandled.pop(), CaddieError)
    window.errors.close()
