"""The optimizer's part of the form: which one, what to know about it, and its arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from core.catalogue.spec import ArgumentSpec, OptimizerSpec
from core.environment.model import Environment
from core.job.model import Job
from core.job.optimizer import is_fast, with_fast, with_hand_loss, with_name
from gui.forms.binding import FormBinding
from gui.forms.group import FieldGroup
from gui.forms.row import FieldRow, FormTools
from gui.models.badges import method_badge, readiness_badge
from gui.services import Services
from gui.setup.optimizer_model import OptimizerView, view_of, with_starting_rate, without_arguments
from gui.setup.optimizer_notes import OptimizerNotes
from gui.setup.optimizer_switches import OptimizerSwitches
from gui.setup.other_arguments import OtherArguments
from gui.setup.picker import OptimizerPicker
from gui.setup.presets_menu import PresetsButton
from gui.widgets.badge import Badge
from gui.widgets.base import Button, Label, Translated

PROSE_WIDTH = 1000
"""Longest lines that are comfortable to read, in logical pixels."""

ProbeSignature = Callable[[Environment, str], Sequence[ArgumentSpec]]


class OptimizerCard(Translated, QFrame):
    """Shows and edits the optimizer of the job.

    Args:
        services: the window's services.
        binding: ties the argument rows to the job.
        tools: words and icons.
        probe: `core.environment.probe.probe_signature`; runs in a worker.

    Signals:
        focused: a row's description should be shown.
        chosen: this spec (None for a class of one's own) should be explained: the cursor is where it is chosen.
    """

    focused = Signal(object)
    chosen = Signal(object)

    def __init__(
        self,
        services: Services,
        binding: FormBinding,
        tools: FormTools,
        probe: ProbeSignature,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("class", "card")
        self._services, self._binding, self._tools, self._probe = services, binding, tools, probe
        self._probed: dict[tuple[str, str], tuple[ArgumentSpec, ...]] = {}
        self._probing: set[tuple[str, str]] = set()
        self._probe_error = ""
        self._view: OptimizerView | None = None
        self._group: FieldGroup | None = None
        self._build(services)
        services.session.changed.connect(self.refresh)
        environments: Any = services.environments
        for signal in (environments.environments_changed, environments.selected_changed, environments.report_changed):
            signal.connect(self._on_environment)
        self.retranslate()

    # --- building ----------------------------------------------------------------------------------------------

    def _build(self, services: Services) -> None:
        theme = services.theme
        self._heading = Label("", "title", parent=self)
        self.reset_all = Button(theme, icon="reset", classes="quiet", parent=self)
        self.reset_all.clicked.connect(self._reset_all)
        self.presets = PresetsButton(services, self)
        self.compare = Button(theme, icon="pick", classes="quiet", parent=self)
        self.compare.clicked.connect(lambda: services.navigate("pick"))
        self.picker = OptimizerPicker(services.catalogue, self._tools, self)
        self.picker.picked.connect(self._pick)
        self.picker.focused.connect(self._explain)
        self.method, self.state = Badge(theme, parent=self), Badge(theme, parent=self)
        self._summary = Label("", "muted", wrap=True, parent=self)
        self.notes = OptimizerNotes(theme, self._tools, self)
        self.notes.use_starting_rate.connect(self._use_starting_rate)
        self.switches = OptimizerSwitches(theme, self._tools, self)
        self.switches.fast_wanted.connect(self._want_fast)
        self.switches.loss_wanted.connect(self._want_loss)
        self.probe_line = Label("", "muted", wrap=True, parent=self)
        self.probe_again = Button(theme, icon="refresh", parent=self)
        self.probe_again.clicked.connect(self._probe_now)
        self.others = OtherArguments(theme, self._binding, self._tools, self)
        self.others.focused.connect(self.focused)
        self.others.added.connect(self._add_argument)
        head = QHBoxLayout()
        head.addWidget(self._heading)
        head.addStretch(1)
        head.addWidget(self.presets)
        head.addWidget(self.compare)
        head.addWidget(self.reset_all)
        choice = QHBoxLayout()
        choice.setSpacing(8)
        choice.addWidget(self.picker)
        for widget in (self.method, self.state):
            choice.addWidget(widget, alignment=Qt.AlignmentFlag.AlignVCenter)
        choice.addStretch(1)
        probing = QHBoxLayout()
        probing.addWidget(self.probe_line, 1)
        probing.addWidget(self.probe_again)
        self._body = QVBoxLayout(self)
        self._body.setContentsMargins(16, 12, 16, 12)
        self._body.setSpacing(8)
        for layout in (head, choice):
            self._body.addLayout(layout)
        for prose in (self._summary, self.notes, self.switches):
            # In a row of its own: a column would work out the height of the text as if it were as wide as the card.
            prose.setMaximumWidth(PROSE_WIDTH)
            line = QHBoxLayout()
            line.addWidget(prose, 1000)
            line.addStretch(1)
            self._body.addLayout(line)
        self._body.addLayout(probing)
        self._place = self._body.count()
        self._body.addWidget(self.others)

    # --- what the page asks ------------------------------------------------------------------------------------

    @property
    def view(self) -> OptimizerView | None:
        """What is shown."""
        return self._view

    @property
    def group(self) -> FieldGroup | None:
        """The form of the arguments."""
        return self._group

    def reveal(self, key: str) -> FieldRow | None:
        """The row of an argument, built and unfolded; None where the job has no such field."""
        row = self._group.reveal(key) if self._group is not None else None
        return row or self.others.row(key.partition(":")[2])

    def refresh(self, job: Job | None = None) -> None:
        """Shows what the job says."""
        job = job or self._services.session.job
        before = self._view
        view = view_of(job, self._services.catalogue, self._known_signatures())
        self._view = view
        self._show_readiness()
        if before is None or before.form_key != view.form_key:
            self._probe_error = ""
            self._remake_form(view)
        self.others.show_names(view.others, [one.field.name for one in view.fields], described=bool(view.fields))
        if before is None or before.optimizer_type != view.optimizer_type or before.spec is not view.spec:
            self.picker.show_choice(view.spec, view.optimizer_type)
            self.retranslate()
            self._probe_if_unknown()
            if self.picker.hasFocus():
                self._explain()
        self.notes.show_for(view.spec, job)
        self.switches.show_for(view.spec, job)
        self.reset_all.setEnabled(bool(job.arguments))

    def _explain(self) -> None:
        self.chosen.emit(self._view.spec if self._view is not None else None)

    # --- the form ----------------------------------------------------------------------------------------------

    def _remake_form(self, view: OptimizerView) -> None:
        if self._group is not None:
            self._group.release()
            self._body.removeWidget(self._group)
            self._group.hide()
            self._group.deleteLater()
        self._group = FieldGroup(view.fields, binding=self._binding, tools=self._tools, parent=self)
        self._group.focused.connect(self.focused)
        self._body.insertWidget(self._place, self._group)
        self._group.build()
        if self.isVisible():
            self._group.show()

    def _pick(self, optimizer_type: str) -> None:
        job = self._services.session.job
        spec = self._services.catalogue.find(optimizer_type)
        chosen = with_name(job, optimizer_type, self._services.catalogue)
        if chosen is not job:
            label = self.tr("Use {0}").format(spec.name if spec is not None else optimizer_type)
            self._services.session.edit(chosen, label)

    def _want_fast(self, on: bool) -> None:
        spec = self._view.spec if self._view is not None else None
        if spec is not None:
            label = self.tr("Fast implementation: on") if on else self.tr("Fast implementation: off")
            self._services.session.edit(with_fast(self._services.session.job, spec, on), label)

    def _want_loss(self, on: bool) -> None:
        label = self.tr("Hand over the loss: on") if on else self.tr("Hand over the loss: off")
        self._services.session.edit(with_hand_loss(self._services.session.job, on), label)

    def _reset_all(self) -> None:
        job = self._services.session.job
        self._services.session.edit(without_arguments(job, list(job.arguments)), self.tr("Reset all arguments"))

    def _add_argument(self, name: str, value: str) -> None:
        job = self._services.session.job
        self._services.session.edit(job.with_argument(name, value), self.tr("Add {0}").format(name))

    def _use_starting_rate(self, spec: OptimizerSpec) -> None:
        job = with_starting_rate(self._services.session.job, spec)
        self._services.session.edit(job, self.tr("Use the starting learning rate of {0}").format(spec.name))

    # --- classes that the catalogue does not know --------------------------------------------------------------

    def _known_signatures(self) -> dict[str, tuple[ArgumentSpec, ...]]:
        environment = self._services.environments.selected
        if environment is None:
            return {}
        return {path: found for (where, path), found in self._probed.items() if where == environment.id}

    def _probe_if_unknown(self) -> None:
        view = self._view
        if view is None or view.class_path is None or self._services.environments.selected is None:
            return
        key = (self._services.environments.selected.id, view.class_path)
        if key not in self._probed and key not in self._probing:
            self._probe_now()

    def _probe_now(self) -> None:
        environment, view = self._services.environments.selected, self._view
        if environment is None:
            self._services.navigate("environment")
            return
        if view is None or view.class_path is None:
            return
        key = (environment.id, view.class_path)
        self._probing.add(key)
        self._probe_error = ""
        self._services.tasks.start(
            self._probe,
            environment,
            view.class_path,
            done=lambda found: self._probe_done(key, tuple(found)),
            failed=lambda error: self._probe_failed(key, error),
            owner=self,
        )
        self._say_probe()

    def _probe_done(self, key: tuple[str, str], found: tuple[ArgumentSpec, ...]) -> None:
        self._probing.discard(key)
        self._probed[key] = found
        self.refresh()
        self._say_probe()

    def _probe_failed(self, key: tuple[str, str], error: BaseException) -> None:
        self._probing.discard(key)
        text = getattr(error, "text", None)
        self._probe_error = self._tools.say(text) if text is not None else f"{type(error).__name__}: {error}"
        self._say_probe()

    def _on_environment(self, *_: object) -> None:
        self._probe_error = ""
        self.refresh()
        self.retranslate()
        self._probe_if_unknown()

    def _say_probe(self) -> None:
        view, environment = self._view, self._services.environments.selected
        unknown = view is not None and view.spec is None
        self.probe_line.setVisible(unknown)
        self.probe_again.setVisible(False)
        if view is None or not unknown:
            return
        key = (environment.id if environment else "", view.class_path or "")
        self.probe_again.setText(self.tr("Read its arguments"))
        if environment is None:
            self.probe_again.setText(self.tr("Choose an environment"))
            self.probe_again.show()
            words = self.tr(
                "Caddie's catalogue does not know this class. With an environment, its arguments can be read from it."
            )
        elif key in self._probing:
            words = self.tr("Reading the arguments of {0} …").format(view.class_path)
        elif self._probe_error:
            self.probe_again.show()
            words = self.tr("Its arguments could not be read: {0}").format(self._probe_error)
        elif key in self._probed:
            words = self.tr("A class of your own: arguments and defaults as {0} declares them.").format(view.class_path)
        else:
            self.probe_again.show()
            words = self.tr("Caddie's catalogue does not know this class.")
        self.probe_line.setText(words)

    # --- words and looks ---------------------------------------------------------------------------------------

    def renew_icons(self) -> None:
        """Takes the icons of the present theme."""
        if self._group is not None:
            self._group.renew_icons()
        self.others.renew_icons()

    def _show_readiness(self) -> None:
        """The environment trains nothing where Caddie itself does; what that lacks is said at the engine."""
        known = self._view is not None and self._view.spec is not None
        self.state.setVisible(known and self._services.session.job.engine != "builtin")

    def retranslate(self) -> None:
        self._heading.setText(self.tr("Optimizer"))
        self.compare.setText(self.tr("Compare all"))
        self.reset_all.setText(self.tr("Reset all"))
        self.reset_all.setToolTip(self.tr("All arguments back to the optimizer's own defaults"))
        spec = self._view.spec if self._view is not None else None
        self.method.setVisible(spec is not None)
        self._show_readiness()
        self._summary.setVisible(spec is not None)
        if spec is not None:
            self._summary.setText(self._tools.say(spec.summary))
            self.method.set_look(method_badge(spec.lr_method, alone=True))
            state = self._services.environments.state(spec, fast=is_fast(self._services.session.job, spec))
            self.state.set_look(readiness_badge(state.readiness))
            self.state.setToolTip(self._tools.say(state.reason) if state.reason is not None else "")
        self._say_probe()
