"""The verb `plot`: files that open elsewhere, made without a window."""

from __future__ import annotations

import csv
import io
import re
import struct
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from core.cli.main import run as run_verb
from core.metrics.page import MOST_PICTURES, PageRun, render_page
from core.metrics.run_metrics import RunMetrics
from core.runs.event_lines import encode_event
from core.runs.events import Group, Sample, Saved, Started, Step
from core.runs.folder import RunFolder, make_run_folder
from core.runs.records import RunCommand, write_command

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CADDIE_LANGUAGE", "en")


def made(tmp_path: Path, name: str, steps: int = 40) -> RunFolder:
    run = make_run_folder(name)
    argv = ("python", "train_network.py", "--huggingface_token", "hf_" + "a" * 34, str(Path.home() / "model.safetensors"))
    write_command(run.command_file, RunCommand(argv=argv, cwd="/", name=name, created_at=1e9))
    run.job_file.write_text(f'optimizer_type = "Prodigy"\noutput_dir = "{Path.home()}/out & <more>"\n', encoding="utf-8")
    events = [Started(time=0.0, optimizer="prodigyopt.Prodigy", total_steps=steps)]
    for step in range(1, steps + 1):
        groups = (Group(name="unet", lr=1.0, effective_lr=1e-6 * step, d=1e-6 * step, d_lr=1e-6 * step),)
        events.append(Step(time=float(step), step=step, loss=1 / step, groups=groups, memory=2**33))
    picture = tmp_path / f"{name}-サンプル.png"
    picture.write_bytes(PIXEL)
    events += [Sample(time=9.0, step=steps, path=str(picture)), Saved(time=9.0, step=steps, path="/x.safetensors")]
    run.events_file.write_text("".join(encode_event(event) + "\n" for event in events), encoding="utf-8")
    return run


class Links(HTMLParser):
    """What a page loads, and which tags it opens and closes."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value for name, value in attrs if value and name in ("src", "href", "data", "xlink:href", "srcset")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_picture_of_one_run_and_of_several(tmp_path: Path) -> None:
    one, other = made(tmp_path, "one"), made(tmp_path, "_two $x$ 二")
    for words in ([str(one.path)], [str(one.path), str(other.path)]):
        file = tmp_path / "deep" / "out.png"
        assert run_verb(["plot", *words, "-o", str(file)]) == 0
        data = file.read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", data[16:24]) == (1600, 1000)


def test_an_svg_needs_no_font_and_is_the_same_each_time(tmp_path: Path) -> None:
    run = made(tmp_path, "one")
    files = [tmp_path / name for name in ("a.svg", "b.svg")]
    for file in files:
        assert run_verb(["plot", str(run.path), "-o", str(file), "--smoothing", "5"]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert "<text" not in files[0].read_text(encoding="utf-8")


def test_a_table_of_several_runs_says_whose_row_it_is(tmp_path: Path) -> None:
    runs = [made(tmp_path, "one", 3), made(tmp_path, "two", 2)]
    file = tmp_path / "out.csv"
    assert run_verb(["plot", *(str(run.path) for run in runs), "-o", str(file)]) == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert [(row["run"], row["step"]) for row in rows] == [("one", "1"), ("one", "2"), ("one", "3"), ("two", "1"), ("two", "2")]
    assert float(rows[1]["loss"]) == 0.5


def test_a_page_holds_everything_and_loads_nothing(tmp_path: Path) -> None:
    run = made(tmp_path, "one")
    file = tmp_path / "run.html"
    assert run_verb(["plot", str(run.path), "-o", str(file)]) == 0
    page = file.read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    assert links.loaded
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in links.loaded)
    assert "script" not in links.tags
    assert re.search(r"default-src 'none'", page)
    assert {"svg", "img", "table", "pre"} <= set(links.tags)
    assert 'optimizer_type = "Prodigy"' in links.text
    assert "out & <more>" in links.text
    assert "step 40" in links.text


def test_a_page_tells_neither_keys_nor_whose_computer_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home of someone"
    home.mkdir()
    monkeypatch.setattr(Path, "home", lambda: home)
    run = made(tmp_path, "one")
    file = tmp_path / "run.html"
    assert run_verb(["plot", str(run.path), "-o", str(file)]) == 0
    page = file.read_text(encoding="utf-8")
    assert "hf_aaa" not in page
    assert "home of someone" not in page
    assert "~/out" in page


def test_a_page_speaks_japanese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_LANGUAGE", "ja")
    run = made(tmp_path, "one")
    file = tmp_path / "run.html"
    assert run_verb(["plot", str(run.path), "-o", str(file)]) == 0
    page = file.read_text(encoding="utf-8")
    assert '<html lang="ja">' in page
    assert "サンプル画像" in page


def test_of_many_pictures_the_last_ones_are_in_the_page(tmp_path: Path) -> None:
    metrics = RunMetrics()
    metrics.feed([Step(time=1.0, step=1, loss=1.0)])
    for number in range(MOST_PICTURES + 5):
        file = tmp_path / f"{number}.png"
        file.write_bytes(PIXEL)
        metrics.feed([Sample(time=1.0, step=number, path=str(file))])
    (tmp_path / f"{MOST_PICTURES + 3}.png").unlink()
    page = render_page([PageRun(name="x", metrics=metrics)])
    assert page.count("<img") == MOST_PICTURES
    assert f"step {MOST_PICTURES + 4}<" in page
    assert f"step {MOST_PICTURES + 3}<" not in page
    assert "more pictures are not in this page" in page


@pytest.mark.parametrize("words", [["-o", "x.jpg"], ["-o", "x.png", "--smoothing", "0"], ["-o", "x.png", "--smoothing", "nan"]])
def test_what_cannot_be_is_said(tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run = made(tmp_path, "one")
    assert run_verb(["plot", str(run.path), *words]) == 1
    assert capsys.readouterr().err.strip()


def test_a_run_without_numbers_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = made(tmp_path, "one", 0)
    run.events_file.unlink()
    assert run_verb(["plot", str(run.path), "-o", str(tmp_path / "x.png")]) == 1
    assert "one" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_no_window_is_needed(tmp_path: Path) -> None:
    run = made(tmp_path, "one")
    assert run_verb(["plot", str(run.path), "-o", str(tmp_path / "x.html")]) == 0
    if "pytestqt" not in sys.modules:
        assert "PySide6" not in sys.modules
