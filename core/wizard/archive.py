"""sd-scripts without git: the zip of a branch or tag, downloaded and unpacked."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from core.errors import CaddieError
from core.text import Text

_CHUNK = 256 * 1024
_SECONDS = 30.0


class Stopped(Exception):
    """Somebody asked for it."""


def fetch_zip(address: str, folder: Path, *, on_output: Callable[[str], None], stop: threading.Event) -> None:
    """Downloads the zip and unpacks it into `folder`, which is made; the zip's own top folder is left out.

    Args:
        address: http, https or file.
        folder: where the files go; must not hold anything.
        on_output: gets lines of progress.
        stop: ends it.

    Raises:
        CaddieError: no such branch, a damaged zip, a zip that reaches out of the folder.
        OSError: no network, no space.
        Stopped: on request.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".caddie-", suffix=".zip", dir=folder.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            _download(address, file.write, on_output, stop)
        _unpack(Path(name), folder, stop)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)


def _download(address: str, write: Callable[[bytes], int], on_output: Callable[[str], None], stop: threading.Event) -> None:
    try:
        answer = urllib.request.urlopen(address, timeout=_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise CaddieError(Text(f"There is nothing at {address}.", f"{address} には何もありません。")) from error
        raise
    with answer:
        done, told = 0, 0
        while chunk := answer.read(_CHUNK):
            if stop.is_set():
                raise Stopped
            write(chunk)
            done += len(chunk)
            if done - told >= 4 * 1024**2:
                told = done
                on_output(f"{done / 1024**2:.0f} MB\n")


def _unpack(archive: Path, folder: Path, stop: threading.Event) -> None:
    try:
        with zipfile.ZipFile(archive) as found:
            for member in found.infolist():
                if stop.is_set():
                    raise Stopped
                parts = PurePosixPath(member.filename).parts[1:]  # the first is "sd-scripts-main"
                if not parts or member.is_dir():
                    continue
                if ".." in parts or any("\\" in part or ":" in part for part in parts):
                    raise CaddieError(
                        Text(
                            f"The zip holds a path that leads elsewhere: {member.filename}",
                            f"zip に不正なパスがあります: {member.filename}",
                        )
                    )
                target = folder.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with found.open(member) as source, target.open("xb") as file:
                    shutil.copyfileobj(source, file)
    except zipfile.BadZipFile as error:
        raise CaddieError(
            Text(f"The download is damaged: {error}", f"ダウンロードしたファイルが壊れています: {error}")
        ) from error
