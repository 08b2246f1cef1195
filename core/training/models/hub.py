"""Models that a job calls by their name on Hugging Face's hub: found in the cache on this computer, never downloaded."""

from __future__ import annotations

import re
from pathlib import Path

from core.errors import CaddieError
from core.text import Text

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")


def find_model(name: str) -> Path:
    """Where a model lies.

    Args:
        name: a file or a folder, or a model's name on the hub such as "stabilityai/sd-vae-ft-mse", which sd-scripts would
            download.

    Returns:
        The path as it is, whether there is anything or not; the folder in the hub's cache for a name.

    Raises:
        CaddieError: it is a name, and the cache does not have that model.
    """
    path = Path(name)
    if path.exists() or not is_hub_name(name):
        return path
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError, ValueError) as problem:
        raise CaddieError(
            Text(
                f"{name} is neither a file or a folder here nor in the cache of Hugging Face. The built-in trainer downloads no "
                f"models. If it is one of the hub's, fetch it with: hf download {name} (or train with it once with sd-scripts).",
                f"{name} というファイルやフォルダーはなく、Hugging Face のキャッシュにもありません。内蔵トレーナーはモデルをダウンロード"
                f"しません。Hugging Face のモデルなら、hf download {name} で取得してください (sd-scripts で一度学習しても取得できます)。",
            )
        ) from problem


def is_hub_name(name: str) -> bool:
    """Whether a text has the form of a model's name on the hub."""
    return bool(_NAME.fullmatch(name)) and not name.lower().endswith(_FILES)
