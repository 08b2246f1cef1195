"""`dataset_config`: a TOML or JSON file with several datasets and subsets, as sd-scripts reads it.

What a subset does not say its dataset says, else `[general]`, else the job. Every key that is not sd-scripts' is named.

Source: kohya-ss/sd-scripts at 48d368f, library/config_util.py, ConfigSanitizer and BlueprintGenerator.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import tomli as tomllib

from core.errors import CaddieError, Problems, nearest
from core.text import Text
from core.training.data.settings import INTERPOLATIONS, DatasetSettings, DataSettings, SubsetSettings, with_dot

Table = Mapping[str, Any]
Check = Callable[[Any], "str | None"]


def _is(kinds: type | tuple[type, ...], en: str) -> Check:
    def check(value: Any) -> str | None:
        right = isinstance(value, kinds) and (kinds is bool or not isinstance(value, bool))
        return None if right else en

    return check


_FLAG = _is(bool, "true or false")
_WHOLE = _is(int, "a whole number")
_NUMBER = _is((int, float), "a number")
_TEXT = _is(str, "a text")
_TABLE = _is(dict, "a table")


def _size(value: Any) -> str | None:
    numbers = value if isinstance(value, list) else [value]
    right = len(numbers) in (1, 2) and all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in numbers)
    return None if right else "a size or [width, height]"


def _interpolation(value: Any) -> str | None:
    return None if value in INTERPOLATIONS else "one of " + ", ".join(INTERPOLATIONS)


_FOR_SUBSETS: dict[str, Check] = {
    "color_aug": _FLAG,
    "flip_aug": _FLAG,
    "num_repeats": _WHOLE,
    "random_crop": _FLAG,
    "shuffle_caption": _FLAG,
    "keep_tokens": _WHOLE,
    "keep_tokens_separator": _TEXT,
    "secondary_separator": _TEXT,
    "caption_separator": lambda value: "a text, and not an empty one" if not value else _TEXT(value),
    "enable_wildcard": _FLAG,
    "token_warmup_min": _WHOLE,
    "token_warmup_step": _NUMBER,
    "caption_prefix": _TEXT,
    "caption_suffix": _TEXT,
    "resize_interpolation": _interpolation,
    "caption_dropout_every_n_epochs": _WHOLE,
    "caption_dropout_rate": _NUMBER,
    "caption_tag_dropout_rate": _NUMBER,
    "caption_extension": _TEXT,
    "class_tokens": _TEXT,
}
_ONLY_IN_SUBSETS: dict[str, Check] = {
    "image_dir": _TEXT,
    "is_reg": _FLAG,
    "alpha_mask": _FLAG,
    "conditioning_data_dir": _TEXT,
}
_FOR_DATASETS: dict[str, Check] = {
    "batch_size": _WHOLE,
    "bucket_no_upscale": _FLAG,
    "bucket_reso_steps": _WHOLE,
    "enable_bucket": _FLAG,
    "max_bucket_reso": _WHOLE,
    "min_bucket_reso": _WHOLE,
    "validation_seed": _WHOLE,
    "validation_split": _NUMBER,
    "resolution": _size,
    "resize_interpolation": _interpolation,
}
_CHANGES_NOTHING: dict[str, Check] = {"cache_info": _FLAG, "custom_attributes": _TABLE}
"""Kept caption and size lists are not needed here; nothing of sd-scripts' LoRA training reads custom_attributes."""

_LEAST = {"batch_size": 1, "bucket_reso_steps": 8, "min_bucket_reso": 1, "max_bucket_reso": 1, "keep_tokens": 0}
_REFUSED = {
    "metadata_file": Text("a metadata_file is not read here", "metadata_file はここでは読めません"),
    "face_crop_aug_range": Text("face crops are not made here", "顔を中心とした切り出しはここではできません"),
    "network_multiplier": Text("a network_multiplier is not applied here", "network_multiplier はここでは適用されません"),
}


def read_datasets(
    settings: DataSettings, *, counting: bool = False, document: Table | None = None
) -> tuple[DatasetSettings, ...]:
    """The datasets that the job's `dataset_config` describes.

    Args:
        settings: of the job.
        counting: nobody trains: keys of sd-scripts' that are not done here are passed over instead of refused, and what is wrong
            with the file was said elsewhere.
        document: what the file says, where it is not on the disk as it is meant.

    Raises:
        Problems: keys and values that will not do, all of them.
        CaddieError: the file cannot be read.
    """
    document = _load(Path(settings.dataset_config)) if document is None else document
    problems: list[Text] = []
    everywhere = {**_FOR_SUBSETS, **_FOR_DATASETS, **_CHANGES_NOTHING}
    _look(document, {"general": _TABLE, "datasets": _is(list, "a list of tables")}, "", problems)
    general = _table(document.get("general", {}))
    _look(general, everywhere, "[general]", problems)
    datasets: list[DatasetSettings] = []
    for number, dataset in enumerate(_tables(document.get("datasets", []))):
        place = f"datasets[{number}]"
        _look(dataset, {**everywhere, "subsets": _is(list, "a list of tables")}, place, problems)
        subsets: list[SubsetSettings] = []
        for count, subset in enumerate(_tables(dataset.get("subsets", []))):
            here = f"{place}.subsets[{count}]"
            _look(subset, {**_FOR_SUBSETS, **_ONLY_IN_SUBSETS, **_CHANGES_NOTHING}, here, problems)
            if "image_dir" not in subset and "metadata_file" not in subset:
                problems.append(Text(f"{here}: image_dir is missing", f"{here}: image_dir がありません"))
            if "conditioning_data_dir" in subset and not settings.masked_loss:
                problems.append(
                    Text(
                        f"{here}: conditioning_data_dir needs masked_loss",
                        f"{here}: conditioning_data_dir には masked_loss が必要です",
                    )
                )
            if counting or not problems:
                subsets.append(_subset(settings.subset, {**general, **dataset, **subset}, settings.base))
        if counting or not problems:
            datasets.append(_dataset(settings.dataset, {**general, **dataset}, tuple(subsets)))
    if problems and not counting:
        heading = f"{settings.dataset_config}: "
        raise Problems(Text(heading + "not all of it can be used:", heading + "使えないところがあります:"), problems)
    return tuple(datasets)


def _load(path: Path) -> Table:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() not in (".toml", ".json"):
            raise CaddieError(
                Text(
                    f"dataset_config = {path}: the file has to end with .toml or .json.",
                    f"dataset_config = {path}: 拡張子は .toml または .json にしてください。",
                )
            )
        document = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise CaddieError(
            Text(f"dataset_config = {path} cannot be read: {error}", f"dataset_config = {path} を読めません: {error}")
        ) from error
    return _table(document)


def _table(value: Any) -> Table:
    return cast("Table", value) if isinstance(value, dict) else {}


def _tables(value: Any) -> list[Table]:
    return [_table(one) for one in value] if isinstance(value, list) else []


def _look(table: Table, known: Mapping[str, Check], place: str, problems: list[Text]) -> None:
    where = f"{place}: " if place else ""
    for name, value in table.items():
        if name in _REFUSED and not (name == "network_multiplier" and value == 1.0):
            refused = _REFUSED[name]
            problems.append(Text(where + refused.en, where + refused.ja))
        elif name not in known and name not in _REFUSED:
            likely = nearest(name, known)
            hint_en, hint_ja = (f"; did you mean {likely}?", f"。{likely} のことですか？") if likely else ("", "")
            problems.append(Text(f"{where}{name} is unknown{hint_en}", f"{where}{name} は不明なキーです{hint_ja}"))
        elif name in known:
            _judge(name, value, known[name](value), where, problems)


def _judge(name: str, value: Any, wanted: str | None, where: str, problems: list[Text]) -> None:
    if wanted is None and name in _LEAST and value < _LEAST[name]:
        wanted = f"at least {_LEAST[name]}"
    if wanted:
        problems.append(
            Text(f"{where}{name} = {value!r} is not {wanted}", f"{where}{name} = {value!r} は使えません(必要な値: {wanted})")
        )


def _subset(defaults: SubsetSettings, said: Table, base: str) -> SubsetSettings:
    known = {name: said[name] for name in (*_FOR_SUBSETS, *_ONLY_IN_SUBSETS, "metadata_file") if name in said}
    for name in ("image_dir", "conditioning_data_dir", "metadata_file"):
        if base and known.get(name):
            known[name] = str(Path(base, known[name]))
    if "caption_extension" in known:
        known["caption_extension"] = with_dot(known["caption_extension"])
    return replace(defaults, **known)


def _dataset(defaults: DatasetSettings, said: Table, subsets: tuple[SubsetSettings, ...]) -> DatasetSettings:
    known = {name: said[name] for name in _FOR_DATASETS if name in said}
    if "resolution" in known:
        size = known["resolution"]
        known["resolution"] = (size[0], size[-1]) if isinstance(size, list) else (size, size)
    return replace(defaults, **known, subsets=subsets)
