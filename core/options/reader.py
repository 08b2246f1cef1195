"""The options of the user's own checkout, read without importing its scripts (see `parser_child`).

What was read is cached under the user's data by commit and by the files' times and sizes, so that the next start costs
a few milliseconds, and any edit of a script is seen.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from core.environment.checkout import read_git
from core.errors import CaddieError
from core.files import write_atomically
from core.options.ask import CHILD
from core.options.ask import ask_child as _ask_child
from core.options.model import OptionSet
from core.options.parser_child import source_files
from core.options.snapshot import option_from_record
from core.paths import user_data_dir
from core.text import Text

TIMEOUT: Final = 60.0
"""Seconds that the reading may take. One is usual; a cold disk and a virus scanner are not."""

_FORMAT = 3
_NO_ANSWER = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What an answer of another shape than the reader's ends in."""


@dataclass(frozen=True, slots=True)
class CheckoutOptions:
    """What was read from a checkout.

    Attributes:
        sets: script name -> its options.
        problems: why a script is not among them (a script that only its own libraries could read).
    """

    sets: Mapping[str, OptionSet]
    problems: Mapping[str, Text]


def read_checkout(folder: Path, scripts: Iterable[str] | None = None) -> dict[str, OptionSet]:
    """The options of the training scripts in `folder`.

    Args:
        folder: a checkout of sd-scripts.
        scripts: file names to read; None for all training scripts.

    Raises:
        CaddieError: no folder, no training script in it, none that could be read, or the reading took too long.
    """
    return dict(read_some_options(folder, scripts).sets)


def read_some_options(folder: Path, scripts: Iterable[str] | None = None) -> CheckoutOptions:
    """Like `read_checkout`, with the reasons for those that could not be read beside at least one that could.

    Raises:
        CaddieError: as there.
    """
    wanted = None if scripts is None else set(scripts)
    found = read_checkout_options(folder)
    sets = {name: options for name, options in found.sets.items() if wanted is None or name in wanted}
    problems = {name: text for name, text in found.problems.items() if wanted is None or name in wanted}
    if not sets:
        raise _nothing_read(folder, list(problems.values()))
    return CheckoutOptions(MappingProxyType(sets), MappingProxyType(problems))


def read_checkout_options(folder: Path, *, timeout: float = TIMEOUT) -> CheckoutOptions:
    """Like `read_checkout` for all scripts, with the reasons for those that could not be read.

    Raises:
        CaddieError: no folder, or the reading broke off or took longer than `timeout` seconds.
    """
    try:
        files = source_files(folder)
        key = _key(folder, files.values())
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(Text(f"{folder} cannot be read: {reason}", f"{folder} を読めません: {reason}")) from error
    cache = _cache_file(folder)
    commit = read_git(folder)[0]
    cached = _cached(cache, key)
    if cached is not None:
        with contextlib.suppress(*_NO_ANSWER):  # a damaged cache is no reason not to look
            return _checkout_options(cached, commit)
    answer = _ask_child(folder, timeout)
    try:
        options = _checkout_options(answer, commit)
    except _NO_ANSWER as error:
        raise CaddieError(
            Text(
                f"The options of {folder} could not be read: {error!r}", f"{folder} のオプションを読み取れませんでした: {error!r}"
            )
        ) from error
    if not answer.get("in_time", True):
        return options
    with contextlib.suppress(OSError):  # without a cache the next reading takes longer, that is all
        write_atomically(cache, json.dumps({"key": key, "answer": answer}, ensure_ascii=False))
    return options


def _checkout_options(answer: Mapping[str, Any], commit: str | None) -> CheckoutOptions:
    sets = {name: _option_set(name, records, commit) for name, records in answer["scripts"].items()}
    problems = {name: _unreadable(name, words) for name, words in answer["problems"].items()}
    return CheckoutOptions(MappingProxyType(sets), MappingProxyType(problems))


def _option_set(script: str, records: list[dict[str, object]], commit: str | None) -> OptionSet:
    options = [option_from_record(record) for record in records]
    return OptionSet(script, MappingProxyType({option.name: option for option in options}), "checkout", commit)


def _key(folder: Path, files: Iterable[Path]) -> str:
    """What the answer depends on: this reader, the Python that runs it, the commit, and every file that could matter."""
    facts: list[object] = [_FORMAT, CHILD.stat().st_mtime_ns, sys.version, read_git(folder)[0]]
    for path in files:
        status = path.stat()
        facts.append((str(path.relative_to(folder)), status.st_mtime_ns, status.st_size))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _cache_file(folder: Path) -> Path:
    name = hashlib.sha256(os.path.abspath(folder).encode()).hexdigest()[:16]
    return user_data_dir() / "cache" / f"options-{name}.json"


def _cached(cache: Path, key: str) -> dict[str, Any] | None:
    try:
        stored = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(stored, dict):
        return None
    content = cast("dict[str, Any]", stored)
    return cast("dict[str, Any]", content["answer"]) if content.get("key") == key and "answer" in content else None


def _unreadable(script: str, words: str) -> Text:
    return Text(f"{script}: its options could not be read ({words}).", f"{script}: オプションを読み取れませんでした ({words})。")


def _nothing_read(folder: Path, problems: list[Text]) -> CaddieError:
    if problems:
        return CaddieError(Text("\n".join(problem.en for problem in problems), "\n".join(problem.ja for problem in problems)))
    return CaddieError(
        Text(
            f"{folder} has no training script whose options could be read. Is it a checkout of sd-scripts?",
            f"{folder} にオプションを読み取れる学習スクリプトがありません。sd-scripts のフォルダーか確認してください。",
        )
    )
