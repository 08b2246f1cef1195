"""The card at the right of the table: everything the catalogue says about one optimizer, and "Use"."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLayout, QScrollArea, QVBoxLayout, QWidget

from core.catalogue.spec import Fact, Knowledge, Note, OptimizerSpec, Requirement, Source
from core.environment.model import OptimizerState, Readiness
from gui.models.badges import method_badge, readiness_badge
from gui.models.optimizer_columns import not_needed_word, rate_text, requirement_text, unknown_word
from gui.services import Services
from gui.theme import tokens
from gui.theme.theme import mono_font
from gui.widgets.badge import Badge
from gui.widgets.base import Button, IconButton, IconLabel, Label, Line, Translated, row

PARAMETERS_OF_A_LORA = 20_000_000
"""For a picture of what bytes per parameter mean: about an SDXL LoRA of dimension 16 with both text encoders."""


class OptimizerCard(Translated, QFrame):
    """Signals:
    use_wanted: the user wants this optimizer.
    environment_wanted: the user wants to see what is missing for it.
    """

    use_wanted = Signal(object)
    environment_wanted = Signal(object)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._spec: OptimizerSpec | None = None
        self.setProperty("class", "card")
        self.setMinimumWidth(360)
        self.setMaximumWidth(640)
        self.use = Button(services.theme, icon="check", classes="primary")
        self.use.setMinimumHeight(36)
        self.use.clicked.connect(lambda: self._spec is not None and self.use_wanted.emit(self._spec))
        self._hint = Label("", "caption")
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        foot = row(self.use, self._hint, spacing=tokens.M)
        foot.setContentsMargins(tokens.L, tokens.M, tokens.L, tokens.M)
        foot.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self._scroll, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)
        environments = services.environments
        for signal in (environments.environments_changed, environments.selected_changed, environments.report_changed):
            signal.connect(self._refresh)
        services.theme.changed.connect(self._refresh)  # the colours of links and sources stand in their markup
        services.session.changed.connect(self._retitle)
        self.retranslate()

    @property
    def spec(self) -> OptimizerSpec | None:
        """The optimizer that is shown."""
        return self._spec

    def show_optimizer(self, spec: OptimizerSpec | None) -> None:
        """Shows an optimizer, or nothing."""
        self._spec = spec
        self._rebuild()

    def retranslate(self) -> None:
        """Says everything again."""
        self.use.setText(self.tr("Use"))
        self._rebuild()

    # --- building ----------------------------------------------------------------------------------------------

    def _refresh(self, *_: object) -> None:
        if self._spec is not None:
            bar = self._scroll.verticalScrollBar()
            before = bar.value()
            self._rebuild()
            bar.setValue(before)

    def _rebuild(self) -> None:
        self.use.setEnabled(self._spec is not None)
        self._retitle()
        if self._spec is None and self._scroll.widget() is None:
            return
        inner = QWidget()
        inner.setProperty("class", "scrolled")
        body = QVBoxLayout(inner)
        body.setContentsMargins(tokens.L, tokens.L, tokens.L, tokens.L)
        body.setSpacing(tokens.S)
        if self._spec is not None:
            self._fill(body, self._spec)
        body.addStretch(1)
        former = self._scroll.takeWidget()
        if former is not None:
            former.deleteLater()
        self._scroll.setWidget(inner)

    def _retitle(self, *_: object) -> None:
        current = self._services.catalogue.find_for_options(self._services.session.job.options)
        in_use = self._spec is not None and current is self._spec
        self._hint.setText(self.tr("The open job uses it.") if in_use else self.tr("Enter in the table does the same."))

    def _fill(self, body: QVBoxLayout, spec: OptimizerSpec) -> None:
        say = self._services.translation.say
        state = self._services.environments.state(spec)
        body.addWidget(Label(say(spec.category.name), "section"))
        body.addWidget(_selectable(Label(spec.name, "headline", wrap=True)))
        theme = self._services.theme
        body.addLayout(
            row(
                Badge(theme, method_badge(spec.lr_method, alone=True)),
                Badge(theme, readiness_badge(state.readiness)),
                stretch=True,
            )
        )
        body.addWidget(_selectable(Label(say(spec.summary), "lead", wrap=True)))
        self._section(body, self.tr("When to pick it"), [self._text(say(spec.pick_when))])
        self._learning_rate(body, spec)
        self._notes(body, self.tr("Cautions"), spec.cautions, "warning", "warning_text")
        self._notes(body, self.tr("Tips"), spec.tips, "tip", "accent_text")
        self._needs(body, spec, state)
        self._command(body, spec)
        self._memory(body, spec)
        self._logged(body, spec)
        self._facts(body, spec)

    def _section(self, body: QVBoxLayout, heading: str, parts: Sequence[QWidget | QLayout]) -> None:
        body.addSpacing(tokens.S)
        body.addWidget(Label(heading, "section"))
        for part in parts:
            if isinstance(part, QWidget):
                body.addWidget(part)
            else:
                body.addLayout(part)

    def _text(self, text: str, classes: str = "") -> Label:
        return _selectable(Label(breakable(text), classes, wrap=True))

    def _rich(self, markup: str, classes: str = "") -> QLabel:
        label = QLabel(markup)
        label.setTextFormat(Qt.TextFormat.RichText)
        label.setWordWrap(True)
        label.setOpenExternalLinks(True)
        flags = Qt.TextInteractionFlag
        label.setTextInteractionFlags(
            flags.TextSelectableByMouse | flags.LinksAccessibleByMouse | flags.LinksAccessibleByKeyboard
        )
        if classes:
            label.setProperty("class", classes)
        return label

    def _learning_rate(self, body: QVBoxLayout, spec: OptimizerSpec) -> None:
        say, rate = self._services.translation.say, spec.learning_rate
        start = Label(rate_text(rate.start), "title")
        parts: list[QWidget | QLayout] = [
            row(Label(self.tr("Start from"), "muted"), start, stretch=True),
            self._rich(f"{_safe(say(rate.reason))} {self._source(rate.source)}"),
        ]
        if spec.schedulers.ignored:
            word = self.tr("Scheduler: sd-scripts ignores it.")
        elif spec.schedulers.fits:
            word = self.tr("Scheduler: {names}.").format(names=", ".join(spec.schedulers.fits))
        else:
            word = ""
        parts.append(self._text(f"{word} {say(spec.schedulers.note)}".strip()))
        self._section(body, self.tr("Learning rate and scheduler"), parts)

    def _notes(self, body: QVBoxLayout, heading: str, notes: Sequence[Note], icon: str, role: str) -> None:
        if not notes:
            return
        parts: list[QLayout] = []
        for note in notes:
            line = QHBoxLayout()
            line.setSpacing(tokens.S)
            picture = IconLabel(self._services.theme, icon, role=role, size=18)
            line.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
            words = _safe(self._services.translation.say(note.text))
            line.addWidget(self._rich(f"{words} {self._source(note.source)}"), 1)
            parts.append(line)
        self._section(body, heading, parts)

    def _needs(self, body: QVBoxLayout, spec: OptimizerSpec, state: OptimizerState) -> None:
        say = self._services.translation.say
        parts: list[QWidget | QLayout] = []
        for requirement in spec.requirements:
            parts.append(self._requirement(requirement))
        if spec.install_note is not None:
            parts.append(self._text(say(spec.install_note)))
        if not parts:
            parts.append(self._text(self.tr("Nothing: it comes with PyTorch or sd-scripts."), "muted"))
        if state.reason is not None:
            classes = "danger" if state.readiness is Readiness.BROKEN else "muted"
            parts.append(self._text(say(state.reason), classes))
        button = Button(self._services.theme, self.tr("Show in Environment"), icon="environment")
        button.clicked.connect(lambda: self.environment_wanted.emit(spec))
        parts.append(row(button, stretch=True))
        self._section(body, self.tr("What it needs"), parts)

    def _requirement(self, requirement: Requirement) -> QLabel:
        words = f"<b>{_safe(requirement_text(requirement))}</b>"
        if requirement.advised:
            words += " · " + _safe(self.tr("advised {version}").format(version=requirement.advised))
        if requirement.note is not None:
            words += "<br>" + _safe(self._services.translation.say(requirement.note))
        return self._rich(words)

    def _command(self, body: QVBoxLayout, spec: OptimizerSpec) -> None:
        command = f"--optimizer_type {spec.optimizer_type}"
        shown = Label(breakable(command), wrap=True)  # not to be selected: the button copies it as it is
        shown.setFont(mono_font(tokens.CAPTION_PT))
        copy = IconButton(self._services.theme, "copy")
        copy.set_text(self.tr("Copy"))
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(command))
        line = row(shown, copy)
        line.setStretch(0, 1)
        parts: list[QWidget | QLayout] = [line]
        for title, fact in (("--optimizer_args", spec.wanted_arguments), (self.tr("Other options"), spec.other_options)):
            parts.append(self._fact(title, fact))
        for form in spec.old_forms:
            options = " ".join(f"--{name}" if value is True else f"--{name} {value}" for name, value in form.options.items())
            note = self._services.translation.say(form.note)
            parts.append(self._rich(f"<code>{_safe(options)}</code>: {_safe(note)}"))
        if spec.aliases:
            parts.append(self._text(self.tr("Also written: {names}").format(names=", ".join(spec.aliases)), "muted"))
        if spec.mistaken_names:
            names = ", ".join(spec.mistaken_names)
            parts.append(self._text(self.tr("Not to be written: {names}").format(names=names), "muted"))
        self._section(body, self.tr("On the command line"), parts)

    def _memory(self, body: QVBoxLayout, spec: OptimizerSpec) -> None:
        note = self._services.translation.say(spec.state_note)
        if spec.state_bytes is None:
            words = unknown_word()
        else:
            amount = spec.state_bytes * PARAMETERS_OF_A_LORA / 1e6
            words = self.tr("{bytes} bytes per parameter: about {amount} MB for a LoRA of 20 million parameters.").format(
                bytes=f"{spec.state_bytes:g}", amount=f"{amount:,.0f}"
            )
        parts: list[QWidget] = [self._text(words), self._text(note, "muted")]
        if spec.needs_cuda:
            parts.append(self._text(self.tr("It can only be used with a CUDA device."), "warning"))
        self._section(body, self.tr("Memory of its state"), parts)

    def _logged(self, body: QVBoxLayout, spec: OptimizerSpec) -> None:
        say, logging = self._services.translation.say, spec.logging
        tags = ", ".join(("loss/*", "lr/*", *logging.tags))
        parts: list[QWidget] = [self._text(self.tr("sd-scripts writes to TensorBoard: {tags}").format(tags=tags))]
        if logging.note is not None:
            parts.append(self._text(say(logging.note), "muted"))
        self._section(body, self.tr("What is logged"), parts)

    def _facts(self, body: QVBoxLayout, spec: OptimizerSpec) -> None:
        facts = (
            (self.tr("Home page"), spec.homepage),
            (self.tr("Background"), spec.background),
            (self.tr("Low precision"), spec.low_precision),
            (self.tr("In sd-scripts since"), spec.since),
        )
        self._section(body, self.tr("Facts and links"), [self._fact(title, fact) for title, fact in facts])

    def _fact(self, title: str, fact: Fact) -> QLabel:
        if fact.knowledge is Knowledge.KNOWN and fact.text is not None:
            words = _safe(self._services.translation.say(fact.text))
        else:
            words = _safe(unknown_word() if fact.knowledge is Knowledge.UNKNOWN else not_needed_word())
            words = f"<i>{words}</i>" if fact.knowledge is Knowledge.UNKNOWN and words.isascii() else words
        if len(fact.links) == 1:
            words = f'<a href="{html.escape(fact.links[0])}">{words}</a>'
        elif fact.links:
            links = " ".join(f'<a href="{html.escape(link)}">[{number}]</a>' for number, link in enumerate(fact.links, 1))
            words = f"{words} {links}"
        muted = self._services.theme.colors.text_muted
        return self._rich(f'<span style="color:{muted}">{_safe(title)}:</span> {words}')

    def _source(self, source: Source) -> str:
        title = _safe(self._services.translation.say(source.title))
        muted = self._services.theme.colors.text_muted
        if source.link is None:
            return f'<span style="color:{muted}">[{title}]</span>'
        return f'<a href="{html.escape(source.link)}">[{title}]</a>'


def breakable(text: str) -> str:
    """Long names with a place to break after each dot, so that one class path does not widen the whole card."""
    return re.sub(r"\S{22,}", lambda match: re.sub(r"([._/=,])(?=\S)", "\\1\u200b", match.group()), text)


def _safe(text: str) -> str:
    return html.escape(breakable(text))


def _selectable(label: Label) -> Label:
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
