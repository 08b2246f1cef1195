"""Trainings with the fast implementations: found by a script that lies elsewhere, same numbers, and d*lr in the plots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.catalogue.loader import load_catalogue
from core.catalogue.spec import OptimizerSpec
from core.cli.place import options_in
from core.environment.model import Environment
from core.errors import CaddieError
from core.job.model import Job
from core.job.optimizer import with_fast
from core.runs.events import Started, Step
from core.runs.folder import list_runs
from core.runs.follow import Follower
from core.runs.launch import start_run
from core.runs.outcome import Ending
from tests.helpers.runs import follow_to_end, log_of
from tests.helpers.small_training import small_environment, small_job

for package in ("torch", "accelerate", "safetensors"):
    pytest.importorskip(package)

pytestmark = pytest.mark.slow

CATALOGUE = load_catalogue()
STEPS = 30
ON_D = [CATALOGUE[name] for name in ("Prodigy", "DAdaptAdam", "ProdigyPlusScheduleFree")]
"""One of each way to keep d. That every class equals its reference is for the tests of `optimizers`."""


def train(job: Job, folder: Path) -> tuple[str, list[Step]]:
    """Runs a job through everything; returns the class of its optimizer and the steps."""
    environment = small_environment()
    run = start_run(job, environment, options_in(environment, job.script), runs_dir=folder)
    events, _, update = follow_to_end(Follower(run))
    assert update.ending is Ending.FINISHED, log_of(run)
    (started,) = (event for event in events if isinstance(event, Started))
    return started.optimizer, [event for event in events if isinstance(event, Step)]


@pytest.mark.parametrize("spec", ON_D, ids=lambda spec: spec.id)
def test_d_is_seen_and_is_that_of_the_reference(spec: OptimizerSpec, tmp_path: Path) -> None:
    pytest.importorskip(spec.requirements[0].module)
    job = small_job(spec.id, STEPS, tmp_path / "out")
    slow_class, slow = train(job, tmp_path / "slow")
    fast_class, fast = train(with_fast(job, spec, True), tmp_path / "fast")
    assert not slow_class.startswith("optimizers.")
    assert fast_class.startswith("optimizers.")
    assert fast_class.rpartition(".")[2] == slow_class.rpartition(".")[2]
    assert len(fast) == len(slow) == STEPS
    assert [step.loss for step in fast] == pytest.approx([step.loss for step in slow], rel=1e-4)
    for index in range(len(slow[0].groups)):
        used = [step.groups[index].d_lr for step in fast]
        assert all(used)
        # The two round differently now and then, and d feeds on itself.
        assert used == pytest.approx([step.groups[index].d_lr for step in slow], rel=1e-4)
        assert [step.groups[index].effective_lr for step in fast] == used


def test_a_module_of_the_checkout_in_the_way_starts_nothing(tmp_path: Path) -> None:
    demo = small_environment()
    assert demo.sd_scripts is not None
    checkout = tmp_path / "sd-scripts"
    checkout.mkdir()
    (checkout / "train_network.py").write_bytes((demo.sd_scripts / "train_network.py").read_bytes())
    (checkout / "optimizers.py").write_text("class Prodigy: ...\n", encoding="utf-8")
    environment: Environment = replace(demo, sd_scripts=checkout)
    job = small_job("Prodigy", 2, tmp_path / "out").with_option("optimizer_type", "optimizers.Prodigy")
    with pytest.raises(CaddieError, match=r"optimizers\.py would be taken"):
        start_run(job, environment, options_in(environment, job.script), runs_dir=tmp_path / "runs")
    assert list_runs(tmp_path / "runs") == []
