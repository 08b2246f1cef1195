"""What a run has told of wishes, found without reading all of it; and the words for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runs.event_lines import encode_event
from core.runs.events import Event, Started, Step, Wished
from core.runs.folder import RunFolder
from core.runs.wish_words import wish_words
from core.runs.wishes import abilities_of, told_so_far

STARTED = Started(time=1.0, optimizer="torch.optim.AdamW", hears=("save", "pause"))
PAUSED = Wished(time=3.0, step=9, wish="pause", stage="done")


def run_of(folder: Path, events: list[Event], torn: bytes = b"") -> RunFolder:
    lines = "".join(encode_event(event) + "\n" for event in events).encode()
    (folder / "events.jsonl").write_bytes(lines + torn)
    return RunFolder(folder)


def test_beginning_and_end_say_what_can_be_asked_and_what_became_of_it(tmp_path: Path) -> None:
    steps = [Step(time=2.0, step=n, loss=0.5) for n in range(1, 5000)]
    assert told_so_far(run_of(tmp_path, [STARTED, *steps, PAUSED], b'{"event": "wis')) == [STARTED, PAUSED]
    assert told_so_far(run_of(tmp_path, [STARTED, PAUSED])) == [STARTED, PAUSED]
    assert told_so_far(run_of(tmp_path, [])) == []
    assert told_so_far(RunFolder(tmp_path / "gone")) == []


def test_a_script_that_hears_nothing_is_told_from_one_that_has_not_spoken(tmp_path: Path) -> None:
    assert abilities_of(run_of(tmp_path, [Started(time=1.0)])) == ()
    assert abilities_of(run_of(tmp_path, [])) is None
    assert abilities_of(run_of(tmp_path, [STARTED])) == ("save", "pause")


@pytest.mark.parametrize(
    ("wish", "stage", "detail", "en"),
    [
        ("save", "done", "", "Saved at step 9: a.safetensors"),
        ("sample", "failed", "no-prompts", "No sample pictures: the job names no readable file of prompts (sample_prompts)."),
        ("save", "failed", "disk is on fire", "Not saved: disk is on fire."),
        ("something", "new", "", "something: new (step 9)"),
    ],
)
def test_every_answer_has_words_in_both_languages(wish: str, stage: str, detail: str, en: str) -> None:
    said = wish_words(Wished(time=1.0, step=9, wish=wish, stage=stage, path="C:\\out\\a.safetensors", detail=detail))
    assert said.en == en
    assert said.ja
