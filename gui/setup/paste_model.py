"""What a pasted command line or list of arguments would change in a job. No widgets here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, Protocol

from core.catalogue.catalogue import Catalogue
from core.job.model import Job
from core.options.model import OptionValue
from core.text import Text

_OPTIMIZER_KEYS = ("optimizer_type", "optimizer_args", "use_8bit_adam", "use_lion_optimizer")
Part = Literal["script", "optimizer", "argument", "option", "accelerate"]


class PastedLike(Protocol):
    """What `core.convert.paste.read_any` gives."""

    @property
    def script(self) -> str | None: ...
    @property
    def options(self) -> Mapping[str, OptionValue]: ...
    @property
    def arguments(self) -> Mapping[str, str]: ...
    @property
    def accelerate(self) -> Mapping[str, OptionValue]: ...
    @property
    def problems(self) -> tuple[Text, ...]: ...
    @property
    def extra(self) -> Mapping[str, object]: ...


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would be different; None stands for "not said"."""

    part: Part
    name: str
    before: str | None
    after: str | None


def apply_pasted(job: Job, pasted: PastedLike, catalogue: Catalogue, *, replace_all: bool = False) -> Job:
    """The job with what was pasted.

    Args:
        job: the job as it is.
        pasted: what was read.
        catalogue: tells whether another optimizer is meant, whose arguments are then taken from memory.
        replace_all: what the text does not mention is removed: all options when it names options, else the arguments.
    """
    whole = replace_all and bool(pasted.options or pasted.script)
    result = replace(job, script=pasted.script) if pasted.script else job
    if whole:
        kept = {name: value for name, value in result.options.items() if name in _OPTIMIZER_KEYS}
        result = replace(result, options=MappingProxyType(kept), accelerate=MappingProxyType({}))
    result = _with_optimizer(result, pasted, catalogue)
    for name, value in pasted.options.items():
        if name not in ("optimizer_type", "optimizer_args"):
            result = result.with_option(name, value)
    if replace_all and (pasted.arguments or whole):
        result = result.with_arguments(pasted.arguments)
    else:
        for name, stored in pasted.arguments.items():
            result = result.with_argument(name, stored)
    if pasted.accelerate:
        result = replace(result, accelerate=MappingProxyType({**result.accelerate, **pasted.accelerate}))
    if pasted.extra:
        result = replace(result, extra=MappingProxyType({**result.extra, **pasted.extra}))
    return result


def _with_optimizer(job: Job, pasted: PastedLike, catalogue: Catalogue) -> Job:
    wanted = pasted.options.get("optimizer_type")
    if not isinstance(wanted, str) or wanted == job.optimizer_type:
        return job
    before, after = catalogue.find_for_options(job.options), catalogue.find(wanted)
    if before is not None and before is after and job.optimizer_type:
        return job.with_option("optimizer_type", wanted)  # another spelling of the same
    return job.with_optimizer(wanted, same=() if after is None else after.names)


def changes(before: Job, after: Job) -> list[Change]:
    """Everything in which two jobs differ, in reading order."""
    found: list[Change] = []
    if before.script != after.script:
        found.append(Change("script", "script", before.script, after.script))
    if before.optimizer_type != after.optimizer_type:
        found.append(Change("optimizer", "optimizer_type", before.optimizer_type or None, after.optimizer_type or None))
    found += _compare("argument", dict(before.arguments), dict(after.arguments))
    skip = ("optimizer_type", "optimizer_args")
    found += _compare("option", _shown(before.options, skip), _shown(after.options, skip))
    found += _compare("accelerate", _shown(before.accelerate), _shown(after.accelerate))
    return found


def _shown(values: Mapping[str, OptionValue], skip: tuple[str, ...] = ()) -> dict[str, str]:
    return {name: value if isinstance(value, str) else repr(value) for name, value in values.items() if name not in skip}


def _compare(part: Part, before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    names = [*before, *(name for name in after if name not in before)]
    return [Change(part, name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]
