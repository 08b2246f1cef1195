"""Where a job trains: from the options of a verb, the job itself, and the user's environments."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from core.cli.environment import find_environment, store
from core.environment.discover import make_environment
from core.environment.model import Environment
from core.errors import CaddieError
from core.job.model import Job
from core.options.model import OptionSet
from core.options.reader import read_checkout
from core.text import Text


def find_place(job: Job, options: Namespace) -> Environment:
    """The environment in which to train.

    Raises:
        CaddieError: none is known, or it has no checkout.
    """
    if options.python:
        checkout = Path(options.checkout).expanduser().absolute() if options.checkout else None
        environment = make_environment(Path(options.python).expanduser().absolute(), checkout)
    else:
        environment = find_environment(store(), options.environment or job.environment)
        if options.checkout:
            environment = make_environment(environment.python, Path(options.checkout).expanduser().absolute())
    if environment.sd_scripts is None:
        raise CaddieError(
            Text(
                f"The environment {environment.name} has no sd-scripts folder; name it with --checkout.",
                f"環境 {environment.name} に sd-scripts のフォルダーがありません。--checkout で指定してください。",
            )
        )
    return environment


def options_in(environment: Environment, script: str) -> OptionSet:
    """What the script of that environment's checkout accepts.

    Raises:
        CaddieError: the checkout has no such script, or it cannot be read.
    """
    assert environment.sd_scripts is not None, "find_place gives none without"
    if not (environment.sd_scripts / script).is_file():
        raise CaddieError(
            Text(f"{script} is not in {environment.sd_scripts}.", f"{environment.sd_scripts} に {script} がありません。")
        )
    return read_checkout(environment.sd_scripts, [script])[script]
