"""How often the watchdog for divergence barks at healthy losses, and how soon at diverging ones.

    python tests/benchmarks/watchdogs.py [--seeds 100]

Judged are the recorded trainings (tests/golden/losses) and families of made ones. A made training diverges at 60 % of its
steps: its loss rises to so many times itself within 50 steps.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.watch.divergence import Divergence

Noise = Callable[[int, np.random.Generator], np.ndarray]
LOSSES = Path(__file__).parents[1] / "golden" / "losses"


def _hanging_together(count: int, random: np.random.Generator) -> np.ndarray:
    steps, found = random.normal(0, 0.3, count), np.zeros(count)
    for place in range(1, count):
        found[place] = 0.9 * found[place - 1] + steps[place]
    return found


def _concepts(count: int, random: np.random.Generator) -> np.ndarray:
    levels = random.normal(0, 0.35, 6)
    blocks = [np.full(int(random.integers(5, 30)), levels[place % 6]) for place in range(count // 5 + 1)]
    return np.concatenate(blocks)[:count] + random.normal(0, 0.5, count)


FAMILIES: dict[str, Noise] = {
    "log-normal, 0.8": lambda count, random: random.normal(0, 0.8, count),
    "by noise level (u-shaped)": lambda count, random: (
        np.log(0.02 + 1.2 * random.uniform(0, 1, count) ** 4) + 2.3 + random.normal(0, 0.3, count)
    ),
    "heavy tails (Student, 3)": lambda count, random: 0.5 * random.standard_t(3, count),
    "hanging together (AR 0.9)": _hanging_together,
    "one concept after the other": _concepts,
    "2 % spikes up to 50 times": lambda count, random: (
        random.normal(0, 0.4, count) + (random.uniform(0, 1, count) < 0.02) * random.uniform(1, 4, count)
    ),
    "restarts of the scheduler": lambda count, random: (
        random.normal(0, 0.5, count) + 0.35 * np.maximum(0, np.sin(6 * np.pi * np.arange(count) / count))
    ),
    "nearly no noise": lambda count, random: random.normal(0, 0.05, count) + 0.1 * np.sin(np.arange(count) / 200),
}


def since(losses: np.ndarray, begin: int = 0) -> int | None:
    """The step at which the alarm came (not the one that it names), looked at every ten steps as the window does."""
    judge = Divergence()
    judge.feed(enumerate(losses[:begin].tolist(), 1))
    if judge.since is not None:
        return begin
    for place in range(begin, len(losses), 10):
        judge.feed(enumerate(losses[place : place + 10].tolist(), place + 1))
        if judge.since is not None:
            return min(place + 10, len(losses))
    return None


def _collapses(seeds: int) -> None:
    """Trainings that say nothing any more after 15 steps: the loss of predicting nothing, nearly without scatter."""
    found: list[int] = []
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        losses = np.concatenate([0.3 * np.exp(random.normal(0, 0.7, 15)), np.exp(random.normal(0, 0.07, 185))])
        at = since(losses)
        if at is not None:
            found.append(at)
    print(f"\ncollapsing after 15 steps: {len(found)} of {seeds} found, at step {int(np.median(found)) if found else 0} (median)")


def main(arguments: list[str]) -> int:
    """Prints the tables of docs/watchdogs.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=100)
    wanted = parser.parse_args(arguments)
    recorded = sorted(LOSSES.glob("*.csv"))
    for kind in ("healthy", "diverging"):
        paths = [path for path in recorded if path.name.startswith(kind)]
        curves = [np.array([float(line) for line in path.read_text(encoding="utf-8").split()]) for path in paths]
        barked = sum(since(curve) is not None or not np.isfinite(curve).all() for curve in curves)
        print(f"recorded, {kind}: {barked} of {len(curves)} barked at")
    print("\n| noise | steps | false alarms | found, ×4 | median delay | found, ×10 | median delay |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, noise in FAMILIES.items():
        for count in (500, 2000, 10000):
            _row(name, noise, count, wanted.seeds if count < 10000 else max(1, wanted.seeds // 5))
    _collapses(wanted.seeds)
    return 0


def _row(name: str, noise: Noise, count: int, seeds: int) -> None:
    false, delays = 0, {4: list[int](), 10: list[int]()}
    begin = int(count * 0.6)
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        learning = np.log(0.12) + 0.6 * np.exp(-np.arange(count) / (count / 8))
        calm = np.exp(learning + noise(count, random))
        alarm = since(calm)
        false += alarm is not None
        for times, found in delays.items():
            wild = calm.copy()
            wild[begin:] *= np.minimum(times, np.exp(np.arange(count - begin) / 50 * np.log(times)))
            at = since(wild, begin)
            if at is not None and at > begin:
                found.append(at - begin)
    cells = [f"{len(found)} of {seeds} | {int(np.median(found)) if found else '–'}" for found in delays.values()]
    print(f"| {name} | {count} | {false} of {seeds} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
