"""Reads the options of a checkout's training scripts without importing them. Run as its own process; stdlib only.

Importing a script of sd-scripts takes 7-20 s and half a gigabyte (torch, diffusers, transformers). Its `setup_parser`
needs none of that: this file takes from the syntax trees just that function and the functions and constants that it
reaches, compiles them, and lets them fill a real ArgumentParser.

The code is the user's own checkout, which is trusted to train; still, looking at it must not do what it would not do
when imported: before anything of it is executed, files, processes and the network are shut by an audit hook, most
built-in functions that reach outside are absent, and the caller sets a time limit.
Called as `python -I -S parser_child.py FOLDER SECONDS [SCRIPT …]`, the seconds that one script may take.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import collections
import enum
import faulthandler
import functools
import itertools
import json
import math
import os
import pathlib
import re
import sys
import types
import typing
from collections.abc import Iterator, Sequence

ENTRY = "setup_parser"
SKIPPED_FOLDERS = frozenset({"venv", ".venv", "env", "__pycache__", "node_modules", "site-packages"})
LARGEST_FILE = 8 << 20  # bytes; the largest of sd-scripts has 0.3 MB
# A training script is told from a generation script by having this option.
TELLTALE = "learning_rate"

_SHARED_MODULES: dict[str, object] = {
    "argparse": argparse,
    "collections": collections,
    "enum": enum,
    "functools": functools,
    "itertools": itertools,
    "math": math,
    "pathlib": pathlib,
    "re": re,
    "typing": typing,
    "os": types.SimpleNamespace(path=os.path, sep=os.sep, environ={}, cpu_count=os.cpu_count, name=os.name),
}
_ABSENT_BUILTINS = frozenset(
    {"open", "exec", "eval", "compile", "input", "breakpoint", "exit", "quit", "help", "__import__", "memoryview"}
)
_SHUT_EVENTS = ("open", "os.", "subprocess.", "socket.", "ctypes.", "shutil.", "winreg.", "webbrowser.", "urllib.", "pty.")


def source_files(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """The Python files that scripts of the folder can import, by dotted module name: its own and one level below."""
    found: dict[str, pathlib.Path] = {}
    for path in sorted(folder.glob("*.py")):
        found[path.stem] = path
    for below in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        if below.name in SKIPPED_FOLDERS or below.name.startswith("."):
            continue
        for path in sorted(below.glob("*.py")):
            name = below.name if path.stem == "__init__" else f"{below.name}.{path.stem}"
            found[name] = path
    return {name: path for name, path in found.items() if path.is_file() and path.stat().st_size <= LARGEST_FILE}


class Unreadable(Exception):
    """A script's options cannot be read; says why."""


class Missing:
    """Stands for something that is not in the checkout (torch and the like). Any use of it says its name."""

    def __init__(self, name: str) -> None:
        self._missing_name = name

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self._missing_name}.{name}")

    def __call__(self, *args: object, **kwargs: object) -> object:
        raise Unreadable(f"{self._missing_name} is needed")

    def __iter__(self) -> Iterator[object]:
        raise Unreadable(f"{self._missing_name} is needed")


class Module:
    """One file of the checkout, of which only what is asked for is compiled."""

    def __init__(self, checkout: Checkout, name: str, source: bytes, path: str) -> None:
        self._checkout = checkout
        self._name = name
        self._path = path
        self._nodes: dict[str, list[ast.stmt]] = {}
        self._stars: list[str] = []
        self._busy: set[str] = set()
        self._globals: dict[str, object] = {"__name__": name, "__builtins__": checkout.builtins, "__file__": path}
        self._index(ast.parse(source, filename=path).body)

    def has(self, name: str) -> bool:
        """Whether the file defines the name itself."""
        return name in self._nodes

    def _index(self, body: Sequence[ast.stmt]) -> None:
        for node in body:
            for name in _defined_names(node):
                self._nodes.setdefault(name, []).append(node)
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                self._stars.append(self._absolute(node))
            for inner in ("body", "orelse", "handlers", "finalbody"):
                if isinstance(node, (ast.If, ast.Try, ast.With)):
                    for child in getattr(node, inner, []):
                        self._index(child.body if isinstance(child, ast.ExceptHandler) else [child])

    def get(self, name: str) -> object:
        """The thing of that name, compiled or imported now. Raises KeyError where the file has none."""
        if name in self._globals:
            return self._globals[name]
        if name not in self._nodes:
            return self._from_stars(name)
        if name in self._busy:
            return Missing(name)
        self._busy.add(name)
        try:
            for node in self._definitions(name):
                self._define(name, node)
        finally:
            self._busy.discard(name)
        return self._globals[name]

    def _definitions(self, name: str) -> Sequence[ast.stmt]:
        """The statements that make up the name: of values all, of functions the last, of imports
        the first (the others are what a `try` falls back on)."""
        nodes = self._nodes[name]
        values = [node for node in nodes if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign))]
        if values and not isinstance(nodes[0], (ast.FunctionDef, ast.Import, ast.ImportFrom)):
            return values
        return nodes[:1] if isinstance(nodes[0], (ast.Import, ast.ImportFrom)) else nodes[-1:]

    def _from_stars(self, name: str) -> object:
        for star in self._stars:
            module = self._checkout.module(star)
            if isinstance(module, Module):
                try:
                    return module.get(name)
                except KeyError:
                    continue
        raise KeyError(name)

    def _define(self, name: str, node: ast.stmt) -> None:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._globals[name] = self._imported(name, node)
            return
        if isinstance(node, ast.FunctionDef):
            node = _bare_function(node)
        code = compile(ast.Module([node], []), self._path, "exec", dont_inherit=True)
        self._provide(code)
        try:
            exec(code, self._globals)
        except (Exception, SystemExit):  # a value made by a library that is not here, whatever that raises
            if isinstance(node, ast.FunctionDef):
                raise
            self._globals[name] = Missing(f"{self._name}.{name}")
        self._globals.setdefault(name, Missing(f"{self._name}.{name}"))

    def _provide(self, code: types.CodeType) -> None:
        """Puts everything that the code names, and the file defines, into the globals."""
        for name in code.co_names:
            if name not in self._globals and not (hasattr(builtins, name) and name not in self._nodes):
                try:
                    self._globals[name] = self.get(name)
                except KeyError:
                    continue  # a built-in, an attribute, or a name that is never used
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._provide(constant)

    def _absolute(self, node: ast.ImportFrom) -> str:
        base = self._name.split(".")[: -node.level] if node.level else []
        return ".".join([*base, *([node.module] if node.module else [])])

    def _imported(self, name: str, node: ast.Import | ast.ImportFrom) -> object:
        for alias in node.names:
            if (alias.asname or alias.name.split(".")[0]) != name:
                continue
            if isinstance(node, ast.Import):
                return self._checkout.seen(alias.name if alias.asname else name)
            origin = self._absolute(node)
            below = self._checkout.seen(f"{origin}.{alias.name}" if origin else alias.name)
            return below if isinstance(below, Proxy) else _attribute(self._checkout.seen(origin), alias.name)
        return Missing(name)


class Proxy:
    """A module of the checkout, as code sees it."""

    def __init__(self, module: Module) -> None:
        self.__dict__["_module"] = module

    def __getattr__(self, name: str) -> object:
        try:
            return self.__dict__["_module"].get(name)
        except KeyError:
            raise AttributeError(name) from None


class Package:
    """A folder of the checkout without a file of its own: `import library.train_util`."""

    def __init__(self, checkout: Checkout, name: str) -> None:
        self.__dict__.update(_checkout=checkout, _name=name)

    def __getattr__(self, name: str) -> object:
        return self.__dict__["_checkout"].seen(f"{self.__dict__['_name']}.{name}")


class Checkout:
    """All files of a checkout, read into memory; compiled where asked for."""

    def __init__(self, sources: dict[str, tuple[str, bytes]]) -> None:
        self._sources = sources
        self._modules: dict[str, Module] = {}
        self._packages = {name.split(".")[0] for name in sources if "." in name}
        self.builtins: dict[str, object] = {name: value for name, value in vars(builtins).items() if name not in _ABSENT_BUILTINS}
        self.builtins["__import__"] = self._import

    def module(self, name: str) -> object:
        """The module of that dotted name: one of the checkout, a harmless one of Python's, or `Missing`."""
        if name in self._modules:
            return self._modules[name]
        if name in self._sources:
            path, source = self._sources[name]
            module = self._modules[name] = Module(self, name, source, path)
            return module
        if name in self._packages:
            return Package(self, name)
        return _SHARED_MODULES.get(name) or Missing(name)

    def seen(self, name: str) -> object:
        """The module as code sees it."""
        found = self.module(name)
        return Proxy(found) if isinstance(found, Module) else found

    def _import(
        self, name: str, _globals: object = None, _locals: object = None, fromlist: Sequence[str] = (), _level: int = 0
    ) -> object:
        found = self.seen(name if fromlist else name.split(".", maxsplit=1)[0])
        if isinstance(found, Missing):
            raise ImportError(f"{name} is not read here")  # noqa: TRY004 - what an import raises
        return found


def _attribute(owner: object, name: str) -> object:
    try:
        return getattr(owner, name)
    except AttributeError:
        return Missing(name)


def _defined_names(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names if alias.name != "*"]
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        targets = [node.target]
    return [child.id for target in targets for child in ast.walk(target) if isinstance(child, ast.Name)]


def _bare_function(node: ast.FunctionDef) -> ast.FunctionDef:
    """The function without decorators and annotations, which need libraries and change no option."""
    node.decorator_list = []
    node.returns = None
    for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
        argument.annotation = None
    return node


def read_options(checkout: Checkout, script: str) -> list[dict[str, object]] | None:
    """The options of one script in its own order; None where it is no training script.

    Raises:
        Unreadable: its `setup_parser` needs something that is not in the checkout.
    """
    try:
        module = checkout.module(script)
    except (SyntaxError, ValueError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    if not isinstance(module, Module) or not module.has(ENTRY):
        return None
    try:
        parser = typing.cast("typing.Callable[[], argparse.ArgumentParser]", module.get(ENTRY))()
        records = [record for record in map(_record, parser._actions) if record]  # pyright: ignore[reportPrivateUsage]
    except Unreadable:
        raise
    except (Exception, SystemExit) as error:  # the code of others may raise anything; it is reported
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    return records if any(record["name"] == TELLTALE for record in records) else None


def _record(action: argparse.Action) -> dict[str, object] | None:
    if not action.option_strings or isinstance(action, argparse._HelpAction):  # pyright: ignore[reportPrivateUsage]
        return None
    kind = _kind(action)
    flags = sorted(action.option_strings, key=lambda flag: not flag.startswith("--"))
    record: dict[str, object] = {"name": action.dest, "flags": flags, "kind": kind}
    if action.nargs not in (None, 0) and kind not in ("flag", "off-flag"):
        record["nargs"] = action.nargs
    if action.choices is not None:
        record["choices"] = [_plain(choice) for choice in action.choices]
    default = _plain(action.default)
    if default is not None and kind not in ("flag", "off-flag"):
        record["default"] = default
    if action.help and action.help is not argparse.SUPPRESS:
        record["help"] = str(action.help)
    return record


def _kind(action: argparse.Action) -> str:
    shape = type(action).__name__
    if shape == "_StoreFalseAction":
        return "off-flag"
    if shape in ("_StoreTrueAction", "_StoreConstAction", "BooleanOptionalAction"):
        return "flag"
    name = getattr(action.type, "__name__", "str")
    return {"int": "int", "float": "float", "int_or_float": "int-or-float", "Path": "path"}.get(name, "text")


def _plain(value: object) -> object:
    """A value for JSON; what has no plain form is its text."""
    if value is argparse.SUPPRESS:  # a text, but no value
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in typing.cast("Sequence[object]", value)]
    return str(value)


def shut_the_doors() -> None:
    """From here on this process can open no file, start no process and reach no network. Cannot be undone."""
    argparse.ArgumentParser().add_argument("--warm", type=int, default=1, help="%(default)s")  # loads what argparse loads late
    _limit_resources()

    def refuse(event: str, _arguments: object) -> None:
        if event.startswith(_SHUT_EVENTS):
            raise PermissionError(f"{event} is not allowed while options are read")

    sys.addaudithook(refuse)


def _limit_resources() -> None:
    try:
        import resource
    except ImportError:  # Windows; the time limit of the caller holds there
        return
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))


def main(arguments: Sequence[str]) -> int:
    """Reads the folder and prints one JSON document a line, at once, so that a script that ends this process hides no other:
    "names"; for each script "begin", then its "options", a "problem" or "none" (no training script); at last "done"."""
    sources = {name: (str(path), path.read_bytes()) for name, path in source_files(pathlib.Path(arguments[0])).items()}
    answer = os.fdopen(os.dup(1), "wb", buffering=0)
    sys.stdout = sys.stderr  # what the scripts print must not get into the answer

    def say(**fact: object) -> None:
        answer.write(json.dumps(fact).encode("utf-8") + b"\n")

    names = [f"{name}.py" for name in sources if "." not in name and ENTRY.encode() in sources[name][1]]
    names = [name for name in names if not arguments[2:] or name in arguments[2:]]
    say(kind="names", names=names)
    shut_the_doors()
    checkout = Checkout(sources)  # one for all scripts: what they share is compiled once
    for name in names:
        say(kind="begin", name=name)
        faulthandler.dump_traceback_later(float(arguments[1]), exit=True)  # ends an endless loop, too, on every system
        try:
            records = read_options(checkout, name.removesuffix(".py"))
            say(kind="none" if records is None else "options", name=name, records=records)
        except Unreadable as error:
            say(kind="problem", name=name, words=str(error))
        faulthandler.cancel_dump_traceback_later()
    say(kind="done")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
