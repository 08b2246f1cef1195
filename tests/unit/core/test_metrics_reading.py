"""A run that is opened from its cache is the run that its events tell; a cache that does not fit is not used."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.metrics import cache
from core.metrics.reading import feed_lines, read_events
from core.metrics.run_metrics import LOSS, RunMetrics
from core.runs.event_lines import decode_event, encode_event
from core.runs.events import Finished, Group, Sample, Saved, Started, Step, Warned


@pytest.fixture(autouse=True)
def _worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "WORTH_IT", 1)


def lines_of(count: int, first: int = 1, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    told = [encode_event(Started(time=1.0, optimizer="torch.optim.AdamW", total_steps=count))]
    for step in range(first, first + count):
        groups = tuple(Group(name=name, lr=1e-4, effective_lr=step * 1e-6, d=1e-6, d_lr=step * 1e-6) for name in ("unet", "te"))
        loss = math.nan if step == 17 else float(random.random())
        told.append(
            encode_event(
                Step(time=step / 7, step=step, loss=loss, groups=groups, grad_norm=0.5, seconds=0.1, memory=step << 20, epoch=0.5)
            )
        )
        if step % 100 == 0:
            told.append(encode_event(Saved(time=step / 7, step=step, path=f"/out/a-{step}.safetensors")))
            told.append(encode_event(Sample(time=step / 7, step=step, path=f"/out/日本-{step}.png")))
    return told


def one_by_one(lines: list[str]) -> RunMetrics:
    metrics = RunMetrics()
    for line in lines:
        event = decode_event(line)
        if event is not None:
            metrics.feed([event])
    return metrics


def same(one: RunMetrics, other: RunMetrics) -> None:
    assert one.facts() == other.facts()
    assert set(one.series) == set(other.series)
    for key, series in one.series.items():
        twin = other.get(key)
        assert np.array_equal(series.x, twin.x), key
        assert np.array_equal(series.y, twin.y, equal_nan=True), key
        low, high = series.pyramid.extremes(series.y, np.array([0]), np.array([len(series)]))
        also = twin.pyramid.extremes(twin.y, np.array([0]), np.array([len(twin)]))
        assert np.array_equal((low, high), also, equal_nan=True)


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


odd = st.sampled_from(
    [
        '{"event": "step", "time": 1.0, "step": true}',
        '{"event": "step", "time": "soon", "step": 3}',
        '{"event": "step", "step": 3}',
        '{"event": "step", "time": 1.0, "step": 4, "loss": "inf", "memory": 2.5}',
        '{"event": "step", "time": 1.0, "step": 5, "loss": null, "groups": null}',
        '{"event": "step", "time": 1.0, "step": 6, "groups": [{"lr": 1}]}',
        '{"event": "step", "time": 1.0, "step": 6, "groups": [{"name": "a", "lr": 1}, {"name": "a", "lr": 2}]}',
        '{"event": "step", "time": 1.0, "step": 7, "groups": [{"name": "b", "lr": "nan"}], "loss": NaN}',
        '{"event": "step", "time": 1.0, "step": 99999999999999999999}',
        '{"event": "step", "time": 1.0, "step": 8, "memory": 99999999999999999999}',
        '{"event": "step", "time": 1.0, "step": 9}{"event": "step", "time": 1.0, "step": 10}',
        '{"event": "step", "time": 1.0, "step": 9}, {"event": "step", "time": 1.0, "step": 10}',
        '{"event": "step", "time": 1.0, "st',
        "",
        "[]",
        '{"event": "validated", "time": 1.0, "step": 4, "loss": 0.25}',
        '{"event": "started", "time": 1.0, "source": "companion"}',
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(odd, st.integers(1, 12).map(lambda n: lines_of(1, first=n)[1])), max_size=25))
def test_many_lines_at_once_are_as_many_lines_one_by_one(lines: list[str]) -> None:
    metrics = RunMetrics()
    feed_lines(metrics, "".join(line + "\n" for line in lines).encode())
    same(metrics, one_by_one(lines))


def test_a_run_is_the_same_from_its_cache(tmp_path: Path) -> None:
    lines = [*lines_of(900), encode_event(Finished(time=9.0, step=900, how="returned"))]
    events = written(tmp_path / "events.jsonl", lines)
    first, offset = read_events(events, tmp_path / "cache")
    kept = cache.load(events, tmp_path / "cache")
    assert kept is not None
    assert kept.offset == offset == events.stat().st_size
    same(first, one_by_one(lines))
    same(kept.metrics, first)


def test_a_run_that_grew_is_read_from_where_the_cache_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of(900)
    events = written(tmp_path / "events.jsonl", lines[:500])
    read_events(events, tmp_path / "cache")
    written(events, lines)
    read: list[bytes] = []
    monkeypatch.setattr("core.metrics.reading.feed_lines", lambda metrics, data: (read.append(data), feed_lines(metrics, data)))
    metrics, _ = read_events(events, tmp_path / "cache")
    same(metrics, one_by_one(lines))
    assert b"".join(read).decode() == "".join(line + "\n" for line in lines[500:])


def test_a_training_that_went_back_after_the_cache_forgets_what_came_after(tmp_path: Path) -> None:
    lines = lines_of(500)
    events = written(tmp_path / "events.jsonl", lines)
    read_events(events, tmp_path / "cache")
    lines += lines_of(300, first=301, seed=1)
    written(events, lines)
    metrics, _ = read_events(events, tmp_path / "cache")
    same(metrics, one_by_one(lines))
    assert metrics.last_step == 600


def test_a_torn_last_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    lines = lines_of(300)
    events = tmp_path / "events.jsonl"
    whole = "".join(line + "\n" for line in lines)
    events.write_text(whole[:-40])
    _, offset = read_events(events, tmp_path / "cache")
    assert whole.encode()[:offset].endswith(b"\n")
    events.write_text(whole)
    metrics, _ = read_events(events, tmp_path / "cache")
    same(metrics, one_by_one(lines))


def test_a_line_longer_than_a_chunk_is_read(tmp_path: Path) -> None:
    long = json.dumps({"event": "warned", "time": 1.0, "step": 3, "key": "x", "detail": "y" * 600_000})
    lines = [*lines_of(5), long, *lines_of(5, first=6)[1:]]
    metrics, _ = read_events(written(tmp_path / "events.jsonl", lines), tmp_path / "cache")
    same(metrics, one_by_one(lines))


@pytest.mark.parametrize("harm", ["shorter", "other-head", "other-end", "touched", "cut", "magic", "header"])
def test_a_cache_that_does_not_fit_is_not_used(tmp_path: Path, harm: str) -> None:
    lines, folder = lines_of(401), tmp_path / "cache"
    events = written(tmp_path / "events.jsonl", lines)
    read_events(events, folder)
    file = cache.cache_file(events, folder)
    assert file.exists()
    content = file.read_bytes()
    if harm == "shorter":
        lines = lines[:200]
        written(events, lines)
    elif harm == "other-head":
        lines = lines_of(402, seed=5)
        written(events, lines)
    elif harm == "other-end":
        lines = [*lines[:-1], lines[-1].replace('"grad_norm": 0.5', '"grad_norm": 0.7'), *lines_of(3, first=402)[1:]]
        written(events, lines)
    elif harm == "touched":
        middle = len(lines) // 2
        lines[middle] = lines[middle].replace('"grad_norm": 0.5', '"grad_norm": 0.6')
        written(events, lines)
        os.utime(events, ns=(1, 1))
    else:
        file.write_bytes({"cut": content[:-8], "magic": b"X" + content[1:], "header": content[:24] + b"?" + content[25:]}[harm])
    assert cache.load(events, folder) is None
    metrics, _ = read_events(events, folder)
    same(metrics, one_by_one(lines))
    assert cache.load(events, folder) is not None


def test_nothing_is_kept_of_numbers_that_changed_meanwhile(tmp_path: Path) -> None:
    lines = lines_of(400)
    events = written(tmp_path / "events.jsonl", lines)
    metrics = one_by_one(lines)
    taken = cache.snapshot(metrics)
    metrics.feed([Started(time=2.0), Step(time=3.0, step=100, loss=1.0)])  # it went back
    assert not cache.save(taken, events, events.stat().st_size, tmp_path / "cache")
    assert cache.load(events, tmp_path / "cache") is None
    assert not list((tmp_path / "cache").glob("*.tmp"))


def test_numbers_may_grow_while_they_are_kept(tmp_path: Path) -> None:
    lines = lines_of(400)
    events = written(tmp_path / "events.jsonl", lines)
    metrics = one_by_one(lines)
    taken = cache.snapshot(metrics)
    metrics.feed(Step(time=float(step), step=step, loss=1.0) for step in range(401, 2000))
    assert cache.save(taken, events, events.stat().st_size, tmp_path / "cache")
    kept = cache.load(events, tmp_path / "cache")
    assert kept is not None
    same(kept.metrics, one_by_one(lines))
    kept.metrics.feed([Step(time=1.0, step=401, loss=2.0), Warned(time=1.0, step=401, key="x")])
    assert kept.metrics.get(LOSS).last == 2.0


def test_a_cache_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    lines = lines_of(50)
    metrics, _ = read_events(written(tmp_path / "events.jsonl", lines), tmp_path / "cache")
    same(metrics, one_by_one(lines))


def test_the_oldest_caches_go_first(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / f"{number}.columns"
        path.write_bytes(bytes(100))
        os.utime(path, (number, number))
    cache.prune(tmp_path, most=250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.columns", "4.columns"]


def test_no_file_is_no_run(tmp_path: Path) -> None:
    metrics, offset = read_events(tmp_path / "events.jsonl", tmp_path / "cache")
    assert (metrics.last_step, offset) == (0, 0)
