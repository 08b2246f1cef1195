"""The Japanese of the window: complete, fresh, and with the same fields as the English."""

from __future__ import annotations

import re

import pytest

from tests.helpers.update_translations import FOLDER, LANGUAGES, messages, stale


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_string_is_missing_and_the_built_file_is_fresh(language: str) -> None:
    assert stale(language) == [], "run: python tests/helpers/update_translations.py"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_translated(language: str) -> None:
    missing = [key for key, value in messages(FOLDER / f"caddie_{language}.ts").items() if value is None]
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_fields_and_shortcuts(language: str) -> None:
    wrong: list[str] = []
    for (context, source), translation in messages(FOLDER / f"caddie_{language}.ts").items():
        if translation is None:
            continue
        fields = [sorted(set(re.findall(r"\{\w*\}|%n|%\d", text))) for text in (source, translation)]
        shortcuts = [len(re.findall(r"&(?=\w)(?!\w+;)", text)) for text in (source, translation)]
        if fields[0] != fields[1] or shortcuts[0] != shortcuts[1]:
            wrong.append(f"{context}: {source!r} -> {translation!r}")
    assert wrong == []
