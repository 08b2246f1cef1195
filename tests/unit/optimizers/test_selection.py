"""The selection of cases: nothing meets nothing, no case twice, and all of them where all are asked for."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.paths import PROJECT_ROOT
from tests.helpers.selection import covering


@pytest.mark.parametrize("sizes", [(19, 20, 3), (19, 4, 3), (16, 2, 3), (3, 3, 3), (2, 5, 4), (1, 1, 1), (4, 7), (5,)], ids=str)
def test_every_value_meets_every_value_of_every_other_axis(sizes: tuple[int, ...]) -> None:
    cases = covering(sizes)
    for one, other in itertools.combinations(range(len(sizes)), 2):
        met = {(case[one], case[other]) for case in cases}
        assert met == set(itertools.product(range(sizes[one]), range(sizes[other])))
    assert len(set(cases)) == len(cases)
    assert cases == sorted(cases), "neighbours share what was computed"
    longest = sorted(sizes)[-2:]
    assert len(cases) == longest[0] * longest[-1] if len(sizes) > 1 else len(cases) == sizes[0]


def test_more_axes_than_it_can_cover_are_refused() -> None:
    with pytest.raises(ValueError, match="three"):
        covering((2, 2, 2, 2))


SUITE = """
import pytest
from tests.helpers.selection import chosen, crossed

@crossed(letter={"first": "a", "second": "b"}, number=(1, 2, 3), word=("x", "y"))
def test_crossed(letter, number, word):
    assert letter in "ab"

@chosen("letter, number", [("a", 1)], [("a", 1), ("a", 2), pytest.param("b", 1, id="named")])
def test_chosen(letter, number):
    assert letter in "ab"
"""


@pytest.mark.parametrize(("option", "crossed", "chosen"), [("", 6, 1), ("--exhaustive", 12, 3)], ids=["default", "exhaustive"])
def test_the_option_decides(tmp_path: Path, option: str, crossed: int, chosen: int) -> None:
    hooks = "from tests.conftest import pytest_addoption, pytest_configure, pytest_generate_tests\n"
    (tmp_path / "conftest.py").write_text(hooks, encoding="utf-8")
    (tmp_path / "test_cases.py").write_text(SUITE, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--rootdir",
        ".",
        "--collect-only",
        "-q",
        "--strict-markers",
        "-p",
        "no:cacheprovider",
    ]
    found = subprocess.run(
        [*command, *option.split(), "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    names = [line.partition("::")[2] for line in found if "::" in line]
    assert sum(name.startswith("test_crossed") for name in names) == crossed
    assert sum(name.startswith("test_chosen") for name in names) == chosen
    assert "test_crossed[first-1-x]" in names
    assert ("test_chosen[named]" in names) == bool(option)
