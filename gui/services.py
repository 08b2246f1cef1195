"""What every page is given. Made once by `gui.app`; there are no module globals."""

from __future__ import annotations

from dataclasses import dataclass

from core.catalogue.catalogue import Catalogue
from gui.bridge.counting import Counting
from gui.bridge.environment_service import EnvironmentService
from gui.bridge.job_session import JobSession
from gui.bridge.navigator import Navigator
from gui.bridge.notices import Notices
from gui.bridge.options import Options
from gui.bridge.queue_service import QueueService
from gui.bridge.run_service import RunService
from gui.bridge.settings import Settings
from gui.bridge.tasks import Tasks
from gui.bridge.translation import Translation
from gui.theme.theme import Theme


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """The hands of a page.

    Attributes:
        catalogue: all optimizers.
        settings: language, theme, anything remembered.
        session: the open job.
        options: option sets of the training scripts.
        environments: the environments and their install states (`EnvironmentService`).
        runs: the run service.
        queue: the queue.
        counting: counts the job's images, and knows the last count.
        theme: colours and icons.
        tasks: work off the GUI thread; `tasks.report(error)` shows an error.
        translation: `say(text)` gives a `core` Text in the language on screen.
        navigate: `navigate("setup")`.
        notices: short messages at the top of the window.
    """

    catalogue: Catalogue
    settings: Settings
    session: JobSession
    options: Options
    environments: EnvironmentService
    runs: RunService
    queue: QueueService
    counting: Counting
    theme: Theme
    tasks: Tasks
    translation: Translation
    navigate: Navigator
    notices: Notices
