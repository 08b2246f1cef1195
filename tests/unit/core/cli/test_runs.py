"""`runs`: asked of a run from a terminal, answered by whoever trains."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.cli.main import run as cli
from core.job.model import Job
from core.job.store import save_job
from core.runs.folder import RunFolder, make_run_folder
from core.runs.outcome import Ending
from tests.helpers.guided import Guided


@pytest.fixture
def training() -> Iterator[Guided]:
    made = Guided()
    yield made
    made.over.set()
    if made.thread is not None:
        made.thread.join(10)


def test_what_is_under_way_is_listed(training: Guided, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["runs"]) == 0
    assert training.folder.path.name in capsys.readouterr().out
    training.folder.wishes.pause(on=True)
    assert cli(["runs", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["state"], listed["paused"], listed["hears"]) == ("running", True, ["save", "pause"])


@pytest.mark.parametrize(("detail", "said"), [("", "Saved at step 7: a"), ("disk-full", "no room")])
def test_a_save_waits_for_its_answer(training: Guided, capsys: pytest.CaptureFixture[str], detail: str, said: str) -> None:
    training.says("save", "done", path="/old")  # of an earlier wish: not the answer

    def act() -> bool:
        if not training.folder.wishes.take("save"):
            return False
        training.says("save", "heard")
        training.says("save", "failed" if detail else "done", path="/x/a", detail=detail)
        return True

    training.answer(act)
    assert cli(["runs", "save"]) == bool(detail)
    told = capsys.readouterr().err
    assert said in told
    assert "/old" not in told


def test_pause_and_go_on_by_name(training: Guided) -> None:
    folder = training.folder
    assert cli(["runs", "pause", "guided", "--no-wait"]) == 0
    assert folder.wishes.paused
    training.answer(lambda: not folder.wishes.paused and (training.says("go-on", "done") or True))
    assert cli(["runs", "go-on", folder.path.name[:15]]) == 0


def test_what_it_cannot_hear_is_refused(training: Guided, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["runs", "sample"]) == 1
    assert "save, pause" in capsys.readouterr().err
    assert not training.folder.wishes.wants("sample")


def test_a_stop_with_a_save_ends_or_is_taken_back(training: Guided, capsys: pytest.CaptureFixture[str]) -> None:
    folder = training.folder

    def refuse() -> bool:
        if not folder.stop_requested():
            return False
        assert folder.wishes.saves_first
        folder.stop_file.unlink()
        training.says("save-then-stop", "failed", detail="not-done")
        return True

    training.answer(refuse)
    assert cli(["runs", "stop", "--save"]) == 1
    assert "the training goes on" in capsys.readouterr().err
    assert training.thread is not None
    training.thread.join(10)

    def obey() -> bool:
        if folder.stop_requested():
            training.says("save-then-stop", "done", path="/x/a.safetensors")
            training.end()
        return folder.stop_requested()

    training.answer(obey)
    assert cli(["runs", "stop", "--save"]) == 0
    assert "a.safetensors" in capsys.readouterr().err
    assert cli(["runs", "save", folder.path.name]) == 1
    assert "is over" in capsys.readouterr().err


@pytest.mark.parametrize(("companion", "said"), [(False, "companion is switched off"), (True, "first step")])
def test_nobody_hears_without_the_companion_or_before_the_first_step(
    companion: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Guided(companion=companion, started=False)
    assert cli(["runs", "save"]) == 1
    assert said in capsys.readouterr().err


def test_names_that_fit_none_or_several_are_told(training: Guided, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["runs", "save", "nothing"]) == 1
    other = Guided()
    assert cli(["runs", "save"]) == 1
    said = capsys.readouterr().err
    assert training.folder.path.name in said
    assert other.folder.path.name in said
    other.end()
    assert RunFolder(other.folder.path).state() is Ending.STOPPED


def test_attach_shows_the_end_of_what_is_over(training: Guided, capsys: pytest.CaptureFixture[str]) -> None:
    training.end(Ending.FINISHED)
    assert cli(["runs", "attach", "guided"]) == 0
    assert "It is over." in capsys.readouterr().err


def test_leaving_an_attached_run_does_not_stop_it(training: Guided, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.cli import watch

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch, "time", replace_sleep(interrupt))
    assert cli(["runs", "attach"]) == 0
    assert not training.folder.stop_requested()
    assert training.folder.state() is Ending.RUNNING


def replace_sleep(sleep: Callable[[float], None]) -> object:
    return type("Time", (), {"sleep": staticmethod(sleep)})


def test_the_built_in_trainer_hears_from_its_beginning(tmp_path: Path) -> None:
    from core.runs.wishes import abilities_of

    folder = make_run_folder("builtin", tmp_path)
    save_job(replace(Job(engine="builtin"), options={"sample_prompts": "p.txt"}), folder.job_file)
    assert abilities_of(folder) == ("save", "sample", "pause")
