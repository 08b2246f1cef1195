"""Progress on the window's button in the task bar, where the system has such: Windows, and Linux docks that follow Unity's API.

Qt 6 brings none of its own. On Windows it is the COM interface ITaskbarList3, called through ctypes; on Linux a signal on the
session bus (com.canonical.Unity.LauncherEntry: Ubuntu's dock, KDE's task manager, Dash to Dock). Elsewhere nothing is shown.
Whatever fails is logged once and then left alone: a training never suffers from it.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Callable
from typing import Any, Final, Protocol
from uuid import UUID

_log = logging.getLogger(__name__)

STEPS: Final = 1000
DESKTOP_FILE: Final = "application://caddie.desktop"
_CLASS: Final = UUID("56FDF344-FD6D-11D0-958A-006097C9A090")  # CLSID_TaskbarList
_INTERFACE: Final = UUID("EA1AFB91-9E28-4B86-90E9-9E9F8A5EEFAF")  # IID_ITaskbarList3
_IN_PROCESS: Final = 1
_INIT, _SET_VALUE, _SET_STATE = 3, 9, 10
"""Places in the table of functions: IUnknown has 0 to 2, ITaskbarList 3 to 7, ITaskbarList2 8, ITaskbarList3 goes on from 9."""
_NO_PROGRESS, _INDETERMINATE, _NORMAL = 0, 1, 2


class Bar(Protocol):
    """What shows it."""

    def show(self, share: float | None) -> None:
        """`share` is 0 to 1; None: it goes on, nobody knows how far it is."""
        ...

    def clear(self) -> None:
        """Shows nothing any more."""
        ...


class Taskbar:
    """Shows progress where there is something that can; only changes of a thousandth are passed on.

    Args:
        make: makes what shows it, None for nothing; it is asked when there is something to show for the first time.
    """

    def __init__(self, make: Callable[[], Bar | None]) -> None:
        self._make = make
        self._bar: Bar | None = None
        self._made = False
        self._shown: int | None = None
        self._on = False

    def show_progress(self, share: float | None) -> None:
        """Shows how far it is."""
        rounded = None if share is None else round(max(0.0, min(1.0, share)) * STEPS)
        if self._on and rounded == self._shown:
            return
        self._on, self._shown = True, rounded
        self._try(lambda bar: bar.show(None if rounded is None else rounded / STEPS))

    def clear(self) -> None:
        """Shows nothing any more."""
        if self._on:
            self._on = False
            self._try(lambda bar: bar.clear())

    def _try(self, action: Callable[[Bar], None]) -> None:
        try:
            if not self._made:
                self._made = True
                self._bar = self._make()
            if self._bar is not None:
                action(self._bar)
        except Exception:  # a shell of any kind may answer anything; the window must not care
            _log.warning("No progress can be shown in the task bar", exc_info=True)
            self._bar = None


def make_bar(window: int, platform: str = sys.platform) -> Bar | None:
    """What this system has. `window` is the handle of the main window."""
    if platform == "win32":
        return WindowsBar(window, _create())
    if platform.startswith("linux"):
        return LauncherBar()
    return None


class LauncherBar:
    """Tells docks on Linux by a signal. Nobody has to be there to hear it."""

    def show(self, share: float | None) -> None:
        """A share that is not known cannot be told."""
        self._send({"progress": float(share or 0.0), "progress-visible": share is not None})

    def clear(self) -> None:
        """Takes it away."""
        self._send({"progress-visible": False})

    @staticmethod
    def _send(properties: dict[str, object]) -> None:
        from PySide6.QtDBus import QDBusConnection, QDBusMessage

        message = QDBusMessage.createSignal("/org/caddie/progress", "com.canonical.Unity.LauncherEntry", "Update")
        message.setArguments([DESKTOP_FILE, properties])
        QDBusConnection.sessionBus().send(message)


class WindowsBar:
    """ITaskbarList3 by its table of functions.

    Args:
        window: its handle.
        pointer: address of the COM object.
    """

    def __init__(self, window: int, pointer: int) -> None:
        self._window, self._pointer = ctypes.c_void_p(window), pointer
        self._call(_INIT)

    def show(self, share: float | None) -> None:
        """See `Bar`."""
        if share is None:
            self._call(_SET_STATE, (ctypes.c_void_p, self._window), (ctypes.c_int, _INDETERMINATE))
            return
        self._call(_SET_STATE, (ctypes.c_void_p, self._window), (ctypes.c_int, _NORMAL))
        done = (ctypes.c_ulonglong, round(share * STEPS))
        self._call(_SET_VALUE, (ctypes.c_void_p, self._window), done, (ctypes.c_ulonglong, STEPS))

    def clear(self) -> None:
        """See `Bar`."""
        self._call(_SET_STATE, (ctypes.c_void_p, self._window), (ctypes.c_int, _NO_PROGRESS))

    def _call(self, place: int, *arguments: tuple[Any, Any]) -> None:
        table = ctypes.cast(self._pointer, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
        kinds = [kind for kind, _ in arguments]
        make: Any = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)  # tests have another system's calling convention
        function = make(ctypes.c_long, ctypes.c_void_p, *kinds)(table[place])
        result = function(self._pointer, *(value for _, value in arguments))
        if result < 0:
            raise OSError(f"ITaskbarList3, function {place}: HRESULT {result & 0xFFFFFFFF:#010x}")


def _create() -> int:
    """The address of a new ITaskbarList3. Only on Windows; Qt has set COM up for this thread."""
    ole: Any = ctypes.windll.ole32  # type: ignore[attr-defined]
    pointer = ctypes.c_void_p()
    identifiers = [(ctypes.c_ubyte * 16).from_buffer_copy(name.bytes_le) for name in (_CLASS, _INTERFACE)]
    result = ole.CoCreateInstance(
        ctypes.byref(identifiers[0]), None, _IN_PROCESS, ctypes.byref(identifiers[1]), ctypes.byref(pointer)
    )
    if result < 0 or not pointer.value:
        raise OSError(f"CoCreateInstance: HRESULT {result & 0xFFFFFFFF:#010x}")
    return pointer.value
