"""Text that a person reads, in every language Caddie speaks.

The window's own labels go through Qt Linguist. What `core` says (advice, outcomes, errors, catalogue prose) must
be sayable without Qt, so it carries both languages with it.
"""

from __future__ import annotations

import locale
import os
from dataclasses import dataclass
from typing import Literal, get_args

Language = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence or paragraph in English and Japanese.

    Attributes:
        en: English; may hold `{name}` fields for `format`.
        ja: Japanese, with the same fields.
    """

    en: str
    ja: str

    def in_language(self, language: Language) -> str:
        """Returns the text in `language`."""
        return self.ja if language == "ja" else self.en

    def format(self, **values: object) -> Text:
        """Returns a copy with the `{name}` fields filled in both languages.

        Raises:
            KeyError: a field has no value.
        """
        return Text(self.en.format_map(values), self.ja.format_map(values))

    def __str__(self) -> str:
        return self.en


def same(words: str) -> Text:
    """A text that is the same in every language: a name, a path, an error message of another program."""
    return Text(words, words)


def join_sentences(*sentences: str) -> str:
    """One paragraph of what is not empty: a space between sentences, but none after a Japanese full stop."""
    paragraph = ""
    for sentence in filter(None, sentences):
        paragraph += sentence if not paragraph or paragraph.endswith("。") else f" {sentence}"
    return paragraph


def preferred_language(environment: dict[str, str] | None = None) -> Language:
    """The language to start with: `CADDIE_LANGUAGE` if set, else the system's, else English."""
    variables = os.environ if environment is None else environment
    named = variables.get("CADDIE_LANGUAGE", "").lower()
    for language in LANGUAGES:
        if named == language:
            return language
    spoken = next((variables[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if variables.get(key)), None)
    if spoken is None and environment is None:
        spoken = locale.getlocale()[0]
    return "ja" if (spoken or "").lower().startswith(("ja", "japanese")) else "en"
