"""Which of the ways to run a program is taken. Decided at run time, never part of an optimizer's state."""

from __future__ import annotations

import os
from typing import Literal, cast, get_args

Backend = Literal["auto", "exact", "eager", "native"]
"""
- exact: torch operations on one parameter after the other, in the reference's order: bit-identical to it on the CPU.
- eager: torch operations on many parameters at once.
- native: generated kernels (a C compiler on the CPU, NVRTC on CUDA); what they cannot do runs as in `eager`.
- auto: native where a kernel can be made, else eager.
"""

_NAMES = get_args(Backend)
VARIABLE = "CADDIE_OPTIMIZER_BACKEND"


def checked(name: str) -> Backend:
    """A backend by its name.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in _NAMES:
        raise ValueError(f"unknown optimizer backend {name!r}: use one of {', '.join(_NAMES)}")
    return cast("Backend", name)


def default_backend() -> Backend:
    """What `CADDIE_OPTIMIZER_BACKEND` says, else auto.

    Raises:
        ValueError: it says something else.
    """
    said = os.environ.get(VARIABLE)
    return checked(said) if said else "auto"
