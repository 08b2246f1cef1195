"""How sd-scripts' fused backward pass finds an optimizer that it was not written for."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any

_log = logging.getLogger(__name__)


class FusedBackwardHook:
    """Stands in for sd-scripts' `library.adafactor_fused.patch_adafactor_fused` until it is called, or not wanted.

    sd-scripts calls that function with the optimizer, to give Adafactor a `step_param`. Ours has one; only the wrapper
    that accelerate may have put around it has none.
    """

    def __init__(self) -> None:
        self._original: Any = None

    def install(self) -> None:
        """Takes the function's place; does nothing where sd-scripts is not running in this process."""
        if "library" not in sys.modules:
            return
        try:
            module: Any = importlib.import_module("library.adafactor_fused")
            self._original = module.patch_adafactor_fused
        except (ImportError, AttributeError):
            return  # some other package of this name, or a version without fused backward pass
        module.patch_adafactor_fused = self._patch

    def remove(self) -> None:
        """Gives the function its place back: a step without it means that nobody will call it."""
        if self._original is None:
            return
        module: Any = sys.modules.get("library.adafactor_fused")
        if module is not None:
            module.patch_adafactor_fused = self._original
        self._original = None

    def _patch(self, optimizer: Any) -> None:
        inner = getattr(optimizer, "optimizer", None)
        if inner is not None:
            optimizer.step = inner.step
            optimizer.step_param = inner.step_param
        _log.info("sd-scripts' fused backward pass will step each parameter by itself")
        self.remove()
        (optimizer if inner is None else inner).fused_back_pass = True
