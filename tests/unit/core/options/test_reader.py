"""The reader of a checkout, against a small checkout with the habits of sd-scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import CaddieError
from core.options import reader
from core.options.model import OptionKind
from core.options.reader import read_checkout, read_checkout_options

LIBRARY = """
import torch
import numpy as np
from torch import nn
from diffusers import DDPMScheduler
try:
    import xformers
except ImportError:
    xformers = None
from library.constants import SAMPLERS, DEFAULT_STEPS
import library.constants as names
from library import constants

if torch.cuda.is_available():
    HIGH_VRAM = True

@torch.no_grad()
def add_training_arguments(parser: argparse.ArgumentParser, support: bool) -> nn.Module:
    def int_or_float(value):
        return float(value)

    group = parser.add_argument_group("training", "words")
    group.add_argument("--learning_rate", type=float, default=2.0e-6, help="rate / 学習率")
    group.add_argument("--max_train_steps", "-n", type=int, default=DEFAULT_STEPS)
    group.add_argument("--lr_warmup_steps", type=int_or_float, default=0)
    group.add_argument("--text_encoder_lr", type=float, default=None, nargs="*")
    group.add_argument("--sampler", type=str, choices=SAMPLERS + names.MORE)
    group.add_argument("--precision", type=str, default=None, choices=[None, "fp16"])
    group.add_argument("--lowram", action="store_true")
    group.add_argument("--no-shuffle", dest="shuffle", action="store_false")
    group.add_argument("--listed", default=constants.LISTED)
    if support:
        exclusive = parser.add_mutually_exclusive_group()
        exclusive.add_argument("--dataset_config", type=Path, default=None)

class Trainer(nn.Module):
    pass
"""

CONSTANTS = """
SAMPLERS = ["ddim"]
SAMPLERS += ["euler"]
MORE = [name for name in ("heun",)]
DEFAULT_STEPS = 16 * 100
LISTED = ""
"""

SCRIPT = """
import argparse
import sys
from pathlib import Path
import torch
from library import train_util
from library.other import *
print("noise on standard output")
raise_if_imported = 1 / 0

def setup_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    train_util.add_training_arguments(parser, True)
    add_from_star(parser)
    print("noise from the parser")
    return parser

if __name__ == "__main__":
    train(setup_parser().parse_args())
"""

DERIVED = """
import train_network
def setup_parser():
    parser = train_network.setup_parser()
    parser.add_argument("--cache_text_encoder_outputs", action="store_true", help="100%% sure")
    return parser
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "sd scripts 学習"
    (folder / "library").mkdir(parents=True)
    write(folder, "library/train_util.py", "import argparse\nfrom pathlib import Path\n" + LIBRARY)
    write(folder, "library/constants.py", CONSTANTS)
    write(folder, "library/other.py", "def add_from_star(parser):\n    parser.add_argument('--star', type=str, default='*')\n")
    write(folder, "train_network.py", SCRIPT)
    write(folder, "sdxl_train_network.py", DERIVED)
    write(folder, "gen_img.py", "import argparse\ndef setup_parser():\n    return argparse.ArgumentParser()\n")
    write(folder, "setup.py", "raise SystemExit('never run')\n")
    return folder


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_reads_what_argparse_would_hold(checkout: Path) -> None:
    options = read_checkout(checkout)["train_network.py"]
    assert options.source == "checkout"
    assert list(options.options) == [
        "learning_rate",
        "max_train_steps",
        "lr_warmup_steps",
        "text_encoder_lr",
        "sampler",
        "precision",
        "lowram",
        "shuffle",
        "listed",
        "dataset_config",
        "star",
    ]
    known = options.options
    assert known["learning_rate"].kind is OptionKind.FLOAT
    assert known["learning_rate"].default == 2.0e-6
    assert known["learning_rate"].help == "rate / 学習率"
    assert known["max_train_steps"].flags == ("--max_train_steps", "-n")
    assert known["max_train_steps"].default == 1600
    assert known["lr_warmup_steps"].kind is OptionKind.INT_OR_FLOAT
    assert known["lr_warmup_steps"].default == 0
    assert known["text_encoder_lr"].is_list
    assert known["sampler"].choices == ("ddim", "euler", "heun")
    assert known["precision"].choices == ("fp16",)
    assert (known["lowram"].kind, known["lowram"].default) == (OptionKind.FLAG, False)
    assert (known["shuffle"].kind, known["shuffle"].default) == (OptionKind.OFF_FLAG, True)
    assert known["listed"].default == ""
    assert known["dataset_config"].kind is OptionKind.PATH


def test_a_script_may_build_on_another(checkout: Path) -> None:
    sets = read_checkout(checkout)
    assert list(sets) == ["sdxl_train_network.py", "train_network.py"]
    assert list(sets["sdxl_train_network.py"].options)[:-1] == list(sets["train_network.py"].options)
    assert sets["sdxl_train_network.py"].options["cache_text_encoder_outputs"].help == "100%% sure"


def test_agrees_with_argparse_itself(checkout: Path, tmp_path: Path) -> None:
    """The same parser, really imported (with empty torch and friends), holds the same."""
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    write(stubs, "numpy.py", "")
    write(stubs, "diffusers.py", "DDPMScheduler = None")
    (stubs / "torch").mkdir()
    write(stubs, "torch/__init__.py", "from . import nn, cuda\ndef no_grad():\n    return lambda f: f\n")
    write(stubs, "torch/nn.py", "class Module: pass")
    write(stubs, "torch/cuda.py", "def is_available(): return False")
    write(checkout, "train_network.py", SCRIPT.replace("raise_if_imported = 1 / 0", ""))
    code = (
        "import json, sys; import train_network as t; sys.stdout.flush()\n"
        "print('@@' + json.dumps([[a.dest, a.option_strings, str(a.default), a.choices, a.nargs]"
        " for a in t.setup_parser()._actions[1:]]))"
    )
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(checkout), str(stubs)]), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, encoding="utf-8", env=variables, check=True, timeout=60
    )
    imported = json.loads(done.stdout.partition("@@")[2])
    read = read_checkout(checkout)["train_network.py"]
    assert [entry[0] for entry in imported] == list(read.options)
    for name, flags, default, choices, nargs in imported:
        option = read.options[name]
        assert sorted(flags) == sorted(option.flags)
        assert default == str(option.default)
        assert [choice for choice in choices or [] if choice is not None] == list(option.choices)
        assert option.nargs == (None if nargs == 0 else nargs)


def test_names_what_cannot_be_read_and_reads_the_rest(checkout: Path) -> None:
    write(checkout, "train_db.py", "import torch\ndef setup_parser():\n    return torch.make_parser()\n")
    write(checkout, "fine_tune.py", "def setup_parser(:\n")
    write(checkout, "sdxl_train.py", "def setup_parser():\n    raise SystemExit(3)\n")
    found = read_checkout_options(checkout)
    assert list(found.sets) == ["sdxl_train_network.py", "train_network.py"]
    assert set(found.problems) == {"train_db.py", "fine_tune.py", "sdxl_train.py"}
    assert "torch.make_parser" in found.problems["train_db.py"].ja
    with pytest.raises(CaddieError, match="SyntaxError"):
        read_checkout(checkout, ["fine_tune.py"])


@pytest.mark.parametrize(
    "body",
    [
        "open({target!r}, 'w').write('x')",
        "pathlib.Path({target!r}).write_text('x')",
        "pathlib.os.system('touch {target}')",
        "(lambda s: s.Popen(['touch', {target!r}]))(__import__('subprocess'))",
        "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0].__init__.__globals__['system']('touch {target}')",
        "pathlib.os.unlink({victim!r})",
    ],
)
def test_code_of_the_checkout_touches_nothing(checkout: Path, tmp_path: Path, body: str) -> None:
    target, victim = tmp_path / "touched", tmp_path / "victim"
    victim.write_text("here")
    body = body.format(target=str(target), victim=str(victim))
    write(checkout, "train_db.py", f"import pathlib\ndef setup_parser():\n    {body}\n")
    found = read_checkout_options(checkout)
    assert "train_db.py" in found.problems
    assert "train_network.py" in found.sets
    assert not target.exists()
    assert victim.exists()


# The last one lets Python itself die, as a broken build of a library does.
KILLERS = {
    "more than 2 seconds": "    while True:\n        pass\n",
    "it ended Python with": "    frame = [c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0].__init__\n"
    "    frame.__globals__['_exit'](7)\n",
}


@pytest.mark.parametrize("words", KILLERS)
def test_a_script_that_ends_the_reader_hides_no_other(checkout: Path, words: str) -> None:
    before = read_checkout(checkout)
    write(checkout, "fine_tune.py", f"def setup_parser():\n{KILLERS[words]}")
    found = read_checkout_options(checkout, timeout=8)
    assert dict(found.sets) == before
    assert list(found.problems) == ["fine_tune.py"]
    assert words in found.problems["fine_tune.py"].en
    caches = list((checkout.parent / "home" / "cache").iterdir())
    assert ("fine_tune.py" in caches[0].read_text(encoding="utf-8")) == ("Python" in words)  # slow today is not slow for ever


def test_two_such_scripts_hide_no_other_either(checkout: Path) -> None:
    before = read_checkout(checkout)
    killer = f"def setup_parser():\n{KILLERS['it ended Python with']}"
    write(checkout, "fine_tune.py", killer)
    write(checkout, "zz_train.py", killer)
    found = read_checkout_options(checkout)
    assert dict(found.sets) == before
    assert set(found.problems) == {"fine_tune.py", "zz_train.py"}
    with pytest.raises(CaddieError, match=r"fine_tune\.py.*it ended Python with exit code 7"):
        read_checkout(checkout, ["fine_tune.py"])


def test_a_reader_that_says_nothing_is_told(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(checkout, "silent.py", "import sys\nprint('no luck', file=sys.stderr)\nsys.exit(3)\n")
    monkeypatch.setattr("core.options.ask.CHILD", checkout / "silent.py")
    with pytest.raises(CaddieError, match="exit code 3: no luck"):
        read_checkout(checkout)


def test_a_second_reading_starts_no_child_until_a_file_changes(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_checkout(checkout)
    started: list[Path] = []
    ask = reader._ask_child

    def counted(folder: Path, timeout: float) -> dict[str, object]:
        started.append(folder)
        return ask(folder, timeout)

    monkeypatch.setattr(reader, "_ask_child", counted)
    assert read_checkout(checkout) == first
    assert started == []
    write(checkout, "library/constants.py", CONSTANTS.replace("16 * 100", "20 * 100"))
    assert read_checkout(checkout)["train_network.py"].options["max_train_steps"].default == 2000
    assert len(started) == 1


def test_a_damaged_cache_is_read_anew(checkout: Path) -> None:
    first = read_checkout(checkout)
    caches = list((checkout.parent / "home" / "cache").iterdir())
    assert len(caches) == 1
    for content in ("", "[]", '{"key": 1}'):
        caches[0].write_text(content, encoding="utf-8")
        assert read_checkout(checkout) == first


def test_the_commit_is_told_and_part_of_the_key(checkout: Path) -> None:
    (checkout / ".git").mkdir()
    write(checkout, ".git/HEAD", "a" * 40 + "\n")
    assert read_checkout(checkout)["train_network.py"].commit == "a" * 40


def test_a_folder_that_is_no_checkout_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    with pytest.raises(CaddieError, match="cannot be read"):
        read_checkout(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaddieError, match="no training script"):
        read_checkout(tmp_path / "empty")


@pytest.mark.parametrize("scripts", [{"a.py": [{"flags": []}]}, {"a.py": [5]}, {"a.py": [{"flags": ["--x"], "kind": "?"}]}, []])
def test_an_answer_of_another_shape_is_said_and_not_kept(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, scripts: object
) -> None:
    whole = reader._ask_child
    monkeypatch.setattr(reader, "_ask_child", lambda *_: {"scripts": scripts, "problems": {}})
    with pytest.raises(CaddieError, match="could not be read"):
        read_checkout(checkout)
    monkeypatch.setattr(reader, "_ask_child", whole)
    assert "train_network.py" in read_checkout(checkout)


def test_a_default_that_is_left_out_is_none(checkout: Path) -> None:
    write(
        checkout,
        "odd_train.py",
        "import argparse\ndef setup_parser():\n    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--learning_rate', default=argparse.SUPPRESS)\n    return parser\n",
    )
    option = read_checkout(checkout, ["odd_train.py"])["odd_train.py"].get("learning_rate")
    assert option is not None
    assert option.default is None
