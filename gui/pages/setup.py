"""The page "Set up": the optimizer, the training, every option, and the command that comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.catalogue.spec import ArgumentSpec
from core.environment.model import Environment
from core.job.model import Job
from core.options.main_form import load_main_form
from core.options.model import Option
from gui.bridge.idle import IdleQueue
from gui.forms.binding import FormBinding
from gui.forms.described import Described
from gui.forms.fields import Field
from gui.forms.row import FieldRow, FormTools
from gui.forms.section import FormSection
from gui.pages.page import Page
from gui.services import Services
from gui.setup.all_options import AllOptions
from gui.setup.dock_view import EDIT_DATASET
from gui.setup.engine_card import EngineCard
from gui.setup.finder import Finder
from gui.setup.frame import SetupFrame
from gui.setup.optimizer_card import OptimizerCard
from gui.setup.training_form import TrainingGroup, describe_any, training_groups

if TYPE_CHECKING:
    from gui.setup.dataset_dialog import DatasetDialog


class SetupPage(Page):
    """See the module."""

    page_id: ClassVar[str] = "setup"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self._tools = FormTools(say=services.translation.say, icon=lambda name: services.theme.icon(name, "text_muted"))
        self._binding = FormBinding(services.session, self._edit_label, self)
        self._idle = IdleQueue(self)
        self._groups = load_main_form()
        self._shown_groups: list[TrainingGroup] = []
        self._sections: list[FormSection] = []
        self._all_options: AllOptions | None = None
        self._dataset: DatasetDialog | None = None
        self.frame = SetupFrame(services, self._tools, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.frame)
        self.engine = EngineCard(services, self._tools, self.frame.area.column)
        self.optimizer = OptimizerCard(services, self._binding, self._tools, probe_signature, self.frame.area.column)
        self.frame.area.cards.addWidget(self.engine)
        self.frame.area.cards.addWidget(self.optimizer)
        self.frame.area.cards.addStretch(1)
        self.finder = Finder(self.frame.header.search, self._tools)
        self._connect()
        self.optimizer.refresh()
        self._remake_sections()
        self.retranslate()

    def _connect(self) -> None:
        services, frame = self.services, self.frame
        frame.jump.chosen.connect(self.jump_to)
        frame.dock.wanted.connect(self.go_to)
        frame.header.paste.clicked.connect(self.open_paste)
        frame.header.start.clicked.connect(lambda: services.navigate("run"))
        frame.header.search.left.connect(self.optimizer.picker.setFocus)
        frame.area.verticalScrollBar().valueChanged.connect(self._follow_scroll)
        self.finder.found.connect(self.go_to)
        self.finder.not_found.connect(self._list_matches)
        self.optimizer.focused.connect(frame.help.explain)
        self.optimizer.chosen.connect(frame.help.explain_optimizer)
        services.session.options_changed.connect(self._remake_sections)
        services.session.changed.connect(self._hint_scheduler)
        services.theme.changed.connect(self._renew_icons)
        services.translation.changed.connect(self._renew_finder)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self._focus_search)

    # --- sections ----------------------------------------------------------------------------------------------

    @property
    def sections(self) -> Sequence[FormSection]:
        """The training's sections, in order."""
        return self._sections

    @property
    def all_options(self) -> AllOptions:
        """The list of all options; made when it is first wanted."""
        if self._all_options is None:
            session, frame = self.services.session, self.frame.listed
            self._all_options = AllOptions(session, self.services.theme, self._tools, self._describe_any, frame)
            self._all_options.focused.connect(self.frame.help.explain)
            inside = frame.layout()
            assert inside is not None
            inside.addWidget(self._all_options)
        return self._all_options

    def _remake_sections(self) -> None:
        session = self.services.session
        focused = self._focused_key()
        self._idle.clear()
        for section in self._sections:
            section.release()
            self.frame.area.cards.removeWidget(section)
            section.hide()
            section.deleteLater()
        self._shown_groups = training_groups(self._groups, session.options, session.scripts)
        self._sections = [self._make_section(place, group) for place, group in enumerate(self._shown_groups)]
        self._fill_jump()
        self._renew_finder()
        self._hint_scheduler()
        if focused is not None:
            self.go_to(focused)

    def _make_section(self, place: int, group: TrainingGroup) -> FormSection:
        column = self.frame.area.column
        section = FormSection(group.title, group.fields, binding=self._binding, tools=self._tools, parent=column)
        section.focused.connect(self.frame.help.explain)
        section.acted.connect(self.edit_dataset)  # the one button that a row of the training has
        self.frame.area.cards.insertWidget(2 + place, section)
        self._idle.add(section.build)  # none is above the fold when the page opens
        return section

    def _focused_key(self) -> str | None:
        widget: QObject | None = self.focusWidget()
        while widget is not None and not isinstance(widget, FieldRow):
            widget = widget.parent()
        if widget is None or not widget.isVisible() or not widget.isAncestorOf(self.focusWidget()):
            return None
        return None if widget.field.key.startswith("argument:") else widget.field.key

    def build_all(self) -> None:
        """Builds every section now, as the idle time would."""
        self._idle.clear()
        for section in self._sections:
            section.build()

    def _fill_jump(self) -> None:
        say = self._tools.say
        titles = [say(group.title) for group in self._shown_groups]
        self.frame.jump.fill([self.tr("Optimizer"), *titles, self.tr("All options")])

    def jump_to(self, row: int) -> None:
        """Shows the section of a row of the jump list."""
        self.frame.jump.mark(row)
        if row == len(self._sections) + 1:
            self.all_options.setFocus()
            self.frame.show_list(True)
            return
        self.frame.show_list(False)
        # Sections above must have their real height before one can scroll to the wanted one.
        for section in self._sections[: row + 1]:
            section.build()
        self.frame.area.settle()
        target = self.optimizer if row <= 0 else self._sections[row - 1]
        bar = self.frame.area.verticalScrollBar()
        bar.blockSignals(True)
        bar.setValue(target.y() if row > 0 else 0)
        bar.blockSignals(False)
        self.frame.area.inner.move(0, -bar.value())

    def _follow_scroll(self, value: int) -> None:
        area = self.frame.area
        if self.frame.listing:
            return
        at_end = 0 < area.verticalScrollBar().maximum() <= value
        row = len(self._sections) if at_end else 0
        if not at_end:
            line = value + area.viewport().height() // 3
            row = sum(section.y() <= line for section in self._sections)
        self.frame.jump.mark(row)

    # --- going to a field --------------------------------------------------------------------------------------

    def go_to(self, key: str) -> bool:
        """Shows a field and puts the cursor in it: `option:seed`, `argument:betas`. False where there is none.

        `edit:dataset_config` opens the editor of dataset configs.
        """
        if key == EDIT_DATASET:
            self.edit_dataset()
            return True
        if key == "option:optimizer_type":
            self.jump_to(0)
            self.optimizer.picker.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return True
        if key == "engine":
            self.jump_to(0)
            self.engine.focus_choice()
            return True
        row = self._reveal(key)
        if row is None:
            return self._go_to_listed(key)
        self.frame.show_list(False)
        self.frame.area.settle()
        self.frame.area.ensureWidgetVisible(row, 0, 80)
        row.editor.setFocus(Qt.FocusReason.ShortcutFocusReason)
        holding = (place for place, section in enumerate(self._sections, 1) if section.isAncestorOf(row))
        self.frame.jump.mark(next(holding, 0))
        return True

    def _reveal(self, key: str) -> FieldRow | None:
        if key.startswith("argument:"):
            return self.optimizer.reveal(key)
        for place, section in enumerate(self._sections):
            if any(described.field.key == key for described in section.fields):
                for above in self._sections[:place]:
                    above.build()
                return section.reveal(key)
        return None

    def _go_to_listed(self, key: str) -> bool:
        kind, _, name = key.partition(":")
        if kind != "option":
            return False
        self.frame.jump.mark(len(self._sections) + 1)
        self.frame.show_list(True)
        return self.all_options.reveal(name)

    # --- search ------------------------------------------------------------------------------------------------

    def _renew_finder(self) -> None:
        self.finder.renew(self._shown_groups, self.services.session.options)

    def _list_matches(self, words: str) -> None:
        self.frame.jump.mark(len(self._sections) + 1)
        self.all_options.search.setText(words)
        self.frame.show_list(True)

    def _focus_search(self) -> None:
        target = self.all_options.search if self.frame.listing else self.frame.header.search
        target.setFocus(Qt.FocusReason.ShortcutFocusReason)
        target.selectAll()

    # --- the rest ----------------------------------------------------------------------------------------------

    def open_paste(self) -> None:
        """Opens the paste box."""
        from core.convert.paste import read_any
        from gui.setup.paste_dialog import PasteDialog

        dialog = PasteDialog(self.services, read_any, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def edit_dataset(self) -> None:
        """Opens the editor of dataset configs."""
        if self._dataset is None:
            from gui.setup.dataset_dialog import DatasetDialog

            self._dataset = DatasetDialog(self.services, self)
            self._dataset.saved.connect(self.services.counting.forget)
        self._dataset.open_for_job()

    def activated(self, topic: str = "") -> None:
        """`topic` is the key of a field to go to; without one the optimizer has the focus when the page opens."""
        if topic:
            self.go_to(topic)
        elif self.focusWidget() is None or self.focusWidget() is self.frame.header.search:
            self.optimizer.picker.setFocus()

    def _hint_scheduler(self, job: Job | None = None) -> None:
        job = job or self.services.session.job
        spec = self.services.catalogue.find_for_options(job.options)
        note = spec.schedulers.note if spec is not None and spec.schedulers.ignored else None
        for section in self._sections:
            if any(described.field.key == "option:lr_scheduler" for described in section.fields):
                section.set_note(note)

    def _describe_any(self, option: Option) -> Described:
        return describe_any(option, self._groups, self.services.session.options)

    def _edit_label(self, field: Field) -> str:
        return self.tr("Change {0}").format(field.name)

    def _renew_icons(self) -> None:
        self.optimizer.renew_icons()
        for section in self._sections:
            section.renew_icons()

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        header = self.frame.header
        header.headline.setText(self.title())
        header.search.setPlaceholderText(self.tr("Find a setting"))
        header.search.setAccessibleName(self.tr("Find a setting"))
        header.paste.setText(self.tr("Paste …"))
        header.paste.setToolTip(self.tr("Read optimizer arguments or a whole command line"))
        header.start.setText(self.tr("Go to Run"))
        header.start.setToolTip(self.tr("The page that starts this training"))
        self.frame.jump.setAccessibleName(self.tr("Sections"))
        self._fill_jump()


def probe_signature(environment: Environment, class_path: str) -> Sequence[ArgumentSpec]:
    """Reads a class's arguments in an environment (in a worker). Raises CaddieError."""
    from core.environment.signature import probe_signature as probe

    return probe(environment, class_path)
