"""States on the disk: whole or not there, and never run as code."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import CaddieError
from core.training import state
from core.training.state import Place, load_place, load_tensors, save_state

PLACE = Place(step=7, epoch=1, batch=3, seed=2**40)
PARTS = {"network": {"w": torch.arange(6.0).reshape(2, 3)}, "optimizer": {"state": {0: {"step": 7, "m": torch.ones(2)}}}}


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "出力 フォルダー" / "lora-state"
    save_state(folder, PLACE, PARTS)
    assert load_place(folder) == PLACE
    loaded = load_tensors(folder)
    assert torch.equal(loaded["network"]["w"], PARTS["network"]["w"])
    assert loaded["optimizer"]["state"][0]["step"] == 7
    assert [path.name for path in folder.parent.iterdir()] == ["lora-state"], "nothing else is left"


def test_a_state_replaces_the_one_before(tmp_path: Path) -> None:
    save_state(tmp_path / "s", PLACE, PARTS)
    save_state(tmp_path / "s", Place(step=8), {"network": {}})
    assert load_place(tmp_path / "s").step == 8
    assert load_tensors(tmp_path / "s") == {"network": {}}
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_full_disk_leaves_the_state_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_state(tmp_path / "s", PLACE, PARTS)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_state(tmp_path / "s", Place(step=8), PARTS)
    monkeypatch.undo()
    assert load_place(tmp_path / "s") == PLACE
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_state_cut_short_is_said_to_be_damaged(tmp_path: Path) -> None:
    save_state(tmp_path / "s", PLACE, PARTS)
    file = tmp_path / "s" / state.TENSORS_FILE
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(CaddieError, match="damaged"):
        load_tensors(tmp_path / "s")


class _Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def test_a_state_is_never_run_as_code(tmp_path: Path) -> None:
    save_state(tmp_path / "s", PLACE, PARTS)
    marker = tmp_path / "executed"
    for write in (lambda path: torch.save(_Bomb(marker), path), lambda path: path.write_bytes(pickle.dumps(_Bomb(marker)))):
        write(tmp_path / "s" / state.TENSORS_FILE)
        with pytest.raises(CaddieError, match="damaged"):
            load_tensors(tmp_path / "s")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no state"),
        ({"train_state.json": "{}"}, "sd-scripts"),
        ({state.PLACE_FILE: "{"}, "damaged"),
        ({state.PLACE_FILE: '{"version": 1, "step": 1}'}, "damaged"),
        ({state.PLACE_FILE: '{"version": 99, "step": 1, "epoch": 0, "batch": 0, "seed": 0}'}, "newer"),
    ],
)
def test_what_is_no_state_of_ours_is_refused(tmp_path: Path, files: dict[str, str], words: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(CaddieError, match=words):
        load_place(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaddieError, match="nowhere"):
        load_place(tmp_path / "nowhere")
