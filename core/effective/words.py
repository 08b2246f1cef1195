"""The words for what `core.effective` finds, for the window and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.effective.model import Origin
from core.text import Text

ORIGINS: Final[Mapping[Origin, Text]] = {
    "set": Text("set", "指定"),
    "default": Text("default", "既定値"),
    "forced": Text("by sd-scripts", "sd-scripts による"),
}


def rate_words(rate: float | None) -> Text:
    """A learning rate, or that the optimizer finds its own."""
    if rate is None:
        return Text("the optimizer's own", "オプティマイザーが決定")
    return Text(f"{rate:g}", f"{rate:g}")
