"""LoRA_Easy_Training_Scripts' TOML: `[args.<page>]`, `[dataset.<page>]` and `[[dataset.subsets]]`.

What is done with each key is what its backend does when it starts a training: utils/validation.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, cast

from core.convert.report import Imported, Ledger, shown
from core.convert.values import is_nothing, known_anywhere, literal, put, with_kept
from core.job.model import Job
from core.options.model import OptionValue
from core.options.snapshot import snapshot_for
from core.text import Text

KIND: Final = Text("LoRA_Easy_Training_Scripts settings", "LoRA_Easy_Training_Scripts の設定ファイル")

_LISTS: Final = ("network_args", "optimizer_args", "lr_scheduler_args")
# Its names of optimizers that are not those of sd-scripts.
_OWN_CLASSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "came": "LoraEasyCustomOptimizer.came.CAME",
        "compass": "LoraEasyCustomOptimizer.compass.Compass",
        "lpfadamw": "LoraEasyCustomOptimizer.lpfadamw.LPFAdamW",
        "rmsprop": "LoraEasyCustomOptimizer.rmsprop.RMSProp",
    }
)


def looks_like(document: Mapping[str, object]) -> bool:
    """Whether a TOML document is of that program: two tables, of tables."""
    args = document.get("args")
    return isinstance(args, dict) and any(isinstance(page, dict) for page in cast("dict[str, object]", args).values())


def read(document: Mapping[str, object]) -> Imported:
    """Reads a saved configuration."""
    return _Reader(document).run()


def _tables(value: object) -> dict[str, dict[str, object]]:
    if not isinstance(value, dict):
        return {}
    return {name: page for name, page in cast("dict[str, dict[str, object]]", value).items() if isinstance(page, dict)}  # pyright: ignore[reportUnnecessaryIsInstance]


class _Reader:
    def __init__(self, document: Mapping[str, object]) -> None:
        self._document = document
        self._pages = _tables(document.get("args"))
        self._ledger = Ledger()
        self._values: dict[str, OptionValue] = {}
        self._kept: dict[str, object] = {}
        flat = {key: value for page in self._pages.values() for key, value in page.items()}
        self._flat = flat
        self._script = "train_network.py"
        if flat.get("sdxl") is True:
            self._script = "sdxl_train_network.py"
        elif "guidance_scale" in flat:  # how that program itself tells
            self._script = "flux_train_network.py"
        known = snapshot_for(self._script)
        assert known is not None, "the snapshot has these scripts"
        self._options = known

    def run(self) -> Imported:
        for name, page in self._pages.items():
            for key, value in page.items():
                self._one(f"args.{name}.{key}", key, value)
        self._module()
        dataset = self._document.get("dataset")
        for name, page in _tables(dataset).items():
            for key, value in page.items():
                self._shared(f"dataset.{name}.{key}", key, value)
        self._subsets(cast("dict[str, object]", dataset).get("subsets") if isinstance(dataset, dict) else None)
        for key, value in self._document.items():
            if key not in ("args", "dataset"):
                self._lost(key, key, value)
        job = Job(script=self._script, options=MappingProxyType(self._values))
        return Imported(kind=KIND, job=with_kept(job, self._kept), report=self._ledger.report())

    def _one(self, path: str, key: str, value: object) -> None:
        if key in _LISTS:
            self._list(path, key, value)
        elif key == "sdxl":
            self._ledger.translated(path, value, f"script = {self._script}")
        elif key == "fa":
            if value:
                self._ledger.translated(path, value, "network_module = networks.lora_fa")
            else:
                self._ledger.unset(path, value)
        elif key == "warmup_ratio":
            self._warmup(path, value)
        elif key == "optimizer_type" and isinstance(value, str) and value.lower() in _OWN_CLASSES:
            self._take(path, key, _OWN_CLASSES[value.lower()], value)
        else:
            self._take(path, key, value, value)

    def _take(self, path: str, key: str, value: object, said: object) -> None:
        option = self._options.get(key)
        if is_nothing(value) or (value == 0 and key in ("keep_tokens", "min_timestep")):
            self._ledger.unset(path, said)
        elif option is None:
            self._lost(path, key, said)
        else:
            scratch = Ledger()
            if put(self._values, option, key, value, scratch):
                if scratch.entries[0].target or said is not value:
                    self._ledger.translated(path, said, f"{key} = {shown(self._values[key])}")
                else:
                    self._ledger.taken(path, said)
            else:
                self._ledger.impossible(path, said, scratch.entries[0].why or Text("does not fit", "値が合いません"))

    def _lost(self, path: str, key: str, value: object) -> None:
        self._kept[path] = value
        why = Text(f"{self._script} has no such option", f"{self._script} にないオプションです") if known_anywhere(key) else None
        self._ledger.unknown(path, value, why)

    def _list(self, path: str, key: str, value: object) -> None:
        if not isinstance(value, dict):
            self._take(path, key, value, value)
            return
        items: list[str] = []
        for name, entry in cast("dict[str, object]", value).items():
            if isinstance(entry, list):
                items.append(f"{name}={','.join(map(str, cast('list[object]', entry)))}")
            elif key == "network_args":
                if entry != "":
                    items.append(f"{name}={entry}")
            else:
                items.append(f"{name}={literal(entry)}")
        if items:
            self._values[key] = items
            self._ledger.translated(path, value, f"{key} = {items}")
        else:
            self._ledger.unset(path, value)

    def _warmup(self, path: str, value: object) -> None:
        if (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and 0 < value < 1
            and "lr_scheduler_type" not in self._flat
        ):
            self._values["lr_warmup_steps"] = float(value)
            self._ledger.translated(
                path, value, f"lr_warmup_steps = {value}", Text("share of all steps", "全ステップに対する割合")
            )
        elif not value:
            self._ledger.unset(path, value)
        else:
            self._kept[path] = value
            why = Text(
                "the scheduler wants warmup_steps in lr_scheduler_args, which needs the number of steps",
                "このスケジューラは lr_scheduler_args の warmup_steps で指定します。総ステップ数が必要なため換算できません",
            )
            self._ledger.impossible(path, value, why)

    def _module(self) -> None:
        """That program tells the module from the arguments."""
        if "network_module" in self._values or "network_args" not in self._pages:
            return
        arguments = self._flat.get("network_args")
        names = set(cast("dict[str, object]", arguments)) if isinstance(arguments, dict) else set[str]()
        if self._flat.get("fa"):
            module = "networks.lora_fa"
        elif "algo" in names:
            module = "lycoris.kohya"
        elif "unit" in names:
            module = "networks.dylora"
        else:
            module = "networks.lora_flux" if self._script == "flux_train_network.py" else "networks.lora"
        self._values["network_module"] = module
        self._ledger.translated("args.network_args", ", ".join(sorted(names)), f"network_module = {module}")

    # --- what that program writes into a dataset config --------------------------------------------------------

    def _shared(self, path: str, key: str, value: object) -> None:
        if key == "batch_size":
            self._take(path, "train_batch_size", value, value)
        elif key == "resolution" and isinstance(value, (int, list)) and not isinstance(value, bool):
            sides = [str(side) for side in cast("list[object]", value)] if isinstance(value, list) else [str(value)]
            self._take(path, key, ",".join(sides), value)
        elif key == "max_token_length" and value == 75:
            self._ledger.unset(path, value)
        else:
            self._take(path, key, value, value)

    def _subsets(self, subsets: object) -> None:
        if not isinstance(subsets, list):
            return
        for place, subset in enumerate(cast("list[object]", subsets), start=1):
            if not isinstance(subset, dict):
                continue
            why = Text(
                "folders of images belong into a dataset config (dataset_config), which a job only names",
                "画像フォルダーの設定はデータセット設定ファイル (dataset_config) に書くもので、ジョブには含まれません",
            )
            for key, value in cast("dict[str, object]", subset).items():
                path = f"dataset.subsets.{place}.{key}"
                self._kept[path] = value
                self._ledger.impossible(path, value, why)
