"""The measures and colours of the window. Everything that is drawn takes them from here.

Spacing follows an 8-point grid with a 4-point half step. Every text colour has a contrast of at least 4.5:1 on every
ground it is used on, every outline of a control at least 3:1; `tests/unit/gui/test_theme.py` computes it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

XS: Final = 4
S: Final = 8
M: Final = 12
L: Final = 16
XL: Final = 24
XXL: Final = 32

RADIUS: Final = 6
RADIUS_LARGE: Final = 10
CONTROL_HEIGHT: Final = 32
ROW_HEIGHT: Final = 32

CAPTION_PT: Final = 9.0
BODY_PT: Final = 10.0
LEAD_PT: Final = 11.0
TITLE_PT: Final = 12.5
HEADLINE_PT: Final = 17.0

FONT_FAMILIES: Final = ("Segoe UI", "Yu Gothic UI", "Meiryo", "Noto Sans", "Noto Sans CJK JP", "Hiragino Sans", "DejaVu Sans")
MONO_FAMILIES: Final = ("Cascadia Mono", "Consolas", "Noto Sans Mono", "Noto Sans Mono CJK JP", "MS Gothic", "DejaVu Sans Mono")


@dataclass(frozen=True, slots=True)
class Colors:
    """One theme. `…_soft` are grounds, `…_text` what is written on them (and on window, surface and raised)."""

    window: str  # behind everything
    surface: str  # cards, tables, fields
    raised: str  # rail, header cells, alternate rows
    hover: str
    border: str  # hairlines between surfaces
    control_border: str  # outlines of what can be clicked
    text: str
    text_muted: str
    text_disabled: str
    accent: str
    accent_hover: str
    accent_pressed: str
    on_accent: str
    accent_soft: str
    accent_text: str
    selection: str
    focus: str
    info_soft: str
    info_text: str
    violet_soft: str
    violet_text: str
    warning_soft: str
    warning_text: str
    danger_soft: str
    danger_text: str
    neutral_soft: str
    neutral_text: str
    # curves of the plots, in order, readable on `surface` (3:1 and more)
    series_1: str
    series_2: str
    series_3: str
    series_4: str
    series_5: str
    series_6: str

    @property
    def series(self) -> tuple[str, ...]:
        """Colours for curves, in order."""
        return (self.series_1, self.series_2, self.series_3, self.series_4, self.series_5, self.series_6)

    def as_mapping(self) -> dict[str, str]:
        """Token name -> `#rrggbb`."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


LIGHT: Final = Colors(
    window="#f4f6f5",
    surface="#ffffff",
    raised="#eceff0",
    hover="#e6ebe8",
    border="#d9dfdc",
    control_border="#7c8681",
    text="#18211c",
    text_muted="#525e58",
    text_disabled="#87918c",
    accent="#17704a",
    accent_hover="#125d3d",
    accent_pressed="#0e4a30",
    on_accent="#ffffff",
    accent_soft="#dcefe5",
    accent_text="#12613f",
    selection="#d3eadf",
    focus="#17704a",
    info_soft="#e1edf9",
    info_text="#1c5288",
    violet_soft="#ece6f9",
    violet_text="#5c3a9c",
    warning_soft="#fdf0d2",
    warning_text="#774a00",
    danger_soft="#fce5e2",
    danger_text="#a1261e",
    neutral_soft="#e7ebe9",
    neutral_text="#4a554f",
    series_1="#17704a",
    series_2="#c2571a",
    series_3="#2f6fc0",
    series_4="#8048b8",
    series_5="#b8325f",
    series_6="#5b6b15",
)

DARK: Final = Colors(
    window="#131715",
    surface="#1b201e",
    raised="#222826",
    hover="#2a312e",
    border="#333b37",
    control_border="#77837d",
    text="#e6ebe8",
    text_muted="#a5b0aa",
    text_disabled="#6f7b75",
    accent="#4fc48d",
    accent_hover="#6bd3a1",
    accent_pressed="#3aa874",
    on_accent="#06251a",
    accent_soft="#173527",
    accent_text="#74d6a7",
    selection="#1f4634",
    focus="#4fc48d",
    info_soft="#172d43",
    info_text="#8cc2f5",
    violet_soft="#2c2344",
    violet_text="#c3aaf5",
    warning_soft="#3a2c0d",
    warning_text="#f0c56c",
    danger_soft="#421d1a",
    danger_text="#f7a69e",
    neutral_soft="#2b322f",
    neutral_text="#b4beb9",
    series_1="#4fc48d",
    series_2="#f0925a",
    series_3="#6ca9f2",
    series_4="#bb8cf0",
    series_5="#f07aa4",
    series_6="#b8c95a",
)


def luminance(color: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    channels = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
