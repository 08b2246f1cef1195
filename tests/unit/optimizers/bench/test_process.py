"""The whole way: the verb, the measuring process, the table and the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli.main import run


def test_the_verb_measures_draws_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("CADDIE_LANGUAGE", "en")
    kept = tmp_path / "figures.json"
    words = ["--set", "sd15-tiny", "--optimizers", "SGDNesterov", "--rounds", "2", "--json", str(kept)]
    assert run(["bench", "optimizers", *words]) == 0
    said = capsys.readouterr()
    assert "SGDNesterov fused" in said.out
    assert "1/2  SGDNesterov" in said.err
    document = json.loads(kept.read_text(encoding="utf-8"))
    plain, fused = document["rows"]
    assert document["format"] == 1
    assert document["start"]["tensors"] == 528
    assert document["start"]["clock"] == "process"
    assert document["start"]["bandwidth"] > 0
    assert (plain["variant"], fused["variant"]) == ("", "fused")
    assert plain["reference"]["status"] == fused["reference"]["status"] == "measured"
    assert plain["reference"]["rounds"] == 2
    assert plain["reference"]["ops"] == 4 * 528  # momentum, gradient, nesterov's mixture, step
    assert plain["reference"]["state_bytes"] == 4 * document["start"]["parameters"]
    assert "ours" not in plain


def test_a_name_that_nobody_has_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("CADDIE_LANGUAGE", "en")
    assert run(["bench", "optimizers", "--optimizers", "Prodgy"]) == 1
    assert "Did you mean Prodigy?" in capsys.readouterr().err
