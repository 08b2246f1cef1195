"""The plots: what is drawn, what is said, and how one moves in them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.metrics.run_metrics import LOSS, MarkKind, RunMetrics
from core.runs.events import Group, Sample, Saved, Started, Step, Validated, Warned
from gui.plots.loss import AVERAGE, RAW, SMOOTH, VALIDATION
from gui.plots.panel import PlotPanel, window_of
from gui.plots.rates import COLOR_ORDER
from gui.services import Services
from gui.theme.tokens import DARK, LIGHT, Colors, contrast
from tests.unit.gui.conftest import settle


def step(number: int, loss: float | None = None, rate: float = 1e-4, **more) -> Step:
    groups = more.pop("groups", (Group(name="unet", lr=rate, effective_lr=rate),))
    return Step(time=float(number), step=number, loss=1 / number if loss is None else loss, groups=groups, **more)


def run(count: int, **more) -> RunMetrics:
    metrics = RunMetrics()
    metrics.feed([Started(time=0), *(step(number, **more) for number in range(1, count + 1))])
    return metrics


@pytest.fixture
def panel(services: Services) -> Iterator[PlotPanel]:
    made = PlotPanel(services.theme, services.settings)
    made.resize(900, 560)
    made.show()
    settle()
    yield made
    made.close()
    made.deleteLater()


def drawn(panel: PlotPanel, key: str = RAW) -> tuple[np.ndarray, np.ndarray]:
    return panel.loss.plot.curves[key].item.getData()


def test_an_empty_panel_says_so(panel: PlotPanel) -> None:
    panel.set_metrics(RunMetrics())
    assert panel.loss.plot._message.text() == "No loss has been reported yet"
    assert panel.rates.plot._message.isVisible()
    assert not panel.picture_button.isVisible()


def test_raw_and_smoothed_loss_are_drawn(panel: PlotPanel) -> None:
    panel.set_metrics(run(50))
    x, y = drawn(panel)
    assert (x[0], x[-1]) == (1, 50)
    assert np.array_equal(y, 1 / x)
    assert not panel.loss.plot._message.isVisible()
    _, smooth = drawn(panel, SMOOTH)
    assert smooth[-1] > y[-1]  # it remembers the higher losses


def test_the_slider_smooths_and_is_remembered(panel: PlotPanel, services: Services) -> None:
    metrics = RunMetrics()
    metrics.feed(step(number, float(number % 2)) for number in range(1, 201))
    panel.set_metrics(metrics)
    panel.slider.setValue(0)
    assert np.array_equal(panel.loss.plot.curves[SMOOTH].y, metrics.get(LOSS).y)
    assert panel.window_label.text() == "off"
    panel.slider.setValue(60)
    assert np.ptp(panel.loss.plot.curves[SMOOTH].y[10:]) < 0.1
    assert services.settings.number("plot_smoothing") == 60
    assert [window_of(0), window_of(20), window_of(60)] == [1, 10, 1000]


def test_a_run_that_grows_is_followed_until_the_user_looks_closer(panel: PlotPanel) -> None:
    metrics = run(100)
    panel.set_metrics(metrics)
    assert panel.follows
    assert panel.loss.plot.view[1] > 100
    wheel(panel, 120)
    assert not panel.follows
    assert panel.fit_button.isVisible()
    closer = panel.loss.plot.view
    assert closer[1] - closer[0] < 99
    assert panel.rates.plot.view == pytest.approx(closer)  # both move together
    metrics.feed([step(number) for number in range(101, 201)])
    panel._refresh()
    assert panel.loss.plot.view == pytest.approx(closer)
    panel.fit_button.click()
    assert panel.follows
    assert panel.loss.plot.view[1] > 200


def wheel(panel: PlotPanel, angle: int) -> None:
    viewport = panel.loss.plot.viewport()
    middle = QPointF(viewport.rect().center())
    event = QWheelEvent(
        middle,
        viewport.mapToGlobal(middle),
        QPoint(),
        QPoint(0, angle),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    for _ in range(4):
        QApplication.sendEvent(viewport, event)
    settle()


def test_the_height_follows_what_is_seen(panel: PlotPanel) -> None:
    panel.set_metrics(run(1000))
    assert panel.loss.plot.heights[1] > 0.9
    panel._view_chosen(500, 1000)
    assert panel.loss.plot.heights[1] < 0.01


def test_the_mouse_reads_all_curves_at_one_step(panel: PlotPanel) -> None:
    panel.set_metrics(run(20))
    plot = panel.loss.plot
    box = plot._box
    spot = plot.mapFromScene(box.mapViewToScene(QPointF(7.3, sum(plot.heights) / 2)))
    QTest.mouseMove(plot.viewport(), spot)
    settle()
    assert panel.cursor_label.text() == "Step 7"
    assert panel.loss.legend.keys[RAW].value == "0.1429"
    assert panel.rates.legend.keys["lr/unet"].value == "1e-4"
    assert plot._line.isVisible()
    assert panel.rates.plot._line.value() == 7
    panel.point_at(None)
    assert panel.cursor_label.text() == "Latest: step 20"
    assert panel.loss.legend.keys[RAW].value == "0.05"


def test_the_keyboard_reads_too(panel: PlotPanel) -> None:
    panel.set_metrics(run(20))
    plot = panel.loss.plot
    for key in (Qt.Key.Key_End, Qt.Key.Key_Left, Qt.Key.Key_Left):
        QTest.keyClick(plot, key)
    assert panel.cursor_label.text() == "Step 18"
    QTest.keyClick(plot, Qt.Key.Key_Home)
    assert panel.cursor_label.text() == "Step 1"


def test_what_happened_is_told_at_its_step(panel: PlotPanel) -> None:
    metrics = run(20)
    metrics.feed(
        [Saved(time=0, step=5, path="C:\\out\\cat-000005.safetensors"), Warned(time=0, step=5, key="slow", detail="9 s")]
    )
    panel.set_metrics(metrics)
    panel.point_at(5)
    assert panel.cursor_label.text() == "Step 5  ·  saved cat-000005.safetensors  ·  slow: 9 s"


def test_a_click_in_the_legend_hides_a_curve_and_keeps_it_hidden(panel: PlotPanel) -> None:
    metrics = run(20)
    panel.set_metrics(metrics)
    panel.loss.legend.keys[RAW].click()
    assert not panel.loss.plot.curves[RAW].item.isVisible()
    metrics.feed([step(21)])
    panel._refresh()
    assert not panel.loss.plot.curves[RAW].item.isVisible()
    panel.loss.legend.keys[RAW].click()
    assert drawn(panel)[0][-1] == 21


def test_zero_and_less_are_a_gap_and_a_note_on_a_log_scale(panel: PlotPanel) -> None:
    metrics = RunMetrics()
    metrics.feed([step(1, 1.0), step(2, 0.0), step(3, -1.0), step(4, 0.01)])
    panel.set_metrics(metrics)
    panel.slider.setValue(0)
    panel.loss.legend.keys[SMOOTH].click()
    assert panel.loss.plot._note.text() == ""
    panel.loss.log_switch.setChecked(True)
    _, y = drawn(panel)
    assert y[0] == pytest.approx(0)
    assert y[-1] == pytest.approx(-2)
    assert np.all(np.isnan(y[1:-1]))
    assert panel.loss.plot._note.text() == "2 values of 0 or less are not drawn on this scale"
    panel.loss.log_switch.setChecked(False)
    assert panel.loss.plot._note.text() == ""


def test_nan_is_a_gap_and_counted(panel: PlotPanel) -> None:
    metrics = RunMetrics()
    metrics.feed(step(number, math.nan if 4 <= number <= 6 else 1.0) for number in range(1, 11))
    panel.set_metrics(metrics)
    for key in (RAW, SMOOTH):
        x, y = drawn(panel, key)
        assert [int(step) for step, value in zip(x, y, strict=True) if math.isnan(value)] in ([4, 5, 6], [4, 6])
    assert panel.loss.plot._note.text() == "3 steps without a finite loss"


def test_all_nan_does_not_break_the_panel(panel: PlotPanel) -> None:
    metrics = RunMetrics()
    metrics.feed([step(1, math.nan, rate=0.0), step(2, math.nan, rate=0.0)])
    panel.set_metrics(metrics)
    panel.grab()
    assert panel.loss.plot._note.text() == "2 steps without a finite loss"


def test_a_constant_rate_has_room_around_it(panel: PlotPanel) -> None:
    panel.set_metrics(run(10))
    low, high = panel.rates.plot.heights
    assert low < math.log10(1e-4) < high
    assert high - low > 0.3


def test_prodigy_shows_d_lr_and_offers_lr(panel: PlotPanel) -> None:
    groups = tuple(Group(name=name, lr=1.0, d=1e-6, d_lr=1e-6, effective_lr=1e-6) for name in ("textencoder", "unet"))
    panel.set_metrics(run(3, groups=groups))
    keys = panel.rates.legend.keys
    assert [key.text() for key in keys.values()] == ["d*lr · textencoder, unet", "lr · textencoder, unet"]
    assert [key.isChecked() for key in keys.values()] == [True, False]


def test_the_scripts_average_stands_in_where_no_loss_is_known(panel: PlotPanel) -> None:
    metrics = RunMetrics()
    metrics.feed([Step(time=0, step=number, average_loss=0.5) for number in (1, 2, 3)])
    panel.set_metrics(metrics)
    assert panel.loss.plot.curves[AVERAGE].item.isVisible()
    panel.set_metrics(run(3, average_loss=0.5))
    assert panel.loss.legend.keys[AVERAGE].isChecked() is False


def test_a_hundred_thousand_steps_are_few_points_on_the_screen(panel: PlotPanel) -> None:
    metrics = RunMetrics()
    noise = np.random.default_rng(3).random(100_000)
    noise[77_777] = 9.0
    metrics.feed(step(number, float(loss)) for number, loss in enumerate(noise, start=1))
    panel.set_metrics(metrics)
    bars = panel.loss.plot.curves[RAW].bars
    assert bars is not None
    assert len(bars.high) <= panel.loss.plot.width() + 1
    assert np.nanmax(bars.high) == 9.0
    assert not len(drawn(panel)[0])


def test_only_what_changed_is_drawn_again(panel: PlotPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = run(50)
    panel.set_metrics(metrics)
    settle()
    calls = []
    curve = panel.rates.plot.curves["lr/unet"].item
    monkeypatch.setattr(curve, "setData", lambda *args: calls.append(args))
    panel.loss.legend.keys[RAW].click()
    panel.slider.setValue(10)
    panel._refresh()
    assert calls == []


def test_a_hidden_panel_draws_when_it_is_shown(panel: PlotPanel) -> None:
    metrics = run(5)
    panel.set_metrics(metrics)
    panel.hide()
    metrics.feed([step(6)])
    panel.refresh()
    assert drawn(panel)[0][-1] == 5
    panel.show()
    assert drawn(panel)[0][-1] == 6


@pytest.mark.parametrize("dark", [False, True])
def test_the_picture_shows_the_curves_in_the_theme(panel: PlotPanel, services: Services, dark: bool) -> None:
    services.settings.theme = "dark" if dark else "light"
    panel.set_metrics(run(50))
    settle()
    image = panel.picture(2.0)
    assert image.width() == 2 * panel.plots.width()
    colors = DARK if dark else LIGHT
    assert image.pixelColor(4, image.height() - 4) == QColor(colors.surface)
    found = {image.pixelColor(x, y).name() for x in range(0, image.width(), 2) for y in range(0, image.height(), 2)}
    assert colors.series_3 in found
    services.settings.theme = "light"


def test_the_language_changes_in_place(panel: PlotPanel) -> None:
    panel.set_metrics(run(5))
    panel.slider_label.setText("")
    panel.retranslate()
    assert panel.slider_label.text() == "Smoothing"
    assert panel.loss.heading.text() == "Loss"


# Machado et al. 2009, severity 1: how red-blind and green-blind people see linear RGB.
BLINDNESS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def lab(color: str, matrix: list[list[float]]) -> np.ndarray:
    channels = np.array([int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(matrix) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ seen
    f = np.cbrt(xyz / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("colors", [LIGHT, DARK])
@pytest.mark.parametrize("kind", BLINDNESS)
def test_the_colour_blind_tell_the_first_curves_apart(colors: Colors, kind: str) -> None:
    first = [colors.series[place] for place in COLOR_ORDER[:3]]
    seen = [lab(color, BLINDNESS[kind]) for color in first]
    for one in range(3):
        for other in range(one):
            assert np.linalg.norm(seen[one] - seen[other]) > 20, (first[one], first[other])


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_curves_stand_out_from_their_ground(colors: Colors) -> None:
    assert all(contrast(color, colors.surface) >= 3 for color in colors.series)


def test_a_validation_loss_is_a_curve_of_dots_that_holds_until_the_next(panel: PlotPanel) -> None:
    metrics = run(100)
    panel.set_metrics(metrics)
    assert VALIDATION not in panel.loss.plot.curves
    metrics.feed([Validated(time=0, step=number, loss=number / 100) for number in (20, 40, 60)])
    panel._refresh()
    curve = panel.loss.plot.curves[VALIDATION]
    assert curve.item.isVisible()
    assert curve.spots.getData()[0].tolist() == [20, 40, 60]
    assert curve.look.color != panel.loss.plot.curves[SMOOTH].look.color
    key = panel.loss.legend.keys[VALIDATION]
    assert key.value == "0.6"
    assert "hardly predicts quality" in key.toolTip()
    for step_, value in ((19, ""), (20, "0.2"), (39, "0.2"), (40, "0.4")):
        panel.point_at(float(step_))
        assert key.value == value
    key.click()
    assert not curve.spots.getData()[0].size
    assert not curve.item.isVisible()


def test_a_run_without_a_validation_loss_says_how_to_get_one(panel: PlotPanel) -> None:
    asked: list[int] = []
    panel.loss.validation_wanted.connect(lambda: asked.append(1))
    assert not panel.loss.hint.isVisible()  # nothing has run
    metrics = run(5)
    panel.set_metrics(metrics)
    assert panel.loss.hint.isVisible()
    assert "validation_split" in panel.loss.hint.toolTip()
    assert "hardly predicts quality" in panel.loss.about.toolTip()
    panel.loss.hint.click()
    assert asked == [1]
    metrics.feed([Validated(time=0, step=5, loss=1.0)])
    panel._refresh()
    assert not panel.loss.hint.isVisible()


def test_many_validations_are_a_line(panel: PlotPanel) -> None:
    metrics = run(2000)
    metrics.feed([Validated(time=0, step=number, loss=0.1 + number % 2) for number in range(1, 2001)])
    panel.set_metrics(metrics)
    assert not panel.loss.plot.curves[VALIDATION].spots.getData()[0].size
    panel._view_chosen(100, 150)
    assert panel.loss.plot.curves[VALIDATION].spots.getData()[0].size


def test_the_lower_plot_shows_what_is_chosen_and_remembers_it(panel: PlotPanel, services: Services) -> None:
    metrics = RunMetrics()
    for number in range(1, 31):
        groups = tuple(
            Group(name=name, lr=2.0, effective_lr=2.0, effective_step=0.5 if number % 10 == 1 else None)
            for name in ("te", "unet")
        )
        metrics.feed([Step(time=1.0, step=number, loss=1.0, groups=groups, grad_norm=float(number), memory=number << 30)])
    panel.set_metrics(metrics)
    lower = panel.rates
    assert lower.log_switch.isChecked()

    def choose(name: str) -> None:
        lower.choice.setCurrentIndex(lower.choice.findData(name))
        lower.choice.activated.emit(lower.choice.currentIndex())

    choose("effective_step")
    (curve,) = lower.plot.curves.values()  # both groups moved alike: one line
    assert curve.name.endswith("te, unet")
    assert curve.x.tolist() == [1, 11, 21]
    assert curve.told(15) == 0.5
    choose("effective_step/lr")
    (curve,) = lower.plot.curves.values()
    assert curve.y.tolist() == [0.25] * 3
    choose("memory")
    (curve,) = lower.plot.curves.values()
    assert curve.y[-1] == 30.0
    assert not lower.log_switch.isChecked()
    lower.log_switch.click()
    choose("grad_norm")
    assert not lower.log_switch.isChecked()
    choose("memory")
    assert lower.log_switch.isChecked()
    again = PlotPanel(services.theme, services.settings)
    assert again.rates.quantity == "memory"
    again.deleteLater()
    choose("d")
    assert lower.plot._message.text() == "This run has told nothing of this"
    choose("rates")
    assert [curve.name for curve in lower.plot.curves.values()] == ["lr · te, unet"]


def test_a_growing_run_grows_in_the_lower_plot_too(panel: PlotPanel) -> None:
    metrics = run(5, grad_norm=1.0)
    panel.set_metrics(metrics)
    panel.rates.show_quantity("grad_norm")
    metrics.feed([step(6, grad_norm=2.0)])
    panel._refresh()
    assert panel.rates.plot.curves["grad_norm"].y.tolist() == [1, 1, 1, 1, 1, 2]


def test_clipped_peaks_are_counted(panel: PlotPanel) -> None:
    metrics = RunMetrics()
    metrics.feed(step(number, 50.0 if number == 150 else 1.0 + number % 2) for number in range(1, 301))
    panel.set_metrics(metrics)
    panel.slider.setValue(0)
    assert panel.loss.plot.heights[1] > 50
    panel.clip.click()
    assert panel.loss.plot.heights[1] < 5
    assert "reach over the edge" in panel.loss.plot._note.text()
    panel.clip.click()
    assert panel.loss.plot.heights[1] > 50
    assert not panel.loss.plot._note.isVisible()


def test_samples_are_marked(panel: PlotPanel) -> None:
    metrics = run(20)
    metrics.feed([Sample(time=1.0, step=7, path="/x/cat.png")])
    panel.set_metrics(metrics)
    assert list(panel.loss.plot._marks[MarkKind.SAMPLE].xvals) == [7]


def test_what_is_seen_is_a_vector_picture_too(panel: PlotPanel) -> None:
    panel.set_metrics(run(30))
    text = panel.vector_picture().decode()
    assert text.startswith("<?xml")
    # Only the tick of a check box is made of pixels.
    assert all(int(width) <= 32 for width in re.findall(r'<image [^>]*width="(\d+)"', text))
    assert panel.loss.plot.curves[RAW].look.color in text
