"""What somebody may ask of a training beside the end: files in the run's folder, one a wish.

The training reads them between two steps (`core.training.control`, `companion_wishes.py`); a window, a terminal or a script
writes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from core.errors import CaddieError
from core.runs.event_lines import decode_event
from core.runs.events import Event, Started, Wished

if TYPE_CHECKING:
    from core.runs.folder import RunFolder

Wish = Literal["save", "sample"]
WISHES: tuple[Wish, ...] = get_args(Wish)

_END = 1 << 16  # bytes of the events that are looked at for wishes
_WISHED = b'{"event": "wished"'


class WishFolder:
    """The files of one run.

    Args:
        path: the folder `wishes` of the run's folder; made when something is asked for.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, wish: Wish) -> None:
        """Asks for a save or for sample pictures after the step that is under way.

        Raises:
            OSError: it cannot be written.
        """
        self._set(wish, on=True)

    def take(self, wish: Wish) -> bool:
        """Whether something was asked for; it counts as done."""
        try:
            (self._path / wish).unlink()
        except OSError:
            return False
        return True

    def wants(self, wish: Wish) -> bool:
        """Whether something was asked for and not yet taken."""
        return (self._path / wish).exists()

    @property
    def paused(self) -> bool:
        """Whether the training is to hold."""
        return (self._path / "pause").exists()

    def pause(self, *, on: bool) -> None:
        """Asks it to hold between two steps, or to go on.

        Raises:
            OSError: it cannot be written.
        """
        self._set("pause", on=on)

    @property
    def saves_first(self) -> bool:
        """Whether whoever asked for the end wants a save before it."""
        return (self._path / "save-at-stop").exists()

    def save_at_stop(self) -> None:
        """Asks for a save before the end; the end itself is asked for by `RunFolder.request_stop`.

        Raises:
            OSError: it cannot be written.
        """
        self._set("save-at-stop", on=True)

    def _set(self, name: str, *, on: bool) -> None:
        if on:
            self._path.mkdir(exist_ok=True)
            (self._path / name).touch()
        else:
            (self._path / name).unlink(missing_ok=True)


def told_so_far(run: RunFolder) -> list[Event]:
    """What a run has told of what it hears and what became of wishes, without reading all its events: beginning and end."""
    try:
        with open(run.events_file, "rb") as stream:
            first = decode_event(stream.readline())
            stream.seek(max(stream.tell(), stream.seek(0, 2) - _END))
            lines = stream.read().split(b"\n")
    except OSError:
        return []
    last = [decode_event(line) for line in lines if line.startswith(_WISHED)]
    return [event for event in (first, *last) if isinstance(event, Started | Wished)]


def abilities_of(run: RunFolder) -> tuple[str, ...] | None:
    """What a run can be asked for: `save`, `sample`, `pause`; None where nobody knows yet, or ever will.

    The built-in trainer hears from its beginning; a script's companion knows at the first step.
    """
    event = next(iter(told_so_far(run)), None)
    if isinstance(event, Started) and (event.hears or event.source == "companion"):
        return event.hears
    try:
        job = run.job
    except CaddieError:
        return None
    if job.engine != "builtin":
        return None
    return ("save", "sample", "pause") if job.options.get("sample_prompts") else ("save", "pause")
