"""Exports run, or read back by the rules of the shells they are for."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.command import cmd, powershell
from core.command.build import build_argv
from core.command.export import export_file, export_job, lines_of
from core.environment.model import Environment
from core.environment.variables import TRAINING_VARIABLES
from core.errors import CaddieError, Problems
from core.job.model import Job
from core.job.store import loads
from core.options.snapshot import load_snapshot

OPTIONS = load_snapshot()["train_network.py"]
NASTY_TEXT = 'モデル 100% %PATH% ^&|<>()! "quoted" it\'s ’ $HOME `id` \\'
SHELLS = [shell for shell in ("sh", "bash", "dash") if shutil.which(shell)]
TEXTS = st.text(
    st.one_of(
        st.sampled_from(" \t\"'\\$`!%^&|<>()*;=,-@~あ’"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0\n\r\x1a"),
    ),
    max_size=20,
)
JOBS = st.builds(
    lambda text, name, items: Job(
        options=MappingProxyType(
            {
                "pretrained_model_name_or_path": text,
                "output_name": name,
                "sdpa": True,
                "learning_rate": 1e-30,
                "network_args": items,
            }
        ),
        accelerate=MappingProxyType({"num_processes": 1}),
    ),
    TEXTS,
    TEXTS,
    st.lists(TEXTS.filter(lambda text: not text.startswith("-")), max_size=3),
)
WINDOWS = Environment(
    id="w", name="Windows", python=Path("C:\\Program Files\\学習 100%\\python.exe"), sd_scripts=Path("D:\\sd & (scripts) 50%")
)


def words_of(job: Job, environment: Environment) -> list[str]:
    return build_argv(job, python=str(environment.python), checkout=str(environment.sd_scripts), options=OPTIONS, companion=None)


@pytest.fixture
def here(tmp_path: Path) -> Environment:
    """An environment whose Python tells how it was called."""
    checkout = tmp_path / "-sd scripts % 'x' 学習"
    checkout.mkdir()
    (checkout / "accelerate" / "commands").mkdir(parents=True)
    (checkout / "accelerate" / "__init__.py").touch()
    (checkout / "accelerate" / "commands" / "__init__.py").touch()
    (checkout / "accelerate" / "commands" / "launch.py").write_text(
        "import json, os, sys\n"
        f"names = {list(TRAINING_VARIABLES)!r}\n"
        "json.dump({'argv': sys.argv[1:], 'folder': os.getcwd(), 'set': {n: os.environ.get(n) for n in names}},"
        " open('called.json', 'w', encoding='utf-8'))\n"
        "sys.exit(7)\n",
        encoding="utf-8",
    )
    return Environment(id="h", name="here", python=Path(sys.executable), sd_scripts=checkout)


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize("shell", SHELLS)
def test_sh_really_runs_the_command(shell: str, here: Environment, tmp_path: Path) -> None:
    assert here.sd_scripts is not None
    called = here.sd_scripts / "called.json"
    script = tmp_path / "train it.sh"

    @settings(max_examples=25, deadline=None)
    @given(JOBS)
    @example(Job(options={"output_name": NASTY_TEXT, "training_comment": "two\nlines", "sample_prompts": "-x"}))
    def check(job: Job) -> None:
        called.unlink(missing_ok=True)
        export_file(job, script, environment=here, options=OPTIONS)
        done = subprocess.run([shell, str(script)], cwd="/", timeout=60, check=False, env={"PATH": os.defpath, "CDPATH": "/tmp"})
        assert done.returncode == 7  # the training's own exit code
        told = json.loads(called.read_text(encoding="utf-8"))
        assert told["argv"] == words_of(job, here)[3:]
        assert told["folder"] == str(here.sd_scripts)
        assert told["set"] == dict(TRAINING_VARIABLES)

    check()


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_sh_is_executable_and_stops_without_its_folder(here: Environment, tmp_path: Path) -> None:
    script = export_file(Job(), tmp_path / "train.sh", environment=here, options=OPTIONS)
    assert script.stat().st_mode & stat.S_IXUSR
    assert here.sd_scripts is not None
    shutil.rmtree(here.sd_scripts)
    done = subprocess.run([str(script)], timeout=60, check=False, capture_output=True)
    assert done.returncode == 1


def bat_command(text: str) -> str:
    """The training's command in a batch file: everything between `cd` and the exit code."""
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")
    inside = re.search(r"\|\| goto failed\r\n(.*?)\r\nset \"CADDIE_EXIT=%ERRORLEVEL%\"\r\n", text, re.DOTALL)
    assert inside
    return inside[1]


@settings(deadline=None)
@given(JOBS)
@example(Job(options={"output_name": NASTY_TEXT, "sample_prompts": "-x", "training_comment": ""}))
def test_bat_reads_back(job: Job) -> None:
    text = export_job(job, "bat", environment=WINDOWS, options=OPTIONS)
    command = bat_command(text)
    assert cmd.split(command) == words_of(job, WINDOWS)
    # Each line but the last goes on: a caret outside of quotation marks at its end, blanks at the next one's beginning.
    lines = command.split("\r\n")
    assert all(line.endswith(" ^") for line in lines[:-1])
    assert all(line.startswith("  ") for line in lines[1:])
    assert 'cd /d "D:\\sd & (scripts) 50%%" ||' in text
    for name, value in TRAINING_VARIABLES.items():
        assert f'set "{name}={value}"\r\n' in text


def test_bat_waits_only_after_a_double_click() -> None:
    text = export_job(Job(), "bat", environment=WINDOWS, options=OPTIONS)
    assert text.startswith("@echo off\r\n")
    assert text.index("chcp 65001 >nul") < text.index("cd /d")
    assert "setlocal EnableExtensions DisableDelayedExpansion" in text
    waits = [line for line in text.split("\r\n") if "pause" in line]
    assert waits == ['if /i "%comspec% /c %~0 " equ "%cmdcmdline:"=%" pause']
    assert text.endswith("exit /b %CADDIE_EXIT%\r\n")


@settings(deadline=None)
@given(JOBS)
@example(Job(options={"output_name": NASTY_TEXT, "training_comment": "two\nlines\r\n", "sample_prompts": "-x"}))
def test_ps1_reads_back(job: Job) -> None:
    text = export_job(job, "ps1", environment=WINDOWS, options=OPTIONS)
    before, _, rest = text.partition("$ErrorActionPreference = 'Continue'\r\n")
    command, _, after = rest.rpartition("\r\nexit $LASTEXITCODE")
    assert after == "\r\n"
    assert powershell.LEGACY + "\r\n" in before
    assert f"Set-Location -LiteralPath {powershell.literal(str(WINDOWS.sd_scripts))}" in before
    command = command.replace(" `\r\n  ", " ")
    if "\r\n" not in "".join(map(str, job.options.values())):
        assert powershell.split(command) == words_of(job, WINDOWS)
    literals = re.findall(r"(?s)'((?:[^'‘’‚‛]|['‘’‚‛]{2})*)'", command)
    values = [re.sub("(['‘’‚‛])['‘’‚‛]", r"\1", literal) for literal in literals]
    assert powershell.passed(values) == words_of(job, WINDOWS)


def test_files_have_the_bytes_their_readers_need(tmp_path: Path) -> None:
    job = Job(options={"output_name": "花"})
    ps1 = export_file(job, tmp_path / "a.ps1", environment=WINDOWS, options=OPTIONS).read_bytes()
    assert ps1.startswith(b"\xef\xbb\xbf#")
    bat = export_file(job, tmp_path / "a.cmd", environment=WINDOWS, options=OPTIONS).read_bytes()
    assert bat.startswith(b"@echo off\r\n")
    assert "花".encode() in bat
    listed = export_file(job, tmp_path / "a.json", environment=WINDOWS, options=OPTIONS).read_text(encoding="utf-8")
    assert json.loads(listed) == words_of(job, WINDOWS)
    assert loads(export_file(job, tmp_path / "a.toml", environment=WINDOWS, options=OPTIONS).read_text(encoding="utf-8")) == job
    as_said = export_file(job, tmp_path / "b.txt", "sh", environment=WINDOWS, options=OPTIONS)
    assert as_said.read_bytes().startswith(b"#!/bin/sh\n")


@pytest.mark.parametrize("text", ["two\nlines", "two\rlines"])
def test_bat_refuses_line_breaks_and_the_others_do_not(text: str) -> None:
    job = Job(options={"training_comment": text, "output_name": "\x1a"})
    with pytest.raises(Problems) as caught:
        export_job(job, "bat", environment=WINDOWS, options=OPTIONS)
    assert len(caught.value.problems) == 2
    assert "改行" in caught.value.problems[0].ja
    for kind in ("sh", "ps1", "argv"):
        assert text in json.loads(json.dumps(export_job(job, kind, environment=WINDOWS, options=OPTIONS))) or kind == "argv"


def test_bat_refuses_what_cmd_would_cut() -> None:
    job = Job(options={"network_args": [f"name{number}={'x' * 80}" for number in range(100)]})
    with pytest.raises(Problems, match="8191"):
        export_job(job, "bat", environment=WINDOWS, options=OPTIONS)
    assert export_job(job, "ps1", environment=WINDOWS, options=OPTIONS)


def test_what_has_no_checkout_or_no_format(tmp_path: Path) -> None:
    bare = Environment(id="b", name="bare", python=Path("/usr/bin/python3"))
    with pytest.raises(CaddieError, match="no checkout"):
        export_job(Job(), "sh", environment=bare, options=OPTIONS)
    assert export_job(Job(), "toml", environment=bare, options=OPTIONS)
    with pytest.raises(CaddieError, match="ending"):
        export_file(Job(), tmp_path / "x.exe", environment=WINDOWS, options=OPTIONS)
    (tmp_path / "file").write_text("")
    with pytest.raises(CaddieError, match="could not be written"):
        export_file(Job(), tmp_path / "file" / "x.sh", environment=WINDOWS, options=OPTIONS)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(JOBS)
def test_lines_are_only_for_the_eye(job: Job) -> None:
    argv = words_of(job, WINDOWS)
    assert [word for line in lines_of(argv) for word in line] == argv
