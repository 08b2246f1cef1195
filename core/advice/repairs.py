"""How a fault that `core.job.check` names is mended: what somebody most likely meant, else the value taken out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from core.advice.meant import meant_value
from core.advice.model import Fix
from core.catalogue.kinds import literal
from core.catalogue.spec import ArgumentSpec, OptimizerSpec
from core.errors import ValueProblem, nearest
from core.job.check import ValueFault, argument_problem, literal_problem
from core.job.model import Job
from core.options.model import OptionSet, OptionValue
from core.options.snapshot import accelerate_options
from core.text import Text

_MEANT = {"true": "True", "false": "False", "none": "None", "null": "None", "yes": "True", "no": "False"}


def repair_of(fault: ValueFault, job: Job, options: OptionSet, spec: OptimizerSpec | None) -> Fix | None:
    """A fix after which the fault is gone, None where there is none that fits the job.

    Args:
        fault: one of `job_faults(job, options, …)`.
        job: the job.
        options: what its script accepts.
        spec: the job's optimizer, None for a class that the catalogue does not know.
    """
    if fault.where == "argument":
        return _of_argument(fault.name, job, spec)
    if fault.where == "accelerate":
        return _of_accelerate(fault.name, job)
    if fault.name in job.options and fault.name != "optimizer_type":
        return _of_option(fault.name, job, options)
    return None


# --- options -----------------------------------------------------------------------------------------------------


def _of_option(name: str, job: Job, options: OptionSet) -> Fix:
    meant = _meant(name, job.options, options)
    if meant is None:
        return Fix(_remove(name), lambda job: job.with_option(name, None))
    label, right, value = meant
    return Fix(label, lambda job: job.with_option(name, None).with_option(right, value))


def _of_accelerate(name: str, job: Job) -> Fix | None:
    if name not in job.accelerate:
        return None
    meant = _meant(name, job.accelerate, accelerate_options())
    label, right, value = meant or (_remove(name), name, None)

    def apply(job: Job) -> Job:
        rest = {key: said for key, said in job.accelerate.items() if key != name}
        return replace(job, accelerate=rest if value is None else {**rest, right: value})

    return Fix(label, apply)


def _meant(name: str, said: Mapping[str, OptionValue], options: OptionSet) -> tuple[Text, str, OptionValue] | None:
    """What to do, the right name and the right value; None where it can only be taken out."""
    option, value = options.get(name), said[name]
    if option is not None:
        right = meant_value(option, value, lambda stored: _readable(stored, None))
        return (Text(f"Set {name} to {right}", f"{name} を {right} にする"), name, right) if right is not None else None
    near = nearest(name, options.options)
    if near is None or near in said:
        return None
    return Text(f"Write it {near}", f"{near} に直す"), near, value


def _remove(name: str) -> Text:
    return Text(f"Remove {name}", f"{name} を削除する")


# --- arguments of the optimizer ----------------------------------------------------------------------------------


def _of_argument(name: str, job: Job, spec: OptimizerSpec | None) -> Fix | None:
    written = [item for item in job.argument_items if item.partition("=")[0].strip() == name]
    if not written:
        return None
    stored = written[-1].partition("=")[2]  # of several the last one counts
    if not name.isidentifier() or not stored:
        return _replace(name, None)
    argument = spec.argument(name) if spec is not None else None
    if spec is not None and argument is None:
        near = nearest(name, [one.name for one in spec.arguments])
        meant = spec.argument(near) if near else None
        if meant is None or near in job.arguments:
            return _replace(name, None)
        right = _readable(stored, meant)
        return _replace(name, f"{near}={right}") if right is not None else _replace(name, None)
    right = _readable(stored, argument)
    return _replace(name, f"{name}={right}" if right is not None else None)


def _readable(stored: str, argument: ArgumentSpec | None) -> str | None:
    """The literal that was most likely meant, fit for the argument; None where there is none."""
    for candidate in _candidates(stored, argument):
        problem = argument_problem(argument, candidate) if argument is not None else literal_problem(candidate)
        if problem is None:
            return candidate
    return None


def _candidates(stored: str, argument: ArgumentSpec | None) -> Iterator[str]:
    yield stored
    bare = stored.strip().lstrip("=").strip()
    for text in (bare, bare.rstrip(",").strip()):  # "0.9," is a tuple to Python
        yield text
        if text.casefold() in _MEANT:
            yield _MEANT[text.casefold()]
        if argument is not None:
            try:
                yield literal(argument.parse(text))
            except ValueProblem:
                continue


def _replace(name: str, item: str | None) -> Fix:
    """Puts one entry in the place of all that are about this name."""

    def apply(job: Job) -> Job:
        items = list(job.argument_items)
        places = [place for place, old in enumerate(items) if old.partition("=")[0].strip() == name]
        if places and item is not None:
            items[places[0]] = item
        dropped = set(places if item is None else places[1:])
        kept = [old for place, old in enumerate(items) if place not in dropped]
        return job.with_option("optimizer_args", kept or None)

    return Fix(Text(f"Write {item}", f"{item} と書く") if item is not None else _remove(name), apply)
