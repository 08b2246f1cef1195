"""Mending a dataset config."""

from __future__ import annotations

from core.dataset.config import config_faults, document_faults
from core.dataset.files import config_of
from core.dataset.mend import can_mend, mended


def _mended(text: str) -> str:
    config = config_of(text)
    return mended(config, document_faults(config.document())).text


def test_what_was_meant_is_written_on_its_line():
    text = (
        "[general]\nenabel_bucket  =  'True' # keep\n\n[[datasets]]\nresolution = '512,768'\nbatchsize = 4\n\n"
        "  [[datasets.subsets]]\n  image_dir = 'a' # mine\n  numrepeats = 2.0\n  mystery_of_mine = 1\n"
    )
    after = _mended(text)
    assert after == (
        "[general]\nenable_bucket  =  true # keep\n\n[[datasets]]\nresolution = [512, 768]\nbatch_size = 4\n\n"
        "  [[datasets.subsets]]\n  image_dir = 'a' # mine\n  num_repeats = 2\n  mystery_of_mine = 1\n"
    )
    left = config_faults(after)
    assert [fault.key for fault in left] == ["mystery_of_mine"]
    assert not can_mend(config_of(after), left[0])
    assert _mended(after) == after


def test_a_key_that_is_there_already_is_left_alone():
    text = "[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'a'\nnum_repeats = 1\nnum_repeat = 3\n"
    assert _mended(text) == text


def test_a_key_in_a_table_of_its_own_is_renamed():
    text = "[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'a'\n[datasets.subsets.custom_attribute]\nx = 1\n"
    assert config_of(_mended(text)).document()["datasets"][0]["subsets"][0] == {"image_dir": "a", "custom_attributes": {"x": 1}}
