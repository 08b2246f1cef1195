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
from core.options.snapshot import snapshot_for
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
    """What the script of that checkout accepts; the shipped snapshot where the checkout has no such script.

    Raises:
        CaddieError: nobody knows the script.
    """
    if environment.sd_scripts is not None:
        found = read_checkout(environment.sd_scripts, [script]).get(script)
        if found is not None:
            return found
    shipped = snapshot_for(script)
    if shipped is None:
        raise CaddieError(
            Text(
                f"{script} is not a training script that Caddie knows.",
                f"{script} は Caddie の知る学習スクリプトではありません。",
            )
        )
    return shipped
