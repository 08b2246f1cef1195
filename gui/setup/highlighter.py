"""Colours for commands and TOML, from the theme's tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtGui import QColor, QFont, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from gui.theme.theme import Theme

Syntax = Literal["sh", "bat", "ps1", "toml"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What matches gets a colour of the theme; the last rule that matches wins."""

    pattern: re.Pattern[str]
    role: str
    bold: bool = False


_NUMBER = Rule(re.compile(r"(?<![\w./\\-])[+-]?(?:\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?|inf|nan)(?![\w./\\-])"), "violet_text")
_FLAG = Rule(re.compile(r"(?<!\S)--?[A-Za-z][\w-]*"), "accent_text", True)
_DOUBLE = Rule(re.compile(r'"(?:[^"\\]|\\.)*"'), "info_text")
_SINGLE = Rule(re.compile(r"'[^']*'"), "info_text")
_UNSAID = Rule(re.compile(r"(?<=\s)(['\"]?)\?\?\?\1(?!\S)"), "danger_text", True)

RULES: dict[Syntax, tuple[Rule, ...]] = {
    "sh": (
        _NUMBER,
        _FLAG,
        _DOUBLE,
        _SINGLE,
        Rule(re.compile(r"\\$"), "text_muted"),
        Rule(re.compile(r"^\s*#.*"), "text_muted"),
        _UNSAID,
    ),
    "bat": (
        _NUMBER,
        _FLAG,
        Rule(re.compile(r'"[^"]*"'), "info_text"),
        Rule(re.compile(r"%\w+%|%%"), "warning_text"),
        Rule(re.compile(r"\^$"), "text_muted"),
        Rule(re.compile(r"^\s*(?:rem\b|::).*", re.IGNORECASE), "text_muted"),
        _UNSAID,
    ),
    "ps1": (
        _NUMBER,
        _FLAG,
        Rule(re.compile(r'"(?:[^"`]|`.|"")*"'), "info_text"),
        Rule(re.compile(r"'(?:[^']|'')*'"), "info_text"),
        Rule(re.compile(r"(?<![\w`])\$[\w:]+"), "warning_text"),
        Rule(re.compile(r"`$"), "text_muted"),
        Rule(re.compile(r"^\s*#.*"), "text_muted"),
        _UNSAID,
    ),
    "toml": (
        _NUMBER,
        Rule(re.compile(r"\b(?:true|false)\b"), "violet_text"),
        Rule(re.compile(r"^\s*[\w\"'.-]+(?=\s*=)"), "accent_text", True),
        _DOUBLE,
        _SINGLE,
        Rule(re.compile(r"^\s*\[[^\]=]*\]\s*$"), "warning_text", True),
        Rule(re.compile(r"^\s*#.*"), "text_muted"),
    ),
}


class CommandHighlighter(QSyntaxHighlighter):
    """Colours a document in one of the syntaxes."""

    def __init__(self, document: QTextDocument, theme: Theme) -> None:
        super().__init__(document)
        self._theme = theme
        self._rules: Sequence[tuple[re.Pattern[str], QTextCharFormat]] = ()
        self._syntax: Syntax = "sh"
        theme.changed.connect(self._recolor)
        self._recolor()

    def set_syntax(self, syntax: Syntax) -> None:
        """Chooses the rules; the text is coloured when it is set next."""
        self._syntax = syntax
        self._make()

    def _make(self) -> None:
        colors = self._theme.colors.as_mapping()
        made: list[tuple[re.Pattern[str], QTextCharFormat]] = []
        for rule in RULES[self._syntax]:
            look = QTextCharFormat()
            look.setForeground(QColor(colors[rule.role]))
            if rule.bold:
                look.setFontWeight(QFont.Weight.DemiBold)
            made.append((rule.pattern, look))
        self._rules = made

    def _recolor(self) -> None:
        self._make()
        self.rehighlight()

    def highlightBlock(self, text: str) -> None:
        for pattern, look in self._rules:
            for found in pattern.finditer(text):
                self.setFormat(found.start(), found.end() - found.start(), look)
