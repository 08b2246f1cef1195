"""The paste box's reader: what `core.job.paste` understands, and whatever `core.convert` reads from text."""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Literal, cast

from core.catalogue.catalogue import Catalogue
from core.convert import easy, kohya, onetrainer
from core.convert.read import read_text
from core.convert.report import WORDS, Imported, Outcome, Report
from core.convert.script import loads_json
from core.errors import CaddieError
from core.job.paste import Pasted, dialect_of, read_pasted
from core.job.presets import is_preset
from core.job.toml_text import read_document
from core.options.model import OptionSet
from core.text import Text

MOST_SAID: Final = 12
"""Keys that a report in the paste box names; the rest is counted. A file can be imported for the whole of it."""

_ENDINGS: Final = {"cmd": ".bat", "sh": ".sh", "powershell": ".ps1"}
_ASSIGNS: Final = {
    "cmd": re.compile(r'^\s*@?set\s+"?\w+=', re.MULTILINE | re.IGNORECASE),
    "sh": re.compile(r"^\s*(?:export\s+)?[A-Za-z_]\w*=\S", re.MULTILINE),
    "powershell": re.compile(r"^\s*\$(?:env:)?\w+\s*=", re.MULTILINE | re.IGNORECASE),
}
Ending = Literal["", ".json", ".toml", ".bat", ".sh", ".ps1"]


def read_any(text: str, options: OptionSet, catalogue: Catalogue) -> Pasted:
    """Reads a text of any program; like `core.job.paste.read_pasted`, with what became of each key among the problems.

    Args:
        text: what was pasted.
        options: of the job's script; a script that the text names is read with its own where those are known.
        catalogue: tells optimizers by their names.
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "").strip()
    ending = _foreign(plain)
    if ending:
        try:
            return _pasted(read_text(plain, ending, catalogue, options))
        except CaddieError as error:
            # The simpler reader may still find something; why this one did not is said beside it.
            found = read_pasted(text, options, catalogue)
            return replace(found, problems=(error.text, *found.problems))
    return read_pasted(text, options, catalogue)


def _foreign(text: str) -> Ending:
    """The ending that a file with this text would have, "" for what `read_pasted` reads itself."""
    if text.startswith(("{", "[")) and _is_foreign_json(text):
        return ".json"
    if _is_foreign_toml(text):
        return ".toml"
    if ".py" in text:
        dialect = dialect_of(text)
        if _ASSIGNS[dialect].search(text):
            return cast(Ending, _ENDINGS[dialect])
    return ""


def _is_foreign_json(text: str) -> bool:
    try:
        document = loads_json(text)
    except CaddieError:
        return False
    if isinstance(document, list):
        return any(isinstance(word, str) and word.endswith(".py") for word in cast("list[object]", document))
    if not isinstance(document, dict):
        return False
    table = cast("dict[str, object]", document)
    return kohya.looks_like(table) or onetrainer.looks_like(table)


def _is_foreign_toml(text: str) -> bool:
    if "[" not in text or "=" not in text:
        return False
    try:
        document = read_document(text)
    except CaddieError:
        return False
    return easy.looks_like(document) or is_preset(document)


def _pasted(found: Imported) -> Pasted:
    job = found.job
    options = {name: value for name, value in job.options.items() if name != "optimizer_args"}
    return Pasted(
        script=job.script if found.names_script else None,
        options=MappingProxyType(options),
        arguments=job.arguments,
        accelerate=job.accelerate,
        problems=(_summary(found), *_said(found.report), *found.report.notes),
        extra=job.extra,
    )


def _summary(found: Imported) -> Text:
    counts = found.report.summary()
    return Text(f"{found.kind.en}: {counts.en}", f"{found.kind.ja}: {counts.ja}")


def _said(report: Report) -> list[Text]:
    """What was not simply taken: those keys are the ones that somebody has to know of."""
    told = [entry for entry in report.entries if entry.outcome in (Outcome.UNKNOWN, Outcome.IMPOSSIBLE)]
    said: list[Text] = []
    for entry in told[:MOST_SAID]:
        words = WORDS[entry.outcome]
        en, ja = f"{entry.key} = {entry.value}: {words.en}", f"{entry.key} = {entry.value}: {words.ja}"
        said.append(Text(f"{en} ({entry.why.en})", f"{ja} ({entry.why.ja})") if entry.why else Text(en, ja))
    if len(told) > MOST_SAID:
        more = len(told) - MOST_SAID
        said.append(Text(f"… and {more} more", f"… ほか {more} 件"))
    return said
