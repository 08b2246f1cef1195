"""Job files: what is written reads back the same, with both readers and as sd-scripts reads it."""

from __future__ import annotations

import math
from pathlib import Path
from types import MappingProxyType

import pytest
import toml
import tomli as tomllib
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import CaddieError, Problems
from core.job import store
from core.job.model import Job
from core.job.store import dumps, load_job, loads, save_job
from core.job.toml_text import even_numbers, same_value

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True).filter(lambda name: name != "caddie")
# Letters that one of the two readers is known to stumble over, and any other.
NASTY = st.text(st.sampled_from("\"'\\xuUn#[],={}.\n\r\t -–0\x00\x01\x7f\x85\u2028あ😀%!^&"), max_size=12)
TEXTS = st.one_of(NASTY, st.text(st.characters(exclude_categories=["Cs"]), max_size=20)).filter(
    # No text can say these two together in a list such that `toml` reads them; dumps() refuses them.
    lambda text: "\\U" not in text or all(letter.isprintable() or ord(letter) < 0x10000 for letter in text)
)
NUMBERS = st.one_of(st.integers(-(2**63), 2**63), st.floats())
VALUES = st.one_of(
    st.booleans(),
    NUMBERS,
    TEXTS,
    st.lists(TEXTS, max_size=4),
    st.lists(st.integers(), max_size=3),
    st.lists(st.floats(), max_size=3),
)
JOBS = st.builds(
    Job,
    script=TEXTS,
    options=st.dictionaries(NAMES, VALUES, max_size=5).map(MappingProxyType),
    engine=st.sampled_from(["sd-scripts", "builtin"]),
    environment=st.one_of(st.none(), TEXTS.filter(bool)),
    companion=st.booleans(),
    builtin=st.dictionaries(NAMES, VALUES, max_size=2).map(MappingProxyType),
    accelerate=st.dictionaries(NAMES, VALUES, max_size=2).map(MappingProxyType),
    name=TEXTS,
    notes=TEXTS,
    kept_arguments=st.dictionaries(
        st.from_regex(r"[A-Za-z_]+(\.[A-Za-z_]+){0,3}", fullmatch=True),
        st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
        max_size=2,
    ).map(MappingProxyType),
)


def sd_scripts_reads(document: dict[str, object]) -> dict[str, object]:
    """Keys as read_config_from_file of sd-scripts combines them."""
    combined: dict[str, object] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            combined.update(value)
        else:
            combined[name] = value
    return combined


def test_what_cannot_be_said_is_refused() -> None:
    with pytest.raises(Problems, match="cannot be stored"):
        dumps(Job(options={"a": ["\x1f\U000e0001\\U"]}))


@settings(max_examples=300, deadline=None)
@given(JOBS)
@example(Job(options={"a": '""x', "b": "C:\\users\\x", "c": ["'", ",", 'a,"b'], "d": "\\u0041", "e": [",", "]", "#"]}))
@example(Job(options={"a": 1e-30, "b": 1e-05, "c": 1e22, "d": math.inf, "e": -math.inf, "f": math.nan, "g": -1e-7}))
@example(Job(options={"a": 0, "b": False, "c": "", "d": [], "e": 0.0}))
@example(Job(options={"a": "\x01C:\\users", "b": "\x7f\\U", "c": "\U000e0001\\u"}))
def test_what_is_written_reads_back_the_same(job: Job) -> None:
    text = dumps(job)
    again = loads(text)
    assert list(again.options) == list(job.options)
    for name, value in job.options.items():
        assert same_value(again.options[name], even_numbers(value))
    for table in ("builtin", "accelerate"):
        assert set(getattr(again, table)) == set(getattr(job, table))
        for name, value in getattr(job, table).items():
            assert same_value(getattr(again, table)[name], even_numbers(value))
    for attribute in ("script", "engine", "environment", "companion", "name", "notes", "kept_arguments", "extra"):
        assert getattr(again, attribute) == getattr(job, attribute)
    for read in (toml.loads, tomllib.loads):
        combined = sd_scripts_reads(read(text))
        for name, value in job.options.items():
            assert same_value(combined[name], even_numbers(value))
        assert all(name.startswith("caddie_") for name in set(combined) - set(job.options))


def test_a_list_of_both_kinds_of_numbers_becomes_real() -> None:
    # toml cannot read [0, 1e-5]
    assert loads(dumps(Job(options={"text_encoder_lr": [0, 1e-5]}))).options["text_encoder_lr"] == [0.0, 1e-5]
    with pytest.raises(Problems):
        dumps(Job(options={"mixed": [2**63 + 1, 0.5]}))


def test_what_no_text_can_say_is_refused() -> None:
    with pytest.raises(Problems) as caught:
        dumps(Job(options={"path": "\ud800", "other": 1, "list": ["\udfff"]}))
    assert len(caught.value.problems) == 2


def test_a_plain_file_looks_plain() -> None:
    job = Job(
        options={"learning_rate": 1e-4, "output_dir": "C:\\学習\\out", "sdpa": True, "optimizer_args": ["betas=(0.9, 0.99)"]},
        kept_arguments={"prodigyplus.ProdigyPlusScheduleFree": ("d_coef=2",)},
    )
    assert dumps(job) == (
        'learning_rate = 0.0001\noutput_dir = "C:\\\\学習\\\\out"\nsdpa = true\noptimizer_args = ["betas=(0.9, 0.99)"]\n'
        '\n[caddie]\ncaddie_version = 1\ncaddie_script = "train_network.py"\n'
        '\n[caddie.caddie_kept_arguments]\n"prodigyplus.ProdigyPlusScheduleFree" = ["d_coef=2"]\n'
    )


def test_sections_of_a_foreign_file_are_flattened_in_order() -> None:
    job = loads("seed = 1\n[model]\nv2 = false\nseed = 2\n[train]\nnetwork_dim = 0\n[empty]\n")
    assert dict(job.options) == {"seed": 2, "v2": False, "network_dim": 0}
    assert job.script == "train_network.py"


def test_unknown_keys_stay() -> None:
    text = 'no_such_option = "x"\n[caddie]\ncaddie_version = 1\ncaddie_from_the_future = [1, 2]\ncaddie_when = 2026-02-16\n'
    job = loads(text)
    assert job.options["no_such_option"] == "x"
    assert loads(dumps(job)) == job
    assert "caddie_from_the_future = [1, 2]" in dumps(job)
    assert "caddie_when = 2026-02-16" in dumps(job)


@pytest.mark.parametrize(
    ("text", "line", "shown"),
    [
        ("seed = 1\nlearning_rate = 1e-4\noptimizer_type = AdamW\n", 3, "optimizer_type = AdamW"),
        ('a = 1\nb = "no end\nc = 2\n', 2, 'b = "no end'),
        ("a = 1\na = 2\n", 2, "a = 2"),
        ("a = \n", 1, "a ="),
        ("just words\n", 1, "just words"),
    ],
)
def test_unreadable_toml_names_the_line(tmp_path: Path, text: str, line: int, shown: str) -> None:
    path = tmp_path / "job.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CaddieError) as caught:
        load_job(path)
    for words in (caught.value.text.en, caught.value.text.ja):
        assert str(path) in words
        assert str(line) in words
        assert shown in words


def test_what_only_the_standard_reader_can_read_is_read() -> None:
    assert loads("text_encoder_lr = [0, 1e-5]\n").options["text_encoder_lr"] == [0, 1e-5]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[datasets]]\nresolution = 512\n", "dataset config"),
        ("when = 2026-02-16\n", "belong to no option"),
        ("[model.args]\ndim = 4\n", "belong to no option"),
        ("mixed = [true, 1]\n", "belong to no option"),
        ("caddie = 1\n", "has to be a table"),
        ("[caddie]\ncaddie_version = 99\n", "newer Caddie"),
        ("[caddie]\ncaddie_version = 'x'\n", "not a number"),
        ("[caddie]\ncaddie_companion = 1\ncaddie_name = 2\ncaddie_accelerate = 3\n", "damaged"),
        ("[caddie]\ncaddie_engine = 'warp'\n", "'warp'"),
        ("[caddie.caddie_kept_arguments]\nAdamW = 1\n", "kept_arguments.AdamW"),
    ],
)
def test_what_is_no_job_says_why(text: str, words: str) -> None:
    with pytest.raises(CaddieError, match=words):
        loads(text)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "新しい フォルダー" / "job.toml"
    job = Job(options={"seed": 0}, name="花")
    save_job(job, path)
    assert load_job(path) == job
    assert [entry.name for entry in path.parent.iterdir()] == ["job.toml"]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as Notepad saves
    assert load_job(path) == job
    path.write_bytes("名前 = 1".encode("cp932"))
    with pytest.raises(CaddieError, match="not UTF-8"):
        load_job(path)
    with pytest.raises(CaddieError, match="could not be read"):
        load_job(tmp_path / "gone.toml")
    (tmp_path / "file").write_text("")
    with pytest.raises(CaddieError, match="could not be written"):
        save_job(job, tmp_path / "file" / "job.toml")


def test_a_refused_job_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    save_job(Job(options={"seed": 1}), path)
    with pytest.raises(Problems):
        save_job(Job(options={"seed": "\ud800"}), path)
    assert load_job(path).options["seed"] == 1


OLD = "seed = 7\n[caddie]\ncaddie_version = 0\ncaddie_title = 'old'\n"


def test_an_older_file_is_brought_up_to_date_and_backed_up_when_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MIGRATIONS", {0: lambda table: {"caddie_name": table["caddie_title"]}})
    path = tmp_path / "job.toml"
    path.write_text(OLD, encoding="utf-8")
    job = load_job(path)
    assert (job.name, job.options["seed"]) == ("old", 7)
    assert [entry.name for entry in tmp_path.iterdir()] == ["job.toml"]
    save_job(job, path)
    assert (tmp_path / "job.backup-1.toml").read_text(encoding="utf-8") == OLD
    assert load_job(path) == job
    save_job(job, path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_failed_migration_leaves_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MIGRATIONS", {0: lambda table: {"caddie_name": table["no_such_key"]}})
    path = tmp_path / "job.toml"
    path.write_text(OLD, encoding="utf-8")
    with pytest.raises(CaddieError) as caught:
        load_job(path)
    backup = tmp_path / "job.backup-1.toml"
    assert str(backup) in caught.value.text.en
    assert backup.read_text(encoding="utf-8") == OLD
    assert path.read_text(encoding="utf-8") == OLD
