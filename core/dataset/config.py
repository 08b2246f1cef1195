"""What is wrong with a dataset config, before sd-scripts ends with it: every key and value, in words for people.

Source: kohya-ss/sd-scripts at 48d368f, library/config_util.py, ConfigSanitizer with the schemas of train_network.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from core.dataset.key_values import KeyFault, judge
from core.dataset.keys import Level, Style, all_keys, keys_by_name, keys_of, required_key
from core.dataset.source import Source, parse, read_source
from core.errors import nearest
from core.text import Text

Severity = Literal["error", "warning"]
Code = Literal["file", "encoding", "syntax", "structure", "unknown-key", "type", "value", "missing", "mixed", "twice", "empty"]
Table = Mapping[str, Any]

_ENCODINGS = {
    "utf-8-sig": Text(
        "It begins with a byte order mark (BOM), at which sd-scripts stops. Save it as UTF-8 without one.",
        "先頭に BOM があるため、sd-scripts では読めません。BOM なしの UTF-8 で保存してください。",
    ),
    "utf-16": Text(
        "It is written in UTF-16, which sd-scripts does not read. Save it as UTF-8.",
        "UTF-16 で保存されているため、sd-scripts では読めません。UTF-8 で保存してください。",
    ),
    "cp932": Text(
        "It is written in Shift JIS (cp932), which sd-scripts does not read. Save it as UTF-8.",
        "Shift JIS (cp932) で保存されているため、sd-scripts では読めません。UTF-8 で保存してください。",
    ),
}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A table of the file.

    Attributes:
        dataset: its number, from 0; -1 for what is above all datasets.
        subset: its number in the dataset, from 0; -1 for the dataset itself.
        general: the table `[general]`; False and no dataset for the file.
    """

    dataset: int = -1
    subset: int = -1
    general: bool = False

    @property
    def level(self) -> Level | None:
        """Its level; None for the file as a whole."""
        if self.dataset < 0:
            return "general" if self.general else None
        return "dataset" if self.subset < 0 else "subset"

    @property
    def words(self) -> Text:
        """What it is called: "dataset 1, subset 2"; nothing for the file."""
        if self.dataset < 0:
            return Text("[general]", "[general]") if self.general else Text("", "")
        if self.subset < 0:
            return Text(f"dataset {self.dataset + 1}", f"データセット {self.dataset + 1}")
        return Text(
            f"dataset {self.dataset + 1}, subset {self.subset + 1}",
            f"データセット {self.dataset + 1} のサブセット {self.subset + 1}",
        )


THE_FILE = Place()
GENERAL = Place(general=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        place: the table.
        key: the key in it; "" for the table itself.
        code: what kind of fault.
        severity: error: the training does not start, or trains nothing; warning: it does not do what it seems to say.
        text: in words, without the place.
        better: the key or the value (as TOML) that was meant; "" where nobody can tell.
        said: what sd-scripts says about it; "" where it says nothing.
    """

    place: Place = THE_FILE
    key: str = ""
    code: Code
    severity: Severity = "error"
    text: Text
    better: str = ""
    said: str = ""

    @property
    def whole(self) -> Text:
        """The text with its place before it."""
        where = self.place.words
        return Text(f"{where.en}: {self.text.en}", f"{where.ja}: {self.text.ja}") if where.en else self.text


def config_faults(source: Path | str, *, masked_loss: bool = False) -> tuple[Fault, ...]:
    """Everything that is wrong with a dataset config. Images and folders are not looked at.

    Args:
        source: a file (TOML, or JSON by its ending), or the text of a TOML.
        masked_loss: of the job; masks (`conditioning_data_dir`) are known to sd-scripts only with it.

    Returns:
        The faults, in the order of the file. Empty: sd-scripts takes it as it is meant.
    """
    faults: list[Fault] = []
    if isinstance(source, Path):
        if source.suffix.lower() not in (".toml", ".json"):
            ending = Text("Its name has to end with .toml or .json.", "拡張子は .toml か .json にしてください。")
            return (Fault(code="file", text=ending, said=f"not supported config file format: {source}"),)
        try:
            read = read_source(source)
        except (OSError, UnicodeDecodeError) as error:
            return (Fault(code="file", text=Text(f"It cannot be read: {error}", f"読めません: {error}")),)
        faults += _encoding_faults(read)
    else:
        bare = source.removeprefix("\ufeff")
        read = Source(bare)
        if bare != source:
            faults += _encoding_faults(Source(bare, "utf-8-sig"))
    parsed = parse(read)
    if parsed.problem is not None:
        severity = "error" if parsed.stops else "warning"
        faults.append(Fault(code="syntax", severity=severity, text=parsed.problem))
    if parsed.document is not None:
        faults += document_faults(parsed.document, masked_loss=masked_loss)
    return tuple(faults)


def _encoding_faults(source: Source) -> list[Fault]:
    if source.encoding in _ENCODINGS:
        return [Fault(code="encoding", text=_ENCODINGS[source.encoding])]
    if source.is_json and not source.text.isascii():
        told = Text(
            "It is JSON with other letters than English ones, which sd-scripts reads in the system's encoding: on Windows that "
            "garbles it. Use a .toml file.",
            "JSON に英数字以外の文字があります。sd-scripts はシステムの文字コードで読むため、Windows では文字化けします。"
            ".toml を使ってください。",
        )
        return [Fault(code="encoding", severity="warning", text=told)]
    return []


def document_faults(document: Table, *, masked_loss: bool = False) -> tuple[Fault, ...]:
    """The faults of a file that was read into tables."""
    faults: list[Fault] = []
    for name, value in document.items():
        if name == "general":
            if isinstance(value, Mapping):
                faults += _table_faults(GENERAL, cast("Table", value), "dreambooth", {})
            else:
                faults.append(_no_table(GENERAL, "", "general"))
        elif name != "datasets":
            faults.append(_unknown(THE_FILE, name, ("general", "datasets"), f"data['{name}']"))
    datasets = document.get("datasets", [])
    if not isinstance(datasets, list):
        faults.append(_no_list(THE_FILE, "datasets", "data['datasets']"))
        return tuple(faults)
    if not datasets:
        none = Text("There is no [[datasets]] in it, so nothing is trained.", "[[datasets]] がないため、何も学習されません。")
        faults.append(Fault(code="empty", text=none))
    general = document.get("general")
    above = cast("Table", general) if isinstance(general, Mapping) else {}
    for number, dataset in enumerate(cast("list[Any]", datasets)):
        place = Place(number)
        if isinstance(dataset, Mapping):
            faults += _dataset_faults(place, cast("Table", dataset), above, masked_loss=masked_loss)
        else:
            faults.append(_no_table(place, "", f"datasets'][{number}"))
    return tuple(faults)


def style_of(subsets: Sequence[Table], *, masked_loss: bool = False) -> Style | None:
    """How a dataset's captions are found; None where its subsets differ in that, which sd-scripts refuses."""
    if not subsets:
        return "dreambooth"
    if masked_loss and all("conditioning_data_dir" in subset for subset in subsets):
        return "controlnet"
    with_metadata = sum("metadata_file" in subset for subset in subsets)
    return "dreambooth" if not with_metadata else "finetuning" if with_metadata == len(subsets) else None


def _dataset_faults(place: Place, dataset: Table, general: Table, *, masked_loss: bool) -> list[Fault]:
    listed = dataset.get("subsets", [])
    where = _path(place)
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in cast("list[Any]", listed)):
        return [_no_list(place, "subsets", f"{where}['subsets']")]
    subsets = cast("list[Table]", listed)
    style = style_of(subsets, masked_loss=masked_loss)
    if style is None:
        mixed = Text(
            "Subsets with and without a metadata_file cannot be in one dataset. Make two datasets of them.",
            "metadata_file のあるサブセットとないサブセットは、同じデータセットに入れられません。データセットを分けてください。",
        )
        said = f"DreamBooth subset and fine tuning subset cannot be mixed in the same dataset. @ {where}"
        return [Fault(place=place, code="mixed", text=mixed, said=said)]
    faults = _table_faults(place, dataset, style, general)
    if not subsets:
        none = Text(
            "There is no [[datasets.subsets]] in it, so it trains nothing.",
            "[[datasets.subsets]] がないため、何も学習されません。",
        )
        faults.append(Fault(place=place, code="empty", text=none))
    needed, named = required_key(style), set[str]()
    for number, subset in enumerate(subsets):
        here = Place(place.dataset, number)
        faults += _table_faults(here, subset, style, {})
        if needed not in subset:
            missing = Text(f"{needed} is missing.", f"{needed} がありません。")
            said = f"required key not provided @ {_path(here)}['{needed}']"
            faults.append(Fault(place=here, key=needed, code="missing", text=missing, said=said))
        folder = subset.get(needed)
        if folder == "":
            empty = Text(
                f"{needed} is empty; sd-scripts leaves this subset out.", f"{needed} が空のため、このサブセットは使われません。"
            )
            faults.append(Fault(place=here, key=needed, code="missing", severity="warning", text=empty))
            continue
        if isinstance(folder, str) and folder in named:
            twice = Text(
                f"{needed} is the same as in a subset above; sd-scripts leaves this one out.",
                f"{needed} が上のサブセットと同じです。sd-scripts ではこのサブセットは使われません。",
            )
            faults.append(Fault(place=here, key=needed, code="twice", severity="warning", text=twice))
        named |= {folder} if isinstance(folder, str) else set()
    return faults


def _table_faults(place: Place, table: Table, style: Style, above: Table) -> list[Fault]:
    level = place.level
    assert level is not None
    known = {key.name for key in keys_of(level, style)}
    faults: list[Fault] = []
    for name, value in table.items():
        if name == "subsets" and level == "dataset":
            continue
        path = f"{_path(place)}['{name}']"
        if name not in known:
            faults.append(_unknown(place, name, sorted(known), path))
            continue
        found = judge(keys_by_name()[name], value)
        if found is not None:
            faults.append(_value_fault(place, name, found, path))
    if level == "dataset" and not faults:
        faults += _bucket_faults(place, {**above, **table})
    return faults


def _value_fault(place: Place, name: str, found: KeyFault, path: str) -> Fault:
    return Fault(
        place=place,
        key=name,
        code="type" if found.wrong_type else "value",
        severity="error" if found.stops else "warning",
        text=found.text,
        better=found.better,
        said=f"{found.said} for dictionary value @ {path}" if found.said else "",
    )


def _bucket_faults(place: Place, said: Table) -> list[Fault]:
    """The resolution between the buckets' limits (BaseDataset.adjust_min_max_bucket_reso_by_steps)."""
    size = said.get("resolution")
    if said.get("enable_bucket") is not True or size is None:
        return []
    sides = size if isinstance(size, list) else [size]
    steps, least, most = (said.get(f"{name}", default) for name, default in _BUCKETS)
    numbers = [*sides, steps, least, most]
    if not sides or not all(isinstance(number, int) and number > 0 for number in numbers):
        return []  # is told at the key
    faults: list[Fault] = []
    if "min_bucket_reso" in said and min(sides) < least - least % steps:
        text = Text(
            f"min_bucket_reso = {least} is larger than the resolution.",
            f"min_bucket_reso = {least} が解像度より大きくなっています。",
        )
        faults.append(
            Fault(
                place=place,
                key="min_bucket_reso",
                code="value",
                text=text,
                said="min_bucket_reso must be equal or less than resolution",
            )
        )
    if "max_bucket_reso" in said and max(sides) > most + -most % steps:
        text = Text(
            f"max_bucket_reso = {most} is smaller than the resolution.",
            f"max_bucket_reso = {most} が解像度より小さくなっています。",
        )
        faults.append(
            Fault(
                place=place,
                key="max_bucket_reso",
                code="value",
                text=text,
                said="max_bucket_reso must be equal or greater than resolution",
            )
        )
    return faults


_BUCKETS = (("bucket_reso_steps", 64), ("min_bucket_reso", 256), ("max_bucket_reso", 1024))


def _path(place: Place) -> str:
    """As voluptuous names it."""
    if place.dataset < 0:
        return "data['general']" if place.general else "data"
    subset = f"['subsets'][{place.subset}]" if place.subset >= 0 else ""
    return f"data['datasets'][{place.dataset}]{subset}"


def _unknown(place: Place, name: str, known: Sequence[str], path: str) -> Fault:
    said = f"extra keys not allowed @ {path}"
    elsewhere = next((key for key in all_keys() if key.name == name), None)
    if name == "conditioning_data_dir":
        text = Text(f"{name} needs masked_loss in the job.", f"{name} を使うには、ジョブの masked_loss をオンにしてください。")
    elif elsewhere is not None:
        text = Text(f"{name} cannot stand here.", f"{name} はここでは使えません。")
        if place.level not in elsewhere.levels:
            homes = Text(
                " or ".join(_HOMES[level] for level in elsewhere.levels), "、".join(_HOMES[level] for level in elsewhere.levels)
            )
            text = Text(
                f"{name} cannot stand here; it belongs into {homes.en}.", f"{name} はここでは使えません。{homes.ja} に書きます。"
            )
    else:
        likely = nearest(name, known) or ""
        hint = Text(f"; did you mean {likely}?", f"。{likely} のことですか？") if likely else Text(".", "。")
        text = Text(f"{name} is unknown{hint.en}", f"{name} は不明なキーです{hint.ja}")
        return Fault(place=place, key=name, code="unknown-key", text=text, better=likely, said=said)
    return Fault(place=place, key=name, code="unknown-key", text=text, said=said)


_HOMES = {"general": "[general]", "dataset": "[[datasets]]", "subset": "[[datasets.subsets]]"}


def _no_table(place: Place, key: str, name: str) -> Fault:
    text = Text("It has to be a table.", "テーブルにしてください。")
    said = f"expected a dictionary for dictionary value @ data['{name}']"
    return Fault(place=place, key=key, code="structure", text=text, said=said)


def _no_list(place: Place, name: str, path: str) -> Fault:
    brackets = "[[datasets]]" if name == "datasets" else "[[datasets.subsets]]"
    text = Text(f"{name} has to be a list of tables: {brackets}.", f"{name} はテーブルの配列 {brackets} にしてください。")
    said = f"expected a list for dictionary value @ {path}"
    return Fault(place=place, key=name, code="structure", text=text, said=said)
