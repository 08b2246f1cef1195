"""Loads pictures in worker threads, at the size they are shown in, and keeps only so many bytes of them."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageReader

from gui.bridge.clock import Delay
from gui.bridge.tasks import Tasks

KEPT_BYTES = 128 << 20
WANTED = 256
"""Pictures that wait to be read; of more, the oldest wishes are dropped: whoever still shows them asks again."""
_AT_ONCE = 2
_TRIES = 5
_FIRST_PAUSE = 500  # milliseconds, doubled with each try
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"


class UnreadableError(Exception):
    """A file that is no picture, or none yet."""


def read_picture(path: str, side: int = 0) -> QImage:
    """Reads a picture, as large as it is or to fit into a square.

    Args:
        path: of the file.
        side: of the square in pixels; smaller pictures stay as they are. 0: no limit.

    Raises:
        UnreadableError: there is no file, or it is half written or damaged.
    """
    try:
        with open(path, "rb") as stream:
            if stream.read(len(_PNG)) == _PNG:  # Qt would fill what is not written yet with black, or complain on stderr
                stream.seek(-min(len(_PNG_END), stream.seek(0, 2)), 2)
                if stream.read() != _PNG_END:
                    raise UnreadableError(path)
    except OSError as error:
        raise UnreadableError(path) from error
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    reader.setDecideFormatFromContent(True)
    size = reader.size()
    if side and size.isValid() and max(size.width(), size.height()) > side:
        reader.setScaledSize(size.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1)))
    image = reader.read()
    if image.isNull():
        raise UnreadableError(path)
    return image


class Pictures(QObject):
    """Pictures by path and size.

    What cannot be read is tried again a few times, since a script may still write it.

    Args:
        kept_bytes: what is kept at most; beyond it the pictures go that were not asked for the longest.
        parent: owns it.

    Signals:
        changed: a picture has come, or is to be asked for again.
    """

    changed = Signal()

    def __init__(self, *, kept_bytes: int = KEPT_BYTES, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = Tasks(self, threads=_AT_ONCE)  # its own: a drive that hangs holds up nothing else
        self._most = kept_bytes
        self._kept: OrderedDict[tuple[str, int], QImage] = OrderedDict()
        self._bytes = 0
        self._wanted: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._under_way: set[tuple[str, int]] = set()
        self._tries: dict[str, int] = {}
        self._later: set[str] = set()
        self._pause = Delay(self._try_again, _FIRST_PAUSE, self)

    def get(self, path: str, side: int) -> QImage | None:
        """The picture, to fit into a square of so many pixels; None while it is being read, and where it cannot be."""
        key = (path, side)
        if (image := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return image
        if key not in self._under_way and path not in self._later and not self.is_broken(path):
            self._wanted[key] = None
            self._wanted.move_to_end(key)
            while len(self._wanted) > WANTED:
                self._wanted.popitem(last=False)
            self._go_on()
        return None

    def is_broken(self, path: str) -> bool:
        """Whether it could not be read however often it was tried."""
        return self._tries.get(path, 0) >= _TRIES

    @property
    def kept_bytes(self) -> int:
        """What is kept."""
        return self._bytes

    @property
    def busy(self) -> bool:
        """Whether something is being read, or waits for it."""
        return bool(self._under_way or self._wanted or self._later)

    def forget(self) -> None:
        """Drops everything: another run is on show."""
        self._kept.clear()
        self._bytes = 0
        self._wanted.clear()
        self._tries.clear()
        self._later.clear()
        self._pause.stop()

    def close(self) -> None:
        """Reads no more."""
        self.forget()
        self._tasks.wait()

    def _go_on(self) -> None:
        while self._wanted and len(self._under_way) < _AT_ONCE:
            key, _ = self._wanted.popitem()  # the newest wish: what is on the screen now
            self._under_way.add(key)
            self._tasks.start(read_picture, *key, done=partial(self._came, key), failed=partial(self._failed, key), owner=self)

    def _came(self, key: tuple[str, int], image: QImage) -> None:
        self._under_way.discard(key)
        self._tries.pop(key[0], None)
        self._kept[key] = image
        self._bytes += image.sizeInBytes()
        while self._bytes > self._most and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._bytes -= old.sizeInBytes()
        self._go_on()
        self.changed.emit()

    def _failed(self, key: tuple[str, int], error: BaseException) -> None:
        self._under_way.discard(key)
        self._go_on()
        path, tries = key[0], self._tries.get(key[0], 0) + 1
        self._tries[path] = tries
        if not isinstance(error, UnreadableError):
            self._tries[path] = _TRIES
            self._tasks.report(error)
        elif tries < _TRIES:
            self._later.add(path)
            if not self._pause.waiting:
                self._pause.start(_FIRST_PAUSE << (tries - 1))
        self.changed.emit()

    def _try_again(self) -> None:
        self._later.clear()
        self.changed.emit()
