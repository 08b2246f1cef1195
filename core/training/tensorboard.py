"""TensorBoard's files of a training, with sd-scripts' tags.

Each value stands at the step that used it: sd-scripts reads learning rates and d after the optimizer and the scheduler moved,
so that its tags at a step are those of the next one.
"""

from __future__ import annotations

import time
from pathlib import Path

from torch.utils.tensorboard.writer import SummaryWriter

from core.errors import CaddieError
from core.runs.events import Event, Finished, Step, Validated
from core.text import Text
from core.training.settings import LogSettings


class TensorBoardFile:
    """Takes events and writes those that have a curve.

    Args:
        settings: where.

    Raises:
        CaddieError: the folder cannot be written.
    """

    def __init__(self, settings: LogSettings) -> None:
        folder = Path(settings.folder).absolute() / (settings.prefix + time.strftime("%Y%m%d%H%M%S")) / settings.tracker
        try:
            self._writer = SummaryWriter(str(folder))
        except OSError as error:
            raise CaddieError(
                Text(f"logging_dir: {folder} cannot be written: {error}", f"logging_dir: {folder} に書き込めません: {error}")
            ) from error
        self._sum, self._count = 0.0, 0

    def __call__(self, event: Event) -> None:
        """Writes an event; the file is closed after the last one."""
        if isinstance(event, Step):
            self._step(event)
        elif isinstance(event, Validated):
            self._writer.add_scalar("loss/validation/step_average", event.loss, event.step)
        elif isinstance(event, Finished):
            self._writer.close()

    def _step(self, event: Step) -> None:
        values = {f"lr/{group.name}": group.lr for group in event.groups}
        values |= {f"lr/d*lr/{group.name}": group.d_lr for group in event.groups}
        if event.loss is not None:
            self._sum, self._count = self._sum + event.loss, self._count + 1
            values |= {"loss/current": event.loss, "loss/average": self._sum / self._count}
        for tag, value in values.items():
            if value is not None:
                self._writer.add_scalar(tag, value, event.step)
