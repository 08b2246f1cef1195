"""The Advice view at the bottom of Set up: what it lists, mends, and takes back."""

from __future__ import annotations

import pytest

from core.job.model import Job
from gui.pages.setup import SetupPage
from gui.setup.advice_view import AdviceView


@pytest.fixture
def page(services, qtbot):
    page = SetupPage(services)
    qtbot.addWidget(page)
    page.resize(1280, 800)
    page.show()
    return page


@pytest.fixture
def view(page):
    view = page.frame.dock.view("advice")
    assert isinstance(view, AdviceView)
    return view


def _job(**options):
    return Job(options={"optimizer_type": "prodigy", "learning_rate": 1.0, "lr_scheduler": "cosine", **options})


def test_an_edit_renews_the_list_and_the_tab(services, page, view, qtbot):
    services.session.edit(_job(), "test")
    view.advice.renew()
    assert not [one for one in view.findings if one.severity == "error"]
    services.session.edit(_job(use_8bit_adam=True), "test")
    qtbot.waitUntil(lambda: any(one.rule == "optimizer.two-names" for one in view.findings))
    badge = view.badge()
    assert badge is not None
    assert badge.tone == "danger"
    assert badge.text == str(len(view.findings)) == page.frame.dock.tabs.tabText(1).rpartition(" ")[2]
    assert view.findings[0].severity == "error"


def test_a_fix_is_shown_before_it_is_applied_and_can_be_undone(services, view):
    services.session.edit(_job(learning_rate=1e-4), "test")
    view.advice.renew()
    place = next(place for place, one in enumerate(view.findings) if one.rule == "rate.low-factor")
    view.list.setCurrentRow(place)
    assert "learning_rate: 0.0001 → 1.0" in view.detail.changes.text()
    view.detail.mend.click()
    assert services.session.job.options["learning_rate"] == 1.0
    assert not any(one.rule == "rate.low-factor" for one in view.findings)
    services.session.undo()
    assert services.session.job.options["learning_rate"] == 1e-4


def test_mend_all_leaves_no_error_and_no_warning_that_has_a_fix_in_one_undo(services, view):
    before = _job(learning_rate=1e-4, use_8bit_adam=True, fused_backward_pass=True, lr_warmup_steps=10, lr_scheduler="constant")
    services.session.edit(before, "test")
    view.advice.renew()
    assert len([one for one in view.findings if one.fix and one.severity != "hint"]) > 2
    assert view.all.isVisibleTo(view.all.parentWidget())
    view.all.click()
    assert not [one for one in view.findings if one.fix and one.severity != "hint"]
    services.session.undo()
    assert services.session.job == before


def test_going_to_the_setting(services, page, view):
    services.session.edit(_job(learning_rate=1e-4), "test")
    view.advice.renew()
    asked: list[str] = []
    page.frame.dock.wanted.connect(asked.append)
    view.list.setCurrentRow(next(place for place, one in enumerate(view.findings) if one.rule == "rate.low-factor"))
    view.detail.go.click()
    assert asked == ["option:learning_rate"]


def test_several_problems_of_the_command_lead_to_the_view(services, page, view):
    services.session.edit(_job(seed="x").with_argument("odd", "1").with_option("max_grad_norm", "y"), "test")
    command = page.frame.command
    command.renew()
    assert len(command.command.findings) > 1
    page.frame.dock.set_open(False)
    command.problem.click()
    assert page.frame.dock.current == "advice"
    assert not page.frame.dock.body.isHidden()


def test_a_folded_dock_opens_at_a_click_on_its_tab_and_remembers_the_view(services, page, qtbot):
    dock = page.frame.dock
    dock.show_view("advice")
    dock.set_open(False)
    dock.tabs.tabBarClicked.emit(0)
    dock.tabs.setCurrentIndex(1)
    assert not dock.body.isHidden()
    again = SetupPage(services)
    qtbot.addWidget(again)
    assert again.frame.dock.current == "advice"


def test_the_disk_is_looked_at_after_a_path_was_changed_and_not_else(services, view, tmp_path, qtbot):
    services.session.edit(_job(train_data_dir=str(tmp_path / "none")), "test")
    qtbot.waitUntil(lambda: any(one.rule == "file.missing" for one in view.findings), timeout=5000)
    (tmp_path / "none").mkdir()
    services.session.edit(services.session.job.with_option("learning_rate", 0.9), "test")
    qtbot.wait(900)
    assert any(one.rule == "file.missing" for one in view.findings), "no path was changed"
    view.advice.look()
    qtbot.waitUntil(lambda: not any(one.rule == "file.missing" for one in view.findings), timeout=5000)
