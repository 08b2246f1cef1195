"""What happens to a job when another optimizer is chosen, and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass

from core.catalogue.catalogue import Catalogue
from core.catalogue.spec import OptimizerSpec
from core.job.model import Job
from core.job.optimizer import with_entry


@dataclass(frozen=True, slots=True)
class Choice:
    """A job with another optimizer.

    Attributes:
        job: the new job.
        rate_set: the learning rate that was written, None where it was left alone.
        rate_kept: the user's own learning rate that differs from the optimizer's starting value, else None.
    """

    job: Job
    rate_set: float | None = None
    rate_kept: float | None = None


def choose(job: Job, spec: OptimizerSpec, catalogue: Catalogue) -> Choice:
    """Gives the job this optimizer.

    The learning rate is written where there is none, and where it is the starting value of the optimizer it had
    before (then nobody thought about it). A learning rate of the user's own is kept and reported.
    """
    before = catalogue.find_for_options(job.options)
    old_form = any(job.options.get(name) == value for form in spec.old_forms for name, value in form.options.items())
    # What the job already says in other words (an alias, an old form) is left as it is; what it only implies is said.
    said = before is spec and (bool(job.optimizer_type) or old_form)
    chosen = job if said else with_entry(job, spec, catalogue)
    present = job.options.get("learning_rate")
    start = spec.learning_rate.start
    if present is None or (before is not None and before is not spec and present == before.learning_rate.start):
        if present == start:
            return Choice(chosen)
        return Choice(chosen.with_option("learning_rate", start), rate_set=start)
    if isinstance(present, (int, float)) and not isinstance(present, bool) and present != start:
        return Choice(chosen, rate_kept=float(present))
    return Choice(chosen)
