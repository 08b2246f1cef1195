"""What is known of the disk that a job speaks of. Gathered apart from the rules, since it waits for the disk."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from core.errors import CaddieError
from core.job.model import Job
from core.training.data.folders import image_files
from core.training.models.family import ModelFacts, look_at_model

PathKind = Literal["file", "folder", "missing"]

PATHS = (
    "pretrained_model_name_or_path",
    "vae",
    "train_data_dir",
    "reg_data_dir",
    "dataset_config",
    "network_weights",
    "resume",
    "output_dir",
    "logging_dir",
    "sample_prompts",
)
"""Options that name something on the disk."""
_SECONDS = 2.0
_MOST_IMAGES = 20_000


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """One folder with images.

    Attributes:
        name: of the folder.
        repeats: of its name `<repeats>_<name>`, None where the name is no such.
        images: how many.
        captions: ending -> how many images have a caption with it (".txt", ".caption").
    """

    name: str
    repeats: int | None
    images: int
    captions: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was seen. An option that is missing in a mapping was not looked at.

    Attributes:
        paths: option -> what lies there.
        absolute: option -> the whole path.
        model: the base model; None where there is none, or of a kind that is not known.
        folders: the folders inside `train_data_dir`.
        loose_images: images directly in `train_data_dir`, which sd-scripts does not train.
        whole: whether all images were counted within the time.
        existing: names of files that the training would write over.
        writable: whether something can be written into `output_dir`, or into the nearest folder above it that there is.
        free_bytes: on the disk of `output_dir`; None where nobody can tell.
        windows: the system's paths are those of Windows.
    """

    paths: Mapping[str, PathKind] = field(default_factory=dict[str, PathKind])
    absolute: Mapping[str, str] = field(default_factory=dict[str, str])
    model: ModelFacts | None = None
    folders: tuple[ImageFolder, ...] | None = None
    loose_images: int = 0
    whole: bool = True
    existing: tuple[str, ...] = ()
    writable: bool | None = None
    free_bytes: int | None = None
    windows: bool = False


def gather_facts(job: Job, base: Path | None = None, *, seconds: float = _SECONDS) -> Facts:
    """Looks at the disk; for a worker thread.

    Args:
        job: the job.
        base: where relative paths start: sd-scripts' checkout, where sd-scripts runs. Without it they are not looked at.
        seconds: after that it counts no more images.
    """
    absolute = _absolute(job, base)
    paths: dict[str, PathKind] = {name: _kind(Path(path)) for name, path in absolute.items()}
    folders, loose, whole = _images(absolute.get("train_data_dir"), seconds)
    output = absolute.get("output_dir")
    place = _existing_above(Path(output)) if output else None
    return Facts(
        paths=paths,
        absolute=absolute,
        model=_model(absolute.get("pretrained_model_name_or_path"), paths),
        folders=folders,
        loose_images=loose,
        whole=whole,
        existing=_existing(job, output),
        writable=os.access(place, os.W_OK) if place is not None else None,
        free_bytes=_free(place),
        windows=sys.platform == "win32",
    )


def paths_of(job: Job) -> tuple[object, ...]:
    """The values on which the facts depend: where they are the same, nothing has to be gathered again."""
    return tuple(job.options.get(name) for name in (*PATHS, "output_name", "save_model_as"))


def _absolute(job: Job, base: Path | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PATHS:
        said = job.options.get(name)
        if not isinstance(said, str) or not said.strip():
            continue
        if name == "resume" and job.options.get("resume_from_huggingface"):
            continue  # the name of a state on the hub
        path = Path(said).expanduser()
        if not path.is_absolute():
            # A model may be the name of one on a hub: "stabilityai/sdxl-base".
            if base is None or (name in ("pretrained_model_name_or_path", "vae") and not (base / path).exists()):
                continue
            path = base / path
        found[name] = str(path)
    return found


def _kind(path: Path) -> PathKind:
    try:
        return "folder" if path.is_dir() else "file" if path.exists() else "missing"
    except (OSError, ValueError):  # a name that no file can have
        return "missing"


def _model(path: str | None, paths: Mapping[str, PathKind]) -> ModelFacts | None:
    if path is None or paths.get("pretrained_model_name_or_path") == "missing":
        return None
    try:
        return look_at_model(Path(path))
    except (CaddieError, OSError):
        return None  # pickled, or of a family that others train: nothing is known, and nothing is said


def _existing_above(path: Path) -> Path | None:
    return next((one for one in (path, *path.parents) if one.is_dir()), None)


def _free(place: Path | None) -> int | None:
    try:
        return shutil.disk_usage(place).free if place is not None else None
    except OSError:
        return None


def _existing(job: Job, output: str | None) -> tuple[str, ...]:
    name = job.options.get("output_name")
    if output is None or not isinstance(name, str) or not name:
        return ()
    kind = job.options.get("save_model_as")
    ending = f".{kind}" if isinstance(kind, str) and kind in ("safetensors", "ckpt", "pt") else ".safetensors"
    path = Path(output) / f"{name}{ending}"
    return (path.name,) if _kind(path) == "file" else ()


def _images(folder: str | None, seconds: float) -> tuple[tuple[ImageFolder, ...] | None, int, bool]:
    """The image folders inside, images beside them, and whether all was seen in time."""
    if folder is None or _kind(Path(folder)) != "folder":
        return None, 0, True
    until = time.monotonic() + seconds
    found: list[ImageFolder] = []
    whole, seen = True, 0
    try:
        loose = len(image_files(folder)[0])
        inside = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return None, 0, True
    for path in inside:
        if time.monotonic() > until or seen > _MOST_IMAGES:
            whole = False
            break
        try:
            one = _image_folder(path)
        except OSError:
            continue
        seen += one.images
        found.append(one)
    return tuple(found), loose, whole


def _image_folder(path: str) -> ImageFolder:
    images, _ = image_files(path)
    names = set(os.listdir(path))
    stems = [os.path.splitext(os.path.basename(image))[0] for image in images]
    endings = (".txt", ".caption")
    captions = {ending: sum(stem + ending in names for stem in stems) for ending in endings}
    head = os.path.basename(path).split("_")[0]
    repeats = int(head) if head.isdecimal() else None
    return ImageFolder(os.path.basename(path), repeats, len(images), captions)
