"""The user's environments in the window: probed and mended in worker threads, the last state shown at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal

from core import paths
from core.catalogue.catalogue import Catalogue
from core.catalogue.spec import OptimizerSpec
from core.environment.model import Environment, OptimizerState, ProbeReport, Readiness
from core.environment.reports import ReportCache, users_reports
from core.environment.store import EnvironmentStore
from core.text import Text
from gui.bridge.pip_runner import PipRunner
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:  # packaging and the rest are imported when first needed: the window opens without them
    from core.environment.discover import Found
    from core.environment.install import InstallPlan, InstallResult

_log = logging.getLogger(__name__)

NO_ENVIRONMENT = Text(
    "No environment has been added yet, so Caddie cannot tell.",
    "環境がまだ追加されていないため、判定できません。",
)


@dataclass(slots=True)
class _Probe:
    """A probe under way. `number` tells its answer from that of a former one."""

    number: int
    stop: threading.Event = field(default_factory=threading.Event)
    step: str = ""


class EnvironmentService(QObject):
    """What pages know of environments. All methods are called in, and all signals arrive in, the GUI thread.

    Signals:
        environments_changed: the list is another.
        selected_changed: another environment trains.
        report_changed: id; its report or its being probed changed.
        probe_step: id and module; what the probe is trying.
        install_started: the plan that runs.
        install_output: more output of pip.
        install_finished: whether all went well, and the InstallResult.
    """

    environments_changed = Signal()
    selected_changed = Signal()
    report_changed = Signal(str)
    probe_step = Signal(str, str)
    install_started = Signal(object)
    install_output = Signal(str)
    install_finished = Signal(bool, object)
    _stepped = Signal(str, int, str)

    def __init__(
        self,
        tasks: Tasks,
        catalogue: Catalogue,
        *,
        store: EnvironmentStore | None = None,
        cache: ReportCache | None = None,
        timeout: float = 60,
        parent: QObject | None = None,
    ) -> None:
        """Reads the list. Nothing is started.

        Args:
            tasks: takes the errors of this service's own workers, so that a hanging interpreter holds up nobody else.
            catalogue: whose requirements are looked for.
            store: the list; the user's own when None.
            cache: the last reports; the user's own when None.
            timeout: longest that one import may take in a probe, in seconds.
            parent: owns it.
        """
        super().__init__(parent)
        self._catalogue = catalogue
        self._store = store or EnvironmentStore(paths.environments_file())
        self._cache = cache or users_reports()
        self._timeout = timeout
        self._workers = Tasks(self, threads=3)
        self._workers.unhandled.connect(tasks.report)
        self._environments: tuple[Environment, ...] = ()
        self._selected_id: str | None = None
        self._reports: dict[str, ProbeReport | None] = {}
        self._states: dict[tuple[str, bool], OptimizerState] = {}
        self._probes: dict[str, _Probe] = {}
        self._probe_count = 0
        self._closed = False
        self._pip = PipRunner(self._workers, self)
        self._pip.started.connect(self.install_started)
        self._pip.output.connect(self.install_output)
        self._pip.finished.connect(self._on_installed)
        self._stepped.connect(self._on_step, Qt.ConnectionType.QueuedConnection)
        self._load()

    # --- the list ----------------------------------------------------------------------------------------------

    @property
    def environments(self) -> tuple[Environment, ...]:
        """All, in the order they were added."""
        return self._environments

    @property
    def selected(self) -> Environment | None:
        """The environment that trains where a job names none."""
        return self.get(self._selected_id) if self._selected_id else None

    @property
    def problem(self) -> Text | None:
        """What was wrong with the stored list, or None."""
        return self._store.problem

    def get(self, environment_id: str) -> Environment | None:
        """The environment of that id, or None."""
        return next((item for item in self._environments if item.id == environment_id), None)

    def select(self, environment_id: str) -> None:
        """Makes it the one that trains. An unknown id changes nothing."""
        if environment_id == self._selected_id or self.get(environment_id) is None:
            return
        self._selected_id = environment_id
        self._states.clear()
        self._try(lambda: self._store.select(environment_id))
        self.selected_changed.emit()

    def add(self, environment: Environment, *, probe: bool = True) -> None:
        """Adds it (or replaces the one with its id), selects it and probes it.

        Raises:
            OSError, CaddieError: it cannot be stored.
        """
        was = self._selected_id
        self._store.add(environment)
        self._try(lambda: self._store.select(environment.id))
        self._load()
        self.environments_changed.emit()
        if self._selected_id != was:
            self.selected_changed.emit()
        if probe:
            self.probe(environment.id)

    def remove(self, environment_id: str) -> None:
        """Forgets it; nothing but Caddie's own list is touched.

        Raises:
            OSError: the list cannot be written.
        """
        self.stop_probe(environment_id)
        self._store.remove(environment_id)
        self._try(lambda: self._cache.forget(environment_id))
        self._reports.pop(environment_id, None)
        was = self._selected_id
        self._load()
        self.environments_changed.emit()
        if self._selected_id != was:
            self.selected_changed.emit()

    def rename(self, environment_id: str, name: str) -> None:
        """Calls it something else. Raises OSError."""
        environment = self.get(environment_id)
        if environment is not None and name.strip() and name != environment.name:
            self._store.add(replace(environment, name=name.strip()))
            self._load()
            self.environments_changed.emit()

    def give_checkout(self, environment_id: str, folder: Path) -> None:
        """Gives an environment a (another) sd-scripts folder; it keeps its name and becomes the selected one.

        Raises:
            OSError, CaddieError: it cannot be stored.
        """
        from core.environment.discover import make_environment

        old = self.get(environment_id)
        if old is None:
            return
        named = "" if old.sd_scripts is None and old.name == make_environment(old.python, None).name else old.name
        self.add(make_environment(old.python, folder, name=named))
        if self._selected_id != environment_id:
            self.remove(environment_id)

    def _load(self) -> None:
        self._environments = tuple(self._store.all())
        self._selected_id = self._store.selected
        self._states.clear()

    def _try(self, action: Callable[[], None]) -> None:
        """Does what is only for the next start; a disk that refuses is logged."""
        try:
            action()
        except OSError:
            _log.exception("The environments could not be written")

    # --- probing -----------------------------------------------------------------------------------------------

    def report(self, environment_id: str) -> ProbeReport | None:
        """What its last probe saw (in this or an earlier start), or None."""
        if environment_id not in self._reports:
            self._reports[environment_id] = self._cache.load(environment_id)
        return self._reports[environment_id]

    def age(self, environment_id: str) -> float | None:
        """Seconds since its last probe, or None."""
        report = self.report(environment_id)
        return None if report is None else max(0.0, time.time() - report.taken_at)

    def probing(self, environment_id: str) -> bool:
        """Whether it is being probed."""
        return environment_id in self._probes

    def step(self, environment_id: str) -> str:
        """The module its probe is trying, "" where there is none."""
        probe = self._probes.get(environment_id)
        return probe.step if probe else ""

    def probe(self, environment_id: str) -> None:
        """Looks at it in a worker thread; `report_changed` comes at the start and at the end."""
        environment = self.get(environment_id)
        if environment is None or self.probing(environment_id) or self._closed:
            return
        self._probe_count += 1
        probe = _Probe(self._probe_count)
        self._probes[environment_id] = probe
        self.report_changed.emit(environment_id)

        def work() -> ProbeReport:
            from core.environment.probe import probe as look

            return look(
                environment,
                timeout=self._timeout,
                catalogue=self._catalogue,
                stop=probe.stop,
                on_step=lambda step: self._step_from_worker(environment.id, probe.number, step),
            )

        self._workers.start(
            work,
            done=lambda report: self._on_report(environment_id, probe, report),
            failed=lambda error: self._on_probe_failed(environment_id, probe, error),
            owner=self,
        )

    def stop_probe(self, environment_id: str) -> None:
        """Ends a probe; the former report stays."""
        probe = self._probes.pop(environment_id, None)
        if probe is not None:
            probe.stop.set()
            self.report_changed.emit(environment_id)

    def _step_from_worker(self, environment_id: str, number: int, step: str) -> None:
        if shiboken6.isValid(self) and not self._closed:
            self._stepped.emit(environment_id, number, step)

    def _on_step(self, environment_id: str, number: int, step: str) -> None:
        probe = self._probes.get(environment_id)
        if probe is not None and probe.number == number:
            probe.step = step
            self.probe_step.emit(environment_id, step)

    def _on_report(self, environment_id: str, probe: _Probe, report: ProbeReport) -> None:
        if self._probes.get(environment_id) is not probe:
            return  # stopped, or removed, meanwhile
        del self._probes[environment_id]
        self._reports[environment_id] = report
        self._states.clear()
        self._try(lambda: self._cache.save(environment_id, report))
        self.report_changed.emit(environment_id)

    def _on_probe_failed(self, environment_id: str, probe: _Probe, error: BaseException) -> None:
        if self._probes.get(environment_id) is probe:
            del self._probes[environment_id]
            self.report_changed.emit(environment_id)
        self._workers.report(error)

    # --- readiness ---------------------------------------------------------------------------------------------

    def state(self, spec: OptimizerSpec, *, fast: bool = False) -> OptimizerState:
        """Install state of an optimizer in the selected environment. Cheap: kept until something changes.

        Args:
            spec: the optimizer.
            fast: as its fast implementation.
        """
        environment = self.selected
        if environment is None:
            return OptimizerState(readiness=Readiness.UNKNOWN, reason=NO_ENVIRONMENT)
        key = (spec.id, fast)
        if key not in self._states:
            from core.environment.check import optimizer_state

            self._states[key] = optimizer_state(spec, self.report(environment.id), fast=fast)
        return self._states[key]

    # --- finding -----------------------------------------------------------------------------------------------

    def survey(self, path: Path, done: Callable[[Found], None]) -> None:
        """What lies at a path the user gave; `done` gets it in the GUI thread."""

        def work() -> Found:
            from core.environment.discover import survey

            return survey(path, deadline=time.monotonic() + 10)

        self._workers.start(work, done=done, owner=self)

    def search(self, done: Callable[[list[Environment]], None]) -> None:
        """Looks in the usual places; `done` gets what is found in the GUI thread."""

        def work() -> list[Environment]:
            from core.environment.find import find_installations

            return find_installations()

        self._workers.start(work, done=done, owner=self)

    # --- installing --------------------------------------------------------------------------------------------

    def plan(
        self,
        requirements: Sequence[str],
        done: Callable[[InstallPlan], None],
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        """Works out (and asks pip) what an installation into the selected environment would do.

        Args:
            requirements: pip requirement strings.
            done: gets the plan, in the GUI thread.
            failed: gets the error; the error dialog when None.
        """
        environment = self.selected
        if environment is not None and not self._closed:
            self._pip.plan(environment, self.report(environment.id), requirements, done=done, failed=failed)

    def cancel_plan(self) -> None:
        """Nobody waits for the plan any more."""
        self._pip.cancel_plan()

    @property
    def installing(self) -> InstallPlan | None:
        """The plan that runs, or None."""
        return self._pip.running

    @property
    def install_log(self) -> str:
        """pip's output since the last start of one (its last part)."""
        return self._pip.log

    def install(self, plan: InstallPlan) -> None:
        """Runs a plan in a worker thread; at most one at a time. Probes again at its end.

        Whoever calls has shown the command and, where the plan touches torch, got a yes.
        """
        self._pip.install(plan)

    def stop_install(self) -> None:
        """Ends pip and everything it started."""
        self._pip.stop()

    def _on_installed(self, plan: InstallPlan, result: InstallResult) -> None:
        self.install_finished.emit(result.ok, result)
        self.stop_probe(plan.environment.id)  # what it saw so far is of before
        self.probe(plan.environment.id)

    # --- the end -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Ends every child and waits for the workers. The window is going."""
        self._closed = True
        self._pip.close()
        for probe in self._probes.values():
            probe.stop.set()
        self._workers.wait(5000)
