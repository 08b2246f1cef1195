"""What the checkout and the Python that trains can import, told from their files alone: nothing is run."""

from __future__ import annotations

import ast
import os
import re
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

_MOST_BYTES = 2 * 1024 * 1024
_LIBRARY = Path("library") / "train_util.py"
_FUNCTION = "def get_optimizer("
_MAPPED = re.compile(r"'(\w+)': r?'")
"""A package and its folder, as setuptools writes them into the finder of an editable one."""


@dataclass(frozen=True, slots=True)
class Names:
    """The optimizers that a checkout's `get_optimizer` asks for, in lower case.

    Attributes:
        whole: names.
        beginnings, endings: of families of names ("dadapt", "schedulefree").
        schedule_free: the checkout puts schedule-free optimizers into training mode before each step.
    """

    whole: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    schedule_free: bool = False

    def has(self, name: str) -> bool:
        """Whether it knows a name, however it is written."""
        name = name.lower()
        return name in self.whole or name.startswith(self.beginnings) or name.endswith(self.endings)


@dataclass(frozen=True, slots=True)
class Code:
    """What is there to import.

    Attributes:
        optimizers: of the checkout; None where there is none, or its text is not understood.
        networks: modules of its folder `networks`, None where there is no such folder.
        modules: first names of all modules, of the Python's packages and of the checkout; None where that cannot be told.
    """

    optimizers: Names | None = None
    networks: frozenset[str] | None = None
    modules: frozenset[str] | None = field(default=None, repr=False)


def look_at_code(checkout: Path | None, python: Path | None) -> Code:
    """Looks at the files; for a worker thread.

    Args:
        checkout: of sd-scripts.
        python: the interpreter that trains.
    """
    networks = _names_in(checkout / "networks") if checkout is not None else None
    installed = _installed(python) if python is not None else None
    own = _names_in(checkout) if checkout is not None else None
    modules = installed | (own or frozenset()) | frozenset(sys.stdlib_module_names) if installed is not None else None
    return Code(_optimizers(checkout) if checkout is not None else None, networks, modules)


def _names_in(folder: Path) -> frozenset[str] | None:
    """Importable names: modules, extensions (`_x.cp311-win_amd64.pyd`) and folders."""
    try:
        with os.scandir(folder) as entries:
            names = {entry.name.partition(".")[0] for entry in entries if entry.name.endswith((".py", ".pyd", ".so"))}
        with os.scandir(folder) as entries:
            return frozenset(names | {entry.name for entry in entries if "." not in entry.name and entry.is_dir()})
    except OSError:
        return None


def _installed(python: Path) -> frozenset[str] | None:
    """Of the packages of a virtual environment; None for other interpreters, which may have them in several places."""
    home = python.parent.parent if python.parent.name.lower() in ("bin", "scripts") else python.parent
    if _reads_elsewhere(home / "pyvenv.cfg"):
        return None
    for folder in (home / "Lib" / "site-packages", *sorted(home.glob("lib/python3*/site-packages"))):
        if (folder / "torch").is_dir():  # else it is not the one that trains
            return (_names_in(folder) or frozenset()) | _linked(folder)
    return None


def _reads_elsewhere(config: Path) -> bool:
    try:
        lines = config.read_text(encoding="utf-8", errors="replace").lower().splitlines()
    except OSError:
        return True  # no virtual environment: packages of the user count too
    return any(line.replace(" ", "") == "include-system-site-packages=true" for line in lines)


def _linked(packages: Path) -> frozenset[str]:
    """What .pth files add: folders, and packages installed as editable (sd-scripts' own `pip install -e .`)."""
    names: set[str] = set()
    for path in packages.glob("*.pth"):
        for line in _text(path).splitlines():
            said = line.strip()
            if not said or said.startswith("#"):
                continue
            if not said.startswith("import"):
                names |= _names_in(packages / said) or frozenset()
    for path in packages.glob("__editable__*_finder.py"):
        names |= set(_MAPPED.findall(_text(path)))
    return frozenset(names)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _optimizers(checkout: Path) -> Names | None:
    path = checkout / _LIBRARY
    try:
        stat = path.stat()
    except OSError:
        return None
    return _read_optimizers(str(path), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _read_optimizers(path: str, changed: int, size: int) -> Names | None:
    del changed, size  # they only tell one state of the file from another
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(_MOST_BYTES)
    except OSError:
        return None
    start = text.find(f"\n{_FUNCTION}")
    end = text.find("\ndef ", start + len(_FUNCTION))
    if start < 0 or end < 0:
        return None
    try:
        tree = ast.parse(text[start:end])
    except (SyntaxError, ValueError, RecursionError):
        return None
    names = _names_of(tree, schedule_free="is_schedulefree_optimizer" in text)
    return names if names.has("AdamW") and names.has("Prodigy") else None  # written in a way that is not understood


def _names_of(tree: ast.AST, *, schedule_free: bool) -> Names:
    whole: set[str] = set()
    sides: dict[str, list[str]] = {"startswith": [], "endswith": []}
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            words = [_word(one) for one in (node.left, *node.comparators)]
            words += [_word(item) for one in node.comparators if isinstance(one, (ast.List, ast.Tuple)) for item in one.elts]
            whole |= {word.lower() for word in words if word}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in sides and node.args:
            word = _word(node.args[0])
            if word:
                sides[node.func.attr].append(word.lower())
    # "8bit" and "schedulefree" lead on to a choice of whole names: what ends so and is none of them is looked for in torch.
    chosen = {ending for ending in sides["endswith"] if any(name.endswith(ending) for name in whole)}
    endings = tuple(ending for ending in dict.fromkeys(sides["endswith"]) if ending not in chosen)
    return Names(frozenset(whole), tuple(dict.fromkeys(sides["startswith"])), endings, schedule_free)


def _word(node: ast.AST) -> str | None:
    """The text of `"AdamW"` and of `"AdamW".lower()`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "lower":
        node = node.func.value
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
