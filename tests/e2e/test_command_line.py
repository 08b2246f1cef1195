"""The command line as a child process, with small real trainings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toml

from core.paths import PROJECT_ROOT, RESOURCES
from core.runs.folder import RunFolder
from core.runs.outcome import Ending
from tests.helpers.runs import DEMO

VERB = [sys.executable, "-c", "import sys; from core.cli.main import run; sys.exit(run(sys.argv[1:]))"]


def variables(home: Path) -> dict[str, str]:
    return {**os.environ, "CADDIE_HOME": str(home), "CADDIE_LANGUAGE": "en", "PYTHONPATH": str(PROJECT_ROOT)}


def caddie(home: Path, *arguments: str, timeout: float = 150) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*VERB, *arguments],
        env=variables(home),
        cwd=home,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "キャディ home"
    folder.mkdir()
    return folder


def test_optimizers_as_json_hold_the_whole_catalogue(home: Path) -> None:
    answer = caddie(home, "optimizers", "--json")
    assert answer.returncode == 0, answer.stderr
    entries = {entry["id"]: entry for entry in json.loads(answer.stdout)}
    assert len(entries) == 29
    arguments = {item["name"]: item for item in entries["Prodigy"]["arguments"]}
    assert arguments["growth_rate"]["default_literal"] == "1e999"
    assert arguments["d0"]["default_literal"] == "1e-06"


def test_one_optimizer_is_found_in_any_case_and_a_mistyped_one_is_named(home: Path) -> None:
    assert json.loads(caddie(home, "optimizers", "PRODIGY", "--json").stdout)["id"] == "Prodigy"
    wrong = caddie(home, "optimizers", "prodgy")
    assert wrong.returncode == 1
    assert "Did you mean Prodigy?" in wrong.stderr


@pytest.mark.parametrize(
    "arguments", [["bogus"], ["run"], ["command", "x.toml", "--format", "fish"], ["environment"], ["demo", "--steps", "0"]]
)
def test_wrong_usage_ends_with_2(home: Path, arguments: list[str]) -> None:
    answer = caddie(home, *arguments)
    assert answer.returncode == 2
    assert "usage:" in answer.stderr


def test_a_reader_that_stops_reading_is_no_error(home: Path) -> None:
    process = subprocess.Popen(
        [*VERB, "optimizers", "--json"], env=variables(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.wait(60) == 0
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


def test_new_knows_the_fast_implementation_and_the_loss(home: Path) -> None:
    job = home / "fast.toml"
    assert caddie(home, "new", "--optimizer", "prodigy", "--fast", "-o", str(job)).returncode == 0
    assert toml.load(job)["optimizer_type"] == "optimizers.Prodigy"
    named = home / "named.toml"
    assert caddie(home, "new", "--optimizer", "optimizers.Prodigy", "-o", str(named)).returncode == 0
    assert toml.load(named) == toml.load(job)

    place = ["--python", sys.executable, "--checkout", str(DEMO)]
    folder = str(RESOURCES / "python")
    listed = caddie(home, "command", str(job), *place, "--format", "argv")
    assert "optimizers.Prodigy" in json.loads(listed.stdout)
    assert f"This job needs: PYTHONPATH={folder}" in listed.stderr
    script = caddie(home, "command", str(job), *place, "--format", "sh")
    assert f"PYTHONPATH={folder}" in script.stdout
    assert "This job needs" not in script.stderr

    emo = home / "emo.toml"
    assert caddie(home, "new", "--optimizer", "EmoNavi", "--hand-loss", "-o", str(emo)).returncode == 0
    assert toml.load(emo)["caddie"]["caddie_hand_loss"] is True
    for arguments, said in (
        (["AdamW", "--fast"], "AdamW has no fast implementation."),
        (["AdamW", "--hand-loss"], "AdamW does not ask for the loss."),
    ):
        refused = caddie(home, "new", "--optimizer", *arguments, "-o", str(home / "no.toml"))
        assert refused.returncode == 1
        assert said in refused.stderr
        assert not (home / "no.toml").exists()
    assert "optimizers.Prodigy, the same numbers as prodigyopt 1.1.2" in caddie(home, "optimizers", "Prodigy").stdout


def test_from_new_to_trained(home: Path) -> None:
    job = home / "ジョブ 1.toml"
    assert caddie(home, "new", "--optimizer", "DAdaptAdam", "-o", str(job)).returncode == 0
    again = caddie(home, "new", "--optimizer", "Lion", "-o", str(job))
    assert again.returncode == 1 and "--force" in again.stderr

    place = ["--python", sys.executable, "--checkout", str(DEMO)]
    refused = caddie(home, "run", str(job), *place)
    assert refused.returncode == 1
    assert "This job would fail" in refused.stderr and "gradient_checkpointing" in refused.stderr
    assert not (home / "runs").exists()

    settings = toml.load(job)
    keep = {key: settings[key] for key in ("optimizer_type", "learning_rate", "caddie")}
    keep |= {"max_train_steps": 12, "output_dir": str(home / "out put"), "output_name": "lora", "seed": 1}
    job.write_text(toml.dumps(keep), encoding="utf-8")

    argv = json.loads(caddie(home, "command", str(job), *place, "--format", "argv").stdout)
    assert argv[:3] == [sys.executable, "-m", "accelerate.commands.launch"]
    assert argv[argv.index("--learning_rate") + 1] == "1.0"

    trained = caddie(home, "run", str(job), *place, "--json")
    assert trained.returncode == 0, trained.stderr
    result = json.loads(trained.stdout)
    assert result["outcome"]["ending"] == "finished"
    assert result["outcome"]["steps"] == 12
    assert (home / "out put" / "lora.safetensors").is_file()
    assert Path(result["run"]).is_relative_to(home / "runs")
    steps = [line for line in (Path(result["run"]) / "events.jsonl").read_text(encoding="utf-8").splitlines() if '"step"' in line]
    assert sum(json.loads(line)["event"] == "step" for line in steps) == 12


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT as a terminal does")
def test_ctrl_c_stops_the_training_and_ends_with_1(home: Path) -> None:
    job = home / "long.toml"
    job.write_text(
        toml.dumps(
            {"optimizer_type": "AdamW", "learning_rate": 1e-3, "max_train_steps": 1_000_000, "output_dir": str(home / "out")}
        ),
        encoding="utf-8",
    )
    place = ["--python", sys.executable, "--checkout", str(DEMO)]
    process = subprocess.Popen(
        [*VERB, "run", str(job), *place, "--json"],
        env=variables(home),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A suite that a shell started in the background has SIGINT ignored, and a child would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not any(
            b'"step"' in file.read_bytes() for file in home.glob("runs/*/events.jsonl")
        ):
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    except BaseException:
        process.kill()
        process.communicate()
        for folder in home.glob("runs/*"):
            RunFolder(folder).request_stop()
        raise
    assert process.returncode == 1
    result = json.loads(out)
    assert result["outcome"]["ending"] == "stopped"
    record = json.loads((Path(result["run"]) / "process.json").read_text(encoding="utf-8"))
    for pid in {item["pid"] for item in record.get("descendants", []) if isinstance(item, dict)}:
        assert not Path(f"/proc/{pid}").exists()


def test_detached_run_is_found_and_finishes_without_us(home: Path) -> None:
    job = home / "job.toml"
    job.write_text(toml.dumps({"learning_rate": 1e-3, "max_train_steps": 20, "output_dir": str(home / "out")}), encoding="utf-8")
    answer = caddie(home, "run", str(job), "--python", sys.executable, "--checkout", str(DEMO), "--detach", "--json")
    assert answer.returncode == 0, answer.stderr
    run = RunFolder(Path(json.loads(answer.stdout)["run"]))
    deadline = time.monotonic() + 120
    while run.outcome() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    outcome = run.outcome()
    assert outcome is not None and outcome.ending is Ending.FINISHED and outcome.steps == 20


def test_environment_verbs(home: Path) -> None:
    empty = caddie(home, "environment", "show")
    assert empty.returncode == 1 and "environment add" in empty.stderr
    added = caddie(home, "environment", "add", sys.executable, "--sd-scripts", str(DEMO), "--name", "mine", "--json")
    assert added.returncode == 0, added.stderr
    identity = json.loads(added.stdout)[0]["id"]
    listed = json.loads(caddie(home, "environment", "list", "--json").stdout)
    assert [item["id"] for item in listed["environments"]] == [identity]
    checked = caddie(home, "environment", "check", "mine", "--optimizer", "Prodigy", "--json")
    assert json.loads(checked.stdout)["optimizers"]["Prodigy"]["readiness"] == "ready", checked.stdout
    assert caddie(home, "environment", "check", "mime").returncode == 1
    nothing = caddie(home, "environment", "install", "mine", "--optimizer", "Prodigy", "--yes")
    assert nothing.returncode == 0 and "Nothing is missing" in nothing.stderr
    assert caddie(home, "environment", "remove", "mine").returncode == 0
    assert json.loads(caddie(home, "environment", "list", "--json").stdout)["environments"] == []


def test_a_folder_with_nothing_in_it_is_explained(home: Path) -> None:
    answer = caddie(home, "environment", "add", str(home))
    assert answer.returncode == 1
    assert "train_network.py" in answer.stderr


def test_demo_leaves_everything_it_promises(home: Path) -> None:
    out = home / "demo out"
    answer = caddie(home, "demo", "--out", str(out), "--steps", "4", "--json")
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["outcome"]["ending"] == "finished"
    for what in ("curves", "comparison"):
        assert Path(told[what]).read_bytes().startswith(b"\x89PNG")
    assert {"demo.toml", "demo.safetensors", "pictures", "prompts.txt", "runs"} <= {item.name for item in out.iterdir()}
    assert len(list((out / "sample").glob("*.png"))) == 6  # three before the training, three after it
    events = [json.loads(line) for line in (Path(told["run"]) / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    moved = [event["groups"][0]["d_lr"] for event in events if event["event"] == "step"]
    assert len(moved) == 4 and moved[0] == 1e-6 and moved[-1] != moved[0]  # where Prodigy begins, and the scheduler's part


@pytest.mark.parametrize(
    "arguments", [["environment", "list"], ["environment", "add", sys.executable], ["demo", "--steps", "3"]], ids=" ".join
)
def test_a_home_that_cannot_be_used_is_a_sentence(tmp_path: Path, arguments: list[str]) -> None:
    in_the_way = tmp_path / "home"
    in_the_way.write_text("a file, no folder")
    done = subprocess.run(
        [*VERB, *arguments],
        env=variables(in_the_way),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert "could not be used" in done.stderr
    assert str(in_the_way) in done.stderr
    assert "Traceback" not in done.stderr
