"""The parts of the set-up that need neither pip nor a network."""

from __future__ import annotations

import io
import json
import os
import socket
from pathlib import Path

import pytest

from core.bootstrap import display, messages, pip_runner, setup, stamp, system_libraries, torch_index
from core.paths import PROJECT_ROOT, RESOURCES


def project(folder: Path) -> Path:
    (folder / "constraints.txt").write_text("", encoding="utf-8")
    (folder / "pyproject.toml").write_text('[dependency-groups]\napp = ["toml"]\n', encoding="utf-8")
    return folder


def test_a_stamp_reads_back(tmp_path: Path) -> None:
    stamp.write(tmp_path, stamp.Stamp("abc", ("app", "train"), libraries_checked=True))
    found = stamp.read(tmp_path)
    assert found is not None
    assert (found.fingerprint, found.groups, found.libraries_checked) == ("abc", ("app", "train"), True)
    stamp.forget(tmp_path)
    assert stamp.read(tmp_path) is None


@pytest.mark.parametrize(
    "content", ["", "caddie set-up, finished\nabc\n", "x\nabc\napp\nlibraries\n", "caddie set-up, finished\nabc\napp\nlib"]
)
def test_a_damaged_stamp_counts_as_not_set_up(tmp_path: Path, content: str) -> None:
    (tmp_path / stamp.STAMP_NAME).write_text(content, encoding="utf-8")
    assert stamp.read(tmp_path) is None


def test_new_requirements_change_the_fingerprint(tmp_path: Path) -> None:
    before = stamp.fingerprint(project(tmp_path))
    (tmp_path / "constraints.txt").write_text("toml==0.10.2\n", encoding="utf-8")
    assert stamp.fingerprint(tmp_path) != before


def test_ready_needs_the_groups_the_interpreter_and_for_a_window_the_libraries(tmp_path: Path) -> None:
    root = project(tmp_path)
    venv = root / ".venv"
    python = Path(stamp.venv_python(venv))
    python.parent.mkdir(parents=True)
    stamp.write(venv, stamp.Stamp(stamp.fingerprint(root), ("app",), libraries_checked=False))
    assert not stamp.is_ready(root, ["app"], window=False)  # the interpreter is gone
    python.touch()
    assert stamp.is_ready(root, ["app"], window=False)
    assert not stamp.is_ready(root, ["app"], window=True)
    assert not stamp.is_ready(root, ["app", "train"], window=False)
    (root / "pyproject.toml").write_text("# newer\n", encoding="utf-8")
    assert not stamp.is_ready(root, ["app"], window=False)


def test_a_folder_that_is_no_venv_is_never_cleared(tmp_path: Path) -> None:
    root = project(tmp_path)
    keep = root / ".venv" / "precious.txt"
    keep.parent.mkdir()
    keep.write_text("mine", encoding="utf-8")
    with pytest.raises(setup.SetupError, match="no virtual environment"):
        setup.ensure(root, ["app"], window=False)
    assert keep.read_text(encoding="utf-8") == "mine"


LDD = """
        linux-vdso.so.1 (0x00007ffd)
        libEGL.so.1 => not found
        libxcb-cursor.so.0 => not found
        libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)
        libstrange.so.9 => not found
"""


@pytest.mark.parametrize(
    ("manager", "expected"),
    [
        ("apt-get", ["apt-get", "install", "-y", "libegl1", "libxcb-cursor0"]),
        ("dnf", ["dnf", "install", "-y", "libglvnd-egl", "xcb-util-cursor"]),
        ("zypper", ["zypper", "install", "-y", "Mesa-libEGL1", "libxcb-cursor0"]),
        ("pacman", ["pacman", "-S", "--noconfirm", "--needed", "libglvnd", "xcb-util-cursor"]),
    ],
)
def test_missing_libraries_become_a_package_command(manager: str, expected: list[str]) -> None:
    missing = system_libraries.parse_ldd(LDD)
    assert missing == ["libEGL.so.1", "libxcb-cursor.so.0", "libstrange.so.9"]
    command, unknown = system_libraries.install_command(missing, manager)
    assert command == expected
    assert unknown == ["libstrange.so.9"]


@pytest.mark.parametrize(
    ("platform", "driver", "first"),
    [
        ("win32", 581, "cu130"),
        ("win32", 570, "cu126"),
        ("win32", None, ""),
        ("win32", 470, ""),
        ("linux", None, "cpu"),
        ("linux", 550, ""),
        ("darwin", None, ""),
    ],
)
def test_torch_comes_from_the_index_that_fits_the_driver(platform: str, driver: int | None, first: str) -> None:
    table = json.loads((RESOURCES / "torch-index.json").read_text(encoding="utf-8"))
    indexes = torch_index.candidates(table, platform, driver)
    assert indexes[0].rpartition("/")[2] == first
    assert indexes[-1] == torch_index.PYPI


@pytest.mark.parametrize(
    ("output", "reason", "unpinned"),
    [
        (
            ["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"],
            messages.REASON_SPACE,
            False,
        ),
        (["WARNING: Retrying (Retry(total=4…", "ERROR: No matching distribution found for toml"], messages.REASON_NETWORK, False),
        (
            ["ERROR: Could not install packages due to an OSError: [WinError 32] used by another"],
            messages.REASON_PERMISSION,
            False,
        ),
        (["ERROR: No matching distribution found for numpy==9.9.9"], None, True),
        (["ERROR: ResolutionImpossible: for help visit …"], None, True),
        (["building", "ERROR: Failed building wheel for dadaptation"], None, False),
    ],
)
def test_pip_failures_are_explained(output: list[str], reason: object, unpinned: bool) -> None:
    explained = pip_runner.explain(output)
    if reason is None:
        assert output[-1] in explained.en and output[-1] in explained.ja
    else:
        assert explained is reason
    assert pip_runner.unresolved(output) is unpinned


def test_progress_off_a_terminal_prints_only_the_ends() -> None:
    stream = io.StringIO()
    progress = pip_runner.Progress(stream)
    progress.show("1 %")
    progress.show("2 %")
    progress.show("done", final=True)
    assert stream.getvalue() == "done\n"


def test_display_is_believed_only_when_something_answers(tmp_path: Path) -> None:
    assert display.has_display({}, "win32")
    assert display.has_display({}, "darwin")
    assert not display.has_display({}, "linux")
    assert not display.has_display({"DISPLAY": "nonsense"}, "linux")
    assert not display.has_display({"DISPLAY": ":9871"}, "linux")
    assert display.has_display({"QT_QPA_PLATFORM": "offscreen"}, "linux")
    (tmp_path / "wayland-0").touch()
    assert display.has_display({"WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": str(tmp_path)}, "linux")
    assert not display.has_display({"WAYLAND_DISPLAY": "wayland-1", "XDG_RUNTIME_DIR": str(tmp_path)}, "linux")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="X11 sockets are a POSIX thing")
def test_a_listening_x_socket_is_a_display() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind("\0/tmp/.X11-unix/X9872")
        server.listen(1)
        assert display.has_display({"DISPLAY": ":9872.0"}, "linux")


def test_batch_file_has_windows_line_ends_and_no_byte_order_mark() -> None:
    raw = (PROJECT_ROOT / "start.bat").read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\n") == raw.count(b"\r\n") > 10


def test_a_set_up_of_a_start_without_console_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """pythonw has no streams: pip's progress would end in an AttributeError that nobody sees."""
    import main as front_door
    from core.bootstrap import hand_over

    sent: list[tuple[str, list[str]]] = []

    def send(root: str, arguments: list[str]) -> int:
        sent.append((root, arguments))
        return 0

    monkeypatch.setattr(hand_over, "set_up_in_console", send)
    monkeypatch.setattr(stamp, "is_ready", lambda *_args, **_options: False)
    monkeypatch.setattr(front_door.sys, "platform", "win32")
    monkeypatch.setattr(front_door.sys, "stderr", None)
    assert front_door._prepare("window", ["C:\\My jobs\\a.toml"]) == 0
    assert sent == [(front_door.ROOT, ["C:\\My jobs\\a.toml"])]


def test_cmd_gets_the_batch_file_and_the_job_whole() -> None:
    from core.bootstrap.hand_over import console_command
    from core.command import cmd

    line = console_command("/A & B", ["C:\\a (1).toml"])
    inner = line.removeprefix('cmd.exe /d /s /c "').removesuffix('"')
    assert cmd.split(inner) == [os.path.join("/A & B", "start.bat"), "C:\\a (1).toml"]


def test_the_batch_file_knows_the_word_of_the_front_door() -> None:
    from core.bootstrap import hand_over

    lines = (PROJECT_ROOT / "start.bat").read_text(encoding="utf-8").splitlines()
    sent = lines.index(f"if defined {hand_over._CONSOLE} goto setup")
    assert sent < next(place for place, line in enumerate(lines) if "pythonw.exe" in line)
