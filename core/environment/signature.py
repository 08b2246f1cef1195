"""The arguments of an optimizer class that no catalogue knows, read from its signature in the environment that trains."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.catalogue.kinds import BoolKind, Kind, LiteralKind, NumberKind, TextKind, TupleKind, Value, from_literal
from core.catalogue.spec import ArgumentSpec
from core.environment.conversation import Conversation, converse
from core.environment.model import Environment
from core.environment.probe_problems import explain, not_a_folder
from core.errors import CaddieError, ValueProblem, nearest
from core.text import Text, same

_GIVEN_BY_SCRIPT = ("lr", "params")
"""sd-scripts passes these itself; a second `lr` is a TypeError."""

_NAMED_NUMBERS = {"inf": math.inf, "-inf": -math.inf}
_DOC_LINE = re.compile(r"^\s*(?::param\s+)?(?:[\w.\[\], |]+\s+)?\**(\w+)\**\s*(?:\(.*?\)\s*:\s*(.*)|:\s*(.+))$")


def probe_signature(environment: Environment, class_path: str, timeout: float = 60) -> tuple[ArgumentSpec, ...]:
    """Imports a class in the environment and reads its constructor.

    Args:
        environment: where to import it; its checkout's folder is on the module path, as in a training.
        class_path: as `--optimizer_type` takes it: a dotted path, or the bare name of a class in torch.optim.
        timeout: longest that the import may take, in seconds.

    Returns:
        The arguments that `--optimizer_args` can say. Left out are what the script passes itself (`lr`), and arguments
        whose default is an object that has no literal.

    Raises:
        CaddieError: the interpreter does not answer, the import fails, or there is no such class.
    """
    problem = not_a_folder(environment.python)
    if problem is not None:
        raise CaddieError(problem)
    talk = converse(
        environment.python,
        {"action": "signature", "class_path": class_path},
        timeout=timeout,
        folder=environment.sd_scripts,
    )
    signature = talk.first("signature")
    if signature is None:
        raise CaddieError(_why_not(environment, class_path, talk, timeout))
    return specs_from_signature(signature["parameters"], str(signature["doc"]))


def _why_not(environment: Environment, class_path: str, talk: Conversation, timeout: float) -> Text:
    if talk.first("hello") is None:
        return explain(environment.python, talk, timeout)
    module, _, name = class_path.rpartition(".")
    module = module or "torch.optim"
    no_class = talk.first("no-class")
    if no_class is not None:
        near = nearest(name, no_class["known"])
        return Text(
            f"{module} has no class {name}." + (f" Did you mean {near}?" if near else ""),
            f"{module} に {name} というクラスはありません。" + (f"{near} のことですか?" if near else ""),
        )
    no_signature = talk.first("no-signature")
    if no_signature is not None:
        return Text(
            f"{class_path} does not tell its arguments ({no_signature['error']}).",
            f"{class_path} の引数を読み取れません ({no_signature['error']})。",
        )
    failed = talk.first("import")
    if failed is not None and not failed["ok"]:
        return Text(f"{module} cannot be imported: {failed['error']}", f"{module} をインポートできません: {failed['error']}")
    return Text(
        f"Importing {module} crashed or hung Python in this environment.",
        f"この環境では、{module} のインポート中に Python が異常終了したか、応答しなくなりました。",
    )


@dataclass(frozen=True, slots=True)
class _Guess:
    kind: Kind
    nullable: bool


def specs_from_signature(parameters: Sequence[Mapping[str, Any]], doc: str = "") -> tuple[ArgumentSpec, ...]:
    """Argument specs from what the probe script says about each parameter.

    Args:
        parameters: name, kind, default (its repr), has_default, annotation; in order.
        doc: the class's docstring; its lines `name: text` become the help.
    """
    helps = _helps(doc)
    specs: list[ArgumentSpec] = []
    for position, parameter in enumerate(parameters):
        name = str(parameter["name"])
        if parameter["kind"] not in ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY") or name in _GIVEN_BY_SCRIPT:
            continue
        if position == 0 and not parameter["has_default"]:
            continue  # the parameters to train, whatever they are called
        try:
            default = _read_default(parameter["default"]) if parameter["has_default"] else None
        except ValueProblem:
            continue
        guess = _guess_kind(default, str(parameter["annotation"]), required=not parameter["has_default"])
        text = helps.get(name)
        specs.append(
            ArgumentSpec(
                name=name,
                kind=guess.kind,
                default=default,
                nullable=guess.nullable,
                help=same(text) if text else _no_help(required=not parameter["has_default"]),
            )
        )
    return tuple(specs)


def _no_help(*, required: bool) -> Text:
    if required:
        return Text(
            "The class demands this argument and says nothing about it.",
            "クラスに必須の引数ですが、説明はありません。",
        )
    return Text(
        "Read from the class's signature; it says nothing more about it.",
        "クラスの定義から読み取った引数です。説明はありません。",
    )


def _read_default(text: str | None) -> Value:
    """The value of a default's repr. Raises `ValueProblem` when it is no literal."""
    if text is None:
        raise ValueProblem(Text("The default is too long.", "既定値が長すぎます。"))
    if text in _NAMED_NUMBERS:
        return _NAMED_NUMBERS[text]
    return from_literal(text)


def _guess_kind(default: Value, annotation: str, *, required: bool) -> _Guess:
    nullable = default is None and not required
    words = set(re.findall(r"\w+", annotation.lower()))
    nullable = nullable or bool({"optional", "none", "nonetype"} & words)
    choices = _choices(annotation)
    if choices and (default is None or default in choices):
        return _Guess(TextKind(choices=choices), nullable)
    if isinstance(default, bool):
        # `float | bool` with a True default (came's clip, for one) is not a check box.
        return _Guess(LiteralKind() if {"float", "int", "str"} & words else BoolKind(), nullable)
    if isinstance(default, (int, float)):
        # Without an annotation an int default says nothing: weight_decay=0 takes 0.01.
        whole = isinstance(default, int) and "int" in words and "float" not in words
        return _Guess(NumberKind(whole=whole), nullable)
    if isinstance(default, str):
        return _Guess(TextKind(), nullable)
    if isinstance(default, tuple):
        return _Guess(TupleKind(item=NumberKind(), length=len(default)), nullable)
    return _Guess(_kind_of_annotation(words), nullable)


def _kind_of_annotation(words: set[str]) -> Kind:
    kinds = words & {"bool", "int", "float", "str", "tuple", "list", "sequence", "betas"}
    if kinds & {"tuple", "list", "sequence", "betas"}:
        return LiteralKind() if kinds & {"bool", "str"} else TupleKind(item=NumberKind())
    if kinds in ({"float"}, {"int", "float"}):
        return NumberKind()
    if kinds == {"int"}:
        return NumberKind(whole=True)
    if kinds == {"bool"}:
        return BoolKind()
    if kinds == {"str"}:
        return TextKind()
    return LiteralKind()


def _choices(annotation: str) -> tuple[str, ...]:
    match = re.search(r"Literal\[(.*?)\]", annotation)
    if match is None:
        return ()
    try:
        values: object = ast.literal_eval(f"({match.group(1)},)")
    except (ValueError, SyntaxError):
        return ()
    assert isinstance(values, tuple)
    texts: list[str] = []
    for value in values:  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(value, str):
            return ()
        texts.append(value)
    return tuple(texts)


def _helps(doc: str) -> dict[str, str]:
    """Help by argument name from a Google, reST or `name (type): text` docstring; a text may go on in deeper lines."""
    helps: dict[str, str] = {}
    current: str | None = None
    indent = 0
    for line in doc.splitlines():
        depth = len(line) - len(line.lstrip())
        match = _DOC_LINE.match(line)
        if current is not None and line.strip() and depth > indent:
            helps[current] += " " + line.strip()
        elif match:
            name = match.group(1)
            current, indent = name, depth
            helps[name] = (match.group(2) or match.group(3) or "").strip()
        else:
            current = None
    return {name: text.strip()[:500] for name, text in helps.items()}
