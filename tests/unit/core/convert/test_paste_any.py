"""The paste box reads what an import reads, and still everything that it read before."""

from __future__ import annotations

import pytest

from core.catalogue.loader import load_catalogue
from core.convert.paste import MOST_SAID, read_any
from core.job.paste import read_pasted
from core.job.presets import Preset, dump_preset
from core.options.snapshot import load_snapshot

CATALOGUE = load_catalogue()
OPTIONS = load_snapshot()["train_network.py"]

KOHYA = (
    '{"LoRA_type": "Standard", "optimizer": "Prodigy", "optimizer_args": "decouple=True", "learning_rate": 1.0, "new_key": "on"}'
)
EASY = '[args.optimizer]\nlearning_rate = 1.0\noptimizer_type = "Prodigy"\n[args.optimizer.optimizer_args]\nd_coef = "2"\n'
ONETRAINER = '{"training_method": "LORA", "model_type": "STABLE_DIFFUSION_15", "epochs": 3}'
CMD = '@echo off\r\nset LR=1e-4\r\nset "OUT=D:\\out dir"\r\naccelerate launch train_network.py ^\r\n  --learning_rate=%LR% ^\r\n  --output_dir "%OUT%"\r\n'
POWERSHELL = '$lr = "1e-4"\naccelerate launch train_network.py `\n  --learning_rate $lr `\n  --seed 3\n'
SH = 'LR=1e-4\npython train_network.py \\\n  --learning_rate "$LR" --seed 3\n'
PRESET = dump_preset(Preset(name="p", options={"optimizer_type": "Prodigy", "learning_rate": 1.0}))


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (KOHYA, {"optimizer_type": "Prodigy", "learning_rate": 1.0}),
        (EASY, {"optimizer_type": "Prodigy", "learning_rate": 1.0}),
        (ONETRAINER, {"max_train_epochs": 3}),
        (CMD, {"learning_rate": 1e-4, "output_dir": "D:\\out dir"}),
        (POWERSHELL, {"learning_rate": 1e-4, "seed": 3}),
        (SH, {"learning_rate": 1e-4, "seed": 3}),
        ('["python", "train_network.py", "--seed", "3"]', {"seed": 3}),
        (PRESET, {"optimizer_type": "Prodigy", "learning_rate": 1.0}),
    ],
)
def test_texts_of_other_programs_are_read_with_their_report(text: str, options: dict[str, object]) -> None:
    found = read_any(text, OPTIONS, CATALOGUE)
    assert {name: value for name, value in found.options.items() if name in options} == options
    assert "taken" in found.problems[0].en or "translated" in found.problems[0].en
    assert not any("variable of the shell" in problem.en for problem in found.problems)


def test_arguments_and_unknown_keys_come_along() -> None:
    found = read_any(KOHYA, OPTIONS, CATALOGUE)
    assert dict(found.arguments) == {"decouple": "True"}
    assert found.extra["caddie_imported"] == ["new_key = on"]
    assert any("new_key" in problem.en for problem in found.problems)


def test_a_long_report_is_counted() -> None:
    keys = ", ".join(f'"new_{number}": "on"' for number in range(MOST_SAID + 3))
    found = read_any('{"LoRA_type": "Standard", ' + keys + "}", OPTIONS, CATALOGUE)
    assert sum(problem.en.startswith("new_") for problem in found.problems) == MOST_SAID
    assert any("3 more" in problem.en for problem in found.problems)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "decouple=True weight_decay=0.1",
        '{"betas": [0.9, 0.99]}',
        "learning_rate = 0.1\nseed = 3",
        "--learning_rate 1e-4 --optimizer_args betas=0.9,0.99",
        "accelerate launch train_network.py --seed 3",
        "{'d_coef': 2}",
        "[1, 2",
    ],
)
def test_what_the_paste_box_read_before_it_reads_the_same(text: str) -> None:
    assert read_any(text, OPTIONS, CATALOGUE) == read_pasted(text, OPTIONS, CATALOGUE)
