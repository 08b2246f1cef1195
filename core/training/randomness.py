"""Random numbers that depend on the seed and the place in the training alone, so that a resumed training repeats them.

No state of a generator has to be saved: before each piece of work the generators are set to a seed made from what the
piece is.
"""

from __future__ import annotations

import hashlib

import torch

BITS = 63
"""torch takes seeds of 64 bits, as signed numbers in places."""


def seed_for(seed: int, *place: str | int) -> int:
    """A seed for one piece of work.

    Args:
        seed: of the training.
        place: what the work is, for example `"noise", 12, 0`.

    Returns:
        A number of 63 bits; the same on every machine.
    """
    text = "\0".join(map(str, (seed, *place)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> (64 - BITS)


def generator_for(device: torch.device, seed: int, *place: str | int) -> torch.Generator:
    """A generator on a device for one piece of work."""
    return torch.Generator(device).manual_seed(seed_for(seed, *place))


def seed_everything(seed: int, *place: str | int) -> None:
    """Sets torch's own generators, which dropout and optimizers that round at random use. Does not wait for a device."""
    torch.manual_seed(seed_for(seed, *place))
