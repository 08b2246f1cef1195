"""Where the weights of a part of a diffusers folder lie: one file or several, in full or half precision."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from core.errors import CaddieError
from core.text import Text
from core.training.models.header import Header, read_header, refuse_pickled

STEMS = ("diffusion_pytorch_model", "model")
VARIANTS = ("", ".fp16", ".bf16", ".non_ema")


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """The weights of a part.

    Attributes:
        files: one, or the pieces of large ones.
        variant: what diffusers and transformers call the kind of the files: "fp16", …; "" for the plain ones.
    """

    files: tuple[Path, ...]
    variant: str = ""

    def header(self) -> Header:
        """What all the files say about themselves.

        Raises:
            CaddieError: one of them cannot be read or is cut short.
        """
        headers = [read_header(file) for file in self.files]
        return Header(
            {name: shape for header in headers for name, shape in header.shapes.items()},
            {name: kind for header in headers for name, kind in header.types.items()},
            headers[0].metadata,
        )


def weights_of(folder: Path) -> WeightFiles:
    """The weights' files of a part of a diffusers folder: float32 before fp16 where there are both.

    Raises:
        CaddieError: there is none, it is pickled, or a piece is missing.
    """
    for stem in STEMS:
        for variant in VARIANTS:
            name = variant.removeprefix(".")
            if (file := folder / f"{stem}{variant}.safetensors").is_file():
                return WeightFiles((file,), name)
            if (index := folder / f"{stem}.safetensors.index{variant}.json").is_file():
                return WeightFiles(_pieces(index), name)
    for pickled in sorted(folder.glob("*.bin")):
        refuse_pickled(pickled)
    raise CaddieError(
        Text(f"{folder} holds no weights (.safetensors).", f"{folder} に重みのファイル (.safetensors) がありません。")
    )


def _pieces(index: Path) -> tuple[Path, ...]:
    try:
        names = {str(name) for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise CaddieError(Text(f"{index} is damaged.", f"{index} が壊れています。")) from problem
    files = tuple(index.parent / Path(name).name for name in sorted(names))  # names alone: nothing outside the folder
    missing = [file.name for file in files if not file.is_file()]
    if missing or not files:
        listed = ", ".join(missing)
        raise CaddieError(
            Text(
                f"The weights of {index.parent} are not all there: {listed} is missing. Download the folder again.",
                f"{index.parent} の重みが揃っていません。{listed} がありません。フォルダーをダウンロードし直してください。",
            )
        )
    return files
