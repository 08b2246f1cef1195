"""One of two processes of a distributed training: `python ddp_child.py RANK RENDEZVOUS OURS REFERENCE OUT`.

Trains a network with our optimizer, by each backend, and with the reference, under DistributedDataParallel on this
process's own half of the data, and saves the results.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.helpers.optimizer_driving import STEPS, Little, values
from tests.helpers.optimizer_pairs import BACKENDS, load


def trained(path: str, rank: int, backend: str | None) -> list[torch.Tensor]:
    model = Little()
    wrapped = torch.nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True)
    optimizer = load(path)(wrapped.parameters(), lr=0.5)
    if backend is not None:
        optimizer.backend = backend
    for step in range(STEPS):
        optimizer.zero_grad(set_to_none=step % 2 == 0)
        wrapped(slice(4 * rank, 4 * rank + 4)).backward()
        optimizer.step()
    return values(model)


def main() -> None:
    rank, rendezvous, ours, reference, out = sys.argv[1:]
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=int(rank), world_size=2)
    try:
        results = {backend: trained(ours, int(rank), backend) for backend in BACKENDS}
        torch.save({**results, "reference": trained(reference, int(rank), None)}, out)
    finally:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
