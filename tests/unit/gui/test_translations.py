"""The window's languages: complete, fresh, with the same fields as the English, and switched at once."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtWidgets import QApplication, QTabWidget
from pytestqt.qtbot import QtBot

from core import paths
from core.environment.discover import make_environment
from core.environment.reports import ReportCache
from core.environment.store import EnvironmentStore
from core.job.model import Job
from core.job.store import save_job
from core.runs.event_lines import encode_event
from core.runs.events import Group, Saved, Started, Step
from core.runs.folder import RunFolder, make_run_folder, prepare
from core.runs.outcome import Ending, Outcome
from core.runs.records import RunCommand, write_outcome
from core.text import Text, join_sentences, preferred_language
from gui.app import build_services, shut_down
from gui.bridge.settings import Settings
from gui.bridge.translation import Translation
from gui.main_window import MainWindow
from gui.pages.page import PAGES
from gui.services import Services
from tests.helpers.environments import make_checkout, package, report_of
from tests.helpers.update_translations import FOLDER, LANGUAGES, ROOT, messages, stale
from tests.helpers.visible_texts import visible_texts
from tests.unit.gui.conftest import FakeDialogs, settle

LONG = 60_000
FIELDS = re.compile(r"\{[^{}]*\}|%n|%\d")


# --- the files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_string_is_missing_and_the_built_file_is_fresh(language: str) -> None:
    assert stale(language) == [], "run: python tests/helpers/update_translations.py"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_translated(language: str) -> None:
    missing = [key for key, value in messages(FOLDER / f"caddie_{language}.ts").items() if value is None]
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_fields_and_shortcuts(language: str) -> None:
    wrong: list[str] = []
    for (context, source), translation in messages(FOLDER / f"caddie_{language}.ts").items():
        if translation is None:
            continue
        fields = [sorted(set(FIELDS.findall(text))) for text in (source, translation)]
        shortcuts = [len(re.findall(r"&(?=\w)(?!\w+;)", text)) for text in (source, translation)]
        if fields[0] != fields[1] or shortcuts[0] != shortcuts[1]:
            wrong.append(f"{context}: {source!r} -> {translation!r}")
    assert wrong == []


def test_every_text_of_the_source_can_be_found_by_the_tool() -> None:
    """lupdate overlooks `tr` inside f-strings and with anything but a literal."""
    known = {source for _, source in messages(FOLDER / "caddie_ja.ts")}
    overlooked: list[str] = []
    for path in sorted((ROOT / "gui").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            word = _translated_argument(node)
            if word is not None and not (isinstance(word, ast.Constant) and word.value in known):
                overlooked.append(f"{path.name}:{word.lineno}: {ast.unparse(word)}")
    assert overlooked == []


def _translated_argument(node: ast.AST) -> ast.expr | None:
    if not isinstance(node, ast.Call):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    place = {"tr": 0, "translate": 1}.get(name)
    return node.args[place] if place is not None and len(node.args) > place else None


SHORTENED = {"フォルダ", "オプティマイザ"}
LENGTHENED = {"スケジューラー", "パラメーター", "メモリー", "カテゴリー", "エディター"}


def test_japanese_words_are_spelt_one_way() -> None:
    """The long vowel at the end of loan words: kept or dropped, but for each word the same everywhere."""
    files = [*ROOT.glob("resources/catalogue/*.toml"), *ROOT.glob("resources/messages/*.toml"), ROOT / "README.ja.md"]
    files += [ROOT / "resources/options/main-form.toml", FOLDER / "caddie_ja.ts", *ROOT.glob("core/**/*.py")]
    files += ROOT.glob("gui/**/*.py")
    short = re.compile(rf"({'|'.join(SHORTENED)})(?!ー)")
    long = re.compile("|".join(LENGTHENED))
    wrong: list[str] = []
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            wrong += [f"{path.name}:{number}: {found.group()}" for word in (short, long) for found in word.finditer(line)]
    assert wrong == []


def test_counts_have_their_plural(services: Services) -> None:
    say = partial(QCoreApplication.translate, "PlotPanel", "%n steps", None)
    assert [say(1), say(2)] == ["1 step", "2 steps"]
    services.settings.language = "ja"
    assert say(1) == "1 ステップ"


def test_sentences_are_joined_as_the_language_does() -> None:
    assert join_sentences("One.", "", "Two.") == "One. Two."
    assert join_sentences("一つ。", "d は二つ。") == "一つ。d は二つ。"
    assert join_sentences() == ""


# --- switching ---------------------------------------------------------------------------------------------------


def _ended_run() -> RunFolder:
    """A run that failed after some steps, as it lies on the disk."""
    folder = make_run_folder("cat", at=1.7e9)
    save_job(Job(name="cat").with_option("optimizer_type", "Prodigy"), folder.job_file)
    argv = ("/nowhere/python", "train_network.py")
    prepare(folder, RunCommand(argv=argv, cwd="/nowhere", name="cat", created_at=1.7e9))
    events = [Started(time=1.7e9, optimizer="prodigyopt.prodigy.Prodigy", total_steps=40)]
    for step in range(1, 31):
        group = Group(name="unet", lr=1.0, d=1e-5, d_lr=1e-5 * step, effective_lr=2e-5 * step)
        loss = float("nan") if step == 30 else 1 / step
        events.append(Step(time=1.7e9 + step, step=step, loss=loss, groups=(group,), seconds=1.0))
    events.append(Saved(time=1.7e9 + 30, step=30, path="/nowhere/cat.safetensors", kind="weights"))
    folder.events_file.write_text("".join(encode_event(event) + "\n" for event in events), encoding="utf-8")
    folder.log_file.write_text("steps: 30/40\n", encoding="utf-8")
    outcome = Outcome(
        ending=Ending.FAILED,
        sentence=Text("It failed.", "失敗しました。"),
        explanation=Text("No memory.", "メモリがありません。"),
        advice=Text("Buy some.", "増やしてください。"),
        tail=("CUDA out of memory",),
        steps=30,
        total_steps=40,
        files=("/nowhere/cat.safetensors",),
        started_at=1.7e9,
        ended_at=1.7e9 + 100,
    )
    write_outcome(folder.outcome_file, outcome)
    return folder


class Opened:
    """A window over the shipped catalogue, an environment with a kept report, and a run; every page was visited."""

    def __init__(self, qapp: QApplication, qtbot: QtBot, folder: RunFolder) -> None:
        self._closed = False
        self._owner = QObject()
        self.services: Services = build_services(qapp, parent=self._owner)
        self.window = MainWindow(self.services, dialogs=FakeDialogs())
        self.window.resize(1400, 900)
        self.window.show()
        job = self.services.session.job.with_optimizer("Prodigy").with_argument("d_cof", "1").with_option("lerning_rate", 1)
        self.services.session.edit(job, "nothing")
        self.services.runs.attach(folder)
        self._visit(qtbot, lambda _: None)

    def _visit(self, qtbot: QtBot, then: Callable[[str], object]) -> None:
        """Shows every tab of every page."""
        for entry in PAGES:
            self.window.navigate(entry.page_id)
            qtbot.waitUntil(self._is_quiet, timeout=LONG)
            page = self.window.page
            assert page is not None
            settle()
            then(entry.page_id)
            for tabs in page.findChildren(QTabWidget):
                present = tabs.currentIndex()
                for number in range(tabs.count()):
                    tabs.setCurrentIndex(number)
                    settle()
                    then(f"{entry.page_id} {number}")
                tabs.setCurrentIndex(present)

    def _is_quiet(self) -> bool:
        settle()
        services = self.services
        probing = any(services.environments.probing(item.id) for item in services.environments.environments)
        return services.runs.outcome is not None and not services.tasks.busy and not probing

    def read(self, qtbot: QtBot) -> dict[str, list[tuple[str, str]]]:
        """Every visible text, by page and tab."""
        found: dict[str, list[tuple[str, str]]] = {}
        qtbot.wait(150)  # what is put off by a timer: the live command
        self._visit(qtbot, lambda place: found.update({place: visible_texts(self.window)}))
        return found

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.window.close()
        self.window.deleteLater()
        shut_down(self.services)
        settle()
        self.services.translation.uninstall()
        self.services.session.close()
        self._owner.deleteLater()
        settle()


@pytest.fixture
def open_window(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Opened]]:
    """Opens windows one after the other, in a language, over the same data."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("core.environment.find.usual_roots", lambda *_: [tmp_path / "home"])
    monkeypatch.setattr("core.environment.find.pythons_on_path", lambda *_: [])
    monkeypatch.setattr("gui.pages.environment.STALE_AFTER", float("inf"))  # the kept report is what is shown
    checkout = make_checkout(tmp_path / "sd-scripts")
    environment = make_environment(Path("/nowhere/python"), checkout, name="kohya")
    found = report_of(
        package("prodigyopt", "1.0", True),
        package("lion-pytorch", None, None),
        package("dadaptation", "3.1", False, "boom"),
        taken_at=time.time() - 2.5 * 3600,
    )
    store = EnvironmentStore(paths.environments_file())
    store.add(environment)
    store.select(environment.id)
    ReportCache(paths.user_data_dir() / "probes").save(environment.id, found)
    folder = _ended_run()
    opened: list[Opened] = []

    def open_in(language: str) -> Opened:
        paths.settings_file().parent.mkdir(parents=True, exist_ok=True)
        paths.settings_file().write_text(f'language = "{language}"\n', encoding="utf-8")
        made = Opened(qapp, qtbot, folder)
        opened.append(made)
        return made

    yield open_in
    for made in opened:
        made.close()


@pytest.mark.parametrize(("first", "then"), [("en", "ja"), ("ja", "en")])
def test_a_switched_window_reads_as_one_started_in_that_language(
    qtbot: QtBot, open_window: Callable[[str], Opened], first: str, then: str
) -> None:
    switched = open_window(first)
    before = switched.read(qtbot)
    switched.services.settings.language = then
    settle()
    after = switched.read(qtbot)
    switched.close()
    fresh = open_window(then).read(qtbot)
    assert after.keys() == fresh.keys() >= {entry.page_id for entry in PAGES}
    for place, texts in fresh.items():
        assert before[place] != texts
        stale_ones = [pair for pair in after[place] if pair not in texts]
        assert not stale_ones, f"{place}: still in the language before"
        assert after[place] == texts


def test_what_core_says_by_itself_is_in_the_windows_language(qapp, tmp_path, monkeypatch):
    monkeypatch.setenv("CADDIE_LANGUAGE", "en")
    settings = Settings(tmp_path / "settings.json")
    translation = Translation(qapp, settings, FOLDER)
    settings.set("language", "ja")
    assert preferred_language() == "ja"
    settings.set("language", "system")
    assert preferred_language() == "en", "the system's, not what the window said before"
    settings.set("language", "ja")
    translation.uninstall()
    assert preferred_language() == "en"
