"""When a training saves, under which names, and which older saves it deletes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import CaddieError
from core.text import Text
from core.training import names
from core.training.reporting import Reporter
from core.training.settings import SaveSettings
from core.training.state import Place, delete_state, save_state


class Saver:
    """Saves the LoRA and the training's state.

    Args:
        settings: what the job says.
        epochs: of the whole training.
        write_weights: writes the LoRA to a path, atomically; given where the training stands, for its metadata.
        state_of: the parts of the training's state.
        reporter: hears of every file.
        writes: False in a process that only has to rest its weights whenever the main one saves.
    """

    def __init__(
        self,
        settings: SaveSettings,
        epochs: int,
        write_weights: Callable[[Path, Place], None],
        state_of: Callable[[], Mapping[str, Any]],
        reporter: Reporter,
        *,
        writes: bool = True,
    ) -> None:
        if settings.epoch_ratio:
            settings = replace(settings, every_epochs=max(1, epochs // settings.epoch_ratio))
        self._settings = settings
        self._epochs = epochs
        self._write_weights = write_weights
        self._state_of = state_of
        self._reporter = reporter
        self._writes = writes
        self._folder = Path(settings.folder).absolute()

    def is_due_at_step(self, step: int) -> bool:
        """Whether a save belongs after a step (1-based)."""
        return bool(self._settings.every_steps) and step % self._settings.every_steps == 0

    def is_due_at_epoch(self, epoch: int) -> bool:
        """Whether one belongs after an epoch (1-based); after the last one comes the end's own."""
        every = self._settings.every_epochs
        return bool(every) and epoch % every == 0 and epoch < self._epochs

    def after_step(self, place: Place) -> None:
        """The save by steps.

        Raises:
            CaddieError: it cannot be written.
        """
        self._save(names.of_step(self._settings.name, place.step), place, state=self._settings.state)
        self._delete(
            names.of_step,
            names.step_to_delete(self._settings, place.step, state=False),
            names.step_to_delete(self._settings, place.step, state=True),
        )

    def after_epoch(self, place: Place) -> None:
        """The save by epochs; `place` is the beginning of the next one."""
        self._save(names.of_epoch(self._settings.name, place.epoch), place, state=self._settings.state)
        self._delete(
            names.of_epoch,
            names.epoch_to_delete(self._settings, place.epoch, state=False),
            names.epoch_to_delete(self._settings, place.epoch, state=True),
        )

    def at_end(self, place: Place) -> None:
        """The last save, under the plain name."""
        self._save(self._settings.name, place, state=self._settings.state or self._settings.state_at_end)

    def now(self, place: Place) -> Path:
        """A save that somebody asked for in between; with its state, since they may want to go on from it.

        Raises:
            CaddieError: it could not be written.
        """
        return self._save(names.of_step(self._settings.name, place.step), place, state=True)

    def _save(self, stem: str, place: Place, *, state: bool) -> Path:
        weights = self._folder / (stem + names.WEIGHTS)
        if not self._writes:
            self._write_weights(weights, place)
            return weights
        target = weights
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write_weights(weights, place)
            self._reporter.saved(weights)
            if state:
                target = folder = self._folder / (stem + names.STATE)
                refused = save_state(folder, place, self._state_of())
                self._reporter.saved(folder, "state")
                if refused:
                    self._reporter.warned("state", str(_not_resumable(folder, refused)))
        except OSError as error:
            reason = error.strerror or str(error)
            raise CaddieError(
                Text(
                    f"{target} could not be saved: {reason}. Earlier saves are untouched.",
                    f"{target} を保存できませんでした: {reason}。以前に保存したファイルはそのまま残っています。",
                )
            ) from error
        return weights

    def _delete(self, stem_of: Callable[[str, int], str], weights: int | None, state: int | None) -> None:
        if not self._writes:
            return
        if weights is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._folder / (stem_of(self._settings.name, weights) + names.WEIGHTS))
        if state is not None:
            delete_state(self._folder / (stem_of(self._settings.name, state) + names.STATE))


def _not_resumable(folder: Path, refused: list[str]) -> Text:
    listed = ", ".join(refused)
    return Text(
        f"{folder} was saved, but a training cannot go on from it: the optimizer keeps objects ({listed}) that are not read back, "
        "because reading them could run any program.",
        f"{folder} を保存しましたが、ここから学習を再開することはできません。オプティマイザーの状態に、安全のため読み込まないオブジェクト "
        f"({listed}) が含まれています。",
    )
