"""The window's settings: one small TOML file, written atomically, never a reason not to start."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import toml
import tomli as tomllib
from PySide6.QtCore import QObject, QTimer, Signal

from core.files import write_atomically
from core.text import Language, Text, preferred_language

_log = logging.getLogger(__name__)

LanguageChoice = Literal["system", "en", "ja"]
ThemeChoice = Literal["system", "light", "dark"]
SettingValue = bool | int | float | str | list[str] | list[int]

RECENT_LIMIT = 10
VERSION = 1


class Settings(QObject):
    """Typed access to the settings. Unknown keys of a newer version are kept.

    Attributes:
        notice: what the user has to know about a settings file that could not be read, else None.

    Signals:
        changed: a key got another value.
    """

    changed = Signal(str)

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._values: dict[str, object] = {}
        self.notice: Text | None = None
        self._system_language: Language = preferred_language()  # now: the window tells its children its own in the same variable
        self._timer = QTimer(self)  # several changes in a row (a dragged column) make one write
        self._timer.setSingleShot(True)
        self._timer.setInterval(400)
        self._timer.timeout.connect(self.flush)
        self._load()

    # --- what is set -------------------------------------------------------------------------------------------

    @property
    def language(self) -> LanguageChoice:
        """The chosen language; "system" until the user chose one."""
        word = self._values.get("language")
        return word if word in get_args(LanguageChoice) else "system"  # pyright: ignore[reportReturnType]

    @language.setter
    def language(self, choice: LanguageChoice) -> None:
        self.set("language", choice)

    @property
    def effective_language(self) -> Language:
        """The language to show: the chosen one, else the system's."""
        choice = self.language
        return self._system_language if choice == "system" else choice

    @property
    def theme(self) -> ThemeChoice:
        """The chosen theme; "system" until the user chose one."""
        word = self._values.get("theme")
        return word if word in get_args(ThemeChoice) else "system"  # pyright: ignore[reportReturnType]

    @theme.setter
    def theme(self, choice: ThemeChoice) -> None:
        self.set("theme", choice)

    @property
    def recent(self) -> list[Path]:
        """Job files opened or saved, the latest first."""
        return [Path(item) for item in self.texts("recent")]

    def add_recent(self, path: Path) -> None:
        """Puts a job file first in the list."""
        first = str(path.resolve())
        others = [item for item in self.texts("recent") if item != first]
        self.set("recent", [first, *others][:RECENT_LIMIT])

    def clear_recent(self) -> None:
        """Empties the list of recent job files."""
        self.set("recent", [])

    # --- any key -----------------------------------------------------------------------------------------------

    def text(self, key: str, default: str = "") -> str:
        """A text, or `default` where it is absent or of another type."""
        value = self._values.get(key)
        return value if isinstance(value, str) else default

    def number(self, key: str, default: int = 0) -> int:
        """A whole number, or `default`."""
        value = self._values.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def flag(self, key: str, default: bool = False) -> bool:
        """A switch, or `default`."""
        value = self._values.get(key)
        return value if isinstance(value, bool) else default

    def texts(self, key: str) -> list[str]:
        """A list of texts; items of other types are left out."""
        value = self._values.get(key)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def has(self, key: str) -> bool:
        """Whether the key was ever set."""
        return key in self._values

    def set(self, key: str, value: SettingValue) -> None:
        """Sets a key, tells everybody and writes the file a moment later."""
        if key in self._values and self._values[key] == value and type(self._values[key]) is type(value):
            return
        self._values[key] = value
        self._timer.start()
        self.changed.emit(key)

    # --- the file ----------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Writes what is not yet written. A disk that refuses is logged; the window goes on."""
        self._timer.stop()
        content: Mapping[str, object] = {"version": VERSION, **self._values}
        try:
            write_atomically(self._path, toml.dumps(content))
        except OSError:
            _log.exception("The settings could not be written to %s", self._path)

    @property
    def pending(self) -> bool:
        """Whether something waits to be written."""
        return self._timer.isActive()

    def _load(self) -> None:
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            self.notice = _unreadable(self._path, str(error))
            return
        try:
            self._values = tomllib.loads(raw.decode("utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            backup = self._backup()
            self.notice = _damaged(self._path, backup, str(error))
            return
        self._values.pop("version", None)

    def _backup(self) -> Path | None:
        for number in range(1, 100):
            backup = self._path.with_name(f"{self._path.stem}.broken-{number}{self._path.suffix}")
            if not backup.exists():
                try:
                    shutil.copy2(self._path, backup)
                except OSError:
                    _log.exception("The damaged settings could not be copied")
                    return None
                return backup
        return None


def _unreadable(path: Path, reason: str) -> Text:
    return Text(
        f"The settings file {path} cannot be read ({reason}). Caddie starts with its defaults.",
        f"設定ファイル {path} を読み込めません ({reason})。既定の設定で起動しました。",
    )


def _damaged(path: Path, backup: Path | None, reason: str) -> Text:
    kept_en = f"A copy was kept as {backup.name}." if backup else "No copy could be kept."
    kept_ja = f"元の内容は {backup.name} に保存しました。" if backup else "元の内容の控えは保存できませんでした。"
    return Text(
        f"The settings file {path.name} was damaged ({reason}). Caddie starts with its defaults. {kept_en}",
        f"設定ファイル {path.name} が壊れていたため ({reason})、既定の設定で起動しました。{kept_ja}",
    )
