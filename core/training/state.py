"""The state of a training on the disk: all that is needed to go on as if nothing had happened.

A state is a folder. It is written under another name and renamed when it is whole, so that what lies under a state's
name is a state. Nothing in it is unpickled: tensors are read by torch's restricted loader.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import shutil
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from core.errors import CaddieError
from core.files import replace_patiently, write_atomically
from core.text import Text

VERSION = 1
PLACE_FILE = "caddie-state.json"
TENSORS_FILE = "tensors.pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a training stands.

    Attributes:
        step: optimizer steps done.
        epoch: that is under way, 0-based.
        batch: micro-batches of that epoch that are done, by all processes together.
        seed: of the training.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    seed: int = 0

    @property
    def epochs_begun(self) -> int:
        """How many epochs are done or under way: what people call the number of the epoch."""
        return self.epoch + (self.batch > 0)


def save_state(folder: Path, place: Place, tensors: Mapping[str, Any]) -> list[str]:
    """Writes a state; one that was there before stays until the new one is whole.

    Args:
        folder: the state's name.
        place: where the training stands.
        tensors: name of a part (network, optimizer, …) -> its `state_dict()`.

    Returns:
        Classes in it that `load_tensors` will refuse to read, as an optimizer of somebody's own may have them; mostly none.

    Raises:
        OSError: it could not be written; nothing new lies under the name.
    """
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        with open(partial / TENSORS_FILE, "wb") as stream:
            torch.save(_plain(dict(tensors)), stream)
            stream.flush()
            os.fsync(stream.fileno())
        refused = torch.serialization.get_unsafe_globals_in_checkpoint(partial / TENSORS_FILE)
        facts = {"version": VERSION, "torch": torch.__version__, **asdict(place)}
        write_atomically(partial / PLACE_FILE, json.dumps(facts, indent=1))
        _put_in_place(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return refused


def _plain(value: Any) -> Any:
    """The same without deques: the emo series of its author keeps one, and torch's restricted loader reads none."""
    if isinstance(value, deque):
        return [_plain(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    if type(value) in (list, tuple):
        return type(value)(_plain(one) for one in value)
    return {key: _plain(one) for key, one in value.items()} if type(value) is dict else value


def _put_in_place(partial: Path, folder: Path) -> None:
    """Renames a whole state to its name. A folder cannot be renamed over one that holds something."""
    if not folder.exists():
        replace_patiently(partial, folder)
        return
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    shutil.rmtree(old, ignore_errors=True)
    replace_patiently(folder, old)
    try:
        replace_patiently(partial, folder)
    except OSError:
        os.replace(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def load_place(folder: Path) -> Place:
    """Reads where a saved training stood.

    Raises:
        CaddieError: no state, one of sd-scripts, of a newer Caddie, or damaged.
    """
    if not folder.is_dir():
        raise CaddieError(Text(f"There is no state folder {folder}.", f"状態フォルダー {folder} がありません。"))
    if not (folder / PLACE_FILE).is_file():
        if (folder / "train_state.json").is_file():
            raise CaddieError(
                Text(
                    f"{folder} was saved by sd-scripts; only sd-scripts can go on from it. Its weights can be a beginning "
                    "here (network_weights).",
                    f"{folder} は sd-scripts が保存したもので、続きから学習できるのは sd-scripts だけです。"
                    "重みだけなら network_weights で読み込めます。",
                )
            )
        raise CaddieError(Text(f"{folder} holds no state of a training.", f"{folder} に学習の状態がありません。"))
    try:
        facts = json.loads((folder / PLACE_FILE).read_text(encoding="utf-8"))
        version = int(facts["version"])
        place = Place(**{name: int(facts[name]) for name in ("step", "epoch", "batch", "seed")})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, error) from error
    if version > VERSION:
        raise CaddieError(Text(f"{folder} was saved by a newer Caddie.", f"{folder} はより新しい Caddie で保存されたものです。"))
    return place


def load_tensors(folder: Path) -> dict[str, Any]:
    """Reads the parts of a state, on the CPU.

    Raises:
        CaddieError: the file is damaged, or holds what no state holds.
    """
    try:
        data = io.BytesIO((folder / TENSORS_FILE).read_bytes())
        return torch.load(data, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, ValueError) as error:
        raise _damaged(folder, error) from error


def delete_state(folder: Path) -> None:
    """Deletes a state, if there is one. What cannot be deleted stays."""
    if (folder / PLACE_FILE).is_file():
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)


def _damaged(folder: Path, error: Exception) -> CaddieError:
    return CaddieError(Text(f"The state in {folder} is damaged: {error}", f"{folder} の状態は壊れています: {error}"))
