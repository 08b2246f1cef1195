"""Presets of an optimizer: the optimizer, its arguments, its scheduler and the learning rates, and nothing else.

A preset is a small TOML file of sd-scripts' own keys with a table that says what it is. It never holds folders, a model
or anything else of the training, so it can be shared as it is; such keys in a file are named and left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

from core.catalogue.catalogue import Catalogue
from core.errors import CaddieError, nearest
from core.files import write_atomically
from core.job.model import Job
from core.job.optimizer import with_name
from core.job.store import loads
from core.job.toml_text import read_document, write_document
from core.options.model import OptionValue
from core.paths import user_data_dir
from core.text import Text

TABLE: Final = "caddie_preset"
"""Marks a preset. Its keys have the table's name in front: sd-scripts mixes the keys of all tables."""

_VERSION: Final = 1
_FACTS: Final = frozenset({f"{TABLE}_version", f"{TABLE}_name", f"{TABLE}_notes"})
_LARGEST: Final = 1 << 20
_RATES: Final = re.compile(r"lr_\w+|learning_rate\w*|\w+_lr\d?|optimizer_(?:type|args)|use_8bit_adam|use_lion_optimizer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """An optimizer with its settings.

    Attributes:
        name: what people call it.
        options: sd-scripts' keys for which `belongs` holds, with their values.
        notes: words of whoever made it.
        left_out: keys of the file that are none of a preset's business and are not taken.
        path: the file, None for what was never saved.
    """

    name: str
    options: Mapping[str, OptionValue]
    notes: str = ""
    left_out: tuple[str, ...] = ()
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Presets:
    """The presets of a folder, and what is wrong with the other files in it."""

    presets: tuple[Preset, ...]
    problems: tuple[Text, ...]


def belongs(option: str) -> bool:
    """Whether an option of sd-scripts is the optimizer's, its scheduler's or a learning rate.

    By the form of the name, so that rates of scripts that are yet to come are taken as well.
    """
    return _RATES.fullmatch(option) is not None


def preset_of(job: Job, name: str, *, notes: str = "") -> Preset:
    """What a job says about its optimizer.

    Raises:
        CaddieError: the job says nothing about it.
    """
    options = {option: value for option, value in job.options.items() if belongs(option)}
    if not options:
        raise CaddieError(
            Text(
                "This job names neither an optimizer nor a learning rate.",
                "このジョブにはオプティマイザーも学習率も設定されていません。",
            )
        )
    return Preset(name=name, options=MappingProxyType(options), notes=notes)


def apply_preset(job: Job, preset: Preset, catalogue: Catalogue) -> Job:
    """The job with the preset's optimizer, arguments, scheduler and rates.

    What the preset does not say of these is removed, so that nothing of the former optimizer stays. Everything else of
    the job is untouched.
    """
    wanted = preset.options.get("optimizer_type")
    if isinstance(wanted, str) and wanted and wanted != job.optimizer_type:
        job = with_name(job, wanted, catalogue)  # keeps the arguments of the former one for the way back
    # A key that stays keeps its place: applying what the job says already changes nothing.
    options = {
        name: preset.options.get(name, value)
        for name, value in job.options.items()
        if not belongs(name) or name in preset.options
    }
    options.update({name: value for name, value in preset.options.items() if name not in options})
    return replace(job, options=MappingProxyType(options))


def is_preset(document: Mapping[str, object]) -> bool:
    """Whether a TOML document is a preset."""
    return isinstance(document.get(TABLE), dict)


def preset_from(document: Mapping[str, object], *, name: str = "", path: Path | None = None) -> Preset:
    """Reads the document of a preset.

    Args:
        document: of which `is_preset` holds.
        name: what to call it where it does not say.
        path: of the file.

    Raises:
        CaddieError: made by a newer Caddie, wrong types, or nothing in it.
    """
    table = cast("Mapping[str, object]", document[TABLE])
    version = table.get(f"{TABLE}_version", _VERSION)
    if not isinstance(version, int) or isinstance(version, bool) or version > _VERSION:
        raise CaddieError(
            Text(
                f"This preset was made by a newer Caddie (version {version!r}).",
                f"新しいバージョンの Caddie で作られたプリセットです ({version!r})。",
            )
        )
    said, notes = table.get(f"{TABLE}_name", ""), table.get(f"{TABLE}_notes", "")
    if not isinstance(said, str) or not isinstance(notes, str):
        raise CaddieError(Text("The name and the notes of a preset are texts.", "プリセットの名前とメモは文字列で指定します。"))
    plain = {key: value for key, value in document.items() if key != TABLE}
    job = loads(write_document(plain))
    options = {key: value for key, value in job.options.items() if belongs(key)}
    if not options:
        raise CaddieError(
            Text("This preset holds no optimizer and no rate.", "オプティマイザーも学習率も含まれていないプリセットです。")
        )
    others = [key for key in job.options if key not in options] + [key for key in table if key not in _FACTS]
    return Preset(name=said.strip() or name, options=MappingProxyType(options), notes=notes, left_out=tuple(others), path=path)


def dump_preset(preset: Preset) -> str:
    """The text of a preset's file. Raises Problems for a value that TOML cannot say."""
    table: dict[str, object] = {f"{TABLE}_version": _VERSION, f"{TABLE}_name": preset.name}
    if preset.notes:
        table[f"{TABLE}_notes"] = preset.notes
    return write_document({**preset.options, TABLE: table})


def presets_dir() -> Path:
    """The folder of the user's presets. Not created here."""
    return user_data_dir() / "presets"


def read_preset(path: Path) -> Preset:
    """Reads a preset's file. Raises CaddieError, with the file's name."""
    try:
        if path.stat().st_size > _LARGEST:
            raise CaddieError(Text("The file is too large for a preset.", "プリセットとしては大きすぎるファイルです。"))
        document = read_document(path.read_text(encoding="utf-8-sig"))
        if not is_preset(document):
            raise CaddieError(Text(f"There is no [{TABLE}] in it.", f"[{TABLE}] がありません。"))
        return preset_from(document, name=path.stem, path=path)
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CaddieError(Text(f"{path} could not be read: {reason}", f"{path} を読めませんでした: {reason}")) from error
    except CaddieError as error:
        raise CaddieError(Text(f"{path}: {error.text.en}", f"{path}: {error.text.ja}")) from error


def list_presets(folder: Path | None = None) -> Presets:
    """The presets of the folder (default: the user's), by name. A damaged file is a problem and hides no other."""
    presets: list[Preset] = []
    problems: list[Text] = []
    for path in sorted((folder or presets_dir()).glob("*.toml")):
        try:
            presets.append(read_preset(path))
        except CaddieError as error:
            problems.append(error.text)
    presets.sort(key=lambda preset: preset.name.casefold())
    return Presets(tuple(presets), tuple(problems))


def save_preset(preset: Preset, *, folder: Path | None = None, replace_it: bool = False) -> Path:
    """Writes a preset into the folder (default: the user's) under a file name made of its name.

    Raises:
        CaddieError: no name, the disk is in the way, or there is one of that name and it is not to be replaced.
    """
    stem = file_stem(preset.name)
    path = (folder or presets_dir()) / f"{stem}.toml"
    if path.exists() and not replace_it:
        raise CaddieError(Text(f"There is a preset of that name: {path}", f"同じ名前のプリセットがあります: {path}"))
    try:
        write_atomically(path, dump_preset(preset))
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(Text(f"{path} could not be written: {reason}", f"{path} に書き込めませんでした: {reason}")) from error
    return path


def file_stem(name: str) -> str:
    """A name as a file name that Windows allows, too. Raises CaddieError where nothing is left of it."""
    stem = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "_", name).strip(" .")[:80].rstrip(" .")
    if not stem.strip("_"):
        raise CaddieError(Text("A preset needs a name.", "プリセットには名前が必要です。"))
    # Names of devices: Windows opens no file that is called so, whatever its ending.
    return f"{stem}_" if re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", stem) else stem


def find_preset(name: str) -> Preset:
    """A preset by its name (in any case), or by its file. Raises CaddieError."""
    path = Path(name)
    if path.suffix.lower() == ".toml" and path.is_file():
        return read_preset(path)
    known = list_presets().presets
    found = next((preset for preset in known if preset.name == name), None)
    found = found or next((preset for preset in known if preset.name.casefold() == name.casefold()), None)
    if found is not None:
        return found
    near = nearest(name, [preset.name for preset in known])
    raise CaddieError(
        Text(
            f"There is no preset {name!r}." + (f" Did you mean {near!r}?" if near else ""),
            f"プリセット {name!r} はありません。" + (f"{near!r} ではありませんか。" if near else ""),
        )
    )
