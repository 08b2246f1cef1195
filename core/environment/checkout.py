"""What a sd-scripts checkout is, read from its files: commit, branch, version, scripts. Needs no git program."""

from __future__ import annotations

import re
from pathlib import Path

from core.environment.model import CheckoutReport
from core.environment.module_path import module_in
from core.text import Text

_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_DECLARED = re.compile(r"version\s*[:=]?\s*[\"']?v?(\d+\.\d+(?:\.\d+)*)", re.IGNORECASE)
_SCRIPT_NAMES = ("*train*.py", "fine_tune.py")
_MAX_BYTES = 2 * 1024 * 1024


def is_checkout(folder: Path) -> bool:
    """Whether `folder` holds sd-scripts: a training script and the `library` it imports."""
    return (folder / "library").is_dir() and any(
        (folder / name).is_file() for name in ("train_network.py", "sdxl_train_network.py", "train_db.py", "fine_tune.py")
    )


def read_checkout_report(folder: Path) -> CheckoutReport:
    """Reads everything; never raises: what cannot be read is None, or named in `problem`."""
    if not folder.is_dir():
        return CheckoutReport(
            path=folder,
            problem=Text(
                f"The sd-scripts folder is gone: {folder}. Add the environment again with its new place.",
                f"sd-scripts のフォルダーが見つかりません: {folder}。新しい場所で環境を追加し直してください。",
            ),
        )
    scripts = _training_scripts(folder)
    commit, branch, tag = read_git(folder)
    return CheckoutReport(
        path=folder,
        commit=commit,
        branch=branch,
        version=tag or _declared_version(folder),
        scripts=scripts,
        requirements=_requirements(folder),
        problem=None if scripts else _no_scripts(folder),
        own_optimizers=None if (own := module_in(folder)) is None else str(own),
    )


def _no_scripts(folder: Path) -> Text:
    if (folder / "sd-scripts").is_dir():
        return Text(
            f"{folder} holds no training scripts; its subfolder sd-scripts is empty. In kohya_ss, run:"
            " git submodule update --init --recursive",
            f"{folder} に学習スクリプトがなく、sd-scripts サブフォルダーも空です。kohya_ss のフォルダーで"
            " git submodule update --init --recursive を実行してください。",
        )
    return Text(
        f"{folder} holds no training script of sd-scripts (train_network.py and others).",
        f"{folder} に sd-scripts の学習スクリプト (train_network.py など) がありません。",
    )


def _training_scripts(folder: Path) -> tuple[str, ...]:
    """Scripts with the parser convention that every training script of sd-scripts follows."""
    names: set[str] = set()
    for pattern in _SCRIPT_NAMES:
        for path in folder.glob(pattern):
            if "def setup_parser(" in _read(path):
                names.add(path.name)
    return tuple(sorted(names))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""


def _declared_version(folder: Path) -> str | None:
    """The first version that the README's change history names: sd-scripts writes it nowhere else."""
    match = _DECLARED.search(_read(folder / "README.md"))
    return match.group(1) if match else None


def _requirements(folder: Path) -> tuple[str, ...]:
    """The package lines of requirements.txt; options, paths and addresses are left out."""
    lines = (line.split(" #")[0].strip() for line in _read(folder / "requirements.txt").splitlines())
    return tuple(line for line in lines if re.match(r"[A-Za-z0-9]", line) and "://" not in line)


def read_git(folder: Path) -> tuple[str | None, str | None, str | None]:
    """Commit, branch and a tag that points at the commit; None where there is none or it cannot be read.

    Reads .git itself (a folder, or the file of a submodule or worktree), loose and packed refs.
    """
    git = _git_folder(folder)
    if git is None:
        return None, None, None
    head = _read(git / "HEAD").strip()
    common = _read(git / "commondir").strip()
    shared = (git / common) if common else git
    branch = None
    commit: str | None = head
    if head.startswith("ref:"):
        reference = head[4:].strip()
        branch = reference.removeprefix("refs/heads/")
        commit = _resolve(git, reference) or _resolve(shared, reference)
    if commit is None or not _HASH.fullmatch(commit):
        return None, branch, None
    return commit, branch, _tag_of(shared, commit)


def _git_folder(folder: Path) -> Path | None:
    git = folder / ".git"
    if git.is_dir():
        return git
    if git.is_file():
        link = _read(git).strip()
        if link.startswith("gitdir:"):
            target = folder / link[len("gitdir:") :].strip()
            return target if target.is_dir() else None
    return None


def _resolve(git: Path, reference: str) -> str | None:
    loose = _read(git / reference).strip()
    if _HASH.fullmatch(loose):
        return loose
    return next((commit for commit, name in _packed(git) if name == reference), None)


def _packed(git: Path) -> list[tuple[str, str]]:
    """(commit, ref name) of packed-refs; an annotated tag counts as the commit it points at (its `^` line)."""
    found: list[tuple[str, str]] = []
    for line in _read(git / "packed-refs").splitlines():
        if line.startswith("^") and found:
            found[-1] = (line[1:].strip(), found[-1][1])
        elif line[:1] not in ("#", "^", ""):
            commit, _, name = line.partition(" ")
            found.append((commit, name.strip()))
    return found


def _tag_of(git: Path, commit: str) -> str | None:
    prefix = "refs/tags/"
    for packed_commit, name in _packed(git):
        if packed_commit == commit and name.startswith(prefix):
            return name.removeprefix(prefix)
    for path in (git / "refs" / "tags").glob("*"):
        if path.is_file() and _read(path).strip() == commit:
            return path.name
    return None
