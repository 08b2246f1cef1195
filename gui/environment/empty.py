"""The page before anything was added: what to do, with examples of paths."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from core.environment.interpreters import on_windows
from gui.environment.found_list import FoundList
from gui.theme import tokens
from gui.theme.theme import Theme, mono_font
from gui.widgets.base import Button, Card, IconLabel, Label, Translated, row

_EXAMPLES = {
    True: ("C:\\AI\\sd-scripts", "C:\\AI\\kohya_ss", "D:\\LoRA_Easy_Training_Scripts", "D:\\StabilityMatrix"),
    False: ("~/sd-scripts", "~/kohya_ss", "~/LoRA_Easy_Training_Scripts", "~/StabilityMatrix"),
}


class EmptyPage(Translated, QWidget):
    """Signals: `folder_wanted`, `new_wanted`, `python_wanted`: the buttons."""

    folder_wanted = Signal()
    new_wanted = Signal()
    python_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._heading = Label("", "headline")
        self._lead = Label("", "muted", wrap=True)
        self.folder = Button(theme, icon="folder", classes="primary")
        self.folder.clicked.connect(self.folder_wanted)
        self.new = Button(theme, icon="plus")
        self.new.clicked.connect(self.new_wanted)
        self.python = Button(theme, icon="terminal")
        self.python.clicked.connect(self.python_wanted)
        self._drop = Label("", "caption")
        self.found = FoundList(theme)
        self._example_heading = Label("", "section")
        self._example_notes: list[Label] = []
        self._no_scripts = Label("", "caption", wrap=True)
        column = QWidget()
        column.setMaximumWidth(680)
        inner = QVBoxLayout(column)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(tokens.M)
        head = QHBoxLayout()
        head.setSpacing(tokens.M)
        head.addWidget(IconLabel(theme, "environment", role="accent_text", size=40))
        head.addWidget(self._heading, 1)
        buttons = row(self.folder, self.new, self.python, stretch=True)
        found = Card()
        found.body.addWidget(self.found)
        inner.addLayout(head)
        inner.addWidget(self._lead)
        inner.addLayout(buttons)
        inner.addWidget(self._drop)
        inner.addSpacing(tokens.S)
        inner.addWidget(found)
        inner.addWidget(self._make_examples())
        inner.addWidget(self._no_scripts)
        content = QWidget()
        content.setProperty("class", "scrolled")
        middle = QHBoxLayout(content)
        middle.setContentsMargins(tokens.XL, tokens.XL, tokens.XL, tokens.XL)
        middle.addStretch(1)
        middle.addWidget(column, 10, Qt.AlignmentFlag.AlignVCenter)
        middle.addStretch(1)
        area = QScrollArea()  # a low window
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)
        self.retranslate()

    def _make_examples(self) -> Card:
        card = Card()
        card.body.addWidget(self._example_heading)
        grid = QGridLayout()
        grid.setHorizontalSpacing(tokens.L)
        grid.setVerticalSpacing(tokens.XS)
        grid.setColumnStretch(1, 1)
        for number, path in enumerate(_EXAMPLES[on_windows()]):
            place = Label(path)
            place.setFont(mono_font(tokens.CAPTION_PT))
            note = Label("", "caption")
            self._example_notes.append(note)
            grid.addWidget(place, number, 0)
            grid.addWidget(note, number, 1)
        card.body.addLayout(grid)
        return card

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        self._heading.setText(self.tr("Show Caddie the Python that trains"))
        self._lead.setText(
            self.tr(
                "Caddie starts your own sd-scripts with your own Python. Choose the folder where it is installed; Caddie finds"
                " both in it, looks at what is there, and changes nothing."
            )
        )
        self.folder.setText(self.tr("Choose folder …"))
        self.new.setText(self.tr("Set up a new one …"))
        self.python.setText(self.tr("Choose python.exe …") if on_windows() else self.tr("Choose Python …"))
        self._drop.setText(self.tr("or drop a folder here"))
        self._example_heading.setText(self.tr("Folders that Caddie understands, for example"))
        notes = (
            self.tr("sd-scripts with a venv in it or beside it"),
            self.tr("kohya_ss, with its sd-scripts folder"),
            self.tr("LoRA Easy Training Scripts"),
            self.tr("Stability Matrix: every trainer in its Packages"),
        )
        for label, text in zip(self._example_notes, notes, strict=True):
            label.setText(text)
        self._no_scripts.setText(
            self.tr(
                "No sd-scripts yet? Caddie sets one up, with the PyTorch for your GPU, and shows every command before it is run."
                " You can pick and set up an optimizer without it."
            )
        )
