"""Compilers that are broken, caches that were cut off: a training goes on, and says once what it lost."""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import optimizers
from optimizers.machinery import compiler

SOURCE = "int answer(void) { return 42; }\n"
needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc here")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "キャッシュ with spaces"
    monkeypatch.setenv("CADDIE_KERNEL_CACHE", str(folder))
    monkeypatch.setattr(compiler, "_failed", {})
    monkeypatch.setattr(compiler, "_unusable", {})
    monkeypatch.setattr(compiler, "_warned", set())
    compiler.find_compiler.cache_clear()
    yield folder
    compiler.find_compiler.cache_clear()


@needs_compiler
def test_a_kernel_is_compiled_once_and_kept(own_cache: Path) -> None:
    assert compiler.load(SOURCE).answer() == 42
    (kept,) = own_cache.glob("*.so")
    made = kept.stat().st_mtime_ns
    assert compiler.load(SOURCE).answer() == 42
    assert kept.stat().st_mtime_ns == made


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _zero_tail(data: bytes) -> bytes:
    return data[: len(data) // 4] + bytes(len(data) - len(data) // 4)


LOAD = "import sys; from optimizers.machinery.compiler import load; sys.exit(load(sys.argv[1]).answer())"


@needs_compiler
@pytest.mark.parametrize("damage", [_cut, _zero_tail, lambda data: b""])
def test_a_kept_kernel_that_was_damaged_is_made_anew(own_cache: Path, damage: Callable[[bytes], bytes]) -> None:
    # In a process of its own: loading such a file ends it with a signal, and one that is loaded already is not read again.
    def answer() -> int:
        return subprocess.run([sys.executable, "-c", LOAD, SOURCE], check=False).returncode

    assert answer() == 42
    (kept,) = own_cache.glob("*.so")
    sound = kept.read_bytes()
    kept.write_bytes(damage(sound))
    assert answer() == 42
    (again,) = own_cache.glob("*.so")
    assert len(again.read_bytes()) == len(sound)


def test_kept_bytes_are_checked_whatever_their_kind(own_cache: Path) -> None:
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_bytes(b"machine code")

    kept = compiler.cached("text", ".cubin", make)
    assert compiler.cached("text", ".cubin", make) == kept
    assert len(made) == 1
    kept.write_bytes(b"machine")
    assert compiler.cached("text", ".cubin", make).read_bytes() == b"machine code"
    assert len(made) == 2
    assert [path.name for path in own_cache.iterdir()] == [kept.name]


@needs_compiler
def test_a_folder_whose_files_may_not_be_run_is_passed_over(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = ctypes.CDLL

    def refusing(name: str) -> ctypes.CDLL:
        if Path(name).parent == own_cache:
            raise OSError("failed to map segment from shared object")
        return opened(name)

    monkeypatch.setattr(ctypes, "CDLL", refusing)
    assert compiler.load(SOURCE.replace("42", "47")).answer() == 47


@needs_compiler
@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
def test_a_folder_that_is_a_link_is_not_used(own_cache: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere"
    real.mkdir(mode=0o700)
    own_cache.symlink_to(real)
    assert compiler.load(SOURCE.replace("42", "48")).answer() == 48
    assert not list(real.iterdir())


@needs_compiler
@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_folder_that_others_may_write_to_is_not_used(own_cache: Path) -> None:
    own_cache.mkdir()
    own_cache.chmod(0o777)
    assert compiler.load(SOURCE.replace("42", "44")).answer() == 44
    assert not list(own_cache.iterdir())


@needs_compiler
def test_cc_may_have_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "env gcc")
    assert compiler.load(SOURCE.replace("42", "45")).answer() == 45


@needs_compiler
@pytest.mark.skipif(sys.platform == "win32", reason="the compiler is a shell script")
def test_cc_may_be_a_path_with_spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "my compiler"
    script.write_text('#!/bin/sh\nexec gcc "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    assert compiler.find_compiler() == (str(script),)


@pytest.mark.parametrize("said", ["/nowhere/gcc -m64", 'gcc "-unfinished', "''"])
def test_a_cc_that_cannot_be_used_is_said_once(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", said)
    with pytest.warns(UserWarning, match="CC is") as warned:
        assert compiler.find_compiler() is None
        assert compiler.find_compiler() is None
    assert len(warned) == 1


@pytest.mark.parametrize("ready", [True, False])
def test_stand_ins_of_macos_are_not_started(ready: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0 if ready else 2, "", "")

    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    assert compiler.find_compiler() == (("/usr/bin/gcc",) if ready else None)
    assert {tuple(command) for command in asked} == {("xcode-select", "-p")}


@pytest.mark.parametrize(
    ("system", "machine", "option"),
    [("darwin", "arm64", "-mcpu=native"), ("darwin", "x86_64", "-march=native"), ("linux", "x86_64", "-march=native")],
)
def test_the_processor_is_named_as_the_compiler_knows_it(
    system: str, machine: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert [flag for flag in compiler.flags() if "native" in flag] == [option]


def test_a_kernel_of_macos_depends_on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, "Apple M9" if command[0] == "sysctl" else "clang 99", "")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(subprocess, "run", run)
    known = compiler._machine(("a compiler that no other test names",))
    assert all(part in known for part in ("Apple M9", "clang 99", "arm64"))


def test_windows_takes_no_compiler_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, tools = tmp_path / "downloads", tmp_path / "tools"
    for folder in (here, tools):
        folder.mkdir()
        (folder / "gcc").touch()

    def which(name: str) -> str | None:  # as Windows does it: the current folder first
        return next((str(path) for path in (here / name, tools / name) if path.exists()), None)

    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(shutil, "which", which)
    monkeypatch.setenv("PATH", "")
    assert compiler._which("gcc") is None
    monkeypatch.setenv("PATH", str(tools))
    assert compiler._which("gcc") == str(tools / "gcc")
    monkeypatch.setenv("PATH", str(here))
    assert compiler._which("gcc") == str(here / "gcc")


def test_a_compiler_that_does_not_end_is_tried_for_one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        started.append(command)
        raise subprocess.TimeoutExpired(command, 60)

    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: f"/opt/slow/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.warns(UserWarning, match=r"gcc: .*did not end") as said:
        for source in (SOURCE, SOURCE + "int more;", SOURCE):
            with pytest.raises(compiler.CompileError, match="did not end"):
                compiler.load(source)
    assert len(started) == 1
    assert len(said) == 1


@needs_compiler
def test_the_warning_is_one_line_with_the_compilers_last_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "gcc")
    compiler.find_compiler.cache_clear()
    with pytest.warns(UserWarning) as said:
        for source in ("int answer(void) { return nowhere; }\n", "int other(void) { return nothing; }\n"):
            with pytest.raises(compiler.CompileError, match="undeclared"):
                compiler.load(source)
    (only,) = said
    text = str(only.message)
    assert "\n" not in text
    assert "gcc: " in text
    assert "error: " in text
    assert "nowhere" in text


def _broken_compiler(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    log = folder / "calls"
    script = folder / "cc"
    script.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\necho "license not accepted" >&2\nexit 69\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    return log


@pytest.mark.skipif(sys.platform == "win32", reason="the compiler is a shell script")
def test_a_broken_compiler_costs_one_attempt_and_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = _broken_compiler(tmp_path, monkeypatch)
    with pytest.warns(UserWarning, match="license not accepted") as said:
        for _ in range(3):
            with pytest.raises(compiler.CompileError, match="license not accepted"):
                compiler.load(SOURCE)
    assert len(said) == 1
    assert sum("-shared" in line for line in log.read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="the compiler is a shell script")
def test_an_optimizer_steps_without_a_working_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _broken_compiler(tmp_path, monkeypatch)
    p = torch.nn.Parameter(torch.ones(4, 5, dtype=torch.float64))
    optimizer = optimizers.DAdaptLion([p])
    optimizer.backend = "auto"
    # A program nobody has compiled in this process yet: kernels are kept for its life.
    from optimizers.machinery import native

    native._compiled.cache_clear()
    p.grad = torch.full_like(p, 0.5)
    with pytest.warns(UserWarning, match="license not accepted"):
        optimizer.step()
    assert not torch.equal(p.detach(), torch.ones(4, 5, dtype=torch.float64))
    optimizer.backend = "native"
    p.grad = torch.full_like(p, 0.5)
    with pytest.raises(compiler.CompileError):
        optimizer.step()
