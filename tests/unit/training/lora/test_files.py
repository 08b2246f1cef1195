"""The LoRA's file: sd-scripts' files load here, files saved here are sd-scripts' and load in diffusers, and none is ever half."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders.lora_pipeline import StableDiffusionLoraLoaderMixin, StableDiffusionXLLoraLoaderMixin
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.utils.state_dict_utils import convert_unet_state_dict_to_peft
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from core import files as core_files
from core.errors import CaddieError
from core.training.lora.files import DTYPES, read_lora, save_lora, to_bytes
from core.training.lora.names import Family
from core.training.lora.network import LoraNetwork, build_network, merge_lora
from core.training.lora.settings import NetworkSettings
from tests.golden.make_lora_files import TEXT, UNETS
from tests.helpers.tiny_models import TinyModel, build

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "lora_file_sd1.safetensors"
FAMILIES: dict[Any, Family] = {"sd1": "sd1", "sd2-v": "sd2", "sdxl": "sdxl"}


def golden_entry() -> dict[str, Any]:
    with safe_open(GOLDEN, framework="pt") as file:
        return json.loads(file.metadata()["golden"])


def fill(module: nn.Module) -> nn.Module:
    """As in make_lora_files.py."""
    with torch.no_grad():
        for name, value in module.named_parameters():
            phase = zlib.crc32(name.removeprefix("text_model.").encode()) % 1000
            wave = torch.sin(torch.arange(value.numel(), dtype=torch.float64) * 1.618 + phase).view(value.shape)
            size = 1.0 / max(1, value[0].numel()) ** 0.5 if value.dim() > 1 else 0.1
            value.copy_(size * wave + (1.0 if "norm" in name and name.endswith("weight") else 0.0))
    return module.requires_grad_(False).eval()


def golden_models() -> tuple[nn.Module, nn.Module]:
    return fill(UNet2DConditionModel(**UNETS["sd1"])), fill(CLIPTextModel(CLIPTextConfig(**TEXT)))


def golden_output(unet: nn.Module, encoder: nn.Module) -> Tensor:
    latents = torch.sin(torch.arange(2 * 4 * 8 * 8, dtype=torch.float64) * 0.77).float().view(2, 4, 8, 8)
    words = torch.arange(2 * 7).view(2, 7) % 60
    with torch.no_grad():
        return unet(latents, torch.tensor([3, 700]), encoder(words).last_hidden_state).sample


def relative_error(found: Tensor, wanted: Tensor) -> float:
    return float((found.flatten() - wanted.flatten()).norm() / wanted.norm())


def from_golden() -> tuple[LoraNetwork, nn.Module, nn.Module]:
    unet, encoder = golden_models()
    settings = NetworkSettings(weights=str(GOLDEN), dim_from_weights=True)
    network = build_network(unet, (encoder,), settings, family="sd1", file=read_lora(GOLDEN))
    return network.eval(), unet, encoder


def test_a_file_of_sd_scripts_loads_and_gives_the_same_output() -> None:
    network, unet, encoder = from_golden()
    wanted = torch.tensor(golden_entry()["output"])
    assert relative_error(golden_output(unet, encoder), wanted) < 1e-4
    with network.switched_off():
        assert relative_error(golden_output(unet, encoder), wanted) > 0.1


def test_saved_again_it_is_the_file_of_sd_scripts(tmp_path: Path) -> None:
    network, _, _ = from_golden()
    metadata = dict(read_lora(GOLDEN).metadata)
    hashes = {name: metadata.pop(name) for name in ("sshs_model_hash", "sshs_legacy_hash")}
    path = tmp_path / "new" / "again.safetensors"
    save_lora(path, network.tensors(torch.float16), metadata)
    wanted, found = load_file(GOLDEN), load_file(path)
    assert set(found) == set(wanted)
    for key, value in wanted.items():
        assert found[key].dtype == value.dtype
        assert torch.equal(found[key], value), key
    assert read_lora(path).metadata == {**metadata, **hashes}


def test_the_hashes_are_those_of_sd_scripts() -> None:
    tensors = {"a.lora_down.weight": torch.arange(400_000, dtype=torch.float32).view(4, -1), "a.alpha": torch.tensor(2.0)}
    content = to_bytes(tensors, {"ss_seed": "1", "modelspec.title": "left out"})
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    assert [header["sshs_model_hash"], header["sshs_legacy_hash"]] == golden_entry()["hashes"]


def trained(kind: Any, *, seed: int = 0) -> tuple[TinyModel, LoraNetwork]:
    """A tiny model with a LoRA that changes its output a lot."""
    model = build(kind)
    settings = NetworkSettings(dim=3, alpha=2.0, conv_dim=2, conv_alpha=1.5)
    generator = torch.Generator().manual_seed(seed)
    network = build_network(model.unet, model.text_encoders, settings, family=FAMILIES[kind], generator=generator).eval()
    with torch.no_grad():
        for lora in network.loras:
            lora.up.normal_(std=0.2, generator=generator)
    return model, network


def unet_output(model: TinyModel) -> Tensor:
    latents = torch.sin(torch.arange(2 * 4 * 8 * 8) * 0.77).view(2, 4, 8, 8)
    hidden = torch.sin(torch.arange(2 * 5 * model.unet.config["cross_attention_dim"]) * 0.3).view(2, 5, -1)
    added = {"text_embeds": torch.ones(2, 64), "time_ids": torch.ones(2, 6)} if model.kind == "sdxl" else None
    with torch.no_grad():
        return model.unet(latents, torch.tensor([3, 700]), hidden, added_cond_kwargs=added).sample


@pytest.mark.parametrize("kind", ["sd1", "sd2-v", "sdxl"])
def test_diffusers_reads_the_file_and_gives_the_same_output(kind: Any, tmp_path: Path) -> None:
    model, network = trained(kind)
    wanted = unet_output(model)
    path = tmp_path / "x.safetensors"
    save_lora(path, network.tensors(torch.float16), {})
    network.detach()
    plain = unet_output(model)
    # Without peft, diffusers cannot hang the LoRA in; its own reader of kohya's files can be asked, and what it found is
    # merged as it says: weight + alpha / rank * up @ down.
    if kind == "sdxl":
        found, alphas, *_ = StableDiffusionXLLoraLoaderMixin.lora_state_dict(path, unet_config=model.unet.config)
    else:
        found, alphas, *_ = StableDiffusionLoraLoaderMixin.lora_state_dict(path)
    unet = convert_unet_state_dict_to_peft({key: value for key, value in found.items() if key.startswith("unet.")})
    factors = convert_unet_state_dict_to_peft({key: value for key, value in alphas.items() if key.startswith("unet.")})
    layers = dict(model.unet.named_modules())
    merged = 0
    with torch.no_grad():
        for key, down in unet.items():
            name = key.removeprefix("unet.").removesuffix(".lora_A.weight")
            if key == f"unet.{name}.lora_A.weight":
                up = unet[f"unet.{name}.lora_B.weight"]
                alpha = factors[f"{key}.alpha"] if f"{key}.alpha" in factors else factors[f"unet.{name}.alpha"]
                weight = layers[name].weight
                product = up.flatten(1).float() @ down.flatten(1).float()
                weight += (alpha / down.shape[0] * product).view(weight.shape)
                merged += 1
    assert merged == sum(lora.target.part == "unet" for lora in network.loras)
    assert relative_error(unet_output(model), wanted) < 1e-3
    assert relative_error(plain, wanted) > 0.05


@pytest.mark.parametrize(
    ("kind", "precision"), [("sd1", "float"), ("sd1", "fp16"), ("sd1", "bf16"), ("sd2-v", "float"), ("sdxl", "float")]
)
def test_a_saved_file_loads_again(kind: Any, precision: Any, tmp_path: Path) -> None:
    model, network = trained(kind)
    wanted = unet_output(model)
    path = tmp_path / "x.safetensors"
    save_lora(path, network.tensors(DTYPES[precision]), {"ss_x": "1"})
    network.detach()
    settings = NetworkSettings(weights=str(path), dim_from_weights=True)
    build_network(model.unet, model.text_encoders, settings, family=FAMILIES[kind], file=read_lora(path)).eval()
    tolerance = {"float": 1e-6, "fp16": 1e-3, "bf16": 2e-2}[precision]
    assert relative_error(unet_output(model), wanted) < tolerance
    assert {value.dtype for value in load_file(path).values()} == {DTYPES[precision]}


@pytest.mark.parametrize("kind", ["sd1", "sd2-v", "sdxl"])
def test_a_merged_lora_gives_the_same_output(kind: Any, tmp_path: Path) -> None:
    model, network = trained(kind)
    wanted = unet_output(model)
    path = tmp_path / "x.safetensors"
    save_lora(path, network.tensors(None), {})
    network.detach()
    merge_lora(model.unet, model.text_encoders, read_lora(path), 1.0, family=FAMILIES[kind])
    assert relative_error(unet_output(model), wanted) < 1e-4


def test_sdxl_files_with_the_names_of_diffusers_load_too(tmp_path: Path) -> None:
    model, network = trained("sdxl")
    wanted = unet_output(model)
    names = {lora.name: lora.target.other_name for lora in network.loras}
    assert any(one != other for one, other in names.items())
    renamed = {f"{names[key.split('.')[0]]}.{key.split('.', 1)[1]}": value for key, value in network.tensors(None).items()}
    path = tmp_path / "x.safetensors"
    save_file(renamed, path)
    network.detach()
    settings = NetworkSettings(weights=str(path), dim_from_weights=True)
    build_network(model.unet, model.text_encoders, settings, family="sdxl", file=read_lora(path)).eval()
    assert relative_error(unet_output(model), wanted) < 1e-6


def test_going_on_needs_the_same_rank_alpha_and_layers() -> None:
    unet, encoder = golden_models()
    file = read_lora(GOLDEN)
    right: dict[str, Any] = {"weights": str(GOLDEN), "dim": 3, "alpha": 2.0, "conv_dim": 2, "conv_alpha": 1.5}
    network = build_network(unet, (encoder,), NetworkSettings(**right), family="sd1", file=file)
    assert network.load(file) == ()
    network.detach()
    for wrong, word in (
        ({"dim": 4}, "network_dim = 3 != 4"),
        ({"alpha": 1.0}, "network_alpha = 2 != 1"),
        ({"conv_dim": None}, "resnets"),
    ):
        with pytest.raises(CaddieError, match=word):
            build_network(unet, (encoder,), NetworkSettings(**{**right, **wrong}), family="sd1", file=file)


def test_what_is_not_trained_is_not_asked_of_the_file() -> None:
    unet, encoder = golden_models()
    settings = NetworkSettings(weights=str(GOLDEN), dim_from_weights=True, train_text=False)
    network = build_network(unet, (encoder,), settings, family="sd1", file=read_lora(GOLDEN))
    assert {lora.target.part for lora in network.loras} == {"unet"}
    assert "forward" not in vars(next(module for module in encoder.modules() if isinstance(module, nn.Linear)))


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"", "could not be read"), (GOLDEN.read_bytes()[:-100], "could not be read"), (b"\x80\x04x" * 99, "could not be read")],
)
def test_a_file_that_is_no_lora_is_refused(content: bytes, word: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(CaddieError, match=word):
        read_lora(path)


def test_other_adapters_and_pickles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "loha.safetensors"
    save_file({"lora_unet_x.hada_w1_a": torch.zeros(2, 2)}, path)
    with pytest.raises(CaddieError, match="hada_w1_a"):
        read_lora(path)
    with pytest.raises(CaddieError, match="pickle"):
        read_lora(tmp_path / "x.ckpt")
    with pytest.raises(CaddieError, match="could not be read"):
        read_lora(tmp_path / "missing.safetensors")


@pytest.mark.parametrize(("dtype", "words"), [(torch.float32, "NaN"), (torch.float16, "save_precision")])
def test_nan_is_never_written(tmp_path: Path, dtype: torch.dtype, words: str) -> None:
    path = tmp_path / "lora.safetensors"
    save_lora(path, {"a.alpha": torch.ones((), dtype=dtype)}, {})
    before = path.read_bytes()
    with pytest.raises(CaddieError, match=words):
        save_lora(path, {"a.lora_up.weight": torch.tensor([1.0, 1e39]).to(dtype)}, {})
    assert path.read_bytes() == before


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"old")

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(core_files.os, "fsync", no_space)
    with pytest.raises(CaddieError, match="No space left on device"):
        save_lora(path, {"a.alpha": torch.tensor(1.0)}, {})
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


SAVES_FOR_EVER = """
import sys
import torch
from pathlib import Path
from core.training.lora.files import save_lora
tensors = {"a.lora_down.weight": torch.zeros(4, 500_000), "a.lora_up.weight": torch.zeros(5, 4)}
number = 0
while True:
    number += 1
    save_lora(Path(sys.argv[1]), tensors, {"ss_number": str(number)})
    print(number, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_training_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    child = subprocess.Popen(
        [sys.executable, "-c", SAVES_FOR_EVER, str(path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[4],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert child.stdout
    last = 0
    try:
        for _ in range(3):
            last = int(child.stdout.readline())
        # Until a write is under way, so that the kill falls into it.
        while not list(tmp_path.glob(".caddie-*.tmp")):
            assert child.poll() is None
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    child.stdout.close()
    assert int(read_lora(path).metadata["ss_number"]) >= last
