"""What is wrong with the values of a job, found before anything is started.

A value that could not be read is kept in the job as the text that somebody typed; here it is explained. sd-scripts itself
checks nothing that comes from a config file, and an optimizer's arguments only after the model is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import BoolKind, NumberKind, Value, from_literal, literal
from core.catalogue.spec import ArgumentSpec, OptimizerSpec
from core.errors import CaddieError, ValueProblem, nearest
from core.job.model import Job
from core.options.model import Option, OptionKind, OptionSet, OptionValue
from core.text import Text


@dataclass(frozen=True, slots=True)
class ValueFault:
    """One value that will not do.

    Attributes:
        where: whether `name` is an option of the script or an argument of the optimizer.
        name: as sd-scripts or the optimizer spells it.
        text: what is wrong, without the name.
    """

    where: Literal["option", "argument"]
    name: str
    text: Text

    def sentence(self) -> Text:
        """The name and what is wrong with it."""
        return Text(f"{self.name}: {self.text.en}", f"{self.name}: {self.text.ja}")


def job_faults(job: Job, options: OptionSet, catalogue: Catalogue) -> list[ValueFault]:
    """Every value of a job that cannot be what its option or argument needs.

    Options and arguments that nobody knows are not faults: what they need is not known either.
    """
    faults: list[ValueFault] = []
    for name, value in job.options.items():
        option = options.get(name)
        text = option_problem(option, value) if option is not None else None
        if text is not None:
            faults.append(ValueFault("option", name, text))
    return faults + argument_faults(job, catalogue.find_for_options(job.options))


def argument_faults(job: Job, spec: OptimizerSpec | None) -> list[ValueFault]:
    """What is wrong with the optimizer's arguments; `spec` is None for a class that the catalogue does not know."""
    faults: list[ValueFault] = []
    for name, stored in job.arguments.items():
        argument = spec.argument(name) if spec is not None else None
        text = literal_problem(stored) if argument is None else argument_problem(argument, stored)
        if text is not None:
            faults.append(ValueFault("argument", name, text))
    return faults


def literal_problem(stored: str) -> Text | None:
    """Why sd-scripts cannot read `stored` after `name=`, or None."""
    if "=" in stored:
        return Text("sd-scripts cannot take a value with '=' in it.", "sd-scripts は '=' を含む値を受け取れません。")
    try:
        from_literal(stored)
    except ValueProblem as wrong:
        return wrong.text
    return None


def argument_problem(spec: ArgumentSpec, stored: str) -> Text | None:
    """Why a literal will not do for an argument, or None."""
    try:
        value = from_literal(stored)
        spec.check(value)
    except ValueProblem as wrong:
        return wrong.text if stored.strip() == "None" else _explain(spec, stored, wrong)
    return None


def _explain(spec: ArgumentSpec, stored: str, wrong: ValueProblem) -> Text:
    # What a person would mean by the text says more than what Python reads in it: "0.9" for two numbers lacks one.
    try:
        value = spec.parse(stored)
    except ValueProblem as not_typed:
        return not_typed.text
    return _must_be_written(stored, value, wrong)


def _must_be_written(stored: str, value: Value, fallback: CaddieError) -> Text:
    """For a literal that people understand and sd-scripts does not: `true`, an unquoted text, `inf`."""
    try:
        right = literal(value)
    except ValueProblem:
        return fallback.text
    return Text(
        f"sd-scripts cannot read {stored!r}; it has to be written {right}.",
        f"sd-scripts は {stored!r} を読み取れません。{right} と書く必要があります。",
    )


def option_problem(option: Option, value: OptionValue) -> Text | None:
    """Why a value will not do for an option, or None."""
    try:
        check_option(option, value)
    except ValueProblem as wrong:
        return wrong.text
    return None


NUMBERS: Final[Mapping[OptionKind, NumberKind]] = {
    OptionKind.INT: NumberKind(whole=True),
    OptionKind.FLOAT: NumberKind(),
    OptionKind.INT_OR_FLOAT: NumberKind(),
}
FLAG: Final = BoolKind()


def check_option(option: Option, value: OptionValue) -> None:
    """Raises `ValueProblem` when `value` is of another kind than the option's, or none of its choices."""
    if not option.is_list:
        if isinstance(value, list):
            raise ValueProblem(Text("takes one value, not a list.", "値は 1 つだけ指定できます。"))
        _check_one(option, value)
        return
    if not isinstance(value, list):
        _reread(option, value)
        raise ValueProblem(Text("must be a list of values.", "値のリストが必要です。"))
    if isinstance(option.nargs, int) and len(value) != option.nargs:
        raise ValueProblem(
            Text(f"needs {option.nargs} values, has {len(value)}.", f"値が {option.nargs} 個必要です ({len(value)} 個あります)。")
        )
    for item in value:
        _check_one(option, item)


def _reread(option: Option, value: bool | int | float | str) -> None:
    """Lets the words of a text that was kept as typed explain themselves."""
    if isinstance(value, str) and option.kind in NUMBERS:
        for word in value.replace(",", " ").split():
            NUMBERS[option.kind].parse(word)


def _check_one(option: Option, value: bool | int | float | str) -> None:
    if option.kind in (OptionKind.FLAG, OptionKind.OFF_FLAG):
        FLAG.check(value)
    elif kind := NUMBERS.get(option.kind):
        if isinstance(value, str):
            kind.parse(value)  # says what is wrong with the text
            raise ValueProblem(Text(f"{value!r} is a text, not a number.", f"{value!r} は数値ではなく文字列です。"))
        kind.check(value)
    elif not isinstance(value, str):
        raise ValueProblem(Text(f"{value!r} is not a text.", f"{value!r} は文字列ではありません。"))
    if option.choices and value not in option.choices:
        raise ValueProblem(_not_a_choice(option, value))


def _not_a_choice(option: Option, value: object) -> Text:
    known = [str(choice) for choice in option.choices]
    near = nearest(str(value), known)
    listed = ", ".join(known)
    return Text(
        f"{value!r} is not one of: {listed}." + (f" Did you mean {near}?" if near else ""),
        f"{value!r} は選択肢 {listed} にありません。" + (f"{near} のことですか?" if near else ""),
    )
