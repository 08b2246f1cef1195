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
import stat
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

FLAGS = ("-O3", "-fPIC", "-shared", "-std=c11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off")
"""Products and sums are fused only where the text says so (`FMA`): gcc and clang differ in what they would fuse themselves."""

REORDER = ("-fassociative-math", "-fno-signed-zeros")
"""Needed for sums over many elements: without it a compiler has to add one after the other and uses no vectors.

It is not limited to them: every expression of the text may be re-associated. That risks differences of a few roundings
between compilers, an overflow or underflow of a product in another place, the sign of a zero, and it would dissolve a
compensated sum, so that none may be written in a program. It is taken because the bounds of comparison (float64 within 1e-12
of the movement) leave room for it and bits are promised for "exact" alone. Nothing else of -ffast-math is let in: NaN and
infinity stay what they are.
"""


class CompileError(RuntimeError):
    """A kernel could not be made or loaded; the message has the compiler's words."""


class NotRun(CompileError):
    """The compiler could not be started, or did not end: nothing that the text could have caused."""


class NoFolder(CompileError):
    """There is no folder that a compiled kernel could be kept in."""


@functools.cache
def find_compiler() -> tuple[str, ...] | None:
    """The command of a C compiler that speaks gcc's options, or None. `CC` decides where it is set ("ccache gcc" too)."""
    said = os.environ.get("CC", "").strip()
    if not said:
        return next(((path,) for path in map(_which, ("gcc", "clang", "cc")) if path), None)
    whole = _which(said)  # a path with spaces is one word
    if whole is not None:
        return (whole,)
    try:
        words = [word.strip('"') for word in shlex.split(said, posix=os.name != "nt")]
    except ValueError:  # a quotation that does not end
        words = []
    path = _which(words[0]) if words else None
    if path is None:
        warnings.warn(f"optimizers run without compiled kernels, more slowly: CC is {said!r}, which cannot be used", stacklevel=2)
        return None
    return (path, *words[1:])


def _which(name: str) -> str | None:
    """`shutil.which` without programs that only look like compilers."""
    path = shutil.which(name)
    if path is None:
        return None
    if sys.platform == "win32" and not os.path.dirname(name) and Path(path).resolve().parent == Path.cwd():
        # Windows looks into the current folder first, which may be one that was downloaded.
        folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if os.path.isabs(folder)]
        return next((hit for folder in folders if (hit := shutil.which(os.path.join(folder, name)))), None)
    if sys.platform == "darwin" and Path(path).parent == Path("/usr/bin") and not _has_developer_tools():
        return None
    return path


def _has_developer_tools() -> bool:
    """Whether compilers in /usr/bin of macOS are more than stand-ins, which ask in a window whether to install the real ones."""
    try:
        return _run(["xcode-select", "-p"], "").returncode == 0
    except CompileError:
        return False


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


def flags() -> tuple[str, ...]:
    """Options for this machine: clang for Apple's processors knows `native` under another name."""
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return (*FLAGS, *REORDER, "-mcpu=native" if apple else "-march=native")


@functools.cache
def _machine(compiler: tuple[str, ...]) -> str:
    """What a compiled kernel depends on besides its text: the compiler's version and the processor's abilities."""
    version = _run([*compiler, "--version"], "").stdout
    processor = platform.processor() + platform.machine()
    if sys.platform == "darwin":
        with contextlib.suppress(CompileError):
            processor += _run(["sysctl", "-n", "machdep.cpu.brand_string"], "").stdout
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        processor += next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    except OSError:
        pass
    return version + processor


def load(source: str) -> ctypes.CDLL:
    """The compiled form of a C text, from the cache or made now.

    What failed once fails again at once: a broken compiler costs a training one attempt, not one at each step. A compiler
    that cannot be started or does not end is not tried for other texts either.

    Raises:
        CompileError: there is no compiler, it failed, or what it made cannot be loaded.
    """
    compiler = find_compiler()
    if compiler is None:
        raise CompileError("no C compiler was found (gcc, clang or cc)")
    known = _unusable.get(compiler) or _failed.get(source)
    if known is not None:
        raise CompileError(known)
    try:
        return _load(compiler, source)
    except CompileError as error:
        _failed[source] = str(error)
        if isinstance(error, NotRun):
            _unusable[compiler] = str(error)
        _warn(Path(compiler[0]).name, str(error))
        raise


_failed: dict[str, str] = {}
_unusable: dict[tuple[str, ...], str] = {}
_warned: set[str] = set()


def _warn(compiler: str, message: str) -> None:
    """Says once in a process, in one line, that steps will be slower, and why."""
    if _warned:
        return
    _warned.add(compiler)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    reason = next((line for line in reversed(lines[1:]) if "error" in line.lower()), lines[-1])
    warnings.warn(f"optimizers run without compiled kernels, more slowly: {compiler}: {reason[:300]}", stacklevel=4)


def _load(compiler: tuple[str, ...], source: str) -> ctypes.CDLL:
    content = "\0".join([source, *compiler, *flags(), _machine(compiler)])
    problem: Exception | None = None
    for _ in range(2):
        useless: list[Path] = []
        for path in _kept(content, ".so", partial(_compile, compiler, source)):
            try:
                return ctypes.CDLL(str(path))
            except OSError as error:  # a folder whose files may not be run: the next one
                problem = error
                useless.append(path)
        for path in useless:  # or made beside another C library, in a home that machines share: made anew once
            with contextlib.suppress(OSError):
                path.unlink()
    if problem is None:
        raise NoFolder("no folder for compiled kernels could be written to")
    raise CompileError(f"a compiled kernel could not be loaded: {problem}")


def cached(content: str, suffix: str, make: Callable[[Path], None]) -> Path:
    """A compiled kernel's file, whole, from the cache or made now.

    Args:
        content: all that it depends on.
        suffix: of the file's name.
        make: writes the file, under the name it is given.

    Raises:
        NoFolder: there is no place to write to.
        CompileError: from `make`.
    """
    for path in _kept(content, suffix, make):
        return path
    raise NoFolder("no folder for compiled kernels could be written to")


def _kept(content: str, suffix: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """The kernel's file in one folder after the other; made there when asked for."""
    key = hashlib.sha256(content.encode()).hexdigest()[:32]
    for folder in (cache_folder(), Path(tempfile.gettempdir()) / f"caddie-kernels-{_user()}"):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not _is_ours(folder):
                continue
            path = _whole(folder, key, suffix) or _write(folder, key, suffix, make)
        except OSError:
            continue  # a read-only home: the next place
        yield path


def _whole(folder: Path, key: str, suffix: str) -> Path | None:
    """The file that was kept for a key, if it is what was written.

    Loading a library that a full disk or a power cut left short, or with zeros at its end, ends the process with a signal. The
    digest of the bytes is in the name, which a rename sets in one go: no second file that could be of another moment.
    """
    found = None
    for path in sorted(folder.glob(f"{key}-*{suffix}")):
        if path.name == _name(key, path.read_bytes(), suffix):
            found = path
        else:
            with contextlib.suppress(OSError):
                path.unlink()
    return found


def _name(key: str, data: bytes, suffix: str) -> str:
    return f"{key}-{hashlib.sha256(data).hexdigest()[:32]}{suffix}"


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def _is_ours(folder: Path) -> bool:
    """Code is only loaded from a folder that nobody else can write to, or put another one in the place of."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def _write(folder: Path, key: str, suffix: str, make: Callable[[Path], None]) -> Path:
    """Makes the file beside its place and renames it: two processes may do it at once."""
    handle, name = tempfile.mkstemp(suffix=suffix, dir=folder)
    os.close(handle)
    try:
        make(Path(name))
        with open(name, "rb+") as file:  # a compiler may have put a new file there: opened again
            data = file.read()
            os.fsync(file.fileno())
        target = folder / _name(key, data, suffix)
        try:
            os.replace(name, target)
        except OSError:  # Windows does not replace what another process has loaded
            if _whole(folder, key, suffix) != target:
                raise
        return target
    finally:
        Path(name).unlink(missing_ok=True)


def _run(command: list[str], text: str) -> subprocess.CompletedProcess[str]:
    """Runs a compiler without a console window.

    Raises:
        NotRun: it could not be started, or did not end in a minute.
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
        reason = "it did not end in a minute" if isinstance(error, subprocess.TimeoutExpired) else str(error)
        raise NotRun(f"{command[0]} could not be run: {reason}") from error


def _compile(compiler: tuple[str, ...], source: str, library: Path) -> None:
    command = [*compiler, *flags(), "-x", "c", "-", "-o", str(library), "-lm"]
    done = _run(command, source)
    if done.returncode != 0:
        raise CompileError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
