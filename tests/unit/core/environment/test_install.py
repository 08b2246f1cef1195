"""Plans and installations with a real pip in a real venv, from hand-made wheels, without a network."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from core.environment.install import InstallPlan, InstallResult, plan_install, run_install, shown
from core.environment.model import Environment, PackageReport, ProbeReport
from core.environment.pip_errors import explain_pip
from core.environment.probe import probe
from core.errors import CaddieError
from core.text import Text
from tests.helpers.environments import (
    FAKE_TORCH,
    catalogue_of,
    make_environment_of,
    make_venv,
    make_wheel,
    need,
    package,
    put_package,
    put_pip,
    report_of,
    site_packages,
)


@dataclass
class Place:
    """An environment with pip, a fake torch 2.4.1 and a folder of wheels in place of the index."""

    environment: Environment
    wheels: Path
    look: Callable[[], ProbeReport]

    @property
    def offline(self) -> tuple[str, ...]:
        return ("--no-index", "--find-links", str(self.wheels))

    def plan(self, *requirements: str, **options: object) -> InstallPlan:
        return plan_install(self.environment, requirements, self.look(), extra=self.offline, **options)  # pyright: ignore[reportArgumentType]

    @property
    def torch_version(self) -> str | None:
        return self.look().torch_version


@pytest.fixture
def place(tmp_path: Path) -> Place:
    python = make_venv(tmp_path / "日本語 環境" / "venv")
    put_pip(python)
    put_package(python, "torch", "2.4.1", FAKE_TORCH.replace("2.4.1+cu124", "2.4.1"))
    environment = make_environment_of(python)
    catalogue = catalogue_of(need("prodigyopt"), need("schedulefree"), need("bitsandbytes", minimum="0.40"))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    return Place(environment, wheels, lambda: probe(environment, catalogue=catalogue))


def run(plan: InstallPlan) -> tuple[InstallResult, str]:
    said: list[str] = []
    result = run_install(plan, said.append, threading.Event())
    return result, "".join(said)


def test_what_is_missing_is_installed_with_the_command_that_was_shown(place: Place) -> None:
    make_wheel(place.wheels, "prodigyopt", "1.1.2", requires=("schedulefree",), code="import schedulefree")
    make_wheel(place.wheels, "schedulefree", "1.4.1", requires=("torch",))
    plan = place.plan("prodigyopt>=1.0")
    assert plan.argv[:4] == [str(place.environment.python), "-m", "pip", "install"]
    assert plan.argv[-1] == "prodigyopt>=1.0"
    assert set(plan.installs) == {("prodigyopt", "1.1.2"), ("schedulefree", "1.4.1")}
    assert (plan.touches_torch, plan.warning) == (False, None)
    result, said = run(plan)
    assert (result.ok, result.exit_code, result.problem) == (True, 0, None)
    assert shown(plan.argv) in said
    assert "Successfully installed" in said
    after = place.look()
    assert after.packages["prodigyopt"].imports is True
    assert place.plan("prodigyopt>=1.0", "schedulefree").argv == []


def test_torch_is_held_where_a_package_would_like_a_newer_one(place: Place) -> None:
    make_wheel(place.wheels, "torch", "2.13.0")
    make_wheel(place.wheels, "prodigyopt", "1.1.2", requires=("torch>=2.0",))
    plan = place.plan("prodigyopt")
    assert plan.touches_torch is False
    constraint = Path(plan.argv[plan.argv.index("--constraint") + 1])
    assert "torch==2.4.1" in constraint.read_text(encoding="utf-8").splitlines()
    assert run(plan)[0].ok
    assert place.torch_version == "2.4.1"


def test_a_plan_that_must_replace_torch_says_so(place: Place) -> None:
    make_wheel(place.wheels, "torch", "2.13.0")
    make_wheel(place.wheels, "prodigyopt", "1.1.2", requires=("torch>=2.10",))
    plan = place.plan("prodigyopt")
    assert plan.touches_torch is True
    assert ("torch", "2.13.0") in plan.installs
    assert plan.warning is not None
    assert "torch 2.4.1 → 2.13.0" in plan.warning.en
    assert place.torch_version == "2.4.1"  # planning changed nothing


def test_without_the_dry_run_torch_is_held_and_a_conflict_changes_nothing(place: Place) -> None:
    make_wheel(place.wheels, "torch", "2.13.0")
    make_wheel(place.wheels, "prodigyopt", "1.1.2", requires=("torch>=2.10",))
    plan = place.plan("prodigyopt", ask_pip=False)
    assert plan.touches_torch is False
    assert plan.warning is not None
    result, _ = run(plan)
    assert result.ok is False
    assert result.problem is not None
    assert "do not go together" in result.problem.en
    assert place.torch_version == "2.4.1"


def test_without_a_torch_the_plan_says_that_one_comes_along(place: Place) -> None:
    site = site_packages(place.environment.python)
    shutil.rmtree(site / "torch")
    shutil.rmtree(site / "torch-2.4.1.dist-info")
    make_wheel(place.wheels, "torch", "2.13.0")
    make_wheel(place.wheels, "prodigyopt", "1.1.2", requires=("torch",))
    plan = place.plan("prodigyopt")
    assert plan.touches_torch is True
    assert plan.warning is not None
    assert "2.13.0" in plan.warning.en
    assert place.plan("prodigyopt", ask_pip=False).touches_torch is True


def test_a_package_that_is_too_old_is_brought_up(place: Place) -> None:
    put_package(place.environment.python, "bitsandbytes", "0.35.0")
    make_wheel(place.wheels, "bitsandbytes", "0.45.0")
    assert run(place.plan("bitsandbytes>=0.40", ask_pip=False))[0].ok
    assert place.look().packages["bitsandbytes"].version == "0.45.0"


def test_a_broken_package_is_installed_again_without_touching_the_rest(place: Place) -> None:
    make_wheel(place.wheels, "prodigyopt", "1.1.2", requires=("torch",))
    assert run(place.plan("prodigyopt", ask_pip=False))[0].ok
    (site_packages(place.environment.python) / "prodigyopt" / "__init__.py").write_text("raise OSError('bad file')")
    plan = place.plan("prodigyopt", ask_pip=False)
    assert "--force-reinstall" in plan.before[0]
    assert "--no-deps" in plan.before[0]
    assert run(plan)[0].ok
    assert place.look().packages["prodigyopt"].imports is True


def test_a_missing_dependency_is_added_without_installing_again(place: Place) -> None:
    make_wheel(place.wheels, "schedulefree", "1.4.1")
    make_wheel(place.wheels, "prodigyopt", "1.1.2", requires=("schedulefree",), code="import schedulefree")
    assert run(place.plan("prodigyopt", ask_pip=False))[0].ok
    for path in site_packages(place.environment.python).glob("schedulefree*"):
        shutil.rmtree(path)
    plan = place.plan("prodigyopt", ask_pip=False)
    assert plan.before == ()
    assert run(plan)[0].ok
    assert place.look().packages["prodigyopt"].imports is True


def test_an_environment_without_pip_gets_one_first(tmp_path: Path) -> None:
    environment = make_environment_of(make_venv(tmp_path / "venv"))
    plan = plan_install(environment, ["prodigyopt"], report_of(package("prodigyopt", None, None)))
    assert plan.before[0][1:] == ("-m", "ensurepip", "--upgrade")


def test_a_package_that_is_nowhere_is_explained(place: Place) -> None:
    plan = place.plan("prodigyopt")
    assert plan.warning is not None
    result, said = run(plan)
    assert result.ok is False
    assert result.exit_code == 1
    assert "No matching distribution" in said
    assert result.problem is not None
    assert "no version of the package" in result.problem.en


def test_a_stopped_installation_leaves_no_process(place: Place, tmp_path: Path) -> None:
    mark = tmp_path / "child.pid"
    (site_packages(place.environment.python) / "pip" / "__init__.py").write_text("", encoding="utf-8")
    (site_packages(place.environment.python) / "pip" / "__main__.py").write_text(
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
        "print('collecting', flush=True)\n"
        "time.sleep(600)\n",
        encoding="utf-8",
    )
    plan = InstallPlan(environment=place.environment, argv=[str(place.environment.python), "-m", "pip", "install", "x"])
    stop = threading.Event()

    def on_output(text: str) -> None:
        if "collecting" in text:
            stop.set()

    result = run_install(plan, on_output, stop)
    assert (result.ok, result.stopped) == (False, True)
    pid = int(mark.read_text(encoding="utf-8"))
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_an_interpreter_that_is_gone_ends_in_a_sentence(tmp_path: Path) -> None:
    environment = make_environment_of(tmp_path / "gone")
    result, _ = run(InstallPlan(environment=environment, argv=[str(environment.python), "-m", "pip", "install", "x"]))
    assert result.ok is False
    assert result.problem is not None
    assert "cannot be started" in result.problem.en


def test_output_cut_inside_a_character_and_carriage_returns_arrive_whole(tmp_path: Path) -> None:
    code = "import os, time\nfor byte in 'あ進捗\\r完了\\n'.encode(): os.write(1, bytes([byte])); time.sleep(0.01)"
    plan = InstallPlan(environment=make_environment_of(Path(sys.executable)), argv=[sys.executable, "-c", code])
    _, said = run(plan)
    assert said.endswith("あ進捗\r完了\n")


@pytest.mark.parametrize("line", ["--index-url http://evil.example", "a b c", "", "git+https://example.org/x"])
def test_only_requirements_are_taken(line: str) -> None:
    with pytest.raises(CaddieError):
        plan_install(make_environment_of(Path("python")), [line], report_of())


def test_a_plan_needs_a_report_of_a_working_interpreter() -> None:
    for report in (None, report_of(problem=Text("No Python.", "Python ではありません。"))):
        with pytest.raises(CaddieError, match=r"Probe the environment first"):
            plan_install(make_environment_of(Path("python")), ["prodigyopt"], report)


def test_what_holds_already_is_left_out(place: Place) -> None:
    found: tuple[PackageReport, ...] = (package("a", "1.0", True), package("b", "1.0", True), package("pip", "23.0", None))
    plan = plan_install(place.environment, ["a>=0.5", "b>=2", "b>=2"], report_of(*found), ask_pip=False)
    assert plan.requirements == ("b>=2",)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("OSError: [WinError 112] There is not enough space on the disk", "disk is full"),
        (
            "PermissionError: [WinError 32] The process cannot access the file because it is being used by another process",
            "in use",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [WinError 5] アクセスが拒否されました。: 'c:\\\\x'",
            "may not write",
        ),
        ("error: externally-managed-environment", "operating system"),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError(... [Errno -2] Name or service not known)'\n"
            "ERROR: No matching distribution found for prodigyopt",
            "could not reach",
        ),
        ("ERROR: ResolutionImpossible: for help visit https://pip.pypa.io", "do not go together"),
        ("ERROR: No matching distribution found for nope", "no version of the package"),
        ("/usr/bin/python: No module named pip", "has no pip"),
        ("error: Microsoft Visual C++ 14.0 or greater is required.", "no ready-made build"),
        ("ERROR: something new", "ERROR: something new"),
        ("", "exit code 1"),
    ],
)
def test_failures_are_explained(output: str, words: str) -> None:
    text = explain_pip(output, 1)
    assert words in text.en
    assert text.ja != text.en


def test_a_command_is_shown_as_it_would_be_typed() -> None:
    command = ["C:\\My Python\\python.exe", "-m", "pip", "install", "a>=1"]
    assert shown(command, windows=True) == '"C:\\My Python\\python.exe" -m pip install a>=1'
    assert shown(["/my python", "a>=1"], windows=False) == "'/my python' 'a>=1'"
