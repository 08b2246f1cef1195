"""What would be run to make a working sd-scripts: steps of shown actions, nothing done yet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from core.environment.interpreters import interpreter_candidates, on_windows
from core.errors import CaddieError, Problems
from core.text import Text
from core.wizard.recipes import Recipe, TorchBuild

VENV = "venv"
"""Folder of the virtual environment inside the checkout: where every guide and every other program looks for it."""
_LONGEST = 90
"""Characters of the folder on Windows: torch's deepest files are 160 below the venv, and 260 is the limit."""
_PIP = ("--disable-pip-version-check", "--no-input")


@dataclass(frozen=True, slots=True)
class Run:
    """A command. `inside`: it runs in the checkout, else where the folder is made."""

    argv: tuple[str, ...]
    inside: bool = True


@dataclass(frozen=True, slots=True)
class Download:
    """The zip of a branch or tag, unpacked into the folder without its own top folder."""

    address: str


@dataclass(frozen=True, slots=True)
class Write:
    """A text file, written only where there is none. `path` is absolute."""

    path: Path
    content: str


Action = Run | Download | Write


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        id: stable; what the journal calls it.
        title: what people read.
        actions: in order.
        makes: names inside the folder that the step makes whole; half made, they are removed before it is tried again.
            `.` is the folder itself.
    """

    id: str
    title: Text
    actions: tuple[Action, ...]
    makes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What somebody chose.

    Attributes:
        recipe: the recipe.
        folder: of the checkout, which is made.
        python: the interpreter that the virtual environment is made with.
        build: of PyTorch.
        ref: branch or tag; the recipe's own where empty.
        source: git, or the zip where there is no git.
        xformers: installed too.
        packages: more pip requirements: those of the optimizers that were ticked.
        accelerate_config: where accelerate looks for its defaults; None writes none.
        pip_options: more options for every pip install (an index of one's own).
    """

    recipe: Recipe
    folder: Path
    python: Path
    build: TorchBuild
    ref: str = ""
    source: Literal["git", "zip"] = "git"
    xformers: bool = False
    packages: tuple[str, ...] = ()
    accelerate_config: Path | None = None
    pip_options: tuple[str, ...] = ()

    @property
    def branch(self) -> str:
        """The branch or tag."""
        return self.ref or self.recipe.ref


def venv_python(folder: Path, *, windows: bool | None = None) -> Path:
    """The interpreter of the environment that will be in `folder`."""
    windows = on_windows() if windows is None else windows
    return Path(interpreter_candidates(PurePath(folder / VENV), windows=windows)[0])


def steps_of(choice: Choice, *, windows: bool | None = None) -> tuple[Step, ...]:
    """All steps in order."""
    python = str(venv_python(choice.folder, windows=windows))
    pip = (python, "-m", "pip", "install", *_PIP)
    own = choice.pip_options
    build = choice.build
    index = ("--index-url", build.index) if build.index else ()
    torch = (f"torch=={build.torch}", f"torchvision=={build.torchvision}")
    steps = [
        Step(id="source", title=Text("Get sd-scripts", "sd-scripts の取得"), actions=(_source(choice),), makes="."),
        Step(
            id="venv",
            title=Text("Make the virtual environment", "仮想環境の作成"),
            actions=(Run((str(choice.python), "-m", "venv", VENV)),),
            makes=VENV,
        ),
        Step(id="pip", title=Text("Bring pip up to date", "pip の更新"), actions=(Run((*pip, *own, "--upgrade", "pip")),)),
        Step(id="torch", title=Text("Install PyTorch", "PyTorch のインストール"), actions=(Run((*pip, *own, *torch, *index)),)),
        Step(
            id="requirements",
            title=Text("Install what sd-scripts needs", "sd-scripts に必要なパッケージのインストール"),
            # Named again, so that no package replaces this build by another.
            actions=(Run((*pip, *own, "-r", "requirements.txt", *torch)),),
        ),
    ]
    if choice.xformers:
        action = Run((*pip, *own, "xformers", *torch, *index))
        steps.append(Step(id="xformers", title=Text("Install xformers", "xformers のインストール"), actions=(action,)))
    packages = tuple(dict.fromkeys((*choice.recipe.packages, *choice.packages)))
    if packages:
        title = Text("Install the packages of the optimizers", "オプティマイザーのパッケージのインストール")
        steps.append(Step(id="packages", title=title, actions=(Run((*pip, *own, *packages, *torch)),)))
    if choice.accelerate_config is not None:
        write = Write(choice.accelerate_config, accelerate_defaults(build))
        title = Text("Write accelerate's defaults", "accelerate の既定設定の書き込み")
        steps.append(Step(id="accelerate", title=title, actions=(write,)))
    return tuple(steps)


def _source(choice: Choice) -> Action:
    if choice.source == "zip":
        return Download(choice.recipe.zip.replace("{ref}", choice.branch))
    words = ("git", "clone", "--branch", choice.branch, choice.recipe.repository, str(choice.folder))
    return Run(words, inside=False)


def accelerate_defaults(build: TorchBuild) -> str:
    """What `accelerate config` writes for the answers of sd-scripts' README: this machine, no distributed training."""
    on_cpu = build.gpu == "none"
    precision = "no" if build.gpu in ("none", "apple") else "fp16"
    lines = (
        "compute_environment: LOCAL_MACHINE",
        "debug: false",
        "distributed_type: 'NO'",
        "downcast_bf16: 'no'",
        "enable_cpu_affinity: false",
        "gpu_ids: all",
        "machine_rank: 0",
        "main_training_function: main",
        f"mixed_precision: '{precision}'",
        "num_machines: 1",
        "num_processes: 1",
        "rdzv_backend: static",
        "same_network: true",
        "tpu_env: []",
        "tpu_use_cluster: false",
        "tpu_use_sudo: false",
        f"use_cpu: {'true' if on_cpu else 'false'}",
    )
    return "".join(f"{line}\n" for line in lines)


def accelerate_file() -> Path:
    """Where accelerate looks for its defaults, by its own rules (`accelerate/utils/constants` and huggingface_hub's HF_HOME)."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    home = os.environ.get("HF_HOME") or os.path.join(cache, "huggingface")
    return Path(os.path.expanduser(os.path.expandvars(home))) / "accelerate" / "default_config.yaml"


def refuse(choice: Choice, *, windows: bool | None = None, resumed: bool = False) -> None:
    """Says what keeps the choice from being carried out, all at once, before anything is done.

    Args:
        choice: what was chosen.
        windows: whose rules for paths.
        resumed: the folder was made by an earlier try of the same.

    Raises:
        Problems: the folder is not empty, the path is too long or impossible, no space, no git.
    """
    windows = on_windows() if windows is None else windows
    problems: list[Text] = []
    folder = choice.folder
    if not resumed and holds_something(folder):
        problems.append(
            Text(
                f"{folder} is there already and not empty. Nothing is ever written over: choose another folder.",
                f"{folder} は既に存在し、空ではありません。上書きはしません。別のフォルダーを選んでください。",
            )
        )
    if windows and len(str(folder)) > _LONGEST:
        problems.append(
            Text(
                f"The path {folder} has {len(str(folder))} characters. PyTorch's files would pass the limit of Windows: choose a"
                f" folder with at most {_LONGEST}, such as C:\\ai\\{choice.recipe.folder}.",
                f"パス {folder} は {len(str(folder))} 文字あり、PyTorch のファイルが Windows の上限を超えます。"
                f"C:\\ai\\{choice.recipe.folder} のような {_LONGEST} 文字以内のフォルダーを選んでください。",
            )
        )
    if choice.source == "git" and shutil.which("git") is None:
        problems.append(
            Text(
                "git was not found. Install it from https://git-scm.com, or take the zip.",
                "git が見つかりません。https://git-scm.com から入れるか、zip を選んでください。",
            )
        )
    problems += _space(folder, choice.build)
    if problems:
        raise Problems(Text("The environment cannot be made like this:", "この内容では環境を作成できません:"), problems)


def holds_something(folder: Path) -> bool:
    """Whether there is anything in it, or it is no folder that may be read."""
    try:
        return any(folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        return True  # a file, or a folder that may not be read


def _space(folder: Path, build: TorchBuild) -> Sequence[Text]:
    above = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
    if above is None:
        return (Text(f"There is no disk for {folder}.", f"{folder} のドライブがありません。"),)
    if not os.access(above, os.W_OK):
        return (Text(f"{above} cannot be written to.", f"{above} に書き込めません。"),)
    try:
        free = shutil.disk_usage(above).free
    except OSError:
        return ()
    if free >= build.bytes:
        return ()
    have, need = f"{free / 1024**3:.1f}", f"{build.bytes / 1024**3:.0f}"
    return (
        Text(
            f"{above} has {have} GB free; about {need} GB are needed while everything is installed.",
            f"{above} の空きは {have} GB です。インストール中は約 {need} GB 必要です。",
        ),
    )


def check_python(version: str, recipe: Recipe) -> None:
    """Refuses a Python that the recipe does not run with.

    Args:
        version: `3.10.11`.
        recipe: the recipe.

    Raises:
        CaddieError: another version.
    """
    if ".".join(version.split(".")[:2]) in recipe.python:
        return
    listed = ", ".join(recipe.python)
    raise CaddieError(
        Text(
            f"Python {version} does not go with sd-scripts; it needs one of {listed}. Get Python {recipe.python[0]} from"
            " https://www.python.org/downloads/ and begin again; others may stay installed.",
            f"Python {version} では sd-scripts を使えません。{listed} のいずれかが必要です。https://www.python.org/downloads/ から "
            f"Python {recipe.python[0]} を入れてやり直してください。ほかのバージョンはそのままで構いません。",
        )
    )
