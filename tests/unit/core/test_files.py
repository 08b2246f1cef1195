"""A file is the old one or the new one, on every system, whatever else has it open."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core import files
from core.files import write_atomically


class Busy:
    """`os.replace` on Windows while somebody else has the file open, so many times."""

    def __init__(self, times: int) -> None:
        self.left, self.replace = times, os.replace

    def __call__(self, source: str, target: Path) -> None:
        if self.left:
            self.left -= 1
            raise PermissionError(13, "The process cannot access the file because it is being used by another process")
        self.replace(source, target)


def test_a_file_that_is_open_for_a_moment_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(files.time, "sleep", waited.append)
    monkeypatch.setattr(files.os, "replace", Busy(4))
    (tmp_path / "x.npz").write_bytes(b"old")
    write_atomically(tmp_path / "x.npz", b"new")
    assert (tmp_path / "x.npz").read_bytes() == b"new"
    assert len(waited) == 4
    assert waited == sorted(waited)


def test_a_file_that_stays_open_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(files.time, "sleep", waited.append)
    monkeypatch.setattr(files.os, "replace", Busy(99))
    (tmp_path / "x.npz").write_bytes(b"old")
    with pytest.raises(PermissionError):
        write_atomically(tmp_path / "x.npz", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]
    assert (tmp_path / "x.npz").read_bytes() == b"old"
    assert 1 < sum(waited) < 3


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path: Path) -> None:
    name = "猫" * 80 + "x" * 15  # 255 bytes
    write_atomically(tmp_path / name, "new")
    assert (tmp_path / name).read_text(encoding="utf-8") == "new"
    assert len(list(tmp_path.iterdir())) == 1
