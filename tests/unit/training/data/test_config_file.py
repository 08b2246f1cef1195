"""dataset_config is read as sd-scripts reads it, and what is unknown is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import CaddieError, Problems
from core.training.data.config_file import read_datasets
from core.training.data.settings import DatasetSettings, DataSettings, SubsetSettings, read_settings
from core.training.options import OptionReader

GOLDEN = json.loads((Path(__file__).parents[3] / "golden" / "data.json").read_text(encoding="utf-8"))


def test_what_is_not_said_comes_from_above_as_in_sd_scripts(tmp_path: Path) -> None:
    (golden,) = GOLDEN["configs"]
    path = tmp_path / "設定 1.toml"
    path.write_text(golden["config"], encoding="utf-8")
    # The golden file's options, as a job says them.
    options = {"resolution": "1024", "train_batch_size": 2, "keep_tokens": 5, "color_aug": True, "prior_loss_weight": 0.5}
    reader = OptionReader({**options, "dataset_config": str(path)})
    datasets = read_datasets(read_settings(reader))
    reader.finish()
    assert len(datasets) == len(golden["datasets"]) == 2
    compared = 0
    for ours, theirs in zip(datasets, golden["datasets"], strict=True):
        for name in (name for name in DatasetSettings.__dataclass_fields__ if name != "subsets"):
            wanted = theirs["dataset"][name]
            assert getattr(ours, name) == (tuple(wanted) if isinstance(wanted, list) else wanted), name
        for subset, wanted_subset in zip(ours.subsets, theirs["subsets"], strict=True):
            for name in SubsetSettings.__dataclass_fields__:
                if name in ("conditioning_data_dir", "metadata_file"):
                    continue
                wanted, got = wanted_subset[name], getattr(subset, name)
                if name == "caption_extension":
                    wanted = ".txt"  # the Subset class puts the dot there
                assert (got or None) == (wanted or None), (subset.image_dir, name)
                compared += 1
    assert compared > 60


def test_json_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"datasets": [{"resolution": [64, 128], "subsets": [{"image_dir": "犬"}]}]}), encoding="utf-8-sig")
    (dataset,) = read_datasets(DataSettings(dataset_config=str(path)))
    assert (dataset.resolution, dataset.subsets[0].image_dir) == ((64, 128), "犬")


def test_everything_wrong_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(
        """
[general]
shuffle_captions = true
[[datasets]]
batch_sizee = 4
resolution = "512"
batch_size = 0
  [[datasets.subsets]]
  image_dir = "a"
  flip_aug = "false"
  metadata_file = "x.json"
  [[datasets.subsets]]
  num_repeats = 2
  conditioning_data_dir = "m"
  resize_interpolation = "sharp"
  caption_separator = ""
[other]
""",
        encoding="utf-8",
    )
    with pytest.raises(Problems) as caught:
        read_datasets(DataSettings(dataset_config=str(path)))
    lines = [problem.en for problem in caught.value.problems]
    for part in (
        "other is unknown",
        "[general]: shuffle_captions is unknown; did you mean shuffle_caption?",
        "datasets[0]: batch_sizee is unknown; did you mean batch_size?",
        "resolution = '512' is not",
        "batch_size = 0 is not at least 1",
        "datasets[0].subsets[0]: flip_aug = 'false' is not true or false",
        "metadata_file is not read",
        "datasets[0].subsets[1]: image_dir is missing",
        "conditioning_data_dir needs masked_loss",
        "resize_interpolation = 'sharp' is not one of lanczos",
        "caption_separator = '' is not a text, and not an empty one",
    ):
        assert any(part in line for line in lines), (part, lines)
    assert len(lines) == 11


@pytest.mark.parametrize(
    ("name", "content"), [("x.toml", b"= 1"), ("x.json", b"{"), ("x.yaml", b"a: 1"), ("x.toml", b"\xff\xfe")]
)
def test_unreadable_files_are_told(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CaddieError, match=f"dataset_config = .*{name}"):
        read_datasets(DataSettings(dataset_config=str(tmp_path / name)))
    with pytest.raises(CaddieError, match="nowhere"):
        read_datasets(DataSettings(dataset_config=str(tmp_path / "nowhere.toml")))
