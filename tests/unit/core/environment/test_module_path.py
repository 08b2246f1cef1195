"""Whether a training would find Caddie's optimizers or somebody else's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.command.surroundings import module_path
from core.environment.model import Environment
from core.environment.module_path import hidden_package_problem, ignores_module_path, module_in, refuse_hidden_package
from core.errors import CaddieError
from core.job.model import Job
from tests.helpers.fast_package import make_caddie

FAST = Job(options={"optimizer_type": "optimizers.Prodigy"})


@pytest.mark.parametrize("name", ["optimizers.py", "optimizers/__init__.py", "optimizers/notes.txt", None])
def test_what_python_would_import_is_what_is_said(name: str | None, tmp_path: Path) -> None:
    """Beside a script, as in a checkout; the import itself is the judge."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    if name is not None:
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text("", encoding="utf-8")
    (checkout / "train_network.py").write_text("import optimizers\nprint(optimizers.__file__)\n", encoding="utf-8")
    root = make_caddie(tmp_path / "caddie")
    variables = {**os.environ, "PYTHONPATH": str(module_path(root)), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, str(checkout / "train_network.py")], env=variables, capture_output=True, encoding="utf-8", check=True
    )
    imported = Path(done.stdout.strip())
    hidden = imported.is_relative_to(checkout)
    assert hidden == (imported != root / "optimizers" / "__init__.py")
    assert module_in(checkout) == (imported if hidden else None)
    environment = Environment(id="e", name="e", python=Path(sys.executable), sd_scripts=checkout)
    refuse_hidden_package(Job(), environment)
    if not hidden:
        refuse_hidden_package(FAST, environment)
        return
    with pytest.raises(CaddieError) as caught:
        refuse_hidden_package(FAST, environment)
    assert str(imported) in caught.value.text.en


def test_an_embeddable_python_takes_no_module_path(tmp_path: Path) -> None:
    python = tmp_path / "python.exe"
    assert not ignores_module_path(python)
    (tmp_path / "python310._pth").write_text("python310.zip\n.\n", encoding="utf-8")
    assert ignores_module_path(python)
    problem = hidden_package_problem(None, python)
    assert problem is not None
    assert "PYTHONPATH" in problem.en
