"""What a caption becomes at a step: shuffled, dropped, with its wildcards chosen.

Source: kohya-ss/sd-scripts at 48d368f, library/train_util.py, BaseDataset.process_caption. The random draws are made in the
same order, from a generator of the image's own: what comes out depends on the seed, the epoch and the image alone.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass

from core.training.data.settings import SubsetSettings

_WILDCARD = re.compile(r"\{([^}]+)\}")
_OPEN, _CLOSE = "⦅", "⦆"


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the training stands, as far as captions care.

    Attributes:
        epoch: 1-based, as sd-scripts counts them.
        step: optimizer steps done.
        steps: optimizer steps in all.
    """

    epoch: int = 1
    step: int = 0
    steps: int = 1


def process_caption(caption: str, subset: SubsetSettings, draw: random.Random, moment: Moment) -> str:
    """The caption that the text encoders get.

    Args:
        caption: as it stands in the file; several lines where wildcards are on.
        subset: what is done.
        draw: makes the random choices.
        moment: where the training stands.
    """
    if subset.caption_prefix:
        caption = f"{subset.caption_prefix} {caption}"
    if subset.caption_suffix:
        caption = f"{caption} {subset.caption_suffix}"
    is_dropped = subset.caption_dropout_rate > 0 and draw.random() < subset.caption_dropout_rate
    every = subset.caption_dropout_every_n_epochs
    if is_dropped or (every > 0 and moment.epoch % every == 0):
        return ""
    caption = _choose_wildcards(caption, draw) if subset.enable_wildcard else caption.split("\n", 1)[0]
    if subset.shuffle_caption or subset.token_warmup_step > 0 or subset.caption_tag_dropout_rate > 0:
        caption = _arrange(caption, subset, draw, moment)
    if subset.secondary_separator:
        caption = caption.replace(subset.secondary_separator, subset.caption_separator)
    return caption


def _choose_wildcards(caption: str, draw: random.Random) -> str:
    """One of several lines, and one word of each {a|b}; {{ and }} are braces."""
    if "\n" in caption:
        caption = draw.choice(caption.split("\n"))
    opening, closing = _OPEN, _CLOSE
    while opening in caption or closing in caption:
        opening, closing = opening + _OPEN, closing + _CLOSE
    caption = caption.replace("{{", opening).replace("}}", closing)
    caption = _WILDCARD.sub(lambda found: draw.choice(found.group(1).split("|")), caption)
    return caption.replace(opening, "{").replace(closing, "}")


def _arrange(caption: str, subset: SubsetSettings, draw: random.Random, moment: Moment) -> str:
    head, middle, tail = _parts(caption, subset)
    most = warm_up_steps(subset, moment.steps)
    if moment.step < most:
        middle = middle[: math.floor(moment.step * ((len(middle) - subset.token_warmup_min) / most)) + subset.token_warmup_min]
    if subset.shuffle_caption:
        draw.shuffle(middle)
    rate = subset.caption_tag_dropout_rate
    if rate > 0:
        middle = [tag for tag in middle if draw.random() >= rate]
    return ", ".join(head + middle + tail)


def warm_up_steps(subset: SubsetSettings, steps: int) -> float:
    """Steps until a caption has all its tags; below 1 it is a share of the training."""
    said = subset.token_warmup_step
    return math.floor(said * steps) if said < 1 else said


def _parts(caption: str, subset: SubsetSettings) -> tuple[list[str], list[str], list[str]]:
    """Tags that stay in front, tags that move, tags that stay behind."""
    separator, keeper = subset.caption_separator, subset.keep_tokens_separator
    if keeper and keeper in caption:
        head, _, rest = caption.partition(keeper)
        middle, _, tail = rest.partition(keeper)
        return _tags(head, separator), _tags(middle, separator), _tags(tail, separator)
    tags = [tag.strip() for tag in caption.strip().split(separator)]
    return tags[: subset.keep_tokens], tags[subset.keep_tokens :], []


def _tags(text: str, separator: str) -> list[str]:
    return [tag.strip() for tag in text.split(separator) if tag.strip()]
