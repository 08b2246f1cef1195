"""Looks at every job of a race before one is started: a race in which one cannot begin is no race."""

from __future__ import annotations

from collections.abc import Sequence

from core.catalogue.catalogue import Catalogue
from core.environment.model import Environment
from core.errors import CaddieError, Problems
from core.queue.start import builtin_options, options_of, refuse_what_fails
from core.race.plan import Entrant
from core.text import Text

_HEADING = Text("Nothing was started:", "何も開始しませんでした:")


def refuse(racing: Sequence[Entrant], environment: Environment | None, catalogue: Catalogue) -> None:
    """Says all that keeps a training from beginning.

    Args:
        racing: the trainings.
        environment: where they train; None for the built-in trainer.
        catalogue: knows the optimizers.

    Raises:
        Problems: at least one cannot begin, or there is no environment with sd-scripts for them.
        CaddieError: the options of the environment's script cannot be read.
    """
    if any(entrant.job.engine != "builtin" for entrant in racing) and (environment is None or environment.sd_scripts is None):
        missing = Text(
            "The trainings are for sd-scripts. Choose an environment that has sd-scripts first.",
            "sd-scripts で学習するジョブです。先に sd-scripts の環境を選んでください。",
        )
        raise Problems(_HEADING, [missing])
    problems: list[Text] = []
    for entrant in racing:
        try:
            _check(entrant, environment, catalogue)
        except CaddieError as error:
            problems.append(Text(f"{entrant.id}: {error.text.en}", f"{entrant.id}: {error.text.ja}"))
    if problems:
        raise Problems(_HEADING, problems)


def _check(entrant: Entrant, environment: Environment | None, catalogue: Catalogue) -> None:
    if environment is not None:
        refuse_what_fails(entrant.job, options_of(entrant.job, environment), catalogue)
        return
    from core.runs.builtin import checked_plan

    checked_plan(entrant.job, builtin_options(entrant.job), catalogue)
