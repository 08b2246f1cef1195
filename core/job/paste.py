"""What people paste: a whole command from a .bat, .sh or .ps1, some options, a config file, or optimizer arguments.

Nothing is dropped without a word: what was not read, and what had to be guessed, is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from core.catalogue.catalogue import Catalogue
from core.command import cmd, powershell, sh
from core.command.build import parse_options, read_argv
from core.errors import CaddieError, ValueProblem
from core.job.check import argument_faults, option_faults
from core.job.paste_arguments import ReadArguments, read_arguments, read_words
from core.job.store import loads
from core.options.model import OptionSet, OptionValue
from core.options.snapshot import snapshot_for
from core.text import Text

_SPLITTERS: Final[Mapping[str, Callable[[str], list[list[str]]]]] = MappingProxyType(
    {"sh": sh.split_commands, "cmd": cmd.split_commands, "powershell": powershell.split_commands}
)
_JOINERS: Final[Mapping[str, Callable[[Sequence[str]], str]]] = MappingProxyType(
    {"sh": sh.join, "cmd": cmd.join, "powershell": powershell.join}
)
_FLAG = re.compile(r"(?:^|\s)[\"']?--[A-Za-z]")
_QUOTED_VALUE = re.compile(r"(?<=[=:])\s*(?:'[^'\n]*'|\"[^\"\n]*\")")
_SCRIPT = re.compile(r"(?:^|[\\/])[^\\/]*(?:train|fine_tune|textual_inversion)[^\\/]*\.py$")
_VARIABLE = re.compile(r"%[A-Za-z_]\w*%|\$\{?[A-Za-z_]\w*|%~?[0-9*]|\$env:")
# Commands of scripts that say nothing about the training.
_CEREMONY = re.compile(r"^(@?echo|rem|::|pause|setlocal|endlocal|chcp|exit|title|cls|shift)\b|^::|^:\w+$", re.IGNORECASE)


def _no_extra() -> Mapping[str, object]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """What a text says.

    Attributes:
        script: the training script, or None where the text names none.
        options: sd-scripts' options, `optimizer_args` aside.
        arguments: the optimizer's arguments, name -> literal.
        accelerate: options of `accelerate launch`.
        problems: what was not read, or had to be guessed.
        extra: of another program's settings, what no option says; kept in the job.
    """

    script: str | None = None
    options: Mapping[str, OptionValue]
    arguments: Mapping[str, str]
    accelerate: Mapping[str, OptionValue]
    problems: tuple[Text, ...] = ()
    extra: Mapping[str, object] = field(default_factory=_no_extra)


def read_pasted(text: str, options: OptionSet, catalogue: Catalogue) -> Pasted:
    """Reads a text in any dialect.

    Args:
        text: what was pasted.
        options: of the job's script; a script that the text names is read with its own where those are known.
        catalogue: checks the arguments against the optimizer that the text names.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "").strip()
    config = _read_config(text, options, catalogue)
    if config is not None:
        return config
    if _looks_like_a_command(text):
        return _read_command(text, options, catalogue)
    arguments = ReadArguments()
    read_arguments(text, arguments)
    if text and not arguments.arguments and not arguments.problems:
        arguments.leave(text)
    return _pasted(None, {}, arguments, {}, problems=[], catalogue=catalogue)


def _looks_like_a_command(text: str) -> bool:
    # What stands in quotation marks behind an equals sign is a value, whatever it looks like.
    return bool(_FLAG.search(_QUOTED_VALUE.sub("", text))) or any(_SCRIPT.search(word.strip("\"'")) for word in text.split())


def dialect_of(text: str) -> str:
    """`sh`, `cmd` or `powershell`.

    Told by how lines go on; else by being the only one that would write the command so; else by words and paths that
    only one has.
    """
    for ending, name in ((r"\^[ \t]*\n", "cmd"), (r"`[ \t]*\n", "powershell"), (r"\\\n", "sh")):
        if re.search(ending, text, re.MULTILINE):
            return name
    writers = [name for name in _SPLITTERS if _writes_so(name, text)]
    if len(writers) == 1:
        return writers[0]
    if re.search(r"^\s*(&\s|\$\w+\s*=|\$env:)", text, re.MULTILINE):
        return "powershell"
    if re.search(
        r"^\s*(@?echo off|rem |::|call |set \"?\w+=|setlocal|chcp )|%\w+%|\^[\"&|<>]", text, re.MULTILINE | re.IGNORECASE
    ):
        return "cmd"
    # A backslash in a bare path would be eaten by sh, one in single quotes only works in sh and PowerShell.
    bare = re.sub(r"'[^']*'", "", text)
    return "cmd" if re.search(r"\b[A-Za-z]:\\|\.\\\w|\w\\\w", bare) else "sh"


def _writes_so(dialect: str, text: str) -> bool:
    try:
        commands = _SPLITTERS[dialect](text)
        return text == _JOINERS[dialect](commands[-1] if commands else [])
    except ValueProblem:
        return False


def _read_command(text: str, options: OptionSet, catalogue: Catalogue) -> Pasted:
    problems: list[Text] = []
    dialect = dialect_of(text)
    if dialect == "cmd":
        text = re.sub(r"\^[ \t]+$", "^", text, flags=re.MULTILINE)  # a blank behind the caret: meant as a line that goes on
    try:
        commands = _SPLITTERS[dialect](text)
    except ValueProblem as problem:
        problems.append(problem.text)
        commands = [text.split()]
    words = _training_command(commands, problems)
    script: str | None = None
    accelerate: dict[str, OptionValue] = {}
    if any(word.endswith(".py") for word in words):
        known = {word: found for word in map(_file_name, words) if (found := _options_of(word, options)) is not None}
        job, found_problems = read_argv(words, known)
        script, accelerate, values = job.script, dict(job.accelerate), dict(job.options)
    else:
        parsed = parse_options(words, options)
        found_problems, values = parsed.problems, parsed.values
    problems += found_problems
    arguments = ReadArguments()
    items = values.pop("optimizer_args", None)
    if items is not None:
        read_words([str(item) for item in items] if isinstance(items, list) else [str(items)], arguments)
    problems += _doubts(values)
    return _pasted(script, values, arguments, accelerate, problems=problems, catalogue=catalogue)


def _options_of(script: str, options: OptionSet) -> OptionSet | None:
    if script == options.script:
        return options
    return snapshot_for(script)


def _file_name(word: str) -> str:
    return re.split(r"[\\/]", word)[-1]


def _training_command(commands: Sequence[Sequence[str]], problems: list[Text]) -> list[str]:
    """The command that trains; what else there is, is named as not read."""
    rated = [(any(_SCRIPT.search(word) for word in words), any(word.startswith("--") for word in words)) for words in commands]
    best = max(range(len(commands)), key=lambda place: rated[place], default=None)
    if best is None:
        return []
    words = list(commands[best])
    others = [" ".join(other) for place, other in enumerate(commands) if place != best and not _CEREMONY.match(" ".join(other))]
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):  # variables for this command alone
        others.append(words.pop(0))
    if others:
        listed = "; ".join(others)
        problems.append(Text(f"Not read: {listed}", f"読み取らなかった部分: {listed}"))
    return words


def _doubts(values: Mapping[str, OptionValue]) -> list[Text]:
    """Values that mean something else here than where they came from."""
    found: list[Text] = []
    for name, value in values.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and _VARIABLE.search(item):
                found.append(
                    Text(
                        f"{name} = {item!r} holds a variable of the shell.", f"{name} = {item!r} にシェルの変数が含まれています。"
                    )
                )
    if "config_file" in values:
        found.append(
            Text(
                "config_file: the settings in that file are not read here. Open the file as a job to see them.",
                "config_file: このファイルの中の設定は読み取っていません。ジョブとして開くと確認できます。",
            )
        )
    return found


def _read_config(text: str, options: OptionSet, catalogue: Catalogue) -> Pasted | None:
    """The text as a config file; None where it is none."""
    if "=" not in text or text.startswith("{"):
        return None
    try:
        job = loads(text)
    except CaddieError:
        return None
    own = _options_of(job.script, options) if "[caddie]" in text else options
    known = own or options
    if not any(known.get(name) for name in job.options):
        return None
    values = dict(job.options)
    values.pop("optimizer_args", None)
    arguments = ReadArguments()
    read_words(job.argument_items, arguments)
    problems = [fault.sentence() for fault in option_faults(values, known)]
    script = job.script if "[caddie]" in text else None
    problems += _doubts(values)
    return _pasted(script, values, arguments, job.accelerate, problems=problems, catalogue=catalogue)


def _pasted(
    script: str | None,
    options: Mapping[str, OptionValue],
    arguments: ReadArguments,
    accelerate: Mapping[str, OptionValue],
    *,
    problems: Sequence[Text],
    catalogue: Catalogue,
) -> Pasted:
    found = [*problems, *arguments.problems]
    if any(name in options for name in ("optimizer_type", "use_8bit_adam", "use_lion_optimizer")):
        items = [f"{name}={literal}" for name, literal in arguments.arguments.items()]
        found += [fault.sentence() for fault in argument_faults(items, catalogue.find_for_options(options))]
    return Pasted(
        script=script,
        options=MappingProxyType(dict(options)),
        arguments=MappingProxyType(dict(arguments.arguments)),
        accelerate=MappingProxyType(dict(accelerate)),
        problems=tuple(dict.fromkeys(found)),
    )
