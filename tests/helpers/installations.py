"""A repository laid out like sd-scripts and an index of small wheels, so that a whole set-up runs without a network."""

from __future__ import annotations

import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

from core.wizard.plan import Choice
from core.wizard.recipes import Recipe, TorchBuild, load_builds, load_recipes
from tests.helpers.environments import make_checkout, make_wheel


def make_repository(folder: Path, *, branch: str = "main") -> Path:
    """A git repository with one commit on `branch`."""
    make_checkout(folder)
    (folder / "requirements.txt").write_text("accelerate==1.6.0\n", encoding="utf-8")
    git = ("git", "-c", "user.name=test", "-c", "user.email=test@example.com", "-C", str(folder))
    subprocess.run(["git", "init", "-q", "-b", branch, str(folder)], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    return folder


def make_index(folder: Path) -> Path:
    """Wheels of everything that a set-up installs."""
    for name, version in (("torch", "2.6.0"), ("torchvision", "0.21.0"), ("accelerate", "1.6.0"), ("schedulefree", "1.4")):
        make_wheel(folder, name, version, code=f"__version__ = {version!r}\n")
    make_wheel(folder, "prodigyopt", "1.1.2")
    return folder


def make_zip(repository: Path, path: Path) -> Path:
    """The zip that GitHub would give: everything below one folder of its own."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(repository.rglob("*")):
            if file.is_file() and ".git" not in file.parts:
                archive.write(file, f"sd-scripts-main/{file.relative_to(repository).as_posix()}")
    return path


def recipe_of(repository: Path) -> Recipe:
    """The usual recipe with another repository."""
    return replace(load_recipes()[0], repository=str(repository))


def cpu_build() -> TorchBuild:
    """The build without a GPU, that needs no room."""
    return replace(next(build for build in load_builds() if build.id == "cpu"), bytes=1)


def make_choice(folder: Path, repository: Path, index: Path, python: Path, **changes: object) -> Choice:
    """A choice that installs from `index` alone."""
    choice = Choice(
        recipe=recipe_of(repository),
        folder=folder,
        python=python,
        build=cpu_build(),
        pip_options=("--no-index", "--find-links", str(index)),
    )
    return replace(choice, **changes)  # type: ignore[arg-type]
