"""What a training prints, in any cut, becomes the same clean lines and the same progress."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs.console import Console, Progress

# As tqdm and rich write it for sd-scripts 0.10.1: two redraws a step, log records behind the bar without a separator.
REAL = (
    "read caption:   0%|          | 0/4 [00:00<?, ?it/s]\rread caption: 100%|██████████| 4/4 [00:00<00:00, 2178.01it/s]\n"
    "running training / 学習開始\n"
    "\rsteps:   0%|          | 0/10 [00:00<?, ?it/s]\nepoch 1/2\n\n"
    "2026-11-22 12:14:58 INFO     epoch is incremented.              train_util.py:784\n"
    "\rsteps:  10%|█         | 1/10 [00:03<00:32,  3.58s/it]"
    "\rsteps:  10%|█         | 1/10 [00:03<00:32,  3.58s/it, avr_loss=1.17]"
    "\rsteps:  20%|██        | 2/10 [00:06<00:26,  3.34s/it, avr_loss=1.17]"
    "\rsteps:  20%|██        | 2/10 [00:06<00:26,  3.34s/it, avr_loss=1.19]"
    "2026-11-22 12:15:31 INFO     model saved.                       train_network.py:1729\n"
    "\rsteps:  20%|██        | 2/10 [00:06<00:26,  3.34s/it, avr_loss=1.19]"
    "\rvalidation steps:  50%|█████     | 1/2 [00:01<00:01,  1.00it/s]\n"
    "\rsteps:  30%|███       | 3/10 [01:10<1:02:03,  2.00it/s, avr_loss=nan]   "
)


def read(data: bytes, cuts: list[int]) -> tuple[str, Console]:
    console = Console(started_at=1000.0)
    text, start = "", 0
    for cut in [*sorted(cuts), len(data)]:
        text += console.feed(data[start:cut])
        start = max(start, cut)
    return text + console.finish(), console


def test_lines_are_clean() -> None:
    text, _ = read(REAL.encode(), [])
    assert text.splitlines() == [
        "read caption: 100%|██████████| 4/4 [00:00<00:00, 2178.01it/s]",
        "running training / 学習開始",
        "epoch 1/2",
        "",
        "2026-11-22 12:14:58 INFO     epoch is incremented.  train_util.py:784",
        "2026-11-22 12:15:31 INFO     model saved.  train_network.py:1729",
        "validation steps:  50%|█████     | 1/2 [00:01<00:01,  1.00it/s]",
    ]


def test_progress_is_that_of_the_training_bar_only() -> None:
    _, console = read(REAL.encode(), [])
    assert console.progress == Progress(step=3, total=10, seconds_per_step=0.5, eta=3723.0, elapsed=70.0)
    assert console.progress.rate == 2.0


def test_average_loss_is_the_last_one_shown_at_its_step() -> None:
    _, console = read(REAL.encode(), [])
    steps = console.take_steps()
    assert [(step.step, step.time) for step in steps] == [(1, 1003.0), (2, 1006.0), (3, 1070.0)]
    assert [step.average_loss for step in steps[:2]] == [1.17, 1.19]
    assert steps[2].average_loss is not None
    assert math.isnan(steps[2].average_loss)
    assert console.take_steps() == []


@given(st.lists(st.integers(0, len(REAL.encode())), max_size=60))
def test_where_the_bytes_are_cut_does_not_matter(cuts: list[int]) -> None:
    whole_text, whole = read(REAL.encode(), [])
    text, console = read(REAL.encode(), cuts)
    assert text == whole_text
    assert console.progress == whole.progress
    assert [step.step for step in console.take_steps()] == [step.step for step in whole.take_steps()]


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=8))
def test_no_bytes_break_it(data: bytes, cuts: list[int]) -> None:
    text, _ = read(data, [min(cut, len(data)) for cut in cuts])
    assert "\r" not in text
    assert "\x1b" not in text


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=80))
def test_plain_text_survives(line: str) -> None:
    if "%|" in line or "steps:" in line or ".py:" in line:
        return
    text, _ = read(f"{line}\nend\n".encode(), [])
    assert text == f"{line.rstrip()}\nend\n"


def test_windows_newlines_are_newlines() -> None:
    assert read(b"one\r\ntwo\r\r\nthree\r", [5, 10])[0] == "one\ntwo\nthree\n"


def test_a_redrawn_line_shows_its_last_state() -> None:
    assert read(b"downloading 1%\rdownloading 50%\rdownloading 100%\ndone\n", [20])[0] == "downloading 100%\ndone\n"


def test_colours_and_links_are_taken_away() -> None:
    raw = "\x1b[1;31mERROR\x1b[0m see \x1b]8;;http://x\x1b\\here\x1b]8;;\x1b\\ \x1b[A\n"
    assert read(raw.encode(), [])[0] == "ERROR see here\n"


def test_a_line_without_an_end_is_cut_not_kept() -> None:
    console = Console()
    out = "".join(console.feed(b"x" * 10_000) for _ in range(100))
    assert len(console._line) <= 1 << 16
    assert len(out) + len(console._line) == pytest.approx(1_000_000, abs=100)


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ("steps:   0%|          | 0/8 [00:00<?, ?it/s]", Progress(step=0, total=8, elapsed=0.0)),
        ("steps: 5it [00:02,  2.10it/s]", Progress(step=5, seconds_per_step=1 / 2.1, elapsed=2.0)),
        ("steps: 100%|##########| 8/8 [1:00:02<00:00, 450.2s/it, avr_loss=0.1, key=2]", None),
    ],
)
def test_forms_of_the_bar(bar: str, expected: Progress | None) -> None:
    _, console = read(f"\r{bar}".encode(), [])
    assert console.progress is not None
    assert expected is None or console.progress == expected
    if expected is None:
        assert (console.progress.elapsed, console.progress.seconds_per_step) == (3602.0, 450.2)


@pytest.mark.parametrize(
    "bar",
    [
        f"steps:   5%|x| {'9' * 5000}/10 [00:01<00:02,  1.0s/it]",
        f"steps:   5%|x| 1/{'9' * 5000} [00:01<00:02,  1.0s/it]",
        f"steps:   5%|x| 1/10 [{'9' * 5000}<00:02,  1.0s/it]",
        "steps:   5%|x| 1/10 [00:01<00:02,  1.1.1s/it]",
        "steps:   5%|x| 1/10 [00:01<00:02,  ..s/it]",
        "steps:   5%|x| 1/10 [00:01<00:02,  1.0s/it, avr_loss=1.2.3.]",
        "steps:   5%|x| ٣/١٠ [٠٠:٠١<٠٠:٠٢,  ١.٠s/it]",
    ],
)
def test_what_only_looks_like_a_bar_breaks_nothing(bar: str) -> None:
    good = "steps:  10%|x| 1/10 [00:03<00:32,  3.58s/it]"
    _, console = read(f"\r{bar}\n\r{good}\n".encode(), [])
    assert console.progress == Progress(step=1, total=10, seconds_per_step=3.58, eta=32.0, elapsed=3.0)


def test_blanks_without_end_cost_nothing() -> None:
    # An expression that tries every beginning needs a minute for this; the suite's time limit would end it.
    blanks = " " * 60_000
    text, _ = read(f"{blanks}x.py:\nsaid{blanks}x.py:7\n{blanks}\n".encode() * 5, [])
    assert text.splitlines()[1] == "said  x.py:7"
