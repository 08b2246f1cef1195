"""A run's job, to be started again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.history.again import job_of
from core.job.store import load_job, save_job
from core.runs.folder import RunFolder
from core.runs.records import read_command, write_command
from tests.helpers.histories import make_run


def prepare(tmp_path: Path, engine: str, argv: tuple[str, ...]) -> RunFolder:
    base = tmp_path / "jobs"
    (base / "images").mkdir(parents=True)
    run = make_run(
        tmp_path / "runs",
        output_dir="out/deep",
        train_data_dir="images",
        pretrained_model_name_or_path="runwayml/stable-diffusion-v1-5",
        vae=str(tmp_path / "vae.safetensors"),
    )
    save_job(replace(load_job(run.job_file), engine=engine), run.job_file)  # type: ignore[arg-type]
    command = read_command(run.command_file)
    assert command is not None
    write_command(run.command_file, replace(command, argv=argv, output_dir=str(base / "out" / "deep")))
    return run


@pytest.mark.parametrize("told", [True, False], ids=["by its command", "by where it wrote"])
def test_relative_paths_of_the_built_in_trainer_stay_where_they_were(tmp_path: Path, told: bool) -> None:
    base = tmp_path / "jobs"
    run = prepare(tmp_path, "builtin", ("python", "-m", "core.training", "job.toml", "--base", str(base)) if told else ())
    job = job_of(run.path)
    assert job.options["train_data_dir"] == str(base / "images")
    assert job.options["output_dir"] == str(base / "out" / "deep")
    assert job.options["pretrained_model_name_or_path"] == "runwayml/stable-diffusion-v1-5"  # of a hub
    assert job.options["vae"] == str(tmp_path / "vae.safetensors")


def test_what_sd_scripts_reads_from_its_own_folder_is_left_alone(tmp_path: Path) -> None:
    run = prepare(tmp_path, "sd-scripts", ("python", "train_network.py"))
    assert job_of(run.path) == load_job(run.job_file)
