"""Job files that no editor writes: each ends in a sentence, never in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import CaddieError
from core.job.store import load_job


@pytest.mark.parametrize(
    "content",
    [
        b"a = " + b"[" * 20_000 + b"]" * 20_000,
        b"max_train_steps = " + b"9" * 5_000,
        "output_name = 'x'\n".encode("utf-16"),
        b'a = "\xff"',
        b"\x00" * 100,
    ],
    ids=["nesting", "digits", "UTF-16", "not UTF-8", "zeros"],
)
def test_an_absurd_file_is_explained(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes(content)
    with pytest.raises(CaddieError, match=r"job\.toml"):
        load_job(path)


def test_a_mark_and_line_ends_of_windows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes("\ufeffoutput_name = '学習'\r\nmax_train_steps = 3\r\n".encode())
    assert dict(load_job(path).options) == {"output_name": "学習", "max_train_steps": 3}
