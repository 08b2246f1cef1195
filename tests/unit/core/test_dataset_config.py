"""Editing a dataset config: what is written is what was meant, to both readers of TOML, and all else stays as it was."""

from __future__ import annotations

import copy
import json
import string
from pathlib import Path

import pytest
import toml
import tomli
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.dataset.config import GENERAL, Place, config_faults
from core.dataset.document import DatasetConfig, from_document
from core.dataset.files import config_of, load_config, save_config
from core.dataset.keys import Key, Level, keys_of
from core.errors import CaddieError, Problems

FILE = r"""# my images
[general]
shuffle_caption = true   # mix
caption_extension = '.txt'
keep_tokens = 1

# set A
[[datasets]]
resolution = [512,
  768] # tall
batch_size  =  4
mystery = "kept"

  # the cat
  [[datasets.subsets]]
  image_dir = 'C:\cat'
  [datasets.subsets.custom_attributes]
  x = 1

  # the dog
  [[datasets.subsets]]
  image_dir = 'b' # dogs
"""

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking takes minutes with readers of TOML that are this slow."""

_paths = st.text(st.sampled_from(string.ascii_letters + "猫犬 _-.,'\\/#=[]{}:"), min_size=1, max_size=12)
_KINDS = {
    "flag": st.booleans(),
    "whole": st.integers(1, 4096),
    "number": st.one_of(st.integers(0, 1), st.floats(0, 1)),
    "float": st.floats(0, 1),
    "text": _paths,
    "folder": _paths,
    "file": _paths,
    "size": st.one_of(st.integers(1, 4096), st.lists(st.integers(1, 4096), min_size=2, max_size=2)),
    "range": st.lists(st.floats(1, 8), min_size=2, max_size=2),
    "table": st.dictionaries(st.sampled_from("abc"), st.one_of(st.integers(0, 9), st.sampled_from(["x", "猫"])), max_size=2),
}


def _value(key: Key) -> st.SearchStrategy[object]:
    return st.sampled_from(key.choices) if key.choices else _KINDS[key.kind]


def _table(level: Level) -> st.SearchStrategy[dict[str, object]]:
    known = {key.name: _value(key) for key in keys_of(level, "dreambooth")}
    needed = {"image_dir": known.pop("image_dir")} if level == "subset" else {}
    return st.fixed_dictionaries(needed, optional={**known, "mystery": st.integers(), "谷": st.booleans()})


_SUBSETS = st.lists(_table("subset"), min_size=1, max_size=3)
_DATASETS = st.builds(lambda table, subsets: {**table, "subsets": subsets}, _table("dataset"), _SUBSETS)
DOCUMENTS = st.fixed_dictionaries(
    {"datasets": st.lists(_DATASETS, min_size=1, max_size=3)}, optional={"general": _table("general"), "other": st.integers()}
)


def _reads_as(config: DatasetConfig, document: dict[str, object]) -> None:
    assert config.document() == document
    assert tomli.loads(config.text) == document
    assert toml.loads(config.text) == document, "sd-scripts reads with this library"


@settings(max_examples=25, deadline=None, phases=QUICK)
@given(DOCUMENTS)
def test_what_is_written_is_read_back(document):
    try:
        config = from_document(document)
    except Problems:
        return  # a text that the two readers cannot agree about, refused
    _reads_as(config, document)
    assert config_of(config.text).text == config.text
    assert not [fault for fault in config_faults(config.text) if fault.code in ("syntax", "structure", "type", "missing")]


@settings(max_examples=25, deadline=None, phases=QUICK)
@given(st.data())
def test_edits_do_to_the_file_what_they_do_to_its_tables(data):
    config, document = config_of(FILE), tomli.loads(FILE)
    for _ in range(data.draw(st.integers(1, 6))):
        sets = document["datasets"]
        number = data.draw(st.integers(0, len(sets) - 1))
        subsets = sets[number].get("subsets", [])
        place = Place(number, data.draw(st.integers(-1, len(subsets) - 1)))
        among, at = (sets, number) if place.subset < 0 else (subsets, place.subset)
        action = data.draw(st.sampled_from(["set", "unset", "duplicate", "remove", "move", "add"]))
        if action == "set":
            name, value = data.draw(
                st.sampled_from([("num_repeats", 3), ("image_dir", "C:\\犬"), ("custom_attributes", {"y": "z"})])
            )
            config = config.with_value(place, name, value)
            among[at][name] = value
        elif action == "unset" and (names := [name for name in among[at] if name != "subsets"]):
            name = data.draw(st.sampled_from(names))
            config = config.with_value(place, name, None)
            del among[at][name]
        elif action == "duplicate":
            config = config.duplicated(place)
            among.insert(at + 1, copy.deepcopy(among[at]))
        elif action == "remove" and len(sets) > 1:
            config = config.without(place)
            del among[at]
        elif action == "move":
            to = data.draw(st.integers(0, len(among) - 1))
            config = config.moved(place, Place(to) if place.subset < 0 else Place(number, to))
            among.insert(to, among.pop(at))
        elif action == "add":
            config = config.with_subset(number, {"image_dir": "neu"}).with_dataset({"resolution": 64}, [{"image_dir": "x"}], at=0)
            sets[number].setdefault("subsets", []).append({"image_dir": "neu"})
            sets.insert(0, {"resolution": 64, "subsets": [{"image_dir": "x"}]})
        for one in sets:
            if not one.get("subsets", True):
                del one["subsets"]
        _reads_as(config, document)
        assert config_of(config.text).text == config.text


def test_a_file_stays_as_it_is_but_for_what_is_changed():
    config = config_of(FILE)
    assert config.text == FILE
    changed = config.with_value(Place(0), "batch_size", 8).with_value(Place(0), "resolution", 1024)
    changed = changed.with_value(GENERAL, "shuffle_caption", False).with_value(Place(0, 1), "num_repeats", 10)
    expected = FILE.replace("batch_size  =  4", "batch_size  =  8").replace("[512,\n  768] # tall", "1024 # tall")
    expected = expected.replace("true   # mix", "false   # mix") + "  num_repeats = 10\n"
    assert changed.text == expected
    assert changed.with_value(Place(0, 1), "num_repeats", None).text == expected.replace("  num_repeats = 10\n", "")


def test_comments_go_with_the_table_below_them():
    moved = config_of(FILE).moved(Place(0, 1), Place(0, 0)).text
    assert moved.index("# the dog") < moved.index("'b' # dogs") < moved.index("# the cat") < moved.index("C:\\cat")
    assert config_of(FILE).without(Place(0, 0)).text == FILE[: FILE.index("  # the cat")] + FILE[FILE.index("  # the dog") :]


def test_a_new_table_looks_like_its_neighbours():
    config = config_of("[[datasets]]\n\n  [[datasets.subsets]]\n  image_dir = 'a'").with_subset(
        0, {"image_dir": "b", "num_repeats": 2}
    )
    assert config.text == (
        "[[datasets]]\n\n  [[datasets.subsets]]\n  image_dir = 'a'\n\n"
        '  [[datasets.subsets]]\n  image_dir = "b"\n  num_repeats = 2\n'
    )
    general = config.with_value(GENERAL, "enable_bucket", True)
    assert general.text.startswith("[general]\nenable_bucket = true\n\n[[datasets]]\n")
    assert config.with_value(GENERAL, "enable_bucket", None) is config
    assert from_document({}).with_dataset({"resolution": 512}, [{"image_dir": "a"}]).text == (
        '[[datasets]]\nresolution = 512\n\n[[datasets.subsets]]\nimage_dir = "a"\n'
    )


def test_a_subset_moves_into_another_dataset():
    config = config_of(FILE).with_dataset({"resolution": 256})
    config = config.moved(Place(0, 0), Place(1, 0))
    assert [one["image_dir"] for one in config.document()["datasets"][1]["subsets"]] == ["C:\\cat"]
    assert (config.dataset_count, config.subset_count(0), config.subset_count(1)) == (2, 1, 1)


def test_tables_in_one_line_are_written_as_tables():
    config = config_of('datasets = [{resolution = 512, subsets = [{image_dir = "a"}]}]\n')
    assert config.text == '[[datasets]]\nresolution = 512\n\n[[datasets.subsets]]\nimage_dir = "a"\n'


def test_a_dotted_key_is_replaced_as_a_whole():
    config = config_of("[general]\ncustom_attributes.a = 1\ncustom_attributes.b = 2\nflip_aug = true\n")
    assert config.values(GENERAL)["custom_attributes"] == {"a": 1, "b": 2}
    changed = config.with_value(GENERAL, "custom_attributes", {"c": 3})
    assert changed.text == "[general]\ncustom_attributes = { c = 3 }\nflip_aug = true\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp932"])
def test_a_file_is_saved_as_sd_scripts_reads_it(tmp_path, encoding):
    path = tmp_path / "データ.toml"
    path.write_bytes(FILE.replace("# my images", "# 画像").replace("\n", "\r\n").encode(encoding))
    save_config(load_config(path), path)
    assert path.read_bytes().decode("utf-8") == FILE.replace("# my images", "# 画像")
    assert toml.load(path) == tomli.loads(FILE)
    assert [fault.code for fault in config_faults(path)] == ["unknown-key"]


def test_json_is_read_and_written(tmp_path):
    path = tmp_path / "data.json"
    path.write_text(json.dumps(tomli.loads(FILE)), encoding="utf-8")
    config = load_config(path)
    assert config.document() == tomli.loads(FILE)
    save_config(config.with_value(Place(0, 0), "image_dir", "猫"), path)
    assert json.loads(path.read_bytes().decode("ascii"))["datasets"][0]["subsets"][0]["image_dir"] == "猫"


@pytest.mark.parametrize("text", ["a = [", "datasets = 1\n", "[[datasets]]\nsubsets = 'a'\n", "general = 1\n"])
def test_what_cannot_be_edited_says_why(tmp_path, text):
    path = tmp_path / "data.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CaddieError) as caught:
        load_config(path)
    assert caught.value.text.ja


def test_a_file_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CaddieError, match="cannot be written"):
        save_config(from_document({}), Path(tmp_path / "file" / "data.toml"))
