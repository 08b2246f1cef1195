"""Functions out of one source file without the rest of it. Loaded by `child.py`, in the interpreter that will train.

Standard library only, Python 3.8 and later.
"""

from __future__ import annotations

import ast
import builtins
import dis
import logging
import types
from typing import Any, Iterator  # noqa: UP035  (3.8 subscripts no collections.abc.Iterator)

MODULE = "library.train_util"
"""What the functions take themselves to be part of: the name of their logger."""


class NotUnderstood(Exception):
    """The checkout has no form that is known here. Nothing is wrong with the job."""


class Functions:
    """Top-level functions of one source file, each compiled with what it uses of the file and nothing else."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            with open(path, encoding="utf-8-sig") as file:
                tree = ast.parse(file.read(), path)
        except (OSError, SyntaxError, ValueError) as error:
            raise NotUnderstood(f"{path}: {error}") from error
        self._made_by: dict[str, ast.stmt] = {}
        for statement in _top_level(tree.body):
            for name in _names_made(statement):
                self._made_by[name] = statement
        self.logger = logging.getLogger(MODULE)
        self.space: dict[str, Any] = {"__name__": MODULE, "__builtins__": builtins, "logger": self.logger}

    def get(self, name: str) -> Any:
        """The function of that name. Raises NotUnderstood where the file has none."""
        if not isinstance(self._made_by.get(name), ast.FunctionDef):
            raise NotUnderstood(f"{self._path} has no function {name}")
        self._make(name)
        return self.space[name]

    def _make(self, name: str) -> None:
        if name in self.space or name not in self._made_by:
            return  # a builtin, or nothing of this file: then the call itself says which name is missing
        statement = self._made_by[name]
        is_import = isinstance(statement, (ast.Import, ast.ImportFrom))
        statement = _only(statement, name) if is_import else _Bare().visit(statement)
        code = compile(ast.fix_missing_locations(ast.Module([statement], [])), self._path, "exec")
        for used in _globals_of(code):
            if used != name:
                self._make(used)
        exec(code, self.space)


class _Bare(ast.NodeTransformer):
    """Takes annotations away: they name types of heavy packages and do nothing."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        self.generic_visit(node)
        node.returns = None
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        for argument in every:
            if argument is not None:
                argument.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return ast.Pass()
        return ast.Assign([node.target], node.value)


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        if isinstance(statement, (ast.Try, ast.If)):
            yield from _top_level(statement.body)
        else:
            yield statement


def _names_made(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id


def _only(statement: Any, name: str) -> ast.stmt:
    """The part of an import statement that makes one name."""
    kept = [alias for alias in statement.names if (alias.asname or alias.name.partition(".")[0]) == name]
    if isinstance(statement, ast.Import):
        return ast.Import(kept)
    return ast.ImportFrom(statement.module, kept, statement.level)


def _globals_of(code: types.CodeType) -> list[str]:
    found = [step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found += _globals_of(constant)
    return list(dict.fromkeys(found))
