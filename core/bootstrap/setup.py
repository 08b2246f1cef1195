"""Makes the virtual environment beside main.py, or finds it ready in a few milliseconds."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

from core.bootstrap import messages, pip_runner, stamp, system_libraries, torch_index
from core.bootstrap.messages import say
from core.locks import locked
from core.text import Text

GROUPS = ("app", "train", "test")
"""Dependency groups of pyproject.toml, in the order in which they are installed."""


class SetupError(Exception):
    """The set-up cannot go on; the text says what a person can do."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def ensure(root: Path, groups: Sequence[str], *, window: bool) -> Path:
    """Returns the interpreter of `root/.venv` with all of `groups` installed; makes or mends what is missing.

    Args:
        root: the folder of main.py.
        groups: names out of `GROUPS`.
        window: Qt will draw, so its system libraries have to be there.

    Raises:
        SetupError: with what to do.
    """
    venv = root / ".venv"
    if stamp.is_ready(root, groups, window=window):
        return Path(stamp.venv_python(venv))
    with _only_one(root):
        if not stamp.is_ready(root, groups, window=window):  # another start may have done it while this one waited
            _set_up(root, venv, groups, window=window)
    return Path(stamp.venv_python(venv))


def _set_up(root: Path, venv: Path, groups: Sequence[str], *, window: bool) -> None:
    found = stamp.read(venv)
    current = stamp.fingerprint(root)
    installed = set(found.groups) if found is not None else set[str]()
    print(say(messages.UPDATING if venv.exists() else messages.FIRST_START, folder=venv), file=sys.stderr)
    made_anew = _make_venv(venv)
    up_to_date = found is not None and found.fingerprint == current and not made_anew
    if not up_to_date:
        # Where only a group is added, what is there stays usable: other starts need not wait for it.
        stamp.forget(venv)
    already = set(installed) if up_to_date else set[str]()
    python = Path(stamp.venv_python(venv))
    if not already:
        _install(root, venv, python, ["--upgrade", "pip"], "pip")
    # A group that an older version had installed is brought up to date as well.
    wanted = set(groups) | installed
    for group in (name for name in GROUPS if name in wanted - already):
        if group == "train":
            _install_torch(root, venv, python)
        _install(root, venv, python, ["--group", group], f"Caddie ({group})")
        already.add(group)
        # Written after each group, so that an interrupted set-up goes on and does not begin again.
        stamp.write(venv, stamp.Stamp(current, tuple(sorted(already)), libraries_checked=False))
    libraries = window and system_libraries.ensure_libraries(venv)
    stamp.write(venv, stamp.Stamp(current, tuple(sorted(already)), libraries_checked=libraries))
    print(say(messages.READY), file=sys.stderr)


def _works(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", "import pip"], capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _make_venv(venv: Path) -> bool:
    """Makes the virtual environment, or makes it anew when its interpreter is gone (Python was upgraded or removed).

    Returns:
        False where one was there and works.
    """
    if venv.exists():
        if _works(stamp.venv_python(venv)):
            return False
        if not (venv / "pyvenv.cfg").exists() and any(venv.iterdir()):
            raise SetupError(messages.NOT_OURS.format(folder=venv))
        print(say(messages.REPAIRING, folder=venv), file=sys.stderr)
    print(say(messages.MAKING_VENV), file=sys.stderr)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if made.returncode != 0 or not _works(stamp.venv_python(venv)):
        reason = (made.stdout + made.stderr).strip()
        if "ensurepip" in reason:
            package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
            raise SetupError(messages.NO_VENV_MODULE.format(command=f"sudo apt install {package}"))
        raise SetupError(messages.VENV_FAILED.format(reason=reason or "?"))
    return True


def _install(root: Path, venv: Path, python: Path, what: list[str], name: str) -> None:
    """Installs with the pinned versions, and where those cannot be had, says so and lets pip choose."""
    log = venv / "caddie-setup.log"

    def pip(*arguments: str) -> tuple[int, list[str]]:
        title = say(messages.INSTALLING, what=name)
        # The pip that comes with Python 3.10 or 3.11 is too old for raw progress; it is only asked to update itself.
        return pip_runner.run_pip(python, ["install", *arguments], root=root, log=log, title=title, raw_progress=name != "pip")

    code, tail = pip("-c", "constraints.txt", *what)
    if code != 0 and pip_runner.unresolved(tail):
        print(say(messages.UNPINNED), file=sys.stderr)
        code, tail = pip(*what)
    if code != 0:
        reason = pip_runner.explain(tail)
        raise SetupError(
            Text(
                messages.PIP_FAILED.en.format(what=name, reason=reason.en, log=log),
                messages.PIP_FAILED.ja.format(what=name, reason=reason.ja, log=log),
            )
        )


def _install_torch(root: Path, venv: Path, python: Path) -> None:
    """Installs torch from the index that fits the GPU; each index that fails is named before the next is tried."""
    indexes = torch_index.choose(root / "resources")
    for number, index in enumerate(indexes, 1):
        source = ["--index-url", index] if index else []
        if index:
            print(say(messages.TORCH_FROM, where=index), file=sys.stderr)
        try:
            _install(root, venv, python, [*source, "torch"], "torch")
        except SetupError:
            if number == len(indexes):
                raise
        else:
            return


@contextlib.contextmanager
def _only_one(root: Path) -> Generator[None]:
    """Holds a lock on the folder, so that two starts at once do not write into the same environment."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(root / ".venv.lock", on_wait=lambda: print(say(messages.WAITING), file=sys.stderr)))
        except OSError as error:
            raise SetupError(messages.NOT_WRITABLE.format(folder=root, reason=error.strerror)) from error
        yield
