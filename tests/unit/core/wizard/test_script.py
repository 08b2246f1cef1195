"""The set-up as a script: run through sh for real, read back by the rules of the other shells."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.cli.main import run
from core.command import cmd, powershell
from core.wizard.plan import Run, steps_of
from core.wizard.script import script_of
from tests.helpers.installations import make_choice, make_index, make_repository


def _commands(choice) -> list[list[str]]:
    steps = steps_of(choice, windows=True)
    return [list(action.argv) for step in steps for action in step.actions if isinstance(action, Run)]


@pytest.fixture
def choice(tmp_path: Path):
    odd = tmp_path / "私の 100% sd & scripts"
    config = tmp_path / "it's a cache" / "default_config.yaml"
    repository = make_repository(tmp_path / "origin")
    return make_choice(odd, repository, make_index(tmp_path / "wheels"), Path(sys.executable), accelerate_config=config)


def test_the_shell_script_fetches_the_source_and_refuses_a_folder_that_holds_something(choice, tmp_path: Path) -> None:
    text = script_of(choice, "sh")
    # The virtual environment and pip are tried by the set-up's own test; here they would only be slow.
    until = text[: text.index("echo '== Make the virtual")] + text[text.index("echo '== Write accelerate") :]
    script = tmp_path / "set up.sh"
    script.write_text(until, encoding="utf-8")
    subprocess.run(["sh", script], check=True, capture_output=True)
    assert (choice.folder / "train_network.py").is_file()
    assert "use_cpu: true" in choice.accelerate_config.read_text(encoding="utf-8")
    again = subprocess.run(["sh", script], check=False, capture_output=True, text=True)
    assert again.returncode == 1
    assert "not empty" in again.stderr


def test_every_command_of_the_batch_file_is_read_back_as_it_was(choice) -> None:
    choice = replace(choice, accelerate_config=None)
    lines = script_of(choice, "bat").splitlines()
    read = [
        cmd.split(line.removesuffix(" || goto failed"))
        for line in lines
        if line.endswith("|| goto failed") and not line.startswith("cd ")
    ]
    assert read == _commands(choice)
    assert script_of(choice, "bat").count("\r\n") == len(lines)


def test_every_command_of_the_powershell_script_is_read_back_as_it_was(choice) -> None:
    lines = script_of(choice, "ps1").splitlines()
    read = [powershell.split(line.removeprefix("& ")) for line in lines if line.startswith("& ")]
    assert read == _commands(choice)


@pytest.mark.parametrize("format", ["sh", "bat", "ps1"])
def test_the_zip_takes_the_place_of_git(choice, format) -> None:
    text = script_of(replace(choice, source="zip"), format)
    assert "git clone" not in text
    assert "archive/main.zip" in text
    if format == "ps1":  # whose errors would be passed over, and the rest be made in another folder
        verbs = ("Set-Location", "Invoke-WebRequest", "Expand-Archive", "Move-Item")
        assert all("-ErrorAction Stop" in line for line in text.splitlines() if line.startswith(verbs))


def test_the_verb_shows_and_exports_and_runs_nothing(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "sd"
    common = ["environment", "create", str(folder), "--python", sys.executable, "--torch", "cpu"]
    assert run([*common, "--dry-run", "--optimizers", "Prodigy"]) == 0
    said = capsys.readouterr().err
    assert "git clone --branch main" in said
    assert "prodigyopt" in said
    assert run([*common, "--export", str(tmp_path / "up.bat")]) == 0
    assert b"git clone" in (tmp_path / "up.bat").read_bytes()
    assert not folder.exists()
    assert run([*common[:3], "--torch", "cu999"]) == 1
    assert "cu999" in capsys.readouterr().err
    assert run([*common[:3], "--undo", "--yes"]) != 0
