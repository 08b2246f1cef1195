"""The view of the effective settings at the bottom of Set up."""

from __future__ import annotations

import pytest
from PIL import Image

from core.job.model import Job
from gui.pages.setup import SetupPage
from gui.setup.effective_view import EffectiveView


@pytest.fixture
def page(services, qtbot):
    page = SetupPage(services)
    qtbot.addWidget(page)
    page.resize(1280, 800)
    page.show()
    return page


@pytest.fixture
def view(services, page):
    services.session.edit(Job(options={"optimizer_type": "prodigy", "learning_rate": 1.0, "lr_scheduler": "cosine"}), "test")
    page.frame.dock.show_view("effective")
    view = page.frame.dock.view("effective")
    assert isinstance(view, EffectiveView)
    return view


def _lines(table):
    return {table.item(row, 0).text(): table.item(row, 1).text() for row in range(table.rowCount())}


def test_it_follows_the_job_while_it_is_on_screen(services, page, view, qtbot):
    assert view.found.optimizer.endswith(".Prodigy")
    assert _lines(view.arguments)["betas"] == "(0.9, 0.999)"
    services.session.edit(services.session.job.with_argument("d_coef", "0.5").with_option("unet_lr", 0.5), "test")
    qtbot.waitUntil(lambda: _lines(view.arguments).get("d_coef") == "0.5")
    assert _lines(view.facts)["Learning rate, unet"] == "0.5 (unet_lr)"
    page.frame.dock.show_view("command")
    services.session.edit(services.session.job.with_argument("d_coef", "0.7"), "test")
    qtbot.wait(250)
    assert _lines(view.arguments).get("d_coef") == "0.5", "a view that is not on screen rests"
    page.frame.dock.show_view("effective")
    assert _lines(view.arguments).get("d_coef") == "0.7"


def test_the_curve_is_that_of_each_group(services, view):
    assert set(view.plot.curves) == {"text_encoder", "unet"}
    assert view.plot.curves["unet"].y[0] == pytest.approx(1.0)
    services.session.edit(services.session.job.with_option("network_train_unet_only", True), "test")
    view.renew()
    assert set(view.plot.curves) == {"unet"}
    services.session.edit(Job(options={"optimizer_type": "RAdamScheduleFree"}), "test")
    view.renew()
    assert not view.plot.curves


def test_a_line_leads_to_its_field(page, view):
    asked: list[str] = []
    page.frame.dock.wanted.connect(asked.append)
    view.facts.itemActivated.emit(view.facts.item(1, 0))
    row = next(row for row in range(view.arguments.rowCount()) if view.arguments.item(row, 0).text() == "betas")
    view.arguments.itemActivated.emit(view.arguments.item(row, 0))
    assert asked == ["option:learning_rate", "argument:betas"]


def test_a_job_with_values_that_cannot_be_read_is_shown_all_the_same(services, view):
    options = {"optimizer_type": "prodigy", "learning_rate": "abc", "optimizer_args": ["betas=oops"], "max_train_steps": "x"}
    services.session.edit(Job(options=options), "test")
    view.renew()
    assert _lines(view.facts)["Steps"] == "1600"


def test_epochs_become_steps_once_the_images_are_counted_by_themselves(services, view, tmp_path, qtbot):
    folder = tmp_path / "5_cat"
    folder.mkdir()
    for place in range(2):
        Image.new("RGB", (64, 64)).save(folder / f"{place}.png")
    options = {"train_data_dir": str(tmp_path), "resolution": "64", "max_train_epochs": 3, "optimizer_type": "AdamW"}
    services.session.edit(Job(options={**options, "lr_scheduler": "cosine"}), "test")
    qtbot.waitUntil(lambda: view.found.steps == 30, timeout=10_000)
    assert _lines(view.facts)["Steps"] == "30 (3 epochs)"
    assert len(view.plot.curves["unet"].y) > 2


def test_images_that_cannot_be_counted_are_tried_once_and_not_reported(services, view, qtbot, unhandled):
    options = {"train_data_dir": "/nowhere/at all", "max_train_epochs": 3, "train_batch_size": "many"}
    services.session.edit(Job(options=options), "test")
    qtbot.waitUntil(lambda: bool(services.counting._counted), timeout=10_000)
    qtbot.waitUntil(lambda: not services.counting.running, timeout=10_000)
    asked: list[object] = []
    services.counting.running_changed.connect(lambda: asked.append(1))
    view.renew()
    assert not asked
    assert view.found.steps is None
    assert not unhandled


def test_the_memory_is_told_or_why_it_is_not(services, view, qtbot):
    services.session.edit(Job(options={"optimizer_type": "AdamW", "mixed_precision": "bf16", "sdpa": True}), "test")
    qtbot.waitUntil(lambda: "GPU memory, estimated" in _lines(view.facts), timeout=10_000)
    assert _lines(view.facts)["GPU memory, estimated"] == "No model is chosen."
