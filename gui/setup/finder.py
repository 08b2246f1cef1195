"""Finds a setting by what the form calls it or by its name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QStringListModel, Qt, Signal
from PySide6.QtWidgets import QCompleter

from core.options.model import OptionSet
from gui.forms.row import FormTools
from gui.setup.training_form import TrainingGroup
from gui.widgets.base import SearchField


class Finder(QObject):
    """Completes in a search field.

    Signals:
        found: the key of the chosen field.
        not_found: Enter was pressed on words that are no entry of the list.
    """

    found = Signal(str)
    not_found = Signal(str)

    def __init__(self, search: SearchField, tools: FormTools) -> None:
        super().__init__(search)
        self._search, self._tools = search, tools
        self._keys: dict[str, str] = {}
        self._names = QStringListModel(self)
        completer = QCompleter(self._names, search)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setMaxVisibleItems(14)
        completer.activated.connect(self.choose)
        search.setCompleter(completer)
        search.returnPressed.connect(self._entered)

    @property
    def names(self) -> list[str]:
        """What can be found."""
        return list(self._keys)

    def renew(self, groups: Sequence[TrainingGroup], options: OptionSet) -> None:
        """Takes the fields of the form, and after them the options that are only in the list of all."""
        say = self._tools.say
        self._keys = {}
        for group in groups:
            for described in group.fields:
                title = say(described.title) if described.title is not None else ""
                self._keys[f"{title}   {described.field.name}".strip()] = described.field.key
        named = set(self._keys.values())
        for option in options:
            if f"option:{option.name}" not in named:
                self._keys[option.name] = f"option:{option.name}"
        self._names.setStringList(list(self._keys))

    def choose(self, words: str) -> None:
        """Goes to an entry of the list."""
        key = self._keys.get(words)
        if key is not None:
            self.found.emit(key)
            self._search.clear()

    def _entered(self) -> None:
        typed = self._search.text().strip()
        if typed in self._keys:
            self.choose(typed)
        elif typed:
            self._search.clear()
            self.not_found.emit(typed)
