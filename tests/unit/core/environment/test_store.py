"""The list of environments on the disk."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.environment.model import Environment
from core.environment.store import EnvironmentStore, environment_id
from core.paths import PROJECT_ROOT

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1)


def env(identity: str = "a", **changes: object) -> Environment:
    values: dict[str, object] = {"id": identity, "name": "My kohya", "python": Path("/opt/venv/bin/python"), **changes}
    return Environment(**values)  # pyright: ignore[reportArgumentType]


def test_what_is_added_is_there_in_order_and_can_be_removed(tmp_path: Path) -> None:
    store = EnvironmentStore(tmp_path / "deep" / "environments.toml")
    assert store.all() == []
    assert store.selected is None
    first = env("a", sd_scripts=Path("C:\\AI\\kohya_ss\\sd-scripts"), layout="kohya_ss")
    second = env("b", name='日本語 "と" \\ quotes')
    store.add(first)
    store.add(second)
    assert EnvironmentStore(tmp_path / "deep" / "environments.toml").all() == [first, second]
    assert store.get("b") == second
    assert store.selected == "a"
    store.select("b")
    assert store.selected == "b"
    store.add(env("a", name="renamed"))
    assert [item.name for item in store.all()] == ["renamed", second.name]
    store.remove("b")
    store.remove("unknown")
    assert [item.id for item in store.all()] == ["a"]
    assert store.selected == "a"


@given(name=TEXT, python=TEXT, folder=TEXT)
def test_every_name_and_path_survives(name: str, python: str, folder: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        store = EnvironmentStore(Path(place) / "environments.toml")
        item = env("a", name=name, python=Path(python), sd_scripts=Path(folder))
        store.add(item)
        assert store.problem is None
        assert store.all() == [item]


@pytest.mark.parametrize(
    "content", [b"not [ toml", b"\xff\xfe\x00", b"environment = 3", b"a = " + b"9" * 5000, b"[[environment]]\nid = 1\n"]
)
def test_a_broken_file_is_kept_as_a_copy_and_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "environments.toml"
    path.write_bytes(content)
    store = EnvironmentStore(path)
    assert store.all() == []
    assert store.problem is not None
    said = store.problem.en
    store.add(env())
    copies = list(tmp_path.glob("environments.broken-*.toml"))
    assert [copy.read_bytes() for copy in copies] == [content]
    assert str(copies[0]) in said
    assert store.all() == [env()]
    assert store.problem is None


def test_one_bad_entry_does_not_take_the_others_along(tmp_path: Path) -> None:
    path = tmp_path / "environments.toml"
    store = EnvironmentStore(path)
    store.add(env("a"))
    path.write_text(path.read_text(encoding="utf-8") + '\n[[environment]]\nname = "no id"\n', encoding="utf-8")
    assert [item.id for item in store.all()] == ["a"]
    assert store.problem is not None


def test_ids_are_stable_and_tell_environments_apart() -> None:
    python, folder = Path("/opt/venv/bin/python"), Path("/opt/sd-scripts")
    assert environment_id(python, folder) == environment_id(Path("/opt/venv/lib/../bin/python"), folder)
    assert environment_id(python, folder) != environment_id(python, None)
    assert PurePosixPath(environment_id(python, None)).name.isalnum()


def test_a_byte_order_mark_of_an_editor_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "environments.toml"
    store = EnvironmentStore(path)
    store.add(env("a"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [item.id for item in store.all()] == ["a"]
    assert store.problem is None


def test_processes_that_add_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "environments.toml"
    code = (
        "import sys; from pathlib import Path; from core.environment.model import Environment\n"
        "from core.environment.store import EnvironmentStore\n"
        "sys.stdin.read(1)\n"  # all begin together
        "for number in range(10):\n"
        "    name = f'{sys.argv[2]}-{number}'\n"
        "    EnvironmentStore(Path(sys.argv[1])).add(Environment(id=name, name=name, python=Path('/p')))\n"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(child)], stdin=subprocess.PIPE, cwd=PROJECT_ROOT)
        for child in range(3)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"x")
        child.stdin.flush()
    assert [child.wait() for child in children] == [0, 0, 0]
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
    found = {item.id for item in EnvironmentStore(path).all()}
    assert found == {f"{child}-{number}" for child in range(3) for number in range(10)}
