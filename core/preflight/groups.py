"""The groups of parameters that a training gives its optimizer, as shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.catalogue.catalogue import Catalogue
from core.effective.effective import effective
from core.errors import CaddieError
from core.job.model import Job
from core.network.shapes import LoraTensor, Shapes, lora_shapes, model_of
from core.preflight.model import Group, Shape

_DEFAULT_DIM = 4
"""sd-scripts' rank where the job names none."""


@dataclass(frozen=True, slots=True)
class _Family:
    """What a LoRA of sd-scripts has halves for.

    Attributes:
        blocks: (channels, transformer blocks, projections in and out around them) of the U-Net.
        context: width of the text encoders' output.
        convolutions: the projections are 1 x 1 convolutions.
        encoders: (width, layers) of each text encoder.
    """

    blocks: tuple[tuple[int, int, int], ...]
    context: int
    convolutions: bool
    encoders: tuple[tuple[int, int], ...]


_SD1 = _Family(((320, 5, 10), (640, 5, 10), (1280, 6, 12)), 768, True, ((768, 12),))
_SD2 = _Family(_SD1.blocks, 1024, False, ((1024, 23),))
_SDXL = _Family(((640, 10, 10), (1280, 60, 12)), 2048, False, ((768, 12), (1280, 32)))
"""192, 192 and 722 layers of the U-Net; 72, 138 and 264 of the text encoders: as sd-scripts counts them."""


def groups_of(job: Job, catalogue: Catalogue) -> tuple[Group, ...]:
    """The groups of a LoRA's training, in sd-scripts' order, each with its learning rate.

    The shapes are those of the job's own LoRA, from the header of its checkpoint: some 100 ms, so never in the thread that
    draws a window. Where that cannot be read, or the network is another than networks.lora, they are those of a LoRA for the
    public SD 1, SD 2 or SDXL without convolutions of 3 x 3: the same number of dimensions, perhaps other sizes.
    """
    known = _known_shapes(job)
    dim = job.options.get("network_dim")
    rank = dim if isinstance(dim, int) and dim > 0 else _DEFAULT_DIM
    family = _SDXL if job.script.startswith("sdxl_") else _SD2 if job.options.get("v2") else _SD1
    rated = effective(job, catalogue).groups
    with_plus = {one.name.removesuffix(" plus") for one in rated if one.name.endswith(" plus")}
    groups: list[Group] = []
    for one in rated:
        part = one.name.removesuffix(" plus")
        shapes = _counted(known.of_group(part)) if known is not None else _shapes(_layers(family, part), rank)
        if part in with_plus:  # LoRA+ gives the up halves a group of their own
            shapes = tuple(shape for shape in shapes if shape.at_zero == one.name.endswith(" plus"))
        groups.append(Group(one.name, one.rate, shapes))
    return tuple(groups)


def _known_shapes(job: Job) -> Shapes | None:
    try:
        found = lora_shapes(job, model_of(job))
    except CaddieError:  # what is wrong with the model is for the advice to say; the optimizer can be tried all the same
        return None
    return None if found.tensors is None else found


def _counted(tensors: Iterable[LoraTensor]) -> tuple[Shape, ...]:
    counted = Counter((one.sizes, one.is_up) for one in tensors)
    return tuple(Shape(sizes, number, at_zero) for (sizes, at_zero), number in counted.items())


def _layers(family: _Family, part: str) -> Iterator[tuple[int, int, bool, int]]:
    """(inputs, outputs, whether it is a convolution, how many), in sd-scripts' order of the first."""
    if part.startswith("text_encoder"):
        number = part.removeprefix("text_encoder").strip(" _")
        encoders = family.encoders
        if number.isdigit() and 0 < int(number) <= len(encoders):
            encoders = encoders[int(number) - 1 :][:1]
        for width, layers in encoders:
            yield width, width, False, 4 * layers
            yield width, 4 * width, False, layers
            yield 4 * width, width, False, layers
        return
    for channels, blocks, projections in family.blocks:
        yield channels, channels, family.convolutions, projections
        yield channels, channels, False, 6 * blocks
        yield family.context, channels, False, 2 * blocks
        yield channels, 8 * channels, False, blocks
        yield 4 * channels, channels, False, blocks


def _shapes(layers: Iterator[tuple[int, int, bool, int]], rank: int) -> tuple[Shape, ...]:
    """Down and up half of each layer, equal ones counted together."""
    counted: Counter[tuple[tuple[int, ...], bool]] = Counter()
    for inputs, outputs, convolution, number in layers:
        more = (1, 1) if convolution else ()
        counted[(rank, inputs, *more), False] += number
        counted[(outputs, rank, *more), True] += number
    return tuple(Shape(sizes, number, at_zero) for (sizes, at_zero), number in counted.items())
