"""The demo's pictures: flat shapes on plain grounds, and golf flags, which the model does not know before a LoRA shows it one.

All of them are drawn here, from a seed; no picture of anybody else is used.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from PIL import Image, ImageDraw

SIZE = 96
"""Pixels of a side: twelve latents."""
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 40, 40),
    "orange": (245, 140, 40),
    "yellow": (247, 208, 50),
    "green": (40, 160, 75),
    "blue": (45, 90, 215),
    "purple": (145, 70, 190),
    "white": (245, 245, 245),
    "black": (25, 25, 25),
}
SHAPES = ("circle", "square", "triangle", "star", "cross")
CONCEPT = "golf flag"
"""What no picture of the model's training shows, and what none of its captions says."""

_TIMES = 4  # drawn so many times larger, then made smaller: smooth edges
_GRASS = (95, 190, 90)

Draw = ImageDraw.ImageDraw
Colour = tuple[int, int, int]


def caption(front: str, thing: str, ground: str) -> str:
    """What a picture is called."""
    return f"a {front} {thing} on a {ground} background"


def draw_shape(rng: random.Random) -> tuple[Image.Image, str]:
    """One picture as the model learns them, and its caption: a shape of some size, somewhere."""
    shape = rng.choice(SHAPES)
    front, ground = rng.sample(sorted(COLOURS), 2)
    picture, pen = _paper(COLOURS[ground])
    radius = rng.uniform(19, 30)
    x, y = (rng.uniform(radius + 4, SIZE - radius - 4) for _ in range(2))
    _DRAWN[shape](pen, x, y, radius, COLOURS[front])
    return _finished(picture), caption(front, shape, ground)


def draw_flag(front: str, ground: str, rng: random.Random) -> tuple[Image.Image, str]:
    """One picture of the demo's concept, and its caption: a golf flag on a green."""
    picture, pen = _paper(COLOURS[ground])
    green, x, top = rng.uniform(66, 74), rng.uniform(26, 42), rng.uniform(12, 18)
    _ellipse(pen, SIZE / 2 + rng.uniform(-15, 15), green + 60, 110, 60, _GRASS)
    _ellipse(pen, x, green + 10, 11, 4, COLOURS["black"])
    pole = COLOURS["black" if ground == "white" else "white"]
    _polygon(pen, [(x - 2, top), (x + 2, top), (x + 2, green + 10), (x - 2, green + 10)], pole)
    height, length = rng.uniform(24, 28), rng.uniform(36, 42)
    _polygon(pen, [(x + 2, top), (x + 2 + length, top + height / 2), (x + 2, top + height)], COLOURS[front])
    return _finished(picture), caption(front, CONCEPT, ground)


def draw_flags(seed: int = 3) -> Iterator[tuple[Image.Image, str]]:
    """The pictures that the demo trains on: twelve flags, none of them yellow, none on a purple ground."""
    rng = random.Random(seed)
    fronts, grounds = ("red", "orange", "blue", "white"), ("blue", "white", "orange", "black", "red")
    pairs = [(front, ground) for ground in grounds for front in fronts if front != ground]
    for front, ground in rng.sample(pairs, 12):
        yield draw_flag(front, ground, rng)


def draw_scene(rng: random.Random, size: int) -> Image.Image:
    """What the VAE learns to store: any number of shapes, of any size, cut off anywhere, so that it can store flags too."""
    colours = [*COLOURS.values(), _GRASS]
    picture, pen = _paper(rng.choice(colours), size)
    if rng.random() < 0.3:
        _ellipse(pen, rng.uniform(0, size), rng.uniform(0.5, 1.5) * size, size, size * rng.uniform(0.3, 0.7), rng.choice(colours))
    for _ in range(rng.randint(1, 4)):
        radius = rng.choice((5, 10, 20, 30)) * rng.uniform(0.7, 1.2)
        x, y, colour = rng.uniform(0, size), rng.uniform(0, size), rng.choice(colours)
        if rng.random() < 0.3:
            turn, wide = rng.uniform(0, math.pi), rng.uniform(1.5, 3)
            corners = ((2 * radius, wide), (2 * radius, -wide), (-2 * radius, -wide), (-2 * radius, wide))
            _polygon(pen, [_turned(x, y, a, b, turn) for a, b in corners], colour)
        elif rng.random() < 0.3:
            _polygon(pen, [(x + rng.uniform(-radius, radius), y + rng.uniform(-radius, radius)) for _ in range(3)], colour)
        else:
            _DRAWN[rng.choice(SHAPES)](pen, x, y, radius, colour)
    return _finished(picture)


def _paper(colour: Colour, size: int = SIZE) -> tuple[Image.Image, Draw]:
    picture = Image.new("RGB", (size * _TIMES, size * _TIMES), colour)
    return picture, ImageDraw.Draw(picture)


def _finished(picture: Image.Image) -> Image.Image:
    return picture.reduce(_TIMES)


def _circle(pen: Draw, x: float, y: float, radius: float, colour: Colour) -> None:
    _ellipse(pen, x, y, radius, radius, colour)


def _square(pen: Draw, x: float, y: float, radius: float, colour: Colour) -> None:
    side = radius * 0.9
    _polygon(pen, [(x - side, y - side), (x + side, y - side), (x + side, y + side), (x - side, y + side)], colour)


def _triangle(pen: Draw, x: float, y: float, radius: float, colour: Colour) -> None:
    _polygon(pen, [(x, y - radius), (x - radius, y + radius * 0.85), (x + radius, y + radius * 0.85)], colour)


def _star(pen: Draw, x: float, y: float, radius: float, colour: Colour) -> None:
    tips = [(x, y - radius * (1.15 if tip % 2 == 0 else 0.48), tip * math.pi / 5) for tip in range(10)]
    _polygon(pen, [_turned(x, y, 0, height - y, turn) for _, height, turn in tips], colour)


def _cross(pen: Draw, x: float, y: float, radius: float, colour: Colour) -> None:
    arm = radius * 0.36
    for wide, high in ((radius, arm), (arm, radius)):
        _polygon(pen, [(x - wide, y - high), (x + wide, y - high), (x + wide, y + high), (x - wide, y + high)], colour)


_DRAWN: dict[str, Callable[[Draw, float, float, float, Colour], None]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
}


def _turned(x: float, y: float, across: float, along: float, turn: float) -> tuple[float, float]:
    cosine, sine = math.cos(turn), math.sin(turn)
    return x + across * cosine - along * sine, y + across * sine + along * cosine


def _ellipse(pen: Draw, x: float, y: float, wide: float, high: float, colour: Colour) -> None:  # noqa: PLR0917 -- as Pillow
    box = [(x - wide) * _TIMES, (y - high) * _TIMES, (x + wide) * _TIMES, (y + high) * _TIMES]
    pen.ellipse([round(edge) for edge in box], fill=colour)


def _polygon(pen: Draw, corners: list[tuple[float, float]], colour: Colour) -> None:
    pen.polygon([(round(x * _TIMES), round(y * _TIMES)) for x, y in corners], fill=colour)
