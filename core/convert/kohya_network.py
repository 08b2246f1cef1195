"""kohya_ss' `LoRA_type` as sd-scripts' module and arguments. Source: kohya_gui/lora_gui.py, train_model."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.convert.values import is_nothing, number

_BLOCKS: Final = (
    "down_lr_weight mid_lr_weight up_lr_weight block_lr_zero_threshold block_dims block_alphas conv_block_dims"
    " conv_block_alphas rank_dropout module_dropout"
)
_LOCON: Final = "preset conv_dim conv_alpha use_tucker rank_dropout bypass_mode dora_wd module_dropout use_scalar rank_dropout_scale train_norm"
_LYCORIS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "LyCORIS/BOFT": (
            "boft",
            "preset conv_dim conv_alpha module_dropout use_tucker rank_dropout rank_dropout_scale train_norm",
        ),
        "LyCORIS/Diag-OFT": (
            "diag-oft",
            "preset conv_dim conv_alpha module_dropout use_tucker rank_dropout rank_dropout_scale constraint rescaled train_norm",
        ),
        "LyCORIS/DyLoRA": ("dylora", "preset conv_dim conv_alpha use_tucker block_size rank_dropout module_dropout train_norm"),
        "LyCORIS/GLoRA": (
            "glora",
            "preset conv_dim conv_alpha use_tucker rank_dropout module_dropout rank_dropout_scale train_norm",
        ),
        "LyCORIS/iA3": ("ia3", "preset conv_dim conv_alpha train_on_input"),
        "LoCon": ("locon", _LOCON),
        "LyCORIS/LoCon": ("locon", _LOCON),
        "LyCORIS/LoHa": ("loha", _LOCON),
        "LyCORIS/LoKr": (
            "lokr",
            "preset conv_dim conv_alpha use_tucker rank_dropout bypass_mode dora_wd module_dropout factor use_cp use_scalar"
            " decompose_both rank_dropout_scale train_norm",
        ),
        "LyCORIS/Native Fine-Tuning": ("full", "preset rank_dropout module_dropout rank_dropout_scale train_norm"),
    }
)
_FLUX: Final = (
    "img_attn_dim img_mlp_dim img_mod_dim single_dim txt_attn_dim txt_mlp_dim txt_mod_dim single_mod_dim in_dims"
    " train_double_block_indices train_single_block_indices split_qkv train_t5xxl rank_dropout module_dropout"
)
# Module and names of arguments; only what is set is said.
_NATIVE: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "Standard": ("networks.lora", _BLOCKS),
        "Kohya LoCon": ("networks.lora", f"conv_dim conv_alpha {_BLOCKS}"),
        "LoRA-FA": ("networks.lora_fa", _BLOCKS),
        "Kohya DyLoRA": ("networks.dylora", f"conv_dim conv_alpha {_BLOCKS} unit"),
        "Kohya LoHa": ("networks.loha", "conv_dim conv_alpha use_tucker rank_dropout module_dropout"),
        "Kohya LoKr": ("networks.lokr", "conv_dim conv_alpha use_tucker factor rank_dropout module_dropout"),
        "Flux1": ("networks.lora_flux", _FLUX),
        "Flux1 OFT": ("networks.oft_flux", "enable_all_linear"),
        "HunyuanImage-2.1": ("networks.lora_hunyuan_image", "rank_dropout module_dropout"),
        "Anima": ("networks.lora_anima", "rank_dropout module_dropout"),
        "Lumina": ("networks.lora_lumina", "rank_dropout module_dropout"),
    }
)
# Argument -> kohya_ss' own name of it.
_OWN_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"preset": "LyCORIS_preset", "constraint": "constrain", "block_size": "unit"}
)
_PLUS: Final = ("loraplus_lr_ratio", "loraplus_unet_lr_ratio", "loraplus_text_encoder_lr_ratio")

_ALL: Final = " ".join([*(names for _, names in _LYCORIS.values()), *(names for _, names in _NATIVE.values()), *_PLUS])
NETWORK_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {_OWN_NAMES.get(name, name): name for name in dict.fromkeys(_ALL.split())}
    | {"split_mode": "train_blocks", "train_blocks": "train_blocks", "unit": "block_size"}
)
"""kohya_ss' keys that become arguments of the network -> what sd-scripts or LyCORIS calls them."""


def network_of(kind: str, source: Mapping[str, object], *, sd3: bool) -> tuple[str, list[str]] | None:
    """The module and its arguments ("name=value") for a `LoRA_type`; None for an unknown one.

    Args:
        kind: kohya_ss' `LoRA_type`.
        source: the other settings.
        sd3: the model is Stable Diffusion 3, for which the plain LoRA is in another module.
    """
    if kind in _LYCORIS:
        algorithm, names = _LYCORIS[kind]
        items = [*_said(names, source, all_of_them=True), f"algo={algorithm}"]
        return "lycoris.kohya", items + _plus(source)
    if kind not in _NATIVE:
        return None
    module, names = _NATIVE[kind]
    items = _said(names, source, all_of_them=False)
    if kind in ("Kohya LoHa", "Kohya LoKr") and not any(item.startswith("conv_dim=") for item in items):
        items = [item for item in items if not item.startswith("conv_alpha=")]
    if kind == "Flux1" and source.get("split_mode") is True:
        items.append("train_blocks=single")
    if sd3 and module == "networks.lora":
        module = "networks.lora_sd3"
    return module, items + _plus(source)


def _said(names: str, source: Mapping[str, object], *, all_of_them: bool) -> list[str]:
    """What the source says of these. kohya_ss gives LyCORIS every value, its own networks only what is not zero."""
    items: list[str] = []
    for name in names.split():
        value = source.get(_OWN_NAMES.get(name, name))
        if value is None or value == "":
            continue
        unset = is_nothing(value) or (number(value, 1.0) == 0) or (name == "factor" and number(value) == -1)
        if all_of_them or not unset:
            items.append(f"{name}={value}".replace('"', "").replace(" ", ""))
    return items


def _plus(source: Mapping[str, object]) -> list[str]:
    return [f"{name}={source[name]}" for name in _PLUS if number(source.get(name))]
