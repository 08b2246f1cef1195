"""What is wrong with the images is said before anything is loaded, all of it, by name."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import Problems
from core.training.data.check import check_data
from core.training.data.contents import DataReport, split
from core.training.data.dataset import Dataset
from core.training.data.images import load_image
from core.training.data.settings import DatasetSettings, DataSettings, SubsetSettings, read_settings
from core.training.options import OptionReader

GOLDEN = json.loads((Path(__file__).parents[3] / "golden" / "data.json").read_text(encoding="utf-8"))
BUCKETS = DatasetSettings(resolution=(64, 64), enable_bucket=True, min_bucket_reso=32, max_bucket_reso=128)
TXT = SubsetSettings(caption_extension=".txt")


def check(folder: Path, **changed: object) -> DataReport:
    settings = DataSettings(train_data_dir=str(folder), dataset=BUCKETS, subset=TXT)
    return check_data(replace(settings, **changed), is_sdxl=False, seed=1)


def said(report: DataReport) -> tuple[str, str]:
    return "\n".join(text.en for text in report.errors), "\n".join(text.en for text in report.warnings)


def test_everything_fine(folder: Path) -> None:
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    counted: list[int] = []
    settings = DataSettings(train_data_dir=str(folder), dataset=BUCKETS, subset=TXT)
    report = check_data(settings, is_sdxl=False, seed=1, progress=counted.append)
    assert said(report) == ("", "")
    report.raise_errors()
    (dataset,) = report.datasets
    assert [(Path(image.path).name, image.repeats) for image in dataset.images] == [
        ("d.webp", 1),
        ("e.bmp", 1),
        ("a.png", 2),
        ("b.png", 2),
        ("c 日本.jpg", 2),
    ]
    assert dataset.train_count == 8
    assert dataset.images[2].caption == "a.png, x, y, z"
    assert dataset.images[2].subset.class_tokens == "犬 dog"
    assert dataset.tag_frequency()["1_cat"] == {"d.webp": 1, "e.bmp": 1, "x": 2, "y": 2, "z": 2}
    assert counted == [1, 2, 3, 4, 5]
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before


def test_the_buckets_are_told_as_sd_scripts_tells_them(folder: Path) -> None:
    info = check(folder, dataset=replace(BUCKETS, min_bucket_reso=64)).datasets[0].bucket_info()
    # One bucket of 64 x 64 for all; 96:64, 64:96 and 130:90 are not square.
    assert info == {
        "buckets": {0: {"resolution": (64, 64), "count": 8}},
        "mean_img_ar_error": pytest.approx((0.5 + 1 / 3 + 4 / 9) / 5),
    }
    assert check(folder, dataset=DatasetSettings(resolution=(64, 64))).datasets[0].bucket_info() is None


def test_no_torch_is_needed(folder: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from core.training.data.check import check_data\n"
        "from core.training.data.settings import DataSettings, DatasetSettings\n"
        "settings = DataSettings(train_data_dir=sys.argv[1], dataset=DatasetSettings(resolution=(64, 64)))\n"
        "assert len(check_data(settings, is_sdxl=False, seed=1).datasets[0].images) == 5\n"
    )
    root = Path(__file__).parents[4]
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, cwd=root, timeout=60)


def test_every_broken_file_is_named(folder: Path, draw) -> None:
    dog = folder / "2_犬 dog"
    (dog / "no image.png").write_bytes(b"hello")
    cut = draw(dog / "cut.jpg", (64, 64))
    cut.write_bytes(cut.read_bytes()[:-500])
    (dog / "b.txt").write_bytes(b"\xff\xff\x80\x81 \xfd")
    report = check(folder)
    errors, _ = said(report)
    assert len(report.errors) == 3
    for name in ("no image.png: this is no image", "cut.jpg: the image cannot be read", "b.txt: the caption is neither"):
        assert name in errors
    with pytest.raises(Problems, match=r"no image\.png"):
        report.raise_errors()


def test_captions_in_other_encodings_are_read_and_told(folder: Path) -> None:
    dog = folder / "2_犬 dog"
    (dog / "a.txt").write_bytes("青い目, 長い髪".encode("cp932"))
    (dog / "b.txt").write_bytes("青い目".encode("utf-16"))
    (dog / "c 日本.txt").write_bytes("\ufeff青い目\r\n二行目".encode())
    report = check(folder)
    errors, warnings = said(report)
    assert not errors
    assert "captions that are not UTF-8 were read all the same" in warnings
    assert "(2): a.png, b.png" in warnings
    assert [image.caption for image in report.datasets[0].images[2:]] == ["青い目, 長い髪", "青い目", "青い目"]


def test_missing_and_empty_captions(folder: Path) -> None:
    dog = folder / "2_犬 dog"
    (dog / "a.txt").unlink()
    (dog / "b.txt").write_text("", encoding="utf-8")
    report = check(folder)
    errors, warnings = said(report)
    assert not errors
    assert "images without a caption file get the caption '犬 dog' (1): a.png" in warnings
    assert "captions that say nothing (1): b.png" in warnings
    assert [image.caption for image in report.datasets[0].images[2:4]] == ["犬 dog", ""]


def test_captions_under_another_ending_are_pointed_at(folder: Path) -> None:
    _, warnings = said(check(folder, subset=SubsetSettings()))
    assert 'there are files with .txt: set caption_extension = ".txt"?' in warnings


def test_a_caption_without_the_face_detectors_numbers(tmp_path: Path, draw) -> None:
    draw(tmp_path / "1_x" / "me_10_20_30_40.png", caption=None)
    (tmp_path / "1_x" / "me.txt").write_text("it is me", encoding="utf-8")
    assert check(tmp_path).datasets[0].images[0].caption == "it is me"


def test_folders_that_are_no_training_folders(tmp_path: Path, draw) -> None:
    draw(tmp_path / "straight.png")
    assert "the images have to lie in a folder of it" in said(check(tmp_path))[0]
    draw(tmp_path / "dog" / "x.png")
    draw(tmp_path / "0_dog" / "x.png")
    draw(tmp_path / "3_dog" / "x.png")
    report = check(tmp_path)
    errors, warnings = said(report)
    assert not errors
    assert len(report.warnings) == 2
    assert "0_dog: its images are left out" in warnings
    (tmp_path / "5_empty").mkdir()
    report = check(tmp_path)
    errors, warnings = said(report)
    assert not errors  # sd-scripts leaves it out as well
    assert "5_empty: there are no images in it" in warnings
    assert [image.path for image in report.datasets[0].images] == [str(tmp_path / "3_dog" / "x.png")]


def test_nothing_but_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "5_empty").mkdir()
    errors, warnings = said(check(tmp_path))
    assert "not a single image" in errors
    assert "5_empty: there are no images in it" in warnings


def test_zero_images(tmp_path: Path) -> None:
    assert "no folder in it whose name begins with a number" in said(check(tmp_path))[0]
    assert "cannot be read" in said(check(tmp_path / "nowhere"))[0]
    assert "train_data_dir is missing" in said(check_data(DataSettings(), is_sdxl=False, seed=1))[0]


def test_odd_images_are_named(folder: Path, draw) -> None:
    cat = folder / "1_cat"
    draw(cat / "clear.png", mode="RGBA")
    draw(cat / "d.png")
    (cat / "film.gif").write_bytes(b"GIF89a")
    (cat / "._d.webp").write_bytes(b"left by macOS")
    errors, warnings = said(check(folder))
    assert not errors
    assert "transparent parts" in warnings
    assert "(1): clear.png" in warnings
    assert "share one caption and one cache file (2): d.png, d.webp" in warnings
    assert "pictures of a kind that is not read are left out (1): film.gif" in warnings
    assert "transparent" not in said(check(folder, subset=replace(TXT, alpha_mask=True)))[1]


def test_without_buckets_what_is_cropped_is_named(folder: Path) -> None:
    errors, warnings = said(check(folder, dataset=DatasetSettings(resolution=(64, 64))))
    assert not errors
    assert "lose their edges; enable_bucket keeps them (2): b.png, c 日本.jpg" in warnings
    assert "(1): e.bmp" in warnings


def test_settings_that_do_not_go_together(folder: Path) -> None:
    wrong = replace(TXT, random_crop=True, shuffle_caption=True)
    report = check(folder, subset=wrong, cache_latents=True, cache_text=True)
    assert len(report.errors) == 3
    assert "resolution is missing" in said(check(folder, dataset=DatasetSettings()))[0]
    assert "multiples of 8" in said(check(folder, dataset=DatasetSettings(resolution=(65, 64))))[0]
    assert "multiple of 64" in said(check(folder, dataset=replace(BUCKETS, bucket_reso_steps=32)))[0]
    settings = DataSettings(train_data_dir=str(folder), dataset=replace(BUCKETS, bucket_reso_steps=32), subset=TXT)
    assert not check_data(settings, is_sdxl=True, seed=1).errors
    assert "min_bucket_reso" in said(check(folder, dataset=replace(BUCKETS, min_bucket_reso=128)))[0]


def test_too_small_for_its_bucket(folder: Path, draw) -> None:
    draw(folder / "1_cat" / "tiny.png", (63, 200))
    assert "tiny.png: 63 x 200 pixels are too few" in said(check(folder, dataset=replace(BUCKETS, bucket_no_upscale=True)))[0]


def test_random_pieces_without_buckets_are_of_the_image_as_it_is(folder: Path) -> None:
    """As in sd-scripts, which scales nothing there and refuses what is too small."""
    whole = DatasetSettings(resolution=(64, 64))
    report = check(folder, dataset=whole, subset=replace(TXT, random_crop=True))
    assert said(report) == ("", "")
    images = {Path(image.path).name: image for image in report.datasets[0].images}
    assert (images["e.bmp"].place.scaled, images["e.bmp"].place.bucket) == ((130, 90), (64, 64))
    data = Dataset(report.datasets, report.settings, seed=1, workers=1)
    pixels = load_image(images["e.bmp"].path, alpha=False)
    corners = set()
    for epoch in range(3):
        for batch in data.batches(epoch):
            assert batch.original_sizes.tolist() == batch.target_sizes.tolist() == [[64, 64]]
            assert batch.crop_top_lefts.tolist() == [[0, 0]]
            if batch.keys[0].endswith("e.bmp"):
                assert batch.images is not None
                made = ((batch.images[0].permute(1, 2, 0) / 2 + 0.5) * 255).round().numpy()
                found = [
                    (left, top)
                    for left in range(67)
                    for top in range(27)
                    if np.array_equal(pixels[top : top + 64, left : left + 64], made)
                ]
                assert len(found) == 1
                corners.update(found)
    assert len(corners) == 3
    report = check(folder, dataset=replace(whole, resolution=(96, 64)), subset=replace(TXT, random_crop=True))
    assert "a.png: 64 x 64 pixels are too few for random_crop at the resolution 96,64" in said(report)[0]


def test_regularization_images_are_shared_out(folder: Path, tmp_path: Path, draw) -> None:
    for name in ("r1.png", "r2.png", "r3.png"):
        draw(tmp_path / "reg" / "1_dog" / name)
    report = check(folder, reg_data_dir=str(tmp_path / "reg"))
    assert report.datasets[0].reg_count == 3
    counts = {Path(image.path).name: image.repeats for image in report.datasets[0].images if image.subset.is_reg}
    assert counts == {"r1.png": 3, "r2.png": 3, "r3.png": 2}  # eight, as many as the others have
    for number in range(10):
        draw(tmp_path / "reg" / "1_dog" / f"s{number}.png")
    report = check(folder, reg_data_dir=str(tmp_path / "reg"))
    assert sum(image.subset.is_reg for image in report.datasets[0].images) == 8
    assert "5 regularization images are not used" in said(report)[1]


def test_held_out_images_are_those_of_sd_scripts(folder: Path) -> None:
    assert len(GOLDEN["splits"]) == 4
    for row in GOLDEN["splits"]:
        names = [f"{number:02d}.png" for number in range(row["count"])]
        trained, held_out = split(names, row["share"], row["seed"])
        assert held_out == row["held_out"]
        assert trained == [name for name in row["train"] if name not in row["held_out"]]
    report = check(folder, dataset=replace(BUCKETS, validation_split=0.4, validation_seed=3))
    held = [image for dataset in report.held_out for image in dataset.images]
    trained = [image for dataset in report.datasets for image in dataset.images]
    assert {image.path for image in held}.isdisjoint(image.path for image in trained)
    assert (len(held), len(trained), {image.repeats for image in held}) == (2, 3, {1})


def test_masks_have_to_fit(folder: Path, tmp_path: Path, draw) -> None:
    masks = tmp_path / "masks"
    draw(masks / "d.png", (128, 128), "L")
    draw(masks / "e.png", (10, 10), "L")
    draw(masks / "z.png", (10, 10), "L")
    report = check(
        folder / "..",
        subset=TXT,
        train_data_dir="",
        dataset_config=str(_config(tmp_path, folder / "1_cat", masks)),
        masked_loss=True,
    )
    errors, warnings = said(report)
    assert len(report.errors) == 1
    assert "e.png: the mask has 10 x 10 pixels, its image 130 x 90" in errors
    assert "masks without an image are not used (1): z.png" in warnings
    (masks / "e.png").unlink()
    shutil.rmtree(folder / "2_犬 dog")
    report = check(folder, train_data_dir="", dataset_config=str(_config(tmp_path, folder / "1_cat", masks)), masked_loss=True)
    assert "images without a mask are trained as a whole (1): e.bmp" in said(report)[1]
    assert [bool(image.mask) for image in report.datasets[0].images] == [True, False]


def _config(tmp_path: Path, images: Path, masks: Path) -> Path:
    path = tmp_path / "x.toml"
    path.write_text(
        f"[[datasets]]\n[[datasets.subsets]]\nimage_dir = '{images}'\nconditioning_data_dir = '{masks}'\n", encoding="utf-8"
    )
    return path


def test_a_folder_named_twice_counts_once(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "x.toml"
    cat = f"[[datasets.subsets]]\nimage_dir = '{folder / '1_cat'}'\n"
    path.write_text("[[datasets]]\n" + cat + cat, encoding="utf-8")
    report = check(folder, dataset_config=str(path))
    assert "named twice" in said(report)[1]
    assert "train_data_dir and reg_data_dir are not used" in said(report)[1]
    assert len(report.datasets[0].images) == 2


def test_options_of_a_job() -> None:
    reader = OptionReader(
        {
            "train_data_dir": "x",
            "resolution": "512,768",
            "caption_extension": ".caption",
            "caption_extention": "txt",
            "cache_latents_to_disk": True,
            "cache_text_encoder_outputs_to_disk": True,
            "max_token_length": 225,
            "token_warmup_step": 0.5,
            "resize_interpolation": "bicubic",
        }
    )
    settings = read_settings(reader)
    reader.finish()
    assert settings.dataset.resolution == (512, 768)
    assert settings.subset.caption_extension == ".txt"
    assert (settings.cache_latents, settings.cache_text, settings.max_token_length) == (True, True, 225)
    assert settings.dataset.resize_interpolation == "bicubic"
    reader = OptionReader({"resolution": "big", "max_token_length": 100, "in_json": "x.json", "face_crop_aug_range": "1,2"})
    read_settings(reader)
    assert len(reader.problems) == 2
    assert reader.unread() == ["in_json", "face_crop_aug_range"]
