"""Every dialect people paste, and that nothing of it vanishes without a word."""

from __future__ import annotations

import ast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.catalogue.kinds import literal
from core.catalogue.loader import load_catalogue
from core.command import cmd, powershell, sh
from core.command.build import build_argv
from core.errors import Problems
from core.job.model import Job
from core.job.paste import Pasted, dialect_of, read_pasted
from core.job.store import dumps
from core.options.model import OptionValue
from core.options.snapshot import load_snapshot

SETS = load_snapshot()
TRAIN = SETS["train_network.py"]
CATALOGUE = load_catalogue()


def read(text: str) -> Pasted:
    return read_pasted(text, TRAIN, CATALOGUE)


def said(pasted: Pasted) -> list[str]:
    return [problem.en for problem in pasted.problems]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('"weight_decay=0.1" "betas=0.9,0.99"', {"weight_decay": "0.1", "betas": "0.9,0.99"}),
        ("'weight_decay=0.1' 'betas=(0.9, 0.99)'", {"weight_decay": "0.1", "betas": "(0.9, 0.99)"}),
        ("weight_decay=0.1 betas=0.9,0.99 d_coef=2", {"weight_decay": "0.1", "betas": "0.9,0.99", "d_coef": "2"}),
        ("weight_decay=0.1, betas=(0.9, 0.99), d_coef=2", {"weight_decay": "0.1", "betas": "(0.9, 0.99)", "d_coef": "2"}),
        ("weight_decay = 0.1\nbetas = [0.9, 0.99]\n", {"weight_decay": "0.1", "betas": "[0.9, 0.99]"}),
        (
            '{"weight_decay": 0.1, "betas": [0.9, 0.99], "mode": "x"}',
            {"weight_decay": "0.1", "betas": "[0.9, 0.99]", "mode": '"x"'},
        ),
        ("['a=1', 'b=2']", {"a": "1", "b": "2"}),
        ('"a=1 b=2"', {"a": "1", "b": "2"}),
        ("a: 1\nb: 'x, y'", {"a": "1", "b": "'x, y'"}),
        ("eps=1e-30,1e-3 relative_step=False", {"eps": "1e-30,1e-3", "relative_step": "False"}),
        ("eps=None,d0=1e-06", {"eps": "None", "d0": "1e-06"}),
        ("a=-1;b=+2", {"a": "-1", "b": "+2"}),
        ('--optimizer_args "a=1" "betas=0.9, 0.99"', {"a": "1", "betas": "0.9, 0.99"}),
        ("--optimizer_args=a=1", {"a": "1"}),
    ],
)
def test_arguments_without_doubt(text: str, arguments: dict[str, str]) -> None:
    pasted = read(text)
    assert dict(pasted.arguments) == arguments
    assert said(pasted) == []
    for stored in pasted.arguments.values():
        ast.literal_eval(stored)


@pytest.mark.parametrize(
    ("text", "arguments", "problem"),
    [
        ("decouple=true", {"decouple": "True"}, "decouple: true was read as True."),
        ("betas=(0.9, none)", {"betas": "(0.9, None)"}, "betas: (0.9, none) was read as (0.9, None)."),
        ("d_limiter=inf", {"d_limiter": "1e999"}, "d_limiter: inf was read as 1e999."),
        ("mode=fast", {"mode": "'fast'"}, "mode: fast was read as 'fast'."),
        ('weight_decay="0.1"', {"weight_decay": "0.1"}, 'weight_decay: "0.1" was read as 0.1.'),
        ("a=1 a=2", {"a": "2"}, "a is given twice; the last one counts."),
        ("a=1 stray", {"a": "1"}, "Not read, no name=value: stray"),
        ("a=", {"a": "''"}, "a: nothing was read as ''."),
        ("hello", {}, "Not read, no name=value: hello"),
        ('"just words"', {}, 'Not read, no name=value: "just words"'),
    ],
)
def test_what_had_to_be_guessed_is_said(text: str, arguments: dict[str, str], problem: str) -> None:
    pasted = read(text)
    assert dict(pasted.arguments) == arguments
    assert said(pasted) == [problem]


BATCH = r"""@echo off
rem my training
cd /d C:\sd-scripts
call venv\Scripts\activate.bat
accelerate launch --num_cpu_threads_per_process 1 --mixed_precision=fp16 train_network.py ^
  --pretrained_model_name_or_path="C:\モデル (1)\100%%.safetensors" --train_data_dir=C:\data\ ^
  --optimizer_type=DAdaptAdam --optimizer_args "decouple=True" betas=0.9,0.99 weigth=1 ^
  --network_dim 16 --v2 --unknown_thing 3 --output_dir=%OUT%
pause
"""


def test_a_batch_file() -> None:
    pasted = read(BATCH)
    assert pasted.script == "train_network.py"
    assert dict(pasted.options) == {
        "pretrained_model_name_or_path": "C:\\モデル (1)\\100%.safetensors",
        "train_data_dir": "C:\\data\\",
        "optimizer_type": "DAdaptAdam",
        "network_dim": 16,
        "v2": True,
        "unknown_thing": "3",
        "output_dir": "%OUT%",
    }
    assert dict(pasted.arguments) == {"decouple": "True", "betas": "0.9,0.99", "weigth": "1"}
    assert dict(pasted.accelerate) == {"num_cpu_threads_per_process": 1, "mixed_precision": "fp16"}
    assert said(pasted) == [
        "Not read: cd /d C:\\sd-scripts; call venv\\Scripts\\activate.bat",
        "--unknown_thing is no option of this script.",
        "output_dir = '%OUT%' holds a variable of the shell.",
        "weigth: DAdaptAdam has no such argument.",
    ]


def test_windows_line_ends_and_blanks_behind_the_caret() -> None:
    pasted = read(BATCH.replace("^\n", "^ \n").replace("\n", "\r\n"))
    assert pasted.options["network_dim"] == 16
    assert pasted == read(BATCH)


def test_a_shell_script() -> None:
    pasted = read(
        "#!/bin/bash\nsource venv/bin/activate\n"
        "CUDA_VISIBLE_DEVICES=0 accelerate launch ./sdxl_train_network.py \\\n  --learning_rate 1e-4 \\\n"
        '  --output_dir "$HOME/out" --cache_text_encoder_outputs --optimizer_args \'betas=(0.9, 0.99)\' "eps=1e-8"\n'
    )
    assert pasted.script == "sdxl_train_network.py"
    assert dict(pasted.options) == {"learning_rate": 1e-4, "output_dir": "$HOME/out", "cache_text_encoder_outputs": True}
    assert dict(pasted.arguments) == {"betas": "(0.9, 0.99)", "eps": "1e-8"}
    assert said(pasted) == [
        "Not read: source venv/bin/activate; CUDA_VISIBLE_DEVICES=0",
        "output_dir = '$HOME/out' holds a variable of the shell.",
    ]


def test_a_powershell_script() -> None:
    pasted = read(
        "& .\\venv\\Scripts\\accelerate.exe launch `\n  'C:\\sd scripts\\train_network.py' `\n"
        "  --learning_rate=0.5 `\n  --optimizer_args 'weight_decay=0.1'"
    )
    assert (pasted.script, dict(pasted.options), dict(pasted.arguments)) == (
        "train_network.py",
        {"learning_rate": 0.5},
        {"weight_decay": "0.1"},
    )
    assert said(pasted) == []


def test_single_quotes_in_a_line_for_cmd() -> None:
    pasted = read("C:\\py\\python.exe C:\\sd\\train_network.py --output_dir C:\\out\\x --optimizer_args 'betas=(0.9, 0.99)' a=1")
    assert dict(pasted.arguments) == {"betas": "(0.9, 0.99)", "a": "1"}
    assert pasted.options["output_dir"] == "C:\\out\\x"


def test_options_alone_and_faults_in_them() -> None:
    pasted = read("--optimizer_type prodigy --learning_rate one --lr 1 --optimizer_args d_coef=2 --config_file=x.toml")
    assert dict(pasted.options) == {"optimizer_type": "prodigy", "learning_rate": "one", "lr": "1", "config_file": "x.toml"}
    assert len(pasted.problems) == 4 - 1
    assert "not read here" in said(pasted)[-1]


def test_an_unclosed_mark_is_said() -> None:
    pasted = read('--output_name "x --seed 1')
    assert any("never closed" in problem for problem in said(pasted))
    assert pasted.options["seed"] == 1


def test_several_commands_name_the_one_not_read() -> None:
    pasted = read("python train_network.py --seed 1\npython sdxl_train_network.py --seed 2\n")
    assert pasted.options["seed"] == 1
    assert said(pasted) == ["Not read: python sdxl_train_network.py --seed 2"]


def test_a_config_file() -> None:
    pasted = read('[opt]\noptimizer_type = "prodigy"\noptimizer_args = ["d_coef=2", "nope=1"]\nlearning_rate = "1"\nseed = 0\n')
    assert dict(pasted.options) == {"optimizer_type": "prodigy", "learning_rate": "1", "seed": 0}
    assert dict(pasted.arguments) == {"d_coef": "2", "nope": "1"}
    assert pasted.script is None
    assert len(said(pasted)) == 2


def test_a_whole_job_file() -> None:
    job = Job(
        script="sdxl_train_network.py", options={"seed": 1, "disable_mmap_load_safetensors": True}, accelerate={"cpu": True}
    )
    pasted = read(dumps(job))
    assert (pasted.script, pasted.options, pasted.accelerate) == (job.script, job.options, job.accelerate)
    assert said(pasted) == []


def test_nothing_says_nothing() -> None:
    pasted = read("  \n")
    assert (pasted.script, dict(pasted.options), dict(pasted.arguments), said(pasted)) == (None, {}, {}, [])


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("a \\\n b", "sh"),
        ("a ^\n b", "cmd"),
        ("a `\n b", "powershell"),
        ("& a", "powershell"),
        ("C:\\x\\y.exe", "cmd"),
        ("set X=1\na", "cmd"),
        ("./x 'C:\\y'", "sh"),
        ("python x.py", "sh"),
        ("python x.py --output_dir .\\out\\", "cmd"),
    ],
)
def test_dialects(text: str, dialect: str) -> None:
    assert dialect_of(text) == dialect


LITERALS = st.one_of(
    st.booleans(),
    st.none(),
    st.integers(),
    st.floats(allow_nan=False),
    st.lists(st.floats(allow_nan=False), max_size=3).map(tuple),
    st.text("abcXYZ あ-_.", max_size=8),
).map(literal)
ARGUMENTS = st.dictionaries(st.from_regex(r"[a-z][a-z_0-9]{0,10}", fullmatch=True), LITERALS, max_size=5)


@example({"a": "' --X'"}, " ", "{}")
@given(ARGUMENTS, st.sampled_from([" ", ", ", "\n", ";", ",\n "]), st.sampled_from(["{}", '"{}"', "--optimizer_args {}"]))
def test_any_arguments_in_any_dialect(arguments: dict[str, str], between: str, form: str) -> None:
    if form == '"{}"':
        text = between.join(f'"{name}={value}"' for name, value in arguments.items())
    else:
        text = between.join(f"{name}={value}" for name, value in arguments.items())
    pasted = read(text)
    assert {name: ast.literal_eval(value) for name, value in pasted.arguments.items()} == {
        name: ast.literal_eval(value) for name, value in arguments.items()
    }


TEXTS = st.text("abc あ-_.()'\"&%^!", max_size=10).filter(lambda text: "%" not in text and "$" not in text)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["output_name", "train_data_dir", "training_comment"]), TEXTS),
    ARGUMENTS,
    st.sampled_from(["sh", "cmd", "powershell"]),
)
def test_a_command_that_caddie_shows_can_be_pasted_back(
    texts: dict[str, OptionValue], arguments: dict[str, str], shell: str
) -> None:
    join = {"sh": sh.join, "cmd": cmd.join, "powershell": powershell.join}[shell]
    job = Job(options={**texts, "optimizer_type": "my.Own"}).with_arguments(arguments)
    try:
        argv = build_argv(job, python="C:\\py thon\\python.exe", checkout="C:\\sd", options=TRAIN, companion=None)
    except Problems:
        return
    pasted = read(join(argv))
    assert dict(pasted.options) == {**texts, "optimizer_type": "my.Own"}
    assert dict(pasted.arguments) == arguments
    assert pasted.script == "train_network.py"
