"""`python -m core.bootstrap GROUP …`: adds what a use of Caddie needs to its own environment; the window runs it as a child."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core.bootstrap import messages, setup

ROOT = Path(__file__).resolve().parents[2]


def main(groups: list[str]) -> int:
    """Returns the exit code: 0 where all is there, 1 where it could not be had, 2 for wrong usage."""
    if not groups or not set(groups) <= set(setup.GROUPS):
        print(f"usage: python -m core.bootstrap {{{','.join(setup.GROUPS)}}} …", file=sys.stderr)
        return 2
    os.environ["CADDIE_PROGRESS_LINES"] = "1"
    try:
        setup.ensure(ROOT, groups, window=False)
    except setup.SetupError as error:
        print(messages.say(error.text), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
