"""Which engine runs a job, and what keeps the built-in trainer from it. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import CaddieError, Problems
from core.job.missing import missing_faults
from core.job.model import Job
from core.options.model import OptionSet
from core.text import Text

ISOLATED = "isolated"
"""In `Job.builtin`: a window starts the job in a process of its own."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """One thing that the built-in trainer cannot do or understand.

    Attributes:
        text: what, with its name in front.
        name: the option that it is about; "script" for the script; "" where no single option of the job is.
    """

    text: Text
    name: str = ""

    @property
    def key(self) -> str | None:
        """The form's field for it, None where there is none."""
        if self.name in {"", "script"}:
            return self.name or None
        return f"option:{self.name}"


def engine_hindrances(job: Job) -> list[Hindrance]:
    """All that the built-in trainer would refuse of a job before it starts, whichever engine the job names.

    Returns:
        Nothing where it can run it.
    """
    from core.training.plan import plan_of  # late: reads every option, and is wanted only where this engine is in question

    try:
        plan_of(job)
    except Problems as several:
        return [Hindrance(text, _name_in(text, job)) for text in several.problems]
    except CaddieError as error:
        return [Hindrance(error.text)]
    return []


def builtin_hindrances(job: Job, options: OptionSet) -> list[Hindrance]:
    """`engine_hindrances` without what `core.job.missing` tells of every job, so that nobody reads it twice."""
    missing = {fault.name for fault in missing_faults(job, options)}
    return [one for one in engine_hindrances(job) if one.name not in missing]


def trains_in_window(job: Job) -> bool:
    """Whether a window trains the job itself: the built-in trainer, in one process, unless the job wants one of its own."""
    from core.training.plan import plan_of

    if job.engine != "builtin":
        return False
    plan = plan_of(job)
    return not plan.isolated and not plan.launch.several


def packages_problem() -> Text | None:
    """Which packages the built-in trainer lacks in this Python and how to install them; None where all are there."""
    from core.runs.builtin import refuse_without_packages

    try:
        refuse_without_packages()
    except CaddieError as error:
        return error.text
    return None


def _name_in(text: Text, job: Job) -> str:
    """The option that a sentence of the trainer begins with ("name = value is …", "name is an option …")."""
    word = text.en.partition(" ")[0].rstrip(":,")
    # An option that the job lacks is a name as well ("output_dir = '' is needed").
    return word if word == "script" or word in job.options or text.en.startswith(f"{word} = ") else ""
