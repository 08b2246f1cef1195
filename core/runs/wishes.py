"""What somebody may ask of a training of the built-in trainer beside the end: files in the run's folder, one a wish.

A training in a process of its own reads them between two steps; a window, a terminal or a script writes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

Wish = Literal["save", "sample"]
WISHES: tuple[Wish, ...] = get_args(Wish)


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
