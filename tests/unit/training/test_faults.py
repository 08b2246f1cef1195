"""What goes wrong in real trainings: full disks, too little memory while the model is loaded."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import CaddieError
from core.job.store import save_job
from core.runs.events import Event, Sample, Warned
from core.training import __main__ as program
from core.training import prepare
from core.training.header import ModelHash
from tests.helpers.tiny_training import tiny_job, trainer_of


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """Within it no file of this process grows above so many bytes: the system itself refuses, as on a full disk."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_no_room_for_the_weights_leaves_what_was_saved_before(tmp_path: Path) -> None:
    out = tmp_path / "out"
    trainer_of(tiny_job(tmp_path, max_train_steps=1)).run()
    before = _files(out)
    trainer = trainer_of(tiny_job(tmp_path, max_train_steps=2))
    with room_for(2000), pytest.raises(CaddieError, match=r"tiny\.safetensors.*Make room"):
        trainer.run()
    assert _files(out) == before


def test_no_room_for_the_state_leaves_the_state_before(tmp_path: Path) -> None:
    out = tmp_path / "out"
    trainer_of(tiny_job(tmp_path, max_train_steps=1, save_state=True)).run()
    before = _files(out)
    weights = (out / "tiny.safetensors").stat().st_size
    assert weights + 5000 < (out / "tiny-state" / "tensors.pt").stat().st_size
    trainer = trainer_of(tiny_job(tmp_path, max_train_steps=2, save_state=True))
    with room_for(weights + 5000), pytest.raises(CaddieError, match="could not be saved") as caught:
        trainer.run()
    assert "tiny-state" in caught.value.text.ja
    after = _files(out)
    assert after.pop("tiny.safetensors") != before.pop("tiny.safetensors")  # it had room
    assert after == before


def test_no_room_for_a_picture_does_not_end_the_training(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("a circle --w 64 --h 64 --s 2 --d 1", encoding="utf-8")
    events: list[Event] = []
    job = tiny_job(tmp_path, max_train_steps=1, sample_prompts=str(tmp_path / "prompts.txt"), sample_at_first=True)
    with room_for(100), pytest.raises(CaddieError, match="could not be saved"):
        trainer_of(job, events).run()
    assert [event.key for event in events if isinstance(event, Warned)] == ["sample-failed"]
    assert not any(isinstance(event, Sample) for event in events)
    assert _files(tmp_path / "out") == {}


def test_a_model_that_is_moved_away_while_it_trains_does_not_cost_the_lora(tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    model.write_bytes(bytes(range(256)) * 8192)
    hashes = ModelHash(model)
    before = hashes.texts()
    assert before["ss_sd_model_hash"] == hashlib.sha256(model.read_bytes()[0x100000:0x110000]).hexdigest()[:8]
    model.rename(tmp_path / "elsewhere.safetensors")
    assert hashes.texts() == before


def test_no_memory_while_the_model_is_loaded_names_what_would_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_much(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")

    monkeypatch.setattr(prepare, "load_components", too_much)
    monkeypatch.setenv("CADDIE_EVENTS", str(tmp_path / "events.jsonl"))
    monkeypatch.delenv("CADDIE_STOP", raising=False)
    save_job(tiny_job(tmp_path), tmp_path / "job.toml")
    assert program.main([str(tmp_path / "job.toml")]) == 1
    last = json.loads((tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert "gradient_checkpointing" in last["error"]
    assert "Traceback" not in capsys.readouterr().err
