"""The file behind `--config_file` of an imported command, merged as sd-scripts does: what the command line says wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from core.convert.decode import LARGEST_TEXT, decode, too_large
from core.convert.report import Imported, Ledger, Report
from core.errors import CaddieError
from core.job.check import option_faults
from core.job.model import Job
from core.job.store import loads
from core.options.model import OptionSet, OptionValue
from core.options.snapshot import snapshot_for
from core.text import Text

KEY: Final = "config_file"


def with_config_file(found: Imported, folder: Path, options: OptionSet | None = None) -> Imported:
    """The import with the settings of its config file; unchanged where it names none.

    What could not be read is a note, and the option then stays in the job.

    Args:
        found: a command that was read.
        folder: in which the script with the command lies; a path that is not absolute is looked for there. sd-scripts
            looks in the folder that it is started in, which for such scripts is mostly the same.
        options: of the user's own checkout.
    """
    named = found.job.options.get(KEY)
    if not isinstance(named, str) or not named:
        return found
    path = folder / (named if named.endswith(".toml") else f"{named}.toml")
    try:
        if not path.is_file():
            raise CaddieError(Text("there is no such file", "ファイルがありません"))
        config = _read(path)
    except OSError as error:
        reason = error.strerror or str(error)
        return _unread(found, path, Text(reason, reason))
    except CaddieError as error:
        return _unread(found, path, error.text)
    known = options if options is not None and options.script == found.job.script else snapshot_for(found.job.script)
    return _merged(found, path, config, known)


def _read(path: Path) -> Job:
    if (size := path.stat().st_size) > LARGEST_TEXT:
        raise too_large(size, LARGEST_TEXT)
    return loads(decode(path.read_bytes()))


def _unread(found: Imported, path: Path, why: Text) -> Imported:
    note = Text(
        f"config_file: the settings in {path} are not in the job: {why.en}",
        f"config_file: {path} の設定は取り込んでいません: {why.ja}",
    )
    return replace(found, report=Report(found.report.entries, (*found.report.notes, note)))


def _merged(found: Imported, path: Path, config: Job, known: OptionSet | None) -> Imported:
    said: Mapping[str, OptionValue] = {name: value for name, value in found.job.options.items() if name != KEY}
    ledger = Ledger()
    for name, value in config.options.items():
        if name in said:
            ledger.unset(
                f"{path.name}: {name}",
                value,
                Text("the command line says it, too, and wins", "コマンドラインの指定が優先されます"),
            )
        elif name == KEY:
            ledger.unset(
                f"{path.name}: {name}",
                value,
                Text("sd-scripts reads one config file", "sd-scripts が読み込む設定ファイルは 1 つです"),
            )
        elif known is None or known.get(name) is None:
            ledger.unknown(f"{path.name}: {name}", value)
        else:
            ledger.taken(f"{path.name}: {name}", value)
    new = {name: value for name, value in config.options.items() if name not in said and name != KEY}
    if known is not None:
        ledger.note(fault.sentence() for fault in option_faults(new, known))
    ledger.note([Text(f"The settings in {path} are in the job now.", f"{path} の設定をジョブに取り込みました。")])
    entries = tuple(entry for entry in found.report.entries if entry.key != KEY)
    book = Ledger()
    book.translated(KEY, str(path), "…", Text("its settings are listed below", "内容は以下のとおりです"))
    own = ledger.report()
    return replace(
        found,
        job=replace(found.job, options=MappingProxyType({**new, **said})),
        report=Report((*entries, *book.entries, *own.entries), (*found.report.notes, *own.notes)),
    )
