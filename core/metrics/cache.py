"""The curves of a run as columns in one file, so that a run of a million steps is open in a moment.

The file lies in Caddie's cache folder and says which part of which event file it was made from. It is used only where that
part is still there: the same head, the same last lines before the end of the part, and a file that did not become shorter
or change without growing. Else the events are read anew. It may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import struct
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.metrics.column import Floats
from core.metrics.pyramid import Pyramid
from core.metrics.quantities import Quantity, SeriesKey
from core.metrics.run_metrics import Facts, Mark, MarkKind, RunMetrics
from core.metrics.series import Series
from core.runs.event_lines import decode_event, encode_event
from core.runs.events import Finished

WORTH_IT = 2 << 20
"""Bytes of events from which a cache is kept; fewer are read in a tenth of a second."""
_MAGIC = b"CADDIEM1"
_LOOKED_AT = 1 << 16
_MOST = 8 << 30
"""Bytes that all caches together may have."""

_Levels = list[tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True)
class Kept:
    """What was in a cache.

    Attributes:
        metrics: the curves.
        offset: bytes of the event file that are in them; whole lines.
    """

    metrics: RunMetrics
    offset: int


@dataclass(frozen=True, slots=True)
class _Curve:
    key: SeriesKey
    x: Floats | None  # None: the first steps of the clock
    y: Floats
    levels: _Levels | None
    series: Series
    epoch: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run's numbers at a moment: a worker may write them while the run is fed on."""

    facts: Facts
    curves: tuple[_Curve, ...]

    @property
    def holds(self) -> bool:
        """Whether the run has only grown since; else the numbers may be mixed with later ones."""
        return all(curve.series.epoch == curve.epoch for curve in self.curves)


def snapshot(metrics: RunMetrics) -> Snapshot:
    """Views of all curves; nothing is copied."""
    curves = [
        _Curve(key, None if series.shares_steps else series.x, series.y, None, series, series.epoch)
        for key, series in metrics.series.items()
    ]
    return Snapshot(metrics.facts(), tuple(curves))


def cache_file(events: Path, folder: Path) -> Path:
    """Where the cache of an event file lies."""
    return folder / f"{hashlib.sha256(os.fsencode(events.resolve())).hexdigest()[:32]}.columns"


def save(taken: Snapshot, events: Path, offset: int, folder: Path) -> bool:
    """Writes a cache, if the events are long enough for one.

    Args:
        taken: the numbers of the first `offset` bytes of `events`.
        events: the event file.
        offset: a line ends there.
        folder: of all caches.

    Returns:
        Whether there is one now. A cache that cannot be written is none, and no fault.
    """
    if offset < WORTH_IT or not taken.curves:
        return False
    try:
        header: dict[str, Any] = {"source": _fingerprint(events, offset), "facts": _facts_out(taken.facts), "curves": []}
        arrays: list[Floats] = []
        for curve in taken.curves:
            pyramid = Pyramid()
            pyramid.update(curve.y)
            parts = [*([] if curve.x is None else [curve.x]), curve.y, *(part for pair in pyramid.levels for part in pair)]
            header["curves"].append([curve.key.quantity.value, curve.key.group, curve.x is None, [len(part) for part in parts]])
            arrays += parts
        folder.mkdir(parents=True, exist_ok=True)
        _write(cache_file(events, folder), json.dumps(header).encode(), arrays, taken)
        prune(folder)
    except OSError:
        return False
    return taken.holds


def _write(path: Path, header: bytes, arrays: list[Floats], taken: Snapshot) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".caddie-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            header += b" " * (-(len(_MAGIC) + 16 + len(header)) % 64)
            total = sum(len(part) for part in arrays)
            stream.write(_MAGIC + struct.pack("<QQ", len(header), total) + header)
            for part in arrays:
                stream.write(np.ascontiguousarray(part, dtype="<f8").tobytes())
        if taken.holds:
            os.replace(temporary, path)
            return
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    os.unlink(temporary)


def load(events: Path, folder: Path, *, scratch: Path | None = None) -> Kept | None:
    """The cache of an event file; None where there is none that can be trusted."""
    path = cache_file(events, folder)
    try:
        with open(path, "rb") as stream:
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        kept = _read(mapped, events, scratch)
        if kept is not None:
            os.utime(path)  # used: the last to be pruned
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
    return kept


def _read(mapped: mmap.mmap, events: Path, scratch: Path | None) -> Kept | None:
    if mapped[: len(_MAGIC)] != _MAGIC:
        return None
    start = len(_MAGIC) + 16
    length, total = struct.unpack("<QQ", mapped[len(_MAGIC) : start])
    if len(mapped) != start + length + 8 * total:
        return None
    header = json.loads(mapped[start : start + length])
    source = header["source"]
    if not _still_there(events, source):
        return None
    numbers = np.frombuffer(mapped, dtype="<f8", offset=start + length).astype(np.float64, copy=False)
    series: dict[SeriesKey, Series] = {}
    at, clock = 0, None
    for quantity, group, shares, sizes in header["curves"]:
        parts: list[Floats] = []
        for size in sizes:
            parts.append(numbers[at : at + size])
            at += size
        x = None if shares else parts.pop(0)
        y, levels = parts[0], list(zip(parts[1::2], parts[2::2], strict=True))
        key = SeriesKey(Quantity(quantity), group)
        pyramid = Pyramid.restored(levels, len(y), scratch=scratch)
        if x is None and (clock is None or len(clock) < len(y)):
            return None
        series[key] = Series.restored(x, y, pyramid, clock=clock, scratch=scratch)
        if key.quantity is Quantity.TIME:
            clock = series[key]
    return Kept(RunMetrics.restored(_facts_in(header["facts"]), series, scratch=scratch), int(source["offset"]))


def _fingerprint(events: Path, offset: int) -> dict[str, Any]:
    with open(events, "rb") as stream:
        state = os.fstat(stream.fileno())
        head = stream.read(min(offset, _LOOKED_AT))
        stream.seek(max(0, offset - _LOOKED_AT))
        tail = stream.read(min(offset, _LOOKED_AT))
    return {
        "offset": offset,
        "size": state.st_size,
        "changed": state.st_mtime_ns,
        "head": hashlib.sha256(head).hexdigest(),
        "tail": hashlib.sha256(tail).hexdigest(),
    }


def _still_there(events: Path, source: dict[str, Any]) -> bool:
    now = _fingerprint(events, int(source["offset"]))
    if now["size"] < source["size"] or (now["size"] == source["size"] and now["changed"] != source["changed"]):
        return False
    return (now["head"], now["tail"]) == (source["head"], source["tail"])


def _facts_out(facts: Facts) -> dict[str, Any]:
    record = asdict(facts)
    record["marks"] = [[mark.kind.value, mark.step, mark.detail] for mark in facts.marks]
    record["finished"] = None if facts.finished is None else encode_event(facts.finished)
    return record


def _facts_in(record: dict[str, Any]) -> Facts:
    marks = tuple(Mark(MarkKind(kind), int(step), str(detail)) for kind, step, detail in record["marks"])
    told = record["finished"]
    finished = None if told is None else decode_event(told)
    return Facts(
        marks=marks,
        groups=tuple(record["groups"]),
        sources=tuple(record["sources"]),
        nan_steps=tuple(record["nan_steps"]),
        restarted=record["restarted"],
        begun=record["begun"],
        optimizer=record["optimizer"],
        total_steps=record["total_steps"],
        hands_loss=record["hands_loss"],
        finished=finished if isinstance(finished, Finished) else None,
    )


def prune(folder: Path, most: int = _MOST) -> None:
    """Deletes the caches that were not used for longest, until the others have at most `most` bytes; and what was left behind."""
    found: list[tuple[float, int, Path]] = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            state = path.stat()
            if path.suffix == ".columns":
                found.append((state.st_mtime, state.st_size, path))
            elif path.suffix == ".tmp" and state.st_mtime < time.time() - 3600:
                path.unlink()
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= most:
            return
        with contextlib.suppress(OSError):  # open in another window, on Windows
            path.unlink()
            total -= size
