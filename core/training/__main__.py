"""`python -m core.training JOB`: trains a job in this process; what happens goes to the file that CADDIE_EVENTS names."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from core.job.store import load_job
from core.runs.events import Event, Finished
from core.training.control import Control
from core.training.log_lines import LogLines
from core.training.plan import plan_of
from core.training.reporting import EventFile, Report, Reporter
from core.training.session import failure


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 at the end or after a stop that was asked for, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m core.training")
    parser.add_argument("job", type=Path)
    parser.add_argument("--base", type=Path, default=None, help="what relative paths of the job start from")
    options = parser.parse_args(arguments)
    job_file = options.job.absolute()
    events, stop = os.environ.get("CADDIE_EVENTS"), os.environ.get("CADDIE_STOP")
    file = EventFile(Path(events)) if events else None
    # Its import complains that a kernel for 4 bits, which no training here uses, is missing.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    reporter = Reporter(file or _say)
    if os.environ.get("RANK", "0") != "0":
        reporter = Reporter(_only_failures(file or _say))
    elif file is not None:
        reporter.listen(LogLines(sys.stdout))
    try:
        if options.base is not None:
            os.chdir(options.base)
        return _train(job_file, reporter, Control(Path(stop) if stop else None))
    finally:
        if file is not None:
            file.close()


def _train(job_file: Path, reporter: Reporter, control: Control) -> int:
    try:
        plan = plan_of(load_job(job_file))
        from core.training.prepare import prepare
        from core.training.world import join_world, leave_world

        world = join_world()
        how = prepare(plan, reporter, control, world=world).run()
        leave_world(world)
    except KeyboardInterrupt:
        reporter.finished("stopped")
        return 1
    except Exception as error:  # noqa: BLE001 -- the run has to end with a word, whatever happened
        reporter.finished("raised", failure(error, sys.stderr).error)
        return 1
    reporter.finished(how)
    return 0


def _only_failures(report: Report) -> Report:
    """What a process tells beside the main one: nothing but why it failed, since that ends the others too."""

    def tell(event: Event) -> None:
        if isinstance(event, Finished) and event.how == "raised":
            report(event)

    return tell


def _say(event: Event) -> None:
    sys.stdout.write(f"{event}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
