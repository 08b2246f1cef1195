"""Colours that can be read, icons that exist, one sheet without holes."""

from __future__ import annotations

import itertools
import re

import pytest
from PySide6.QtCore import QByteArray
from PySide6.QtGui import QIcon
from PySide6.QtSvg import QSvgRenderer

from core.paths import PROJECT_ROOT, RESOURCES
from gui.pages.page import PAGES
from gui.theme.icons import application_icon, icon
from gui.theme.stylesheet import stylesheet
from gui.theme.tokens import DARK, LIGHT, Colors, contrast

THEMES = {"light": LIGHT, "dark": DARK}
GROUNDS = ("window", "surface", "raised", "hover", "selection")
SOFT = ("info", "violet", "warning", "danger", "neutral")


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", THEMES)
def test_text_can_be_read_on_every_ground(name: str) -> None:
    colors = THEMES[name].as_mapping()
    inks = ("text", "text_muted", "accent_text", "danger_text", "warning_text")
    pairs = [*itertools.product(inks, GROUNDS), ("on_accent", "accent"), ("on_accent", "accent_hover")]
    pairs += [("on_accent", "accent_pressed"), ("accent_text", "accent_soft")]
    pairs += [(f"{tone}_text", f"{tone}_soft") for tone in SOFT]
    poor = {pair: round(contrast(*(colors[part] for part in pair)), 2) for pair in pairs}
    assert not {pair: value for pair, value in poor.items() if value < 4.5}


@pytest.mark.parametrize("name", THEMES)
def test_outlines_focus_and_curves_can_be_seen(name: str) -> None:
    colors: Colors = THEMES[name]
    for ground in (colors.window, colors.surface, colors.raised):
        assert contrast(colors.control_border, ground) >= 3
        assert contrast(colors.focus, ground) >= 3
    assert all(contrast(curve, colors.surface) >= 3 for curve in colors.series)
    assert len(set(colors.series)) == 6


@pytest.mark.parametrize("name", THEMES)
def test_the_sheet_has_no_holes_and_its_pictures_exist(name: str) -> None:
    sheet = stylesheet(THEMES[name])
    assert "$" not in sheet
    pictures = re.findall(r"url\(([^)]+)\)", sheet)
    assert pictures
    assert all((RESOURCES / "icons" / picture.rsplit("/", 1)[-1]).is_file() for picture in pictures)


@pytest.mark.parametrize("path", sorted((RESOURCES / "icons").glob("*.svg")), ids=lambda path: path.stem)
def test_every_icon_can_be_drawn(path, qapp) -> None:
    source = path.read_text(encoding="utf-8")
    assert QSvgRenderer(QByteArray(source.replace("currentColor", "#000000").encode())).isValid()
    if path.stem != "caddie":
        assert 'viewBox="0 0 24 24"' in source


def test_every_icon_that_is_named_exists(qapp) -> None:
    named = {entry.icon for entry in PAGES}
    for path in (PROJECT_ROOT / "gui").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        named |= set(re.findall(r"""icon=["']([a-z-]+)["']""", source))
        named |= set(re.findall(r"""theme\.icon\(["']([a-z-]+)["']""", source))
        named |= set(re.findall(r"""IconButton\([\w.]+, ["']([a-z-]+)["']""", source))
    missing = {name for name in named if not (RESOURCES / "icons" / f"{name}.svg").is_file()}
    assert not missing


def test_an_icon_takes_the_colour_it_is_given(qapp) -> None:
    picture = icon("check", "#ff0000").pixmap(24, 24).toImage()
    strong = [picture.pixelColor(x, y) for x in range(24) for y in range(24) if picture.pixelColor(x, y).alpha() > 200]
    assert strong
    assert all(color.red() > 240 and color.green() < 20 for color in strong)


def test_a_disabled_icon_has_the_same_shape_in_its_own_colour(qapp) -> None:
    made = icon("check", "#ff0000", disabled="#0000ff", checked="#00ff00")
    normal = made.pixmap(24, 24).toImage()
    for picture, own in (
        (made.pixmap(24, 24, QIcon.Mode.Disabled).toImage(), "#0000ff"),
        (made.pixmap(24, 24, QIcon.Mode.Normal, QIcon.State.On).toImage(), "#00ff00"),
    ):
        points = [(x, y) for x in range(24) for y in range(24)]
        assert all(abs(picture.pixelColor(x, y).alpha() - normal.pixelColor(x, y).alpha()) <= 1 for x, y in points)
        strong = [picture.pixelColor(x, y).name() for x, y in points if picture.pixelColor(x, y).alpha() == 255]
        assert set(strong) == {own}


def test_the_application_has_an_icon_in_all_sizes(qapp) -> None:
    assert not application_icon().isNull()
    for name in ("caddie.svg", "caddie.png", "caddie.ico"):
        assert (RESOURCES / "icons" / name).stat().st_size > 500
