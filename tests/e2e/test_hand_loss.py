"""The loss for the emo series, in real trainings of the stand-in script: handed over where the user wishes, and only there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.cli.place import options_in
from core.command.export import export_file
from core.job.optimizer import with_hand_loss
from core.runs.events import Started, Warned
from core.runs.folder import RunFolder
from core.runs.follow import Follower
from core.runs.launch import start_run
from core.runs.outcome import Ending
from tests.e2e.test_companion import arguments, read, run_directly, steps_of, weights_of
from tests.helpers.runs import follow_to_end, log_of
from tests.helpers.small_training import small_environment, small_job

for package in ("torch", "accelerate", "safetensors", "pytorch_optimizer"):
    pytest.importorskip(package)

pytestmark = pytest.mark.slow

# pytorch_optimizer's own EmoNavi, which writes down what it was told and what it made of it.
RECORDER = """
import json, os
from pytorch_optimizer.optimizer import emonavi

class EmoRecorder(emonavi.EmoNavi):
    def step(self, closure=None):
        loss = super().step(closure)
        line = {"loss": None if loss is None else float(loss), "scalar": emonavi.compute_scalar(self.seen())}
        with open(os.environ["RECORD"], "a") as file:
            file.write(json.dumps(line) + "\\n")
        return loss

    def seen(self):
        for holder in (self.state, *self.param_groups):
            if "ema" in holder:
                return holder["ema"]
        raise AssertionError("no averages of the loss")
"""


@pytest.fixture
def recording(tmp_path: Path) -> dict[str, str]:
    """The variables with which a training finds the recorder."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "recorder.py").write_text(RECORDER, encoding="utf-8")
    return {"PYTHONPATH": str(tmp_path / "lib"), "RECORD": str(tmp_path / "record.jsonl")}


def recorded(variables: dict[str, str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(variables["RECORD"]).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("accumulation", [1, 2])
def test_the_emotion_leaves_zero_and_follows_the_loss_of_each_step(
    accumulation: int, tmp_path: Path, recording: dict[str, str]
) -> None:
    argv = arguments(tmp_path, "recorder.EmoRecorder", 1e-3, 8, "--gradient_accumulation_steps", str(accumulation))
    done = run_directly(argv, tmp_path / "e", CADDIE_HAND_LOSS="1", **recording)
    assert done.returncode == 0, done.stderr
    told = recorded(recording)
    events = read(tmp_path / "e")
    assert [line["loss"] for line in told] == pytest.approx([step.loss for step in steps_of(events)], rel=1e-6)
    assert all(line["scalar"] != 0 for line in told[1:])  # the first loss has nothing to be compared with
    (started,) = (event for event in events if isinstance(event, Started))
    assert started.hands_loss is True
    assert not [event for event in events if isinstance(event, Warned)]


def test_without_the_wish_the_optimizer_is_told_nothing(tmp_path: Path, recording: dict[str, str]) -> None:
    done = run_directly(arguments(tmp_path, "recorder.EmoRecorder", 1e-3, 4), tmp_path / "e", **recording)
    assert done.returncode == 0, done.stderr
    assert recorded(recording) == [{"loss": 0.0, "scalar": 0.0}] * 4  # the package says 0 where it knows nothing
    (started,) = (event for event in read(tmp_path / "e") if isinstance(event, Started))
    assert started.hands_loss is None


def test_other_optimizers_are_told_nothing(tmp_path: Path) -> None:
    plain = run_directly(arguments(tmp_path / "plain", "AdamW", 1e-3, 6), None)
    wished = run_directly(arguments(tmp_path / "wished", "AdamW", 1e-3, 6), tmp_path / "e", CADDIE_HAND_LOSS="1")
    assert plain.returncode == wished.returncode == 0, wished.stderr
    assert weights_of(tmp_path / "plain") == weights_of(tmp_path / "wished")


def test_several_processes_are_refused_at_once(tmp_path: Path, recording: dict[str, str]) -> None:
    argv = arguments(tmp_path, "recorder.EmoRecorder", 1e-3, 2)
    done = run_directly(argv, tmp_path / "e", CADDIE_HAND_LOSS="1", WORLD_SIZE="2", **recording)
    assert done.returncode == 1
    assert "in a single process only" in done.stderr
    assert not Path(recording["RECORD"]).exists()


WITHOUT_ACCELERATE = """
import torch
class EmoPlain(torch.optim.SGD):
    pass
weight = torch.nn.Parameter(torch.ones(4))
optimizer = EmoPlain([weight], lr=0.1)
for _ in range(3):
    (weight * weight).sum().backward()
    optimizer.step(OWN)
    optimizer.zero_grad()
print(weight.tolist())
"""


@pytest.mark.parametrize(("own", "warned"), [("None", True), ("lambda: None", False)])
def test_a_loss_that_cannot_be_had_is_said_and_the_step_is_done(own: str, warned: bool, tmp_path: Path) -> None:
    script = tmp_path / "loop.py"
    script.write_text(WITHOUT_ACCELERATE.replace("OWN", own), encoding="utf-8")
    plain = run_directly([str(script)], None)
    wished = run_directly([str(script)], tmp_path / "e", CADDIE_HAND_LOSS="1")
    assert plain.returncode == wished.returncode == 0, wished.stderr
    assert plain.stdout == wished.stdout
    keys = [event.key for event in read(tmp_path / "e") if isinstance(event, Warned)]
    assert keys == (["loss-not-handed"] if warned else [])
    assert ("no longer gets the loss" in wished.stderr) == warned


def test_a_job_brings_its_wish_into_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path))
    environment = small_environment()
    job = with_hand_loss(small_job("EmoNavi", 4, tmp_path / "out"), True)
    run = start_run(job, environment, options_in(environment, job.script))
    events, _, update = follow_to_end(Follower(run))
    assert update.ending is Ending.FINISHED, log_of(run)
    (started,) = (event for event in events if isinstance(event, Started))
    assert started.optimizer.endswith("EmoNavi")
    assert started.hands_loss is True
    assert RunFolder(run.path).command.environment["CADDIE_HAND_LOSS"] == "1"


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_an_exported_script_hands_the_loss_over_as_the_run_does(tmp_path: Path, recording: dict[str, str]) -> None:
    environment = small_environment()
    options = {**small_job("EmoNavi", 3, tmp_path / "out").options, "optimizer_type": "recorder.EmoRecorder"}
    job = with_hand_loss(small_job("EmoNavi", 3, tmp_path / "out"), True)
    for name, value in options.items():
        job = job.with_option(name, value)
    script = export_file(job, tmp_path / "train it.sh", environment=environment, options=options_in(environment, job.script))
    variables = {**os.environ, **recording, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"}
    done = subprocess.run(["sh", str(script)], env=variables, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    told = recorded(recording)
    assert len(told) == 3
    assert all(line["loss"] > 0 and (place == 0 or line["scalar"] != 0) for place, line in enumerate(told))
