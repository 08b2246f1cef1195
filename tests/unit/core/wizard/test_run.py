"""A whole set-up with real git, a real virtual environment and the real pip, from a repository and an index on the disk."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from core.errors import CaddieError, Problems
from core.wizard.freeze import differences, read_freeze, restore_commands, saved_freezes
from core.wizard.journal import Journal, all_journals, load_journal, save_journal
from core.wizard.plan import Step, check_python, refuse, venv_python
from core.wizard.recipes import load_recipes
from core.wizard.run import Outcome, carry_out, remove_tree
from core.wizard.undo import plan_removal, undo
from tests.helpers.installations import make_choice, make_index, make_repository, make_zip

PYTHON = Path(sys.executable)


class Told:
    """Remembers what was told."""

    def __init__(self, stop: threading.Event | None = None, stop_at: str = "") -> None:
        self.steps: list[tuple[str, str]] = []
        self.text = ""
        self._stop, self._stop_at = stop, stop_at

    def step(self, step: Step, state: Literal["running", "done", "failed", "skipped"]) -> None:
        self.steps.append((step.id, state))
        if self._stop is not None and (step.id, state) == (self._stop_at, "running"):
            self._stop.set()

    def output(self, text: str) -> None:
        self.text += text


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    return make_repository(tmp_path / "origin"), make_index(tmp_path / "wheels")


def _go(choice, told: Told | None = None, stop: threading.Event | None = None) -> Outcome:
    return carry_out(choice, told or Told(), stop or threading.Event())


def test_from_nothing_to_a_python_with_torch_and_back(source, tmp_path: Path) -> None:
    repository, index = source
    folder = tmp_path / "私の sd scripts"
    config = tmp_path / "cache" / "default_config.yaml"
    choice = make_choice(folder, repository, index, PYTHON, packages=("prodigyopt",), accelerate_config=config)
    told = Told()
    outcome = _go(choice, told)
    assert outcome.ok, (outcome.problem, told.text)
    ids = ["source", "venv", "pip", "torch", "requirements", "packages", "accelerate"]
    assert told.steps == [(step, state) for step in ids for state in ("running", "done")]
    code = "import torch, accelerate, schedulefree, prodigyopt; print(torch.__version__)"
    asked = subprocess.run([venv_python(folder), "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "2.6.0"
    assert "mixed_precision: 'no'" in config.read_text(encoding="utf-8")
    assert "torch==2.6.0" in saved_freezes(folder)[0].read_text(encoding="utf-8")
    journal = load_journal(folder)
    assert journal is not None
    assert journal.finished
    assert journal.choice == choice

    stop = threading.Event()
    again = Told(stop, "torch")  # nothing is done twice, and what somebody removed is made again with all that was in it
    shutil.rmtree(folder / "venv")
    assert _go(choice, again, stop).stopped
    assert again.steps[0] == ("source", "skipped")
    assert ("venv", "done") in again.steps
    assert ("torch", "running") in again.steps

    (folder / "my notes.txt").write_text("mine", encoding="utf-8")
    (folder / "train_network.py").write_text("# my own change", encoding="utf-8")
    removal = plan_removal(load_journal(folder))  # type: ignore[arg-type]
    assert {path.name for path in removal.stays} == {"my notes.txt", "train_network.py"}
    undo(journal, removal)
    assert {path.name for path in folder.rglob("*")} == {"my notes.txt", "train_network.py"}
    assert not config.exists()
    assert all_journals() == []


def test_a_set_up_that_was_cut_off_goes_on_and_what_was_half_made_is_made_anew(source, tmp_path: Path) -> None:
    repository, index = source
    stop = threading.Event()
    choice = make_choice(tmp_path / "sd", repository, index, PYTHON)
    outcome = _go(choice, Told(stop, "venv"), stop)
    assert outcome.stopped
    assert outcome.failed == "venv"
    journal = load_journal(tmp_path / "sd")
    assert journal is not None
    assert (journal.states, journal.finished) == ({"source": "done", "venv": "failed"}, False)
    (tmp_path / "sd" / "venv").mkdir(exist_ok=True)
    (tmp_path / "sd" / "venv" / "half").write_text("made", encoding="utf-8")
    stop = threading.Event()
    told = Told(stop, "venv")
    _go(choice, told, stop)
    assert told.steps[:2] == [("source", "skipped"), ("venv", "running")]
    assert not (tmp_path / "sd" / "venv" / "half").exists()


def test_without_git_the_zip_is_unpacked(source, tmp_path: Path) -> None:
    repository, index = source
    make_zip(repository, tmp_path / "main.zip")
    choice = make_choice(tmp_path / "sd", repository, index, PYTHON, source="zip")
    choice = replace(
        choice, recipe=replace(choice.recipe, zip=(tmp_path / "{ref}.zip").as_uri().replace("%7B", "{").replace("%7D", "}"))
    )
    stop = threading.Event()
    _go(choice, Told(stop, "venv"), stop)
    assert (tmp_path / "sd" / "train_network.py").is_file()
    assert (tmp_path / "sd" / "requirements.txt").is_file()
    assert [path.name for path in tmp_path.glob(".caddie-*")] == []


@pytest.mark.parametrize(
    ("changes", "step", "words"),
    [
        ({"ref": "no-such-branch"}, "source", "no such branch or tag"),
        ({"build": {"torch": "9.9.9"}}, "torch", "no version of the package that fits"),
    ],
)
def test_a_step_that_fails_says_why_and_nothing_is_lost(source, tmp_path: Path, changes, step, words) -> None:
    repository, index = source
    choice = make_choice(tmp_path / "sd", repository, index, PYTHON)
    build = changes.pop("build", None)
    choice = replace(choice, **changes, **({"build": replace(choice.build, **build)} if build else {}))
    outcome = _go(choice)
    assert (outcome.ok, outcome.failed) == (False, step)
    assert outcome.problem is not None
    assert words in outcome.problem.en
    assert outcome.problem.ja != outcome.problem.en
    journal = load_journal(tmp_path / "sd")
    assert journal is not None
    assert journal.states[step] == "failed"


def test_no_network_is_told_for_git_and_for_the_zip(source, tmp_path: Path) -> None:
    _, index = source
    choice = make_choice(tmp_path / "sd", tmp_path, index, PYTHON)
    dead = "http://127.0.0.1:9/"  # the port "discard": nobody listens
    for changed in (
        replace(choice, recipe=replace(choice.recipe, repository=f"{dead}sd.git")),
        replace(choice, source="zip", recipe=replace(choice.recipe, zip=f"{dead}{{ref}}.zip")),
    ):
        outcome = _go(changed)
        assert outcome.problem is not None
        assert "could not be reached" in outcome.problem.en


def test_what_cannot_be_done_is_refused_before_anything_is_done(source, tmp_path: Path) -> None:
    repository, index = source
    (tmp_path / "sd").mkdir()
    (tmp_path / "sd" / "mine.txt").write_text("mine", encoding="utf-8")
    choice = make_choice(tmp_path / "sd", repository, index, PYTHON)
    with pytest.raises(Problems, match="not empty"):
        _go(choice)
    assert load_journal(tmp_path / "sd") is None
    huge = replace(choice, folder=tmp_path / "other", build=replace(choice.build, bytes=10**18))
    with pytest.raises(Problems, match="GB free"):
        refuse(huge)
    long = replace(choice, folder=tmp_path / ("x" * 100))
    refuse(long, windows=False)
    with pytest.raises(Problems, match="limit of Windows"):
        refuse(long, windows=True)
    with pytest.raises(CaddieError, match=r"Python 3\.14"):
        check_python("3.14.1", load_recipes()[0])
    check_python("3.11.7", load_recipes()[0])


def test_packages_are_put_back_as_they_were(source, tmp_path: Path) -> None:
    before = "torch==2.6.0+cu124\nprodigyopt==1.1.2\n-e git+https://example.com\n"
    now = "torch==2.6.0\nprodigyopt==1.1.2\nnew_one==1.0\n"
    install, remove = differences(before, now)
    assert (install, remove) == (["torch==2.6.0+cu124"], ["new-one"])
    other = "foo @ git+https://example.com/foo\n-e git+https://example.com/b@1#egg=Bar_x\n# Editable install with no version control (baz==1.0)\n"
    assert differences(other, "foo==1.0\nbar-x==2\nbaz==1.0\nnew==1\n") == ([], ["new"]), "it was there before, from elsewhere"
    commands = restore_commands(Path("py"), install, remove, "https://index/cu124")
    assert [command[3] for command in commands] == ["uninstall", "install"]
    assert commands[1][7:9] == ("--extra-index-url", "https://index/cu124")
    assert "--no-deps" in commands[1]
    assert "pip==" in read_freeze(PYTHON)


def test_a_second_set_up_of_the_same_folder_is_refused_while_one_is_at_work(source, tmp_path: Path) -> None:
    repository, index = source
    choice = make_choice(tmp_path / "sd", repository, index, PYTHON)
    errors: list[str] = []

    class Second(Told):
        def step(self, step: Step, state: Literal["running", "done", "failed", "skipped"]) -> None:
            if (step.id, state) == ("source", "running"):
                worker = threading.Thread(target=self._try)
                worker.start()
                worker.join()
                stop.set()

        def _try(self) -> None:
            try:
                _go(choice)
            except CaddieError as error:
                errors.append(error.text.en)

    stop = threading.Event()
    _go(choice, Second(), stop)
    assert len(errors) == 1
    assert "at this moment" in errors[0]


def test_a_zip_that_reaches_out_of_its_folder_is_refused(source, tmp_path: Path) -> None:
    import zipfile

    repository, index = source
    with zipfile.ZipFile(tmp_path / "main.zip", "w") as archive:
        archive.writestr("top/../../evil.txt", "x")
    choice = make_choice(tmp_path / "sd", repository, index, PYTHON, source="zip")
    address = f"file://{tmp_path.as_posix()}/{{ref}}.zip"
    outcome = _go(replace(choice, recipe=replace(choice.recipe, zip=address)))
    assert outcome.problem is not None
    assert "leads elsewhere" in outcome.problem.en
    assert not (tmp_path.parent / "evil.txt").exists()


def test_files_that_came_after_a_failed_try_are_neither_replaced_nor_undone(source, tmp_path: Path) -> None:
    repository, index = source
    folder = tmp_path / "sd"
    choice = make_choice(folder, repository, index, PYTHON)
    assert _go(replace(choice, ref="no-such-branch")).failed == "source"
    (folder / ".git").mkdir(parents=True)
    mine = (folder / "dataset.png", folder / ".git" / "HEAD")
    for path in mine:
        path.write_text("mine", encoding="utf-8")
    outcome = _go(choice)
    assert outcome.failed == "source"
    assert outcome.problem is not None
    assert "not of this set-up" in outcome.problem.en
    journal = load_journal(folder)
    assert journal is not None
    undo(journal, plan_removal(journal))
    assert [path.read_text(encoding="utf-8") for path in mine] == ["mine", "mine"]


def test_what_a_crash_left_is_put_aside_and_what_a_stop_left_is_removed(source, tmp_path: Path) -> None:
    repository, index = source
    folder = tmp_path / "sd"
    choice = make_choice(folder, repository, index, PYTHON)
    folder.mkdir()
    (folder / "half.txt").write_text("half", encoding="utf-8")
    save_journal(Journal(choice=choice, states={"source": "running"}))
    stop = threading.Event()
    assert _go(choice, Told(stop, "venv"), stop).failed == "venv"
    (aside,) = tmp_path.glob("sd-cut-off-*")
    assert (aside / "half.txt").is_file()

    class Late(Told):
        def output(self, text: str) -> None:
            super().output(text)
            if text.startswith("$ git"):
                (other / "part").mkdir(parents=True)
                (other / "part" / "half.txt").write_text("half", encoding="utf-8")

    other = tmp_path / "other"
    assert _go(replace(choice, folder=other), Late()).failed == "source"
    assert list(other.iterdir()) == []


def test_commits_of_one_s_own_survive_an_undo(source, tmp_path: Path) -> None:
    repository, index = source
    stop = threading.Event()
    choice = make_choice(tmp_path / "sd", repository, index, PYTHON)
    _go(choice, Told(stop, "venv"), stop)
    journal = load_journal(tmp_path / "sd")
    assert journal is not None
    assert tmp_path / "sd" / ".git" in plan_removal(journal).folders
    git = ("git", "-c", "user.name=me", "-c", "user.email=me@example.com", "-C", str(tmp_path / "sd"))
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "mine"], check=True)
    undo(journal, plan_removal(journal))
    assert (tmp_path / "sd" / ".git").is_dir()
    assert not (tmp_path / "sd" / "train_network.py").exists()


def test_of_a_link_only_the_link_is_removed(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir(mode=0o755)
    (tmp_path / "models" / "mine").write_text("mine", encoding="utf-8")
    try:
        (tmp_path / "venv").symlink_to(tmp_path / "models", target_is_directory=True)
    except OSError:
        pytest.skip("no right to make links")
    mode = (tmp_path / "models").stat().st_mode
    remove_tree(tmp_path / "venv")
    assert not (tmp_path / "venv").is_symlink()
    assert (tmp_path / "models" / "mine").is_file()
    assert (tmp_path / "models").stat().st_mode == mode
