"""Compilers that are broken, caches that were cut off: a training goes on, and says once what it lost."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
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


@needs_compiler
def test_a_kept_kernel_that_was_cut_off_is_made_anew(own_cache: Path) -> None:
    source = SOURCE.replace("42", "43")
    own_cache.mkdir(mode=0o700)
    command = compiler.find_compiler()
    assert command is not None
    content = "\0".join([source, *command, *compiler.FLAGS, *compiler.REORDER, compiler._machine(command)])
    broken = compiler.cached(content, ".so", lambda path: path.write_bytes(b"\x7fELF"))
    assert broken.read_bytes() == b"\x7fELF"
    assert compiler.load(source).answer() == 43


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
