"""What is known of the disk that a job speaks of. Gathered apart from the rules, since it waits for the disk."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import toml

from core.advice.code import Code, look_at_code
from core.advice.images import ImageFolder, Seen, look_at_images
from core.dataset.config import Fault, config_faults
from core.dataset.source import parse, read_source
from core.errors import CaddieError
from core.job.model import Job
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
    "config_file",
)
"""Options that name something on the disk."""
_ALSO = ("output_name", "masked_loss", "caption_extension", "resume_from_huggingface")
"""Other options on which it depends what is looked at."""
_SECONDS = 2.0
_MOST_OUTPUTS = 50_000
CAPTION_ENDINGS = (".txt", ".caption")


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
        longest_image: characters of the longest path of an image.
        outputs: names in `output_dir` that begin with `output_name`.
        config: what is wrong with the dataset config.
        config_on: keys of the dataset config that are switched on anywhere in it.
        config_file: what the file of `config_file` says, its sections taken together as sd-scripts does.
        code: what the checkout and the Python that trains can import.
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
    longest_image: int = 0
    outputs: frozenset[str] = frozenset()
    config: tuple[Fault, ...] = ()
    config_on: frozenset[str] = frozenset()
    config_file: Mapping[str, Any] = field(default_factory=dict[str, Any])
    code: Code = field(default_factory=Code)
    writable: bool | None = None
    free_bytes: int | None = None
    windows: bool = False


def gather_facts(job: Job, base: Path | None = None, *, python: Path | None = None, seconds: float = _SECONDS) -> Facts:
    """Looks at the disk; for a worker thread.

    Args:
        job: the job.
        base: where relative paths start: sd-scripts' checkout, where sd-scripts runs. Without it they are not looked at.
        python: the interpreter that trains; without it nobody knows which modules there are.
        seconds: after that it counts no more images.
    """
    absolute = _absolute(job, base)
    paths: dict[str, PathKind] = {name: _kind(Path(path)) for name, path in absolute.items()}
    images = absolute.get("train_data_dir")
    seen = look_at_images(images, endings_of(job), seconds) if images and paths["train_data_dir"] == "folder" else Seen()
    output = absolute.get("output_dir")
    place = _existing_above(Path(output)) if output else None
    faults, switched = _config(absolute.get("dataset_config"), paths, masked_loss=bool(job.options.get("masked_loss")))
    return Facts(
        paths=paths,
        absolute=absolute,
        model=_model(absolute.get("pretrained_model_name_or_path"), paths),
        folders=seen.folders,
        loose_images=seen.loose,
        whole=seen.whole,
        longest_image=seen.longest,
        outputs=_outputs(job, output),
        writable=os.access(place, os.W_OK) if place is not None else None,
        free_bytes=_free(place),
        windows=sys.platform == "win32",
        config=faults,
        config_on=switched,
        config_file=_config_file(absolute.get("config_file")),
        code=look_at_code(base, python),
    )


def paths_of(job: Job) -> tuple[object, ...]:
    """The values on which the facts depend: where they are the same, nothing has to be gathered again."""
    return tuple(job.options.get(name) for name in (*PATHS, *_ALSO))


def endings_of(job: Job) -> tuple[str, ...]:
    """Of captions: those that people use, and the job's own."""
    said = job.options.get("caption_extension")
    own = [said if said.startswith(".") else f".{said}"] if isinstance(said, str) and said else []
    return tuple(dict.fromkeys([*CAPTION_ENDINGS, *own]))


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
        if name == "config_file" and path.suffix != ".toml":
            path = path.with_name(f"{path.name}.toml")  # as sd-scripts does
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


def _outputs(job: Job, output: str | None) -> frozenset[str]:
    name = job.options.get("output_name")
    if output is None or not isinstance(name, str) or not name:
        return frozenset()
    found: set[str] = set()
    try:
        with os.scandir(output) as entries:
            for number, entry in enumerate(entries):
                if number > _MOST_OUTPUTS:
                    break
                if entry.name.startswith(name):
                    found.add(entry.name)
    except OSError:
        return frozenset()
    return frozenset(found)


# --- configs -----------------------------------------------------------------------------------------------------


def _config(path: str | None, paths: Mapping[str, PathKind], *, masked_loss: bool) -> tuple[tuple[Fault, ...], frozenset[str]]:
    """The faults of the dataset config, and the keys that are switched on in it."""
    if path is None or paths.get("dataset_config") != "file":
        return (), frozenset()
    faults = config_faults(Path(path), masked_loss=masked_loss)
    try:
        document = parse(read_source(Path(path))).document
    except (OSError, UnicodeDecodeError):
        document = None
    return faults, frozenset(_switched(document or {}))


def _switched(table: Mapping[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _switched(cast("Mapping[str, Any]", value))
        elif isinstance(value, list) and all(isinstance(one, Mapping) for one in cast("list[object]", value)):
            for one in cast("list[Mapping[str, Any]]", value):
                yield from _switched(one)
        elif value:
            yield name


def _config_file(path: str | None) -> dict[str, Any]:
    """The options of a `--config_file`, out of their sections; empty where it cannot be read."""
    if path is None:
        return {}
    try:
        document: Mapping[str, Any] = toml.load(path)
    except (OSError, UnicodeDecodeError, ValueError, IndexError, TypeError):
        return {}
    found: dict[str, Any] = {}
    for name, value in document.items():
        found |= cast("dict[str, Any]", value) if isinstance(value, dict) else {name: value}
    return found
