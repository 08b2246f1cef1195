"""The recipes and the builds of PyTorch, read from resources/wizard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import tomli as tomllib

from core.paths import RESOURCES
from core.text import Text
from core.wizard.hardware import Gpu, Hardware, System

_FOLDER = RESOURCES / "wizard"
_GIGABYTE = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchBuild:
    """One build of PyTorch.

    Attributes:
        id: for example `cu124`.
        name: what people read.
        torch, torchvision: versions that belong together.
        index: where pip finds it; "" for PyPI.
        gpu, systems: what it is for.
        driver: lowest major version of the NVIDIA driver.
        capability: lowest and highest compute capability.
        bytes: of disk that a whole environment with it takes while it is made.
    """

    id: str
    name: Text
    torch: str
    torchvision: str
    index: str = ""
    gpu: Gpu = "none"
    systems: tuple[System, ...] = ()
    driver: int | None = None
    capability: tuple[float, float] | None = None
    bytes: int = 0

    def fits(self, hardware: Hardware) -> bool:
        """Whether it runs on that computer and uses its GPU."""
        if hardware.system not in self.systems or self.gpu != hardware.gpu:
            return False
        if self.driver is not None and (hardware.driver or 0) < self.driver:
            return False
        if self.capability is None or hardware.capability is None:
            return True
        return self.capability[0] <= hardware.capability <= self.capability[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One way to a working sd-scripts.

    Attributes:
        id, name, help: of the recipe.
        repository: of git.
        zip: address of the zip of a branch or tag, with `{ref}` in it.
        ref: branch or tag.
        folder: proposed name of the folder.
        python: versions it runs with (`3.10`), the best first.
        packages: pip requirements after requirements.txt.
        brought: names of packages that its requirements.txt installs.
        offered: more packages that people want, whatever the optimizer.
        xformers: whether xformers is installed unless somebody says otherwise.
        source: where the steps come from.
    """

    id: str
    name: Text
    help: Text
    repository: str
    zip: str
    ref: str
    folder: str
    python: tuple[str, ...]
    packages: tuple[str, ...] = ()
    brought: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    xformers: bool = False
    source: str = ""


def load_builds(path: Path = _FOLDER / "torch.toml") -> tuple[TorchBuild, ...]:
    """All builds, in the order in which they are tried.

    Raises:
        OSError, KeyError, ValueError: the shipped file is damaged.
    """
    return tuple(_build(entry) for entry in _entries(path, "build"))


def _build(entry: Mapping[str, Any]) -> TorchBuild:
    low_high = entry.get("capability")
    return TorchBuild(
        id=entry["id"],
        name=Text(entry["name"]["en"], entry["name"]["ja"]),
        torch=entry["torch"],
        torchvision=entry["torchvision"],
        index=entry["index"],
        gpu=entry["gpu"],
        systems=tuple(entry["systems"]),
        driver=entry.get("driver"),
        capability=(float(low_high[0]), float(low_high[1])) if low_high else None,
        bytes=int(entry["gigabytes"] * _GIGABYTE),
    )


def load_recipes(path: Path = _FOLDER / "recipes.toml") -> tuple[Recipe, ...]:
    """All recipes, the usual one first.

    Raises:
        OSError, KeyError, ValueError: the shipped file is damaged.
    """
    return tuple(_recipe(entry) for entry in _entries(path, "recipe"))


def _recipe(entry: Mapping[str, Any]) -> Recipe:
    return Recipe(
        id=entry["id"],
        name=Text(entry["name"]["en"], entry["name"]["ja"]),
        help=Text(entry["help"]["en"], entry["help"]["ja"]),
        repository=entry["repository"],
        zip=entry["zip"],
        ref=entry["ref"],
        folder=entry["folder"],
        python=tuple(entry["python"]),
        packages=tuple(entry["packages"]),
        brought=tuple(entry["brought"]),
        offered=tuple(entry["offered"]),
        xformers=entry["xformers"],
        source=entry["source"],
    )


def _entries(path: Path, name: str) -> Sequence[Mapping[str, Any]]:
    return cast("list[dict[str, Any]]", tomllib.loads(path.read_text(encoding="utf-8"))[name])


def best_build(builds: Sequence[TorchBuild], hardware: Hardware) -> TorchBuild:
    """The first that fits; the one without a GPU where none does (an NVIDIA driver that is too old, a GPU that is too new)."""
    found = next((build for build in builds if build.fits(hardware)), None)
    return found or next(build for build in builds if build.gpu == "none" and hardware.system in build.systems)


def why_no_gpu(builds: Sequence[TorchBuild], hardware: Hardware) -> Text | None:
    """Why a GPU that is there would not be used; None where it is used or there is none."""
    if hardware.gpu == "none" or best_build(builds, hardware).gpu != "none":
        return None
    least = min((build.driver for build in builds if build.gpu == "nvidia" and build.driver), default=None)
    if hardware.gpu == "nvidia" and least is not None and (hardware.driver or 0) < least:
        return Text(
            f"The NVIDIA driver {hardware.driver or '?'} is too old for every build of PyTorch. Install the newest driver, then begin again.",
            f"NVIDIA ドライバー {hardware.driver or '?'} は古すぎて、対応する PyTorch がありません。最新のドライバーを入れてからやり直してください。",
        )
    if hardware.gpu == "nvidia":
        return Text(
            f"No build of PyTorch fits {hardware.name} with driver {hardware.driver or '?'}. Install the newest driver, then begin again.",
            f"{hardware.name} とドライバー {hardware.driver or '?'} に合う PyTorch がありません。最新のドライバーを入れてからやり直してください。",
        )
    return Text(
        f"There is no build of PyTorch for {hardware.name} on this system.",
        f"このシステムの {hardware.name} に対応する PyTorch はありません。",
    )
