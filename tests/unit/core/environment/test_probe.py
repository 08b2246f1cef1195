"""The probe against real interpreters, good and bad. Each case is a real child process."""

from __future__ import annotations

import ast
import os
import stat
import sys
import threading
from pathlib import Path

import psutil
import pytest

from core.environment.conversation import SCRIPT
from core.environment.model import ProbeReport
from core.environment.probe import probe, wanted_imports
from tests.helpers.environments import (
    FAKE_TORCH,
    catalogue_of,
    make_checkout,
    make_environment_of,
    make_venv,
    need,
    put_metadata,
    put_package,
)

posix_only = pytest.mark.skipif(os.name == "nt", reason="shell scripts as stand-ins for bad interpreters")
CATALOGUE = catalogue_of(need("prodigyopt"), need("bitsandbytes"), need("schedulefree"))


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    return make_venv(tmp_path / "日本語 と space" / "venv")


def look(python: Path, timeout: float = 60, **options: object) -> ProbeReport:
    return probe(make_environment_of(python), timeout=timeout, catalogue=CATALOGUE, **options)  # pyright: ignore[reportArgumentType]


def put_torch(python: Path) -> None:
    put_package(python, "torch", "2.4.1+cu124", FAKE_TORCH)


def stand_in(tmp_path: Path, text: str) -> Path:
    """An executable file that is no Python."""
    path = tmp_path / "python"
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_working_environment_tells_everything(venv: Path) -> None:
    put_torch(venv)
    put_package(venv, "prodigyopt", "1.1.2", "import torch")
    report = look(venv)
    assert report.problem is None
    assert report.python_version == sys.version.split()[0]
    assert report.platform == sys.platform
    assert report.bits in (32, 64)
    assert (report.torch_version, report.cuda_version, report.cuda_available) == ("2.4.1+cu124", "12.4", True)
    assert [(gpu.name, gpu.memory, gpu.capability) for gpu in report.gpus] == [("NVIDIA GeForce RTX 4070", 12878086144, "8.9")]
    found = report.packages["prodigyopt"]
    assert (found.version, found.imports, found.error) == ("1.1.2", True, None)
    assert found.origin is not None
    assert "site-packages" in found.origin
    absent = report.packages["bitsandbytes"]
    assert (absent.version, absent.imports) == (None, None)


def test_a_dist_info_alone_does_not_count_as_installed(venv: Path) -> None:
    put_torch(venv)
    put_metadata(venv, "prodigyopt", "1.1.2")
    found = look(venv).packages["prodigyopt"]
    assert (found.version, found.imports) == ("1.1.2", False)
    assert "No module named 'prodigyopt'" in (found.error or "")


def test_a_module_without_metadata_is_found_by_its_import(venv: Path) -> None:
    put_torch(venv)
    put_package(venv, "prodigyopt", None)
    found = look(venv).packages["prodigyopt"]
    assert (found.version, found.imports) == (None, True)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise RuntimeError('CUDA Setup failed')", "RuntimeError: CUDA Setup failed"),
        ("raise SystemExit('needs a licence')", "SystemExit: needs a licence"),
        ("import os; os._exit(3)", "exit code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashes Python"),
        ("import sys; sys.stdout.close(); sys.stderr.close(); import os; os.close(1)", ""),
    ],
)
@posix_only
def test_a_broken_import_is_reported_and_the_rest_is_still_seen(venv: Path, code: str, words: str) -> None:
    put_torch(venv)
    put_package(venv, "prodigyopt", "1.0", code)
    put_package(venv, "schedulefree", "1.4", "import torch")
    report = look(venv)
    assert report.problem is None
    if words:
        assert report.packages["prodigyopt"].imports is False
        assert words in (report.packages["prodigyopt"].error or "")
    assert report.packages["schedulefree"].imports is True
    assert report.torch_version == "2.4.1+cu124"


def test_an_import_that_hangs_is_ended_and_the_rest_is_still_seen(venv: Path) -> None:
    put_torch(venv)
    put_package(venv, "prodigyopt", "1.0", "import time; time.sleep(600)")
    put_package(venv, "schedulefree", "1.4")
    report = look(venv, timeout=2)
    assert report.packages["prodigyopt"].imports is False
    assert report.packages["prodigyopt"].error == "the import hangs"
    assert report.packages["schedulefree"].imports is True


def test_noise_on_stdout_hides_nothing(venv: Path) -> None:
    put_package(
        venv,
        "torch",
        "2.4.1",
        "import os; print('hello' * 1000)\nos.write(1, b'\\xff\\xfe noise without newline')\n" + FAKE_TORCH,
    )
    put_package(venv, "prodigyopt", "1.0", "import sys; sys.stdout.write('x' * 3_000_000)")
    report = look(venv)
    assert report.torch_version == "2.4.1+cu124"
    assert report.packages["prodigyopt"].imports is True


def test_a_broken_torch_is_named_and_nothing_that_needs_it_is_blamed(venv: Path) -> None:
    put_package(venv, "torch", "2.4.1", "raise OSError('DLL load failed while importing _C')")
    put_package(venv, "prodigyopt", "1.0", "import torch")
    report = look(venv)
    assert report.problem is None
    assert report.torch_version is None
    assert report.packages["torch"].imports is False
    assert "DLL load failed" in (report.packages["torch"].error or "")
    assert report.packages["prodigyopt"].imports is None


@posix_only
def test_a_crash_of_the_driver_leaves_the_packages(venv: Path) -> None:
    put_package(venv, "torch", "2.4.1", FAKE_TORCH + "\nimport os\ncuda.is_available = staticmethod(lambda: os.abort())")
    put_package(venv, "prodigyopt", "1.0")
    report = look(venv)
    assert report.torch_version == "2.4.1+cu124"
    assert not report.cuda_available
    assert report.gpu_problem is not None
    assert report.packages["prodigyopt"].imports is True


def test_the_user_site_and_pythonpath_are_not_seen(venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_torch(venv)
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "prodigyopt").mkdir(parents=True)
    (elsewhere / "prodigyopt" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(elsewhere))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path / "nowhere"))
    report = look(venv)
    assert report.problem is None
    assert report.packages["prodigyopt"].imports is None


def test_what_shadows_a_package_in_the_checkout_is_seen(venv: Path, tmp_path: Path) -> None:
    put_torch(venv)
    checkout = make_checkout(tmp_path / "sd-scripts")
    (checkout / "prodigyopt.py").touch()
    report = probe(make_environment_of(venv, checkout), catalogue=CATALOGUE)
    assert report.packages["prodigyopt"].origin == str(checkout / "prodigyopt.py")
    assert report.checkout is not None
    assert report.checkout.scripts == ("sdxl_train.py", "train_network.py")


def test_a_missing_interpreter(tmp_path: Path) -> None:
    report = look(tmp_path / "venv" / "bin" / "python")
    assert report.problem is not None
    assert "There is no file" in report.problem.en
    assert report.python_version == ""


def test_a_folder_is_no_interpreter(tmp_path: Path) -> None:
    report = look(tmp_path)
    assert report.problem is not None
    assert "is a folder" in report.problem.en


@posix_only
def test_a_venv_whose_python_was_removed(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(tmp_path / "gone")
    problem = look(link).problem
    assert problem is not None
    assert "points to a Python that was removed" in problem.en


@posix_only
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#!/bin/sh\necho garbage; echo more garbage >&2; exit 0\n", "is not a Python"),
        ("#!/bin/sh\nexit 7\n", "exit code 7"),
        ("#!/bin/sh\necho 'Unknown option: -I' >&2; exit 2\n", "very old version"),
        ("#!/bin/sh\necho 'No Python at C:\\gone\\python.exe' >&2; exit 103\n", "lost the Python"),
        (
            "#!/bin/sh\necho 'Python was not found; run without arguments to install from the Microsoft Store' >&2; exit 1\n",
            "Store",
        ),
        ("#!/no/such/interpreter\n", "cannot be started"),
        ("\x7fELF but not really", "cannot be started"),
        ('#!/bin/sh\nprintf \'%s{"kind": "python", "version": [3, 6, 9]}\\n\' "$7"\n', "Python 3.6.9, which is too old"),
        ('#!/bin/sh\nprintf \'%s{"kind": "python", "version": [3, 10, 1]}\\n\' "$7"\necho boom >&2; exit 1', "boom"),
    ],
)
def test_what_is_no_working_python_gets_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    problem = look(stand_in(tmp_path, text)).problem
    assert problem is not None
    assert words in problem.en
    assert problem.ja != problem.en


@posix_only
def test_a_file_that_may_not_be_run(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_text("text", encoding="utf-8")
    problem = look(path).problem
    assert problem is not None
    assert "may not be started" in problem.en


@posix_only
@pytest.mark.parametrize("trap", ["", "trap '' TERM INT HUP\n"])
def test_an_interpreter_that_hangs_is_ended_with_all_its_children(tmp_path: Path, trap: str) -> None:
    script = stand_in(tmp_path, f"#!/bin/sh\n{trap}sleep 987 &\necho $! > {tmp_path}/child\nsleep 986\n")
    problem = look(script, timeout=0.5).problem
    assert problem is not None
    assert "said nothing" in problem.en
    child = int((tmp_path / "child").read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


@posix_only
def test_an_interpreter_that_prints_without_end_is_ended(tmp_path: Path) -> None:
    problem = look(stand_in(tmp_path, "#!/bin/sh\nexec yes\n"), timeout=30).problem
    assert problem is not None
    assert "is not a Python" in problem.en


def test_a_probe_can_be_stopped(venv: Path) -> None:
    put_package(venv, "torch", "2.4.1", "import time; time.sleep(600)")
    stop = threading.Event()
    steps: list[str] = []

    def on_step(step: str) -> None:
        steps.append(step)
        stop.set()

    report = look(venv, stop=stop, on_step=on_step)
    assert steps == ["torch"]
    assert report.python_version
    assert report.torch_version is None


def test_the_script_can_be_read_by_the_oldest_python_it_is_for() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_each_wanted_import_is_named_once_and_torch_is_left_out() -> None:
    catalogue = catalogue_of(need("a"), need("a"), need("torch", "torch.optim"), need("b", "b.c"))
    assert wanted_imports(catalogue) == (("a", "a"), ("b", "b.c"), ("accelerate", "accelerate"))
