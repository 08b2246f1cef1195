"""Which jobs the built-in trainer can run, told without torch, and the command that runs them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.catalogue.loader import load_catalogue
from core.command.builtin import builtin_argv, builtin_line, builtin_text, export_builtin
from core.job.engine import builtin_hindrances, engine_hindrances
from core.job.model import Job
from core.job.new import new_job
from core.options.snapshot import snapshot_for
from core.paths import PROJECT_ROOT


def complete(**options: Any) -> Job:
    catalogue = load_catalogue()
    given = {"pretrained_model_name_or_path": "m.safetensors", "train_data_dir": "images", "output_dir": "out"}
    return Job(engine="builtin", options={**new_job(catalogue["Prodigy"], catalogue).options, **given, **options})


def test_the_job_to_begin_with_has_no_hindrance_once_it_is_filled_in() -> None:
    assert engine_hindrances(complete()) == []


def test_each_hindrance_names_its_option_and_leads_to_its_field() -> None:
    found = engine_hindrances(complete(network_module="lycoris.kohya", deepspeed=True, min_timestep=-1))
    assert {one.key for one in found} == {"option:network_module", "option:deepspeed", "option:min_timestep"}
    for one in found:
        assert one.text.en.startswith(one.name)
        assert one.name in one.text.ja


def test_another_script_leads_to_the_script() -> None:
    job = complete()
    assert "script" in {one.key for one in engine_hindrances(Job(script="flux_train_network.py", options=job.options))}


def test_what_is_missing_in_any_job_is_not_told_twice() -> None:
    job = new_job(None)
    known = snapshot_for(job.script)
    assert known is not None
    assert {one.name for one in engine_hindrances(job)} >= {"output_dir", "pretrained_model_name_or_path"}
    assert builtin_hindrances(job, known) == []


def test_asking_imports_no_torch() -> None:
    """The window asks at each edit."""
    code = (
        "import sys; from core.job.engine import engine_hindrances; from core.job.new import new_job\n"
        "assert engine_hindrances(new_job(None))\n"
        "bad = {'torch', 'diffusers', 'transformers', 'accelerate', 'PIL', 'PySide6'} & set(sys.modules)\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, check=True, timeout=120)


def test_the_command_runs_caddie_on_the_job_file(tmp_path: Path) -> None:
    file = tmp_path / "猫の job.toml"
    words = builtin_argv(file)
    assert words[1:] == [str(PROJECT_ROOT / "main.py"), "run", str(file), "--engine", "builtin"]
    assert shlex.split(builtin_line(file, "sh")) == words
    assert json.loads(builtin_text(Job(), file, "argv")) == words
    assert f'"{file}"' in builtin_line(file, "bat")
    assert builtin_line(file, "ps1").startswith("& '")
    assert str(file) in builtin_line(file, "ps1")


@pytest.mark.skipif(sys.platform == "win32", reason="sh")
def test_an_exported_script_runs_and_its_exit_code_is_the_trainings(tmp_path: Path) -> None:
    script = tmp_path / "go.sh"
    export_builtin(Job(), tmp_path / "gone 無い.toml", script, "sh")
    text = script.read_text(encoding="utf-8").replace(str(PROJECT_ROOT / "main.py"), str(tmp_path / "main.py"))
    (tmp_path / "main.py").write_text("import sys\nprint(sys.argv[1:])\nsys.exit(7)\n", encoding="utf-8")
    script.write_text(text, encoding="utf-8")
    end = subprocess.run([str(script)], capture_output=True, text=True, encoding="utf-8", check=False, timeout=60)
    assert end.returncode == 7
    assert end.stdout.strip() == str(["run", str(tmp_path / "gone 無い.toml"), "--engine", "builtin"])
