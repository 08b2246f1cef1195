"""Measures one row: reference and ours in turn, round by round, in one process."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

import torch

from optimizers.bench.counting import count
from optimizers.bench.floors import floor_bytes
from optimizers.bench.memory import kept_and_peak, state_bytes
from optimizers.bench.rows import BASELINE, Contender, Row
from optimizers.bench.shapes import TensorSpec
from optimizers.bench.subject import Gradients, NotInstalled, NotThere, Subject, Timing, installed_version

Clock = Literal["process", "wall"]
FEWEST_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What holds for all rows of a run.

    Attributes:
        tensors: the set.
        device: of the parameters.
        rounds: at most so many; fewer, but not under five, where `seconds` are over.
        seconds: the time that the steps of a row should take together.
        clock: what ratios are taken from. `process` (one thread on the CPU) does not see what else the machine does.
        bandwidth: bytes a second of a large copy.
    """

    tensors: tuple[TensorSpec, ...]
    device: torch.device
    rounds: int
    seconds: float
    clock: Clock
    bandwidth: float

    @property
    def parameters(self) -> int:
        """Number of elements in all tensors."""
        return sum(tensor.numel for tensor in self.tensors)


class Bench:
    """Holds what all rows share: gradients, and the optimizer that is the unit of cost."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._gradients = Gradients(plan.tensors, plan.device)
        self._unit = self._subject(BASELINE.reference)
        for number in range(BASELINE.warm_up):
            self._unit.timed_step(number)

    def row(self, row: Row) -> dict[str, Any]:
        """Measures a row; what cannot be measured says why.

        Returns:
            Plain data, as `docs/benchmarks.md` describes it.
        """
        contenders = {"reference": row.reference, **({"ours": row.ours} if row.ours is not None else {})}
        sides = {name: _described(contender) for name, contender in contenders.items()}
        subjects: dict[str, Subject] = {}
        for name, contender in contenders.items():
            with _recorded(sides[name]):
                subjects[name] = self._begin(contender, sides[name], watched=name == "ours")
        times = self._alternate(subjects, row, sides)
        for name, subject in subjects.items():
            if name in times:
                with _recorded(sides[name]):
                    # Another instance beside the unit itself would only show the noise.
                    unit = times[name] if row == BASELINE else times["unit"]
                    self._finish(subject, row.name, times[name], unit, sides[name])
        return {"name": row.name, "variant": row.variant, **sides, **self._ratios(times, sides)}

    # --- inside ------------------------------------------------------------------------------------------------

    def _subject(self, contender: Contender) -> Subject:
        return Subject(contender, self._plan.tensors, self._gradients, self._plan.device)

    def _begin(self, contender: Contender, side: dict[str, Any], *, watched: bool) -> Subject:
        """First steps of three fresh optimizers; the first also pays for what is compiled or imported once.

        Args:
            contender: what to build.
            side: gets the figures.
            watched: what the first step leaves behind is measured, beside the state; costly on the CPU.
        """
        cold = self._subject(contender).timed_step(0)
        gc.collect()
        warm = self._subject(contender).timed_step(0)
        gc.collect()
        side["first_ms"] = cold.wall * 1e3
        side["once_ms"] = max(0.0, cold.wall - warm.wall) * 1e3
        subject = self._subject(contender)
        subject.prepare(0)
        if watched:
            side["kept_bytes"], _ = kept_and_peak(subject.step, self._plan.device)
        else:
            subject.step()
        return subject

    def _alternate(
        self, subjects: Mapping[str, Subject], row: Row, sides: Mapping[str, dict[str, Any]]
    ) -> dict[str, list[Timing]]:
        everyone = {**subjects, "unit": self._unit}
        times: dict[str, list[Timing]] = {name: [] for name in everyone}
        spent, number = 0.0, 0
        while everyone.keys() - {"unit"} and number < row.warm_up + self._plan.rounds:
            counted = number >= row.warm_up
            if counted and number - row.warm_up >= FEWEST_ROUNDS and spent > self._plan.seconds:
                break
            # Turned round each time, so that none always comes after the same other one.
            for name in list(everyone) if number % 2 else list(reversed(everyone)):
                with _recorded(sides[name]) if name in sides else nullcontext() as fate:
                    taken = everyone[name].timed_step(number + 1)
                    if counted:
                        times[name].append(taken)
                        spent += self._on_clock([taken])[0]
                if fate is not None and fate.failed:
                    del everyone[name], times[name]
            number += 1
        return times

    def _finish(self, subject: Subject, name: str, times: Sequence[Timing], unit: Sequence[Timing], side: dict[str, Any]) -> None:
        plan, rounds = self._plan, iter(range(1000, 2000))
        subject.prepare(next(rounds))
        _, peak = kept_and_peak(subject.step, plan.device)
        counts = count(subject.step, subject.optimizer, plan.device, lambda: subject.prepare(next(rounds)))
        floor = floor_bytes(name)
        step = median(self._on_clock(times))
        limit = None if floor is None else floor * plan.parameters / plan.bandwidth
        side |= {
            "status": "measured",
            "rounds": len(times),
            "step_ms": median(time.wall for time in times) * 1e3,
            "host_ms": median(time.host for time in times) * 1e3,
            "process_ms": median(time.process for time in times) * 1e3,
            "relative_cost": _round_ratio(self._on_clock(times), self._on_clock(unit)),
            **asdict(counts),
            "state_bytes": state_bytes(subject.optimizer),
            "peak_bytes": peak,
            "floor_bytes_per_parameter": floor,
            "limit_ms": None if limit is None else limit * 1e3,
            "times_limit": None if limit is None else step / limit,
        }

    def _on_clock(self, times: Sequence[Timing]) -> list[float]:
        return [time.process if self._plan.clock == "process" else time.wall for time in times]

    def _ratios(self, times: Mapping[str, list[Timing]], sides: Mapping[str, dict[str, Any]]) -> dict[str, float | None]:
        if any(sides.get(name, {}).get("status") != "measured" for name in ("reference", "ours")):
            return {"ratio": None, "round_ratio": None}
        reference, ours = self._on_clock(times["reference"]), self._on_clock(times["ours"])
        return {"ratio": median(reference) / median(ours), "round_ratio": _round_ratio(reference, ours)}


def _round_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Median of the ratios of the rounds: what slowed a whole round down cancels."""
    return median(one / other for one, other in zip(above, below, strict=False))


def _described(contender: Contender) -> dict[str, Any]:
    return {
        "path": contender.path,
        "package": contender.package,
        "version": installed_version(contender.package),
        "wanted": contender.wanted,
        "arguments": dict(contender.arguments),
        "status": "failed",
        "problem": None,
    }


class _recorded:  # noqa: N801 - used as a word of the language
    """Writes an exception into a side instead of passing it on: one optimizer's failure is a cell of the table."""

    def __init__(self, side: dict[str, Any]) -> None:
        self._side = side
        self.failed = False

    def __enter__(self) -> _recorded:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self.failed = True
        words = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
        if isinstance(error, NotInstalled):
            self._side |= {"status": "not-installed", "problem": str(error)}
        elif isinstance(error, NotThere):
            self._side |= {"status": "not-there", "problem": str(error)}
        else:
            self._side |= {"status": "failed", "problem": words}
        return True


def run_rows(plan: Plan, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Measures the rows one after the other; between them nothing of the last one is kept."""
    bench = Bench(plan)
    for number, row in enumerate(rows, start=1):
        yield {"kind": "begin", "name": row.name, "variant": row.variant, "number": number, "of": len(rows)}
        yield {"kind": "row", **bench.row(row)}
        gc.collect()
        if plan.device.type == "cuda":
            torch.cuda.empty_cache()
