"""Caches: shared with sd-scripts, used when right, made anew when wrong, and never half written."""

from __future__ import annotations

import copy
import errno
import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor

from core import files
from core.errors import CaddieError
from core.training.data.cache import LatentStore, TextStore, cache_latents, cache_text
from core.training.data.cache_files import (
    Latents,
    TextOutputs,
    latents_path,
    read_latents,
    read_text,
    text_path,
    write_latents,
    write_text,
)
from core.training.data.check import check_data
from core.training.data.dataset import Dataset
from core.training.data.marks import CAPTION, is_same, mark_of, picture
from core.training.data.settings import DatasetSettings, DataSettings, SubsetSettings
from core.training.models.tokens import Tokenizer

GOLDEN_FOLDER = Path(__file__).parents[3] / "golden"
SETTINGS = DataSettings(
    dataset=DatasetSettings(resolution=(64, 64), batch_size=2, enable_bucket=True, max_bucket_reso=128, min_bucket_reso=64),
    subset=SubsetSettings(caption_extension=".txt", flip_aug=True, alpha_mask=True),
    cache_latents=True,
)
TOKENIZER = Tokenizer(
    lambda text: [ord(letter) % 100 for letter in text], bos=200, eos=201, pad=201, largest_id=201, source="test"
)


@pytest.fixture(scope="module")
def vae() -> AutoencoderKL:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(4, 4, 4, 4),
            norm_num_groups=2,
        ).eval()


class Encoder:
    """The VAE, counting what it was asked."""

    def __init__(self, vae: AutoencoderKL) -> None:
        self._vae = vae
        self.calls: list[tuple[int, ...]] = []

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        if not torch.equal(images, picture()):  # which it is known by
            self.calls.append(tuple(images.shape))
        found = self._vae.encode(images).latent_dist  # type: ignore[union-attr]
        return found.mean, found.std


def make(folder: Path, settings: DataSettings = SETTINGS, *, is_sdxl: bool = False) -> Dataset:
    settings = replace(settings, train_data_dir=str(folder))
    report = check_data(settings, is_sdxl=is_sdxl, seed=1)
    report.raise_errors()
    data = Dataset(report.datasets, settings, seed=1, tokenizers=[TOKENIZER, TOKENIZER], workers=2)
    data.latents = LatentStore(is_sdxl=is_sdxl, stride=8, scale=0.5)
    return data


def fill(data: Dataset, encoder: Encoder, *, to_disk: bool, batch_size: int = 2, **options: object) -> None:
    assert data.latents is not None
    cache_latents(data.images, encoder, data.latents, to_disk=to_disk, batch_size=batch_size, seed=1, **options)  # type: ignore[arg-type]


def latents_of(data: Dataset) -> dict[tuple[str, bool], Tensor]:
    assert data.latents is not None
    return {(image.name, flip): data.latents.get(image, flipped=flip)[0] for image in data.images for flip in (False, True)}


def test_latents_are_the_vaes_scaled_and_the_same_whatever_the_batches(folder: Path, vae: AutoencoderKL) -> None:
    found = []
    for size in (1, 3):
        data, encoder = make(folder), Encoder(vae)
        fill(data, encoder, to_disk=False, batch_size=size)
        assert max(shape[0] for shape in encoder.calls) == size
        found.append(latents_of(data))
    for key, latents in found[0].items():
        assert torch.allclose(latents, found[1][key], atol=1e-5), key
    data.latents = None
    pixels = {key: image for batch in data.batches(0) for key, image in zip(batch.keys, batch.images, strict=True)}  # type: ignore[arg-type]
    flips = {key: flip for batch in data.batches(0) for key, flip in zip(batch.keys, batch.flipped, strict=True)}
    for image in data.images:
        mean, deviation = Encoder(vae)(pixels[image.path][None])
        noise = (found[0][image.name, flips[image.path]] / 0.5 - mean[0]) / deviation[0]
        assert noise.abs().max() < 5
        assert noise.abs().mean() > 0.5  # drawn, not the mean


def test_batches_hold_the_latents_and_all_else_stays(folder: Path, vae: AutoencoderKL) -> None:
    plain, kept = make(folder), make(folder)
    plain.latents = None
    fill(kept, Encoder(vae), to_disk=False)
    stored = latents_of(kept)
    names = {image.path: image.name for image in kept.images}
    for one, other in zip(plain.batches(3), kept.batches(3), strict=True):
        assert other.images is None
        assert other.latents is not None
        assert (one.keys, one.flipped, one.captions) == (other.keys, other.flipped, other.captions)
        for name in ("masks", "original_sizes", "crop_top_lefts", "target_sizes", "loss_weights"):
            assert torch.equal(getattr(one, name), getattr(other, name)), name
        for key, flipped, latents in zip(other.keys, other.flipped, other.latents, strict=True):
            assert torch.equal(latents, stored[names[key], flipped])


def test_on_the_disk_they_are_made_once(folder: Path, vae: AutoencoderKL) -> None:
    settings = replace(SETTINGS, cache_latents_to_disk=True)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    data, encoder = make(folder, settings), Encoder(vae)
    seen: list[tuple[int, int]] = []
    fill(data, encoder, to_disk=True, told=lambda done, of: seen.append((done, of)))
    assert (seen[0], seen[-1]) == ((0, 5), (5, 5))
    made = sorted(path.name for path in folder.rglob("*.npz"))
    assert made[0] == "a_0064x0064_sd.npz"
    assert len(made) == 5
    memory = make(folder)
    fill(memory, Encoder(vae), to_disk=False)
    for key, latents in latents_of(memory).items():
        assert torch.equal(latents, latents_of(data)[key])
    again, silent = make(folder, settings), Encoder(vae)
    fill(again, silent, to_disk=True)
    assert silent.calls == []
    assert all(path.read_bytes() == content for path, content in before.items())


def test_what_cannot_be_used_is_made_anew(folder: Path, vae: AutoencoderKL) -> None:
    settings = replace(SETTINGS, cache_latents_to_disk=True)
    fill(make(folder, settings), Encoder(vae), to_disk=True)
    dog = folder / "2_犬 dog"
    (dog / "a_0064x0064_sd.npz").write_bytes(b"PK half a file")
    os.utime(dog / "b.png", (4e9, 4e9))  # changed after it was kept
    data, encoder = make(folder, settings), Encoder(vae)
    fill(data, encoder, to_disk=True)
    assert sum(shape[0] for shape in encoder.calls) == 4  # two images, and both mirrored
    smaller = replace(settings, dataset=replace(settings.dataset, resolution=(128, 128)))
    encoder = Encoder(vae)
    fill(make(folder, smaller), encoder, to_disk=True)
    assert sum(shape[0] for shape in encoder.calls) == 10


def test_latents_of_another_vae_are_made_anew(folder: Path, vae: AutoencoderKL) -> None:
    settings = replace(SETTINGS, cache_latents_to_disk=True)
    fill(make(folder, settings), Encoder(vae), to_disk=True)
    half = Encoder(copy.deepcopy(vae).to(torch.bfloat16))
    as_half = lambda images: tuple(one.float() for one in half(images.to(torch.bfloat16)))  # noqa: E731
    fill(make(folder, settings), as_half, to_disk=True)  # type: ignore[arg-type]
    assert half.calls in ([], [(1, 3, 64, 64)])  # the same one in another precision, with its own fixed picture
    other = copy.deepcopy(vae)
    with torch.no_grad():
        other.encoder.conv_in.weight.mul_(1.5)
    encoder = Encoder(other)
    fill(make(folder, settings), encoder, to_disk=True)
    assert sum(shape[0] for shape in encoder.calls) == 10
    image = make(folder, settings).images[0]
    path = latents_path(image.path, image.size, is_sdxl=False)
    with np.load(path) as file:
        plain = {name: file[name] for name in file.files if name != "caddie_maker"}
    np.savez(path, **plain)  # as sd-scripts writes it: nobody knows whose it is
    encoder = Encoder(vae)
    fill(make(folder, settings), encoder, to_disk=True)
    assert sum(shape[0] for shape in encoder.calls) == 8


def test_a_mark_is_the_models_and_not_its_precisions() -> None:
    made = torch.randn(1, 77, 64, generator=torch.Generator().manual_seed(0))
    made[..., 3] *= 500  # as one channel of CLIP
    changed = made.clone()
    changed[..., :3] *= 1.3
    changed[..., 4:] += 0.2
    mark = mark_of(made)
    assert len(mark) < 1200
    assert is_same(mark, mark_of(made.to(torch.bfloat16)))
    assert is_same(mark, mark_of(made.to(torch.float16)))
    assert not is_same(mark, mark_of(changed))
    assert not is_same(mark, mark_of(made[:, :5]))


def test_processes_share_the_work(folder: Path, vae: AutoencoderKL) -> None:
    settings = replace(SETTINGS, cache_latents_to_disk=True)
    for number in range(2):
        fill(make(folder, settings), Encoder(vae), to_disk=True, part=(number, 2))
    silent = Encoder(vae)
    fill(make(folder, settings), silent, to_disk=True)
    assert silent.calls == []


def test_images_that_would_share_a_file_do_not(folder: Path, tmp_path: Path, draw, vae: AutoencoderKL) -> None:
    """Two endings of one name, and one folder at two resolutions: each image keeps its own latents."""
    cat = folder / "1_cat"
    draw(cat / "d.png", (128, 128))
    path = tmp_path / "x.toml"
    part = "[[datasets]]\nresolution = {}\nbatch_size = 1\n[[datasets.subsets]]\nimage_dir = '{}'\n"
    path.write_text(part.format(64, cat) + part.format(128, folder / "2_犬 dog") + part.format(128, cat), encoding="utf-8")
    settings = replace(SETTINGS, cache_latents_to_disk=True, dataset_config=str(path))
    data, memory = make(folder, settings), make(folder, settings)
    fill(data, Encoder(vae), to_disk=True)
    fill(memory, Encoder(vae), to_disk=False)
    assert sorted(path.name for path in folder.rglob("*.npz")) == [
        "a_0064x0064_sd.npz",
        "b_0096x0064_sd.npz",
        "c 日本_0064x0096_sd.npz",
    ]
    kept = latents_of(data)
    assert {tuple(latents.shape[1:]) for (name, _), latents in kept.items() if name.startswith("0/")} == {(8, 8)}
    for key, latents in latents_of(memory).items():
        assert torch.allclose(latents, kept[key], atol=1e-5), key
    assert len(list(data.batches(0))) == data.batches_per_epoch == 9


def test_files_are_those_of_sd_scripts(tmp_path: Path) -> None:
    image = tmp_path / "data.png"
    image.write_bytes(b"")
    os.utime(image, (1, 1))
    theirs = Path(latents_path(str(GOLDEN_FOLDER / "data.png"), (37, 29), is_sdxl=False))
    found = read_latents(str(theirs), str(image), (2, 3), flip=True, alpha=True)
    assert found is not None
    wanted = np.random.default_rng(0).standard_normal((2, 4, 2, 3)).astype(np.float32)
    assert np.array_equal(found.latents, wanted[0])
    assert found.flipped is not None and np.array_equal(found.flipped, wanted[1])
    assert (found.original_size, found.crop) == ((37, 29), (0.0, 1.0, 24.0, 17.5))
    assert found.alpha is not None and found.alpha.shape == (16, 24)
    ours = latents_path(str(image), (37, 29), is_sdxl=False)
    assert Path(ours).name == theirs.name
    write_latents(ours, found)
    with np.load(ours) as one, np.load(theirs) as other:
        assert set(one.files) == set(other.files)
        for name in one.files:
            assert one[name].dtype == other[name].dtype, name
            assert np.array_equal(one[name], other[name]), name


def test_text_files_are_those_of_sd_scripts(tmp_path: Path) -> None:
    theirs = text_path(str(GOLDEN_FOLDER / "data.png"))
    found = read_text(theirs, "a, b", 0.0, 77)
    assert found is not None
    assert np.array_equal(found.hidden1, np.random.default_rng(2).standard_normal((1, 77, 3)).astype(np.float32)[0])
    assert read_text(theirs, "a, b", 4e9, 77) is None  # the caption is younger
    assert read_text(theirs, "a, b", 0.0, 152) is None  # another length of captions
    path = text_path(str(tmp_path / "data.png"))
    write_text(path, "a, b", found)
    with np.load(path) as one, np.load(theirs) as other:
        assert set(one.files) == {*other.files, "caddie_caption"}
        assert all(np.array_equal(one[name], other[name]) for name in other.files)
    assert read_text(path, "a, b", 4e9, 77) is not None
    assert read_text(path, "a, c", 0.0, 77) is None


def test_a_full_disk_is_told_and_leaves_nothing(folder: Path, vae: AutoencoderKL, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(SETTINGS, cache_latents_to_disk=True)
    before = sorted(folder.rglob("*"))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(CaddieError, match="disk is full") as caught:
        fill(make(folder, settings), Encoder(vae), to_disk=True)
    assert "空き容量" in caught.value.text.ja
    assert sorted(folder.rglob("*")) == before


def test_nan_names_its_image(folder: Path) -> None:
    def broken(images: Tensor) -> tuple[Tensor, Tensor]:
        mean = torch.zeros(len(images), 4, images.shape[2] // 8, images.shape[3] // 8)
        return mean / 0, mean

    with pytest.raises(CaddieError, match=r"d\.webp.*no_half_vae"):
        fill(make(folder), broken, to_disk=False, batch_size=1)  # type: ignore[arg-type]


def test_looking_through_the_cache_can_be_stopped(folder: Path, vae: AutoencoderKL) -> None:
    """Tens of thousands of files on a slow disk take minutes."""
    settings = replace(SETTINGS, cache_latents_to_disk=True)
    fill(make(folder, settings), Encoder(vae), to_disk=True)
    seen: list[int] = []

    def stop(done: int, of: int) -> None:
        seen.append(done)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(make(folder, settings), Encoder(vae), to_disk=True, told=stop)
    assert seen == [1, 2]


def test_an_image_touched_during_the_training_does_not_end_it(folder: Path, vae: AutoencoderKL) -> None:
    data = make(folder, replace(SETTINGS, cache_latents_to_disk=True))
    fill(data, Encoder(vae), to_disk=True)
    before = latents_of(data)
    for image in data.images:
        os.utime(image.path, (4e9, 4e9))
    after = latents_of(data)
    assert all(torch.equal(latents, after[key]) for key, latents in before.items())


def test_names_as_long_as_the_disk_allows_can_be_kept(tmp_path: Path, draw, vae: AutoencoderKL) -> None:
    room = 255 - len("_0064x0064_sd.npz")
    draw(tmp_path / "1_x" / ("猫" * ((room - 1) // 3) + "x" * (1 + (room - 1) % 3) + ".png"), (64, 64), caption=None)
    data = make(tmp_path, replace(SETTINGS, cache_latents_to_disk=True))
    fill(data, Encoder(vae), to_disk=True)
    assert len(list(tmp_path.rglob("*_sd.npz"))) == 1
    assert len(list(data.batches(0))) == 1


def test_a_cache_that_vanishes_is_told(folder: Path, vae: AutoencoderKL) -> None:
    data = make(folder, replace(SETTINGS, cache_latents_to_disk=True))
    fill(data, Encoder(vae), to_disk=True)
    shutil.rmtree(folder / "2_犬 dog")
    with pytest.raises(CaddieError, match="cached latents are gone"):
        list(data.batches(0))


def encode_text(ids: tuple[Tensor, ...], weights: tuple[Tensor, ...] | None) -> tuple[Tensor, Tensor]:
    assert weights is None
    count, chunks, _ = ids[0].shape
    first = ids[0].reshape(count, -1)[:, : chunks * 75 + 2].to(torch.bfloat16)
    hidden = torch.stack([first, first + 1, first + 2, first * 2], dim=2)
    return hidden, hidden[:, 0, 2:]


@pytest.mark.parametrize("to_disk", [False, True])
def test_text_outputs_come_back_joined(folder: Path, to_disk: bool) -> None:
    settings = replace(SETTINGS, cache_latents=False, cache_text=True, cache_text_to_disk=to_disk)
    data = make(folder, settings, is_sdxl=True)
    data.latents = None
    data.texts = TextStore([TOKENIZER, TOKENIZER])
    cache_text(data.images, encode_text, data.texts, first_width=1, to_disk=to_disk, batch_size=2)
    assert len(list(folder.rglob("*_te_outputs.npz"))) == (5 if to_disk else 0)
    for batch in data.batches(0):
        wanted, pooled = encode_text(tuple(torch.stack([TOKENIZER.token_ids(one) for one in batch.captions]) for _ in "12"), None)
        assert batch.token_ids is None
        assert batch.text_hidden is not None and batch.text_pooled is not None
        assert torch.equal(batch.text_hidden, wanted.float())
        assert torch.equal(batch.text_pooled, pooled.float())


def test_changed_captions_are_encoded_again(folder: Path) -> None:
    settings = replace(SETTINGS, cache_text=True, cache_text_to_disk=True)
    data = make(folder, settings, is_sdxl=True)
    store = TextStore([TOKENIZER, TOKENIZER])
    cache_text(data.images, encode_text, store, first_width=1, to_disk=True, batch_size=2)
    (folder / "2_犬 dog" / "a.txt").write_text("another, caption", encoding="utf-8")
    encoded: list[int] = []

    def count(ids: tuple[Tensor, ...], weights: tuple[Tensor, ...] | None) -> tuple[Tensor, Tensor]:
        if not torch.equal(ids[0][0], TOKENIZER.token_ids(CAPTION)):
            encoded.append(len(ids[0]))
        return encode_text(ids, weights)

    cache_text(make(folder, settings, is_sdxl=True).images, count, store, first_width=1, to_disk=True, batch_size=2)
    assert encoded == [1]
    prefixed = replace(settings, subset=replace(settings.subset, caption_prefix="best,"))
    cache_text(make(folder, prefixed, is_sdxl=True).images, count, store, first_width=1, to_disk=True, batch_size=5)
    assert encoded == [1, 5]


def test_texts_of_other_encoders_or_with_weights_are_made_anew(folder: Path) -> None:
    """SDXL's many descendants differ in their text encoders, and a folder of images is used with more than one."""
    settings = replace(SETTINGS, cache_text=True, cache_text_to_disk=True)
    images = make(folder, settings, is_sdxl=True).images
    captions: list[int] = []

    def encode(ids: tuple[Tensor, ...], weights: tuple[Tensor, ...] | None, factor: float = 1.0) -> tuple[Tensor, Tensor]:
        if not torch.equal(ids[0][0], TOKENIZER.token_ids(CAPTION)):
            captions.append(len(ids[0]))
        hidden, pooled = encode_text(ids, None)
        return hidden * factor, pooled * factor

    def cache(store: TextStore, factor: float) -> None:
        cache_text(images, partial(encode, factor=factor), store, first_width=1, to_disk=True, batch_size=5)

    plain = [TOKENIZER, TOKENIZER]
    for store, factor, wanted in (
        (TextStore(plain), 1.0, [5]),
        (TextStore(plain), 1.001, []),
        (TextStore(plain), 1.5, [5]),
        (TextStore(plain, weighted=True), 1.5, [5]),
        (TextStore(plain, weighted=True), 1.5, []),
    ):
        captions.clear()
        cache(store, factor)
        assert captions == wanted


def test_unwritable_folders_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    array = np.zeros((1, 1), np.float32)
    with pytest.raises(CaddieError, match="cannot be written"):
        write_text(str(tmp_path / "file" / "x.npz"), "a", TextOutputs(array, array, array[0]))
    with pytest.raises(CaddieError, match="cannot be written"):
        write_latents(str(tmp_path / "file" / "x.npz"), Latents(array, None, (1, 1), (0.0,), None))
