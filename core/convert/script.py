"""A .sh, .bat or .ps1 file, a pasted command, or the words of one as JSON: the one command in it that trains."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Literal, cast

from core.command import cmd, powershell, sh
from core.command.build import read_argv
from core.command.surroundings import HAND_LOSS
from core.convert.report import Imported, Ledger
from core.convert.variables import expand_cmd, expand_powershell, expand_sh
from core.environment.variables import TRAINING_VARIABLES
from core.errors import CaddieError, ValueProblem
from core.job.model import Job, split_argument
from core.job.paste_arguments import ReadArguments, is_literal, read_words
from core.options.model import OptionSet, OptionValue
from core.options.snapshot import snapshot_for
from core.text import Text

Dialect = Literal["sh", "cmd", "powershell"]

KINDS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "sh": Text("shell script", "シェルスクリプト"),
        "cmd": Text("batch file", "バッチファイル"),
        "powershell": Text("PowerShell script", "PowerShell スクリプト"),
        "argv": Text("command as JSON", "JSON 形式のコマンド"),
    }
)
_TRAINS: Final = re.compile(r"(?:^|[\\/])[^\\/]*(?:train|fine_tune|textual_inversion)[^\\/]*\.py$")
# What prepares or ends such a script and says nothing about the training.
_CEREMONY: Final = re.compile(
    r"^(@?echo|rem|::|pause|setlocal|endlocal|chcp|exit|title|cls|shift|cd|pushd|popd|goto|if|for|try|catch|set-location"
    r"|\[|\{|\}|do|done|then|else|fi|in|source|\.|call|activate|read|test|set|export|local|usebackq|CDPATH=|\$|:)",
    re.IGNORECASE,
)
_LEFT_VARIABLE: Final = re.compile(r"%[A-Za-z_]\w*%|\$\{?[A-Za-z_]\w*|\$env:", re.IGNORECASE)
_OWN: Final = frozenset(name.lower() for name in (*TRAINING_VARIABLES, *HAND_LOSS, "PYTHONPATH", "CDPATH"))
_TELLING: Final = re.compile(r"^(env:)?(CUDA_|HF_|PYTORCH_|NCCL_|OMP_|WANDB_|TORCH_|XFORMERS_)", re.IGNORECASE)
_SPLITTERS: Final[Mapping[str, Callable[[str], list[list[str]]]]] = MappingProxyType(
    {"sh": sh.split_commands, "cmd": cmd.split_commands, "powershell": powershell.split_commands}
)


def read_script(text: str, dialect: Dialect, *, folder: str = "", options: OptionSet | None = None) -> Imported:
    """Reads a script.

    Args:
        text: of the file.
        dialect: whose rules hold.
        folder: where the file lies, for `%~dp0`; "" where unknown.
        options: of the user's own checkout, used for the script they belong to; else the shipped ones.

    Raises:
        CaddieError: quotation marks that are never closed, or no command in it that trains.
    """
    ledger = Ledger()
    if dialect == "cmd":
        text = re.sub(r"\^[ \t]+$", "^", text.replace("\r\n", "\n"), flags=re.MULTILINE)
        text, found = expand_cmd(text, folder)
    elif dialect == "sh":
        text, found = expand_sh(text)
    else:
        text, found = expand_powershell(text)
    commands = _SPLITTERS[dialect](text)
    words = _training(commands, found, ledger)
    told = {name.removeprefix("env:").lower(): value for name, value in found.items()}
    for word in words[: next((place for place, word in enumerate(words) if "=" not in word), 0)]:
        name, _, value = word.partition("=")
        ledger.impossible(name, value, _ENVIRONMENT)
    return _imported(words, KINDS[dialect], ledger, options, hand_loss=told.get("caddie_hand_loss") == "1")


def read_words_of_json(document: Sequence[object], options: OptionSet | None = None) -> Imported:
    """Reads a command that is given as a JSON list of its words. Raises CaddieError."""
    if not all(isinstance(word, str) for word in document):
        raise CaddieError(Text("This JSON list is no command.", "この JSON のリストはコマンドではありません。"))
    words = cast("list[str]", list(document))
    if not any(word.endswith(".py") for word in words):
        raise _nothing()
    return _imported(words, KINDS["argv"], Ledger(), options)


_ENVIRONMENT: Final = Text(
    "an environment variable; a job has none. Set it before Caddie is started.",
    "環境変数はジョブに含められません。Caddie を起動する前に設定してください",
)


def _nothing() -> CaddieError:
    return CaddieError(Text("No command in this file starts a training.", "学習を開始するコマンドが見つかりません。"))


def _training(commands: Sequence[list[str]], found: Mapping[str, str], ledger: Ledger) -> list[str]:
    """The command that trains; everything else is booked."""
    training = [words for words in commands if any(_TRAINS.search(word) for word in words)]
    rated = [words for words in training if any(word.startswith("--") for word in words)] or training
    if not rated:
        raise _nothing()
    chosen = rated[-1]
    for words in commands:
        line = " ".join(words)
        if words is chosen:
            continue
        if words in rated:
            why = Text("another training; a job holds one", "別の学習です。1 つのジョブに含められる学習は 1 つです")
            ledger.impossible("command", line, why)
        elif not _CEREMONY.match(line) and not all("=" in word for word in words[:1]):
            ledger.impossible("command", line, Text("no part of a job", "ジョブに含まれない処理です"))
    for name, value in found.items():
        plain = name.lower().removeprefix("env:")
        if plain in _OWN:
            ledger.translated(name, value, "…", Text("Caddie sets it by itself", "Caddie が自動的に設定します"))
        elif _TELLING.match(name):
            ledger.impossible(name, value, _ENVIRONMENT)
    return chosen


def _imported(
    words: Sequence[str], kind: Text, ledger: Ledger, options: OptionSet | None, *, hand_loss: bool = False
) -> Imported:
    known: dict[str, OptionSet] = {}
    for word in words:
        name = re.split(r"[\\/]", word)[-1]
        found = options if options is not None and name == options.script else snapshot_for(name)
        if word.endswith(".py") and found is not None:
            known[name] = found
    job, problems = read_argv(words, known)
    ledger.note(problems)
    if job.script != Job().script or any(_TRAINS.search(word) for word in words):
        ledger.taken("script", job.script)
    values = dict(job.options)
    of_script = known.get(job.script)
    for name, value in values.items():
        if name == "optimizer_args":
            values[name] = _mended(value, ledger)
        elif of_script is None or of_script.get(name) is None:
            ledger.unknown(name, value)
        else:
            ledger.taken(name, value)
        if any(isinstance(item, str) and _LEFT_VARIABLE.search(item) for item in (value if isinstance(value, list) else [value])):
            ledger.note([Text(f"{name} holds a variable of the shell.", f"{name} にシェルの変数が含まれています。")])
    for name, value in job.accelerate.items():
        ledger.taken(f"accelerate {name}", value)
    # An export leaves the companion out, and other programs have none: what Caddie does by default holds.
    result = replace(job, options=MappingProxyType(values), companion=True, hand_loss=hand_loss or job.companion)
    return Imported(kind=kind, job=result, report=ledger.report())


def _mended(value: OptionValue, ledger: Ledger) -> OptionValue:
    """The entries as they are where a training can read them; else read as pasted ones are."""
    items = [str(item) for item in value] if isinstance(value, list) else [str(value)]
    pairs = [split_argument(item) for item in items]
    if all(name.isidentifier() and is_literal(literal) for name, literal in pairs):
        ledger.taken("optimizer_args", items)
        return value
    read = ReadArguments()
    read_words(items, read)
    ledger.note(read.problems)
    meant = [f"{name}={literal}" for name, literal in read.arguments.items()]
    ledger.translated("optimizer_args", items, str(meant))
    return meant


def dialect_for(ending: str) -> Dialect | None:
    """Whose rules hold for a file of that ending (".bat"), or None."""
    known: dict[str, Dialect] = {".sh": "sh", ".bash": "sh", ".command": "sh", ".bat": "cmd", ".cmd": "cmd", ".ps1": "powershell"}
    return known.get(ending.lower())


def loads_json(text: str) -> object:
    """The document. Raises CaddieError for what is no JSON, or nested too deeply to be settings."""
    try:
        return json.loads(text)
    except RecursionError:
        raise CaddieError(Text("Nested too deeply to be settings.", "入れ子が深すぎます。")) from None
    except ValueError as error:
        raise ValueProblem(Text(f"This is no JSON: {error}", f"JSON として読み取れません: {error}")) from None
