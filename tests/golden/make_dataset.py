"""Writes dataset.json: which keys sd-scripts knows in a dataset config, and what it says about good and bad files.

Run in an environment that has sd-scripts' requirements: `python tests/golden/make_dataset.py --checkout PATH_TO_SD_SCRIPTS`.
Made with kohya-ss/sd-scripts at 48d368f.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import logging
import sys
from pathlib import Path
from typing import Any

SUBSET = '[[datasets.subsets]]\nimage_dir = "a"\n'
FILES = [
    SUBSET.join(["[[datasets]]\n", ""]),
    "[general]\nenable_bucket = true\n[[datasets]]\nresolution = [512, 768]\nbatch_size = 4\n"
    + SUBSET
    + "num_repeats = 10\nis_reg = true\n",
    "[[datasets]]\nresolution = 512\n[[datasets.subsets]]\nmetadata_file = 'm.json'\nalpha_mask = true\n",
    "[[datasets]]\n" + SUBSET + 'conditioning_data_dir = "b"\n',
    "[[datasets]]\n" + SUBSET + 'conditioning_data_dir = "b"\nis_reg = true\n',
    "[[datasets]]\n" + SUBSET + 'metadata_file = "m.json"\ncaption_extension = ".txt"\n',
    '[[datasets]]\nbatch_size = "4"\n' + SUBSET,
    "[[datasets]]\nbatchsize = 4\nenabel_bucket = true\n" + SUBSET,
    "[[datasets]]\nimage_dir = 'x'\nis_reg = false\nalpha_mask = true\n" + SUBSET,
    "[[datasets]]\n[[datasets.subsets]]\nnum_repeats = 1.5\n",
    '[general]\ntoken_warmup_step = "a"\nresolution = ["512", "a"]\nvalidation_split = 0\nnetwork_multiplier = 1\n',
    '[general]\nresolution = "512"\ncaption_dropout_rate = 1\ntoken_warmup_step = 10\n',
    "[general]\nresolution = [512]\nface_crop_aug_range = [1, 2]\n",
    "[general]\nresolution = 512.0\nface_crop_aug_range = 2.0\nkeep_tokens = [1]\n",
    "[general]\ncolor_aug = 1\nbatch_size = true\nresolution = true\n",
    '[general]\nshuffle_caption = "true"\ncaption_extension = 1\ncustom_attributes = 1\ncaption_prefix = true\n',
    "[general]\ncustom_attributes = { a = 1 }\nface_crop_aug_range = [1.0, 2.0]\nresize_interpolation = 'area'\n",
    "general = 1\ndatasets = 2\nx = 1\n",
    '[[datasets]]\nsubsets = "a"\n',
    "[datasets]\nbatch_size = 1\n",
    "[[datasets]]\n[datasets.subsets]\nimage_dir = 'a'\n",
    "[[datasets]]\n" + SUBSET + "[[datasets.subsets]]\nmetadata_file = 'm.json'\n",
    "[[datasets]]\n" + SUBSET + "resolution = 512\nbatch_size = 2\nnum_repeats = '3'\n[[datasets]]\nflip_aug = 'yes'\n" + SUBSET,
]
"""TOML that sd-scripts is asked about."""


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkout", type=Path, required=True)
    sys.path.insert(0, str(parser.parse_args().checkout))
    logging.disable(logging.CRITICAL)
    import toml
    import voluptuous
    from library import config_util

    sanitizers = {masked: config_util.ConfigSanitizer(True, True, masked, True) for masked in (False, True)}
    masked = sanitizers[True]
    schemas = {
        "general": masked.general_schema,
        "dreambooth": {"dataset": masked.db_dataset_schema, "subset": masked.db_subset_schema},
        "finetuning": {"dataset": masked.ft_dataset_schema, "subset": masked.ft_subset_schema},
        "controlnet": {"dataset": masked.cn_dataset_schema, "subset": masked.cn_subset_schema},
    }

    def kind(schema: object) -> str:
        if isinstance(schema, type):
            return schema.__name__
        if isinstance(schema, functools.partial):
            return f"{schema.func.__name__}({schema.args[0].__name__})"
        if isinstance(schema, voluptuous.Any):
            return "|".join(sorted(kind(one) for one in schema.validators))
        return type(schema).__name__

    def kinds(schema: dict[Any, Any]) -> dict[str, str]:
        if not all(isinstance(name, str | voluptuous.Required) for name in schema):
            raise TypeError
        return {str(name): kind(one) for name, one in schema.items() if str(name) != "subsets"}

    def said(text: str, which: bool) -> list[str]:
        try:
            sanitizers[which].sanitize_user_config(toml.loads(text))
        except voluptuous.MultipleInvalid as error:
            return [str(one) for one in error.errors]
        return []

    params = {name: getattr(config_util, name) for name in ("DreamBoothSubsetParams", "DreamBoothDatasetParams")}
    made = {
        "commit": "48d368fa557731ad0488c07304dfeba8c07910eb",
        "general": kinds(schemas.pop("general")),
        "styles": {style: {level: kinds(one) for level, one in levels.items()} for style, levels in schemas.items()},
        "defaults": {name: dataclasses.asdict(one()) for name, one in params.items()},
        "files": [[text, which, said(text, which)] for text in FILES for which in (False, True)],
    }
    place = Path(__file__).with_name("dataset.json")
    place.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
