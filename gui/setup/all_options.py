"""The searchable list of every option of the script, so that nothing of sd-scripts is out of reach."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gui.bridge.job_session import JobSession
from gui.forms.editors import Editor, LinesEditor
from gui.forms.make import make_editor
from gui.forms.row import FormTools
from gui.setup.all_options_model import DEFAULT, HELP, KIND, NAME, VALUE, AllOptionsModel, Describe, Index, Show
from gui.theme.theme import Theme
from gui.widgets.base import Label, SearchField, Translated

ROW_HEIGHT = 34
WIDE = 1100
"""Width from which the columns get more room, in logical pixels."""


class OptionDelegate(QStyledItemDelegate):
    """Edits a value in place with the editor of its kind; each change goes to the job at once."""

    def __init__(self, model: AllOptionsModel, theme: Theme, tools: FormTools, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model, self._theme, self._tools = model, theme, tools
        self._visit = 0

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, index: Index) -> QWidget:
        row = self._model.option_row(index)
        editor = make_editor(row.described.field, parent)
        editor.renew_icons(self._tools.icon)
        editor.setAutoFillBackground(True)
        if isinstance(editor, LinesEditor):
            editor.set_least_lines(4)
        self._visit += 1
        merge = f"{row.described.field.key}#all-{self._visit}"
        label = self.tr("Change {0}").format(row.name)
        editor.edited.connect(lambda stored: self._model.edit(row, stored, label, merge=merge))
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        assert isinstance(editor, Editor)
        row = self._model.option_row(index)
        stored = self._model.stored(row)
        editor.show_stored(stored)
        editor.set_invalid(row.described.field.problem(stored) is not None)

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        """Nothing is left to do: the job has every keystroke."""

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, _index: Index) -> None:
        area = option.rect  # pyright: ignore[reportAttributeAccessIssue]
        if isinstance(editor, LinesEditor):
            area.setHeight(max(area.height(), editor.sizeHint().height()))
        editor.setGeometry(area)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        row = self._model.option_row(index)
        if index.column() == NAME and self._model.stored(row) is not None:
            colors = self._theme.colors
            area = option.rect  # pyright: ignore[reportAttributeAccessIssue]
            ink = colors.danger_text if self._model.is_wrong(row) else colors.accent
            painter.fillRect(area.left(), area.top() + 4, 3, area.height() - 8, ink)

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:
        # Enter in a list of texts begins another line instead of closing the editor.
        if isinstance(editor, LinesEditor) and event.type() == QEvent.Type.KeyPress:
            return False
        return super().eventFilter(editor, event)


class AllOptions(Translated, QWidget):
    """Signals:
    focused: this option's description should be shown.
    """

    focused = Signal(object)

    def __init__(
        self, session: JobSession, theme: Theme, tools: FormTools, describe: Describe, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.model = AllOptionsModel(session, theme, tools, describe, self)
        self._session = session
        self._wide: bool | None = None
        self.title = Label("", "title")
        self.source = Label("", "caption", wrap=True)
        self.search = SearchField(theme)
        self._show = QButtonGroup(self)
        self._buttons: dict[Show, QPushButton] = {}
        bar = QHBoxLayout()
        bar.setSpacing(0)
        bar.addWidget(self.search, 1)
        bar.addSpacing(12)
        for place, show in enumerate(Show):
            bar.addWidget(self._make_filter(show, "first" if place == 0 else "last" if place == len(Show) - 1 else "middle"))
        self.view = self._make_view(theme, tools)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(self.title)
        layout.addWidget(self.source)
        layout.addLayout(bar)
        layout.addWidget(self.view, 1)
        self.search.textChanged.connect(self._refilter)
        self.search.left.connect(self._enter_table)
        self.model.counted.connect(self._say_counts)
        session.options_changed.connect(self._say_source)
        self.retranslate()

    def _make_filter(self, show: Show, place: str) -> QPushButton:
        button = QPushButton()
        button.setCheckable(True)
        button.setChecked(show is Show.ALL)
        button.setProperty("class", "segment")
        button.setProperty("place", place)
        button.clicked.connect(self._refilter)
        self._show.addButton(button)
        self._buttons[show] = button
        return button

    def _make_view(self, theme: Theme, tools: FormTools) -> QTableView:
        view = QTableView()
        view.setProperty("class", "framed options")
        view.setModel(self.model)
        view.setItemDelegate(OptionDelegate(self.model, theme, tools, view))
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        triggers = QAbstractItemView.EditTrigger
        view.setEditTriggers(triggers.DoubleClicked | triggers.SelectedClicked | triggers.EditKeyPressed | triggers.AnyKeyPressed)
        view.setShowGrid(False)
        view.setAlternatingRowColors(True)
        view.setWordWrap(False)
        view.setTabKeyNavigation(False)
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows = view.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        columns = view.horizontalHeader()
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        columns.setMinimumSectionSize(32)
        columns.setSectionResizeMode(HELP, QHeaderView.ResizeMode.Stretch)
        view.clicked.connect(lambda index: view.edit(index) if index.column() == VALUE else None)
        view.activated.connect(lambda index: view.edit(index.siblingAtColumn(VALUE)))
        view.selectionModel().currentRowChanged.connect(self._on_current)
        self.reset = QAction(view)
        self.reset.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        self.reset.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.reset.triggered.connect(self._reset_current)
        view.addAction(self.reset)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        return view

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width() >= WIDE
        if wide is not self._wide:
            self._wide = wide
            columns = self.view.horizontalHeader()
            # What an option does is in the help pane too; its name is nowhere else.
            self.view.setColumnHidden(HELP, not wide)
            modes = QHeaderView.ResizeMode
            columns.setSectionResizeMode(NAME, modes.Interactive if wide else modes.Stretch)
            widths = (310, 380, 130, 170) if wide else (226, 210, 96, 96)
            for column, width in zip((NAME, VALUE, DEFAULT, KIND), widths, strict=True):
                columns.resizeSection(column, width)

    def reveal(self, name: str) -> bool:
        """Selects an option and opens its editor. False where the script and the job have none of that name."""
        if self.model.row_of(name) is None:
            self.search.clear()
            self._buttons[Show.ALL].setChecked(True)
            self._refilter()
        place = self.model.row_of(name)
        if place is None:
            return False
        index = self.model.index(place, VALUE)
        self.view.setCurrentIndex(index)
        self.view.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
        self.view.setFocus()
        self.view.edit(index)
        return True

    def show_only(self, show: Show) -> None:
        """Chooses the filter."""
        self._buttons[show].setChecked(True)
        self._refilter()

    def _refilter(self) -> None:
        show = next(kind for kind, button in self._buttons.items() if button.isChecked())
        self.model.set_filter(self.search.text(), show)

    def _enter_table(self) -> None:
        if self.model.rowCount() and not self.view.currentIndex().isValid():
            self.view.setCurrentIndex(self.model.index(0, VALUE))
        self.view.setFocus()

    def _on_current(self, current: Index, _previous: Index) -> None:
        if current.isValid():
            self.focused.emit(self.model.option_row(current).described)

    def _reset_current(self) -> None:
        index = self.view.currentIndex()
        if index.isValid():
            row = self.model.option_row(index)
            self.model.edit(row, None, self.tr("Reset {0}").format(row.name))

    def _say_counts(self) -> None:
        words = {Show.ALL: self.tr("All ({0})"), Show.SET: self.tr("Set ({0})"), Show.WRONG: self.tr("Wrong or unknown ({0})")}
        for show, button in self._buttons.items():
            button.setText(words[show].format(self.model.count(show)))

    def _say_source(self) -> None:
        options = self._session.options
        self.title.setText(self.tr("All options of {0}").format(options.script))
        if options.source == "checkout":
            words = self.tr("Read from your checkout of sd-scripts ({0}).").format((options.commit or "")[:8] or "?")
        else:
            words = self.tr(
                "As shipped with Caddie (sd-scripts {0}). With an environment that has a checkout, they are read from it."
            )
            words = words.format((options.commit or "")[:8] or "?")
        self.source.setText(words)

    def retranslate(self) -> None:
        self.search.setPlaceholderText(self.tr("Search by name or by what it does"))
        self.search.setAccessibleName(self.tr("Search in all options"))
        self.view.setAccessibleName(self.tr("All options"))
        self.reset.setText(self.tr("Back to the default"))
        self.model.retranslate()
        self._say_counts()
        self._say_source()
