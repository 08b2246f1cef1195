"""`main.py preflight` and real children: one with the real torch, others with a torch that crashes or hangs."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

from core.cli.main import run
from core.environment.model import Environment
from core.preflight.model import Group, Report, Shape
from core.preflight.request import Question
from core.preflight.trial import preflight
from tests.helpers.preflights import make_trainer, request_for
from tests.helpers.runs import DEMO

GROUPS = (Group("unet", 1e-3, (Shape((4, 24), 2), Shape((24, 4), 2, at_zero=True))),)


def tried(folder: Path, timeout: float = 60, stop: threading.Event | None = None, **options: object) -> Report:
    request = request_for(folder, options, groups=[{"lr": 1e-3, "shapes": [[[4, 24], 2, False], [[24, 4], 2, True]]}])
    environment = Environment(id="e", name="e", python=Path(sys.executable), sd_scripts=folder)
    return preflight(Question(request, GROUPS), environment, timeout=timeout, stop=stop)


def with_torch(folder: Path, code: str) -> Path:
    checkout = make_trainer(folder)
    (checkout / "torch.py").write_text(code, encoding="utf-8")
    return checkout


def test_a_real_child_passes_in_spite_of_a_package_that_prints(tmp_path: Path) -> None:
    checkout = make_trainer(tmp_path / "checkout")
    code = "import sys, torch\nprint('x' * 5000)\nsys.stderr.write('noise')\nclass Loud(torch.optim.SGD):\n    pass\n"
    (checkout / "loud.py").write_text(code, encoding="utf-8")
    report = tried(checkout, optimizer_type="loud.Loud", optimizer_args=["momentum=0.5"])
    assert report.ending == "passed", report
    assert report.built is not None
    assert (report.built.name, report.built.arguments) == ("loud.Loud", "momentum=0.5")
    assert report.state_bytes == 4 * (2 * 4 * 24 + 2 * 24 * 4)
    assert report.device


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_crash_is_explained(tmp_path: Path) -> None:
    report = tried(with_torch(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"))
    assert report.ending == "failed"
    assert report.problem is not None
    assert "SIGSEGV" in report.problem.en
    assert "importing PyTorch" in report.problem.en
    assert report.advice is not None


def test_a_hang_is_ended_and_explained(tmp_path: Path) -> None:
    report = tried(with_torch(tmp_path, "import time\ntime.sleep(600)\n"), timeout=0.5)
    assert report.ending == "failed"
    assert report.problem is not None
    assert "hangs" in report.problem.en


def test_a_stop_ends_the_child(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    assert tried(with_torch(tmp_path, "import time\ntime.sleep(600)\n"), stop=stop).ending == "stopped"


def test_a_missing_torch_is_explained(tmp_path: Path) -> None:
    report = tried(with_torch(tmp_path, "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n"))
    assert report.ending == "failed"
    assert report.problem is not None
    assert "torch" in report.problem.en
    assert report.advice is not None


def test_without_the_trainer_s_code_nothing_is_tried(tmp_path: Path) -> None:
    report = tried(tmp_path)
    assert report.ending == "unknown"
    assert report.problem is not None


def test_the_verb_and_run_end_with_1_and_say_why(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CADDIE_LANGUAGE", "en")
    checkout = with_torch(tmp_path / "checkout", "import os\nos._exit(7)\n")
    shutil.copy(DEMO / "train_network.py", checkout)
    job = tmp_path / "job.toml"
    job.write_text('optimizer_type = "AdamW"\n', encoding="utf-8")
    place = ["--python", sys.executable, "--checkout", str(checkout)]
    assert run(["preflight", str(job), *place, "--json"]) == 1
    assert json.loads(capfd.readouterr().out)["ending"] == "failed"
    assert run(["run", str(job), *place, "--out", str(tmp_path / "runs")]) == 1
    assert "exit code 7" in capfd.readouterr().err
    assert not (tmp_path / "runs").exists()
    assert run(["run", str(job), *place, "--out", str(tmp_path / "runs"), "--no-preflight"]) == 1
    assert list((tmp_path / "runs").iterdir())
