"""Curves with many points a pixel: nothing is hidden, and the picture is the one that lines would give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

from gui.plots.curve import Curve, Look
from gui.plots.plot import StepPlot
from gui.services import Services
from tests.unit.gui.conftest import settle

RED, GREEN = "#ff0000", "#00ff00"


@pytest.fixture
def plot(services: Services) -> Iterator[StepPlot]:
    made = StepPlot(services.theme, step_labels=False)
    made.resize(400, 240)
    made.show()
    settle()
    yield made
    made.close()
    made.deleteLater()


def shown(plot: StepPlot, **curves: tuple[str, np.ndarray, Look]) -> dict[str, Curve]:
    made = {name: Curve(text, look) for name, (text, _, look) in curves.items()}
    for name, (_, values, _) in curves.items():
        made[name].set_data(np.arange(len(values), dtype=float), values)
        plot.add(name, made[name])
    plot.set_view(0, max(len(values) for _, values, _ in curves.values()) - 1)
    plot.redraw()
    settle()
    return made


def pixels(plot: StepPlot) -> tuple[np.ndarray, QRectF]:
    """Red, green and blue of each pixel, and where the curves are."""
    image = plot.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.array(image.constBits()).reshape(image.height(), image.bytesPerLine())  # a copy: the image goes
    area = plot._box.mapRectToScene(plot._box.rect())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3), area


def is_red(rgb: np.ndarray) -> np.ndarray:
    return (rgb[..., 0].astype(int) - rgb[..., 1] > 60) & (rgb[..., 0].astype(int) - rgb[..., 2] > 60)


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("width", [1.0, 2.0])
@pytest.mark.parametrize(("count", "noise"), [(20_000, 1.0), (20_000, 0.01), (900, 1.0)])
def test_no_value_is_hidden_in_any_column(plot: StepPlot, count: int, noise: float, width: float, logarithmic: bool) -> None:
    random = np.random.default_rng(count)
    values = np.exp(random.normal(size=count) * noise + np.sin(np.arange(count) / 700))
    values[random.integers(0, count, 5)] *= 30
    plot.set_logarithmic(logarithmic)
    shown(plot, one=("one", values, Look(RED, width)))
    rgb, area = pixels(plot)
    red = is_red(rgb)
    left, right = plot.view
    low, high = plot.heights
    heights = np.log10(values) if logarithmic else values
    x = area.left() + (np.arange(count) - left) / (right - left) * area.width()
    y = area.top() + (high - heights) / (high - low) * area.height()
    columns = np.floor(x).astype(int)
    for column in range(int(area.left()) + 2, int(area.right()) - 2):
        inside = y[columns == column]
        # Whole columns and rows: a value may stand one pixel beside where it is in the mathematics.
        drawn = np.flatnonzero(red[:, column - 1 : column + 2].any(axis=1))
        assert not len(inside) or drawn.min() <= inside.min() + 1.5
        assert not len(inside) or drawn.max() >= inside.max() - 1.5


def test_a_spike_among_a_million_values_is_on_the_screen(plot: StepPlot) -> None:
    values = np.random.default_rng(1).normal(size=1_000_000) * 0.01
    values[400_000] = 1.0
    shown(plot, one=("one", values, Look(RED)))
    rgb, area = pixels(plot)
    upper_half = is_red(rgb)[int(area.top()) : int(area.center().y())]
    assert upper_half.any(axis=1).all() or upper_half.sum() > 0.4 * area.height()
    assert upper_half.any(axis=0).sum() <= 2


def test_curves_that_cross_are_mixed_as_if_painted_one_over_the_other(plot: StepPlot) -> None:
    random = np.random.default_rng(2)
    both = {
        "one": ("one", random.uniform(0, 1, 50_000), Look(RED, 1.0, 0.5)),
        "two": ("two", random.uniform(0, 1, 50_000), Look(GREEN, 1.0, 0.25)),
    }
    shown(plot, **both)
    rgb, area = pixels(plot)
    image = QImage(1, 1, QImage.Format.Format_RGB32)
    image.fill(QColor(plot._theme.colors.surface))
    painter = QPainter(image)
    for _, _, look in both.values():
        color = QColor(look.color)
        color.setAlphaF(look.opacity)
        painter.fillRect(image.rect(), color)
    painter.end()
    wanted = QColor(image.pixel(0, 0))
    found = rgb[int(area.center().y()), int(area.center().x())].astype(int)
    assert np.abs(found - [wanted.red(), wanted.green(), wanted.blue()]).max() <= 2


def test_a_gap_is_not_painted(plot: StepPlot) -> None:
    values = np.random.default_rng(3).uniform(0, 1, 50_000)
    values[20_000:30_000] = np.nan
    shown(plot, one=("one", values, Look(RED)))
    rgb, area = pixels(plot)
    middle = is_red(rgb)[:, int(area.center().x())]
    assert not middle.any()
    assert is_red(rgb)[:, int(area.left() + 0.3 * area.width())].any()


def test_a_hidden_curve_leaves_nothing(plot: StepPlot) -> None:
    made = shown(plot, one=("one", np.random.default_rng(4).uniform(0, 1, 50_000), Look(RED)))
    made["one"].visible = False
    plot.redraw()
    settle()
    assert not is_red(pixels(plot)[0]).any()


def test_moving_sideways_and_back_gives_the_same_picture(plot: StepPlot) -> None:
    shown(plot, one=("one", np.random.default_rng(5).normal(size=200_000), Look(RED)))
    plot.set_view(50_000, 100_000)
    plot.redraw()
    settle()
    before, _ = pixels(plot)
    for left in (50_500, 57_000, 120_000, 49_000, 50_000):
        plot.set_view(left, left + 50_000)
        plot.redraw()
    settle()
    assert np.array_equal(pixels(plot)[0], before)


def test_a_vector_picture_has_areas_and_no_pixels(plot: StepPlot, tmp_path: Path) -> None:
    shown(plot, one=("one", np.random.default_rng(6).normal(size=50_000), Look(RED)))
    file = tmp_path / "plot.svg"
    generator = QSvgGenerator()
    generator.setFileName(str(file))
    painter = QPainter(generator)
    plot.render(painter)
    painter.end()
    text = file.read_text()
    assert "<image" not in text
    assert "#ff0000" in text
