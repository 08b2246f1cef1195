"""Which optimizers of ours are held against which references, and how both are loaded.

The list itself is `optimizers.registry.PAIRS`: a pair that is entered there is tested by that entry alone.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from typing import Any

import pytest

from optimizers.registry import PAIRS, Pair

AUTHORS_FILES = "CADDIE_EMO_FILES"
"""Environment variable: a folder with references that are files and no package (muooon's emonavi.py and its siblings)."""

BACKENDS = ("exact", "eager", "native")


def pair_named(name: str) -> Pair:
    return next(pair for pair in PAIRS if pair.name == name)


def load(path: str) -> type[Any]:
    """The class at a dotted path."""
    _look_at_authors_files()
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def reference_of(pair: Pair) -> type[Any]:
    """The reference's class; skips, with the package's name, where it is not installed."""
    try:
        return load(pair.reference)
    except ModuleNotFoundError as error:
        if error.name is None or not pair.reference.startswith(error.name.split(".")[0]):
            raise
        pytest.skip(f"{pair.package} is not installed")


def _look_at_authors_files() -> None:
    folder = os.environ.get(AUTHORS_FILES)
    if folder and folder not in sys.path:
        sys.path.append(folder)


def is_here(pair: Pair) -> bool:
    """Whether the reference's package is installed; nothing is imported."""
    _look_at_authors_files()
    return importlib.util.find_spec(pair.reference.split(".")[0]) is not None


def ours_of(pair: Pair) -> type[Any]:
    return load(pair.ours)


def arguments_of(optimizer_class: type[Any]) -> dict[str, Any]:
    """Name and default of every argument beside the parameters."""
    parameters = list(inspect.signature(optimizer_class).parameters.values())[1:]
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {one.name: one.default for one in parameters if one.kind in named}


COMPARABLE = tuple(pair for pair in PAIRS if is_here(pair))
"""The pairs whose reference is here: no case is made only to be skipped. What is missing has a test of its own."""
