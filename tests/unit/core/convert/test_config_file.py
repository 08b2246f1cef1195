"""The file behind --config_file of a command: merged in the order of sd-scripts, and told where it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.catalogue.loader import load_catalogue
from core.convert.read import read_file
from core.convert.report import Imported, Outcome

CATALOGUE = load_catalogue()
CONFIG = """
learning_rate = 0.5
brand_new = 1
config_file = "other.toml"
[network]
network_module = "networks.lora"
network_dim = 16
"""
SCRIPTS = {
    "train.bat": "@echo off\r\nset DIR=%~dp0\r\naccelerate launch train_network.py ^\r\n --config_file=my.toml --learning_rate 0.1 --seed 3\r\n",
    "train.sh": "accelerate launch train_network.py \\\n --config_file my --learning_rate 0.1 --seed 3\n",
    "train.ps1": "accelerate launch train_network.py `\n --config_file my.toml --learning_rate 0.1 --seed 3\n",
}


def outcomes(found: Imported) -> dict[str, Outcome]:
    return {entry.key: entry.outcome for entry in found.report.entries}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_command_line_wins_over_the_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "my.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / name).write_text(SCRIPTS[name], encoding="utf-8")
    found = read_file(tmp_path / name, CATALOGUE)
    assert dict(found.job.options) == {
        "learning_rate": 0.1,
        "seed": 3,
        "brand_new": 1,
        "network_module": "networks.lora",
        "network_dim": 16,
    }
    told = outcomes(found)
    assert told["my.toml: learning_rate"] is Outcome.UNSET
    assert told["my.toml: brand_new"] is Outcome.UNKNOWN
    assert told["my.toml: network_dim"] is Outcome.TAKEN
    assert told["config_file"] is Outcome.TRANSLATED


def test_an_absolute_path_is_followed(tmp_path: Path) -> None:
    config = tmp_path / "elsewhere" / "my.toml"
    config.parent.mkdir()
    config.write_text("network_dim = 4\n", encoding="utf-8")
    script = tmp_path / "train.sh"
    script.write_text(f"python train_network.py --config_file '{config}'\n", encoding="utf-8")
    assert dict(read_file(script, CATALOGUE).job.options) == {"network_dim": 4}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("= 3", "not TOML"),
        ("[[datasets]]\nresolution = 512\n[[datasets.subsets]]\nimage_dir='a'\n", "dataset"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_option_stays(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "my.toml").write_text(content, encoding="utf-8")
    script = tmp_path / "train.sh"
    script.write_text(SCRIPTS["train.sh"], encoding="utf-8")
    found = read_file(script, CATALOGUE)
    assert found.job.options["config_file"] == "my"
    assert any("my.toml" in note.en and words in note.en for note in found.report.notes)
