"""The table and the picture of a run."""

from __future__ import annotations

import csv
import io
import math
import struct
import warnings
from pathlib import Path

import matplotlib.image as mpl_image
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics.export import to_csv, write_csv
from core.metrics.figure import render_png, write_png
from core.metrics.run_metrics import RunMetrics
from core.runs.events import Group, Saved, Started, Step, Validated


def run(count: int = 60) -> RunMetrics:
    metrics = RunMetrics()
    metrics.feed([Started(time=0, total_steps=count)])
    for number in range(1, count + 1):
        rate = 1e-6 * 1.1**number
        groups = (Group(name="unet", lr=1.0, d=rate, d_lr=rate, effective_lr=rate),)
        metrics.feed([Step(time=number, step=number, loss=1 / number, groups=groups, memory=2**33 + number)])
    metrics.feed([Saved(time=0, step=30, path="x")])
    return metrics


def test_a_row_a_step_with_every_digit() -> None:
    metrics = RunMetrics()
    metrics.feed([Step(time=1.25, step=1, loss=0.1 + 0.2), Step(time=2.5, step=3, loss=math.nan, memory=10**10 + 1)])
    rows = list(csv.reader(to_csv(metrics).splitlines()))
    assert rows == [
        ["step", "time", "loss", "memory"],
        ["1", "1.25", "0.30000000000000004", ""],
        ["3", "2.5", "nan", "10000000001"],
    ]


@given(st.lists(st.one_of(st.none(), st.floats(allow_infinity=True, allow_nan=True)), min_size=1, max_size=30))
def test_losses_come_back_bit_by_bit(losses: list[float | None]) -> None:
    metrics = RunMetrics()
    metrics.feed([Step(time=0.0, step=number, loss=loss) for number, loss in enumerate(losses)])
    rows = list(csv.DictReader(to_csv(metrics).splitlines()))
    assert len(rows) == len(losses)
    for row, loss in zip(rows, losses, strict=True):
        text = row.get("loss", "")
        if loss is None:
            assert text == ""
        else:
            assert struct.pack("d", float(text)) == struct.pack("d", loss) or (math.isnan(loss) and text == "nan")


def test_columns_read_from_the_loss_to_the_machine() -> None:
    header = to_csv(run(3)).splitlines()[0]
    assert header == "step,time,loss,lr/unet,effective_lr/unet,d/unet,d*lr/unet,memory"


def test_a_run_without_a_step_is_a_header() -> None:
    assert to_csv(RunMetrics()) == "step\r\n"


def test_a_group_name_with_a_comma_stays_one_cell(tmp_path: Path) -> None:
    metrics = RunMetrics()
    metrics.feed([Step(time=0, step=1, groups=(Group(name='テキスト, "1"', lr=1e-4),))])
    write_csv(metrics, tmp_path / "表.csv")
    with (tmp_path / "表.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[1] == ["1", "0.0", "0.0001"]
    assert rows[0][2] == 'lr/テキスト, "1"'


def size_of(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_the_picture_is_a_png_with_curves_in_it(tmp_path: Path) -> None:
    write_png(run(), tmp_path / "run.png", title="Prodigy")
    drawn, empty = (tmp_path / "run.png").read_bytes(), render_png(RunMetrics(), title="Prodigy")
    assert size_of(drawn) == size_of(empty) == (1600, 1000)
    assert drawn != empty


@pytest.mark.parametrize("language", ["en", "ja"])
def test_japanese_titles_have_glyphs_or_at_least_do_not_fail(language) -> None:
    from core.metrics.figure import families  # the test is about what is installed here

    with warnings.catch_warnings():
        if len(families()) == 1:
            warnings.filterwarnings("ignore", message="Glyph .* missing")
        assert size_of(render_png(run(), title="猫のLoRA $100 % $x^{ 試し_1", language=language)) == (1600, 1000)


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [Step(time=0, step=1, loss=math.nan)],
        [Step(time=0, step=1, loss=0.5)],
        [Step(time=0, step=1, loss=0.0, groups=(Group(name="unet", lr=0.0),))],
        [Step(time=0, step=1, average_loss=0.5), Step(time=0, step=2, average_loss=0.4)],
        [Step(time=0, step=number, loss=-1.0 if number % 2 else math.inf) for number in range(1, 9)],
    ],
)
def test_odd_runs_are_drawn_without_a_complaint(steps: list[Step]) -> None:
    metrics = RunMetrics()
    metrics.feed(steps)
    assert size_of(render_png(metrics)) == (1600, 1000)


def test_a_validation_loss_is_in_table_and_picture() -> None:
    plain, validated = run(), run()
    validated.feed([Validated(time=0, step=number, loss=0.5) for number in (20, 40, 60)])
    table = list(csv.DictReader(to_csv(validated).splitlines()))
    assert [row["step"] for row in table if row["validation_loss"]] == ["20", "40", "60"]
    assert "validation_loss" not in to_csv(plain)
    counts = [_orange(render_png(metrics)) for metrics in (plain, validated)]
    assert counts[1] > counts[0] + 1000  # a line and three dots


def _orange(png: bytes) -> int:
    pixels = np.asarray(mpl_image.imread(io.BytesIO(png), format="png"))[..., :3]
    return int(np.count_nonzero(np.abs(pixels - np.array([0xD5, 0x5E, 0x00]) / 255).max(axis=-1) < 0.02))


def test_an_unwritable_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OSError, match="file"):
        write_csv(run(3), tmp_path / "file" / "x.csv")
