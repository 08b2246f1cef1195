"""Finding a C compiler and keeping what it made.

A kernel is about a hundred lines of C without a header of torch's, so compiling one takes a fraction of a second; the
result is kept per user, under a name that covers the text, the compiler and the processor.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

FLAGS = ("-O3", "-march=native", "-fPIC", "-shared", "-std=c11", "-fno-math-errno", "-fno-trapping-math")
# Sums may be taken in any order (the lanes of a vector); nothing else of -ffast-math is let in: NaN and infinity stay what they are.
REORDER = ("-fassociative-math", "-fno-signed-zeros")


class CompileError(RuntimeError):
    """A kernel could not be made or loaded; the message has the compiler's words."""


class NoFolder(CompileError):
    """There is no folder that a compiled kernel could be kept in."""


@functools.cache
def find_compiler() -> tuple[str, ...] | None:
    """The command of a C compiler that speaks gcc's options, or None. `CC` decides where it is set ("ccache gcc" too)."""
    said = os.environ.get("CC")
    for command in [shlex.split(said)] if said else [["gcc"], ["clang"], ["cc"]]:
        path = shutil.which(command[0]) if command else None
        if path is not None:
            return (path, *command[1:])
    return None


def cache_folder() -> Path:
    """Where compiled kernels lie: `CADDIE_KERNEL_CACHE`, else the system's place for caches."""
    said = os.environ.get("CADDIE_KERNEL_CACHE")
    if said:
        return Path(said)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "Caddie" / "kernels"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "Caddie" / "kernels"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "caddie" / "kernels"


@functools.cache
def _machine(compiler: tuple[str, ...]) -> str:
    """What a compiled kernel depends on besides its text: the compiler's version and the processor's abilities."""
    version = _run([*compiler, "--version"], "").stdout
    processor = platform.processor() + platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        processor += next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    except OSError:
        pass
    return version + processor


def load(source: str) -> ctypes.CDLL:
    """The compiled form of a C text, from the cache or made now.

    What failed once fails again at once: a broken compiler costs a training one attempt, not one at each step.

    Raises:
        CompileError: there is no compiler, it failed, or what it made cannot be loaded.
    """
    if source in _failed:
        raise _failed[source]
    try:
        return _load(source)
    except CompileError as error:
        _failed[source] = error
        warnings.warn(f"optimizers run without compiled kernels, more slowly: {error}", stacklevel=2)
        raise


_failed: dict[str, CompileError] = {}


def _load(source: str) -> ctypes.CDLL:
    compiler = find_compiler()
    if compiler is None:
        raise CompileError("no C compiler was found (gcc, clang or cc)")
    content = "\0".join([source, *compiler, *FLAGS, *REORDER, _machine(compiler)])
    problem: Exception | None = None
    for _ in range(2):
        path = cached(content, ".so", partial(_compile, compiler, source))
        try:
            return ctypes.CDLL(str(path))
        except OSError as error:  # cut off by a full disk, or made on another machine: made anew once
            problem = error
            with contextlib.suppress(OSError):
                path.unlink()
    raise CompileError(f"a compiled kernel could not be loaded: {problem}")


def cached(content: str, suffix: str, make: Callable[[Path], None]) -> Path:
    """A compiled kernel's file, from the cache or made now.

    Args:
        content: all that it depends on.
        suffix: of the file's name.
        make: writes the file, under the name it is given.

    Raises:
        NoFolder: there is no place to write to.
        CompileError: from `make`.
    """
    key = hashlib.sha256(content.encode()).hexdigest()[:32]
    for folder in (cache_folder(), Path(tempfile.gettempdir()) / f"caddie-kernels-{_user()}"):
        target = folder / f"{key}{suffix}"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not _is_ours(folder):
                continue
            if not target.exists():
                _write(target, suffix, make)
        except OSError:
            continue  # a read-only home: the next place
        return target
    raise NoFolder("no folder for compiled kernels could be written to")


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def _is_ours(folder: Path) -> bool:
    """Code is only loaded from a folder that nobody else can write to."""
    if not hasattr(os, "getuid"):
        return True
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def _write(target: Path, suffix: str, make: Callable[[Path], None]) -> None:
    """Makes the file beside its place and renames it: two processes may do it at once."""
    handle, name = tempfile.mkstemp(suffix=suffix, dir=target.parent)
    os.close(handle)
    try:
        make(Path(name))
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)


def _run(command: list[str], text: str) -> subprocess.CompletedProcess[str]:
    """Runs a compiler without a console window.

    Raises:
        CompileError: it could not be started, or did not end in a minute.
    """
    try:
        return subprocess.run(
            command,
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=60,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompileError(f"{command[0]} could not be run: {error}") from error


def _compile(compiler: tuple[str, ...], source: str, library: Path) -> None:
    command = [*compiler, *FLAGS, *REORDER, "-x", "c", "-", "-o", str(library), "-lm"]
    done = _run(command, source)
    if done.returncode != 0:
        raise CompileError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
