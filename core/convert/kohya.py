"""kohya_ss' JSON: its own names, percentages, arguments in one text, and zeros and empty texts for "not set".

What is done with each key is what kohya_ss does when it starts a training: kohya_gui/lora_gui.py, train_model, and
kohya_gui/class_accelerate_launch.py.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from core.command.build import parse_options
from core.convert.kohya_network import NETWORK_KEYS, network_of
from core.convert.report import Imported, Ledger, shown
from core.convert.values import is_nothing, known_anywhere, number, put, with_kept
from core.job.model import Job
from core.options.model import Option, OptionKind, OptionSet, OptionValue
from core.options.snapshot import accelerate_options, snapshot_for
from core.text import Text

KIND: Final = Text("kohya_ss settings", "kohya_ss の設定ファイル")

_SCRIPTS: Final = (
    ("sdxl", "sdxl_train_network.py"),
    ("flux1_checkbox", "flux_train_network.py"),
    ("sd3_checkbox", "sd3_train_network.py"),
    ("hunyuan_image_checkbox", "hunyuan_image_train_network.py"),
    ("anima_checkbox", "anima_train_network.py"),
    ("lumina_checkbox", "lumina_train_network.py"),
)
_RENAMED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "optimizer": "optimizer_type",
        "max_resolution": "resolution",
        "lora_network_weights": "network_weights",
        "sdxl_no_half_vae": "no_half_vae",
        "sd3_clip_l": "clip_l",
        "sd3_t5xxl": "t5xxl",
        "sd3_fused_backward_pass": "fused_backward_pass",
        "sd3_clip_l_dropout_rate": "clip_l_dropout_rate",
        "sd3_t5_dropout_rate": "t5_dropout_rate",
        "sd3_text_encoder_batch_size": "text_encoder_batch_size",
    }
)
_FAMILIES: Final = ("sdxl_", "flux1_", "sd3_", "hunyuan_", "hunyuan_image_", "anima_", "lumina_")
# Options for which kohya_ss leaves a zero out: it means "not set" there, and sd-scripts would take it at its word.
_ZERO_IS_NOTHING: Final = frozenset(
    [
        "adaptive_noise_scale",
        "clip_skip",
        "ip_noise_gamma",
        "max_timestep",
        "max_train_epochs",
        "max_train_steps",
        "min_snr_gamma",
        "min_timestep",
        "multires_noise_iterations",
        "noise_offset",
        "sample_every_n_epochs",
        "sample_every_n_steps",
        "save_every_n_epochs",
        "save_every_n_steps",
        "save_last_n_steps",
        "save_last_n_steps_state",
        "save_last_n_epochs",
        "save_last_n_epochs_state",
        "seed",
        "unet_lr",
        "v_pred_like_loss",
        "vae_batch_size",
        "scale_weight_norms",
        "network_dropout",
        "main_process_port",
        "num_processes",
        "num_machines",
        "num_cpu_threads_per_process",
        "caption_dropout_every_n_epochs",
        "blocks_to_swap",
        "vae_chunk_size",
    ]
)
_ACCELERATE: Final = frozenset(
    [
        "num_cpu_threads_per_process",
        "num_processes",
        "num_machines",
        "multi_gpu",
        "gpu_ids",
        "main_process_port",
        "dynamo_backend",
        "dynamo_mode",
        "dynamo_use_fullgraph",
        "dynamo_use_dynamic",
    ]
)
_OF_THE_WINDOW: Final = frozenset(
    ["model_list", "save_as_bool", "tensorboard", "logging_path", "lowvram", "sdxl_checkbox", "dataset_preparation", "folders"]
)


def looks_like(document: Mapping[str, object]) -> bool:
    """Whether a JSON object is kohya_ss' settings."""
    return "LoRA_type" in document or ("max_resolution" in document and "train_batch_size" in document)


def read(document: Mapping[str, object]) -> Imported:
    """Reads the settings of kohya_ss' LoRA page."""
    return _Reader(document).run()


class _Reader:
    def __init__(self, document: Mapping[str, object]) -> None:
        self._source = document
        self._ledger = Ledger()
        self._values: dict[str, OptionValue] = {}
        self._accelerate: dict[str, OptionValue] = {}
        self._kept: dict[str, object] = {}
        self._script = next((script for key, script in _SCRIPTS if self._on(key)), "train_network.py")
        known = snapshot_for(self._script)
        assert known is not None, "the snapshot has the scripts that kohya_ss starts"
        self._options: OptionSet = known
        self._special: Mapping[str, Callable[[str, object], None]] = {
            "LoRA_type": self._network,
            "optimizer_args": self._words,
            "lr_scheduler_args": self._words,
            "lr_warmup": self._warmup,
            "epoch": self._epoch,
            "xformers": self._attention,
            "text_encoder_lr": self._encoder_rate,
            "t5xxl_lr": self._nothing_more,
            "sample_prompts": self._prompts,
            "stop_text_encoder_training": self._stop_encoder,
            "stop_text_encoder_training_pct": self._stop_encoder,
            "noise_offset_type": self._noise_kind,
            "max_token_length": self._tokens,
            "lr_scheduler_num_cycles": self._cycles,
            "mixed_precision": self._precision,
            "additional_parameters": self._nothing_more,  # last, since it overrides
            "extra_accelerate_launch_args": self._launch_words,
        }

    def _on(self, key: str) -> bool:
        value = self._source.get(key)
        return value is True or (isinstance(value, str) and value.lower() == "true")

    def run(self) -> Imported:
        for key, value in self._source.items():
            self._one(key, value)
        self._which_parts()
        extra = self._source.get("additional_parameters")
        if isinstance(extra, str) and extra.strip():
            self._additional(extra)
        job = Job(script=self._script, options=MappingProxyType(self._values), accelerate=MappingProxyType(self._accelerate))
        return Imported(kind=KIND, job=with_kept(job, self._kept), report=self._ledger.report())

    def _one(self, key: str, value: object) -> None:
        if key in dict(_SCRIPTS):
            if self._on(key):
                self._ledger.translated(key, value, f"script = {self._script}")
            else:
                self._ledger.unset(key, value)
        elif key in self._special:
            self._special[key](key, value)
        elif key in NETWORK_KEYS:
            self._nothing_more(key, value)  # told by the network
        elif key in _ACCELERATE:
            self._launch(key, value)
        elif key in _OF_THE_WINDOW:
            self._ledger.impossible(key, value, Text("only kohya_ss' window uses it", "kohya_ss の画面だけで使われる項目です"))
        else:
            self._plain(key, value)

    def _plain(self, key: str, value: object) -> None:
        option = self._option(key)
        if option is None:
            if is_nothing(value) or value == 0:
                self._ledger.unset(key, value)
            elif known_anywhere(_stripped(key)):
                self._ledger.unset(key, value, Text(f"{self._script} has no such option", f"{self._script} にないオプションです"))
                self._kept[key] = value
            else:
                self._kept[key] = value
                self._ledger.unknown(key, value)
        elif is_nothing(value) or (option.name in _ZERO_IS_NOTHING and number(value) == 0):
            self._ledger.unset(key, value)
        elif not self._meant(key):
            self._ledger.unset(
                key, value, Text("not used with this kind of noise offset", "この noise_offset_type では使われません")
            )
        elif option.kind is OptionKind.FLAG and number(value, -1) == 0:
            self._ledger.unset(key, value)
        else:
            put(self._values, option, key, value, self._ledger)

    def _option(self, key: str) -> Option | None:
        if key in _RENAMED:
            return self._options.get(_RENAMED[key]) if _of_family(key, self._script) else None
        option = self._options.get(key)
        if option is not None or not _of_family(key, self._script):
            return option
        return self._options.get(_stripped(key))

    def _meant(self, key: str) -> bool:
        kind = self._source.get("noise_offset_type", "Original")
        if key in ("noise_offset", "adaptive_noise_scale", "noise_offset_random_strength"):
            return kind == "Original"
        return kind == "Multires" if key in ("multires_noise_iterations", "multires_noise_discount") else True

    def _set(self, name: str, key: str, value: object, meant: object, why: Text | None = None) -> None:
        option = self._options.get(name)
        if option is None:
            self._ledger.impossible(key, value, Text(f"{self._script} has no {name}", f"{self._script} に {name} がありません"))
            return
        scratch = Ledger()
        if put(self._values, option, key, meant, scratch):
            self._ledger.translated(key, value, f"{name} = {shown(self._values[name])}", why)
        else:
            self._kept[key] = value
            self._ledger.entries += scratch.entries

    # --- what kohya_ss says in its own way ---------------------------------------------------------------------

    def _network(self, key: str, value: object) -> None:
        made = network_of(str(value), self._source, sd3=self._script == "sd3_train_network.py")
        if made is None:
            self._kept[key] = value
            self._ledger.impossible(
                key, value, Text("this kind of network is unknown here", "この種類のネットワークは変換できません")
            )
            return
        module, arguments = made
        self._values["network_module"] = module
        if arguments:
            self._values["network_args"] = arguments
        self._ledger.translated(key, value, f"network_module = {module}" + (f", network_args = {arguments}" if arguments else ""))

    def _nothing_more(self, key: str, value: object) -> None:
        if key in NETWORK_KEYS and not is_nothing(value):
            wanted = network_of(str(self._source.get("LoRA_type", "")), self._source, sd3=False)
            found = [item for item in (wanted[1] if wanted else []) if item.split("=")[0] in (key, NETWORK_KEYS[key])]
            if found:
                self._ledger.translated(key, value, f"network_args: {found[0]}")
            else:
                self._ledger.unset(key, value, Text("not used by this kind of network", "この種類のネットワークでは使われません"))
        elif key == "additional_parameters" and not is_nothing(value):
            return  # booked where it is read
        elif key == "t5xxl_lr" and number(value):
            self._ledger.translated(key, value, "text_encoder_lr (the second number)")
        else:
            self._ledger.unset(key, value)

    def _words(self, key: str, value: object) -> None:
        words = [str(item) for item in value] if isinstance(value, list) else str(value or "").replace('"', "").split()  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if words:
            self._set(key, key, value, words)
        else:
            self._ledger.unset(key, value)

    def _warmup(self, key: str, value: object) -> None:
        percent = number(value)
        if percent == 0:
            self._ledger.unset(key, value)
        elif number(self._source.get("lr_warmup_steps")):
            self._ledger.unset(key, value, Text("lr_warmup_steps counts", "lr_warmup_steps が優先されます"))
        elif 0 < percent < 100:
            self._set("lr_warmup_steps", key, value, percent / 100, Text("percent of all steps", "全ステップに対する割合 (%)"))
        else:
            self._ledger.impossible(key, value, Text("not between 0 and 100 percent", "0 から 100 % の範囲にありません"))

    def _epoch(self, key: str, value: object) -> None:
        if number(self._source.get("max_train_steps")) or number(self._source.get("max_train_epochs")):
            why = Text("max_train_steps or max_train_epochs counts", "max_train_steps か max_train_epochs が優先されます")
            self._ledger.unset(key, value, why)
        elif number(value):
            self._set("max_train_epochs", key, value, value)
        else:
            self._ledger.unset(key, value)

    def _attention(self, key: str, value: object) -> None:
        name = "xformers" if value is True else str(value)
        if name in ("xformers", "sdpa"):
            self._values[name] = True
            self._ledger.translated(key, value, f"{name} = True")
        else:
            self._ledger.unset(key, value)

    def _encoder_rate(self, key: str, value: object) -> None:
        rate, second = number(value), number(self._source.get("t5xxl_lr"))
        if rate > 0:
            self._set(key, key, value, [rate, second or rate] if second or self._has_two_encoders else [rate])
        else:
            self._ledger.unset(key, value)

    @property
    def _has_two_encoders(self) -> bool:
        return self._script in ("sdxl_train_network.py", "flux_train_network.py", "sd3_train_network.py")

    def _which_parts(self) -> None:
        """A rate of zero means to kohya_ss that this part is not trained at all."""
        if "unet_lr" not in self._source or "text_encoder_lr" not in self._source:
            return
        unet, encoder = number(self._source["unet_lr"]), number(self._source["text_encoder_lr"])
        if (unet == 0) == (encoder == 0):
            return
        name = "network_train_unet_only" if unet else "network_train_text_encoder_only"
        self._values[name] = True
        self._ledger.translated("unet_lr, text_encoder_lr", f"{unet:g}, {encoder:g}", f"{name} = True")

    def _prompts(self, key: str, value: object) -> None:
        text = str(value or "")
        if not text.strip():
            self._ledger.unset(key, value)
        elif "\n" not in text.strip() and text.strip().lower().endswith((".txt", ".json", ".toml")):
            self._set(key, key, value, text.strip())
        else:
            self._kept[key] = value
            why = Text(
                "the prompts themselves; sd-scripts wants a text file with them",
                "プロンプト本文です。sd-scripts にはテキストファイルを渡してください",
            )
            self._ledger.impossible(key, value, why)

    def _stop_encoder(self, key: str, value: object) -> None:
        if number(value) == 0:
            self._ledger.unset(key, value)
            return
        steps = number(self._source.get("max_train_steps"))
        if steps and self._options.get("stop_text_encoder_training"):
            self._set("stop_text_encoder_training", key, value, int(steps * number(value) / 100 + 0.999))
        else:
            self._kept[key] = value
            why = Text("percent of steps that only the training knows", "総ステップ数が分からないため換算できない割合です")
            self._ledger.impossible(key, value, why)

    def _noise_kind(self, key: str, value: object) -> None:
        self._ledger.translated(key, value, "noise_offset" if value == "Original" else "multires_noise_iterations")

    def _tokens(self, key: str, value: object) -> None:
        if number(value) in (0, 75):
            self._ledger.unset(key, value, Text("75 is what sd-scripts does without it", "75 は sd-scripts の既定値です"))
        else:
            self._plain(key, value)

    def _cycles(self, key: str, value: object) -> None:
        if is_nothing(value) and number(self._source.get("epoch")):
            self._set(key, key, value, self._source["epoch"], Text("as many as epochs", "エポック数と同じ回数になります"))
        else:
            self._plain(key, value)

    def _precision(self, key: str, value: object) -> None:
        self._plain(key, value)
        if not is_nothing(value):
            self._accelerate[key] = str(value)

    def _launch(self, key: str, value: object) -> None:
        option = accelerate_options().get(key)
        if option is None or is_nothing(value) or (key in _ZERO_IS_NOTHING and number(value) == 0):
            self._ledger.unset(key, value)
        else:
            scratch = Ledger()
            if put(self._accelerate, option, key, value, scratch):
                self._ledger.translated(key, value, f"accelerate {key} = {shown(self._accelerate[key])}")
            else:
                self._ledger.entries += scratch.entries

    def _launch_words(self, key: str, value: object) -> None:
        words = str(value or "").replace('"', "").split()
        if not words:
            self._ledger.unset(key, value)
            return
        parsed = parse_options(words, accelerate_options())
        self._accelerate.update(parsed.values)
        self._ledger.note(parsed.problems)
        self._ledger.translated(key, value, f"accelerate {shown(parsed.values)}")

    def _additional(self, text: str) -> None:
        try:
            words = shlex.split(text)
        except ValueError:
            words = text.replace('"', "").split()
        parsed = parse_options(words, self._options)
        self._values.update(parsed.values)
        self._ledger.note(parsed.problems)
        self._ledger.translated("additional_parameters", text, shown(parsed.values))


def _stripped(key: str) -> str:
    for family in sorted(_FAMILIES, key=len, reverse=True):
        if key.startswith(family):
            return key[len(family) :]
    return key


def _of_family(key: str, script: str) -> bool:
    """Whether a key that begins with the name of a kind of model is meant for this script."""
    found = next((family for family in sorted(_FAMILIES, key=len, reverse=True) if key.startswith(family)), None)
    return found is None or script.startswith(found.removesuffix("1_").removesuffix("_"))
