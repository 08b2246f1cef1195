"""What broke in an environment, by name, and the commands that mend it. Nothing is run here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from core.environment.interpreters import environment_root, with_console
from core.environment.model import Environment, PackageReport, ProbeReport
from core.text import Text
from core.wizard.hardware import Hardware
from core.wizard.recipes import TorchBuild, best_build

_PIP = ("--disable-pip-version-check", "--no-input")
_INFO = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)\.(?:dist|egg)-info$")
_TORCH = ("torch", "torchvision")
_BUILD = re.compile(r"cpu|cu\d+|rocm\d[\d.]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailment:
    """One thing that is broken.

    Attributes:
        id: what it is, for example `torch.cpu-build`.
        text: what is wrong and what mends it.
        commands: in order; empty where only folders go.
        removes: what pip left behind and nobody uses.
    """

    id: str
    text: Text
    commands: tuple[tuple[str, ...], ...] = ()
    removes: tuple[Path, ...] = ()


def diagnose(
    environment: Environment, report: ProbeReport, hardware: Hardware, builds: Sequence[TorchBuild]
) -> tuple[Ailment, ...]:
    """Everything that is broken, in the order in which it is to be mended.

    Args:
        environment: where.
        report: a fresh probe of it.
        hardware: what the computer has.
        builds: the known builds of PyTorch.
    """
    if report.problem is not None:
        return ()
    pip = (str(with_console(environment.python)), "-m", "pip")
    places = site_packages(environment.python)
    left = [*_leftovers(places)]
    twice = [*_twice(places, report, pip)]
    torch = [*_torch(report, hardware, builds, pip)]
    named = {ailment.id.partition(":")[2] for ailment in twice}
    broken = [ailment for ailment in _broken(report, pip) if ailment.id.partition(":")[2] not in named]
    return (*left, *twice, *torch, *broken)


def site_packages(python: Path) -> tuple[Path, ...]:
    """The folders that hold an interpreter's packages, those that are there."""
    root = Path(environment_root(python))
    found = [root / "Lib" / "site-packages", *sorted(root.glob("lib/python3*/site-packages"))]
    return tuple(dict.fromkeys(place.resolve() for place in found if place.is_dir()))


def _install(pip: tuple[str, ...], *words: str) -> tuple[str, ...]:
    return (*pip, "install", *_PIP, *words)


def _leftovers(places: Sequence[Path]) -> Iterator[Ailment]:
    """pip renames what it replaces to `~name` and takes it away at the end; where it was cut off, it stays."""
    found = [path for place in places for path in sorted(place.glob("~*"))]
    if found:
        listed = ", ".join(path.name for path in found[:5])
        text = Text(
            f"An install was cut off and left {len(found)} folders behind ({listed}). They are in the way and can go.",
            f"インストールが途中で切れ、{len(found)} 個のフォルダーが残っています ({listed})。不要なので削除できます。",
        )
        yield Ailment(id="package.leftover", text=text, removes=tuple(found))


def _twice(places: Sequence[Path], report: ProbeReport, pip: tuple[str, ...]) -> Iterator[Ailment]:
    versions: dict[str, list[str]] = {}
    for place in places:
        for path in sorted(place.glob("*-info")):
            match = _INFO.fullmatch(path.name)
            if match is not None and not path.name.startswith("~"):
                versions.setdefault(str(canonicalize_name(match["name"])), []).append(match["version"])
    for name, found in sorted(versions.items()):
        if len(found) < 2:
            continue
        keep = _pin_of(name, report) or max(found, key=_sortable)
        listed = " and ".join(sorted(found, key=_sortable))
        text = Text(
            f"{name} is there twice ({listed}); which one is imported is chance. Both go, and {keep} comes back.",
            f"{name} が二重に入っています ({listed})。どちらが使われるか分かりません。両方を削除し、{keep} を入れ直します。",
        )
        away = (*pip, "uninstall", "--yes", name)
        if name == "pip":  # which could not bring itself back: one is installed over both, and the others' records go
            over = _install(pip, "--force-reinstall", "--no-deps", f"pip=={keep}")
            others = tuple(
                path for place in places for path in place.glob("pip-*-info") if not path.name.startswith(f"pip-{keep}.")
            )
            yield Ailment(id="package.twice:pip", text=text, commands=(over,), removes=others)
            continue
        # Once for each: pip removes the one that it finds first.
        yield Ailment(
            id=f"package.twice:{name}",
            text=text,
            commands=(*(away for _ in found), _install(pip, "--no-deps", f"{name}=={keep}", *_index_of(keep))),
        )


def _index_of(version: str) -> tuple[str, ...]:
    """Where a build such as `2.6.0+cu124` comes from: PyPI has none of them."""
    build = version.partition("+")[2]
    return ("--extra-index-url", f"https://download.pytorch.org/whl/{build}") if _BUILD.fullmatch(build) else ()


def _sortable(version: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"[.+]", version))


def _pin_of(name: str, report: ProbeReport) -> str | None:
    """The version that sd-scripts' requirements.txt names."""
    lines = report.checkout.requirements if report.checkout is not None else ()
    for line in lines:
        wanted, mark, version = line.partition("==")
        if mark and canonicalize_name(wanted.partition("[")[0].strip()) == name:
            return version.strip()
    return None


def _torch(report: ProbeReport, hardware: Hardware, builds: Sequence[TorchBuild], pip: tuple[str, ...]) -> Iterator[Ailment]:
    build = best_build(builds, hardware)
    found = report.packages.get("torch")
    broken = report.torch_version is None and found is not None and found.imports is False
    cpu_only = report.torch_version is not None and report.cuda_version is None and build.gpu == "nvidia"
    if not broken and not (cpu_only and not report.cuda_available):
        return
    index = ("--index-url", build.index) if build.index else ()
    # A version that is there stays the same, only as the right build: what was made for it goes on working.
    pair = (f"torch=={build.torch}", f"torchvision=={build.torchvision}")
    command = _install(pip, "--force-reinstall", "--no-deps", *pair, *index)
    needs = _install(pip, *pair, *index)  # the libraries of CUDA that the build needs
    if broken:
        why = (found.error if found is not None else "") or ""
        text = Text(
            f"PyTorch is installed and cannot be imported ({why}). {build.torch} for {build.name.en} is installed over it.",
            f"PyTorch は入っていますがインポートできません ({why})。{build.torch} ({build.name.ja}) を入れ直します。",
        )
        yield Ailment(id="torch.broken", text=text, commands=(command, needs))
        return
    text = Text(
        f"PyTorch {report.torch_version} is the build without CUDA, although there is a {hardware.name}: some install replaced it."
        f" {build.torch} for {build.name.en} is put in its place.",
        f"{hardware.name} があるのに、PyTorch {report.torch_version} は CUDA 非対応ビルドです。ほかのインストールで置き換わった可能性が"
        f"あります。{build.torch} ({build.name.ja}) に入れ替えます。",
    )
    yield Ailment(id="torch.cpu-build", text=text, commands=(command, needs))


def _broken(report: ProbeReport, pip: tuple[str, ...]) -> Iterator[Ailment]:
    for name, found in sorted(report.packages.items()):
        if name in _TORCH or found.imports is not False or found.version is None:
            continue
        version = _pin_of(name, report) or found.version
        if name == "bitsandbytes" and _lacks_cuda(found):
            text = Text(
                f"bitsandbytes {found.version} finds no library for this CUDA. The newest one is installed, which brings more of them.",
                f"bitsandbytes {found.version} に、この CUDA 用のライブラリがありません。対応が多い最新版を入れます。",
            )
            command = _install(pip, "--upgrade", "--no-deps", "--force-reinstall", "bitsandbytes")
            yield Ailment(id="bitsandbytes.no-cuda", text=text, commands=(command,))
            continue
        text = Text(
            f"{name} {found.version} is installed and cannot be imported ({found.error}). {version} is installed over it, alone.",
            f"{name} {found.version} は入っていますがインポートできません ({found.error})。{version} だけを入れ直します。",
        )
        command = _install(pip, "--force-reinstall", "--no-deps", f"{name}=={version}", *_index_of(version))
        yield Ailment(id=f"package.broken:{name}", text=text, commands=(command,))


def _lacks_cuda(found: PackageReport) -> bool:
    return re.search(r"cuda|libbitsandbytes|cublas", found.error or "", re.IGNORECASE) is not None
