"""Reads the scalars that sd-scripts writes for TensorBoard, while it writes them.

What has to be known about them (facts seen in real files of sd-scripts 0.10.1):

* the same rate stands under two tags (`lr/unet` and `lr/group1`);
* with gradient accumulation every micro-batch is a point, so x values repeat (0, 1, 1, 2, 2, …);
* `loss/epoch_average` and its kin have the epoch on their x axis, not the step; they are written right after the row of the
  epoch's last step, whose x says which step that was;
* within the first epoch `loss/validation/step_average` is the mean over all validations so far, not of the latest alone;
* a point is written after the scheduler moved: the rates at x belong to step x + 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from core.runs.events import Group, Step, Validated

_D_LR = "lr/d*lr/"
_LR = "lr/"
_LOSS = ("loss/current", "loss")
_EPOCH_TAGS = {"loss/epoch_average", "loss/epoch"}
_VALIDATION = "loss/validation/"
_VALIDATED = {"loss/validation/step_average": False, "loss/validation/epoch_average": True}
"""Tags of a validation loss, and whether the epoch is on their x axis."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One point: wall time in seconds since the epoch, x, tag, value."""

    time: float
    x: int
    tag: str
    value: float


class _Loader(Protocol):
    def Load(self) -> Iterator[Any]: ...


class EventFiles:
    """The event files of one run, as they appear and grow.

    Args:
        logging_dir: what `--logging_dir` says.
        since: files whose last change is older belong to earlier runs (seconds since the epoch).
        pids: gives the run's process ids; a file names its writer's. Where none of the files fits, all new ones count.
    """

    def __init__(self, logging_dir: Path, since: float, pids: Callable[[], set[int]]) -> None:
        self._folder = logging_dir
        self._since = since
        self._pids = pids
        self._loaders: dict[Path, _Loader] = {}

    def read(self) -> list[Scalar]:
        """New points, in the order they were written."""
        self._find()
        points: list[Scalar] = []
        for loader in self._loaders.values():
            for event in loader.Load():
                points += _scalars(event)
        return points

    def _find(self) -> None:
        new = [
            path
            for path in self._folder.rglob("events.out.tfevents.*")
            if path not in self._loaders and path.stat().st_mtime >= self._since - 2
        ]
        if not new:
            return
        from tensorboard.backend.event_processing.event_file_loader import (  # pyright: ignore[reportMissingTypeStubs]
            EventFileLoader,
        )

        ours = [path for path in new if _writer(path) in self._pids()]
        for path in ours or new:
            # Hyper-parameters are written to a folder below by another writer; they hold no scalars of the training.
            self._loaders[path] = cast("_Loader", EventFileLoader(str(path)))


def read_event_file(path: Path) -> list[Scalar]:
    """All points of one file, in the order they were written; what lies after a damaged record is lost.

    Raises:
        OSError: it cannot be read.
    """
    from tensorboard.backend.event_processing.event_file_loader import (  # pyright: ignore[reportMissingTypeStubs]
        EventFileLoader,
    )

    loader = cast("_Loader", EventFileLoader(str(path)))
    return [point for event in loader.Load() for point in _scalars(event)]


def _writer(path: Path) -> int | None:
    """The pid in `events.out.tfevents.<time>.<host>.<pid>.<n>`."""
    parts = path.name.split(".")
    return int(parts[-2]) if len(parts) > 6 and parts[-2].isdigit() else None


def _scalars(event: Any) -> Iterator[Scalar]:
    if not event.HasField("summary"):
        return
    for value in event.summary.value:
        if value.HasField("simple_value"):
            number = float(value.simple_value)
        elif value.HasField("tensor") and value.tensor.float_val:
            number = float(value.tensor.float_val[0])
        else:
            continue
        yield Scalar(float(event.wall_time), int(event.step), str(value.tag), number)


class Merger:
    """Turns points into optimizer steps.

    The script logs one row a micro-batch. The first row at a new x is the micro-batch that ended step x; further rows
    at the same x are the first micro-batches of step x + 1 (seen: 0, 1, 1, 2, 2, … with an accumulation of two), so
    they are averaged into that one. A row is known to be whole when the next one begins, or a validation after it is told.
    """

    def __init__(self) -> None:
        self._row = _Row(x=0)
        self._losses: list[float] = []
        self._rates: tuple[Group, ...] = ()
        self._last_x = 0
        self._done: list[Step | Validated] = []

    def add(self, points: Iterable[Scalar]) -> None:
        """Takes new points, in the order they were written."""
        for point in points:
            if point.tag in _EPOCH_TAGS:
                continue  # another x axis
            if point.tag.startswith(_VALIDATION):
                self._validated(point)
                continue
            if point.x != self._row.x or point.tag in self._row.values:
                self._close_row()
                self._row = _Row(x=point.x)
            self._row.values[point.tag] = point.value
            self._row.time = point.time

    def take(self, *, last: bool = False) -> list[Step | Validated]:
        """The steps that became complete, and validations; the open row too where no more points will come."""
        if last:
            self._end_row()
        done, self._done = self._done, []
        return done

    def _validated(self, point: Scalar) -> None:
        by_epoch = _VALIDATED.get(point.tag)
        if by_epoch is None:
            return  # a difference between two that are told
        self._end_row()
        step, epoch = (self._row.x, float(point.x)) if by_epoch else (point.x, None)
        self._done.append(Validated(time=point.time, step=step, loss=point.value, epoch=epoch))

    def _end_row(self) -> None:
        self._close_row()
        self._row = _Row(x=self._row.x)

    def _close_row(self) -> None:
        row = self._row
        if not row.values:
            return
        self._losses += [row.values[tag] for tag in _LOSS if tag in row.values][:1]
        if row.x <= self._last_x:
            return
        self._last_x = row.x
        loss = sum(self._losses) / len(self._losses) if self._losses else None
        average = row.values.get("loss/average")
        # The rates of a row are those of the next step; this one used what the row before said.
        self._done.append(Step(time=row.time, step=row.x, loss=loss, average_loss=average, groups=self._rates))
        self._losses = []
        self._rates = merge_groups(row.values)


@dataclass(slots=True)
class _Row:
    """What one call of the script's logger wrote."""

    x: int
    time: float = 0.0
    values: dict[str, float] = field(default_factory=dict[str, float])


def merge_groups(rates: dict[str, float]) -> tuple[Group, ...]:
    """Groups from the tags of one point.

    `lr/group<i>` repeats what the named tags say, so it is dropped where named tags of the same kind are there;
    ProdigyPlus' bare `lr/d*lr` is group 0's.
    """
    lrs = {tag[len(_LR) :]: value for tag, value in rates.items() if tag.startswith(_LR) and not tag.startswith("lr/d*lr")}
    if "lr" in rates:
        lrs = {"group0": rates["lr"], **lrs}
    d_lrs = {tag[len(_D_LR) :]: value for tag, value in rates.items() if tag.startswith(_D_LR)}
    named = [name for name in lrs if not _is_numbered(name)]
    names = named if len(named) >= len(lrs) - len(named) else list(lrs)
    if "lr/d*lr" in rates and names:
        d_lrs.setdefault(names[0], rates["lr/d*lr"])
    groups: list[Group] = []
    for index, name in enumerate(names):
        d_lr = d_lrs.get(name, d_lrs.get(f"group{index}"))
        lr = lrs[name]
        d = d_lr / lr if d_lr is not None and lr else None
        groups.append(Group(name=name.strip(), lr=lr, effective_lr=lr if d_lr is None else d_lr, d=d, d_lr=d_lr))
    return tuple(groups)


def _is_numbered(name: str) -> bool:
    return name.startswith("group") and name[5:].isdigit()
