"""What is wrong with a dataset config, beside what sd-scripts' own schema says about the same files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.dataset.config import GENERAL, Fault, Place, config_faults, document_faults
from core.dataset.keys import LEVELS, STYLES, all_keys, keys_by_name, keys_of, required_key

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "dataset.json").read_text(encoding="utf-8"))
SUBSET = '[[datasets.subsets]]\nimage_dir = "a"\n'
SCHEMAS = {
    "flag": "bool",
    "whole": "int",
    "number": "float|int",
    "float": "float",
    "text": "str",
    "folder": "str",
    "file": "str",
    "choice": "str",
    "size": "__validate_and_convert_scalar_or_twodim(int)",
    "range": "__validate_and_convert_twodim(float)",
    "table": "dict",
}


def _one(text: str, **said: bool) -> Fault:
    faults = config_faults(text, **said)
    assert len(faults) == 1, faults
    return faults[0]


@pytest.mark.parametrize("style", STYLES)
def test_the_keys_are_those_of_sd_scripts(style):
    for level in LEVELS:
        theirs = dict(GOLDEN["general"] if level == "general" else GOLDEN["styles"][style][level])
        if level == "general":
            ours = {key.name: SCHEMAS[key.kind] for key in all_keys() if level in key.levels}
        else:
            ours = {key.name: SCHEMAS[key.kind] for key in keys_of(level, style)}
        assert ours == theirs, (style, level)
    assert required_key(style) in GOLDEN["styles"][style]["subset"]


def test_the_defaults_are_those_of_sd_scripts():
    theirs = {**GOLDEN["defaults"]["DreamBoothSubsetParams"], **GOLDEN["defaults"]["DreamBoothDatasetParams"]}
    # Two are one-element tuples by a slip of the source; the command line's "," and "" come before them.
    slips = {"caption_separator": [","], "keep_tokens_separator": [None]}
    for key in all_keys():
        if key.name in slips:
            assert theirs[key.name] == slips[key.name]
        elif key.name in theirs:
            assert key.default == theirs[key.name], key.name


@pytest.mark.parametrize(("text", "masked", "said"), GOLDEN["files"])
def test_each_file_is_judged_as_sd_scripts_does(text, masked, said):
    faults = config_faults(text, masked_loss=masked)
    ours = [fault.said for fault in faults if " @ data" in fault.said]
    # Their sentence about mixed subsets goes on in Japanese.
    theirs = [f"{one.split('.')[0]}. @ {one.split(' @ ')[1]}" if "mixed" in one else one for one in said]
    # They end at the first dataset with a fault; here all are told.
    reached = [one for one in ours if not (theirs and "['datasets'][1]" in one)]
    assert sorted(reached) == sorted(theirs)
    assert all(fault.text.en and fault.text.ja for fault in faults)
    if theirs:
        assert any(fault.severity == "error" for fault in faults)


def test_the_nearest_key_and_the_value_that_was_meant():
    unknown = _one("[[datasets]]\nbatchsize = 4\n" + SUBSET)
    assert (unknown.place, unknown.key, unknown.better, unknown.code) == (Place(0), "batchsize", "batch_size", "unknown-key")
    assert unknown.whole.en == "dataset 1: batchsize is unknown; did you mean batch_size?"
    assert unknown.whole.ja == "データセット 1: batchsize は不明なキーです。batch_size のことですか？"
    meant = {
        'batch_size = "4"': "4",
        "validation_split = 0": "0.0",
        'resolution = "512,768"': "[512, 768]",
        'enable_bucket = "True"': "true",
        "flip_aug = 1": "true",
        "face_crop_aug_range = [2, 4]": "[2.0, 4.0]",
        "caption_prefix = 1": '"1"',
        "batch_size = 2.0": "2",
        "batch_size = 2.5": "",
        'keep_tokens = "many"': "",
        "custom_attributes = 1": "",
    }
    for line, better in meant.items():
        fault = _one(f"[general]\n{line}\n[[datasets]]\n{SUBSET}")
        assert (fault.place, fault.code, fault.better) == (GENERAL, "type", better), line
        assert fault.severity == "error"


def test_a_key_in_the_wrong_table_is_told_where_it_belongs():
    fault = _one("[[datasets]]\nresolution = 512\n" + SUBSET + "batch_size = 2\n")
    assert fault.place == Place(0, 0)
    assert "[general] or [[datasets]]" in fault.text.en
    assert "masked_loss" in _one("[[datasets]]\n" + SUBSET + "conditioning_data_dir = 'b'\n").text.en
    assert not config_faults("[[datasets]]\n" + SUBSET + "conditioning_data_dir = 'b'\n", masked_loss=True)


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("batch_size = 0", "error"),
        ("resolution = [512, 0]", "error"),
        ("num_repeats = 0", "warning"),
        ("caption_dropout_rate = 10", "warning"),
        ("caption_tag_dropout_rate = nan", "warning"),
        ("validation_split = 1.5", "warning"),
        ("keep_tokens = -1", "warning"),
        ("batch_size = true", "warning"),
        ("batch_size = false", "error"),
        ('resize_interpolation = "best"', "error"),
    ],
)
def test_values_out_of_range(line, severity):
    fault = _one(f"[general]\n{line}\n[[datasets]]\n{SUBSET}")
    assert fault.severity == severity
    assert fault.key == line.split()[0]
    assert line.split("= ")[1] in fault.text.en


def test_buckets_that_leave_the_resolution_out():
    head = "[general]\nenable_bucket = true\n[[datasets]]\nresolution = [512, 768]\n"
    assert _one(head + "min_bucket_reso = 576\n" + SUBSET).key == "min_bucket_reso"
    assert _one(head + "max_bucket_reso = 704\n" + SUBSET).key == "max_bucket_reso"
    # sd-scripts makes them multiples of the steps first: 575 becomes 512, 705 becomes 768.
    assert not config_faults(head + "min_bucket_reso = 575\nmax_bucket_reso = 705\n" + SUBSET)
    assert not config_faults(head.replace("true", "false") + "min_bucket_reso = 576\n" + SUBSET)


def test_nothing_to_train_and_subsets_twice():
    assert _one("").code == "empty"
    assert _one("[[datasets]]\ncaption_extension = '.txt'\n").place == Place(0)
    twice = _one("[[datasets]]\n" + SUBSET + SUBSET)
    assert (twice.place, twice.code, twice.severity) == (Place(0, 1), "twice", "warning")
    assert not config_faults("[[datasets]]\n" + SUBSET + "[[datasets]]\n" + SUBSET)


GOOD = "[[datasets]]\n# 猫\n" + SUBSET


@pytest.mark.parametrize(
    ("encoding", "code"), [("utf-8", None), ("utf-8-sig", "encoding"), ("utf-16", "encoding"), ("cp932", "encoding")]
)
def test_encodings_that_sd_scripts_does_not_read(tmp_path, encoding, code):
    import toml

    path = tmp_path / "data.toml"
    path.write_bytes(GOOD.encode(encoding))
    assert [fault.code for fault in config_faults(path)] == ([code] if code else [])
    if code:
        with pytest.raises((ValueError, UnicodeDecodeError)):
            toml.load(path)
    assert [fault.code for fault in config_faults("\ufeff" + GOOD)] == ["encoding"]


def test_files_that_nobody_can_read(tmp_path):
    assert [fault.code for fault in config_faults(tmp_path / "none.toml")] == ["file"]
    assert [fault.code for fault in config_faults(tmp_path / "data.yaml")] == ["file"]
    (tmp_path / "data.toml").write_bytes(b"\x81\x39")
    assert [fault.code for fault in config_faults(tmp_path / "data.toml")] == ["file"]
    (tmp_path / "data.json").write_text('{"datasets": [{"subsets": [{"image_dir": "a", "flip": 1}]}]}', encoding="utf-8")
    assert [(fault.code, fault.better) for fault in config_faults(tmp_path / "data.json")] == [("unknown-key", "flip_aug")]
    (tmp_path / "data.json").write_text("[1]", encoding="utf-8")
    assert [fault.code for fault in config_faults(tmp_path / "data.json")] == ["syntax"]
    (tmp_path / "data.json").write_text('{"datasets": [{"subsets": [{"image_dir": "猫"}]}]}', encoding="utf-8")
    assert [(fault.code, fault.severity) for fault in config_faults(tmp_path / "data.json")] == [("encoding", "warning")]


def test_a_windows_path_in_double_quotes_is_explained():
    fault = _one('[[datasets]]\n[[datasets.subsets]]\nimage_dir = "C:\\images"\n')
    assert fault.code == "syntax"
    assert "single quotes" in fault.text.en
    assert "シングルクォート" in fault.text.ja
    assert "single quotes" in _one('image_dir = "C:\\users"\n').text.en


def test_toml_that_only_the_standard_knows():
    # The library that sd-scripts reads with wants arrays of one kind.
    faults = config_faults("[general]\nresolution = [512, 512.0]\n[[datasets]]\n" + SUBSET)
    assert [(fault.code, fault.severity) for fault in faults] == [("syntax", "error"), ("type", "error")]


_VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(),
        st.floats(),
        st.sampled_from(["", "4", "512,768", "true", "1e999", "nan", "[1, 2]", "area"]),
        st.just(10**400),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)),
    max_leaves=4,
)
_NAMES = st.sampled_from([*(key.name for key in all_keys()), "subsets", "mystery"])
_TABLES = st.dictionaries(_NAMES, _VALUES, max_size=6)
_DATASETS = st.builds(
    lambda table, subsets: {**table, "subsets": subsets}, _TABLES, st.lists(st.one_of(_TABLES, _VALUES), max_size=3)
)


@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.one_of(_TABLES, _VALUES), st.one_of(st.lists(st.one_of(_DATASETS, _VALUES), max_size=3), _VALUES), st.booleans())
def test_no_document_is_too_odd_to_be_judged(general, datasets, masked):
    for fault in document_faults({"general": general, "datasets": datasets}, masked_loss=masked):
        assert fault.whole.en and fault.whole.ja


def test_every_key_has_words_in_both_languages_and_a_default_that_will_do():
    from core.dataset.key_values import judge

    for key in all_keys():
        assert key.label.en and key.label.ja and key.help.en and key.help.ja, key.name
        assert key.default is None or judge(key, key.default) is None, key.name
    assert keys_by_name()["batch_size"].option == "train_batch_size"
