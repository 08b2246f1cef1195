"""What breaks in environments, made for real in a virtual environment, found by name and mended with the real pip."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from core.environment.model import CheckoutReport, Environment, PackageReport, ProbeReport
from core.text import Text
from core.wizard.hardware import Hardware
from core.wizard.mend import mend, restore, restore_plan
from core.wizard.recipes import load_builds
from core.wizard.repair import Ailment, diagnose, site_packages
from tests.helpers.environments import make_wheel, put_metadata, put_package, put_pip

BUILDS = load_builds()
NOTHING = Hardware(system="linux")
RTX = Hardware(system="windows", gpu="nvidia", name="NVIDIA GeForce RTX 4090", driver=561, capability=8.9)


def _report(*packages: PackageReport, **changes: object) -> ProbeReport:
    found = {package.package: package for package in packages}
    report = ProbeReport(taken_at=0, packages=found, torch_version="2.6.0", cuda_version="12.4", cuda_available=True)
    return replace(report, **changes)  # type: ignore[arg-type]


def _package(name: str, version: str | None, imports: bool | None, error: str | None = None) -> PackageReport:
    return PackageReport(package=name, module=name.replace("-", "_"), version=version, imports=imports, error=error)


def _ids(ailments: tuple[Ailment, ...]) -> list[str]:
    return [ailment.id for ailment in ailments]


def _environment(python: Path) -> Environment:
    return Environment(id="e", name="e", python=python)


def test_a_sound_environment_has_nothing() -> None:
    report = _report(_package("prodigyopt", "1.1.2", True), _package("came-pytorch", None, None))
    assert diagnose(_environment(Path("/nowhere/bin/python")), report, RTX, BUILDS) == ()


def test_torch_that_an_install_replaced_by_a_cpu_build() -> None:
    report = _report(torch_version="2.6.0+cpu", cuda_version=None, cuda_available=False)
    (found,) = diagnose(_environment(Path("C:/sd/venv/Scripts/python.exe")), report, RTX, BUILDS)
    assert found.id == "torch.cpu-build"
    assert found.commands[0][-1].endswith("/cu124")
    assert "--force-reinstall" in found.commands[0]
    assert "RTX 4090" in found.text.en
    assert diagnose(_environment(Path("/v/bin/python")), report, NOTHING, BUILDS) == (), "without a GPU it is the right one"


def test_torch_that_cannot_be_imported() -> None:
    broken = _package("torch", "2.6.0", False, "OSError: [WinError 126] c10.dll")
    (found,) = diagnose(_environment(Path("/v/bin/python")), _report(broken, torch_version=None), RTX, BUILDS)
    assert found.id == "torch.broken"
    assert "c10.dll" in found.text.en


def test_bitsandbytes_without_its_library_and_a_package_that_lost_a_file() -> None:
    checkout = CheckoutReport(path=Path("/sd"), requirements=("prodigyopt==1.1.2",))
    report = _report(
        _package("bitsandbytes", "0.41.1", False, "RuntimeError: CUDA Setup failed: libbitsandbytes_cuda124.so"),
        _package("prodigyopt", "1.0", False, "ImportError: cannot import name 'Prodigy'"),
        checkout=checkout,
    )
    found = diagnose(_environment(Path("/v/bin/python")), report, RTX, BUILDS)
    assert _ids(found) == ["bitsandbytes.no-cuda", "package.broken:prodigyopt"]
    assert found[1].commands[0][-1] == "prodigyopt==1.1.2", "the version that sd-scripts names"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("broken") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    put_pip(python)
    return python


def test_two_versions_and_leftovers_are_mended_and_everything_can_be_put_back(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "dadaptation", "3.2", code="VERSION = '3.2'\n")
    make_wheel(wheels, "dadaptation", "3.1", code="VERSION = '3.1'\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    put_package(python, "dadaptation", "3.2", "VERSION = 'mixed'\n")
    put_metadata(python, "dadaptation", "3.1")
    (site,) = site_packages(python)
    (site / "~rodigyopt-1.0.dist-info").mkdir()
    environment = _environment(python)
    found = diagnose(environment, _report(), NOTHING, BUILDS)
    assert _ids(found) == ["package.leftover", "package.twice:dadaptation"]
    assert "3.1 and 3.2" in found[1].text.en

    said: list[str] = []
    mended = mend(environment, found, said.append, threading.Event())
    assert mended.ok, "".join(said)
    assert [path.name for path in site.glob("dadaptation-*")] == ["dadaptation-3.2.dist-info"]
    assert not list(site.glob("~*"))
    assert diagnose(environment, _report(), NOTHING, BUILDS) == ()

    older = tmp_path / "older.txt"
    older.write_text("dadaptation==3.1\n", encoding="utf-8")
    commands = restore_plan(environment, older)
    assert any("dadaptation==3.1" in command for command in commands)
    only = tuple(command for command in commands if "uninstall" not in command)  # pip itself is not in that list
    assert restore(environment, only, said.append, threading.Event()).ok
    assert [path.name for path in site.glob("dadaptation-*")] == ["dadaptation-3.1.dist-info"]


def test_two_pips_and_two_builds_of_torch_can_be_brought_back(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    site = tmp_path / "lib" / "python3.10" / "site-packages"
    for name in ("pip-24.0", "pip-25.1", "torch-2.4.0+cu121", "torch-2.6.0+cu124"):
        (site / f"{name}.dist-info").mkdir(parents=True)
    of_pip, of_torch = diagnose(_environment(python), _report(), RTX, BUILDS)
    assert [command[3] for command in of_pip.commands] == ["install"], "without pip nothing brings pip back"
    assert of_pip.commands[-1][-1] == "pip==25.1"
    assert [path.name for path in of_pip.removes] == ["pip-24.0.dist-info"]
    assert of_torch.commands[-1][-3:] == ("torch==2.6.0+cu124", "--extra-index-url", "https://download.pytorch.org/whl/cu124")


def test_a_repair_that_fails_says_why_and_keeps_the_list(python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    command = (str(python), "-m", "pip", "install", "no-such-package-at-all")
    ailment = Ailment(id="package.broken:x", text=Text("x", "x"), commands=(command,))
    mended = mend(_environment(python), (ailment,), lambda _: None, threading.Event())
    assert (mended.ok, mended.failed) == (False, "package.broken:x")
    assert mended.problem is not None
    assert mended.kept is not None
    assert mended.kept.is_file()
