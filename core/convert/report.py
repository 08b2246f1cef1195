"""The account of an import: what became of each key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from core.job.model import Job
from core.job.presets import Preset
from core.text import Text

LONGEST_SHOWN: Final = 120
"""Characters of a value that a report shows."""


class Outcome(str, Enum):
    """What became of a key."""

    TAKEN = "taken"
    TRANSLATED = "translated"
    UNSET = "unset"  # it says "not set" or "off", which is what leaving the option out says
    UNKNOWN = "unknown"
    IMPOSSIBLE = "impossible"


WORDS: Final[Mapping[Outcome, Text]] = {
    Outcome.TAKEN: Text("taken", "そのまま取り込み"),
    Outcome.TRANSLATED: Text("translated", "変換して取り込み"),
    Outcome.UNSET: Text("not set", "未設定"),
    Outcome.UNKNOWN: Text("unknown, kept", "不明 (保持)"),
    Outcome.IMPOSSIBLE: Text("not possible", "取り込み不可"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of the source.

    Attributes:
        outcome: what became of it.
        key: as the source calls it; tables are joined with dots.
        value: as the source writes it, shortened.
        target: what it became ("name = value"), "" where nothing.
        why: what a person should know about it, or None.
    """

    outcome: Outcome
    key: str
    value: str
    target: str = ""
    why: Text | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All keys, in the order of the source, and what concerns the file as a whole."""

    entries: tuple[Entry, ...] = ()
    notes: tuple[Text, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """How many keys ended so."""
        return sum(entry.outcome is outcome for entry in self.entries)

    def summary(self) -> Text:
        """The counts, in one line."""
        present = [outcome for outcome in Outcome if self.count(outcome)]
        en = ", ".join(f"{WORDS[outcome].en}: {self.count(outcome)}" for outcome in present)
        ja = "、".join(f"{WORDS[outcome].ja}: {self.count(outcome)}" for outcome in present)
        return Text(en or "nothing read", ja or "読み取れた設定なし")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A file as a job.

    Attributes:
        kind: what the file was.
        job: what it says; everything else is as in a new `Job`.
        report: what became of each key.
        names_script: the file says (and not only lets guess) which script trains.
        preset: the file is an optimizer's preset, which is applied and never replaces a job.
    """

    kind: Text
    job: Job
    report: Report
    names_script: bool = True
    preset: Preset | None = None


@dataclass(slots=True)
class Ledger:
    """Collects entries and notes while a file is read."""

    entries: list[Entry] = field(default_factory=list[Entry])
    notes: list[Text] = field(default_factory=list[Text])

    def taken(self, key: str, value: object) -> None:
        """It is in the job as it was."""
        self.entries.append(Entry(Outcome.TAKEN, key, shown(value)))

    def translated(self, key: str, value: object, target: str, why: Text | None = None) -> None:
        """It is in the job under another name or in another form."""
        self.entries.append(Entry(Outcome.TRANSLATED, key, shown(value), short(target), why))

    def unset(self, key: str, value: object, why: Text | None = None) -> None:
        """It says nothing."""
        self.entries.append(Entry(Outcome.UNSET, key, shown(value), "", why))

    def unknown(self, key: str, value: object, why: Text | None = None) -> None:
        """Nobody here knows it; it is kept."""
        self.entries.append(Entry(Outcome.UNKNOWN, key, shown(value), "", why))

    def impossible(self, key: str, value: object, why: Text) -> None:
        """It cannot be said in a job."""
        self.entries.append(Entry(Outcome.IMPOSSIBLE, key, shown(value), "", why))

    def note(self, texts: Iterable[Text]) -> None:
        """Says something about the file as a whole."""
        self.notes += texts

    def report(self) -> Report:
        """The finished account."""
        return Report(tuple(self.entries), tuple(dict.fromkeys(self.notes)))


def shown(value: object) -> str:
    """A value as a report shows it."""
    return short(value if isinstance(value, str) else repr(value))


def short(text: str) -> str:
    """A text on one line, cut where it is long."""
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= LONGEST_SHOWN else f"{line[:LONGEST_SHOWN]}…"
