"""Real venvs, hand-made packages and wheels, made-up checkouts: everything an environment test needs, offline."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import sys
import zipfile
from pathlib import Path

from core.catalogue.catalogue import Catalogue
from core.catalogue.spec import Requirement
from core.environment.model import Environment, PackageReport, ProbeReport
from tests.helpers.specs import ADAMW, make_spec

FAKE_TORCH = """
__version__ = "2.4.1+cu124"
class version:
    cuda = "12.4"
    hip = None
class _Properties:
    name = "NVIDIA GeForce RTX 4070"
    total_memory = 12878086144
    major, minor = 8, 9
class cuda:
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 1)
    get_device_properties = staticmethod(lambda index: _Properties())
"""
"""What the probe asks of torch, and nothing more."""


def make_venv(folder: Path) -> Path:
    """A real venv without pip; returns its interpreter. (`venv` itself takes three times as long.)"""
    base = Path(getattr(sys, "_base_executable", sys.executable))
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    scripts.mkdir(parents=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n", encoding="utf-8")
    if os.name == "nt":
        import venv

        venv.EnvBuilder(with_pip=False).create(folder)
        return scripts / "python.exe"
    (folder / "lib" / f"python{version}" / "site-packages").mkdir(parents=True)
    (scripts / "python").symlink_to(base)
    return scripts / "python"


def site_packages(python: Path) -> Path:
    """Where the packages of a venv lie."""
    root = python.parent.parent
    if os.name == "nt":
        return root / "Lib" / "site-packages"
    return root / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def put_package(python: Path, name: str, version: str | None = "1.0", code: str = "", *, module: str | None = None) -> None:
    """A package as pip would leave it: the module, and its metadata unless `version` is None."""
    site = site_packages(python)
    folder = site / (module or name.replace("-", "_"))
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").write_text(code, encoding="utf-8")
    if version is not None:
        put_metadata(python, name, version, files=(f"{folder.name}/__init__.py",))


def put_metadata(python: Path, name: str, version: str, *, files: tuple[str, ...] = ()) -> None:
    """A dist-info and nothing else."""
    info = site_packages(python) / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    own = [f"{info.name}/{name}" for name in ("METADATA", "RECORD", "INSTALLER")]
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in (*files, *own)), encoding="utf-8")
    (info / "INSTALLER").write_text("pip\n", encoding="utf-8")


def put_pip(python: Path) -> None:
    """The pip of the interpreter that runs the tests, copied into a venv: ten times as fast as ensurepip."""
    from importlib import metadata

    found = metadata.distribution("pip")
    source = Path(str(found.locate_file("")))
    info = f"pip-{found.version}.dist-info"
    for name in ("pip", info):
        shutil.copytree(source / name, site_packages(python) / name)


def make_wheel(folder: Path, name: str, version: str, *, requires: tuple[str, ...] = (), code: str = "") -> Path:
    """A wheel that pip installs, with one module."""
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {r}\n" for r in requires)
    files = {
        f"{stem}/__init__.py": code,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text.encode())}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{stem}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def make_checkout(folder: Path, *, scripts: tuple[str, ...] = ("train_network.py", "sdxl_train.py")) -> Path:
    """Something that looks like sd-scripts."""
    (folder / "library").mkdir(parents=True)
    for name in scripts:
        (folder / name).write_text("def setup_parser():\n    ...\n", encoding="utf-8")
    (folder / "requirements.txt").write_text("accelerate==1.6.0\n# old\nprodigyopt==1.1.2\n-e .\n", encoding="utf-8")
    (folder / "README.md").write_text("# sd-scripts\n\n- **Version 0.10.1 (2026-02-13):**\n", encoding="utf-8")
    return folder


def make_environment_of(python: Path, sd_scripts: Path | None = None) -> Environment:
    """An environment with a fixed id."""
    return Environment(id="e1", name="test", python=python, sd_scripts=sd_scripts)


def catalogue_of(*requirements: Requirement) -> Catalogue:
    """A catalogue with one optimizer that needs these."""
    return Catalogue([make_spec("Some", requirements=requirements)], [ADAMW])


def need(package: str, module: str | None = None, minimum: str | None = None) -> Requirement:
    """A requirement."""
    return Requirement(package=package, module=module or package.replace("-", "_"), minimum=minimum)


def package(name: str, version: str | None, imports: bool | None, error: str | None = None) -> PackageReport:
    """One package of a report."""
    return PackageReport(package=name, module=name.replace("-", "_"), version=version, imports=imports, error=error)


def report_of(*packages: PackageReport, torch: bool = True, **changes: object) -> ProbeReport:
    """A report of a working environment with these packages."""
    found = {item.package: item for item in packages}
    if torch:
        found.setdefault("torch", package("torch", "2.4.1+cu124", True))
    values: dict[str, object] = {
        "taken_at": 1.0e9,
        "python_version": "3.10.11",
        "platform": "linux",
        "torch_version": "2.4.1+cu124" if torch else None,
        "cuda_version": "12.4",
        "cuda_available": True,
        "packages": found,
    }
    return ProbeReport(**{**values, **changes})  # pyright: ignore[reportArgumentType]
