"""Parts come out of folders and files as they were put in, offline, and what cannot be right is refused by name."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import CaddieError
from core.training.models.family import inspect_model
from core.training.models.hub import find_model
from core.training.models.load import CONFIGS, Components, load_components
from core.training.models.settings import ModelSettings
from tests.helpers import tiny_models
from tests.helpers.tiny_models import KINDS, Kind, TinyModel
from tests.helpers.tiny_single_files import vae_as_ldm, write_configs, write_single_file

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def models() -> dict[Kind, TinyModel]:
    return {kind: tiny_models.build(kind) for kind in KINDS}


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the loader went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def tokenizer_cache(tmp_path: Path) -> str:
    # The tiny vocabulary, under the name that sd-scripts gives its cached tokenizer.
    tiny_models.save_tokenizer(tmp_path / "tokenizers" / "openai_clip-vit-large-patch14", tiny_models.EOS)
    return str(tmp_path / "tokenizers")


def _load(
    path: Path, kind: Kind, *, dtype: torch.dtype = torch.float32, configs: Path | None = None, **settings: object
) -> Components:
    is_v = kind == "sd2-v"
    facts = inspect_model(path, v2=is_v, v_parameterization=is_v, script="")
    more = {} if configs is None else {"configs": configs}
    return load_components(facts, ModelSettings(**settings), dtype=dtype, device=CPU, **more)  # type: ignore[arg-type]


def _assert_same(loaded: Components, model: TinyModel) -> None:
    pairs = zip((loaded.unet, loaded.vae, *loaded.text_encoders), (model.unet, model.vae, *model.text_encoders), strict=True)
    for ours, original in pairs:
        expected = original.state_dict()
        found = ours.state_dict()
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)
        assert not ours.training
        assert not any(parameter.requires_grad for parameter in ours.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_a_diffusers_folder_is_loaded_as_it_was_saved(kind: Kind, models: dict[Kind, TinyModel], tmp_path: Path) -> None:
    loaded = _load(tiny_models.save(models[kind], tmp_path / "model"), kind)
    _assert_same(loaded, models[kind])
    assert loaded.latent_scale == (0.13025 if kind == "sdxl" else 0.18215)
    assert [tokenizer.pad for tokenizer in loaded.tokenizers] == {
        "sd1": [tiny_models.tiny_vocabulary()[0][tiny_models.EOS]],
        "sd2-v": [0],
        "sdxl": [tiny_models.tiny_vocabulary()[0][tiny_models.EOS], 0],
    }[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_file_is_loaded_as_it_was_saved(
    kind: Kind, models: dict[Kind, TinyModel], tmp_path: Path, tokenizer_cache: str
) -> None:
    path = write_single_file(tmp_path / "model.safetensors", models[kind])
    configs = write_configs(tmp_path / "configs", models[kind])
    _assert_same(_load(path, kind, configs=configs, tokenizer_cache_dir=tokenizer_cache), models[kind])


def test_old_merges_that_leave_text_model_out_are_understood(
    models: dict[Kind, TinyModel], tmp_path: Path, tokenizer_cache: str
) -> None:
    path = write_single_file(tmp_path / "model.safetensors", models["sd1"])
    renamed = {name.replace(".transformer.text_model.", ".transformer."): value for name, value in load_file(path).items()}
    renamed["cond_stage_model.transformer.embeddings.position_ids"] = torch.arange(77)[None]
    save_file(renamed, path)
    configs = write_configs(tmp_path / "configs", models["sd1"])
    _assert_same(_load(path, "sd1", configs=configs, tokenizer_cache_dir=tokenizer_cache), models["sd1"])


def test_half_precision_spares_the_vae_where_the_job_asks_for_it(models: dict[Kind, TinyModel], tmp_path: Path) -> None:
    path = tiny_models.save(models["sd1"], tmp_path / "model", dtype=torch.float16)
    loaded = _load(path, "sd1", dtype=torch.bfloat16, no_half_vae=True)
    assert loaded.unet.dtype == loaded.text_encoders[0].dtype == torch.bfloat16
    assert loaded.vae.dtype == torch.float32


def test_a_folder_of_fp16_files_is_loaded(models: dict[Kind, TinyModel], tmp_path: Path) -> None:
    folder = tiny_models.save(models["sd1"], tmp_path / "model", dtype=torch.float16)
    for file in folder.rglob("*.safetensors"):
        file.rename(file.with_name(file.name.replace(".safetensors", ".fp16.safetensors")))
    loaded = _load(folder, "sd1")
    expected = models["sd1"].unet.conv_in.weight.to(torch.float16).to(torch.float32)
    assert torch.equal(loaded.unet.conv_in.weight, expected)


def _in_pieces(part: Path, variant: str) -> None:
    """Splits a part's weights as `save_pretrained(max_shard_size=…)` does."""
    (whole,) = part.glob("*.safetensors")
    tensors = load_file(whole)
    names = sorted(tensors)
    stem, total, places = whole.stem, 0, {}
    for number, some in enumerate((names[::2], names[1::2]), 1):
        file = f"{stem}{variant and '.' + variant}-{number:05d}-of-00002.safetensors"
        save_file({name: tensors[name] for name in some}, part / file, metadata={"format": "pt"})
        places |= dict.fromkeys(some, file)
        total += sum(tensors[name].nbytes for name in some)
    index = f"{stem}.safetensors.index{variant and '.' + variant}.json"
    (part / index).write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": places}), encoding="utf-8")
    whole.unlink()


@pytest.mark.parametrize("variant", ["", "fp16"])
@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_a_folder_of_weights_in_pieces_is_loaded(kind: Kind, variant: str, models: dict[Kind, TinyModel], tmp_path: Path) -> None:
    folder = tiny_models.save(models[kind], tmp_path / "model")
    for part in ("unet", "text_encoder", *(("text_encoder_2",) if kind == "sdxl" else ())):
        _in_pieces(folder / part, variant)
    _assert_same(_load(folder, kind), models[kind])
    next((folder / "unet").glob("*00002-of*")).unlink()
    with pytest.raises(CaddieError, match="00002-of-00002"):
        _load(folder, kind)


@pytest.fixture
def hub(models: dict[Kind, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub's cache that has "someone/tiny-model", as huggingface_hub lays it out."""
    cache = tmp_path / "hub"
    repository = cache / "models--someone--tiny-model"
    tiny_models.save(models["sd1"], repository / "snapshots" / "0123abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return repository / "snapshots" / "0123abc"


def test_a_name_of_the_hub_is_found_in_its_cache(hub: Path, models: dict[Kind, TinyModel]) -> None:
    assert find_model("someone/tiny-model") == hub
    loaded = _load(find_model("someone/tiny-model"), "sd1", vae="someone/tiny-model")
    _assert_same(loaded, models["sd1"])


def test_a_name_that_the_cache_lacks_says_how_to_get_it(hub: Path) -> None:
    with pytest.raises(CaddieError, match="hf download someone/other"):
        find_model("someone/other")
    for path in ("models/a.safetensors", "C:\\models\\a", "/models/a", "a"):
        assert find_model(path) == Path(path)


@pytest.mark.parametrize("way", ["folder", "model folder", "file", "file of a checkpoint"])
def test_another_vae_takes_the_place_of_the_models_own(way: str, models: dict[Kind, TinyModel], tmp_path: Path) -> None:
    other = tiny_models.build("sd1", seed=5)
    model = tiny_models.save(models["sd1"], tmp_path / "model")
    configs = write_configs(tmp_path / "configs", models["sd1"])
    if way.endswith("folder"):
        path = tiny_models.save(other, tmp_path / "other") / ("vae" if way == "folder" else "")
    elif way == "file":
        path = tmp_path / "vae.safetensors"
        save_file({name: value.contiguous() for name, value in vae_as_ldm(other).items()}, path)
    else:
        path = write_single_file(tmp_path / "other.safetensors", other)
    loaded = _load(model, "sd1", configs=configs, vae=str(path))
    assert all(torch.equal(a, b) for a, b in zip(loaded.vae.state_dict().values(), other.vae.state_dict().values(), strict=True))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_vae_with_broken_numbers_is_named(value: float, tmp_path: Path) -> None:
    model = tiny_models.build("sd1")
    next(iter(model.vae.decoder.parameters())).fill_(value)
    path = tiny_models.save(model, tmp_path / "model")
    with pytest.raises(CaddieError, match="VAE") as caught:
        _load(path, "sd1")
    assert str(path) in caught.value.text.en
    assert "NaN" in caught.value.text.ja


def test_a_vae_that_overflows_in_half_precision_says_no_half_vae(tmp_path: Path) -> None:
    model = tiny_models.build("sd1")
    model.vae.encoder.conv_in.weight.mul_(1e6).clamp_(-6e4, 6e4)
    model.vae.encoder.conv_in.bias.add_(6e4)
    path = tiny_models.save(model, tmp_path / "model")
    with pytest.raises(CaddieError, match="no_half_vae"):
        _load(path, "sd1", dtype=torch.float16)
    assert _load(path, "sd1", dtype=torch.float16, no_half_vae=True).vae.dtype == torch.float32


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
@pytest.mark.parametrize("way", ["missing", "shape"])
def test_a_folder_of_another_architecture_is_refused(part: str, way: str, models: dict[Kind, TinyModel], tmp_path: Path) -> None:
    folder = tiny_models.save(models["sd1"], tmp_path / "model")
    file = next((folder / part).glob("*.safetensors"))
    tensors = load_file(file)
    name = max(tensors, key=lambda key: tensors[key].dim())
    changed = tensors.pop(name)
    save_file(tensors if way == "missing" else tensors | {name: changed[1:].contiguous()}, file, metadata={"format": "pt"})
    with pytest.raises(CaddieError, match=part):
        _load(folder, "sd1")


@pytest.mark.parametrize(
    "prefix",
    ["model.diffusion_model.middle_block", "first_stage_model.decoder.mid", "cond_stage_model.transformer.text_model.final"],
)
@pytest.mark.parametrize("way", ["missing", "shape"])
def test_a_file_of_another_architecture_is_refused(
    prefix: str, way: str, models: dict[Kind, TinyModel], tmp_path: Path, tokenizer_cache: str
) -> None:
    path = write_single_file(tmp_path / "model.safetensors", models["sd1"])
    configs = write_configs(tmp_path / "configs", models["sd1"])
    tensors = load_file(path)
    name = next(name for name in tensors if name.startswith(prefix))
    changed = tensors.pop(name)
    save_file(tensors if way == "missing" else tensors | {name: changed[1:].contiguous()}, path)
    with pytest.raises(CaddieError, match=r"model\.safetensors"):
        _load(path, "sd1", configs=configs, tokenizer_cache_dir=tokenizer_cache)


def test_a_checkpoint_without_a_vae_needs_another_one(
    models: dict[Kind, TinyModel], tmp_path: Path, tokenizer_cache: str
) -> None:
    path = write_single_file(tmp_path / "model.safetensors", models["sd1"])
    save_file({name: value for name, value in load_file(path).items() if not name.startswith("first_stage")}, path)
    configs = write_configs(tmp_path / "configs", models["sd1"])
    with pytest.raises(CaddieError, match="VAE"):
        _load(path, "sd1", configs=configs, tokenizer_cache_dir=tokenizer_cache)
    vae = tiny_models.save(models["sd1"], tmp_path / "other")
    assert _load(path, "sd1", configs=configs, tokenizer_cache_dir=tokenizer_cache, vae=str(vae)).facts.has_vae is False


def test_a_vocabulary_larger_than_the_encoders_is_refused(models: dict[Kind, TinyModel], tmp_path: Path) -> None:
    pytest.importorskip("instant_clip_tokenizer")
    path = write_single_file(tmp_path / "model.safetensors", models["sd1"])
    configs = write_configs(tmp_path / "configs", models["sd1"])
    with pytest.raises(CaddieError, match="49408"):
        _load(path, "sd1", configs=configs)


def test_a_clip_skip_past_the_first_layer_is_refused(models: dict[Kind, TinyModel], tmp_path: Path) -> None:
    folder = tiny_models.save(models["sd1"], tmp_path / "model")
    with pytest.raises(CaddieError, match="clip_skip = 3"):
        _load(folder, "sd1", clip_skip=3)
    assert len(_load(folder, "sd1", clip_skip=2).text_encoders) == 1


def test_the_schedule_is_the_one_all_were_trained_with(models: dict[Kind, TinyModel], tmp_path: Path) -> None:
    alphas = _load(tiny_models.save(models["sd1"], tmp_path / "model"), "sd1").alphas_cumprod
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    torch.testing.assert_close(alphas.double(), torch.cumprod(1 - betas, 0), rtol=2e-6, atol=0)
    assert alphas.dtype == torch.float32


def test_shipped_configs_are_of_the_public_sizes() -> None:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    # Numbers of parameters as published with the models (and as sd-scripts' U-Nets have them).
    sizes = {
        "sd1": (859_520_964, [123_060_480]),
        "sd2": (865_910_724, [340_387_840]),
        "sdxl": (2_567_463_684, [123_060_480, 694_659_840]),
    }
    with torch.device("meta"):
        for family, (unet_size, text_sizes) in sizes.items():
            unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(str(CONFIGS / family / "unet")))
            vae = AutoencoderKL.from_config(AutoencoderKL.load_config(str(CONFIGS / family / "vae")))
            assert sum(parameter.numel() for parameter in unet.parameters()) == unet_size
            assert sum(parameter.numel() for parameter in vae.parameters()) == 83_653_863
            kinds = (CLIPTextModel, CLIPTextModelWithProjection)
            for kind, part, size in zip(kinds, ("text_encoder", "text_encoder_2"), text_sizes, strict=False):
                encoder = kind(CLIPTextConfig.from_pretrained(str(CONFIGS / family / part)))
                assert sum(parameter.numel() for parameter in encoder.parameters()) == size


def test_facts_stay_with_the_model(models: dict[Kind, TinyModel], tmp_path: Path) -> None:
    folder = tiny_models.save(models["sdxl"], tmp_path / "model")
    facts = inspect_model(folder, v2=False, v_parameterization=False, script="sdxl_train_network.py")
    loaded = load_components(facts, ModelSettings(), dtype=torch.float32, device=CPU)
    assert loaded.facts == replace(facts)
    assert len(loaded.tokenizers) == len(loaded.text_encoders) == 2
