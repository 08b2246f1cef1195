"""Pixels are those of sd-scripts, whatever the file holds."""

from __future__ import annotations

import json
import random
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import CaddieError
from core.training.data.buckets import Placing, crop_edges
from core.training.data.images import choose_corner, fit, load_image, look_at, shift_colours
from core.training.data.resize import resize

GOLDEN_FOLDER = Path(__file__).parents[3] / "golden"
GOLDEN = json.loads((GOLDEN_FOLDER / "data.json").read_text(encoding="utf-8"))


def test_scaled_and_cropped_as_sd_scripts_does() -> None:
    pattern = runpy.run_path(str(GOLDEN_FOLDER / "make_data.py"))["pattern"]
    assert {row["method"] for row in GOLDEN["scaled"]} == {None, "area", "nearest", "bilinear", "bicubic"}
    for row in GOLDEN["scaled"]:
        pixels = pattern(*row["image"], row["channels"])
        place = Placing(tuple(row["bucket"]), tuple(row["scaled"]))
        made = fit(pixels, place, choose_corner(place), row["method"])
        difference = np.abs(made.astype(int) - np.array(row["made"]))
        assert difference.max() <= 1, row["method"]
        assert list(crop_edges(place.bucket, tuple(row["image"]))) == row["edges"]


def test_area_is_the_mean_of_what_is_covered() -> None:
    pixels = np.array([[0, 30, 60, 90, 120]], np.uint8).reshape(1, 5, 1).repeat(3, axis=2)
    # Two pixels of 2.5 each: (0 + 30 + 60/2) / 2.5 and (60/2 + 90 + 120) / 2.5.
    assert resize(pixels, (2, 1), "area")[0, :, 0].tolist() == [24, 96]


def test_random_crops_come_from_the_generator_and_stay_inside() -> None:
    pixels = np.arange(20 * 30 * 3, dtype=np.uint32).reshape(20, 30, 3).astype(np.uint8)
    place = Placing((16, 16), (30, 20))
    corners = {choose_corner(place, random.Random(seed)) for seed in range(200)}
    assert choose_corner(place) == (7, 2)
    assert {left for left, _ in corners} == set(range(15))
    assert {top for _, top in corners} == set(range(5))
    draw = random.Random(5)
    left, top = choose_corner(place, random.Random(5))
    assert (left, top) == (draw.randint(0, 14), draw.randint(0, 4))
    made = fit(pixels, place, (left, top))
    assert np.array_equal(made, pixels[top : top + 16, left : left + 16])


@pytest.mark.parametrize(
    ("mode", "ending"),
    [("RGBA", "png"), ("L", "png"), ("LA", "png"), ("P", "png"), ("1", "png"), ("CMYK", "jpg"), ("RGB", "avif")],
)
def test_any_kind_of_image_becomes_what_pillow_says_it_is(tmp_path: Path, draw, mode: str, ending: str) -> None:
    path = draw(tmp_path / f"x.{ending}", (20, 10), mode)
    with Image.open(path) as image:
        wanted = np.array(image.convert("RGB")), np.array(image.convert("RGBA"))
    assert np.array_equal(load_image(str(path), alpha=False), wanted[0])
    assert np.array_equal(load_image(str(path), alpha=True), wanted[1])
    assert look_at(str(path), whole=True).size == (20, 10)


def test_sixteen_bits_are_scaled_not_cut(tmp_path: Path, draw) -> None:
    path = draw(tmp_path / "x.png", (20, 10), "I;16")
    with Image.open(path) as image:
        assert image.mode == "I;16"
        wanted = np.array(image) // 257
    pixels = load_image(str(path), alpha=False)
    assert np.array_equal(pixels, np.stack([wanted] * 3, axis=2))
    assert len(np.unique(pixels)) > 100


def test_transparent_palette(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.save(tmp_path / "x.png", transparency=bytes([255, 0]))
    assert load_image(str(tmp_path / "x.png"), alpha=False)[0, 0].tolist() == [0, 0, 255]
    assert load_image(str(tmp_path / "x.png"), alpha=True)[0, 0].tolist() == [0, 0, 255, 0]
    assert look_at(str(tmp_path / "x.png"), whole=True).transparent


def test_lying_images_stand_up(tmp_path: Path) -> None:
    image = Image.new("RGB", (8, 4), "black")
    image.paste("white", (0, 0, 4, 4))  # left half white
    facts = Image.Exif()
    facts[0x0112] = 6  # to be turned clockwise: the left half becomes the top
    image.save(tmp_path / "x.png", exif=facts)
    look = look_at(str(tmp_path / "x.png"), whole=True)
    assert (look.size, look.turned) == ((4, 8), True)
    pixels = load_image(str(tmp_path / "x.png"), alpha=False)
    assert pixels.shape == (8, 4, 3)
    assert (pixels[:4].min(), pixels[4:].max()) == (255, 0)


def test_a_header_is_read_without_the_pixels(tmp_path: Path, draw) -> None:
    """A folder of ten thousand images whose latents are kept is looked at in seconds."""
    facts = Image.Exif()
    facts[0x0112] = 6
    for ending, options in (("png", {}), ("png", {"exif": facts}), ("jpg", {"exif": facts}), ("bmp", {})):
        path = draw(tmp_path / f"x.{ending}", (64, 48), **options)
        whole = look_at(str(path), whole=True)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        assert look_at(str(path), whole=False) == whole
        assert whole.turned is bool(options)


def test_of_a_moving_picture_the_first(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "x.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert look_at(str(tmp_path / "x.webp"), whole=True).animated
    assert load_image(str(tmp_path / "x.webp"), alpha=False)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "bmp"])
@pytest.mark.parametrize("share", [0.9, 0.5, 0.02])
def test_truncated_images_are_seen(tmp_path: Path, draw, ending: str, share: float) -> None:
    path = draw(tmp_path / f"写真 1.{ending}", (64, 48))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CaddieError, match="写真 1"):
        look_at(str(path), whole=True)
    with pytest.raises(CaddieError, match="写真 1"):
        load_image(str(path), alpha=False)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # a damaged size may be a large one
@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "bmp", "avif"])
def test_damaged_images_raise_nothing_else(tmp_path: Path, draw, ending: str) -> None:
    content = draw(tmp_path / f"x.{ending}", (32, 24)).read_bytes()
    damaged = tmp_path / f"y.{ending}"
    choose = random.Random(1)
    told = 0
    for _ in range(150):
        copy = bytearray(content)
        for _ in range(choose.choice([1, 3, 10])):
            copy[choose.randrange(min(len(copy), 400))] = choose.randrange(256)
        damaged.write_bytes(copy)
        try:
            look_at(str(damaged), whole=True)
            load_image(str(damaged), alpha=False)
        except CaddieError:
            told += 1
    assert told > 10


@pytest.mark.parametrize("content", [b"", b"hello", b"<html>404</html>", b"\x89PNG\r\n\x1a\n"])
def test_no_image_is_no_image(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(CaddieError, match="no image") as caught:
        look_at(str(tmp_path / "x.png"), whole=False)
    assert "画像ファイルではありません" in caught.value.text.ja


def test_a_vanished_image_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(CaddieError, match="gone"):
        load_image(str(tmp_path / "x.png"), alpha=False)


def test_colours_shift_one_time_in_three_and_a_little() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 4), dtype=np.uint8)
    changed = [not np.array_equal(shift_colours(pixels, random.Random(seed)), pixels) for seed in range(300)]
    assert 60 < sum(changed) < 135
    for seed in range(50):
        shifted = shift_colours(pixels, random.Random(seed))
        assert np.array_equal(shifted[:, :, 3], pixels[:, :, 3])
        assert abs(shifted[:, :, :3].mean() - pixels[:, :, :3].mean()) < 30
