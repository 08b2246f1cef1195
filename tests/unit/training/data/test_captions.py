"""Captions become what sd-scripts makes of them, with the same random choices from the same random numbers."""

from __future__ import annotations

import json
import random
from pathlib import Path

from core.training.data.captions import Moment, process_caption
from core.training.data.settings import SubsetSettings

GOLDEN = json.loads((Path(__file__).parents[3] / "golden" / "data.json").read_text(encoding="utf-8"))


def test_captions_are_those_of_sd_scripts() -> None:
    assert len(GOLDEN["captions"]) > 100
    for row in GOLDEN["captions"]:
        made = process_caption(
            row["caption"], SubsetSettings(**row["settings"]), random.Random(row["seed"]), Moment(*row["moment"])
        )
        assert made == row["made"], row


def test_the_cases_say_something() -> None:
    """Each setting changes at least one caption, or the comparison above would prove nothing about it."""
    changed = set()
    for row in GOLDEN["captions"]:
        plain = process_caption(row["caption"], SubsetSettings(), random.Random(row["seed"]), Moment(*row["moment"]))
        if plain != row["made"]:
            changed |= set(row["settings"])
    every = {name for row in GOLDEN["captions"] for name in row["settings"]}
    assert changed == every
