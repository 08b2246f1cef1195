"""The images of a folder and their captions, as far as they can be counted in time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from core.training.data.folders import IMAGE_ENDINGS

_MOST_FILES = 400_000
_LOOK_EVERY = 256
"""Files between two looks at the clock."""
_NAMED = 20


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """One folder with images.

    Attributes:
        name: of the folder.
        repeats: of its name `<repeats>_<name>`, None where the name is no such.
        images: how many.
        captions: ending -> how many images have a caption with it (".txt", ".caption").
        empty: ending -> captions of images without a single byte in them; at most 20 of them.
    """

    name: str
    repeats: int | None
    images: int
    captions: Mapping[str, int]
    empty: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of the folders inside one.

    Attributes:
        folders: those that were seen whole; None where there is no such folder.
        loose: images directly in it, which sd-scripts does not train.
        whole: whether everything was seen in time.
        longest: characters of the longest path of an image.
    """

    folders: tuple[ImageFolder, ...] | None = None
    loose: int = 0
    whole: bool = True
    longest: int = 0


class _OutOfTimeError(Exception):
    """The clock or the number of files says that it is enough."""


def look_at_images(folder: str, endings: Iterable[str], seconds: float) -> Seen:
    """Counts images and captions in the folders inside one.

    Args:
        folder: the folder.
        endings: of captions, with their dots.
        seconds: after that it counts no more, wherever it is.
    """
    spent = _budget(seconds)
    wanted = tuple(dict.fromkeys(endings))
    found: list[ImageFolder] = []
    loose = longest = 0
    try:
        inside: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                spent()
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    inside.append(entry.path)
                else:
                    loose += _is_image(entry.name)
        for path in sorted(inside):
            try:
                one, length = _look_at(path, wanted, spent)
            except OSError:
                continue
            longest = max(longest, length)
            found.append(one)
    except OSError:
        return Seen()
    except _OutOfTimeError:
        return Seen(tuple(found), loose, False, longest)
    return Seen(tuple(found), loose, True, longest)


def _budget(seconds: float) -> Callable[[], None]:
    until, files = time.monotonic() + seconds, 0

    def spend() -> None:
        nonlocal files
        if files % _LOOK_EVERY == 0 and (time.monotonic() > until or files > _MOST_FILES):
            raise _OutOfTimeError
        files += 1

    return spend


def _is_image(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_ENDINGS


def _look_at(path: str, endings: tuple[str, ...], spend: Callable[[], None]) -> tuple[ImageFolder, int]:
    stems: list[str] = []
    captions: dict[str, set[str]] = {ending: set() for ending in endings}
    empty: dict[str, list[str]] = {ending: [] for ending in endings}
    longest = 0
    with os.scandir(path) as entries:
        for entry in entries:
            spend()
            name = os.path.normcase(entry.name)
            stem = os.path.splitext(name)[0]
            if _is_image(name) and not entry.is_dir():
                stems.append(stem)
                longest = max(longest, len(name))
            for wanted in endings:
                if name.endswith(os.path.normcase(wanted)):
                    known = name[: -len(wanted)]
                    captions[wanted].add(known)
                    if entry.stat().st_size == 0:
                        empty[wanted].append(known)
    have = set(stems)
    said = {ending: sum(stem in captions[ending] for stem in stems) for ending in endings}
    lost = {ending: tuple(f"{stem}{ending}" for stem in sorted(empty[ending]) if stem in have)[:_NAMED] for ending in endings}
    head = os.path.basename(path).split("_")[0]
    repeats = int(head) if head.isdecimal() else None
    folder = ImageFolder(os.path.basename(path), repeats, len(stems), said, lost)
    return folder, len(path) + 1 + longest if stems else 0
