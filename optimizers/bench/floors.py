"""How many bytes a step must move: each array that the algorithm reads or writes, once a pass, in float32.

Assumes that what is made on the way stays in registers or cache. Row and column factors and block scales are too small
to count. Names: p parameter, g gradient, m first moment, v second moment, s sum of the estimate, p0 starting point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SIZES: Final = {"8bit": 1 + 4 / 256, "sliced": 2 / 11}
"""Bytes for each parameter of an array that is not float32: blocks of 256 with a scale; bfloat16 of every 11th."""

TRAFFIC: Final[Mapping[str, str]] = {
    "AdamW": "p g m v > p m v",
    "SGDNesterov": "p g m > p m",
    "Lion": "p g m > p m",
    "AdamWScheduleFree": "p g z v > p z v",
    "RAdamScheduleFree": "p g z v > p z v",
    "SGDScheduleFree": "p g z > p z",
    "PagedAdamW": "p g m v > p m v",
    "PagedAdamW32bit": "p g m v > p m v",
    "AdamW8bit": "p g m:8bit v:8bit > p m:8bit v:8bit",
    "PagedAdamW8bit": "p g m:8bit v:8bit > p m:8bit v:8bit",
    "Lion8bit": "p g m:8bit > p m:8bit",
    "PagedLion8bit": "p g m:8bit > p m:8bit",
    "SGDNesterov8bit": "p g m:8bit > p m:8bit",
    "AdEMAMix8bit": "p g m:8bit slow:8bit v:8bit > p m:8bit slow:8bit v:8bit",
    "PagedAdEMAMix8bit": "p g m:8bit slow:8bit v:8bit > p m:8bit slow:8bit v:8bit",
    # The denominator holds d_new * eps, and d_new needs the sums over all parameters: a second pass.
    "Prodigy": "p g p0 m v s > m v s | p m v > p",
    # The rate of a step is the old d, so one pass will do.
    "DAdaptAdam": "p g m v s > p m v s",
    "DAdaptAdamPreprint": "p g m v s > p m v s",
    "DAdaptAdan": "p g m diff v s before > p m diff v s before",
    "DAdaptAdanIP": "p g m diff v s before > p m diff v s before",
    "DAdaptSGD": "p g s x0 > p z s",
    "DAdaptAdaGrad": "g alpha s x0 > p alpha s",
    "DAdaptLion": "p g m s > p m s",
    "ProdigyPlusScheduleFree": "p g z p0:sliced s:sliced > p z s:sliced",
    "CAME": "p g m > p m",
    "AdaFactor": "p g > p",
    "EmoNavi": "p g m v > p m v",
    "EmoFact": "p g > p",
    "EmoLynx": "p g m > p m",
}
"""Reads and writes (`>` between them) of each pass (`|` between them), by the catalogue's name."""


def floor_bytes(name: str) -> float | None:
    """Least bytes moved for each float32 parameter in a step; None where nobody has worked it out."""
    traffic = TRAFFIC.get(name)
    if traffic is None:
        return None
    arrays = (word for word in traffic.split() if word not in (">", "|"))
    return sum(_SIZES.get(array.partition(":")[2], 4.0) for array in arrays)
