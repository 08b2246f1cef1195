"""The header of a .safetensors file: names, shapes and types of its tensors, read without loading any of them.

Format: 8 bytes little-endian length, so many bytes of JSON, then the data (safetensors' documentation).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CaddieError
from core.text import Text

PICKLED = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
_LARGEST_HEADER = 100_000_000  # safetensors' own limit


@dataclass(frozen=True, slots=True)
class Header:
    """What a .safetensors file says about itself.

    Attributes:
        shapes: of each tensor, by name.
        types: of each tensor, in safetensors' words: "F16", "BF16", "F32" and others.
        metadata: texts that its author wrote.
    """

    shapes: dict[str, tuple[int, ...]]
    types: dict[str, str]
    metadata: dict[str, str]

    def starts(self, prefix: str) -> bool:
        """Whether any tensor's name starts so."""
        return any(name.startswith(prefix) for name in self.shapes)

    def most_common_type(self, prefix: str = "") -> str:
        """The type that most tensors of a part have; "" where there are none."""
        counts: dict[str, int] = {}
        for name, kind in self.types.items():
            if name.startswith(prefix):
                counts[kind] = counts.get(kind, 0) + 1
        return max(counts, key=lambda kind: counts[kind], default="")


def read_header(path: Path) -> Header:
    """Reads a file's header and checks that the file is as long as it says.

    Raises:
        CaddieError: it cannot be read, is pickled, is no .safetensors file, or is cut short.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            refuse_pickled(path, start)
            length = int.from_bytes(start, "little")
            if len(start) < 8 or not 2 <= length <= _LARGEST_HEADER:
                raise _no_model(path)
            if 8 + length > size:
                raise _cut_short(path, 8 + length, size)
            content = json.loads(file.read(length).decode("utf-8"))
    except OSError as problem:
        raise CaddieError(
            Text(f"{path} cannot be read: {problem.strerror}.", f"{path} を読み込めません: {problem.strerror}。")
        ) from problem
    except ValueError as problem:  # JSON's and UTF-8's errors are both ValueErrors
        raise _no_model(path) from problem
    header, end = _parse(path, content)
    if 8 + length + end > size:
        raise _cut_short(path, 8 + length + end, size)
    return header


def refuse_pickled(path: Path, start: bytes = b"") -> None:
    """Says why a pickled file is not opened, whatever its name ends with.

    Args:
        path: of the file.
        start: its first bytes, if known.

    Raises:
        CaddieError: it is pickled.
    """
    if path.suffix.lower() in PICKLED or start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04")):
        raise CaddieError(
            Text(
                f"{path} is a pickled file. Such a file can run any program when it is opened, so the built-in trainer does not. "
                "Use the .safetensors file of the same model, or convert it with a tool you trust.",
                f"{path} は pickle 形式のファイルです。開くだけで任意のプログラムが実行されるおそれがあるため、内蔵トレーナーは読み込みません。"
                "同じモデルの .safetensors ファイルを使うか、信頼できるツールで変換してください。",
            )
        )


def _parse(path: Path, content: Any) -> tuple[Header, int]:
    """The header, and where its last tensor ends, counted from the data's start."""
    if not isinstance(content, dict):
        raise _no_model(path)
    metadata = content.pop("__metadata__", None) or {}
    shapes: dict[str, tuple[int, ...]] = {}
    types: dict[str, str] = {}
    end = 0
    try:
        for name, entry in content.items():
            shapes[name] = tuple(int(length) for length in entry["shape"])
            types[name] = str(entry["dtype"])
            end = max(end, int(entry["data_offsets"][1]))
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise _no_model(path) from problem
    return Header(shapes, types, {str(key): str(value) for key, value in metadata.items()}), end


def _no_model(path: Path) -> CaddieError:
    return CaddieError(
        Text(
            f"{path} is not a .safetensors file, or its beginning is damaged. Choose the model file again, or download it again.",
            f"{path} は .safetensors ファイルではないか、先頭部分が壊れています。モデルファイルを選び直すか、ダウンロードし直してください。",
        )
    )


def _cut_short(path: Path, expected: int, found: int) -> CaddieError:
    missing = max(1, round((expected - found) / 1e6))
    return CaddieError(
        Text(
            f"{path} is cut short: about {missing} MB are missing. Download or copy it again.",
            f"{path} は途中で切れています(約 {missing} MB 不足しています)。ダウンロードまたはコピーをやり直してください。",
        )
    )
