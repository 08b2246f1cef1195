"""Runs that were made elsewhere."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest

from core.catalogue.loader import load_catalogue
from core.cli.main import run
from core.errors import CaddieError
from core.history.imports import import_runs
from core.history.index import list_history
from core.history.notes import write_notes
from core.job.store import load_job
from core.metrics.reading import read_metrics
from core.metrics.run_metrics import Quantity, SeriesKey
from core.runs.folder import RunFolder
from core.runs.outcome import Ending
from tests.helpers.histories import NOON, make_run

STARTED = 1_760_000_000.0


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def write_lora(path: Path, *, steps: int = 100, total: int = 100, session: str = "1", **facts: str) -> Path:
    """A file with sd-scripts' header and no weights."""
    texts = {
        "ss_output_name": "cat",
        "ss_session_id": session,
        "ss_training_started_at": str(STARTED),
        "ss_training_finished_at": str(STARTED + 600),
        "ss_steps": str(steps),
        "ss_max_train_steps": str(total),
        "ss_optimizer": "prodigyopt.prodigy.Prodigy(d_coef=0.8,betas=(0.9, 0.99))",
        "ss_learning_rate": "1.0",
        "ss_lr_scheduler": "cosine",
        "ss_seed": "42",
        "ss_network_dim": "16",
        **facts,
    }
    head = json.dumps({"__metadata__": texts}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(head)) + head)
    return path


def write_board(folder: Path, losses: list[float], first: int = 1, *, rate: str = "lr/unet") -> Path:
    """An event file by the real writer, with sd-scripts' tags."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    before = set(folder.glob("*")) if folder.exists() else set()
    writer = EventFileWriter(str(folder))
    for step, loss in enumerate(losses, first):
        for tag, value in (("loss/current", loss), ("loss/average", loss), (rate, 1e-4), ("lr/group0", 1e-4)):
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            writer.add_event(Event(wall_time=STARTED + step, step=step, summary=summary))
    writer.close()
    (made,) = set(folder.glob("*")) - before
    return made


def test_a_lora_becomes_a_run_with_its_settings(tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "cat.safetensors")
    (imported,) = import_runs(lora, load_catalogue())
    (record,) = list_history().records
    assert (record.source, record.origin, record.name) == ("lora", str(lora), "cat")
    assert (record.optimizer, record.arguments) == ("prodigy", ("d_coef=0.8", "betas=(0.9, 0.99)"))
    assert (record.rate, record.scheduler, record.seed) == (1.0, "cosine", 42)
    assert (record.ending, record.steps, record.total, record.duration) == (Ending.FINISHED, 100, 100, 600)
    assert (record.created_at, record.damage, record.loss) == (STARTED, None, None)
    assert load_job(imported.folder / "job.toml").options["network_dim"] == 16


def test_a_folder_of_loras_gives_one_run_a_training(tmp_path: Path) -> None:
    for steps in (20, 100, 40):
        write_lora(tmp_path / "loras" / f"cat-{steps:06d}.safetensors", steps=steps)
    write_lora(tmp_path / "loras" / "deep" / "dog.safetensors", session="2", ss_output_name="dog", steps=30)
    (tmp_path / "loras" / "broken.safetensors").write_bytes(b"\x00" * 20)
    (tmp_path / "loras" / "model.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
    found = {run.name: run.steps for run in import_runs(tmp_path / "loras", load_catalogue())}
    assert found == {"cat": 100, "dog": 30}
    dog = next(record for record in list_history().records if record.name == "dog")
    assert dog.ending is Ending.LOST  # 30 of 100 steps; nobody knows what came then


def test_tensorboard_becomes_a_run_with_its_curves(tmp_path: Path) -> None:
    write_board(tmp_path / "logs" / "20260102030405" / "network_train", [0.5, 0.4, 0.3])
    (tmp_path / "logs" / "20260102030405" / "network_train" / "1767").mkdir()
    (imported,) = import_runs(tmp_path / "logs", load_catalogue())
    assert imported.name == f"{tmp_path.name} 20260102030405"
    metrics = read_metrics(RunFolder(imported.folder))
    assert metrics.get(SeriesKey(Quantity.LOSS)).y.tolist() == pytest.approx([0.5, 0.4, 0.3])
    assert metrics.groups == ("unet",)
    (record,) = list_history().records
    assert (record.source, record.steps, record.optimizer, record.scheduler) == ("tensorboard", 3, "", "")
    assert (record.created_at, record.duration) == (STARTED + 1, 2.0)
    assert record.damage is None


def write_scalars(folder: Path, scalars: list[tuple[int, str, float]]) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder))
    for step, tag, value in scalars:
        writer.add_event(
            Event(wall_time=STARTED + step, step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))
        )
    writer.close()


@pytest.mark.parametrize("each", [1, 4], ids=["plain", "accumulated"])
def test_a_board_of_onetrainer_becomes_a_run(tmp_path: Path, each: int) -> None:
    """Its numbers count micro-batches from 0, and its rates belong to the next step."""
    scalars: list[tuple[int, str, float]] = []
    for step, loss in enumerate([0.5, 0.4, 0.3], 1):
        x = step * each - 1
        scalars += [(x, "lr/unet", step * 1e-4), (x, "loss/train_step", loss), (x, "smooth_loss/train_step", 0.9)]
    last = 3 * each - 1
    scalars += [(last, f"loss/validation_step/{name}", value) for name, value in (("a", 0.2), ("b", 0.4), ("total_average", 0.3))]
    write_scalars(tmp_path / "workspace" / "tensorboard" / "2026-01-02", scalars)
    (found,) = import_runs(tmp_path / "workspace", load_catalogue())
    metrics = read_metrics(RunFolder(found.folder))
    assert metrics.get(SeriesKey(Quantity.LOSS)).x.tolist() == [1, 2, 3]
    assert metrics.get(SeriesKey(Quantity.LOSS)).y.tolist() == pytest.approx([0.5, 0.4, 0.3])
    assert metrics.get(SeriesKey(Quantity.EFFECTIVE_LR, "unet")).x.tolist() == [2, 3]
    assert metrics.get(SeriesKey(Quantity.EFFECTIVE_LR, "unet")).y.tolist() == pytest.approx([1e-4, 2e-4])
    assert metrics.get(SeriesKey(Quantity.VALIDATION_LOSS)).y.tolist() == pytest.approx([0.3])


def test_settings_can_be_given_to_what_tensorboard_tells(tmp_path: Path) -> None:
    board = write_board(tmp_path / "board", [0.5, 0.4])
    lora = write_lora(tmp_path / "cat.safetensors")
    import_runs(board, load_catalogue(), settings=lora)
    (record,) = list_history().records
    assert (record.optimizer, record.seed, record.steps) == ("prodigy", 42, 2)
    import_runs(board, load_catalogue())  # again, without: they are not lost
    assert list_history().records[0].optimizer == "prodigy"


def test_the_same_source_is_brought_up_to_date_and_keeps_its_notes(tmp_path: Path) -> None:
    folder = tmp_path / "board"
    first = write_board(folder, [0.5, 0.4])
    (one,) = import_runs(folder, load_catalogue())
    write_notes(one.folder, tags=["mine"])
    longer = write_board(tmp_path / "other", [0.5, 0.4, 0.3])
    shutil.copy2(longer, first)
    (other,) = import_runs(folder, load_catalogue())
    assert (one.new, other.new, one.folder) == (True, False, other.folder)
    (record,) = list_history().records
    assert (record.steps, record.tags) == (3, ("mine",))


def test_files_that_go_on_are_one_run_and_files_that_begin_again_are_two(tmp_path: Path) -> None:
    (tmp_path / "board").mkdir()
    for number, (losses, first) in enumerate((([0.5, 0.4], 1), ([0.3, 0.2], 3), ([0.9, 0.8], 1))):
        made = write_board(tmp_path / "made" / str(number), losses, first)
        made.rename(tmp_path / "board" / f"events.out.tfevents.{1000 + number}.here.1.0")
    found = import_runs(tmp_path / "board", load_catalogue())
    assert [(run.name, run.steps) for run in found] == [("board 1", 4), ("board 2", 2)]


@pytest.mark.parametrize("cut", [1, 40, 120])
def test_a_file_that_is_cut_off_gives_what_is_whole(tmp_path: Path, cut: int) -> None:
    board = write_board(tmp_path / "board", [0.5, 0.4, 0.3, 0.2])
    board.write_bytes(board.read_bytes()[:-cut])
    (found,) = import_runs(board, load_catalogue())
    assert 3 <= found.steps <= 4


def test_runs_of_caddie_that_lie_elsewhere_are_copied(tmp_path: Path) -> None:
    made = make_run(tmp_path / "backup" / "runs", name="old", seed=5, losses=[0.4, 0.2])
    write_notes(made.path, tags=["old"])
    (made.path / "log.txt").write_text("words", encoding="utf-8")
    (found,) = import_runs(tmp_path / "backup", load_catalogue())
    assert (found.new, found.steps, found.source) == (True, 2, "caddie")
    (record,) = list_history().records
    assert (record.name, record.seed, record.tags, record.origin) == ("old", 5, ("old",), str(made.path))
    assert (record.ending, record.created_at, record.damage) == (Ending.FINISHED, NOON, None)
    assert (record.folder / "log.txt").read_text(encoding="utf-8") == "words"
    write_notes(record.folder, tags=["mine"])
    (again,) = import_runs(made.path, load_catalogue())
    assert not again.new
    assert list_history().records[0].tags == ("mine",)
    with pytest.raises(CaddieError):
        import_runs(record.folder, load_catalogue())  # it is in the history


def test_runs_of_the_demo_are_in_the_history(home: Path) -> None:
    make_run(home / "demo" / "runs", name="demo")
    make_run(home / "runs", name="usual", at=NOON + 1)
    assert [record.name for record in list_history().records] == ["usual", "demo"]
    assert list_history().read == 0
    assert len(list_history(home / "runs").records) == 1


def test_nothing_to_import_is_said(tmp_path: Path, home: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "events.out.tfevents.1.x").write_bytes(b"not an event file at all, nothing of the kind")
    write_board(tmp_path / "other tags", [0.1], rate="momentum")  # a loss is there all the same
    for path in (tmp_path / "empty", tmp_path / "missing", tmp_path / "events.out.tfevents.1.x"):
        with pytest.raises(CaddieError):
            import_runs(path, load_catalogue())
    assert not (home / "runs").exists()
    assert import_runs(tmp_path / "other tags", load_catalogue())[0].steps == 1


def test_the_verb_imports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lora = write_lora(tmp_path / "cat.safetensors")
    assert run(["history", "import", str(lora), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["source"], found["new"]) == ("lora", True)
    assert run(["history", "import", str(lora)]) == 0
    assert found["folder"] in capsys.readouterr().out
    assert run(["history", "import", str(tmp_path / "nothing")]) == 1
