"""`explain`: the line of a log that says what went wrong, what it means and what to do."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from core.cli.output import note, print_facts, print_json, say
from core.runs.explain_log import explain_file, explain_log
from core.runs.log_text import read_log_stream
from core.text import Text

_LINE, _MEANING, _ADVICE = Text("Error", "エラー"), Text("Cause", "原因"), Text("What to do", "対処")


def run_explain(options: Namespace) -> int:
    """Explains a log; 1 where its error is not known, or none was found."""
    found = explain_log(read_log_stream(sys.stdin.buffer)) if options.log == "-" else explain_file(Path(options.log))
    known = found.known
    if options.json:
        print_json(
            {
                "known": known is not None,
                "id": known.id if known is not None else None,
                "line": found.line or None,
                "meaning": known.meaning if known is not None else None,
                "advice": known.advice if known is not None else None,
                "tail": found.tail,
            }
        )
    elif known is not None:
        print_facts([(say(_LINE), found.line), (say(_MEANING), say(known.meaning)), (say(_ADVICE), say(known.advice))])
    elif found.line:
        print_facts([(say(_LINE), found.line)])
        note(Text("The cause of this error is not known.", "このエラーの原因は登録されていません。"))
    else:
        note(Text("No error was found in this log.", "このログにエラーは見つかりませんでした。"))
    return 0 if known is not None else 1
