"""What a job's command needs of Caddie around it: in a run, and in exports that have to run by themselves."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.command import surroundings
from core.command.export import export_file, export_job, variable_lines
from core.command.surroundings import Surroundings, module_path, own_variables, separator_for, surroundings_of
from core.environment.model import Environment
from core.errors import CaddieError, Problems
from core.job.model import Job
from core.options.snapshot import load_snapshot
from core.paths import PROJECT_ROOT
from tests.helpers.fast_package import make_caddie

OPTIONS = load_snapshot()["train_network.py"]
FAST = Job(options={"optimizer_type": "optimizers.Prodigy"})
EMO = Job(options={"optimizer_type": "optimizer.emonavi.EmoNavi"}, hand_loss=True)
SHELLS = [shell for shell in ("sh", "bash", "dash") if shutil.which(shell)]
WINDOWS = Environment(id="w", name="Windows", python=Path("C:\\Python\\python.exe"), sd_scripts=Path("D:\\sd-scripts"))


def test_a_plain_job_needs_nothing() -> None:
    for job in (Job(), Job(options={"optimizer_type": "prodigy"}), Job(options={"optimizer_type": "AdamW"}, hand_loss=True)):
        assert surroundings_of(job).is_empty


def test_the_module_path_holds_the_package_and_nothing_else() -> None:
    (only,) = (path for path in module_path().iterdir())
    assert only.name == "optimizers"
    assert [path.name for path in only.iterdir() if path.name != "__pycache__"] == ["__init__.py"]
    assert own_variables(surroundings_of(FAST)) == {"PYTHONPATH": str(module_path())}


def test_the_loss_needs_the_companion_and_its_variable() -> None:
    around = surroundings_of(EMO)
    assert around.companion == str(PROJECT_ROOT / "core" / "runs" / "companion.py")
    assert around.companion is not None
    assert Path(around.companion).is_file()
    assert own_variables(around) == {"CADDIE_HAND_LOSS": "1"}
    words = json.loads(export_job(EMO, "argv", environment=WINDOWS, options=OPTIONS))
    assert words[words.index("D:\\sd-scripts\\train_network.py") - 1] == around.companion


def test_the_real_package_takes_the_place_of_the_stand_in(tmp_path: Path) -> None:
    """Nothing but `optimizers` of Caddie can be imported, submodules come from the real folder."""
    code = (
        "import sys, importlib.util\n"
        "import optimizers\n"
        "print(optimizers.__file__)\n"
        "print(list(optimizers.__path__))\n"
        "print([name for name in ('core', 'gui', 'main', 'tests') if importlib.util.find_spec(name)])\n"
        "from optimizers.prodigy import Prodigy\n"
        "print(Prodigy is optimizers.Prodigy, sys.modules['optimizers'] is optimizers)\n"
    )
    root = make_caddie(tmp_path / "キャディ 100%")
    variables = {**os.environ, "PYTHONPATH": str(module_path(root)), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=variables, capture_output=True, encoding="utf-8", check=False
    )
    assert done.stdout.splitlines() == [
        str(root / "optimizers" / "__init__.py"),
        str([str(root / "optimizers")]),
        "[]",
        "True True",
    ], done.stderr
    shutil.rmtree(root / "optimizers")
    gone = subprocess.run(
        [sys.executable, "-c", "import optimizers"],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert gone.returncode == 1
    assert "Caddie's optimizers are not in" in gone.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("folder", "separator"), [("/home/あ b", ":"), ("C:\\Caddie", ";"), ("d:/caddie", ";"), ("\\\\server\\caddie", ";")]
)
def test_the_separator_is_that_of_the_paths_system(folder: str, separator: str) -> None:
    assert separator_for(folder) == separator


@pytest.mark.parametrize("folder", ["/home/a:b", "C:\\a;b"])
def test_a_folder_that_pythonpath_cannot_name_is_refused(folder: str) -> None:
    with pytest.raises(CaddieError, match="Move Caddie's folder"):
        own_variables(Surroundings(module_path=folder))


@pytest.fixture
def caddie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Caddie in a folder with an awkward name, with a package that needs no torch."""
    root = make_caddie(tmp_path / "Caddie 'fast' 100% $HOME & 速い")
    monkeypatch.setattr(surroundings, "surroundings_of", lambda job: surroundings_of(job, root=root))
    monkeypatch.setattr("core.command.export.surroundings_of", lambda job: surroundings_of(job, root=root))
    return root


@pytest.fixture
def here(tmp_path: Path) -> Environment:
    """An environment whose script builds the optimizer as sd-scripts does."""
    checkout = tmp_path / "sd scripts 学習"
    (checkout / "accelerate" / "commands").mkdir(parents=True)
    (checkout / "accelerate" / "__init__.py").touch()
    (checkout / "accelerate" / "commands" / "__init__.py").touch()
    (checkout / "accelerate" / "commands" / "launch.py").write_text(
        "import runpy, sys\nsys.argv = sys.argv[1:]\nrunpy.run_path(sys.argv[0], run_name='__main__')\n", encoding="utf-8"
    )
    (checkout / "train_network.py").write_text(
        "import importlib, json, os, sys\n"
        "module, _, name = sys.argv[sys.argv.index('--optimizer_type') + 1].rpartition('.')\n"
        "kind = getattr(importlib.import_module(module), name)\n"
        "told = {'class': kind.__module__ + '.' + kind.__name__, 'path': os.environ['PYTHONPATH']}\n"
        "json.dump(told, open('told.json', 'w', encoding='utf-8'))\n",
        encoding="utf-8",
    )
    return Environment(id="h", name="here", python=Path(sys.executable), sd_scripts=checkout)


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("before", [None, "/some where:/else"])
def test_an_exported_sh_finds_the_optimizers_by_itself(
    shell: str, before: str | None, caddie: Path, here: Environment, tmp_path: Path
) -> None:
    assert here.sd_scripts is not None
    script = export_file(FAST, tmp_path / "train.sh", environment=here, options=OPTIONS)
    variables = {"PATH": os.defpath, **({} if before is None else {"PYTHONPATH": before})}
    done = subprocess.run([shell, str(script)], cwd="/", env=variables, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads((here.sd_scripts / "told.json").read_text(encoding="utf-8"))
    folder = str(module_path(caddie))
    assert told == {"class": "optimizers.prodigy.Prodigy", "path": folder if before is None else f"{folder}:{before}"}


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize("shell", SHELLS)
def test_an_exported_sh_says_that_caddie_has_moved(shell: str, caddie: Path, here: Environment, tmp_path: Path) -> None:
    assert here.sd_scripts is not None
    script = export_file(FAST, tmp_path / "train.sh", environment=here, options=OPTIONS)
    caddie.rename(tmp_path / "elsewhere")
    done = subprocess.run([shell, str(script)], cwd="/", capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("The folder of Caddie has moved")
    assert not (here.sd_scripts / "told.json").exists()


def test_an_exported_bat_sets_the_path_as_cmd_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    around = Surroundings(module_path="C:\\Caddie 100% & (速い)\\resources\\python")
    monkeypatch.setattr("core.command.export.surroundings_of", lambda job: around)
    lines = export_job(FAST, "bat", environment=WINDOWS, options=OPTIONS).split("\r\n")
    assert lines.index('if defined PYTHONPATH set "PYTHONPATH=;%PYTHONPATH%"') + 1 == lines.index(
        'set "PYTHONPATH=C:\\Caddie 100%% & (速い)\\resources\\python%PYTHONPATH%"'
    )
    (gone,) = (line for line in lines if line.startswith("if not exist "))
    marker = re.fullmatch(r'if not exist "([^"]*)" >&2 echo ([^&|<>^%!"()]*)& goto failed', gone)
    assert marker
    assert marker[1].startswith("C:\\Caddie 100%% & (速い)\\resources\\python")
    assert lines.index(gone) < next(place for place, line in enumerate(lines) if "accelerate.commands.launch" in line)


def test_an_exported_ps1_sets_the_path_literally(monkeypatch: pytest.MonkeyPatch) -> None:
    around = Surroundings(module_path="C:\\it's ’ $HOME\\python", variables={"CADDIE_HAND_LOSS": "1"})
    monkeypatch.setattr("core.command.export.surroundings_of", lambda job: around)
    text = export_job(FAST, "ps1", environment=WINDOWS, options=OPTIONS)
    said = "'C:\\it''s ’’ $HOME\\python'"
    assert f"$env:PYTHONPATH = {said} + $(if ($env:PYTHONPATH) {{ ';' + $env:PYTHONPATH }})\r\n" in text
    assert "$env:CADDIE_HAND_LOSS = '1'\r\n" in text
    assert text.index("Test-Path -LiteralPath 'C:\\it''s") < text.index("accelerate.commands.launch")


def test_no_format_hides_what_it_cannot_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.command.export.surroundings_of", lambda job: Surroundings(module_path='/home/"x"'))
    with pytest.raises(Problems):
        export_job(FAST, "bat", environment=WINDOWS, options=OPTIONS)
    assert export_job(FAST, "sh", environment=WINDOWS, options=OPTIONS)


def test_without_need_no_line_is_added() -> None:
    for syntax in ("sh", "bat", "ps1"):
        assert variable_lines(surroundings_of(Job()), syntax) == []
