"""Qt's system libraries on Linux: which are missing, and the command that installs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from core.bootstrap.messages import ASK_SUDO, LIBRARIES_FAILED, LIBRARIES_MISSING, LIBRARIES_UNKNOWN, say

# Package names per family: apt (Debian, Ubuntu, Mint), dnf (Fedora, RHEL), zypper (openSUSE), pacman (Arch).
_PACKAGES: dict[str, tuple[str, str, str, str]] = {
    "libEGL.so.1": ("libegl1", "libglvnd-egl", "Mesa-libEGL1", "libglvnd"),
    "libGL.so.1": ("libgl1", "libglvnd-glx", "Mesa-libGL1", "libglvnd"),
    "libOpenGL.so.0": ("libopengl0", "libglvnd-opengl", "libglvnd", "libglvnd"),
    "libGLX.so.0": ("libglx0", "libglvnd-glx", "libglvnd", "libglvnd"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon", "libxkbcommon0", "libxkbcommon"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11", "libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs", "libdbus-1-3", "dbus"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig", "libfontconfig1", "fontconfig"),
    "libfreetype.so.6": ("libfreetype6", "freetype", "libfreetype6", "freetype2"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2", "libglib-2_0-0", "glib2"),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2", "libgthread-2_0-0", "glib2"),
    "libX11.so.6": ("libx11-6", "libX11", "libX11-6", "libx11"),
    "libX11-xcb.so.1": ("libx11-xcb1", "libX11-xcb", "libX11-xcb1", "libx11"),
    "libSM.so.6": ("libsm6", "libSM", "libSM6", "libsm"),
    "libICE.so.6": ("libice6", "libICE", "libICE6", "libice"),
    "libxcb.so.1": ("libxcb1", "libxcb", "libxcb1", "libxcb"),
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor", "libxcb-cursor0", "xcb-util-cursor"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm", "libxcb-icccm4", "xcb-util-wm"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image", "libxcb-image0", "xcb-util-image"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms", "libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb", "libxcb-randr0", "libxcb"),
    "libxcb-render.so.0": ("libxcb-render0", "libxcb", "libxcb-render0", "libxcb"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil", "libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb", "libxcb-shape0", "libxcb"),
    "libxcb-shm.so.0": ("libxcb-shm0", "libxcb", "libxcb-shm0", "libxcb"),
    "libxcb-sync.so.1": ("libxcb-sync1", "libxcb", "libxcb-sync1", "libxcb"),
    "libxcb-util.so.1": ("libxcb-util1", "xcb-util", "libxcb-util1", "xcb-util"),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0", "libxcb", "libxcb-xfixes0", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb", "libxcb-xkb1", "libxcb"),
    "libwayland-client.so.0": ("libwayland-client0", "libwayland-client", "libwayland-client0", "wayland"),
    "libwayland-cursor.so.0": ("libwayland-cursor0", "libwayland-cursor", "libwayland-cursor0", "wayland"),
    "libwayland-egl.so.1": ("libwayland-egl1", "libwayland-egl", "libwayland-egl1", "wayland"),
}
_MANAGERS = (
    ("apt-get", ["apt-get", "install", "-y"]),
    ("dnf", ["dnf", "install", "-y"]),
    ("zypper", ["zypper", "install", "-y"]),
    ("pacman", ["pacman", "-S", "--noconfirm", "--needed"]),
)
_CHECKED = ("QtCore.abi3.so", "QtGui.abi3.so", "QtWidgets.abi3.so", "QtSvg.abi3.so", "Qt/plugins/platforms/libqxcb.so")


def parse_ldd(output: str) -> list[str]:
    """Names of the libraries that `ldd` could not find."""
    return re.findall(r"^\s*(\S+) => not found", output, flags=re.MULTILINE)


def missing_libraries(venv: Path) -> list[str]:
    """System libraries that Qt in this virtual environment needs and the system has not; empty off Linux."""
    if not sys.platform.startswith("linux") or shutil.which("ldd") is None:
        return []
    missing: set[str] = set()
    for site in venv.glob("lib/python3*/site-packages/PySide6"):
        for name in _CHECKED:
            answer = subprocess.run(["ldd", str(site / name)], capture_output=True, text=True, check=False)
            missing.update(parse_ldd(answer.stdout))
    return sorted(missing)


def install_command(libraries: list[str], manager: str) -> tuple[list[str], list[str]]:
    """The command for a package manager, and the libraries whose package is not known.

    Args:
        libraries: names as `ldd` says them.
        manager: `apt-get`, `dnf`, `zypper` or `pacman`.
    """
    column = [name for name, _ in _MANAGERS].index(manager)
    packages = sorted({_PACKAGES[name][column] for name in libraries if name in _PACKAGES})
    unknown = [name for name in libraries if name not in _PACKAGES]
    return [*dict(_MANAGERS)[manager], *packages], unknown


def ensure_libraries(venv: Path) -> bool:
    """Names what is missing and installs it where that is allowed: as root, or with sudo after asking.

    Returns:
        Whether everything is there in the end.
    """
    missing = missing_libraries(venv)
    if not missing:
        return True
    manager = next((name for name, _ in _MANAGERS if shutil.which(name)), None)
    if manager is None:
        print(say(LIBRARIES_UNKNOWN, libraries=", ".join(missing)), file=sys.stderr)
        return False
    command, _ = install_command(missing, manager)
    is_root = os.geteuid() == 0
    shown = " ".join(command if is_root else ["sudo", *command])
    print(say(LIBRARIES_MISSING, libraries=", ".join(missing), command=shown), file=sys.stderr)
    if not is_root:
        if shutil.which("sudo") is None or not sys.stdin.isatty():
            return False
        if input(say(ASK_SUDO)).strip().lower() not in ("y", "yes"):
            return False
        command = ["sudo", *command]
    return _install(command, manager) and not missing_libraries(venv)


def _install(command: list[str], manager: str) -> bool:
    code = subprocess.run(command, check=False).returncode
    if code != 0 and manager == "apt-get":
        # A fresh Debian or Ubuntu image has no package lists; without them nothing can be found.
        update = [*command[: command.index("apt-get") + 1], "update"]
        subprocess.run(update, check=False)
        code = subprocess.run(command, check=False).returncode
    if code != 0:
        print(say(LIBRARIES_FAILED, code=code), file=sys.stderr)
    return code == 0
