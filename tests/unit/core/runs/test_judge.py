"""The judge hears every witness; the error named is never the launcher's."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from core.runs.explain import explain, load_explanations
from core.runs.judge import Evidence, judge
from core.runs.log_errors import find_error, hide_secrets, without_launcher
from core.runs.outcome import Ending

DONE = Evidence(exit_code=0, how="returned", steps=10, total_steps=10, last_loss=0.1, files=("out/a.safetensors",))

LAUNCHED = """\
Traceback (most recent call last):
  File "train_network.py", line 5096, in get_optimizer
    optimizer = optimizer_class(trainable_params, lr=lr, **optimizer_kwargs)
TypeError: AdamW.__init__() got an unexpected keyword argument 'foo'
steps:   0%|          | 0/10 [00:00<?, ?it/s]
Traceback (most recent call last):
  File "accelerate/commands/launch.py", line 795, in simple_launcher
    raise subprocess.CalledProcessError(returncode=process.returncode, cmd=cmd)
subprocess.CalledProcessError: Command '['python', 'train.py', '--wandb_api_key', 'secret']' returned non-zero exit status 1.
""".splitlines()


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({}, Ending.FINISHED),
        ({"how": ""}, Ending.FINISHED),
        ({"exit_code": -11}, Ending.FINISHED),
        ({"exit_code": None}, Ending.FINISHED),
        ({"exit_code": None, "how": ""}, Ending.LOST),
        ({"exit_code": 1, "how": ""}, Ending.FAILED),
        ({"exit_code": 1, "how": "raised"}, Ending.FAILED),
        ({"steps": 0, "last_loss": None, "files": ()}, Ending.FAILED),
        ({"steps": 9}, Ending.FAILED),
        ({"files": ()}, Ending.FAILED),
        ({"files": (), "expects_files": False}, Ending.FINISHED),
        ({"last_loss": math.nan, "first_nan": 3}, Ending.FAILED),
        ({"total_steps": None}, Ending.FINISHED),
        ({"stop_requested": True, "steps": 4, "how": "stopped", "exit_code": 1}, Ending.STOPPED),
        ({"stop_requested": True, "steps": 4, "how": "", "exit_code": -15}, Ending.STOPPED),
        ({"stop_requested": True, "steps": 4, "how": "", "exit_code": None}, Ending.STOPPED),
        ({"stop_requested": True}, Ending.FINISHED),
        ({"stop_requested": True, "steps": 4, "how": "raised", "exit_code": 1}, Ending.FAILED),
        ({"how": "stopped", "steps": 4, "exit_code": -2}, Ending.STOPPED),
    ],
)
def test_endings(changes: dict[str, object], ending: Ending) -> None:
    outcome = judge(replace(DONE, **changes))  # type: ignore[arg-type]
    assert outcome.ending is ending
    assert outcome.sentence.en
    assert outcome.sentence.ja


def test_the_launchers_traceback_is_not_the_error() -> None:
    outcome = judge(replace(DONE, exit_code=1, how="", steps=0, lines=tuple(LAUNCHED)))
    assert outcome.error == "TypeError: AdamW.__init__() got an unexpected keyword argument 'foo'"
    assert outcome.explanation is not None
    assert "AdamW" in outcome.explanation.en
    assert "foo" in outcome.explanation.ja
    assert not any("secret" in line for line in outcome.tail)
    assert any("returned non-zero exit status 1" in line for line in outcome.tail)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["train_network.py: error: unrecognized arguments: --x 1"], "train_network.py: error: unrecognized arguments: --x 1"),
        (
            ["  INFO fine", "  ERROR    No data found. Please verify  train_network.py:576", "  INFO bye"],
            "ERROR    No data found. Please verify",
        ),
        (["all is well"], ""),
        (["Segmentation fault (core dumped)"], "Segmentation fault (core dumped)"),
        (
            ["voluptuous.error.MultipleInvalid: extra keys not allowed"],
            "voluptuous.error.MultipleInvalid: extra keys not allowed",
        ),
        (
            ["Traceback (most recent call last):", '  File "x"', "ValueError: first", "  detail", "", "INFO later"],
            "ValueError: first",
        ),
        (["Traceback (most recent call last):", '  File "x"', "safetensors_rust.SafetensorError: header"], None),
    ],
)
def test_the_line_that_matters(lines: list[str], error: str | None) -> None:
    assert find_error(lines) == (lines[-1] if error is None else error)


def test_a_chained_traceback_ends_in_its_last_exception() -> None:
    lines = [
        "Traceback (most recent call last):",
        '  File "a"',
        "KeyError: 'x'",
        "During handling of the above exception, another exception occurred:",
        "Traceback (most recent call last):",
        '  File "b"',
        "RuntimeError: the real one",
    ]
    assert find_error(lines) == "RuntimeError: the real one"


def test_what_other_processes_said_after_the_launcher_is_kept() -> None:
    assert "from another rank" in without_launcher([*LAUNCHED, "from another rank"])


@pytest.mark.parametrize(
    "line",
    [
        "--wandb_api_key=SECRET",
        "--wandb_api_key SECRET",
        "['--huggingface_token', 'SECRET']",
        "hf_" + "SECRET" * 5,
        "Namespace(wandb_api_key='SECRET', seed=1)",
        "{'huggingface_token': 'SECRET'}",
        'wandb_api_key = "SECRET"',
    ],
)
def test_keys_are_hidden(line: str) -> None:
    assert "SECRET" not in hide_secrets(line)


def test_a_line_of_blanks_is_no_endless_search() -> None:
    # An expression that tries every beginning needs a minute a line; the suite's time limit would end it.
    blanks = " " * 60_000
    assert find_error([f"a{blanks}x.py:1 ERROR"] * 5).startswith("a ")
    assert find_error([f"ERROR no data{blanks}train_util.py:7"]) == "ERROR no data"


def test_exit_of_the_argument_parser_names_what_was_printed() -> None:
    lines = ("train_network.py: error: argument --x: invalid int value: 'four'",)
    outcome = judge(Evidence(exit_code=2, how="raised", raised="SystemExit: 2", lines=lines))
    assert outcome.error == lines[0]
    assert outcome.advice is not None


KNOWN = {
    "no-data": "ERROR No data found. Please verify arguments (train_data_dir must be the parent of folders with images)",
    "cuda-out-of-memory": "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB",
    "cuda-context": "torch.AcceleratorError: CUDA error: device-side assert triggered",
    "no-space": "OSError: [Errno 28] No space left on device",
    "unknown-option": "train_network.py: error: unrecognized arguments: --no_such_option 1",
    "bad-choice": "error: argument --mixed_precision: invalid choice: 'fp99' (choose from 'no', 'fp16', 'bf16')",
    "bad-type": "error: argument --max_train_steps: invalid int value: 'four'",
    "optimizer-argument-unknown": "TypeError: AdamW.__init__() got an unexpected keyword argument 'foo'",
    "optimizer-argument-without-value": "ValueError: not enough values to unpack (expected 2, got 1)",
    "optimizer-argument-two-equals": "ValueError: too many values to unpack (expected 2)",
    "optimizer-argument-literal": "ValueError: malformed node or string on line 1: <ast.Name object at 0x7f>",
    "different-learning-rates": "RuntimeError: Setting different lr values in different parameter groups is only supported "
    "for values of 0",
    "unknown-optimizer": "AttributeError: module 'torch.optim' has no attribute 'NoSuchOptimizer'",
    "dadapt-full-path": "ValueError: Unknown optimizer type: dadaptation.dadaptadam",
    "network-module-missing": "ModuleNotFoundError: No module named 'networks.nope'",
    "package-missing": "ModuleNotFoundError: No module named 'no_such_pkg'",
    "import-broken": "ImportError: DLL load failed while importing _C: The specified module could not be found.",
    "unknown-scheduler": "ValueError: nosuch is not a valid SchedulerType, please select one of ['linear']",
    "constant-with-warmup": "ValueError: SchedulerType.CONSTANT does not require `num_warmup_steps`. Set None or 0.",
    "model-missing": 'ValueError: The provided pretrained_model_name_or_path "x" is neither a valid local path nor a valid repo id.',
    "model-damaged": "safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer",
    "tokenizer-offline": "TypeError: expected str, bytes or os.PathLike object, not NoneType",
    "offline": "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find the requested files",
    "resume-missing": "ValueError: Tried to find out/x-state but folder does not exist",
    "output-folder": "NotADirectoryError: [Errno 20] Not a directory: '/a/b'",
    "permission": "PermissionError: [Errno 13] Permission denied: '/a/b'",
    "image-damaged": "OSError: image file is truncated (12 bytes not processed)",
    "image-too-large": "AssertionError: image too large, but cropping and bucketing are disabled / 画像: a.png",
    "dataset-config": "voluptuous.error.MultipleInvalid: extra keys not allowed @ data['datasets'][0]['batch_sizee']",
    "config-resolution": "AttributeError: 'int' object has no attribute 'split'",
    "config-number-as-text": "TypeError: unsupported operand type(s) for -: 'str' and 'int'",
    "config-missing": "INFO     C:/x/config.toml not found.",
    "fp16-on-cpu": "RuntimeError: expected m1 and m2 to have the same dtype, but got: c10::Half != float",
    "cuda-missing": "AssertionError: Torch not compiled with CUDA enabled",
    "cuda-kernel": "RuntimeError: CUDA error: no kernel image is available for execution on the device",
    "console-encoding": "UnicodeEncodeError: 'ascii' codec can't encode characters in position 19-22",
    "killed-by-system": "Command … died with <Signals.SIGKILL: 9>.",
    "nan-latents": "NaN found in latents, replacing with zeros",
}


def test_every_explanation_has_an_example() -> None:
    assert {known.id for known in load_explanations()} == KNOWN.keys()


@pytest.mark.parametrize("name", KNOWN)
def test_known_errors_are_explained_by_their_own_entry(name: str) -> None:
    entry = next(known for known in load_explanations() if known.id == name)
    first = next(known for known in load_explanations() if known.pattern.search(KNOWN[name]))
    assert first is entry
    found = explain(KNOWN[name])
    assert found is not None
    assert all(text.en and text.ja and "{" not in text.en for text in found)


def test_unknown_errors_get_no_made_up_explanation() -> None:
    assert explain("ZeroDivisionError: division by zero", ["ordinary line"]) is None
