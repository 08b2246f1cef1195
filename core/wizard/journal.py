"""What a set-up has done so far, on the disk: so that it goes on after a crash, and can be undone."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from core.files import write_atomically
from core.paths import user_data_dir
from core.text import Text
from core.wizard.plan import Choice
from core.wizard.recipes import Recipe, TorchBuild

State = Literal["running", "done", "failed"]
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """One set-up.

    Attributes:
        choice: what was chosen.
        states: step id -> how far it is; a step that has not begun is missing. One that says "running" while nobody runs was cut off.
        source_files: the files of sd-scripts that the set-up put there, relative to the folder, with the hash of their content.
        written: files outside the folder that it wrote, with the hash of their content.
        finished: all steps are done.
    """

    choice: Choice
    states: Mapping[str, State] = field(default_factory=dict[str, State])
    source_files: Mapping[str, str] = field(default_factory=dict[str, str])
    written: Mapping[str, str] = field(default_factory=dict[str, str])
    finished: bool = False

    @property
    def began(self) -> bool:
        """The folder was made by this set-up."""
        return "source" in self.states

    def with_state(self, step: str, state: State) -> Journal:
        """The same with one step further."""
        return replace(self, states={**self.states, step: state})


def installations_dir() -> Path:
    """The folder that holds one folder for each set-up."""
    return user_data_dir() / "installations"


def place_of(folder: Path) -> Path:
    """Where the set-up of `folder` keeps its journal, its log and what pip had installed."""
    name = hashlib.sha256(os.path.normcase(os.path.abspath(folder)).encode("utf-8", errors="surrogateescape")).hexdigest()[:12]
    return installations_dir() / name


def save_journal(journal: Journal) -> None:
    """Writes it.

    Raises:
        OSError: it cannot be written.
    """
    choice = journal.choice
    data: dict[str, Any] = {
        "version": _VERSION,
        "choice": {
            **asdict(choice),
            "folder": str(choice.folder),
            "python": str(choice.python),
            "accelerate_config": str(choice.accelerate_config) if choice.accelerate_config else None,
        },
        "states": dict(journal.states),
        "source_files": dict(journal.source_files),
        "written": dict(journal.written),
        "finished": journal.finished,
    }
    write_atomically(place_of(choice.folder) / "journal.json", json.dumps(data, ensure_ascii=False, indent=1))


def load_journal(folder: Path) -> Journal | None:
    """The set-up of that folder; None where there was none, or its journal cannot be read any more."""
    return _read(place_of(folder) / "journal.json")


def all_journals() -> list[Journal]:
    """Every set-up that is known, those that were cut off first."""
    found: list[Journal] = []
    with contextlib.suppress(OSError):
        for path in sorted(installations_dir().glob("*/journal.json")):
            journal = _read(path)
            if journal is not None:
                found.append(journal)
    return sorted(found, key=lambda journal: journal.finished)


def forget_journal(folder: Path) -> None:
    """Removes the journal; the log and the lists of packages stay."""
    with contextlib.suppress(OSError):
        (place_of(folder) / "journal.json").unlink()


def _read(path: Path) -> Journal | None:
    try:
        data = cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))
        return _journal(data) if data["version"] == _VERSION else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _journal(data: Mapping[str, Any]) -> Journal:
    said = dict(data["choice"])
    build, recipe = dict(said.pop("build")), dict(said.pop("recipe"))
    build["name"] = Text(**build["name"])
    build["systems"] = tuple(build["systems"])
    build["capability"] = tuple(build["capability"]) if build["capability"] else None
    recipe |= {"name": Text(**recipe["name"]), "help": Text(**recipe["help"])}
    recipe |= {name: tuple(recipe[name]) for name in ("python", "packages", "brought", "offered")}
    config = said.pop("accelerate_config")
    said |= {"folder": Path(said["folder"]), "python": Path(said["python"])}
    said |= {"packages": tuple(said["packages"]), "pip_options": tuple(said["pip_options"])}
    choice = Choice(
        recipe=Recipe(**recipe), build=TorchBuild(**build), accelerate_config=Path(config) if config else None, **said
    )
    return Journal(
        choice=choice,
        states=cast("Mapping[str, State]", data["states"]),
        source_files=dict(data["source_files"]),
        written=dict(data["written"]),
        finished=bool(data["finished"]),
    )
