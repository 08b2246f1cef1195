"""Layouts of the known installers, for both systems, as real folders."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from core.environment.discover import discover, make_environment, survey
from core.environment.find import find_installations, installed_pythons, pythons_on_path, usual_roots
from core.environment.interpreters import (
    child_environment,
    environment_root,
    interpreter_candidates,
    looks_like_interpreter,
    own_folders,
    search_path,
)
from tests.helpers.environments import make_checkout

BOTH = pytest.mark.parametrize("windows", [False, True])


def fake_venv(folder: Path, *, windows: bool) -> Path:
    """The files of a venv that a search looks at."""
    python = folder / ("Scripts/python.exe" if windows else "bin/python")
    python.parent.mkdir(parents=True)
    python.touch(mode=0o755)
    (folder / "pyvenv.cfg").touch()
    return python


def only(found_from: Path, *, windows: bool) -> tuple[Path, Path | None, str]:
    found = survey(found_from, windows=windows)
    assert len(found.environments) == 1
    item = found.environments[0]
    return item.python, item.sd_scripts, item.layout


@BOTH
@pytest.mark.parametrize("name", ["venv", ".venv", "env"])
def test_a_plain_checkout_with_its_venv_inside(tmp_path: Path, windows: bool, name: str) -> None:
    checkout = make_checkout(tmp_path / "sd-scripts")
    python = fake_venv(checkout / name, windows=windows)
    expected = (python, checkout, "sd-scripts")
    assert only(checkout, windows=windows) == expected
    assert only(checkout / name, windows=windows) == expected
    assert only(python, windows=windows) == expected
    assert only(checkout / "train_network.py", windows=windows) == expected
    assert only(checkout / name / "pyvenv.cfg", windows=windows) == expected
    assert only(python.parent, windows=windows) == expected
    assert only(tmp_path, windows=windows) == expected


@BOTH
def test_a_plain_checkout_with_its_venv_beside(tmp_path: Path, windows: bool) -> None:
    checkout = make_checkout(tmp_path / "sd-scripts")
    python = fake_venv(tmp_path / "venv", windows=windows)
    assert only(checkout, windows=windows) == (python, checkout, "sd-scripts")
    assert only(tmp_path / "venv", windows=windows) == (python, checkout, "sd-scripts")


@BOTH
def test_kohya_ss_with_its_submodule(tmp_path: Path, windows: bool) -> None:
    root = tmp_path / "kohya_ss"
    (root / "kohya_gui").mkdir(parents=True)
    checkout = make_checkout(root / "sd-scripts")
    python = fake_venv(root / "venv", windows=windows)
    expected = (python, checkout, "kohya_ss")
    assert only(root, windows=windows) == expected
    assert only(root / "venv", windows=windows) == expected
    assert only(python, windows=windows) == expected


@BOTH
@pytest.mark.parametrize(
    ("scripts", "venv"),
    [
        ("backend/sd_scripts", "backend/sd_scripts/venv"),
        ("backend/sd_scripts", "backend/venv"),
        ("sd_scripts", "sd_scripts/venv"),
    ],
)
def test_lora_easy_training_scripts(tmp_path: Path, windows: bool, scripts: str, venv: str) -> None:
    root = tmp_path / "LoRA_Easy_Training_Scripts"
    (root / "main_ui_files").mkdir(parents=True)
    checkout = make_checkout(root / scripts)
    python = fake_venv(root / venv, windows=windows)
    expected = (python, checkout, "LoRA_Easy_Training_Scripts")
    assert only(root, windows=windows) == expected
    assert only(root / venv, windows=windows) == expected


@BOTH
@pytest.mark.parametrize("data", ["Data", "."])
def test_stability_matrix_lists_what_can_train(tmp_path: Path, windows: bool, data: str) -> None:
    root = tmp_path / "StabilityMatrix"
    packages = root / data / "Packages"
    kohya = packages / "kohya_ss"
    (kohya / "kohya_gui").mkdir(parents=True)
    checkout = make_checkout(kohya / "sd-scripts")
    python = fake_venv(kohya / "venv", windows=windows)
    fake_venv(packages / "ComfyUI" / "venv", windows=windows)
    (root / data / "settings.json").touch()
    for place in (root, packages):
        assert only(place, windows=windows) == (python, checkout, "Stability Matrix")
    assert survey(root, windows=windows).environments[0].name == "kohya_ss (Stability Matrix)"


@BOTH
def test_a_conda_folder_and_an_installation(tmp_path: Path, windows: bool) -> None:
    conda = tmp_path / "envs" / "lora"
    (conda / "conda-meta").mkdir(parents=True)
    python = conda / ("python.exe" if windows else "bin/python")
    python.parent.mkdir(exist_ok=True)
    python.touch()
    assert only(conda, windows=windows) == (python, None, "by hand")
    if windows:
        (tmp_path / "Python310").mkdir()
        installed = tmp_path / "Python310" / "python.exe"
        installed.touch()
        assert only(tmp_path / "Python310", windows=True) == (installed, None, "by hand")
        (tmp_path / "Python310" / "pythonw.exe").touch()
        assert only(tmp_path / "Python310" / "pythonw.exe", windows=True)[0] == installed


def test_a_checkout_without_a_python_is_named(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "sd-scripts")
    found = survey(checkout)
    assert found.environments == []
    assert found.homeless == [checkout]


def test_nothing_there_finds_nothing(tmp_path: Path) -> None:
    assert discover(tmp_path) == []
    assert discover(tmp_path / "missing") == []


def test_any_file_the_user_chose_is_taken_and_left_to_the_probe(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.touch()
    assert discover(file) == [make_environment(file, None)]


def test_installations_below_the_roots_are_found_before_other_pythons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = make_checkout(tmp_path / "ai" / "my-sd-scripts-fork")
    python = fake_venv(checkout / "venv", windows=False)
    make_checkout(tmp_path / "ai" / "other")  # a name nobody would look for
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = find_installations(roots=[tmp_path / "missing", tmp_path / "ai"])
    assert [(item.python, item.sd_scripts) for item in found if item.sd_scripts] == [(python, checkout)]


def test_pythons_on_path_are_named_once_without_stand_ins(tmp_path: Path) -> None:
    for name in ("a", "b", "WindowsApps", "shims"):
        (tmp_path / name).mkdir()
    for path in (tmp_path / "a/python.exe", tmp_path / "WindowsApps/python.exe"):
        path.touch(mode=0o755)
    path = ";".join(str(tmp_path / name) for name in ("WindowsApps", "a", "a", "missing"))
    assert pythons_on_path({"PATH": path}, windows=True) == [tmp_path / "a/python.exe"]
    (tmp_path / "a/python3").touch(mode=0o755)
    (tmp_path / "b/python3").symlink_to(tmp_path / "a/python3")
    (tmp_path / "shims/python3.10").touch(mode=0o755)
    (tmp_path / "b/python").touch(mode=0o644)  # not executable
    path = ":".join(str(tmp_path / name) for name in ("shims", "b", "a"))
    assert pythons_on_path({"PATH": path}, windows=False) == [tmp_path / "b/python3"]


def test_installed_pythons_of_windows(tmp_path: Path) -> None:
    python = tmp_path / "Programs" / "Python" / "Python310" / "python.exe"
    python.parent.mkdir(parents=True)
    python.touch()
    assert installed_pythons({"LOCALAPPDATA": str(tmp_path)}, tmp_path, windows=True) == [python]


def test_usual_roots_of_windows_hold_the_drives_and_the_application_data() -> None:
    roots = usual_roots({"APPDATA": "C:/Users/me/AppData/Roaming"}, Path("C:/Users/me"), windows=True)
    assert roots[0] == Path("C:/Users/me")
    assert Path("C:/Users/me/AppData/Roaming") in roots
    assert Path("D:/") in roots
    assert Path("D:/AI") in roots


def test_interpreters_of_both_systems() -> None:
    windows = interpreter_candidates(PureWindowsPath("C:/AI/venv"), windows=True)
    assert [str(path) for path in windows][:2] == ["C:\\AI\\venv\\Scripts\\python.exe", "C:\\AI\\venv\\python.exe"]
    assert interpreter_candidates(PurePosixPath("/ai/venv"), windows=False)[0] == PurePosixPath("/ai/venv/bin/python")
    assert environment_root(windows[0]) == PureWindowsPath("C:/AI/venv")
    assert environment_root(PureWindowsPath("C:/Python310/python.exe")) == PureWindowsPath("C:/Python310")
    for name in ("python", "python3", "python3.11", "python.exe", "pythonw.exe", "Python.EXE"):
        assert looks_like_interpreter(PureWindowsPath("x", name))
    for name in ("pip.exe", "python.txt", "mypython", "train_network.py"):
        assert not looks_like_interpreter(PureWindowsPath("x", name))


def test_a_conda_python_of_windows_gets_its_dll_folders() -> None:
    folders = search_path(PureWindowsPath("C:/conda/envs/lora/python.exe"), windows=True, conda=True)
    assert folders[0] == PureWindowsPath("C:/conda/envs/lora")
    assert PureWindowsPath("C:/conda/envs/lora/Library/bin") in folders
    assert search_path(PurePosixPath("/ai/venv/bin/python"), windows=False, conda=True) == (PurePosixPath("/ai/venv/bin"),)


def test_a_conda_folder_is_told_by_its_metadata(tmp_path: Path) -> None:
    python = tmp_path / "python.exe"
    assert own_folders(python, windows=True) == (str(tmp_path),)
    (tmp_path / "conda-meta").mkdir()
    folders = own_folders(python, windows=True)
    assert folders[0] == str(tmp_path)
    assert str(tmp_path / "Library" / "bin") in folders
    found = child_environment(python, {"Path": "C:\\Windows"}, windows=True)["Path"]
    assert found == ";".join([*folders, "C:\\Windows"])


def test_a_child_gets_its_own_python_variables(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    before = {"PATH": "/usr/bin", "PYTHONHOME": "/x", "PYTHONPATH": "/y", "VIRTUAL_ENV": "/z", "LANG": "ja_JP.eucJP"}
    after = child_environment(python, before, windows=False)
    assert after["PATH"] == f"{python.parent}:/usr/bin"
    assert not {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"} & after.keys()
    assert (after["PYTHONUTF8"], after["PYTHONNOUSERSITE"], after["LANG"]) == ("1", "1", "ja_JP.eucJP")
    windows = child_environment(python, {"Path": "C:\\Windows"}, windows=True)
    assert windows["Path"] == f"{python.parent};C:\\Windows"
    assert "PATH" not in windows
