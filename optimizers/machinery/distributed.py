"""Sums over several processes, for parameters that are sharded over them."""

from __future__ import annotations

import torch
import torch.distributed as dist

from optimizers.machinery.batch import Batch


def reduce_sums(batch: Batch, *values: float) -> list[float]:
    """The values summed over all processes of the default group; in float64 where the device has it.

    Args:
        batch: the step; its parameters say on which device the processes talk.
        values: this process's sums.
    """
    device = next((p.device for share in batch for p in share.params), torch.device("cpu"))
    dtype = torch.float32 if device.type == "mps" else torch.float64
    sums = torch.tensor(values, dtype=dtype, device=device)
    dist.all_reduce(sums)
    return sums.tolist()
