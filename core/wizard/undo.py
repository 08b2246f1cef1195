"""Takes a set-up back: what it made goes, whatever else lies there stays."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.files import replace_patiently
from core.locks import locked
from core.wizard.journal import Journal, forget_journal, place_of
from core.wizard.plan import VENV
from core.wizard.run import digest_of, files_in, refuse_second, remove_tree

_GIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Removal:
    """What would go and what would stay, as paths."""

    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    stays: tuple[Path, ...]


def plan_removal(journal: Journal) -> Removal:
    """Looks at the disk and says what an undo would remove. Changes nothing."""
    folder = journal.choice.folder
    present = files_in(folder) if folder.is_dir() else []
    whole = journal.states.get("source") == "done"
    # One that was cut off by a crash left what is half there. One that failed took it away: what is there came later.
    half = journal.states.get("source") == "running"
    of_git = [name for name in present if name.startswith(".git/")] if whole or half else []
    if of_git and whole and _has_own_work(folder):
        of_git = []
    files = [name for name in present if _is_own(journal, name)] if whole else present if half else []
    gone = {*files, *of_git}
    stays = [folder / name for name in present if name not in gone]
    folders = [folder / VENV] if (folder / VENV).is_dir() and "venv" in journal.states else []
    folders += [folder / ".git"] if of_git else []
    outside = [Path(path) for path, digest in journal.written.items() if _unchanged(Path(path), digest)]
    return Removal(tuple(folders), tuple([folder / name for name in files] + outside), tuple(stays))


def _has_own_work(folder: Path) -> bool:
    """Whether git's folder holds commits or stashes that are nowhere else; also where git cannot be asked."""
    questions = (("log", "--branches", "--not", "--remotes", "--oneline", "-1"), ("stash", "list"))
    for words in questions:
        try:
            answer = subprocess.run(
                ["git", "-C", str(folder), *words],
                capture_output=True,
                timeout=_GIT_SECONDS,
                check=True,
                stdin=subprocess.DEVNULL,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, subprocess.SubprocessError):
            return True
        if answer.stdout.strip():
            return True
    return False


def _is_own(journal: Journal, name: str) -> bool:
    """Whether the set-up or Python made the file, and nobody has changed it since."""
    if "__pycache__/" in name or ".egg-info/" in name:
        return True
    digest = journal.source_files.get(name)
    return digest is not None and _unchanged(journal.choice.folder / name, digest)


def _unchanged(path: Path, digest: str) -> bool:
    try:
        return digest_of(path) == digest
    except OSError:
        return False


def undo(journal: Journal, removal: Removal) -> None:
    """Removes what was planned, and folders that are empty then.

    The virtual environment is renamed first: where a program holds a file of it, Windows refuses that, and nothing is half removed.

    Raises:
        OSError: something cannot be removed; the rest of the plan can be tried again.
        CaddieError: a set-up of the folder is at work.
    """
    place = place_of(journal.choice.folder)
    place.mkdir(parents=True, exist_ok=True)
    with locked(place / "lock", on_wait=lambda: refuse_second(journal.choice.folder)):
        _remove(journal, removal)


def _remove(journal: Journal, removal: Removal) -> None:
    for folder in removal.folders:
        aside = folder.with_name(f".{folder.name}-removed")
        remove_tree(aside)
        replace_patiently(folder, aside)
        remove_tree(aside)
    for path in removal.files:
        _remove_file(path)
    _remove_empty(journal.choice.folder, {path.parent for path in removal.files})
    forget_journal(journal.choice.folder)


def _remove_file(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        if path.is_symlink():
            raise  # its permissions are those of what it leads to
        path.chmod(0o600)  # git's packs are read-only
        path.unlink(missing_ok=True)


def _remove_empty(root: Path, folders: Iterable[Path]) -> None:
    wanted = {above for folder in folders for above in (folder, *folder.parents) if above == root or root in above.parents}
    for folder in sorted({root, *wanted}, key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):  # not empty
            folder.rmdir()
