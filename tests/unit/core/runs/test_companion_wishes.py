"""Wishes in a loop laid out as sd-scripts': kept for one step, told as they came out, and never a harm. No torch is needed here."""

from __future__ import annotations

import json
import threading
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.runs import companion_wishes as module
from core.runs.companion_watch import Watch
from core.runs.companion_wishes import Wishes
from core.runs.event_lines import decode_event
from core.runs.events import Warned, Wished
from core.runs.wishes import WishFolder

SYNC = SimpleNamespace(sync_gradients=True)


@pytest.fixture(autouse=True)
def _look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK", 0.01)
    monkeypatch.setattr(module.time, "monotonic", iter(range(10**9)).__next__)


class Training:
    """What sd-scripts does with its arguments around a step, with files that only say what they are."""

    def __init__(self, folder: Path, **args: object) -> None:
        self.folder = folder
        prompts = folder / "prompts.txt"
        prompts.write_text("a cat", encoding="utf-8")
        known = {
            "output_dir": str(folder / "out"),
            "save_every_n_steps": None,
            "save_state": False,
            "sample_prompts": str(prompts),
        }
        self.args = Namespace(**{**known, "sample_every_n_steps": None, "sample_every_n_epochs": None, **args})
        self.asked = WishFolder(folder / "wishes")
        self.stop = folder / "stop.request"
        self.watch = Watch(str(folder / "events"), str(self.stop), __file__)
        self.watch.wishes = self.wishes = Wishes(self.watch)
        self.saves = self.draws = True
        self.steps_per_epoch = 4
        self.gradients: threading.Barrier | None = None
        self.done: list[int] = []
        self.saved: list[tuple[int, bool]] = []
        self.drawn: list[tuple[int | None, int]] = []

    def run(self, steps: int, before: Callable[[int], None] = lambda _: None) -> None:
        args, wishes, global_step = self.args, self.wishes, 0
        while global_step < steps:
            before(global_step)
            self.watch.boundary()
            if self.gradients is not None:
                self.gradients.wait(20)
            wishes.backward(SYNC)
            global_step += 1
            self.watch.step = global_step
            self.done.append(global_step)
            self.sample(None, global_step)
            if self.saves and args.save_every_n_steps is not None and global_step % args.save_every_n_steps == 0:
                wishes.safely(wishes.waits)
                self.save(global_step)
            if global_step % self.steps_per_epoch == 0:
                wishes.safely(wishes.waits)
                self.sample(global_step // self.steps_per_epoch, global_step)
        self.watch.finish("returned")

    def save(self, step: int) -> None:
        out = Path(self.args.output_dir)
        out.mkdir(exist_ok=True)
        (out / f"{step}.safetensors").touch()
        self.wishes.wrote(out / f"{step}.safetensors", "weights")
        if self.args.save_state:
            (out / f"{step}-state").mkdir(exist_ok=True)
            self.wishes.wrote(str(out / f"{step}-state"), "state")
        self.saved.append((step, self.args.save_state))

    def sample(self, epoch: int | None, step: int) -> None:
        args = self.args
        if args.sample_every_n_epochs is not None:
            if epoch is None or epoch % args.sample_every_n_epochs:
                return
        elif args.sample_every_n_steps is None or step % args.sample_every_n_steps or epoch is not None:
            return
        self.drawn.append((epoch, step))
        if self.draws:
            picture = Path(args.output_dir) / "sample" / f"{step}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.touch()
            self.wishes.wrote(str(picture), "sample")

    def told(self) -> list[tuple[str, str, int, str]]:
        return [(e.wish, e.stage, e.step, e.detail) for e in self.events() if isinstance(e, Wished)]

    def events(self) -> list[object]:
        return [decode_event(line) for line in (self.folder / "events").read_text(encoding="utf-8").splitlines()]


def at(step: int, action: Callable[[], object]) -> Callable[[int], None]:
    return lambda done: action() and None if done == step else None


def test_a_save_is_one_save_with_its_state_and_the_rules_are_as_before(tmp_path: Path) -> None:
    training = Training(tmp_path, save_every_n_steps=4)
    training.run(9, at(5, lambda: training.asked.ask("save")))
    assert training.saved == [(4, False), (6, True), (8, False)]
    assert training.told() == [("save", "heard", 6, ""), ("save", "done", 6, "")]
    assert (training.args.save_every_n_steps, training.args.save_state) == (4, False)
    assert not training.asked.wants("save")


def test_a_save_that_is_due_anyway_only_gets_its_state(tmp_path: Path) -> None:
    training = Training(tmp_path, save_every_n_steps=2)
    training.run(4, at(3, lambda: training.asked.ask("save")))
    assert training.saved == [(2, False), (4, True)]


def test_pictures_of_a_wish_keep_those_of_the_epoch(tmp_path: Path) -> None:
    training = Training(tmp_path, sample_every_n_epochs=1)
    training.run(6, at(3, lambda: training.asked.ask("sample")))  # the step that also ends the epoch
    assert training.drawn == [(None, 4), (1, 4)]
    assert training.told() == [("sample", "heard", 4, ""), ("sample", "done", 4, "")]
    assert (training.args.sample_every_n_steps, training.args.sample_every_n_epochs) == (None, 1)


def test_nothing_is_heard_before_the_first_step_and_nothing_is_lost(tmp_path: Path) -> None:
    training = Training(tmp_path)
    training.asked.ask("save")
    training.run(3)
    assert training.saved == [(2, True)]


@pytest.mark.parametrize("name", ["saves", "draws"])
def test_what_the_script_did_not_do_is_never_claimed(tmp_path: Path, name: str) -> None:
    training = Training(tmp_path)
    setattr(training, name, False)
    wish = "save" if name == "saves" else "sample"
    training.run(3, at(1, lambda: training.asked.ask(wish)))
    assert training.told() == [(wish, "heard", 2, ""), (wish, "failed", 2, "not-done")]


@pytest.mark.parametrize(
    ("wish", "args", "why"),
    [
        ("sample", {"sample_prompts": None}, "no-prompts"),
        ("sample", {"sample_prompts": "gone.txt"}, "no-prompts"),
        ("save", {"output_dir": None}, "no-output"),
    ],
)
def test_what_the_script_would_fail_on_is_refused(tmp_path: Path, wish: str, args: dict[str, object], why: str) -> None:
    training = Training(tmp_path, **args)
    training.run(3, at(1, lambda: training.asked.ask(wish)))  # type: ignore[arg-type]
    assert training.done == [1, 2, 3]
    assert training.told() == [(wish, "failed", 2, why)]


def test_a_disk_without_room_is_told_before_the_script_runs_into_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=10 << 20))
    training = Training(tmp_path)
    training.run(3, at(1, lambda: training.asked.ask("save")))
    assert (training.saved, training.told()) == ([], [("save", "failed", 2, "disk-full")])


def test_save_then_stop_ends_after_the_save(tmp_path: Path) -> None:
    training = Training(tmp_path)

    def stop() -> None:
        training.asked.save_at_stop()
        training.stop.touch()

    with pytest.raises(KeyboardInterrupt):
        training.run(9, at(2, stop))
    assert (training.done, training.saved) == ([1, 2, 3], [(3, True)])
    assert training.told() == [("save-then-stop", "heard", 3, ""), ("save-then-stop", "done", 3, "")]


@pytest.mark.parametrize("content", ["", '{"now": true}'])
def test_a_stop_whose_save_failed_is_withdrawn_unless_the_end_is_wanted_now(tmp_path: Path, content: str) -> None:
    training = Training(tmp_path)
    training.saves = False

    def stop() -> None:
        training.asked.save_at_stop()
        training.stop.write_text(content)

    if content:
        with pytest.raises(KeyboardInterrupt):
            training.run(6, at(2, stop))
        assert training.done == [1, 2, 3]
    else:
        training.run(6, at(2, stop))
        assert (len(training.done), training.stop.exists(), training.asked.saves_first) == (6, False, False)
    assert training.told()[-1] == ("save-then-stop", "failed", 3, "not-done")


def test_a_pause_holds_and_a_wish_in_it_is_one_more_step(tmp_path: Path) -> None:
    training = Training(tmp_path)
    asked: list[int] = []

    def sleep(_seconds: float) -> None:
        asked.append(len(training.done))
        if len(asked) == 3:
            training.asked.ask("save")
        elif len(asked) == 6:
            training.asked.pause(on=False)

    training.asked.pause(on=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.time, "sleep", sleep)
        training.run(4)
    assert asked == [1, 1, 1, 2, 2, 2]
    stages = [("pause", "done", 1, ""), ("save", "heard", 2, ""), ("save", "done", 2, ""), ("go-on", "done", 2, "")]
    assert training.told() == stages


def test_a_wish_whose_file_stays_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str) -> None:
        raise PermissionError(13, "denied")

    training = Training(tmp_path)
    monkeypatch.setattr(module.os, "unlink", refuse)
    training.run(5, at(1, lambda: training.asked.ask("save")))
    assert training.saved == [(2, True)]


def test_a_fault_of_its_own_gives_the_arguments_back_and_the_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: Wishes) -> None:
        raise RuntimeError("on purpose")

    training = Training(tmp_path)
    monkeypatch.setattr(Wishes, "settle", broken)
    training.run(5, at(1, lambda: training.asked.ask("save")))
    assert training.done == [1, 2, 3, 4, 5]
    assert (training.args.save_every_n_steps, training.args.save_state) == (None, False)
    told = [event for event in training.events() if isinstance(event, Warned)]
    assert [(event.key, event.detail) for event in told] == [("wishes-failed", "RuntimeError: on purpose")]


def test_several_processes_do_the_same_in_the_same_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    trainings: list[Training] = []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        trainings.append(Training(tmp_path))
    first, second = trainings
    first.gradients = second.gradients = threading.Barrier(2)  # each waits for the other once a step

    def act(done: int) -> None:
        if done == 2:
            first.asked.ask("save")
        elif done == 5:
            first.asked.pause(on=True)
            first.asked.ask("sample")

    real = module.time.sleep
    slept: dict[bool, list[int]] = {True: [], False: []}

    def sleep(seconds: float) -> None:
        is_first = threading.current_thread() is not other
        slept[is_first].append(len((first if is_first else second).done))
        if len(slept[True]) > 20:
            first.asked.pause(on=False)
        real(min(seconds, 0.005))

    other = threading.Thread(target=second.run, args=(10,))
    monkeypatch.setattr(module.time, "sleep", sleep)
    other.start()
    first.run(10, act)
    other.join(20)
    assert first.saved == second.saved == [(4, True)]
    assert first.drawn == second.drawn
    assert len(first.drawn) == 1
    assert first.done == second.done == list(range(1, 11))
    assert {entry[:2] for entry in first.told()} >= {("save", "done"), ("sample", "done"), ("pause", "done"), ("go-on", "done")}
    assert slept[False]
    assert {*slept[True], *slept[False]} <= {6, 7}  # before the step of the sample and after it: never in different steps
    assert json.loads((tmp_path / "wishes" / "agreed").read_text(encoding="utf-8")).keys() <= {str(n) for n in range(1, 13)}


def test_several_machines_hear_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    training = Training(tmp_path)
    assert training.wishes.able({"global_step": 1, "args": training.args}) is None
