"""Reports kept on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.environment.model import CheckoutReport, GpuReport
from core.environment.reports import ReportCache
from core.text import Text
from tests.helpers.environments import package, report_of


def test_a_report_comes_back_as_it_was(tmp_path: Path) -> None:
    cache = ReportCache(tmp_path / "probes")
    assert cache.load("a") is None
    report = report_of(
        package("prodigyopt", "1.1", False, "ImportError: 日本語"),
        gpus=(GpuReport(name="RTX", memory=8 << 30, capability="8.6"),),
        checkout=CheckoutReport(
            path=Path("/x/sd-scripts"), commit="a" * 40, scripts=("train_network.py",), problem=Text("No.", "なし。")
        ),
        problem=Text("Why.", "理由。"),
    )
    cache.save("a", report)
    assert cache.load("a") == report
    plain = report_of()
    cache.save("a", plain)
    assert cache.load("a") == plain
    cache.forget("a")
    cache.forget("a")
    assert cache.load("a") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"version": 99}', '{"version": 1, "taken_at": 0}'])
def test_a_file_that_cannot_be_read_counts_as_not_there(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    assert ReportCache(tmp_path).load("a") is None
