"""Errors written for people: in both languages, all of a batch at once, with the nearest right name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from functools import lru_cache

from core.text import Text


class CaddieError(Exception):
    """Something a person has to know or decide. Never used for a programming mistake (that is an assertion).

    Attributes:
        text: what is wrong and what to do, in both languages.
    """

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class ValueProblem(CaddieError):
    """A typed or stored value that cannot be what its field needs."""


class Problems(CaddieError):
    """Several problems found together, so that nobody has to mend them one start at a time."""

    def __init__(self, heading: Text, problems: Sequence[Text]) -> None:
        self.heading = heading
        self.problems = tuple(problems)
        lines_en = "".join(f"\n- {problem.en}" for problem in problems)
        lines_ja = "".join(f"\n- {problem.ja}" for problem in problems)
        super().__init__(Text(heading.en + lines_en, heading.ja + lines_ja))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that a mistyped `word` most likely meant, or None. Case is ignored."""
    return _nearest(word.casefold(), tuple(known))


@lru_cache(maxsize=256)  # a job is looked at anew on each edit, and difflib takes 20 ms for one name among 200
def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    by_folded = {name.casefold(): name for name in known}
    matches = difflib.get_close_matches(word, by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None
