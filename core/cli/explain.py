"""`explain`: the line of a log that says what went wrong, what it means and what to do."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from core.cli.output import note, print_facts, print_json, say
from core.runs.explain import explain_lines
from core.runs.log_errors import find_error, hide_secrets, tail_of, without_launcher
from core.runs.log_text import read_log, read_log_stream
from core.text import Text

_LINE, _MEANING, _ADVICE = Text("Error", "エラー"), Text("Cause", "原因"), Text("What to do", "対処")


def run_explain(options: Namespace) -> int:
    """Explains a log; 1 where its error is not known, or none was found."""
    lines = read_log_stream(sys.stdin.buffer) if options.log == "-" else read_log(Path(options.log))
    error = find_error(lines)
    # What the launcher said at its end is never the cause, and holds the whole command with its keys.
    found = explain_lines(error, without_launcher(lines))
    line = hide_secrets(found.line) if found is not None else error
    if options.json:
        print_json(
            {
                "known": found is not None,
                "id": found.id if found is not None else None,
                "line": line or None,
                "meaning": found.meaning if found is not None else None,
                "advice": found.advice if found is not None else None,
                "tail": tail_of(lines),
            }
        )
    elif found is not None:
        print_facts([(say(_LINE), line), (say(_MEANING), say(found.meaning)), (say(_ADVICE), say(found.advice))])
    elif line:
        print_facts([(say(_LINE), line)])
        note(Text("The cause of this error is not known.", "このエラーの原因は登録されていません。"))
    else:
        note(Text("No error was found in this log.", "このログにエラーは見つかりませんでした。"))
    return 0 if found is not None else 1
