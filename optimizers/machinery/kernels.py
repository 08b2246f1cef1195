"""Running programs by generated kernels, on the CPU and on CUDA devices, where there are kernels for them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import torch
from torch import Tensor

from optimizers.machinery import cuda
from optimizers.machinery.backend import Backend
from optimizers.machinery.compiler import CompileError, find_compiler
from optimizers.machinery.cuda import CudaLot
from optimizers.machinery.cuda_matrices import LARGEST, CudaMatrixLot, matrix_kernel
from optimizers.machinery.exact import all_one_by_one
from optimizers.machinery.matrices import MatrixLot, Members, by_form, kernel_for
from optimizers.machinery.native import REALS, kernel
from optimizers.machinery.plans import Plans
from optimizers.machinery.pointers import PointerLot, UnfitError
from optimizers.machinery.program import Numbers, Program, Totals, flags_of

if TYPE_CHECKING:
    from optimizers.machinery.batch import Kind, Share

Flags: TypeAlias = tuple[tuple[str, bool], ...]
Parts: TypeAlias = "list[tuple[Share, Numbers]]"
Waiting: TypeAlias = list[tuple[str, Tensor]]
_Pointers = TypeVar("_Pointers", bound=PointerLot)


class Kernels:
    """The kernels of one step.

    Args:
        backend: how programs are run.
        plans: kept from step to step by the optimizer.
    """

    def __init__(self, backend: Backend, plans: Plans) -> None:
        self._backend: Backend = backend
        self._plans = plans

    def elementwise(self, program: Program, parts: Parts, totals: Totals, waiting: Waiting) -> Parts:
        """Runs an elementwise program on what there are kernels for, all groups of one kind in one call.

        Args:
            program: the arithmetic.
            parts: shares of parameters, and their numbers.
            totals: where sums go that are known at once.
            waiting: where sums go that a device still works on.

        Returns:
            The parts that have yet to be stepped.

        Raises:
            CompileError: "native" was asked for, and a kernel cannot be made.
        """
        if self._backend == "eager":
            return parts
        kinds: dict[tuple[torch.device, torch.dtype, Flags, bool], Parts] = {}
        rest: Parts = []
        for share, numbers in parts:
            for kind, part in share.by_kind():
                if kind.regular and self._has_kernels(kind):
                    key = (kind.device, kind.dtype, flags_of(numbers), numbers.get("slice_p", 1) > 1)
                    kinds.setdefault(key, []).append((part, numbers))
                else:
                    rest.append((part, numbers))
        for (where, dtype, flags, sliced), members in kinds.items():
            device = cuda.kernel_device(where)
            try:
                if device is None:
                    self._lot(PointerLot, members).run(kernel(program, flags, dtype, sliced=sliced), members, totals)
                else:
                    compiled = cuda.kernel(program, flags, dtype, sliced, device)
                    waiting += self._lot(CudaLot, members).launch(device, compiled, members)
            except UnfitError:
                all_one_by_one(program, members, totals)
            except CompileError as error:
                if self._backend == "native":
                    raise
                if device is not None:
                    cuda.tell(str(error))
                rest += members
        return rest

    def matrices(self, program: Program, parts: Parts, totals: Totals, waiting: Waiting) -> Parts:
        """The same for a matrix program."""
        if self._backend == "eager":
            return parts
        forms, rest = by_form(program, parts, self._has_kernels)
        for form in forms:
            device = cuda.kernel_device(form[0][0].params[0].device)
            members, large = (form, []) if device is None else _by_size(form, LARGEST)
            rest += large
            if not members:
                continue
            groups = [share.params for share, _ in members]
            try:
                if device is None:
                    compiled = kernel_for(program, members)
                    if compiled is not None:
                        lot = self._plans.lot(MatrixLot, groups, partial(MatrixLot, program, members), program.axes)
                        lot.run(compiled, program, members, totals)
                else:
                    compiled = matrix_kernel(device, program, members)
                    if compiled is not None:
                        lot = self._plans.lot(CudaMatrixLot, groups, partial(CudaMatrixLot, program, members), program.axes)
                        waiting += lot.launch(device, compiled, program, members)
                if compiled is None:
                    rest += members
            except UnfitError:
                all_one_by_one(program, members, totals)
            except CompileError as error:
                if self._backend == "native":
                    raise
                if device is not None:
                    cuda.tell(str(error))
                rest += members
        return rest

    def _has_kernels(self, kind: Kind) -> bool:
        """Whether there can be kernels for parameters of a kind.

        Raises:
            CompileError: "native" was asked for, and the device cannot be used so.
        """
        try:
            device = cuda.kernel_device(kind.device)
        except CompileError as error:
            if self._backend == "native":
                raise
            cuda.tell(str(error))
            return False
        if device is not None:
            return kind.dtype in cuda.ELEMENTS
        return kind.device.type == "cpu" and kind.dtype in REALS and find_compiler() is not None

    def _lot(self, kind: type[_Pointers], members: Parts) -> _Pointers:
        groups = [share.params for share, _ in members]
        return self._plans.lot(kind, groups, partial(kind, groups))


def _by_size(members: Members, most: int) -> tuple[Parts, Parts]:
    """The parameters up to a number of elements, and the larger ones."""
    small: Parts = []
    large: Parts = []
    for share, numbers in members:
        for is_large, part in share.by_size(most):
            (large if is_large else small).append((part, numbers))
    return small, large
