"""Which files can be imported."""

from __future__ import annotations

from typing import Final

ENDINGS: Final = (".toml", ".json", ".bat", ".cmd", ".sh", ".ps1", ".safetensors")
"""Their endings; what such a file is, its content tells."""
