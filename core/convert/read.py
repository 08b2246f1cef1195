"""Any file that holds a training as a job. What it is, its content tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from core.catalogue.catalogue import Catalogue
from core.convert import easy, kohya, metadata, onetrainer
from core.convert.config_file import with_config_file
from core.convert.decode import LARGEST_TEXT, decode, too_large
from core.convert.report import Imported, Ledger
from core.convert.script import dialect_for, loads_json, read_script, read_words_of_json
from core.convert.values import known_anywhere
from core.errors import CaddieError
from core.job.check import option_faults
from core.job.model import Job
from core.job.paste import dialect_of
from core.job.presets import is_preset, preset_from
from core.job.store import TABLE, loads
from core.job.toml_text import read_document
from core.options.model import OptionSet
from core.options.snapshot import snapshot_for
from core.text import Text

_TOML: Final = Text("sd-scripts settings", "sd-scripts の設定ファイル")
_OWN: Final = Text("job", "ジョブ")
_PRESET: Final = Text("optimizer preset", "オプティマイザーのプリセット")


def read_file(path: Path, catalogue: Catalogue, options: OptionSet | None = None) -> Imported:
    """Reads a file.

    Args:
        path: the file.
        catalogue: tells optimizers by their names.
        options: of the user's own checkout, used for the script they belong to; else the shipped ones.

    Raises:
        CaddieError: it cannot be read, or holds no training; the file is named.
    """
    try:
        if path.suffix.lower() == ".safetensors":
            found = metadata.read(metadata.read_header(path), catalogue)
        else:
            if (size := path.stat().st_size) > LARGEST_TEXT:
                raise too_large(size, LARGEST_TEXT)
            found = read_bytes(path.read_bytes(), path.name, catalogue, options, folder=str(path.parent.absolute()))
            found = with_config_file(found, path.parent, options) if dialect_for(path.suffix) else found
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(Text(f"{path} could not be read: {reason}", f"{path} を読めませんでした: {reason}")) from error
    except CaddieError as error:
        if str(path) in error.text.en:
            raise
        raise CaddieError(Text(f"{path}: {error.text.en}", f"{path}: {error.text.ja}")) from error
    return found


def is_job(path: Path) -> bool:
    """Whether a file is to be opened and not imported: a job, or sd-scripts' own TOML (also a broken one, to be told so)."""
    if path.suffix.lower() != ".toml":
        return False
    try:
        document = read_document(decode(path.read_bytes()[: LARGEST_TEXT + 1]))
        return not easy.looks_like(document) and not is_preset(document)
    except (CaddieError, OSError):
        return True


def read_bytes(data: bytes, name: str, catalogue: Catalogue, options: OptionSet | None = None, *, folder: str = "") -> Imported:
    """Reads the content of a text file; `name` tells by its ending whose rules hold. Raises CaddieError."""
    ending = Path(name).suffix if "\0" not in name else ""
    return read_text(decode(data), ending, catalogue, options, folder=folder)


def read_text(text: str, ending: str, catalogue: Catalogue, options: OptionSet | None = None, *, folder: str = "") -> Imported:
    """Reads a text; `ending` is ".bat", ".toml", … or "" where nothing is known. Raises CaddieError."""
    dialect = dialect_for(ending)
    if dialect is not None:
        return read_script(text, dialect, folder=folder, options=options)
    start = text.lstrip("\ufeff \t\r\n")[:1]
    if ending.lower() == ".json" or (ending.lower() != ".toml" and start in ("{", "[") and not text.lstrip().startswith("[[")):
        try:
            return _json(loads_json(text), catalogue, options)
        except CaddieError:
            if ending.lower() == ".json":
                raise
    if ending.lower() != ".toml" and "--" in text and ".py" in text:
        plain = text.replace("\r\n", "\n").replace("\ufeff", "")
        return read_script(plain, dialect_of(plain), folder=folder, options=options)  # pyright: ignore[reportArgumentType]
    return _toml(text, options)


def _json(document: object, catalogue: Catalogue, options: OptionSet | None) -> Imported:
    if isinstance(document, list):
        return read_words_of_json(cast("list[object]", document), options)
    if isinstance(document, dict):
        table = cast("dict[str, object]", document)
        if onetrainer.looks_like(table):
            return onetrainer.read(table, catalogue)
        if kohya.looks_like(table):
            return kohya.read(table)
    raise CaddieError(
        Text(
            "This JSON is neither of kohya_ss nor of OneTrainer, nor a command.",
            "kohya_ss・OneTrainer の設定でもコマンドでもない JSON です。",
        )
    )


def _toml(text: str, options: OptionSet | None) -> Imported:
    document = read_document(text.removeprefix("\ufeff"))
    if easy.looks_like(document):
        return easy.read(document)
    if is_preset(document):
        return _preset(document)
    job = loads(text)
    own = TABLE in document
    if not own and not any(known_anywhere(name) for name in job.options):
        raise CaddieError(Text("There is no setting of a training in this file.", "学習の設定が含まれていないファイルです。"))
    known = options if options is not None and options.script == job.script else snapshot_for(job.script)
    ledger = Ledger()
    for name, value in job.options.items():
        place = _section_of(name, document)
        if known is None or known.get(name) is None:
            ledger.unknown(place, value)
        elif place == name:
            ledger.taken(place, value)
        else:
            ledger.translated(
                place, value, name, Text("sections mean nothing to sd-scripts", "sd-scripts はセクションを区別しません")
            )
    if own:
        ledger.taken(f"[{TABLE}]", document[TABLE])
    if known is not None:
        ledger.note(fault.sentence() for fault in option_faults(job.options, known))
    return Imported(kind=_OWN if own else _TOML, job=replace(job), report=ledger.report(), names_script=own)


def _preset(document: Mapping[str, object]) -> Imported:
    preset = preset_from(document)
    ledger = Ledger()
    for name, value in preset.options.items():
        ledger.taken(name, value)
    for name in preset.left_out:
        ledger.impossible(name, document.get(name, ""), Text("a preset never touches it", "プリセットの対象外です"))
    return Imported(kind=_PRESET, job=Job(options=preset.options), report=ledger.report(), names_script=False, preset=preset)


def _section_of(name: str, document: Mapping[str, object]) -> str:
    if name in document and not isinstance(document[name], dict):
        return name
    for section, content in document.items():
        if isinstance(content, dict) and name in content:
            return f"{section}.{name}"
    return name
