"""Folders of small pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Draw = Callable[..., Path]


@pytest.fixture
def draw() -> Draw:
    """Draws one picture, with its caption: `draw(path, (width, height), mode="RGB", caption="a, b")`."""

    def one(
        path: Path, size: tuple[int, int] = (64, 64), mode: str = "RGB", caption: str | None = "a, b", **options: object
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(sum(path.name.encode())).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        image = Image.fromarray(noise)
        if mode == "I;16":
            image = Image.fromarray(noise[:, :, 0].astype(np.uint16) * 257)
        elif mode != "RGB":
            image = image.convert(mode)
        image.save(path, **options)
        if caption is not None:
            path.with_suffix(".txt").write_text(caption, encoding="utf-8")
        return path

    return one


@pytest.fixture
def folder(tmp_path: Path, draw: Draw) -> Path:
    """A folder with five pictures of three shapes, in two subfolders."""
    root = tmp_path / "絵 と 写真"
    for name, size in (("a.png", (64, 64)), ("b.png", (96, 64)), ("c 日本.jpg", (64, 96))):
        draw(root / "2_犬 dog" / name, size, caption=f"{name}, x, y, z")
    for name, size in (("d.webp", (128, 128)), ("e.bmp", (130, 90))):
        draw(root / "1_cat" / name, size, caption=f"{name}, x, y, z")
    return root
