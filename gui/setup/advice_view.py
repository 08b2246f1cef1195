"""What will fail, train wrongly or waste in the job, who says so, and one click to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from core.advice.model import Finding, Severity
from core.text import Text
from gui.bridge.advice import Advice
from gui.services import Services
from gui.setup.dock_view import DockView
from gui.theme.theme import Theme
from gui.widgets.badge import BadgeLook, BadgeTone
from gui.widgets.base import Button, IconLabel, Label, Line, row

_TONES: dict[Severity, BadgeTone] = {"error": "danger", "warning": "warning", "hint": "info"}
_ICONS: dict[Severity, tuple[str, str]] = {
    "error": ("error", "danger_text"),
    "warning": ("warning", "warning_text"),
    "hint": ("tip", "info_text"),
}


class AdviceView(DockView):
    """A list of the findings at the left, one of them whole at the right."""

    view_id: ClassVar[str] = "advice"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.advice = Advice(services.session, services.catalogue, services.environments, services.tasks, self)
        self._findings: tuple[Finding, ...] = ()
        self.all = Button(services.theme, icon="success", classes="quiet")
        self.all.clicked.connect(lambda: self.advice.mend_all(self.tr("Mend everything")))
        self.list = QListWidget()
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setIconSize(QSize(16, 16))
        self.list.setProperty("class", "problems")
        self.list.currentRowChanged.connect(lambda _row: self._show_finding())
        self.list.itemActivated.connect(lambda _item: self._go())
        self.detail = FindingDetail(services.theme)
        self.detail.mend.clicked.connect(self._mend)
        self.detail.go.clicked.connect(self._go)
        self._clear = Label("", "muted")
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._make_empty(services.theme))
        self._stack.addWidget(self._make_full())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 8)
        layout.addWidget(self._stack)
        self.advice.changed.connect(self._renew)
        services.theme.changed.connect(self._fill)
        self.retranslate()

    def _make_empty(self, theme: Theme) -> QWidget:
        page = QWidget()
        inside = QVBoxLayout(page)
        inside.addStretch(1)
        inside.addLayout(row(1, IconLabel(theme, "success", role="accent_text"), self._clear, 1))
        inside.addStretch(2)
        return page

    def _make_full(self) -> QWidget:
        page = QWidget()
        split = QHBoxLayout(page)
        split.setContentsMargins(0, 0, 0, 0)
        split.setSpacing(12)
        split.addWidget(self.list, 2)
        split.addWidget(Line(vertical=True))
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setProperty("class", "bare")
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self.detail)
        split.addWidget(area, 3)
        return page

    # --- what the dock asks ------------------------------------------------------------------------------------

    def badge(self) -> BadgeLook | None:
        """How many findings, in the tone of the worst."""
        if not self._findings:
            return None
        return BadgeLook(str(len(self._findings)), _TONES[self._findings[0].severity])

    def tools(self) -> Sequence[QWidget]:
        """The button that mends all."""
        return (self.all,)

    # --- findings ----------------------------------------------------------------------------------------------

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is shown."""
        return self._findings

    def _renew(self) -> None:
        # A fix is a function made anew each time; what is read on screen decides whether anything changed.
        before, self._findings = self._findings, self.advice.findings
        if [_said(finding) for finding in before] != [_said(finding) for finding in self._findings]:
            self._fill()
            self.badge_changed.emit()
        else:
            self._show_finding()

    def _fill(self) -> None:
        kept = self.list.currentRow()
        self.list.blockSignals(True)
        self.list.clear()
        for finding in self._findings:
            name, role = _ICONS[finding.severity]
            text = self._services.translation.say(finding.text)
            item = QListWidgetItem(self._services.theme.icon(name, role), text)
            item.setToolTip(self._severity(finding.severity))
            self.list.addItem(item)
        if self._findings:
            self.list.setCurrentRow(min(max(kept, 0), len(self._findings) - 1))
        self.list.blockSignals(False)
        self._stack.setCurrentIndex(1 if self._findings else 0)
        self.all.setVisible(sum(one.fix is not None and one.severity != "hint" for one in self._findings) > 1)
        self._show_finding()

    @property
    def chosen(self) -> Finding | None:
        """The finding that is shown whole."""
        place = self.list.currentRow()
        return self._findings[place] if 0 <= place < len(self._findings) else None

    def _show_finding(self) -> None:
        from core.advice.review import changes_of

        finding = self.chosen
        if finding is None:
            return
        say = self._services.translation.say
        lines: list[str] = []
        if finding.fix is not None:
            for change in changes_of(finding.fix, self._services.session.job):
                name = change.field.partition(":")[2] or change.field
                lines.append(f"{name}: {self._value(change.before)} → {self._value(change.after)}")
        self.detail.show_finding(
            severity=finding.severity,
            heading=self._severity(finding.severity),
            text=say(finding.text),
            source=self.tr("Source: {0}").format(say(finding.source.title)) if finding.source is not None else "",
            link=(finding.source.link or "") if finding.source is not None else "",
            changes="\n".join(lines),
            mend=say(finding.fix.label) if finding.fix is not None else "",
            go=bool(finding.fields),
        )

    def _severity(self, severity: Severity) -> str:
        words = {
            "error": self.tr("Error: this will fail"),
            "warning": self.tr("Warning: this trains wrongly or wastes"),
            "hint": self.tr("Hint"),
        }
        return words[severity]

    def _value(self, value: object) -> str:
        return self.tr("not given") if value is None else str(value)

    def _mend(self) -> None:
        finding = self.chosen
        if finding is not None and finding.fix is not None:
            self.advice.mend(finding, self._services.translation.say(finding.fix.label))

    def _go(self) -> None:
        finding = self.chosen
        if finding is not None and finding.fields:
            self.wanted.emit(finding.fields[0])

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self._clear.setText(self.tr("Nothing in this job is known to fail, train wrongly or waste."))
        self.list.setAccessibleName(self.tr("Advice on this job"))
        self.all.setText(self.tr("Mend all"))
        self.all.setToolTip(self.tr("Applies the fixes of all errors and warnings; one undo takes them back."))
        self.detail.go.setText(self.tr("Go to the setting"))
        self._fill()


def _said(finding: Finding) -> tuple[str, str, Text, tuple[str, ...]]:
    return finding.rule, finding.severity, finding.text, finding.fields


class FindingDetail(QWidget):
    """One finding, whole: what, who says so, what its fix would change, and the two buttons."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._heading = Label("", "caption")
        self._text = Label("", wrap=True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.changes = Label("", "mono", wrap=True)
        self._source = Label("", "caption", wrap=True)
        self._source.setOpenExternalLinks(True)
        self.mend = Button(theme, icon="success", classes="primary")
        self.go = Button(theme, icon="chevron-right", classes="quiet")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 8, 0)
        layout.setSpacing(6)
        layout.addWidget(self._heading)
        layout.addWidget(self._text)
        layout.addWidget(self.changes)
        layout.addLayout(row(self.mend, self.go, stretch=True))
        layout.addWidget(self._source)
        layout.addStretch(1)

    def show_finding(
        self, *, severity: Severity, heading: str, text: str, source: str, link: str, changes: str, mend: str, go: bool
    ) -> None:
        """Shows these words; what is empty is hidden."""
        self._heading.setText(heading)
        self._heading.setProperty("severity", severity)
        self._text.setText(text)
        self.changes.setText(changes)
        self.changes.setVisible(bool(changes))
        self._source.setText(source)
        self._source.setToolTip(link)
        self._source.setVisible(bool(source))
        self.mend.setText(mend)
        self.mend.setVisible(bool(mend))
        self.go.setVisible(go)
