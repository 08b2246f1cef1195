"""Two processes under DistributedDataParallel, each with half of the data: they stay together, and with the reference."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.helpers.optimizer_driving import Little, values
from tests.helpers.optimizer_pairs import BACKENDS, pair_named, reference_of

CHILD = Path(__file__).parents[2] / "helpers" / "ddp_child.py"


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available() or sys.platform == "win32", reason="no gloo with files here")
def test_two_processes_stay_together(tmp_path: Path) -> None:
    pair = pair_named("Prodigy")
    reference_of(pair)
    outs = [tmp_path / f"{rank}.pt" for rank in range(2)]
    children = [
        subprocess.Popen(
            [sys.executable, str(CHILD), str(rank), str(tmp_path / "meet"), pair.ours, pair.reference, str(out)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "GLOO_SOCKET_IFNAME": "lo"},
        )
        for rank, out in enumerate(outs)
    ]
    for child in children:
        _, errors = child.communicate(timeout=150)
        assert child.returncode == 0, errors
    first, second = (torch.load(out, weights_only=True) for out in outs)
    expected = first["reference"]
    moved = max((one - other).abs().max().item() for one, other in zip(expected, values(Little()), strict=True))
    assert moved > 1e-3
    for backend in BACKENDS:
        allowed = 0.0 if backend == "exact" else 1e-4 * moved
        for ours, other, reference in zip(first[backend], second[backend], expected, strict=True):
            assert torch.equal(ours, other)
            assert (ours - reference).abs().max().item() <= allowed
