"""The set-up with real virtual environments and real pip, on a project with one tiny dependency."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.bootstrap import stamp
from core.paths import PROJECT_ROOT

ENSURE = """
import sys
sys.path.insert(0, {project!r})
from pathlib import Path
from core.bootstrap import messages, setup
try:
    print(setup.ensure(Path(sys.argv[1]), sys.argv[2:], window=False))
except setup.SetupError as error:
    print(error.text.en, file=sys.stderr)
    sys.exit(1)
"""


def small_project(folder: Path) -> Path:
    folder.mkdir(parents=True)
    pins = (PROJECT_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    kept = [pin for pin in pins if pin.startswith(("pip==", "toml=="))]
    (folder / "constraints.txt").write_text("\n".join(kept), encoding="utf-8")
    (folder / "pyproject.toml").write_text('[dependency-groups]\napp = ["toml"]\ntest = ["toml"]\n', encoding="utf-8")
    (folder / "resources").mkdir()
    shutil.copy(PROJECT_ROOT / "resources" / "torch-index.json", folder / "resources")
    return folder


def start_setup(root: Path, *groups: str, **variables: str) -> subprocess.Popen[str]:
    code = ENSURE.format(project=str(PROJECT_ROOT))
    return subprocess.Popen(
        [sys.executable, "-c", code, str(root), *groups],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=150)
    if process.returncode == 1 and "package index could not be reached" in err:
        pytest.skip("no package index in reach of this machine")
    return process.returncode, out, err


@pytest.mark.slow
def test_first_start_installs_and_an_interrupted_one_goes_on(tmp_path: Path) -> None:
    root = small_project(tmp_path / "カディ with spaces")
    first = start_setup(root, "app")
    while first.poll() is None and not (root / ".venv" / "pyvenv.cfg").exists():
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    first.communicate()
    assert not stamp.is_ready(root, ["app"], window=False)

    code, out, err = finish(start_setup(root, "app"))
    assert code == 0, err
    python = Path(out.strip())
    assert subprocess.run([str(python), "-c", "import toml"], check=False).returncode == 0
    assert stamp.is_ready(root, ["app"], window=False)

    # Two at once for another group: one works, the other waits for it, both succeed.
    pair = [start_setup(root, "app", "test") for _ in range(2)]
    results = [finish(process) for process in pair]
    assert [code for code, _, _ in results] == [0, 0]
    found = stamp.read(root / ".venv")
    assert found is not None and set(found.groups) == {"app", "test"}

    # The interpreter disappears (Python was upgraded): the environment is made anew.
    Path(stamp.venv_python(root / ".venv")).unlink()
    code, out, err = finish(start_setup(root, "app"))
    assert code == 0 and "made anew" in err
    assert subprocess.run([out.strip(), "-c", "import toml"], check=False).returncode == 0


@pytest.mark.slow
def test_no_network_is_said_in_words(tmp_path: Path) -> None:
    root = small_project(tmp_path / "offline")
    process = start_setup(
        root,
        "app",
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_CONFIG_FILE=os.devnull,
        PIP_FIND_LINKS=str(tmp_path),
        PIP_RETRIES="1",
        PIP_TIMEOUT="1",
    )
    _, err = process.communicate(timeout=150)
    assert process.returncode == 1
    assert "could not be reached" in err and "Start Caddie again" in err
    assert not stamp.is_ready(root, ["app"], window=False)


def old_python(name: str) -> str | None:
    """An interpreter of that name on the path or in pyenv, if it starts."""
    found = [shutil.which(name), *Path.home().glob(f".pyenv/versions/{name.removeprefix('python')}.*/bin/python")]
    for python in filter(None, found):
        if subprocess.run([str(python), "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(python)
    return None


@pytest.mark.parametrize("name", ["python3.9", "python3.8"])
def test_an_old_python_gets_a_sentence(name: str) -> None:
    python = old_python(name)
    if python is None:
        pytest.skip(f"{name} is not on this machine")
    answer = subprocess.run(
        [python, str(PROJECT_ROOT / "main.py")], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert answer.returncode == 1
    assert "3.10 to 3.13" in answer.stderr and "Traceback" not in answer.stderr
