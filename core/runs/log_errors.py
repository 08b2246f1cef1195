"""Finds the line of a log that says what went wrong.

`accelerate` ends every failure with its own traceback, whose last line holds the whole command line (keys of other
services included). That line is never the error, and never shown with its command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_LAUNCHER = re.compile(r"CalledProcessError: Command |ChildFailedError:|torch\.distributed\.elastic\S*Error")
_COMMAND = re.compile(r"(CalledProcessError: Command ).*?( returned non-zero exit status -?\d+\.?| died with .*)?$", re.DOTALL)
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(
    r"(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Invalid|Failure|Warning|NotFound|Killed)\b(?::\s|$)"
)
_ARGPARSE = re.compile(r"^\S+\.py: error: ")
_LEVEL = re.compile(r"\b(?:ERROR|CRITICAL)\b")
_NATIVE = re.compile(r"segmentation fault|core dumped|out of memory|killed\b", re.IGNORECASE)
_SOURCE = re.compile(r"\S+\.py:\d+")  # where rich says a record came from
_SECRETS = re.compile(
    r"(--(?:wandb_api_key|huggingface_token|hf_token|api_key|token)(?:[= ]|['\"],?\s*['\"]))([^\s'\",]+)", re.IGNORECASE
)
# As Python prints them: Namespace(wandb_api_key='…'), {'huggingface_token': '…'}, and as TOML has them.
_NAMED_SECRETS = re.compile(
    r"(\b(?:wandb_api_key|huggingface_token|hf_token|api_key)['\"]?\s{0,3}[=:]\s{0,3}['\"])([^'\"]+)", re.IGNORECASE
)
_MAYBE_SECRET = re.compile(r"CalledProcessError: Command |api_key|token|hf_|sk-", re.IGNORECASE)
_HEADERS = re.compile(r"\b(hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9]{20,})\b")


def hide_secrets(line: str) -> str:
    """The line without keys of other services, and without the command line of accelerate's last word."""
    if "CalledProcessError: Command " in line:
        line = _COMMAND.sub(lambda match: f"{match[1]}…{match[2] or ''}", line)
    return _HEADERS.sub("…", _NAMED_SECRETS.sub(r"\1…", _SECRETS.sub(r"\1…", line)))


def hide_secrets_in(text: str) -> str:
    """`hide_secrets` for whole lines of a log; cheap where there is nothing to hide."""
    if not _MAYBE_SECRET.search(text):
        return text
    return "".join(hide_secrets(line) for line in text.splitlines(keepends=True))


def tail_of(lines: Sequence[str], count: int = 40) -> tuple[str, ...]:
    """The last lines that hold something, fit to be shown."""
    kept = [hide_secrets(line.rstrip()) for line in lines if line.strip()]
    return tuple(kept[-count:])


def without_launcher(lines: Sequence[str]) -> list[str]:
    """The lines without the launcher's own traceback at the end."""
    last = next((i for i in range(len(lines) - 1, -1, -1) if _LAUNCHER.search(lines[i])), None)
    if last is None:
        return list(lines)
    start = next((i for i in range(last, -1, -1) if _begins_traceback(lines[i])), last)
    # What other processes of the tree still said after it is kept; it may be the real error.
    return [*lines[:start], *(line for line in lines[last + 1 :] if not _LAUNCHER.search(line))]


def find_error(lines: Iterable[str]) -> str:
    """The line that matters, "" where nothing looks like an error.

    In order: the exception that ends the last traceback of the script itself, argparse's complaint, a record of level
    ERROR, an exception's line without a traceback, a word of the system.
    """
    own = [line for line in without_launcher(list(lines)) if line.strip()]
    exception = _end_of_last_traceback(own)
    if exception:
        return hide_secrets(exception)
    for pattern in (_ARGPARSE, _LEVEL, _EXCEPTION, _NATIVE):
        for line in reversed(own):
            if pattern.search(line) if pattern is not _EXCEPTION else pattern.match(line.strip()):
                return hide_secrets(_without_source(line.strip()))
    return ""


def _begins_traceback(line: str) -> bool:
    # Older versions of accelerate let rich draw a box around it.
    return line.startswith(_TRACEBACK) or (line.startswith("╭") and _TRACEBACK[:-1] in line)


def _without_source(line: str) -> str:
    # Cut by hand: an expression that looks for the blanks takes a minute for a line of 64,000 of them.
    said, _, source = line.rpartition(" ")
    bare = said.rstrip()
    return bare if len(said) - len(bare) >= 1 and _SOURCE.fullmatch(source) else line


def _end_of_last_traceback(lines: Sequence[str]) -> str:
    start = next((i for i in range(len(lines) - 1, -1, -1) if _begins_traceback(lines[i].lstrip())), None)
    if start is None:
        return ""
    for line in lines[start + 1 :]:
        if line[:1] not in (" ", "\t", "|") and (_EXCEPTION.match(line) or re.match(r"[A-Za-z_][\w.]*(?::\s|$)", line)):
            return line.strip()
    return ""
