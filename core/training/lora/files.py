"""The file of a LoRA: kohya's keys in a .safetensors file, with the hashes that web UIs know it by.

Source: sd-scripts networks/lora.py (save_weights, create_network_from_weights), library/train_util.py
(precalculate_safetensors_hashes, addnet_hash_safetensors, addnet_hash_legacy).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor

from core.errors import CaddieError
from core.files import write_atomically
from core.text import Text
from core.training.lora.settings import SavePrecision

DTYPES: Final[Mapping[SavePrecision, torch.dtype]] = {
    "float": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}
_DOWN, _UP, _ALPHA = "lora_down.weight", "lora_up.weight", "alpha"


@dataclass(frozen=True, slots=True)
class Weights:
    """One LoRA of a file.

    Attributes:
        down: (rank, in) or (rank, in, height, width).
        up: (out, rank) or (out, rank, 1, 1).
        alpha: the rank where the file does not say, as in old files.
    """

    down: Tensor
    up: Tensor
    alpha: float

    @property
    def dim(self) -> int:
        """The rank."""
        return self.down.shape[0]


@dataclass(frozen=True, slots=True)
class LoraFile:
    """What a file holds.

    Attributes:
        path: of the file.
        loras: by name, in the file's order.
        metadata: all texts of its header.
    """

    path: Path
    loras: Mapping[str, Weights]
    metadata: Mapping[str, str]


def read_lora(path: Path) -> LoraFile:
    """Reads a LoRA with kohya's keys, made by sd-scripts, by Caddie or by what is compatible with them.

    Args:
        path: a .safetensors file.

    Raises:
        CaddieError: there is no such file, it is none of these, or it is cut short.
    """
    if path.suffix.lower() != ".safetensors":
        raise CaddieError(
            Text(
                f"{path} is not a .safetensors file. Other formats are pickles, which can run any program when they are opened; "
                "save the LoRA as .safetensors first.",
                f"{path} は .safetensors ファイルではありません。他の形式は pickle で、開くと任意のプログラムが動く可能性があります。"
                "先に .safetensors で保存し直してください。",
            )
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError) as error:
        raise CaddieError(
            Text(f"The LoRA {path} could not be read: {error}", f"LoRA {path} を読み込めません: {error}")
        ) from error
    return LoraFile(path, _sort_out(path, tensors), metadata)


def save_lora(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes a LoRA: complete under its name, or not at all.

    Args:
        path: a .safetensors file; its folder is created.
        tensors: with kohya's keys, on the CPU, as of `LoraNetwork.tensors`.
        metadata: texts for the header; the two hashes are added.

    Raises:
        CaddieError: the file cannot be written, for example because the disk is full, or it would hold NaN. A former file of
            that name is as it was.
    """
    _refuse_nan(path, tensors)
    content = to_bytes(tensors, metadata)
    try:
        write_atomically(path, content)
    except OSError as error:
        raise CaddieError(
            Text(
                f"The LoRA could not be saved as {path}: {error.strerror or error}. Make room or choose another output folder.",
                f"LoRA を {path} に保存できません: {error.strerror or error}。空き容量を確保するか、別の出力フォルダーを選んでください。",
            )
        ) from error


def _refuse_nan(path: Path, tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            half = Text(
                " Numbers above 65504 do not fit into fp16: save_precision bf16 or float has room for them.",
                "65504 を超える値は fp16 では保存できません。save_precision を bf16 か float にしてください。",
            )
            is_half = tensor.dtype == torch.float16
            raise CaddieError(
                Text(
                    f"{path} was not saved: {name} holds NaN or infinity." + (half.en if is_half else ""),
                    f"{path} は保存しませんでした。{name} に NaN または無限大が含まれています。" + (half.ja if is_half else ""),
                )
            )


def to_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The content of the file, `sshs_model_hash` and `sshs_legacy_hash` included."""
    tensors = dict(tensors)
    # Both hashes are of the file with the training's own metadata alone, so that people may edit the rest.
    plain = to_safetensors(tensors, {key: value for key, value in metadata.items() if key.startswith("ss_")})
    start = 8 + int.from_bytes(plain[:8], "little")
    hashes = {
        "sshs_model_hash": hashlib.sha256(memoryview(plain)[start:]).hexdigest(),
        "sshs_legacy_hash": hashlib.sha256(plain[0x100000:0x110000]).hexdigest()[:8],
    }
    return to_safetensors(tensors, {**metadata, **hashes})


def tensors_of(name: str, down: Tensor, up: Tensor, alpha: float, dtype: torch.dtype | None) -> dict[str, Tensor]:
    """The three tensors of one LoRA under their keys, on the CPU.

    Args:
        name: of the LoRA.
        down, up: its matrices.
        alpha: its alpha.
        dtype: of the file; None keeps what they have.
    """
    dtype = dtype or down.dtype
    # `copy` so that what is being written does not change while the training goes on.
    return {
        f"{name}.{_ALPHA}": torch.tensor(alpha, dtype=dtype),
        f"{name}.{_DOWN}": down.detach().to("cpu", dtype, copy=True).contiguous(),
        f"{name}.{_UP}": up.detach().to("cpu", dtype, copy=True).contiguous(),
    }


def _sort_out(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Weights]:
    by_name: dict[str, dict[str, Tensor]] = {}
    strange: list[str] = []
    for key, tensor in tensors.items():
        name, _, what = key.partition(".")
        if what in (_DOWN, _UP, _ALPHA):
            by_name.setdefault(name, {})[what] = tensor
        else:
            strange.append(key)
    strange += [name for name, parts in by_name.items() if _DOWN not in parts or _UP not in parts]
    if strange or not by_name:
        example = strange[0] if strange else "-"
        raise CaddieError(
            Text(
                f"{path} is not a LoRA that can be trained on: it should hold lora_down, lora_up and alpha alone, in kohya's names; "
                f"it has {example}.",
                f"{path} は学習に使える LoRA ではありません。kohya 形式の lora_down、lora_up、alpha だけを含む必要がありますが、"
                f"{example} があります。",
            )
        )
    loras: dict[str, Weights] = {}
    for name, parts in by_name.items():
        down = parts[_DOWN]
        loras[name] = Weights(down, parts[_UP], float(parts[_ALPHA]) if _ALPHA in parts else float(down.shape[0]))
    return loras
