"""Counting images that a metadata file names, and remembering what images look like."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from pathlib import Path

import pytest
from PIL import Image

from core.dataset.census import Census, count_images
from core.dataset.memory import LookMemory
from core.job.model import Job

SHARED = {"resolution": "128,128", "enable_bucket": True, "min_bucket_reso": 64, "max_bucket_reso": 256}


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))


def _pictures(folder: Path, sizes: dict[str, tuple[int, int]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in sizes.items():
        Image.new("RGB", size).save(folder / name)
    return folder


def _count(subsets: list[dict[str, object]], tmp_path: Path, **options) -> Census:
    config = {"datasets": [{"subsets": subsets}]}
    return count_images(Job(options={**SHARED, **options}), tmp_path, config=config)


def _buckets(census: Census) -> list[tuple[tuple[int, int], int]]:
    return [(bucket.size, bucket.count) for dataset in census.datasets for bucket in dataset.buckets]


def test_images_captions_and_sizes_come_from_the_metadata(tmp_path):
    folder = _pictures(tmp_path / "img", {"a.png": (128, 128), "b.png": (256, 64), "c.png": (64, 256)})
    listed = {
        "a.png": {"caption": "a cat", "tags": "cat, sitting"},
        "b.png": {"tags": "dog"},
        "c.png": {"image_size": [128, 128]},
    }
    (tmp_path / "meta.json").write_text(json.dumps(listed), encoding="utf-8")
    subset = {"image_dir": "img", "metadata_file": "meta.json", "num_repeats": 3}
    census = _count([subset], tmp_path, train_batch_size=2)
    assert not census.errors
    # c.png's own size is another than what the metadata says, which sd-scripts believes.
    assert _buckets(census) == [((128, 128), 6), ((256, 64), 3)]
    assert (census.images, census.repeated, census.without_caption, census.batches) == (3, 9, 1, 5)
    assert any("c.png" in text.en and "without a caption" in text.en for text in census.warnings)
    assert census.datasets[0].folders[0].path == str(tmp_path / "meta.json")
    os.remove(folder / "c.png")
    assert any("c.png" in text.en and "not there" in text.en for text in _count([subset], tmp_path).errors)


def test_lines_of_json_and_absolute_paths(tmp_path):
    folder = _pictures(tmp_path / "img", {"a.png": (128, 128), "b.png": (128, 128)})
    records = [{"image_path": str(folder / name), "caption": "x"} for name in ("a.png", "b.png")]
    (tmp_path / "meta.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    census = _count([{"metadata_file": str(tmp_path / "meta.jsonl")}], tmp_path)
    assert (census.images, census.errors) == (2, ())
    # With cached latents beside it, an image's size stands in their name.
    (folder / "a_0256x0064_sd.npz").write_bytes(b"")
    os.remove(folder / "a.png")
    assert _buckets(_count([{"metadata_file": str(tmp_path / "meta.jsonl")}], tmp_path)) == [((128, 128), 1), ((256, 64), 1)]


def test_a_name_in_two_metadata_files_is_trained_once(tmp_path):
    for folder in ("a", "b"):
        _pictures(tmp_path / folder, {"1.png": (128, 128), f"{folder}.png": (128, 128)})
        (tmp_path / f"{folder}.json").write_text(json.dumps({"1.png": {}, f"{folder}.png": {}}), encoding="utf-8")
    census = _count([{"image_dir": name, "metadata_file": f"{name}.json"} for name in ("a", "b")], tmp_path)
    assert census.images == 3
    assert any("same name" in text.en for text in census.warnings)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("{", "no metadata"),
        ("[1]", "no metadata"),
        ('{"a.png": {}}', "image_dir is needed"),
        ("{}", "no images in it"),
    ],
)
def test_metadata_that_will_not_do(tmp_path, content, words):
    if content is not None:
        (tmp_path / "meta.json").write_text(content, encoding="utf-8")
    census = _count([{"metadata_file": "meta.json"}], tmp_path)
    assert any(words in text.en for text in (*census.errors, *census.warnings)), census
    assert census.errors


def test_faults_of_the_config_are_told_instead_of_a_count(tmp_path):
    census = _count([{"image_dir": "a", "repeats": 3}], tmp_path)
    assert [text.en for text in census.errors] == ["dataset 1, subset 1: repeats is unknown; did you mean num_repeats?"]
    (tmp_path / "data.toml").write_bytes("\ufeff[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'a'\n".encode())
    named = count_images(Job(options={**SHARED, "dataset_config": "data.toml"}), tmp_path)
    assert any("byte order mark" in text.en for text in named.errors)


def test_keys_that_only_sd_scripts_knows_do_not_keep_from_counting(tmp_path):
    folder = _pictures(tmp_path / "img", {"a.png": (128, 128)})
    subset = {"image_dir": str(folder), "face_crop_aug_range": [1.0, 2.0], "resize_interpolation": "box"}
    (tmp_path / "data.toml").write_text(
        f"[general]\nnetwork_multiplier = 0.5\n[[datasets]]\n[[datasets.subsets]]\nimage_dir = '{folder}'\nface_crop_aug_range = [1.0, 2.0]\n",
        encoding="utf-8",
    )
    assert _count([subset], tmp_path).images == 1
    assert count_images(Job(options={**SHARED, "dataset_config": "data.toml"}), tmp_path).images == 1
    own = count_images(Job(engine="builtin", options={**SHARED, "dataset_config": "data.toml"}), tmp_path)
    assert any("face crops" in text.en for text in own.errors), "the built-in trainer makes none"


# --- memory ------------------------------------------------------------------------------------------------------------


def _looked(memory: LookMemory, folder: Path, names: list[str]) -> list[tuple[int, int]]:
    paths = [str(folder / name) for name in names]
    with memory.folder(str(folder), paths) as look:
        return [look(path).size for path in paths]


def test_images_are_remembered_until_they_change(tmp_path, monkeypatch):
    folder = _pictures(tmp_path / "猫", {"a.png": (10, 20), "b.png": (30, 40)})
    memory = LookMemory(tmp_path / "looks.sqlite")
    assert _looked(memory, folder, ["a.png", "b.png"]) == [(10, 20), (30, 40)]
    opened: list[str] = []
    from core.dataset import memory as module

    real = module.look_at
    monkeypatch.setattr(module, "look_at", lambda path, *, whole: opened.append(Path(path).name) or real(path, whole=whole))
    assert _looked(LookMemory(tmp_path / "looks.sqlite"), folder, ["a.png", "b.png"]) == [(10, 20), (30, 40)]
    assert not opened
    Image.new("RGB", (50, 60)).save(folder / "a.png")
    os.utime(folder / "a.png", ns=(1, 1))
    assert _looked(memory, folder, ["a.png", "b.png"]) == [(50, 60), (30, 40)]
    assert opened == ["a.png"]


def test_all_that_a_header_says_is_remembered(tmp_path):
    Image.new("RGBA", (10, 20)).save(tmp_path / "a.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (10, 20)).save(tmp_path / "b.jpg", exif=turned)
    Image.new("RGB", (9, 9)).save(tmp_path / "c.webp", save_all=True, append_images=[Image.new("RGB", (9, 9), "red")])
    names = [str(tmp_path / name) for name in ("a.png", "b.jpg", "c.webp")]
    memory = LookMemory(tmp_path / "looks.sqlite")
    with memory.folder(str(tmp_path), names) as look:
        first = [look(name) for name in names]
    with memory.folder(str(tmp_path), names) as look:
        assert [look(name) for name in names] == first
    assert first[0].transparent and first[1].turned and first[1].size == (20, 10) and first[2].animated


def test_the_memory_is_bounded_by_folder_and_forgets_what_is_gone(tmp_path):
    file = tmp_path / "looks.sqlite"
    memory = LookMemory(file, most=4)
    for name in ("one", "two", "three"):
        _looked(memory, _pictures(tmp_path / name, {"a.png": (9, 9), "b.png": (9, 9)}), ["a.png", "b.png"])
    _looked(memory, tmp_path / "three", ["a.png"])
    with sqlite3.connect(file) as database:
        rows = database.execute("SELECT path, name FROM images JOIN folders ON folder = id ORDER BY used, name").fetchall()
    assert [(Path(path).name, name) for path, name in rows] == [("two", "a.png"), ("two", "b.png"), ("three", "a.png")]


def test_two_counts_at_once_and_a_damaged_memory(tmp_path):
    folder = _pictures(tmp_path / "img", {f"{number}.png": (9, 9) for number in range(20)})
    names = sorted(path.name for path in folder.iterdir())
    file = tmp_path / "looks.sqlite"
    threads = [threading.Thread(target=_looked, args=(LookMemory(file), folder, names)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT COUNT(*) FROM images").fetchone() == (20,)
    database.close()
    file.write_bytes(b"no database" * 100)
    assert _looked(LookMemory(file), folder, names[:2]) == [(9, 9)] * 2
    assert _looked(LookMemory(file), folder, names[:2]) == [(9, 9)] * 2
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT COUNT(*) FROM images").fetchone() == (2,)
    database.close()
    assert _looked(LookMemory(tmp_path / "img" / "0.png" / "none.sqlite"), folder, names[:1]) == [(9, 9)]


def test_a_count_that_is_ended_keeps_what_it_saw(tmp_path):
    folder = _pictures(tmp_path / "img", {"a.png": (9, 9), "b.png": (9, 9)})
    file = tmp_path / "looks.sqlite"

    def stopped() -> None:
        with LookMemory(file).folder(str(folder), [str(folder / "a.png")]) as look:
            look(str(folder / "a.png"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT COUNT(*) FROM images").fetchone() == (1,)
    database.close()
