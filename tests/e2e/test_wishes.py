"""Save, sample, pause and save-then-stop in real trainings of the stand-in for sd-scripts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.runs.events import Event, Finished, Saved, Started, Wished
from core.runs.folder import RunFolder
from core.runs.outcome import Ending
from tests.e2e.test_companion import SCRIPT, arguments, read, run_directly, steps_of, weights_of
from tests.helpers.runs import living, log_of, start, wait_for_end, wait_until

for package in ("torch", "accelerate", "safetensors", "tqdm", "PIL"):
    pytest.importorskip(package)

pytestmark = pytest.mark.slow


def events_of(run: RunFolder) -> list[Event]:
    return read(run.events_file) if run.events_file.exists() else []


def wait_for(run: RunFolder, wish: str, stage: str, *, count: int = 1) -> Wished:
    """Waits for the word that becomes of a wish."""

    def found() -> list[Wished]:
        return [e for e in whole_lines(run) if isinstance(e, Wished) and (e.wish, e.stage) == (wish, stage)]

    wait_until(lambda: len(found()) >= count or run.outcome() is not None, f"{wish} {stage}; log: {log_of(run)[-3000:]}")
    assert len(found()) >= count, log_of(run)
    return found()[count - 1]


def whole_lines(run: RunFolder) -> list[Event]:
    from core.runs.event_lines import decode_event

    data = run.events_file.read_bytes() if run.events_file.exists() else b""
    found = [decode_event(line) for line in data.split(b"\n")[:-1]]
    return [event for event in found if event is not None]


def last_step(run: RunFolder) -> int:
    steps = steps_of(whole_lines(run))
    return steps[-1].step if steps else 0


def prompts(folder: Path) -> Path:
    file = folder / "prompts.txt"
    file.write_text("a cat\na dog\na tree\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_is_guided_to_a_save_and_an_end_and_goes_on_from_there(tmp_path: Path, processes: int) -> None:
    out = tmp_path / "out"
    argv = arguments(out, "AdamW", 1e-3, 1_000_000, "--sample_prompts", str(prompts(tmp_path)))
    if processes == 1:
        run = start(argv, companion=True, output_dir=out)
    else:
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
        run = start(argv, companion=True, output_dir=out, environment={"OMP_NUM_THREADS": "1"}, launcher=launcher)
    wait_until(lambda: last_step(run) > 3, f"step 3; {log_of(run)[-2000:]}")
    (started,) = (event for event in whole_lines(run) if isinstance(event, Started))
    assert started.hears == ("save", "sample", "pause")

    run.wishes.ask("save")
    run.wishes.ask("sample")
    saved, drawn = wait_for(run, "save", "done"), wait_for(run, "sample", "done")
    assert Path(saved.path).name == f"lora-step{saved.step:08d}.safetensors"
    assert (out / f"lora-step{saved.step:08d}-state" / "train_state.json").is_file()
    assert len(list((out / "sample").glob(f"lora_{drawn.step:06d}_*.png"))) == 3

    run.wishes.pause(on=True)
    held = wait_for(run, "pause", "done")
    run.wishes.ask("save")
    again = wait_for(run, "save", "done", count=2)
    assert again.step == held.step + 1  # during a pause a wish is one more step
    assert len(list(out.glob("*-state"))) == 2
    wait_until(lambda: last_step(run) == again.step, "the event of that step")
    run.wishes.pause(on=False)
    wait_for(run, "go-on", "done")
    wait_until(lambda: last_step(run) > again.step + 2, "further steps")

    run.wishes.save_at_stop()
    run.request_stop()
    outcome = wait_for_end(run)
    last = wait_for(run, "save-then-stop", "done")
    assert (outcome.ending, outcome.steps) == (Ending.STOPPED, last.step)
    assert last.path in outcome.files
    assert living(run) == []
    assert len([e for e in events_of(run) if isinstance(e, Saved) and e.kind == "weights"]) == 3  # nothing but what was asked

    if processes > 1:
        return  # the state is the first process' own, as with one
    state = out / f"lora-step{last.step:08d}-state"
    more = ("--resume", str(state), "--save_every_n_steps", "1")
    done = run_directly(arguments(tmp_path / "on", "AdamW", 1e-3, last.step + 2, *more), tmp_path / "e")
    assert done.returncode == 0, done.stderr
    assert [step.step for step in steps_of(read(tmp_path / "e"))] == [last.step + 1, last.step + 2]


def test_saving_and_drawing_change_no_number_of_the_training(tmp_path: Path) -> None:
    events, wishes = tmp_path / "run" / "events.jsonl", tmp_path / "run" / "wishes"
    wishes.mkdir(parents=True)
    (wishes / "save").touch()
    (wishes / "sample").touch()
    more = ("--sample_prompts", str(prompts(tmp_path)), "--gradient_accumulation_steps", "2")
    plain = run_directly(arguments(tmp_path / "plain", "AdamW", 1e-3, 12, *more), None)
    stop = str(tmp_path / "run" / "stop.request")
    wished = run_directly(arguments(tmp_path / "wished", "AdamW", 1e-3, 12, *more), events, CADDIE_STOP=stop)
    assert plain.returncode == wished.returncode == 0, wished.stderr
    assert weights_of(tmp_path / "plain") == weights_of(tmp_path / "wished")
    told = [(e.wish, e.stage, e.step) for e in read(events) if isinstance(e, Wished)]
    assert told == [("save", "heard", 2), ("sample", "heard", 2), ("save", "done", 2), ("sample", "done", 2)]
    assert sorted(path.name for path in (tmp_path / "wished").glob("*.safetensors")) == [
        "lora-step00000002.safetensors",
        "lora.safetensors",
    ]


def test_a_script_that_does_not_save_is_not_stopped_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_STOP_TIMES", "20,0.5,0.5,0.3,1")  # a second for the save
    script = tmp_path / "train_network.py"
    source = Path(SCRIPT).read_text(encoding="utf-8")
    assert "args.save_every_n_steps is not None and global_step" in source
    script.write_text(source.replace("args.save_every_n_steps is not None and global_step", "False and global_step"), "utf-8")
    argv = [str(script), *arguments(tmp_path / "out", "AdamW", 1e-3, 1_000_000)[1:]]
    run = start(argv, companion=True, output_dir=tmp_path / "out")
    wait_until(lambda: last_step(run) > 3, f"step 3; {log_of(run)[-2000:]}")
    run.wishes.save_at_stop()
    run.request_stop()
    failed = wait_for(run, "save-then-stop", "failed")
    assert failed.detail == "not-done"
    assert not run.stop_requested()
    time.sleep(1.5)  # longer than it was given
    here = last_step(run)
    wait_until(lambda: last_step(run) > max(here, failed.step) + 5, "further steps")
    run.request_stop()
    outcome = wait_for_end(run)
    assert outcome.ending is Ending.STOPPED
    assert outcome.steps > failed.step
    assert isinstance(events_of(run)[-1], Finished)
