"""The view that counts a job's images, with real files in a worker thread."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtWidgets import QFormLayout, QLabel

from core.job.model import Job
from gui.pages.setup import SetupPage
from gui.setup.images_view import ImagesView


@pytest.fixture
def page(services, qtbot):
    page = SetupPage(services)
    qtbot.addWidget(page)
    page.resize(1280, 800)
    page.show()
    return page


@pytest.fixture
def view(page):
    page.frame.dock.show_view("images")
    view = page.frame.dock.view("images")
    assert isinstance(view, ImagesView)
    return view


def _fill(folder: Path, count: int, size: tuple[int, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for place in range(count):
        Image.new("RGB", size).save(folder / f"{size[0]}-{place}.png")


def _job(folder: Path) -> Job:
    options = {"train_data_dir": str(folder), "resolution": "128", "enable_bucket": True, "min_bucket_reso": 64}
    return Job(options={**options, "max_bucket_reso": 256, "max_train_epochs": 2})


def _numbers(view) -> dict[str, str]:
    facts = view._facts
    found: dict[str, str] = {}
    for place in range(facts.rowCount()):
        labels = [facts.itemAt(place, role).widget() for role in (QFormLayout.ItemRole.LabelRole, QFormLayout.ItemRole.FieldRole)]
        assert all(isinstance(label, QLabel) for label in labels)
        found[labels[0].text()] = labels[1].text()
    return found


def test_a_count_is_shown_with_its_buckets_and_grows_old_with_the_job(services, page, view, tmp_path, qtbot):
    _fill(tmp_path / "3_猫", 2, (128, 128))
    _fill(tmp_path / "3_猫", 1, (256, 64))
    services.session.edit(_job(tmp_path), "test")
    assert view.badge() is None
    view.button.click()
    assert view.button.text() == "Stop"
    qtbot.waitUntil(lambda: view.census is not None, timeout=10_000)
    assert view.button.text() == "Count the images"
    numbers = _numbers(view)
    assert (numbers["Images"], numbers["with repeats"], numbers["without a caption"], numbers["Steps"]) == ("3", "9", "3", "18")
    assert view.bars.bars == (("128 × 128", 6), ("256 × 64", 3))
    badge = view.badge()
    assert badge is not None
    assert badge.text == "3"
    assert not view._stale.isVisible()
    services.session.edit(services.session.job.with_option("seed", 1), "test")
    assert not view._stale.isVisible(), "the count does not depend on it"
    services.session.edit(services.session.job.with_option("resolution", "192"), "test")
    assert view._stale.isVisible()
    assert view.badge() is None


def test_what_is_wrong_is_said_beside_the_numbers(services, view, tmp_path, qtbot):
    _fill(tmp_path / "1_cat", 1, (128, 128))
    (tmp_path / "1_cat" / "broken.png").write_bytes(b"nothing")
    services.session.edit(_job(tmp_path), "test")
    view.button.click()
    qtbot.waitUntil(lambda: view.census is not None, timeout=10_000)
    assert any("broken.png" in label.text() for label in view.findChildren(QLabel))
    badge = view.badge()
    assert badge is not None
    assert badge.tone == "danger"


def test_a_count_can_be_stopped(services, view, tmp_path, qtbot):
    _fill(tmp_path / "1_cat", 3, (128, 128))
    services.session.edit(_job(tmp_path), "test")
    view.counting.start()
    view.counting.stop()
    qtbot.waitUntil(lambda: not view.counting.running, timeout=10_000)
    assert view.census is None or view.census.images == 3  # it may have been over first


def test_options_that_cannot_be_read_are_reported(services, view, tmp_path, qtbot, unhandled):
    _fill(tmp_path / "1_cat", 1, (128, 128))
    services.session.edit(_job(tmp_path).with_option("train_batch_size", "many"), "test")
    view.button.click()
    qtbot.waitUntil(lambda: bool(unhandled), timeout=10_000)
    assert not view.counting.running
    unhandled.clear()
