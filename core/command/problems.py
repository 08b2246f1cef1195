"""What a training would stumble over in its own command line, said before the start.

sd-scripts' parser is reached only after 7-20 s of imports, the optimizer's arguments only after the model is loaded,
and a config file is not checked at all.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import from_literal
from core.catalogue.spec import OptimizerSpec
from core.command.build import guessed_option
from core.command.values import to_words
from core.errors import ValueProblem, nearest
from core.job.model import Job
from core.options.model import Option, OptionSet, OptionValue
from core.options.snapshot import accelerate_options
from core.text import Text


def problems(job: Job, options: OptionSet, catalogue: Catalogue) -> list[Text]:
    """Everything that argparse or sd-scripts' reading of `name=value` lists would refuse.

    Each text begins with the name of the option it is about.

    Args:
        job: the job.
        options: what its script accepts.
        catalogue: knows the arguments of the optimizers.
    """
    found: list[Text] = []
    for name, value in job.options.items():
        found += option_problems(name, value, options)
    for name, value in job.accelerate.items():
        found += option_problems(name, value, accelerate_options())
    found += argument_problems(job.argument_items, catalogue.find_for_options(job.options))
    scheduler = job.options.get("lr_scheduler_args")
    if isinstance(scheduler, list):
        found += _pair_problems("lr_scheduler_args", [str(item) for item in scheduler])
    network = job.options.get("network_args")
    if isinstance(network, list):
        found += [
            _said("network_args", str(item), "has to be name=value", "「名前=値」の形にしてください")
            for item in network
            if "=" not in str(item)
        ]
    return found


def option_problems(name: str, value: OptionValue, options: OptionSet) -> list[Text]:
    """What is wrong with one option: unknown, of the wrong kind, or not among its choices."""
    option = options.get(name)
    found: list[Text] = []
    if option is None:
        found.append(_unknown(name, options))
    try:
        to_words(option or guessed_option(name, value), value)
    except ValueProblem as problem:
        return found if option is None else [problem.text]
    if option is not None and option.choices:
        found += [
            _no_choice(option, item) for item in (value if isinstance(value, list) else [value]) if item not in option.choices
        ]
    return found


def _unknown(name: str, options: OptionSet) -> Text:
    near = nearest(name, options.options)
    hint = Text(f" Did you mean {near}?", f" {near} のことですか?") if near else Text("", "")
    return Text(
        f"{name} is no option of {options.script}.{hint.en}", f"{name} は {options.script} のオプションではありません。{hint.ja}"
    )


def _no_choice(option: Option, value: object) -> Text:
    listed = ", ".join(map(str, option.choices))
    near = nearest(value, map(str, option.choices)) if isinstance(value, str) else None
    hint = Text(f" Did you mean {near}?", f" {near} のことですか?") if near else Text("", "")
    return Text(
        f"{option.name} = {value!r} is not one of: {listed}.{hint.en}",
        f"{option.name} = {value!r} は選択肢 {listed} にありません。{hint.ja}",
    )


def argument_problems(items: Sequence[str], spec: OptimizerSpec | None) -> list[Text]:
    """What is wrong with entries of `optimizer_args`, as sd-scripts cuts and reads them.

    Args:
        items: the entries.
        spec: the optimizer, or None for one that the catalogue does not know.
    """
    found = _pair_problems("optimizer_args", items)
    if spec is None:
        return found
    known = {argument.name: argument for argument in spec.arguments}
    for item in items:
        name, equals, literal = item.partition("=")
        if not equals or not name.isidentifier():
            continue
        argument = known.get(name)
        if argument is None:
            near = nearest(name, known)
            hint = Text(f" Did you mean {near}?", f" {near} のことですか?") if near else Text("", "")
            found.append(
                Text(
                    f"optimizer_args: {spec.name} has no argument {name}.{hint.en}",
                    f"optimizer_args: {spec.name} に引数 {name} はありません。{hint.ja}",
                )
            )
            continue
        if _literal_problem(literal) is not None:
            continue  # said already
        try:
            argument.check(from_literal(literal))
        except ValueProblem as problem:
            found.append(Text(f"optimizer_args: {item}: {problem.text.en}", f"optimizer_args: {item}: {problem.text.ja}"))
    return found


def _pair_problems(option: str, items: Sequence[str]) -> list[Text]:
    found: list[Text] = []
    seen: set[str] = set()
    for item in items:
        name, _, literal = item.partition("=")
        if item.count("=") != 1:
            found.append(_said(option, item, "needs exactly one '='", "「=」がちょうど 1 つ必要です"))
            continue
        if not name.isidentifier():
            found.append(_said(option, item, f"{name!r} cannot be a name", f"{name!r} は引数名にできません"))
        elif name in seen:
            found.append(
                _said(option, item, "is given twice; the last one counts", "が 2 回指定されています。最後の指定が有効です")
            )
        seen.add(name)
        wrong = _literal_problem(literal)
        if wrong is not None:
            found.append(_said(option, item, wrong.en, wrong.ja))
    return found


def _literal_problem(literal: str) -> Text | None:
    # sd-scripts gives what stands behind the "=" to ast.literal_eval.
    try:
        ast.literal_eval(literal)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        word = literal.strip()
        meant = {"true": "True", "false": "False", "none": "None", "null": "None"}.get(word.lower(), f"'{word}'")
        return Text(
            f"{literal!r} is not a Python literal (did you mean {meant}?)",
            f"{literal!r} は Python のリテラルではありません ({meant} のことですか?)",
        )
    return None


def _said(option: str, item: str, en: str, ja: str) -> Text:
    return Text(f"{option}: {item!r}: {en}.", f"{option}: {item!r}: {ja}。")
