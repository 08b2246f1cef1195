"""Job files: valid `--config_file`s of sd-scripts, with Caddie's own facts in a `[caddie]` table.

sd-scripts puts the keys of all tables into one namespace, so every key in that table starts with `caddie_`, which no
script uses.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

from core.errors import CaddieError, Problems
from core.files import write_atomically
from core.job.model import Job
from core.job.toml_text import read_document, write_document
from core.options.model import OptionValue
from core.text import Text

_T = TypeVar("_T")

VERSION: Final = 1
"""The version of the file format that this Caddie writes."""

TABLE: Final = "caddie"

Migration = Callable[[dict[str, Any]], dict[str, Any]]
MIGRATIONS: Final[Mapping[int, Migration]] = MappingProxyType({})
"""Version -> what turns the content of Caddie's table of that version into that of the next."""


def loads(text: str) -> Job:
    """Reads a job from the text of its file, or of any config file for sd-scripts.

    Raises:
        CaddieError: not TOML (names the line), made by a newer Caddie, or not a config of a training.
        Problems: keys whose values no option can have.
    """
    return _from_document(read_document(text.removeprefix("\ufeff")), MIGRATIONS)


def dumps(job: Job) -> str:
    """The text of a job's file. `loads(dumps(job)) == job` (whole numbers among real ones in a list become real).

    Raises:
        Problems: a value that TOML, as sd-scripts reads it, cannot say.
    """
    return write_document(_to_document(job))


def load_job(path: Path) -> Job:
    """Reads a job file.

    Raises:
        CaddieError: missing, unreadable, not TOML, … with the file's name. Where the file is of an older version that
            cannot be brought up to date, a backup lies beside it.
    """
    text = _read_text(path)
    document = read_document_of(path, text)
    try:
        return _from_document(document, MIGRATIONS)
    except _MigrationFailed as error:
        backup = _backup(path)
        raise CaddieError(
            Text(
                f"{path}: {error.text.en} An untouched copy is {backup}.",
                f"{path}: {error.text.ja}元のファイルの控えは {backup} にあります。",
            )
        ) from error
    except Problems as error:
        raise Problems(Text(f"{path}: {error.heading.en}", f"{path}: {error.heading.ja}"), error.problems) from error
    except CaddieError as error:
        raise CaddieError(Text(f"{path}: {error.text.en}", f"{path}: {error.text.ja}")) from error


def save_job(job: Job, path: Path) -> None:
    """Writes a job file; the old one stays until the new one is complete.

    A file of an older version is copied beside it first.

    Raises:
        Problems: a value that the file cannot hold.
        CaddieError: the disk or the permissions are in the way.
    """
    text = dumps(job)
    try:
        if path.exists() and _is_of_older_version(path):
            _backup(path)
        write_atomically(path, text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(Text(f"{path} could not be written: {reason}", f"{path} に書き込めませんでした: {reason}")) from error


def read_document_of(path: Path, text: str) -> dict[str, object]:
    """`read_document` whose error names the file. Raises CaddieError."""
    try:
        return read_document(text)
    except CaddieError as error:
        raise CaddieError(Text(f"{path}: {error.text.en}", f"{path}: {error.text.ja}")) from error


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaddieError(
            Text(
                f"{path} is not UTF-8 text (byte {error.start}). Save it as UTF-8 in a text editor.",
                f"{path} は UTF-8 のテキストではありません ({error.start} バイト目)。テキストエディタで UTF-8 で保存し直してください。",
            )
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(Text(f"{path} could not be read: {reason}", f"{path} を読めませんでした: {reason}")) from error


class _MigrationFailed(CaddieError):
    """A file of an older version could not be brought up to date."""


def _from_document(document: Mapping[str, object], migrations: Mapping[int, Migration]) -> Job:
    content = dict(document)
    own = content.pop(TABLE, {})
    if not isinstance(own, dict):
        raise CaddieError(
            Text(f"[{TABLE}] has to be a table, not {own!r}.", f"[{TABLE}] はテーブルである必要があります ({own!r})。")
        )
    table = _up_to_date(cast("dict[str, Any]", own), migrations)
    options = _options(content)
    return _own_facts(table, Job(options=MappingProxyType(options)))


def _up_to_date(table: dict[str, Any], migrations: Mapping[int, Migration]) -> dict[str, Any]:
    version = table.get("caddie_version", VERSION)
    if not isinstance(version, int) or isinstance(version, bool):
        raise CaddieError(
            Text(f"caddie_version = {version!r} is not a number.", f"caddie_version = {version!r} は数値ではありません。")
        )
    if version > VERSION:
        raise CaddieError(
            Text(
                f"made by a newer Caddie (format {version}, this one reads up to {VERSION}). Update Caddie to open it.",
                f"新しい Caddie で作られたファイルです (形式 {version}、この Caddie は {VERSION} まで)。Caddie を更新してください。",
            )
        )
    for old in range(version, VERSION):
        try:
            table = migrations[old](dict(table))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _MigrationFailed(
                Text(
                    f"the file has the older format {old} and could not be brought up to date ({error!r}).",
                    f"古い形式 {old} のファイルですが、変換できませんでした ({error!r})。",
                )
            ) from error
    return table


def _options(content: Mapping[str, object]) -> dict[str, OptionValue]:
    """All keys, those of tables too, in one: the order and the precedence of sd-scripts' read_config_from_file."""
    flat: dict[str, object] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat.update(cast("dict[str, object]", value))
        else:
            flat[key] = value
    if any(isinstance(flat.get(name), list) and flat[name] and _holds_tables(flat[name]) for name in ("datasets", "subsets")):
        raise CaddieError(
            Text(
                "this is a dataset config (it describes images), not a job. Give it to the option dataset_config.",
                "これはジョブではなくデータセット設定ファイルです。dataset_config オプションに指定してください。",
            )
        )
    problems = [
        Text(
            f"{name} = {value!r}: an option holds a number, true or false, a text, or a list of one of these.",
            f"{name} = {value!r}: オプションの値は数値、true / false、文字列、またはそれらのリストです。",
        )
        for name, value in flat.items()
        if not _is_option_value(value)
    ]
    if problems:
        raise Problems(Text("These values belong to no option:", "オプションの値として扱えないものがあります:"), problems)
    return cast("dict[str, OptionValue]", flat)


def _holds_tables(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in cast("list[object]", value))


def _is_option_value(value: object) -> bool:
    if isinstance(value, list):
        items = cast("list[object]", value)
        return all(isinstance(item, str) for item in items) or all(
            isinstance(item, (int, float)) and not isinstance(item, bool) for item in items
        )
    return isinstance(value, (bool, int, float, str))


def _is_list(value: object) -> bool:
    return isinstance(value, list) and _is_option_value(cast("list[object]", value))


def _own_facts(table: Mapping[str, Any], job: Job) -> Job:
    reader = _TableReader(table)
    engine = reader.text("engine", job.engine)
    if engine not in ("sd-scripts", "builtin"):
        reader.problems.append(Text(f"caddie_engine = {engine!r} is unknown.", f"caddie_engine = {engine!r} は不明な値です。"))
    accelerate = reader.table("accelerate", _is_option_value)
    builtin = reader.table("builtin", _is_option_value)
    kept = reader.table("kept_arguments", _is_list)
    result = Job(
        script=reader.text("script", job.script),
        options=job.options,
        engine="builtin" if engine == "builtin" else "sd-scripts",
        environment=reader.text("environment", "") or None,
        companion=reader.flag("companion", job.companion),
        hand_loss=reader.flag("hand_loss", job.hand_loss),
        builtin=MappingProxyType(cast("dict[str, OptionValue]", builtin)),
        accelerate=MappingProxyType(cast("dict[str, OptionValue]", accelerate)),
        name=reader.text("name", job.name),
        notes=reader.text("notes", job.notes),
        kept_arguments=MappingProxyType({name: tuple(map(str, cast("list[str]", items))) for name, items in kept.items()}),
        extra=MappingProxyType({key: value for key, value in table.items() if key not in reader.taken}),
    )
    if reader.problems:
        raise Problems(Text("Caddie's own part of the file is damaged:", "Caddie の設定部分が壊れています:"), reader.problems)
    return result


class _TableReader:
    """Takes typed values out of Caddie's table and remembers which it took and what was wrong."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table
        self.taken = {"caddie_version"}
        self.problems: list[Text] = []

    def text(self, name: str, default: str) -> str:
        value = self._take(name, default)
        return value if isinstance(value, str) else self._wrong(name, value, Text("a text", "文字列"), default)

    def flag(self, name: str, default: bool) -> bool:
        value = self._take(name, default)
        return value if isinstance(value, bool) else self._wrong(name, value, Text("true or false", "true か false"), default)

    def table(self, name: str, good: Callable[[object], bool]) -> dict[str, object]:
        value = self._take(name, {})
        if not isinstance(value, dict):
            return self._wrong(name, value, Text("a table", "テーブル"), {})
        entries = cast("dict[str, object]", value)
        for key, entry in entries.items():
            if not good(entry):
                self._wrong(f"{name}.{key}", entry, Text("a usable value", "使用できる値"), None)
        return {key: entry for key, entry in entries.items() if good(entry)}

    def _take(self, name: str, default: object) -> object:
        self.taken.add(f"caddie_{name}")
        return self._table.get(f"caddie_{name}", default)

    def _wrong(self, name: str, value: object, wanted: Text, default: _T) -> _T:
        en = f"caddie_{name} = {value!r} is not {wanted.en}."
        self.problems.append(Text(en, f"caddie_{name} = {value!r} は{wanted.ja}ではありません。"))
        return default


def _to_document(job: Job) -> dict[str, object]:
    if TABLE in job.options:
        raise CaddieError(Text(f"An option cannot be called {TABLE}.", f"{TABLE} という名前のオプションは使えません。"))
    own: dict[str, object] = {"caddie_version": VERSION, "caddie_script": job.script}
    plain = Job()
    for name in ("engine", "environment", "companion", "hand_loss", "name", "notes"):
        value = getattr(job, name)
        if value != getattr(plain, name):
            own[f"caddie_{name}"] = value
    own.update(job.extra)
    for name in ("builtin", "accelerate"):
        if values := getattr(job, name):
            own[f"caddie_{name}"] = dict(values)
    if job.kept_arguments:
        own["caddie_kept_arguments"] = {name: list(items) for name, items in job.kept_arguments.items()}
    return {**job.options, TABLE: own}


def _is_of_older_version(path: Path) -> bool:
    try:
        own = read_document(_read_text(path)).get(TABLE)
    except CaddieError:
        return False  # unreadable: whoever saves over it was asked by the window
    version = cast("dict[str, object]", own).get("caddie_version") if isinstance(own, dict) else None
    return isinstance(version, int) and version < VERSION


def _backup(path: Path) -> Path:
    """Copies the file beside itself under a name that is free."""
    number = 1
    while (target := path.with_name(f"{path.stem}.backup-{number}{path.suffix}")).exists():
        number += 1
    shutil.copy2(path, target)
    return target
