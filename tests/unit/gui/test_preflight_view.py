"""The Preflight view at the bottom of Set up: a trial with a real child, and what is shown of a report."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel

from core.environment.model import Environment
from core.job.model import Job
from core.preflight.model import Built, Curve, Report
from gui.bridge.preflight import KEY
from gui.pages.setup import SetupPage
from gui.setup.preflight_view import PreflightView
from tests.helpers.preflights import make_trainer
from tests.unit.gui.conftest import settle

STEPS = tuple(range(20))
CURVE = Curve(
    variant="job",
    steps=STEPS,
    rates=tuple((1.0, 1.0) for _ in STEPS),
    d_rates=tuple((1e-6 * 2**step, 1e-6 * 2**step) for step in STEPS),
    effective=tuple((0.01, None) for _ in STEPS),
    loss=tuple(1 / (1 + step) for step in STEPS),
    stride=3,
    ended_early=False,
)
REPORT = Report(
    ending="passed",
    seconds=4.2,
    device="cpu",
    torch="2.0",
    built=Built(
        name="prodigyopt.prodigy.Prodigy",
        arguments="d_coef=2.0",
        defaults={"eps": "1e-08"},
        scheduler="LambdaLR",
        rates=(1.0, 1.0),
    ),
    groups=("text_encoder", "unet"),
    tensors=(144, 384),
    steps=2,
    step_seconds=0.0123,
    state_bytes=3 * 1024**2,
    total_steps=60,
    curves=(CURVE, replace(CURVE, variant="defaults")),
)


@pytest.fixture
def view(services, qtbot):
    page = SetupPage(services)
    qtbot.addWidget(page)
    page.resize(1280, 800)
    page.show()
    page.frame.dock.show_view("preflight")
    found = page.frame.dock.view("preflight")
    assert isinstance(found, PreflightView)
    return found


def shown_texts(view: PreflightView) -> str:
    settle()
    return "\n".join(label.text() for label in view.findChildren(QLabel) if label.isVisibleTo(view))


def test_a_trial_in_a_child_that_crashes_is_told(services, view, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    checkout = make_trainer(tmp_path / "checkout")
    (checkout / "torch.py").write_text("import os\nos._exit(7)\n", encoding="utf-8")
    place = Environment(id="here", name="here", python=Path(sys.executable), sd_scripts=checkout)
    monkeypatch.setattr(services.runs, "environment_for", lambda _job: place)
    assert view.button.text() == "Try it"
    view.button.click()
    assert view.button.text() == "Stop"
    qtbot.waitUntil(lambda: not view.trial.running, timeout=60_000)
    assert view.report.ending == "failed"
    assert "exit code 7" in shown_texts(view)
    assert view.badge().tone == "danger"


def test_a_trial_can_be_stopped(services, view, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    checkout = make_trainer(tmp_path / "checkout")
    (checkout / "torch.py").write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    place = Environment(id="here", name="here", python=Path(sys.executable), sd_scripts=checkout)
    monkeypatch.setattr(services.runs, "environment_for", lambda _job: place)
    view.button.click()
    view.button.click()
    qtbot.waitUntil(lambda: not view.trial.running, timeout=60_000)
    assert view.report.ending == "stopped"


def test_without_an_environment_it_says_so(view, monkeypatch: pytest.MonkeyPatch, services):
    monkeypatch.setattr(services.runs, "environment_for", lambda _job: None)
    view.button.click()
    assert not view.trial.running
    assert "No environment" in shown_texts(view)


def test_a_report_shows_what_was_built_and_the_curves(services, view):
    view._tried = services.session.job
    view.trial.finished.emit(REPORT)
    words = shown_texts(view)
    for part in ("prodigyopt.prodigy.Prodigy", "d_coef=2.0", "3.0 MiB", "12.30 ms", "one step stands for 3 of the 60"):
        assert part in words
    assert view.badge().tone == "success"
    assert view.plot.choice.currentText() == "d*lr"
    assert len(view.plot.plot.curves) == 2  # both groups have the same d*lr
    curve = next(iter(view.plot.plot.curves.values()))
    assert curve.y.tolist() == [row[0] for row in CURVE.d_rates]
    view.plot.choice.setCurrentIndex(view.plot.choice.findData("effective"))
    assert math.isnan(view.plot.plot.curves["effective/job/1"].y[0])
    view.plot.choice.setCurrentIndex(view.plot.choice.findData("loss"))
    assert len(view.plot.plot.curves) == 2
    assert not view.plot.plot.logarithmic
    services.session.edit(Job(options={"optimizer_type": "prodigy"}), "test")
    assert "has changed since" in shown_texts(view)
    assert view.badge() is None


def test_the_switch_is_the_setting(services, view):
    assert view.before.isChecked()
    view.before.setChecked(False)
    assert services.settings.flag(KEY, True) is False
