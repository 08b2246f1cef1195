"""Sample pictures on the Run page: real files, read in worker threads, in sight of their steps and prompts."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

import pytest
from PySide6.QtCore import QCoreApplication, QEventLoop, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtTest import QTest

from core.job.model import Job
from core.job.store import save_job
from core.metrics.run_metrics import RunMetrics
from core.runs.event_lines import encode_event
from core.runs.events import Event, Sample, Started, Step
from core.runs.folder import RunFolder, make_run_folder, prepare, update_processes
from core.runs.outcome import Ending, Outcome
from core.runs.processes import identify
from core.runs.records import RunCommand, write_outcome
from core.text import same
from gui.run.log_view import LogView
from gui.run.pictures import Pictures, UnreadableError, read_picture
from gui.run.recent import RecentRuns
from gui.run.sample_model import SampleModel, SampleRow
from gui.run.samples import SamplePanel, prompt_texts
from gui.run.tabs import RunTabs
from gui.services import Services
from tests.unit.gui.conftest import settle

PATIENCE = 30.0


def wait(condition: Callable[[], object], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"still not: {what}"
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 20)


def draw(path: Path, color: str = "#c02040", size: int = 64) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = QImage(size, size // 2, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    assert image.save(str(path))
    return str(path)


def file_name(step: int, prompt: int = 0, seed: int | None = 42, *, epoch: int | None = None) -> str:
    at = f"{step:06d}" if epoch is None else f"e{epoch:06d}"
    return f"cat_{at}_{prompt:02d}_20260101120000{'' if seed is None else f'_{seed}'}.png"


def sample(folder: Path, step: int, prompt: int = 0, seed: int | None = 42) -> Sample:
    return Sample(time=float(step), step=step, path=str(folder / file_name(step, prompt, seed)))


# --- reading -----------------------------------------------------------------------------------------------------


def test_a_picture_is_read_at_the_size_it_is_shown_in(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.png", size=256)
    assert read_picture(path).size().toTuple() == (256, 128)
    assert read_picture(path, 96).size().toTuple() == (96, 48)
    assert read_picture(path, 4096).size().toTuple() == (256, 128)


@pytest.mark.parametrize("kept", [0, 4, 60, -1])
def test_a_half_written_file_is_no_picture(tmp_path: Path, kept: int) -> None:
    whole = Path(draw(tmp_path / "a.png")).read_bytes()
    (tmp_path / "half.png").write_bytes(whole[:kept])
    with pytest.raises(UnreadableError):
        read_picture(str(tmp_path / "half.png"))


def test_no_file_and_no_picture_are_the_same_error(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture", encoding="utf-8")
    for name in ("text.png", "absent.png"):
        with pytest.raises(UnreadableError):
            read_picture(str(tmp_path / name))


@pytest.fixture
def pictures(qapp: object) -> Iterator[Pictures]:
    made = Pictures(kept_bytes=100_000)
    yield made
    made.close()
    made.deleteLater()
    settle()


def test_only_so_many_bytes_are_kept_and_what_is_gone_comes_again(pictures: Pictures, tmp_path: Path) -> None:
    paths = [draw(tmp_path / f"{number}.png", size=160) for number in range(12)]  # 51,200 bytes each
    for path in paths:
        pictures.get(path, 200)
        wait(lambda: not pictures.busy, "the picture")
    assert 0 < pictures.kept_bytes <= 100_000
    assert pictures.get(paths[-1], 200) is not None
    assert pictures.get(paths[0], 200) is None
    wait(lambda: pictures.get(paths[0], 200) is not None, "the first one again")


def test_a_picture_that_is_still_being_written_is_shown_once_it_is_whole(pictures: Pictures, tmp_path: Path) -> None:
    whole = Path(draw(tmp_path / "a.png")).read_bytes()
    half = tmp_path / "half.png"
    half.write_bytes(whole[: len(whole) // 2])
    told: list[int] = []
    pictures.changed.connect(lambda: told.append(1))
    assert pictures.get(str(half), 50) is None
    wait(lambda: told, "the first try")
    assert not pictures.is_broken(str(half))
    half.write_bytes(whole)
    wait(lambda: pictures.get(str(half), 50) is not None, "the whole picture")


def test_a_broken_picture_is_given_up(pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gui.run.pictures._FIRST_PAUSE", 1)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    broken = str(tmp_path / "broken.png")
    wait(lambda: pictures.get(broken, 50) is None and pictures.is_broken(broken), "that it is given up")
    assert not pictures.busy


# --- the table ---------------------------------------------------------------------------------------------------


def test_rows_are_prompts_and_columns_are_steps(qapp: object, tmp_path: Path) -> None:
    model, metrics = SampleModel(), RunMetrics()
    metrics.feed([sample(tmp_path, 100, 1, 7), sample(tmp_path, 100, 0), sample(tmp_path, 200, 0)])
    assert model.follow(metrics) == 3
    assert model.follow(metrics) == 0
    assert (model.rowCount(), model.columnCount()) == (2, 2)
    assert model.row_name(SampleRow(0, 42)) == "Prompt 1  ·  seed 42"
    assert model.index(0, 1).data() == "Step 200"
    assert model.index(1, 1).data() is None  # prompt 2 was not drawn at step 200
    metrics.feed([sample(tmp_path, 300, 0), sample(tmp_path, 300, 2, None), sample(tmp_path, 50, 0)])
    model.follow(metrics)
    assert [model.headerData(row, Qt.Orientation.Vertical) for row in range(3)] == [
        "Prompt 1\nseed 42",
        "Prompt 2\nseed 7",
        "Prompt 3",
    ]
    assert [picture.step for picture in model.series(SampleRow(0, 42))] == [50, 100, 200, 300]
    model.deleteLater()


def test_epochs_other_names_and_another_run(qapp: object, tmp_path: Path) -> None:
    model, metrics = SampleModel(), RunMetrics()
    metrics.feed([Sample(time=0, step=0, path=file_name(0, epoch=0)), Sample(time=0, step=40, path=file_name(0, epoch=2))])
    metrics.feed([Sample(time=0, step=40, path="webui/grid.png")])
    model.follow(metrics)
    assert [model.index(1, column).data() for column in range(2)] == ["Step 0", "Epoch 2"]
    assert model.row_name(SampleRow(-1, -1)) == "Other pictures"
    other = RunMetrics()
    other.feed([sample(tmp_path, 10)])
    assert model.follow(other) == 1
    assert (model.rowCount(), model.columnCount(), model.count) == (1, 1, 1)
    model.deleteLater()


def test_a_training_that_went_back_forgets_its_later_pictures(qapp: object, tmp_path: Path) -> None:
    model, metrics = SampleModel(), RunMetrics()
    metrics.feed([Started(time=0), *(Step(time=float(n), step=n) for n in range(1, 21))])
    metrics.feed([sample(tmp_path, 10), sample(tmp_path, 20)])
    model.follow(metrics)
    metrics.feed([Started(time=0), Step(time=30.0, step=15)])
    model.follow(metrics)
    assert [picture.step for picture in model.series(SampleRow(0, 42))] == [10]
    model.deleteLater()


def test_prompts_are_named_only_where_the_file_is_still_the_one_that_was_used(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("# mine\na cat --d 1\n猫と犬 --n bad\n", encoding="utf-8")
    assert prompt_texts(file, time.time() + 10) == ("a cat", "猫と犬")
    assert prompt_texts(file, file.stat().st_mtime - 1) == ()
    assert prompt_texts(tmp_path / "gone.txt", time.time()) == ()


# --- on the page -------------------------------------------------------------------------------------------------


def make_run(tmp_path: Path, events: list[Event], *, over: bool = True, **options: object) -> RunFolder:
    folder = make_run_folder("cat")
    options = {"output_dir": str(tmp_path / "out"), **options}
    save_job(Job(name="cat", options=MappingProxyType(options)), folder.job_file)  # type: ignore[arg-type]
    prepare(folder, RunCommand(argv=("python",), cwd=str(tmp_path), name="cat", created_at=time.time()))
    update_processes(folder, supervisor=identify(os.getpid()), child=identify(os.getpid()))
    tell(folder, events)
    if over:
        write_outcome(folder.outcome_file, Outcome(ending=Ending.FINISHED, sentence=same("ok")))
    return folder


def tell(folder: RunFolder, events: list[Event]) -> None:
    with open(folder.events_file, "a", encoding="utf-8") as stream:
        stream.write("".join(encode_event(event) + "\n" for event in events))


@pytest.fixture
def tabs(services: Services) -> Iterator[RunTabs]:
    runs = services.runs
    panel = SamplePanel(services)
    made = RunTabs(LogView(services.theme), panel, RecentRuns(services.theme, services.translation))
    runs.current_changed.connect(panel.show_run)
    runs.current_changed.connect(lambda: made.show_run(on=runs.current is not None))
    runs.updated.connect(lambda _: panel.refresh())
    made.resize(700, 240)
    made.show()
    settle()
    yield made
    runs.detach()
    panel.pictures.close()
    panel.viewer.pictures.close()
    panel.viewer.close()
    made.close()
    made.deleteLater()
    settle()


def panel_of(tabs: RunTabs) -> SamplePanel:
    panel = tabs.widget(1)
    assert isinstance(panel, SamplePanel)
    return panel


def test_without_pictures_the_panel_says_how_to_get_them(tabs: RunTabs, services: Services, tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []
    services.navigate.requested.connect(lambda where, topic: asked.append((where, topic)))
    panel = panel_of(tabs)
    tabs.setCurrentWidget(panel)
    assert panel.stack.currentWidget() is panel.empty
    assert "sample_prompts" in panel.text.text()
    panel.button.click()
    assert asked == [("setup", "option:sample_prompts")]
    services.runs.attach(make_run(tmp_path, [], sample_prompts="p.txt", sample_every_n_steps=250))
    wait(lambda: services.runs.outcome is not None, "the run")
    assert "250" in panel.text.text()
    assert not panel.button.isVisible()
    assert tabs.tabText(1) == "Samples"


def test_pictures_come_while_a_run_goes_on_and_bring_themselves_to_the_front_once(
    tabs: RunTabs, services: Services, tmp_path: Path
) -> None:
    panel, folder = panel_of(tabs), tmp_path / "out" / "sample"
    run = make_run(tmp_path, [Started(time=1.0), Step(time=1.0, step=1)], over=False)
    services.runs.attach(run)
    wait(lambda: services.runs.metrics.last_step == 1, "the first step")
    assert tabs.currentIndex() == 0
    draw(folder / file_name(2))
    tell(run, [sample(folder, 2)])
    wait(lambda: panel.model.count == 1, "the picture")
    assert tabs.currentWidget() is panel
    assert tabs.tabText(1) == "Samples (1)"
    wait(lambda: panel.pictures.kept_bytes, "the thumbnail")
    tabs.setCurrentIndex(0)
    tell(run, [sample(folder, 3)])
    wait(lambda: panel.model.count == 2, "the next picture")
    assert tabs.currentIndex() == 0  # not again
    write_outcome(run.outcome_file, Outcome(ending=Ending.FINISHED, sentence=same("ok")))
    wait(lambda: services.runs.outcome is not None, "the end")


def test_thousands_of_pictures_read_only_what_is_in_sight(tabs: RunTabs, services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "sample"
    first = Path(draw(folder / "drawn.png"))
    for step in (1, 2999, 3000):
        shutil.copy(first, folder / file_name(step))
    services.runs.attach(make_run(tmp_path, [sample(folder, step) for step in range(1, 3001)]))
    panel = panel_of(tabs)
    tabs.setCurrentWidget(panel)
    wait(lambda: services.runs.outcome is not None, "the run")
    tabs.setCurrentWidget(panel)
    wait(lambda: panel.pictures.get(str(folder / file_name(3000)), panel.view.side) is not None, "the newest picture")
    assert panel.model.count == 3000
    bar = panel.view.horizontalScrollBar()
    assert bar.value() == bar.maximum() > 0
    assert len(panel.pictures._tries) < 40  # the files that are missing and in sight, of 2997
    panel.pictures.close()


def test_the_viewer_goes_through_steps_and_prompts(tabs: RunTabs, services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "sample"
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a cat --d 42\na dog --d 7\n", encoding="utf-8")
    os.utime(prompts, (1, 1))
    drawn = [sample(folder, step, prompt, 7 if prompt else 42) for step in (1, 2, 3) for prompt in (0, 1)]
    for event in drawn:
        draw(Path(event.path))
    services.runs.attach(make_run(tmp_path, list(drawn), sample_prompts="prompts.txt"))
    panel = panel_of(tabs)
    wait(lambda: panel.model.count == 6 and panel.model.prompt_text(SampleRow(1, 7)), "pictures and prompts")
    tabs.setCurrentWidget(panel)
    settle()
    place = panel.view.visualRect(panel.model.index(0, 1)).center()
    QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    viewer = panel.viewer
    assert viewer.isVisible()
    assert viewer.heading.text() == "Step 2  ·  Prompt 1  ·  seed 42"
    assert (viewer.prompt.text(), viewer.place.text()) == ("a cat", "2 / 3")
    wait(lambda: viewer.pictures.kept_bytes, "the large picture")
    for key, heading in (
        (Qt.Key.Key_Right, "Step 3  ·  Prompt 1  ·  seed 42"),
        (Qt.Key.Key_Right, "Step 3  ·  Prompt 1  ·  seed 42"),
        (Qt.Key.Key_Down, "Step 3  ·  Prompt 2  ·  seed 7"),
        (Qt.Key.Key_Home, "Step 1  ·  Prompt 2  ·  seed 7"),
        (Qt.Key.Key_Up, "Step 1  ·  Prompt 1  ·  seed 42"),
        (Qt.Key.Key_Left, "Step 1  ·  Prompt 1  ·  seed 42"),
    ):
        QTest.keyClick(viewer, key)
        assert viewer.heading.text() == heading
    assert not viewer.previous_button.isEnabled()
    QTest.keyClick(viewer, Qt.Key.Key_Escape)
    assert not viewer.isVisible()
    panel.view.setCurrentIndex(panel.model.index(1, 0))
    QTest.keyClick(panel.view, Qt.Key.Key_Return)
    assert viewer.heading.text() == "Step 1  ·  Prompt 2  ·  seed 7"


def test_a_picture_can_be_copied(tabs: RunTabs, services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "sample"
    path = draw(folder / file_name(5), "#10a040")
    services.runs.attach(make_run(tmp_path, [sample(folder, 5), sample(folder, 6)]))
    panel = panel_of(tabs)
    wait(lambda: panel.model.count == 2, "the pictures")
    picture, missing = (panel.model.picture(panel.model.index(0, column)) for column in (0, 1))
    assert picture is not None
    assert missing is not None
    clipboard = QGuiApplication.clipboard()
    clipboard.clear()
    actions = {action.text(): action for action in panel.menu(picture).actions()}
    assert list(actions) == ["Enlarge", "Open", "Show in folder", "Copy picture", "Copy path"]
    actions["Copy path"].trigger()
    assert clipboard.text() == path
    actions["Copy picture"].trigger()
    wait(lambda: not clipboard.image().isNull(), "the picture")
    assert clipboard.image().pixelColor(3, 3) == QColor("#10a040")
    said: list[str] = []
    services.notices.posted.connect(lambda notice: said.append(notice.text()))
    next(action for action in panel.menu(missing).actions() if action.text() == "Copy picture").trigger()
    wait(lambda: said, "a word")
    assert "cannot be read" in said[0]


def test_the_language_can_change_at_any_time(tabs: RunTabs, services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "sample"
    draw(folder / file_name(5))
    services.runs.attach(make_run(tmp_path, [sample(folder, 5)]))
    panel = panel_of(tabs)
    wait(lambda: panel.model.count == 1, "the picture")
    services.settings.set("language", "ja")
    settle()
    assert tabs.tabText(1) == "サンプル画像 (1)"
    assert panel.model.index(0, 0).data() == "ステップ 5"
    assert tabs.tabText(0) == "ログ"
