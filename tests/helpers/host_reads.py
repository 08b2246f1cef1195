"""Finds code that waits for a device, without having one: reading a number or a size that depends on numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_aten = torch.ops.aten
_READS = {
    _aten._local_scalar_dense,
    _aten.item,
    _aten.nonzero,
    _aten.masked_select,
    _aten.is_nonzero,
    _aten.equal,
    _aten._unique2,
    _aten.unique_dim,
    _aten.unique_consecutive,
    _aten.bincount,
}


class _Watch(TorchDispatchMode):
    def __init__(self, host: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self._host = host

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet = func.overloadpacket
        known = bool(args) and any(args[0] is tensor for tensor in self._host)
        assert packet not in _READS or known, f"{func} waits for the device"
        assert packet is not _aten.index or all(i is None or i.dtype != torch.bool for i in args[1]), f"{func} by a mask waits"
        return func(*args, **(kwargs or {}))


@contextmanager
def forbid_host_reads(host: Sequence[torch.Tensor] = ()) -> Iterator[None]:
    """Within it an AssertionError is raised where a number of a tensor is read by the program.

    Args:
        host: tensors that lie in the computer's own memory on every device, as torch's counters of steps.
    """
    with _Watch(host):
        reading = torch.Tensor.tolist
        numpy = torch.Tensor.numpy

        def refuse(*_: Any, **__: Any) -> Any:
            raise AssertionError("a tensor is read as a whole, which waits for the device")

        # These two do not go through the dispatcher on a CPU.
        torch.Tensor.tolist = torch.Tensor.numpy = refuse  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield
        finally:
            torch.Tensor.tolist, torch.Tensor.numpy = reading, numpy
