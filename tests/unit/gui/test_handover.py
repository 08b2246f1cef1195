"""What a run found about the learning rate, on the Run page and in its dialog."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.catalogue.catalogue import Catalogue
from core.catalogue.loader import load_catalogue
from core.handover.measure import measure
from core.history.curves import read_metrics
from core.runs.folder import RunFolder
from gui.run.handover_dialog import HandoverDialog
from gui.run.rate_note import RateNote
from gui.services import Services
from tests.helpers.histories import make_run
from tests.unit.gui.conftest import settle
from tests.unit.gui.test_run_service import wait


@pytest.fixture
def catalogue() -> Catalogue:
    """The real entries: the rules are in them."""
    return load_catalogue()


def run_with_d(folder: Path, d: np.ndarray) -> RunFolder:
    """A finished run of Prodigy with this d and a cosine."""
    run = make_run(folder, losses=[0.1] * len(d), name="cat", lr_scheduler="cosine", output_name="cat")
    lines = run.events_file.read_text(encoding="utf-8").splitlines()
    factor = 0.5 * (1 + np.cos(np.pi * np.arange(len(d)) / len(d)))
    told: list[str] = []
    for line in lines:
        record = json.loads(line)
        if record["event"] == "step":
            place = record["step"] - 1
            rate = float(factor[place])
            record["groups"] = [{"name": "unet", "lr": rate, "d": float(d[place]), "d_lr": float(d[place]) * rate}]
        told.append(json.dumps(record))
    run.events_file.write_text("\n".join(told) + "\n", encoding="utf-8")
    return run


RISING = 1e-6 * np.exp(np.linspace(0, np.log(300), 60))
SETTLED = np.concatenate([RISING, np.full(140, 3e-4)])


def show(services: Services, run: RunFolder, note: RateNote) -> None:
    services.runs.updated.connect(lambda _: note.refresh())
    services.runs.current_changed.connect(note.refresh)
    services.runs.attach(run)
    wait(lambda: services.runs.outcome is not None and note.found is not None, "the note")
    settle()


def test_a_settled_run_offers_its_rate_and_the_dialog_makes_the_job(services: Services, tmp_path: Path) -> None:
    opened: list[HandoverDialog] = []

    def take_lion(dialog: HandoverDialog) -> None:
        opened.append(dialog)
        dialog.choice.setCurrentIndex(dialog.choice.findData("Lion"))
        dialog.accept()

    note = RateNote(services, show_dialog=take_lion)
    show(services, run_with_d(tmp_path, SETTLED), note)
    assert not note.isHidden()
    assert "0.0003" in note.text.text()
    before = services.session.job
    asked: list[tuple[str, str]] = []
    services.navigate.requested.connect(lambda page, topic: asked.append((page, topic)))
    note.open()
    assert opened
    job = services.session.job
    assert job.optimizer_type == "Lion"
    assert job.options["learning_rate"] == pytest.approx(1e-4, rel=0.01)
    assert asked == [("setup", "option:learning_rate")]
    services.session.undo()  # one step
    assert services.session.job == before
    note.deleteLater()


def test_a_run_whose_d_still_rose_says_so_and_one_that_was_dismissed_is_silent(services: Services, tmp_path: Path) -> None:
    note = RateNote(services)
    show(services, run_with_d(tmp_path, 1e-6 * 1.2 ** np.arange(40).repeat(5)), note)
    assert "still rises" in note.text.text()
    assert "lower bound" in note.text.text()
    note.close_button.click()
    assert note.isHidden()
    note.refresh()
    assert note.isHidden()
    note.deleteLater()


def test_a_run_without_d_takes_no_room(services: Services, tmp_path: Path) -> None:
    note = RateNote(services)
    services.runs.attach(make_run(tmp_path, optimizer="AdamW", rate=1e-4, losses=[0.1] * 100))
    services.runs.updated.connect(lambda _: note.refresh())
    wait(lambda: services.runs.outcome is not None, "the end")
    settle()
    assert note.isHidden()
    note.deleteLater()


def test_the_dialog_shows_rule_source_levels_and_what_changes(services: Services, tmp_path: Path) -> None:
    run = run_with_d(tmp_path, SETTLED)
    metrics, job = read_metrics(run), run.job
    dialog = HandoverDialog(services, measure(metrics, job, services.catalogue), job, metrics)
    assert dialog.choice.findData("Prodigy") == -1
    assert dialog.choice.findData("SGDNesterov") == -1  # no rule leads there
    dialog.choice.setCurrentIndex(dialog.choice.findData("CAME"))
    assert "CAME" in dialog.sources.text()
    assert "learning_rate = 0.0001" in dialog.rule.text()
    rows = [dialog.preview.topLevelItem(place) for place in range(dialog.preview.topLevelItemCount())]
    assert any(row is not None and row.text(2) == "came_pytorch.CAME" for row in rows)
    curves = dialog.plot.plot.curves
    assert np.allclose(curves["rate/0"].y, 3e-4)
    assert curves["d/0"].y[-1] == pytest.approx(3e-4)  # without the scheduler, which ends at 0
    dialog.warmup.setChecked(True)
    assert dialog.way is not None
    assert 40 < int(str(dialog.way.job.options["lr_warmup_steps"])) <= 61
    services.settings.set("language", "ja")
    settle()
    assert "ステップ" in dialog.plateaus.text()
    dialog.deleteLater()


def test_the_dialog_of_a_run_that_found_nothing_makes_no_job(services: Services, tmp_path: Path) -> None:
    run = run_with_d(tmp_path, np.full(200, 1e-6))
    metrics = read_metrics(run)
    dialog = HandoverDialog(services, measure(metrics, run.job, services.catalogue), replace(run.job), metrics)
    assert not dialog.apply.isEnabled()
    assert dialog.way is None
    assert "d0" in dialog.plateaus.text()
    dialog.deleteLater()
