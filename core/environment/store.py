"""The list of environments the user added, as a TOML file that survives a crash and a slip of an editor."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import tomli as tomllib

from core.environment.model import Environment
from core.errors import CaddieError
from core.files import write_atomically
from core.locks import locked
from core.text import Text

_VERSION = 1


def environment_id(python: Path, sd_scripts: Path | None) -> str:
    """The id of an environment: the same pair of paths always gives the same one, so nothing is added twice."""
    parts = [os.path.normcase(os.path.abspath(path)) if path else "" for path in (python, sd_scripts)]
    return hashlib.sha256("\n".join(parts).encode("utf-8", errors="surrogateescape")).hexdigest()[:10]


class EnvironmentStore:
    """The user's environments in the order they were added. Every call reads the file: a command line may write it too.

    Attributes:
        problem: what was wrong with the file at the last reading, and where its copy is; None when nothing was.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problem: Text | None = None

    def all(self) -> list[Environment]:
        """All environments. A broken file gives those that can be read, after a copy of it was put beside it."""
        return self._read()[0]

    def get(self, environment_id: str) -> Environment | None:
        """The environment of that id, or None."""
        return next((item for item in self.all() if item.id == environment_id), None)

    def add(self, environment: Environment) -> None:
        """Adds it, or replaces the one with the same id in its place.

        Raises:
            OSError: the file cannot be written.
            CaddieError: a path that UTF-8 cannot say.
        """
        with self._alone():
            environments, selected = self._read()
            if any(item.id == environment.id for item in environments):
                environments = [environment if item.id == environment.id else item for item in environments]
            else:
                environments.append(environment)
            self._write(environments, selected)

    def remove(self, environment_id: str) -> None:
        """Forgets it; nothing on the disk but the list is touched. Unknown ids are no error.

        Raises:
            OSError: the file cannot be written.
        """
        with self._alone():
            environments, selected = self._read()
            kept = [item for item in environments if item.id != environment_id]
            if len(kept) != len(environments):
                self._write(kept, selected if selected != environment_id else None)

    @property
    def selected(self) -> str | None:
        """Id of the environment that is used where a job names none: the chosen one, else the first."""
        environments, selected = self._read()
        known = [item.id for item in environments]
        if selected in known:
            return selected
        return known[0] if known else None

    def select(self, environment_id: str) -> None:
        """Chooses the environment that is used where a job names none.

        Raises:
            OSError: the file cannot be written.
        """
        with self._alone():
            environments, selected = self._read()
            if selected != environment_id and any(item.id == environment_id for item in environments):
                self._write(environments, environment_id)

    def _alone(self) -> AbstractContextManager[None]:
        """Between the reading and the writing of a change, no window and no command line may make another."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return locked(self._path.with_name(f"{self._path.name}.lock"))

    def _read(self) -> tuple[list[Environment], str | None]:
        self.problem = None
        try:
            # An editor may have put a byte order mark in front.
            data = tomllib.loads(self._path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            return [], None
        except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, a number or a nesting beyond all limits
            self._keep_copy(str(error))
            return [], None
        entries = data.get("environment", [])
        environments: list[Environment] = []
        faults: list[str] = []
        for entry in cast("Sequence[object]", entries) if isinstance(entries, list) else ():
            environment = _from_table(entry)
            if environment is None:
                faults.append(repr(entry)[:120])
            else:
                environments.append(environment)
        if faults or not isinstance(entries, list):
            self._keep_copy("; ".join(faults) or "environment is not a list")
        selected = data.get("selected")
        return environments, selected if isinstance(selected, str) else None

    def _keep_copy(self, reason: str) -> None:
        """Copies the broken file aside, once for each content, before anything writes over it."""
        digest = hashlib.sha256(self._path.read_bytes()).hexdigest()[:8]
        backup = self._path.with_name(f"{self._path.stem}.broken-{digest}{self._path.suffix}")
        if not backup.exists():
            shutil.copyfile(self._path, backup)
        self.problem = Text(
            f"The list of environments could not be read fully ({reason}). A copy is kept as {backup}.",
            f"環境の一覧を完全には読み込めませんでした ({reason})。コピーを {backup} に残しました。",
        )

    def _write(self, environments: Sequence[Environment], selected: str | None) -> None:
        lines = [f"version = {_VERSION}"]
        if selected is not None:
            lines.append(f"selected = {_quoted(selected)}")
        for item in environments:
            lines += ["", "[[environment]]"]
            values = {"id": item.id, "name": item.name, "python": str(item.python), "layout": item.layout}
            if item.sd_scripts is not None:
                values["sd_scripts"] = str(item.sd_scripts)
            lines += [f"{key} = {_quoted(value)}" for key, value in values.items()]
        text = "\n".join(lines) + "\n"
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise CaddieError(
                Text(
                    "The path has bytes that are no UTF-8; rename the folder and add it again.",
                    "パスに UTF-8 として読めない文字が含まれています。フォルダー名を変更してから追加してください。",
                )
            ) from error
        write_atomically(self._path, text)


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _from_table(entry: object) -> Environment | None:
    if not isinstance(entry, dict):
        return None
    table = cast("dict[str, Any]", entry)
    texts = {key: table.get(key) for key in ("id", "name", "python")}
    if not all(isinstance(value, str) and value for value in texts.values()):
        return None
    folder = table.get("sd_scripts")
    layout = table.get("layout")
    return Environment(
        id=str(texts["id"]),
        name=str(texts["name"]),
        python=Path(str(texts["python"])),
        sd_scripts=Path(folder) if isinstance(folder, str) and folder else None,
        layout=layout if isinstance(layout, str) and layout else "by hand",
    )
