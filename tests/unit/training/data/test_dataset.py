"""Batches: complete, of one shape, the same again from the same seed, and whole after a resume."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import CaddieError
from core.training.data.batch import Batch
from core.training.data.check import check_data
from core.training.data.dataset import Dataset, Pace
from core.training.data.settings import DatasetSettings, DataSettings, SubsetSettings
from core.training.models.tokens import Tokenizer

SETTINGS = DataSettings(
    dataset=DatasetSettings(resolution=(64, 64), batch_size=2, enable_bucket=True, max_bucket_reso=128, min_bucket_reso=64),
    subset=SubsetSettings(caption_extension=".txt"),
)
TOKENIZER = Tokenizer(
    lambda text: [ord(letter) % 100 for letter in text], bos=200, eos=201, pad=201, largest_id=201, source="test"
)


def make(folder: Path, settings: DataSettings = SETTINGS, *, seed: int = 1, **options: object) -> Dataset:
    settings = replace(settings, train_data_dir=str(folder))
    report = check_data(settings, is_sdxl=False, seed=seed)
    report.raise_errors()
    return Dataset(report.datasets, settings, seed=seed, tokenizers=[TOKENIZER], workers=2, **options)  # type: ignore[arg-type]


def with_subset(**changed: object) -> DataSettings:
    return replace(SETTINGS, subset=replace(SETTINGS.subset, **changed))  # type: ignore[arg-type]


def same(one: Sequence[Batch], other: Sequence[Batch]) -> bool:
    def alike(left: object, right: object) -> bool:
        if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
            return torch.equal(left, right)
        if isinstance(left, tuple) and isinstance(right, tuple):
            return len(left) == len(right) and all(map(alike, left, right))
        return left == right

    names = Batch.__dataclass_fields__
    return len(one) == len(other) and all(
        alike(getattr(left, name), getattr(right, name)) for left, right in zip(one, other, strict=True) for name in names
    )


def test_every_image_comes_as_often_as_its_folder_says(folder: Path) -> None:
    data = make(folder)
    batches = list(data.batches(0))
    assert len(batches) == data.batches_per_epoch
    seen = Counter(Path(key).name for batch in batches for key in batch.keys)
    assert seen == {"a.png": 2, "b.png": 2, "c 日本.jpg": 2, "d.webp": 1, "e.bmp": 1}
    for batch in batches:
        assert batch.images is not None
        count, _, height, width = batch.images.shape
        assert 1 <= count <= 2
        assert batch.images.dtype == torch.float32
        assert -1 <= batch.images.min() < batch.images.max() <= 1
        assert batch.target_sizes.tolist() == [[height, width]] * count
        assert batch.loss_weights.tolist() == [1.0] * count
        assert batch.latents is batch.masks is batch.token_weights is batch.text_hidden is None
        assert batch.captions == tuple(f"{Path(key).name}, x, y, z" for key in batch.keys)
        assert batch.token_ids is not None
        assert batch.token_ids[0].tolist() == [TOKENIZER.token_ids(caption).tolist() for caption in batch.captions]


def test_pixels_are_the_files_own(folder: Path) -> None:
    for batch in make(folder).batches(0):
        for key, image in zip(batch.keys, batch.images if batch.images is not None else [], strict=True):
            if key.endswith("a.png"):
                with Image.open(key) as file:
                    wanted = torch.from_numpy(np.array(file)).permute(2, 0, 1) / 255 * 2 - 1
                assert torch.allclose(image, wanted, atol=1e-6)
                return
    raise AssertionError("a.png never came")


@pytest.mark.parametrize(
    "changed",
    [
        {"shuffle_caption": True, "caption_dropout_rate": 0.3, "caption_tag_dropout_rate": 0.2},
        {"flip_aug": True, "random_crop": True, "color_aug": True},
    ],
)
def test_the_same_seed_gives_the_same_and_a_resume_the_rest(folder: Path, changed: dict[str, object]) -> None:
    data = make(folder, with_subset(**changed))
    epochs = [list(data.batches(epoch)) for epoch in (0, 1)]
    again = make(folder, with_subset(**changed))
    assert same(list(again.batches(1)), epochs[1])
    assert not same(epochs[0], epochs[1])
    for start in range(data.batches_per_epoch + 1):
        assert same(list(again.batches(1, start)), epochs[1][start:])
    assert not same(list(make(folder, with_subset(**changed), seed=2).batches(0)), epochs[0])


def test_orders_differ_from_epoch_to_epoch(folder: Path) -> None:
    data = make(folder)
    orders = {tuple(turn.image.name for batch in data.order(epoch) for turn in batch) for epoch in range(10)}
    assert len(orders) == 10


def test_flips_are_half_and_mirror_the_pixels(folder: Path) -> None:
    data, plain = make(folder, with_subset(flip_aug=True)), make(folder)
    flips: list[bool] = []
    for epoch in range(12):
        for one, other in zip(data.batches(epoch), plain.batches(epoch), strict=True):
            assert one.keys == other.keys
            assert one.images is not None and other.images is not None
            for flipped, mirrored, image in zip(one.flipped, one.images, other.images, strict=True):
                assert torch.equal(mirrored, image.flip(2) if flipped else image)
                flips.append(flipped)
    assert 30 < sum(flips) < len(flips) - 30


def test_repeats_of_an_image_make_their_own_choices(tmp_path: Path, draw) -> None:
    draw(tmp_path / "20_x" / "a.png", caption="a, b, c, d, e, f")
    captions = [caption for batch in make(tmp_path, with_subset(shuffle_caption=True)).batches(0) for caption in batch.captions]
    assert len(captions) == 20
    assert len(set(captions)) > 15


def test_captions_grow_with_the_steps_even_after_a_resume(tmp_path: Path, draw) -> None:
    draw(tmp_path / "8_x" / "a.png", caption="a, b, c, d, e")
    settings = with_subset(token_warmup_step=8, token_warmup_min=1)
    settings = replace(settings, dataset=replace(settings.dataset, batch_size=1))
    data = make(tmp_path, settings)
    data.pace = Pace(steps=8, accumulation=2)

    def tags(epoch: int, start: int = 0) -> list[int]:
        return [len(batch.captions[0].split(", ")) for batch in data.batches(epoch, start)]

    # Four steps an epoch; at step s of 8 there are 1 + floor(s * 4 / 8) tags.
    assert tags(0) == [1, 1, 1, 1, 2, 2, 2, 2]
    assert tags(1) == [3, 3, 3, 3, 4, 4, 4, 4]
    assert tags(1, 3) == [3, 4, 4, 4, 4]


def test_epochs_whose_captions_are_dropped(folder: Path) -> None:
    data = make(folder, with_subset(caption_dropout_every_n_epochs=2))
    assert {caption for batch in data.batches(1) for caption in batch.captions} == {""}
    assert "" not in {caption for epoch in (0, 2) for batch in data.batches(epoch) for caption in batch.captions}


def test_regularization_images_weigh_less(folder: Path, tmp_path: Path, draw) -> None:
    draw(tmp_path / "reg" / "1_dog" / "r.png")
    settings = replace(SETTINGS, reg_data_dir=str(tmp_path / "reg"), dataset=replace(SETTINGS.dataset, prior_loss_weight=0.25))
    weights = Counter(
        (Path(key).name == "r.png", float(weight))
        for batch in make(folder, settings).batches(0)
        for key, weight in zip(batch.keys, batch.loss_weights, strict=True)
    )
    assert weights == {(True, 0.25): 8, (False, 1.0): 8}


def test_processes_share_the_batches(folder: Path) -> None:
    whole = make(folder)
    parts = [make(folder, part=(number, 3)) for number in range(3)]
    assert {part.batches_per_epoch for part in parts} == {-(-whole.batches_per_epoch // 3)}
    orders = [part.order(4) for part in parts]
    assert {len(order) for order in orders} == {parts[0].batches_per_epoch}
    joined = [batch for group in zip(*orders, strict=True) for batch in group]
    assert joined[: whole.batches_per_epoch] == whole.order(4)


def test_alpha_masks_leave_out_what_is_clear(tmp_path: Path, draw) -> None:
    draw(tmp_path / "1_x" / "opaque.png", (64, 64))
    half = np.zeros((64, 64, 4), np.uint8)
    half[:, :20, 3] = 255
    Image.fromarray(half).save(tmp_path / "1_x" / "half.png")
    (batch,) = make(tmp_path, with_subset(alpha_mask=True)).batches(0)
    assert batch.masks is not None
    masks = dict(zip((Path(key).name for key in batch.keys), batch.masks, strict=True))
    assert masks["opaque.png"].tolist() == [[[1.0] * 8] * 8]
    assert masks["half.png"].tolist() == [[[1.0, 1.0, 0.5, 0, 0, 0, 0, 0]] * 8]


def test_masks_lie_where_their_images_do(tmp_path: Path, draw) -> None:
    """A mask that is the image's own red channel stays so, whatever is scaled, cropped and mirrored."""
    images, masks = tmp_path / "img", tmp_path / "mask"
    noise = np.random.default_rng(0).integers(0, 256, (150, 100), dtype=np.uint8)
    for place in (images, masks):
        place.mkdir()
        Image.fromarray(np.stack([noise] * 3, axis=2)).save(place / "a.png")
    draw(images / "b.png", (100, 150))
    path = tmp_path / "x.toml"
    path.write_text(
        f"[[datasets]]\nbatch_size = 2\n[[datasets.subsets]]\nimage_dir = '{images}'\nnum_repeats = 6\nflip_aug = true\nrandom_crop = true\n"
        f"conditioning_data_dir = '{masks}'\n",
        encoding="utf-8",
    )
    settings = replace(SETTINGS, dataset_config=str(path), masked_loss=True, dataset=DatasetSettings(resolution=(64, 64)))
    report = check_data(settings, is_sdxl=False, seed=1)
    report.raise_errors()
    compared = Counter[bool]()
    for batch in Dataset(report.datasets, settings, seed=1, workers=1).batches(0):
        assert batch.images is not None
        for number, key in enumerate(batch.keys):
            if Path(key).name == "b.png":
                assert batch.masks is None or batch.masks[number].min() == 1
                continue
            assert batch.masks is not None
            wanted = torch.nn.functional.avg_pool2d(batch.images[number, :1] / 2 + 0.5, 8)
            assert torch.allclose(batch.masks[number], wanted, atol=1e-6)
            compared[batch.flipped[number]] += 1
    assert min(compared[True], compared[False]) > 0


def test_sdxl_is_told_sizes_and_crops(tmp_path: Path, draw) -> None:
    draw(tmp_path / "10_x" / "a.png", (150, 100))
    settings = replace(with_subset(flip_aug=True), dataset=DatasetSettings(resolution=(64, 64)))
    for batch in make(tmp_path, settings).batches(0):
        assert batch.original_sizes.tolist() == [[100, 150]]
        assert batch.target_sizes.tolist() == [[64, 64]]
        # The bucket is squarer than the image: 64 x 42.67 of it, 10 from the top.
        assert batch.crop_top_lefts.tolist() == [[10, 0]]


def test_weighted_captions_and_longer_ones(folder: Path) -> None:
    settings = replace(SETTINGS, weighted_captions=True, max_token_length=150)
    (folder / "1_cat" / "d.txt").write_text("(abc:1.5)", encoding="utf-8")
    batches = {key: batch for batch in make(folder, settings).batches(0) for key in batch.keys}
    batch = next(batch for key, batch in batches.items() if key.endswith("d.webp"))
    number = [key.endswith("d.webp") for key in batch.keys].index(True)
    assert batch.token_ids is not None and batch.token_weights is not None
    assert batch.token_ids[0].shape[1:] == batch.token_weights[0].shape[1:] == (2, 77)
    assert batch.token_weights[0][number, 0, :5].tolist() == [1.0, 1.5, 1.5, 1.5, 1.0]


def test_a_folder_that_vanishes_is_told(folder: Path) -> None:
    data = make(folder)
    batches = data.batches(0)
    next(batches)
    batches.close()
    shutil.rmtree(folder / "2_犬 dog")
    with pytest.raises(CaddieError, match=r"2_犬 dog.*gone") as caught:
        list(data.batches(1))
    assert "ファイルがなくなりました" in caught.value.text.ja
