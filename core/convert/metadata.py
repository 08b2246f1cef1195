"""The `ss_` metadata in the header of a LoRA: what it was trained with. Only the header is read, never a weight.

Format: https://huggingface.co/docs/safetensors/index#format. The keys are written by sd-scripts' train_network.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

from core.catalogue.catalogue import Catalogue
from core.convert.report import Imported, Ledger, shown
from core.convert.values import put, with_kept
from core.errors import CaddieError
from core.job.model import Job
from core.options.model import OptionKind, OptionValue
from core.options.snapshot import snapshot_for
from core.text import Text

KIND: Final = Text("metadata of a LoRA", "LoRA のメタデータ")

LARGEST_HEADER: Final = 100_000_000
"""Bytes; the limit of the safetensors library itself."""

_FACT: Final = Text("a fact about that training, no setting", "その学習の記録であり、設定ではありません")
_FACTS: Final = frozenset(
    [
        "session_id",
        "training_started_at",
        "training_finished_at",
        "num_train_images",
        "num_validation_images",
        "num_reg_images",
        "num_batches_per_epoch",
        "steps",
        "epoch",
        "sd_scripts_commit_hash",
        "sd_model_hash",
        "new_sd_model_hash",
        "vae_hash",
        "new_vae_hash",
        "datasets",
        "tag_frequency",
        "dataset_dirs",
        "reg_dataset_dirs",
        "bucket_info",
        "total_batch_size",
    ]
)
_RENAMED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "batch_size_per_device": "train_batch_size",
        "debiased_estimation": "debiased_estimation_loss",
        "num_epochs": "max_train_epochs",
    }
)
# Packages whose classes sd-scripts makes from a short name.
_SHORT: Final = frozenset(["torch", "transformers", "bitsandbytes", "dadaptation", "lion_pytorch", "prodigyopt", "schedulefree"])


def read_header(path: Path) -> Mapping[str, str]:
    """The texts in a safetensors file's `__metadata__`.

    Raises:
        CaddieError: missing, damaged, or a header longer than the file or than `LARGEST_HEADER`.
    """
    try:
        with open(path, "rb") as stream:
            size = int.from_bytes(start, "little") if len(start := stream.read(8)) == 8 else -1
            if not 2 <= size <= min(LARGEST_HEADER, path.stat().st_size - 8):
                raise _damaged(path)
            head = stream.read(size)
        document = json.loads(head)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(Text(f"{path} could not be read: {reason}", f"{path} を読めませんでした: {reason}")) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path) from error
    texts = cast("dict[str, object]", document).get("__metadata__", {}) if isinstance(document, dict) else None
    if not isinstance(texts, dict):
        raise _damaged(path)
    return {key: value for key, value in cast("dict[str, object]", texts).items() if isinstance(value, str)}


def _damaged(path: Path) -> CaddieError:
    return CaddieError(
        Text(f"{path} is no safetensors file, or it is damaged.", f"{path} は safetensors ファイルではないか、破損しています。")
    )


def read(texts: Mapping[str, str], catalogue: Catalogue) -> Imported:
    """Reads the metadata.

    Raises:
        CaddieError: there is nothing of a training in it.
    """
    if not any(key.startswith("ss_") for key in texts):
        raise CaddieError(
            Text(
                "The file says nothing about its training (no ss_ metadata).",
                "学習についての情報 (ss_ メタデータ) が含まれていないファイルです。",
            )
        )
    return _Reader(texts, catalogue).run()


class _Reader:
    def __init__(self, texts: Mapping[str, str], catalogue: Catalogue) -> None:
        self._texts, self._catalogue = texts, catalogue
        self._ledger = Ledger()
        self._values: dict[str, OptionValue] = {}
        self._kept: dict[str, object] = {}
        model = texts.get("ss_base_model_version", "")
        self._script = "train_network.py"
        for part, script in (("sdxl", "sdxl"), ("flux", "flux"), ("sd3", "sd3"), ("lumina", "lumina"), ("anima", "anima")):
            if part in model:
                self._script = f"{script}_train_network.py"
                break
        known = snapshot_for(self._script)
        assert known is not None, "the snapshot has these scripts"
        self._options = known

    def run(self) -> Imported:
        for key, text in self._texts.items():
            self._one(key, text)
        job = Job(script=self._script, options=MappingProxyType(self._values))
        return Imported(kind=KIND, job=with_kept(job, self._kept), report=self._ledger.report())

    def _one(self, key: str, text: str) -> None:
        name = key.removeprefix("ss_")
        if name == key or name in _FACTS:
            self._ledger.impossible(key, text, _FACT)
        elif text in ("None", ""):
            self._ledger.unset(key, text)
        elif name == "optimizer":
            self._optimizer(key, text)
        elif name == "network_args":
            self._network(key, text)
        elif name == "base_model_version":
            self._ledger.translated(key, text, f"script = {self._script}")
        elif name in ("sd_model_name", "vae_name"):
            option = "pretrained_model_name_or_path" if name == "sd_model_name" else "vae"
            self._kept[key] = text
            why = Text(
                f"the file's name alone; choose it as {option}",
                f"ファイル名だけが記録されています。{option} で選び直してください",
            )
            self._ledger.impossible(key, text, why)
        elif name == "num_epochs" and "ss_max_train_steps" in self._texts:
            self._ledger.unset(key, text, Text("max_train_steps counts", "max_train_steps が優先されます"))
        else:
            self._plain(key, _RENAMED.get(name, name), text)

    def _plain(self, key: str, name: str, text: str) -> None:
        option = self._options.get(name)
        if option is None:
            self._kept[key] = text
            self._ledger.unknown(key, text)
            return
        value: object = text
        if option.kind is OptionKind.FLAG and text == "False":
            self._ledger.unset(key, text)
            return
        if name == "resolution":
            value = re.sub(r"[()\[\]\s]", "", text)
        elif option.is_list:
            value = [item for item in re.sub(r"[()\[\]']", "", text).replace(",", " ").split() if item != "None"]
        elif option.kind is OptionKind.INT and re.fullmatch(r"-?\d+\.0", text):
            value = text[:-2]
        scratch = Ledger()
        if put(self._values, option, name, value, scratch):
            self._ledger.translated(key, text, f"{name} = {shown(self._values[name])}")
        else:
            self._ledger.impossible(key, text, scratch.entries[0].why or _FACT)

    def _network(self, key: str, text: str) -> None:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            self._kept[key] = text
            self._ledger.unknown(key, text)
            return
        items = [f"{name}={value}" for name, value in cast("dict[str, object]", found).items()]
        if items:
            self._values["network_args"] = items
            self._ledger.translated(key, text, f"network_args = {items}")
        else:
            self._ledger.unset(key, text)

    def _optimizer(self, key: str, text: str) -> None:
        path, _, rest = text.partition("(")
        path = path.strip()
        last = path.rpartition(".")[2]
        spec = self._catalogue.find(last)
        short = spec is not None and path.partition(".")[0] in _SHORT and "." not in spec.optimizer_type
        self._values["optimizer_type"] = spec.optimizer_type if spec is not None and short else path
        items = split_arguments(rest.rstrip().removesuffix(")"))
        if items:
            self._values["optimizer_args"] = items
        self._ledger.translated(key, text, f"optimizer_type = {self._values['optimizer_type']}, optimizer_args = {items}")


def split_arguments(text: str) -> list[str]:
    """`a=1,betas=(0.9, 0.99)` as its pairs: commas inside brackets and quotation marks do not separate."""
    items, item, depth, mark = [""], 0, 0, ""
    for letter in text:
        if mark:
            mark = "" if letter == mark else mark
        elif letter in "'\"":
            mark = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "," and depth <= 0:
            items.append("")
            item += 1
            continue
        items[item] += letter
    return [found.strip() for found in items if found.strip()]
