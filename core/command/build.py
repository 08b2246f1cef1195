"""From a job to the words that start it, and back.

The command is always a list: `<python> -m accelerate.commands.launch <its options> [companion] <script> <options>`.
Nothing is quoted here; that is for exports (`core.command.sh`, `cmd`, `powershell`).
"""

from __future__ import annotations

import ntpath
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from core.command.values import parse_words, to_words
from core.errors import Problems, ValueProblem
from core.job.model import Job
from core.options.model import Option, OptionKind, OptionSet, OptionValue
from core.options.snapshot import accelerate_options
from core.text import Text

LAUNCHER: Final = ("-m", "accelerate.commands.launch")
COMPANION_NAME: Final = "companion.py"

_WINDOWS_PATH = re.compile(r"^[A-Za-z]:|\\")


def build_argv(
    job: Job, *, python: str, checkout: str, options: OptionSet, companion: str | None, stand_in: str | None = None
) -> list[str]:
    """The command that starts a job.

    Args:
        job: an option that `options` does not know is written as its value suggests, so that the script can complain.
        python: the interpreter, as it is to be called.
        checkout: folder of sd-scripts; a path of Windows stays one on any system.
        options: what the job's script accepts.
        companion: path of Caddie's companion, or None. Left out as well where the job does not want it.
        stand_in: what to write for a value that no command line can say, to show the rest of such a command: it must
            never be run. None refuses such a job.

    Raises:
        Problems: values that no command line can say, each text beginning with the option's name.
    """
    problems: list[Text] = []
    launch = _option_words(job.accelerate, accelerate_options(), problems, stand_in)
    script_words = _option_words(job.options, options, problems, stand_in)
    if problems and stand_in is None:
        raise Problems(Text("The command cannot say this job:", "このジョブはコマンドとして表せません:"), problems)
    script = join_path(checkout, job.script)
    watcher = [companion] if companion is not None and job.companion else []
    return [python, *LAUNCHER, *launch, *watcher, script, *script_words]


def join_path(folder: str, name: str) -> str:
    """Joins as the folder's own system does, whatever system this is."""
    return ntpath.join(folder, name) if _WINDOWS_PATH.search(folder) else posixpath.join(folder, name)


def _option_words(values: Mapping[str, OptionValue], options: OptionSet, problems: list[Text], stand_in: str | None) -> list[str]:
    words: list[str] = []
    for name, value in values.items():
        option = options.get(name)
        try:
            words += to_words(option or guessed_option(name, value), value)
        except ValueProblem as problem:
            problems.append(Text(f"{name}: {problem.text.en}", f"{name}: {problem.text.ja}"))
            if stand_in is not None:
                words += [option.flags[0] if option is not None else f"--{name}", stand_in]
    return words


def guessed_option(name: str, value: OptionValue) -> Option:
    """What an option that nobody knows would have to be for this value.

    Raises:
        ValueProblem: no option can be of that name, or it is a switch that is off, which only a known one can say.
    """
    if not re.fullmatch(r"[^\W\d]\w*", name):
        raise ValueProblem(Text(f"{name!r} cannot be the name of an option.", f"{name!r} はオプション名にできません。"))
    if value is False:
        raise ValueProblem(
            Text(
                "the script has no such option, and an unknown switch cannot be switched off. Remove it.",
                "このスクリプトにないオプションです。不明なスイッチはオフにできないため、削除してください。",
            )
        )
    first = value[0] if isinstance(value, list) and value else value
    kind = OptionKind.TEXT
    if isinstance(first, bool):
        kind = OptionKind.FLAG
    elif isinstance(first, (int, float)):
        kind = OptionKind.INT if isinstance(first, int) and not isinstance(value, list) else OptionKind.FLOAT
    return Option(name=name, flags=(f"--{name}",), kind=kind, nargs="*" if isinstance(value, list) else None)


@dataclass(slots=True)
class Parsed:
    """What was read from words.

    Attributes:
        values: by option name; the last one counts, as in argparse.
        problems: what argparse would refuse or the reader had to guess.
        rest: words from the first one that belongs to no option (only where the reader was told to stop there).
    """

    values: dict[str, OptionValue] = field(default_factory=dict[str, OptionValue])
    problems: list[Text] = field(default_factory=list[Text])
    rest: list[str] = field(default_factory=list[str])


def parse_options(words: Sequence[str], options: OptionSet, *, stop_at_word: bool = False) -> Parsed:
    """Reads options as argparse does, but says all problems instead of ending at the first.

    Args:
        words: without the program and the script.
        options: what is accepted. An unknown option is kept under its name, with the values that follow it.
        stop_at_word: end at the first word that belongs to no option (the script in `accelerate launch`).
    """
    by_flag = {flag: option for option in options for flag in option.flags}
    parsed = Parsed()
    position = 0
    while position < len(words):
        word = words[position]
        if not _is_flag(word, by_flag):
            if stop_at_word:
                parsed.rest = list(words[position:])
                break
            parsed.problems.append(Text(f"{word!r} belongs to no option.", f"{word!r} はどのオプションにも属していません。"))
            position += 1
            continue
        position = _parse_one(words, position, by_flag, parsed, stop_at_word=stop_at_word)
    return parsed


def _is_flag(word: str, by_flag: Mapping[str, Option]) -> bool:
    # argparse: a dash in front, unless it is a lone dash, a negative number, or has a blank and no "=".
    if not word.startswith("-") or word == "-":
        return False
    if word in by_flag or word.partition("=")[0] in by_flag:
        return True
    return not re.match(r"^-\d+$|^-\d*\.\d+$", word) and " " not in word


def _parse_one(words: Sequence[str], position: int, by_flag: Mapping[str, Option], parsed: Parsed, *, stop_at_word: bool) -> int:
    """Reads the option at `position` into `parsed` and returns the position after it."""
    word = words[position]
    flag, equals, attached = (word, "", "") if word in by_flag else word.partition("=")
    option = by_flag.get(flag) or _abbreviated(flag, by_flag, parsed.problems)
    end = position + 1
    if equals:
        given = [attached]
    else:
        limit = _value_limit(option, stop_at_word=stop_at_word)
        while end < len(words) and end - position - 1 < limit and not _is_flag(words[end], by_flag):
            end += 1
        given = list(words[position + 1 : end])
    name, value = _value_of(flag, option, given, attached=bool(equals), problems=parsed.problems)
    if value is not None:
        if name in parsed.values and not _same(parsed.values[name], value):
            parsed.problems.append(
                Text(
                    f"{flag} is given twice; the last one counts.",
                    f"{flag} が 2 回指定されています。最後の指定が有効になります。",
                )
            )
        parsed.values.pop(name, None)
        parsed.values[name] = value
    return end


def _value_limit(option: Option | None, *, stop_at_word: bool) -> int:
    if option is None:
        return 0 if stop_at_word else 1_000_000
    if option.kind in (OptionKind.FLAG, OptionKind.OFF_FLAG):
        return 0
    if isinstance(option.nargs, int):
        return option.nargs
    return 1_000_000 if option.is_list else 1


def _abbreviated(flag: str, by_flag: Mapping[str, Option], problems: list[Text]) -> Option | None:
    """The option that an abbreviated flag means: argparse takes any beginning that only one option has."""
    if not flag.startswith("--") or len(flag) == 2:
        return None
    meant = {option.name: option for known, option in by_flag.items() if known.startswith(flag)}
    if len(meant) != 1:
        return None
    option = next(iter(meant.values()))
    problems.append(Text(f"{flag} is short for {option.flags[0]}.", f"{flag} は {option.flags[0]} の省略形として読みました。"))
    return option


def _value_of(
    flag: str, option: Option | None, given: list[str], *, attached: bool, problems: list[Text]
) -> tuple[str, OptionValue | None]:
    if option is None:
        name = flag.lstrip("-").replace("-", "_")
        problems.append(Text(f"{flag} is no option of this script.", f"{flag} はこのスクリプトのオプションではありません。"))
        if not given:
            return name, True
        return name, given[0] if len(given) == 1 else given
    switch = option.kind in (OptionKind.FLAG, OptionKind.OFF_FLAG)
    if switch and attached:
        problems.append(Text(f"{flag} takes no value.", f"{flag} には値を指定できません。"))
    elif not switch and not option.is_list and not given:
        problems.append(Text(f"{flag} has no value.", f"{flag} に値がありません。"))
        return option.name, None
    try:
        return option.name, parse_words(option, given)
    except ValueProblem as problem:
        problems.append(Text(f"{flag}: {problem.text.en}", f"{flag}: {problem.text.ja}"))
        return option.name, given if option.is_list else given[0]


def _same(one: OptionValue, other: OptionValue) -> bool:
    return one.__class__ is other.__class__ and one == other


def parse_argv(argv: Sequence[str], options_by_script: Mapping[str, OptionSet]) -> Job:
    """Reads a command back into a job. The opposite of `build_argv`.

    Args:
        argv: with or without Python and `accelerate launch` in front.
        options_by_script: what each script accepts.

    Raises:
        Problems: no script in it, or words that its parser would refuse.
    """
    job, problems = read_argv(argv, options_by_script)
    if problems:
        raise Problems(Text("The command cannot be read:", "コマンドを読み取れません:"), problems)
    return job


def read_argv(argv: Sequence[str], options_by_script: Mapping[str, OptionSet]) -> tuple[Job, list[Text]]:
    """Like `parse_argv`, but returns the problems beside what could be read."""
    words = list(argv)
    launch = Parsed()
    start = _after_launcher(words)
    if start is not None:
        launch = parse_options(words[start:], accelerate_options(), stop_at_word=True)
        words = launch.rest
    else:
        words = words[_first_script(words) :]
    companion = len(words) > 1 and _file_name(words[0]) == COMPANION_NAME and words[1].endswith(".py")
    if companion:
        words = words[1:]
    if not words or not words[0].endswith(".py"):
        problem = Text("There is no training script in the command.", "コマンドに学習スクリプトがありません。")
        return Job(), [*launch.problems, problem]
    script = _file_name(words[0])
    options = options_by_script.get(script)
    problems = list(launch.problems)
    if options is None:
        problems.append(Text(f"The script {script} is unknown.", f"スクリプト {script} は不明です。"))
        options = OptionSet(script, MappingProxyType({}), "snapshot")
    parsed = parse_options(words[1:], options)
    job = Job(
        script=script,
        options=MappingProxyType(parsed.values),
        accelerate=MappingProxyType(launch.values),
        companion=companion,
    )
    return job, problems + parsed.problems


def _after_launcher(words: Sequence[str]) -> int | None:
    """The position after `accelerate launch` in any of its spellings, or None where it is not called."""
    for position, word in enumerate(words):
        name = _file_name(word).lower().removesuffix(".exe")
        following = words[position + 1] if position + 1 < len(words) else ""
        if name == "accelerate-launch" or word == LAUNCHER[1]:
            return position + 1
        if name == "accelerate" and following == "launch":
            return position + 2
        if _file_name(word).endswith(".py"):
            return None
    return None


def _first_script(words: Sequence[str]) -> int:
    return next((position for position, word in enumerate(words) if word.endswith(".py")), len(words))


def _file_name(word: str) -> str:
    return re.split(r"[\\/]", word)[-1]
