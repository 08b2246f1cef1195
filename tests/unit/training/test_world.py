"""Several processes: what the others do when the main one does not come to its end."""

from __future__ import annotations

import pytest

from core.training.world import World


class _Told(World):
    """A process that is told one number, or tells them."""

    def __init__(self, rank: int, told: int = 0) -> None:
        super().__init__(rank, 2)
        self.told = told
        self.sent: list[int] = []

    def number_from_main(self, number: int) -> int:
        if self.is_main:
            self.sent.append(number)
            return number
        return self.told


def test_the_others_end_where_the_main_process_fails_in_its_turn() -> None:
    main = _Told(0)
    with pytest.raises(OSError, match="full"), main.main_first():
        raise OSError("full")
    (word,) = main.sent  # not left to wait
    done: list[bool] = []
    with pytest.raises(KeyboardInterrupt), _Told(1, word).main_first():
        done.append(True)
    assert not done


def test_the_others_follow_where_it_comes_through() -> None:
    main = _Told(0)
    with main.main_first():
        assert main.sent == []
    done: list[bool] = []
    with _Told(1, *main.sent).main_first():
        done.append(True)
    assert done
