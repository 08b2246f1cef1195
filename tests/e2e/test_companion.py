"""The companion in real trainings of the stand-in script: it sees what happens, and changes nothing."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.runs.event_lines import decode_event, encode_event
from core.runs.events import Event, Finished, Saved, Started, Step, Validated, Warned
from core.runs.folder import RunFolder
from core.runs.follow import Follower
from core.runs.launch import COMPANION
from core.runs.outcome import Ending
from tests.helpers.runs import DEMO, follow_to_end, log_of, start, wait_for_end, wait_until

for package in ("torch", "accelerate", "safetensors", "tqdm", "prodigyopt", "schedulefree"):
    pytest.importorskip(package)

pytestmark = pytest.mark.slow

SCRIPT = str(DEMO / "train_network.py")


def arguments(output: Path, optimizer: str, lr: float, steps: int, *more: str) -> list[str]:
    said = [SCRIPT, "--optimizer_type", optimizer, "--learning_rate", str(lr), "--max_train_steps", str(steps)]
    said += ["--train_batch_size", "4", "--network_dim", "8", "--network_alpha", "8", "--seed", "1"]
    return [*said, "--output_dir", str(output), "--output_name", "lora", *more]


def run_directly(argv: Sequence[str], events: str | Path | None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a script without the run machinery, with the companion where `events` is given."""
    command = [sys.executable, *([] if events is None else [str(COMPANION)]), *argv]
    variables = {**os.environ, "PYTHONUTF8": "1", **environment}
    if events is not None:
        variables["CADDIE_EVENTS"] = str(events)
    return subprocess.run(command, env=variables, capture_output=True, text=True, encoding="utf-8", check=False)


def read(path: Path) -> list[Event]:
    found = [decode_event(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert None not in found
    return [event for event in found if event is not None]


def steps_of(events: Sequence[Event]) -> list[Step]:
    return [event for event in events if isinstance(event, Step)]


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (file,) = folder.rglob("events.out.tfevents.*")
    accumulator = EventAccumulator(str(file), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {tag: {p.step: p.value for p in accumulator.Scalars(tag)} for tag in accumulator.Tags()["scalars"]}


def weights_of(folder: Path) -> dict[str, bytes]:
    """The bytes of every tensor. The file's header is no use: its keys come in any order."""
    from safetensors.numpy import load_file

    return {name: array.tobytes() for name, array in load_file(folder / "lora.safetensors").items()}


def test_events_say_what_tensorboard_says_one_step_later_and_the_loss_falls(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    argv = arguments(tmp_path / "out", "prodigy", 1.0, 150, "--logging_dir", str(logs))
    run = start(argv, companion=True, output_dir=tmp_path / "out", logging_dir=logs)
    events, text, update = follow_to_end(Follower(run))
    assert update.ending is Ending.FINISHED, log_of(run)
    assert isinstance(events[0], Started)
    assert (events[0].optimizer, events[0].total_steps) == ("prodigyopt.prodigy.Prodigy", 150)
    assert [type(event) for event in events[-2:]] == [Saved, Finished]
    steps = steps_of(events)
    assert [step.step for step in steps] == list(range(1, 151))
    assert [group.name for group in steps[0].groups] == ["textencoder", "unet"]
    board = scalars(logs)
    assert {step.step: step.loss for step in steps} == pytest.approx(board["loss/current"], rel=1e-7)
    for index, name in enumerate(("textencoder", "unet")):
        used = {step.step: step.groups[index].d_lr for step in steps if step.step > 1}
        shown = {x + 1: value for x, value in board[f"lr/d*lr/{name}"].items() if x < 150}
        assert used == pytest.approx(shown, rel=1e-6)
    assert steps[0].groups[1].d_lr == 1e-6
    last = steps[-1].groups[1].d_lr
    assert last is not None
    assert last > 1e-4
    assert sum(step.loss or 0 for step in steps[-10:]) < 0.8 * sum(step.loss or 0 for step in steps[:10])
    assert "steps:" not in text
    assert update.progress is not None
    assert (update.progress.step, update.progress.total) == (150, 150)


@pytest.mark.parametrize(
    "more",
    [("--gradient_accumulation_steps", "2"), ("--max_grad_norm", "0", "--lr_scheduler", "cosine", "--lr_warmup_steps", "3")],
)
def test_weights_are_bit_identical_with_and_without(tmp_path: Path, more: tuple[str, ...]) -> None:
    plain = run_directly(arguments(tmp_path / "plain", "AdamW", 1e-3, 12, *more), None)
    watched = run_directly(arguments(tmp_path / "watched", "AdamW", 1e-3, 12, *more), tmp_path / "events.jsonl")
    assert plain.returncode == watched.returncode == 0, watched.stderr
    assert weights_of(tmp_path / "plain") == weights_of(tmp_path / "watched")
    steps = steps_of(read(tmp_path / "events.jsonl"))
    assert [step.step for step in steps] == list(range(1, 13))
    assert all(step.grad_norm and step.grad_norm > 0 for step in steps)
    assert all(step.seconds and step.memory for step in steps[1:])


def test_accumulated_micro_batches_are_one_step_with_their_mean(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    more = ("--gradient_accumulation_steps", "2", "--logging_dir", str(logs))
    assert run_directly(arguments(tmp_path, "AdamW", 1e-3, 6, *more), tmp_path / "e").returncode == 0
    from core.runs.tensorboard_reader import EventFiles, Merger

    merger = Merger()
    merger.add(EventFiles(logs, 0.0, set).read())
    seen_outside = merger.take(last=True)
    seen_inside = steps_of(read(tmp_path / "e"))
    assert [step.step for step in seen_inside] == [step.step for step in seen_outside] == [1, 2, 3, 4, 5, 6]
    assert [step.loss for step in seen_inside] == pytest.approx([step.loss for step in seen_outside], rel=1e-6)


def test_without_the_companion_the_same_steps_come_from_tensorboard(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    argv = arguments(tmp_path / "out", "prodigy", 1.0, 20, "--logging_dir", str(logs))
    run = start(argv, companion=False, output_dir=tmp_path / "out", logging_dir=logs)
    events, _, update = follow_to_end(Follower(run))
    assert update.ending is Ending.FINISHED
    assert isinstance(events[0], Started)
    assert events[0].source == "tensorboard"
    steps = steps_of(events)
    assert [step.step for step in steps] == list(range(1, 21))
    assert {step.step: step.loss for step in steps} == pytest.approx(scalars(logs)["loss/current"])
    assert steps[5].groups[1].d_lr == pytest.approx(scalars(logs)["lr/d*lr/unet"][5])


def test_a_full_disk_for_the_events_does_not_touch_the_training(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    result = run_directly(arguments(tmp_path, "AdamW", 1e-3, 3), "/dev/full")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "lora.safetensors").exists()


def test_stop_ends_at_the_next_step(tmp_path: Path) -> None:
    run = start(arguments(tmp_path, "AdamW", 1e-3, 1_000_000), companion=True, output_dir=tmp_path)
    wait_until(lambda: b'"step": 5,' in _bytes(run), "step 5")
    run.request_stop()
    outcome = wait_for_end(run)
    assert outcome.ending is Ending.STOPPED
    events = read(run.events_file)
    assert isinstance(events[-1], Finished)
    assert events[-1].how == "stopped"
    assert events[-1].step == steps_of(events)[-1].step == outcome.steps
    assert "CalledProcessError" not in log_of(run)


def _bytes(run: RunFolder) -> bytes:
    return run.events_file.read_bytes() if run.events_file.exists() else b""


def test_a_resumed_run_goes_on_counting(tmp_path: Path) -> None:
    assert run_directly(arguments(tmp_path, "AdamW", 1e-3, 10, "--initial_step", "7"), tmp_path / "e").returncode == 0
    events = read(tmp_path / "e")
    assert [step.step for step in steps_of(events)] == [8, 9, 10]
    assert isinstance(events[0], Started)
    assert events[0].total_steps == 10


def test_nan_is_warned_of_once_and_judged(tmp_path: Path) -> None:
    run = start(arguments(tmp_path, "AdamW", 1e36, 8), companion=True, output_dir=tmp_path)
    outcome = wait_for_end(run)
    events = read(run.events_file)
    warned = [event for event in events if isinstance(event, Warned)]
    assert [event.key for event in warned] == ["nan-loss"]
    first = next(step for step in steps_of(events) if step.loss is not None and math.isnan(step.loss))
    assert warned[0].step == first.step
    assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, 0)
    assert outcome.advice is not None


def test_wrong_arguments_are_the_scripts_own_error(tmp_path: Path) -> None:
    run = start([SCRIPT, "--no_such_option", "1"], companion=True)
    outcome = wait_for_end(run)
    assert outcome.exit_code == 2
    assert "unrecognized arguments: --no_such_option 1" in outcome.error
    assert outcome.explanation is not None
    assert isinstance(read(run.events_file)[-1], Finished)


TORCH_ONLY = """
import sys, torch
weight = torch.nn.Parameter(torch.ones(4))
inner = torch.optim.SGD([weight], lr=0.1)
class Weird(dict):
    pass
for step in range(int(sys.argv[1])):
    if len(sys.argv) > 2 and step == 2:
        class Broken:
            def detach(self): raise RuntimeError("broken on purpose")
            def numel(self): return 1
        inner.param_groups[0]["d"] = Broken()
    (weight * step).sum().backward()
    inner.step()
    inner.zero_grad()
print("weights", weight.tolist())
"""


def test_a_script_without_accelerate_is_counted_too(tmp_path: Path) -> None:
    script = tmp_path / "loop.py"
    script.write_text(TORCH_ONLY, "utf-8")
    result = run_directly([str(script), "4"], tmp_path / "e")
    assert result.returncode == 0, result.stderr
    events = read(tmp_path / "e")
    assert [(step.step, step.loss, step.groups[0].name) for step in steps_of(events)] == [
        (n, None, "group0") for n in range(1, 5)
    ]


def test_events_that_cannot_be_written_do_not_keep_the_script_from_running(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("print('it ran')", encoding="utf-8")
    done = run_directly([str(script)], tmp_path / "no such folder" / "events.jsonl")
    assert (done.returncode, done.stdout) == (0, "it ran\n")
    assert "No metrics" in done.stderr


def test_a_line_that_a_full_disk_cut_does_not_spoil_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.runs import companion as module

    events = tmp_path / "events.jsonl"
    watch = module.Watch(str(events), None, SCRIPT)
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", lambda file, data: write(file, data[:20]))
        watch.write("step", step=1)
    watch.finish("returned")
    os.close(watch.file)
    found = [decode_event(line) for line in events.read_text(encoding="utf-8").splitlines()]
    assert found[0] is None
    assert isinstance(found[1], Finished)


def test_a_fault_in_the_companion_is_told_and_harms_nothing(tmp_path: Path) -> None:
    script = tmp_path / "loop.py"
    script.write_text(TORCH_ONLY, "utf-8")
    plain, watched = run_directly([str(script), "5", "x"], None), run_directly([str(script), "5", "x"], tmp_path / "e")
    assert (plain.returncode, watched.returncode) == (0, 0)
    assert plain.stdout == watched.stdout
    events = read(tmp_path / "e")
    assert [step.step for step in steps_of(events)] == [1, 2]
    failed = next(event for event in events if isinstance(event, Warned))
    assert failed.key == "companion-failed"
    assert "broken on purpose" in failed.detail
    assert isinstance(events[-1], Finished)
    assert events[-1].how == "returned"


SPAWNING = """
import multiprocessing, os, sys
def work(number):
    return number * 2, __name__, sys.argv[1]
if __name__ == "__main__":
    import torch
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(work, [1, 2]))
    print(sys.argv, os.path.basename(sys.path[0]), __file__ == os.path.abspath(sys.argv[0]))
"""


def test_spawned_workers_run_the_script_not_the_companion(tmp_path: Path) -> None:
    folder = tmp_path / "checkout"
    folder.mkdir()
    script = folder / "spawns.py"
    script.write_text(SPAWNING, "utf-8")
    result = run_directly([str(script), "argument"], tmp_path / "e")
    assert result.returncode == 0, result.stderr
    assert "[(2, '__mp_main__', 'argument'), (4, '__mp_main__', 'argument')]" in result.stdout
    assert f"[{str(script)!r}, 'argument'] checkout True" in result.stdout
    assert [type(event) for event in read(tmp_path / "e")] == [Finished]


def test_only_the_first_process_of_several_writes(tmp_path: Path) -> None:
    result = run_directly(arguments(tmp_path, "AdamW", 1e-3, 2), tmp_path / "e", RANK="1")
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "e").exists()


def test_companion_and_core_write_the_same_lines(tmp_path: Path) -> None:
    run_directly(arguments(tmp_path, "prodigy", 1.0, 3, "--save_every_n_steps", "2"), tmp_path / "e")
    lines = (tmp_path / "e").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["event"] for line in lines} == {"started", "step", "saved", "finished"}
    for line in lines:
        event = decode_event(line)
        assert event is not None
        ours = json.loads(encode_event(event))
        theirs = json.loads(line)
        assert {key: value for key, value in ours.items() if value != ""} == {k: v for k, v in theirs.items() if v != ""}


VALIDATING = """
import torch
from accelerate import Accelerator

class LossRecorder:  # as sd-scripts' own, whose average is over all validations of the first epoch
    def __init__(self):
        self.loss_list, self.loss_total = [], 0.0
    def add(self, *, epoch, step, loss):
        self.loss_list.append(loss)
        self.loss_total += loss
    @property
    def moving_average(self):
        return self.loss_total / len(self.loss_list)

def train():
    accelerator = Accelerator(cpu=True)
    model = torch.nn.Linear(2, 1)
    optimizer = accelerator.prepare(torch.optim.SGD(model.parameters(), lr=0.1))
    loss_recorder, val_step_loss_recorder, val_epoch_loss_recorder = LossRecorder(), LossRecorder(), LossRecorder()
    global_step = 0
    for losses in ((), (1.0, 2.0), (3.0, float("nan")), (), (5.0,)):
        with accelerator.accumulate(model):
            loss = model(torch.ones(1, 2)).square().mean()
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
        global_step += 1
        loss_recorder.add(epoch=0, step=global_step, loss=loss.item())
        for number, value in enumerate(losses):
            val_step_loss_recorder.add(epoch=0, step=number, loss=value)
    val_epoch_loss_recorder.add(epoch=0, step=0, loss=7.0)
    END

train()
"""


@pytest.mark.parametrize(("end", "last"), [("pass", [(5, 7.0)]), ("raise SystemExit(3)", [])])
def test_a_validation_is_told_at_its_step_once_it_is_whole(tmp_path: Path, end: str, last: list[tuple[int, float]]) -> None:
    script = tmp_path / "train.py"
    script.write_text(VALIDATING.replace("END", end), encoding="utf-8")
    done = run_directly([str(script)], tmp_path / "events.jsonl")
    assert done.returncode == (0 if end == "pass" else 3), done.stderr
    events = read(tmp_path / "events.jsonl")
    assert len(steps_of(events)) == 5
    assert not [event for event in events if isinstance(event, Warned)]
    told = [(event.step, event.loss) for event in events if isinstance(event, Validated)]
    assert told[0] == (2, 1.5)  # of this validation alone
    assert told[1][0] == 3
    assert math.isnan(told[1][1])
    assert told[2:] == last
    order = [event.step for event in events if isinstance(event, Step | Validated)]
    assert order == sorted(order)
