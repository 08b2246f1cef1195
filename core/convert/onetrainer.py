"""OneTrainer's JSON: what has a counterpart in sd-scripts; the rest is named.

The names and their meaning: modules/util/config/TrainConfig.py of OneTrainer. Its presets hold only what differs from
its defaults, so the defaults that matter are put in where they are not sd-scripts'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, cast

from core.catalogue.catalogue import Catalogue
from core.convert.report import Imported, Ledger, shown
from core.convert.values import is_nothing, number, put, with_kept
from core.job.model import Job
from core.options.model import OptionValue
from core.options.snapshot import snapshot_for
from core.text import Text

KIND: Final = Text("OneTrainer settings", "OneTrainer の設定ファイル")

_SCRIPTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "STABLE_DIFFUSION_15": "train_network.py",
        "STABLE_DIFFUSION_20": "train_network.py",
        "STABLE_DIFFUSION_20_BASE": "train_network.py",
        "STABLE_DIFFUSION_21": "train_network.py",
        "STABLE_DIFFUSION_21_BASE": "train_network.py",
        "STABLE_DIFFUSION_XL_10_BASE": "sdxl_train_network.py",
        "STABLE_DIFFUSION_3": "sd3_train_network.py",
        "STABLE_DIFFUSION_35": "sd3_train_network.py",
        "FLUX_DEV_1": "flux_train_network.py",
        "CHROMA_1": "flux_train_network.py",
        "ANIMA": "anima_train_network.py",
    }
)
_RENAMED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "base_model_name": "pretrained_model_name_or_path",
        "learning_rate": "learning_rate",
        "batch_size": "train_batch_size",
        "epochs": "max_train_epochs",
        "gradient_accumulation_steps": "gradient_accumulation_steps",
        "lora_rank": "network_dim",
        "lora_alpha": "network_alpha",
        "lora_model_name": "network_weights",
        "dropout_probability": "network_dropout",
        "offset_noise_weight": "noise_offset",
        "latent_caching": "cache_latents",
        "aspect_ratio_bucketing": "enable_bucket",
        "dataloader_threads": "max_data_loader_n_workers",
        "rescale_noise_scheduler_to_zero_terminal_snr": "zero_terminal_snr",
        "masked_training": "masked_loss",
    }
)
_DEFAULTS: Final[Mapping[str, object]] = MappingProxyType(
    {
        "lora_rank": 16,
        "lora_alpha": 1.0,
        "learning_rate": 3e-6,
        "epochs": 100,
        "learning_rate_warmup_steps": 200.0,
        "resolution": "512",
    }
)
_SCHEDULERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CONSTANT": "constant",
        "LINEAR": "linear",
        "COSINE": "cosine",
        "COSINE_WITH_HARD_RESTARTS": "cosine_with_restarts",
        "ADAFACTOR": "adafactor",
    }
)
_OPTIMIZERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ADAMW": "AdamW",
        "ADAMW_8BIT": "AdamW8bit",
        "LION": "Lion",
        "LION_8BIT": "Lion8bit",
        "SCHEDULE_FREE_ADAMW": "AdamWScheduleFree",
        "SCHEDULE_FREE_SGD": "SGDScheduleFree",
        "DADAPT_ADA_GRAD": "DAdaptAdaGrad",
        "DADAPT_ADAM": "DAdaptAdam",
        "DADAPT_ADAN": "DAdaptAdan",
        "DADAPT_LION": "DAdaptLion",
        "DADAPT_SGD": "DAdaptSGD",
        "PRODIGY": "Prodigy",
        "PRODIGY_PLUS_SCHEDULE_FREE": "prodigyplus.ProdigyPlusScheduleFree",
        "ADAFACTOR": "AdaFactor",
        "CAME": "came_pytorch.CAME",
        "AdEMAMix_8BIT": "bitsandbytes.optim.AdEMAMix8bit",
    }
)
_PRECISION: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"FLOAT_16": ("fp16", "fp16"), "BFLOAT_16": ("bf16", "bf16"), "FLOAT_32": ("no", "float")}
)
_NO_COUNTERPART: Final = Text("sd-scripts has no counterpart", "sd-scripts に対応する設定がありません")


def looks_like(document: Mapping[str, object]) -> bool:
    """Whether a JSON object is OneTrainer's."""
    return "training_method" in document and "model_type" in document


def read(document: Mapping[str, object], catalogue: Catalogue) -> Imported:
    """Reads a preset or a saved configuration."""
    return _Reader(document, catalogue).run()


def _table(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


_PARTS: Final = frozenset(
    {"unet", "transformer", "prior", "text_encoder", "text_encoder_2", "text_encoder_3", "text_encoder_4", "vae"}
)


class _Reader:
    def __init__(self, document: Mapping[str, object], catalogue: Catalogue) -> None:
        self._source, self._catalogue = document, catalogue
        self._ledger = Ledger()
        self._values: dict[str, OptionValue] = {}
        self._kept: dict[str, object] = {}
        self._model = str(document.get("model_type", ""))
        self._script = _SCRIPTS.get(self._model, "train_network.py")
        known = snapshot_for(self._script)
        assert known is not None, "the snapshot has these scripts"
        self._options = known

    def run(self) -> Imported:
        for key, value in self._source.items():
            self._one(key, value)
        for key, value in _DEFAULTS.items():
            if key not in self._source:
                self._one(key, value, Text("OneTrainer's default", "OneTrainer の既定値"))
        self._parts()
        job = Job(script=self._script, options=MappingProxyType(self._values))
        return Imported(kind=KIND, job=with_kept(job, self._kept), report=self._ledger.report())

    def _one(self, key: str, value: object, why: Text | None = None) -> None:
        special = getattr(self, f"_on_{key}", None) if re.fullmatch(r"[a-z_]+", key) else None
        if special is not None:
            special(key, value)
        elif key in _RENAMED:
            self._set(key, value, _RENAMED[key], value, why)
        elif key in _PARTS and isinstance(value, dict) and value:
            for inner, content in _table(value).items():
                self._part(key, inner, content)
        elif is_nothing(value) or value in (0, "NONE"):
            self._ledger.unset(key, value)
        elif key in ("secrets", "cloud"):
            self._ledger.impossible(
                key, "…", Text("never copied: it may hold passwords", "パスワードを含む可能性があるためコピーしません")
            )
        else:
            self._no(key, value)

    def _no(self, key: str, value: object, why: Text = _NO_COUNTERPART) -> None:
        self._kept[key] = value
        self._ledger.impossible(key, value, why)

    def _set(self, key: str, value: object, name: str, meant: object, why: Text | None = None) -> None:
        option = self._options.get(name)
        if is_nothing(value) or (value == 0 and name in ("noise_offset", "network_dropout")):
            self._ledger.unset(key, value)
        elif option is None:
            self._no(key, value)
        else:
            scratch = Ledger()
            if put(self._values, option, name, meant, scratch):
                self._ledger.translated(key, value, f"{name} = {shown(self._values[name])}", why)
            else:
                self._no(key, value, scratch.entries[0].why or _NO_COUNTERPART)

    # --- one method for each key that says something in its own way ----------------------------------------------

    def _on_training_method(self, key: str, value: object) -> None:
        if value != "LORA":
            why = Text("only LoRA trainings can be taken over", "引き継げるのは LoRA の学習だけです")
            self._no(key, value, why)
            return
        modules = {"sd3": "networks.lora_sd3", "flux": "networks.lora_flux", "anima": "networks.lora_anima"}
        self._set(key, value, "network_module", modules.get(self._script.split("_")[0], "networks.lora"))

    def _on_model_type(self, key: str, value: object) -> None:
        if self._model not in _SCRIPTS:
            self._no(key, value, Text("sd-scripts trains no such model", "sd-scripts では学習できないモデルです"))
            return
        self._ledger.translated(key, value, f"script = {self._script}")
        if self._model.startswith("STABLE_DIFFUSION_2"):
            self._values["v2"] = True
            if not self._model.endswith("BASE"):
                self._values["v_parameterization"] = True
        if self._model == "CHROMA_1":
            self._values["model_type"] = "chroma"

    def _on_peft_type(self, key: str, value: object) -> None:
        if value == "LORA":
            self._ledger.unset(key, value)
        else:
            self._no(key, value)

    def _on_resolution(self, key: str, value: object) -> None:
        text = str(value).strip()
        found = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
        if found is None:
            why = Text(
                "several resolutions belong into a dataset config", "複数の解像度はデータセット設定ファイルで指定してください"
            )
            self._no(key, value, why)
        else:
            self._set(key, value, "resolution", ",".join(filter(None, found.groups())))

    def _on_learning_rate_scheduler(self, key: str, value: object) -> None:
        if str(value) in _SCHEDULERS:
            name = _SCHEDULERS[str(value)]
            if name == "constant" and number(self._source.get("learning_rate_warmup_steps", 200)):
                name = "constant_with_warmup"
            self._set(key, value, "lr_scheduler", name)
        else:
            self._no(key, value)

    def _on_learning_rate_warmup_steps(self, key: str, value: object) -> None:
        count = number(value)
        if count == 0:
            self._ledger.unset(key, value)
            return
        if "learning_rate_scheduler" not in self._source:
            self._values["lr_scheduler"] = "constant_with_warmup"
        self._set(key, value, "lr_warmup_steps", count if count < 1 else int(count))

    def _on_learning_rate_cycles(self, key: str, value: object) -> None:
        if self._source.get("learning_rate_scheduler") == "COSINE_WITH_HARD_RESTARTS":
            self._set(key, value, "lr_scheduler_num_cycles", int(number(value)))
        else:
            self._ledger.unset(key, value)

    def _on_clip_grad_norm(self, key: str, value: object) -> None:
        self._values["max_grad_norm"] = number(value)
        self._ledger.translated(key, value, f"max_grad_norm = {number(value)}")

    def _on_train_dtype(self, key: str, value: object) -> None:
        self._precision(key, value, "mixed_precision", 0)

    def _on_output_dtype(self, key: str, value: object) -> None:
        self._precision(key, value, "save_precision", 1)

    def _precision(self, key: str, value: object, name: str, place: int) -> None:
        if str(value) in _PRECISION:
            self._set(key, value, name, _PRECISION[str(value)][place])
        else:
            self._no(key, value)

    def _on_output_model_destination(self, key: str, value: object) -> None:
        folder, _, file = str(value).replace("\\", "/").rpartition("/")
        stem, dot, ending = file.rpartition(".")
        if folder:
            self._values["output_dir"] = folder
        if stem or file:
            self._values["output_name"] = stem if dot else file
        if ending in ("safetensors", "ckpt", "pt"):
            self._values["save_model_as"] = ending
        self._ledger.translated(key, value, f"output_dir = {folder}, output_name = {stem if dot else file}")

    def _on_attention_mechanism(self, key: str, value: object) -> None:
        name = {"SDP": "sdpa", "XFORMERS": "xformers"}.get(str(value))
        if name is None:
            self._no(key, value)
        else:
            self._set(key, value, name, True)

    def _on_loss_weight_fn(self, key: str, value: object) -> None:
        if value == "MIN_SNR_GAMMA":
            self._set(key, value, "min_snr_gamma", number(self._source.get("loss_weight_strength"), 5.0))
        elif value == "DEBIASED_ESTIMATION":
            self._set(key, value, "debiased_estimation_loss", True)
        elif value == "CONSTANT":
            self._ledger.unset(key, value)
        else:
            self._no(key, value)

    def _on_loss_weight_strength(self, key: str, value: object) -> None:
        if self._source.get("loss_weight_fn") == "MIN_SNR_GAMMA":
            self._ledger.translated(key, value, "min_snr_gamma")
        else:
            self._ledger.unset(key, value)

    def _on_min_noising_strength(self, key: str, value: object) -> None:
        self._timestep(key, value, "min_timestep", 0)

    def _on_max_noising_strength(self, key: str, value: object) -> None:
        self._timestep(key, value, "max_timestep", 1000)

    def _timestep(self, key: str, value: object, name: str, whole: int) -> None:
        step = round(number(value) * 1000)
        if step == whole:
            self._ledger.unset(key, value)
        else:
            self._set(key, step, name, step)

    def _on_text_encoder_layer_skip(self, key: str, value: object) -> None:
        if number(value):
            self._set(key, value, "clip_skip", int(number(value)) + 1, Text("counted from one", "1 から数えます"))
        else:
            self._ledger.unset(key, value)

    def _on_save_every(self, key: str, value: object) -> None:
        self._every(key, value, "save_every_unit", "save")

    def _on_sample_after(self, key: str, value: object) -> None:
        self._every(key, value, "sample_after_unit", "sample")

    def _every(self, key: str, value: object, unit_key: str, what: str) -> None:
        unit = str(self._source.get(unit_key, "NEVER" if what == "save" else "MINUTE"))
        if unit in ("STEP", "EPOCH"):
            self._set(key, value, f"{what}_every_n_{unit.lower()}s", int(number(value)))
        elif unit == "NEVER":
            self._ledger.unset(key, value)
        else:
            self._no(key, value)

    def _on_save_every_unit(self, key: str, value: object) -> None:
        self._unit(key, value)

    _on_sample_after_unit = _on_save_every_unit

    def _unit(self, key: str, value: object) -> None:
        if value in ("STEP", "EPOCH"):
            self._ledger.translated(key, value, f"…_every_n_{str(value).lower()}s")
        else:
            self._ledger.unset(key, value)

    # --- parts of the model, and the optimizer -------------------------------------------------------------------

    def _part(self, part: str, key: str, value: object) -> None:
        path = f"{part}.{key}"
        encoder = part.startswith("text_encoder")
        if key == "train":
            if value is True:
                self._ledger.unset(path, value)
            else:
                self._ledger.translated(path, value, f"network_train_{'unet' if encoder else 'text_encoder'}_only")
        elif key == "learning_rate" and value is not None and part in ("unet", "transformer", "prior", "text_encoder"):
            self._set(path, value, "text_encoder_lr" if encoder else "unet_lr", value)
        elif key == "gradient_checkpointing" and part in ("unet", "transformer", "prior"):
            self._set(path, value, "gradient_checkpointing", value)
        elif key == "model_name" and part == "vae":
            self._set(path, value, "vae", value)
        elif is_nothing(value) or value == 0 or value in ("NEVER", "NONE"):
            self._ledger.unset(path, value)
        else:
            self._no(path, value)

    def _parts(self) -> None:
        encoders = [_table(self._source.get(name)) for name in ("text_encoder", "text_encoder_2")]
        trained = [table.get("train", True) for table in encoders if table]
        if trained and not any(trained):
            self._values["network_train_unet_only"] = True
        elif any(_table(self._source.get(name)).get("train") is False for name in ("unet", "transformer")):
            self._values["network_train_text_encoder_only"] = True

    def _on_optimizer(self, key: str, value: object) -> None:
        table = _table(value)
        name = str(table.get("optimizer", "ADAMW")) if table else str(value)
        meant = _OPTIMIZERS.get(name)
        if meant is None:
            self._no(key, value, Text("no optimizer of sd-scripts by that name", "sd-scripts にないオプティマイザーです"))
            return
        self._set("optimizer.optimizer", name, "optimizer_type", meant)
        spec = self._catalogue.find(meant)
        names = {argument.name for argument in spec.arguments} if spec is not None else set[str]()
        items: list[str] = []
        betas = [table.get(beta) for beta in ("beta1", "beta2", "beta3")]
        if betas[0] is not None and betas[1] is not None and "betas" in names:
            items.append(f"betas=({', '.join(repr(beta) for beta in betas if beta is not None)})")
        for inner, content in table.items():
            path = f"optimizer.{inner}"
            if inner == "optimizer":
                continue
            if inner in ("beta1", "beta2", "beta3") and items and content is not None:
                self._ledger.translated(path, content, items[0])
            elif inner in names and content is not None:
                items.append(f"{inner}={content!r}")
                self._ledger.translated(path, content, items[-1])
            elif is_nothing(content):
                self._ledger.unset(path, content)
            else:
                self._no(path, content)
        if items:
            self._values["optimizer_args"] = items
