"""Each source in the shape that its program writes: every key is accounted for, and what it becomes is what that program runs."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from core.catalogue.loader import load_catalogue
from core.convert.read import read_bytes, read_file, read_text
from core.convert.report import Imported, Outcome
from core.convert.values import KEPT
from core.errors import CaddieError

CATALOGUE = load_catalogue()

KOHYA = {
    "LoRA_type": "LyCORIS/LoKr",
    "LyCORIS_preset": "full",
    "additional_parameters": '--lr_scheduler_type "CosineAnnealingLR" --lr_scheduler_args "T_max=1000"',
    "bucket_no_upscale": True,
    "cache_latents": False,
    "clip_skip": "2",
    "conv_alpha": 1,
    "conv_dim": 8,
    "epoch": 12,
    "factor": 6,
    "gpu_ids": "",
    "learning_rate": 1.0,
    "lr_scheduler": "cosine",
    "lr_warmup": 10,
    "max_resolution": "1024,1024",
    "max_train_epochs": "",
    "max_train_steps": 0,
    "min_snr_gamma": 0,
    "mixed_precision": "bf16",
    "model_list": "custom",
    "multires_noise_discount": 0.3,
    "multires_noise_iterations": 6,
    "noise_offset": 0.05,
    "noise_offset_type": "Multires",
    "num_cpu_threads_per_process": 2,
    "optimizer": "Prodigy",
    "optimizer_args": '"d0=1e-5" "decouple=True"',
    "sample_prompts": "a cat --w 512",
    "sdxl": True,
    "sdxl_no_half_vae": True,
    "some_new_switch": "on",
    "text_encoder_lr": 0,
    "train_batch_size": 4,
    "unet_lr": 1.0,
    "vae": "",
    "xformers": "sdpa",
}
EASY = """
[[dataset.subsets]]
num_repeats = 3
image_dir = "C:/pictures"

[dataset.general_args]
resolution = [1024, 768]
batch_size = 2
max_token_length = 75

[args.general_args]
pretrained_model_name_or_path = "C:/model.safetensors"
max_train_epochs = 5
sdxl = true
gradient_checkpointing = true

[args.network_args]
network_dim = 16
network_alpha = 8.0

[args.network_args.network_args]
algo = "lokr"
down_lr_weight = [1, 0.5]

[args.optimizer_args]
optimizer_type = "Came"
learning_rate = 0.0001
warmup_ratio = 0.1
my_own = 3

[args.optimizer_args.optimizer_args]
weight_decay = "0.1"
decouple = "true"
"""
ONE = {
    "base_model_name": "stabilityai/sdxl",
    "batch_size": 4,
    "clip_grad_norm": None,
    "concept_file_name": "c.json",
    "learning_rate": 0.0003,
    "learning_rate_scheduler": "REX",
    "model_type": "STABLE_DIFFUSION_XL_10_BASE",
    "optimizer": {
        "optimizer": "ADAMW",
        "beta1": 0.9,
        "beta2": 0.99,
        "weight_decay": 0.01,
        "fused": False,
        "stochastic_rounding": True,
    },
    "output_model_destination": "models/my.lora.safetensors",
    "resolution": "512,768",
    "secrets": {"huggingface_token": "hf_secret"},
    "text_encoder": {"train": False},
    "text_encoder_2": {"train": False},
    "train_dtype": "BFLOAT_16",
    "training_method": "LORA",
    "unet": {"learning_rate": 0.0002, "train": True},
}


def outcomes(found: Imported) -> dict[str, Outcome]:
    return {entry.key: entry.outcome for entry in found.report.entries}


def kept(found: Imported) -> object:
    return found.job.extra.get(KEPT)


def test_kohya() -> None:
    found = read_text(json.dumps(KOHYA), ".json", CATALOGUE)
    job, told = found.job, outcomes(found)
    assert set(KOHYA) <= set(told)
    assert job.script == "sdxl_train_network.py"
    expected = {
        "optimizer_type": "Prodigy",
        "optimizer_args": ["d0=1e-5", "decouple=True"],
        "lr_scheduler_type": "CosineAnnealingLR",
        "lr_scheduler_args": ["T_max=1000"],
        "lr_warmup_steps": 0.1,
        "max_train_epochs": 12,
        "resolution": "1024,1024",
        "clip_skip": 2,
        "network_module": "lycoris.kohya",
        "network_args": ["preset=full", "conv_dim=8", "conv_alpha=1", "factor=6", "algo=lokr"],
        "network_train_unet_only": True,
        "multires_noise_iterations": 6,
        "no_half_vae": True,
        "sdpa": True,
        "train_batch_size": 4,
    }
    assert {name: job.options.get(name) for name in expected} == expected
    absent = ("noise_offset", "min_snr_gamma", "vae", "text_encoder_lr", "cache_latents", "max_train_steps", "sample_prompts")
    assert not any(name in job.options for name in absent)
    assert dict(job.accelerate) == {"mixed_precision": "bf16", "num_cpu_threads_per_process": 2}
    assert told["some_new_switch"] is Outcome.UNKNOWN
    assert told["sample_prompts"] is told["model_list"] is Outcome.IMPOSSIBLE
    assert told["gpu_ids"] is told["noise_offset"] is Outcome.UNSET
    assert kept(found) == ["sample_prompts = a cat --w 512", "some_new_switch = on"]


def test_easy() -> None:
    found = read_text(EASY, ".toml", CATALOGUE)
    told = outcomes(found)
    assert dict(found.job.options) == {
        "pretrained_model_name_or_path": "C:/model.safetensors",
        "max_train_epochs": 5,
        "gradient_checkpointing": True,
        "network_dim": 16,
        "network_alpha": 8.0,
        "network_args": ["algo=lokr", "down_lr_weight=1,0.5"],
        "optimizer_type": "LoraEasyCustomOptimizer.came.CAME",
        "learning_rate": 0.0001,
        "lr_warmup_steps": 0.1,
        "optimizer_args": ["weight_decay=0.1", "decouple=True"],
        "network_module": "lycoris.kohya",
        "resolution": "1024,768",
        "train_batch_size": 2,
    }
    assert found.job.script == "sdxl_train_network.py"
    assert told["args.optimizer_args.my_own"] is Outcome.UNKNOWN
    assert told["dataset.subsets.1.image_dir"] is Outcome.IMPOSSIBLE
    assert told["dataset.general_args.max_token_length"] is Outcome.UNSET


def test_onetrainer() -> None:
    found = read_text(json.dumps(ONE), ".json", CATALOGUE)
    told = outcomes(found)
    options = found.job.options
    expected = {
        "network_module": "networks.lora",
        "network_dim": 16,
        "learning_rate": 0.0003,
        "unet_lr": 0.0002,
        "optimizer_type": "AdamW",
        "output_dir": "models",
        "output_name": "my.lora",
        "save_model_as": "safetensors",
        "mixed_precision": "bf16",
        "network_train_unet_only": True,
        "max_grad_norm": 0.0,
        "optimizer_args": ["betas=(0.9, 0.99)", "weight_decay=0.01", "fused=False"],
    }
    assert {name: options.get(name) for name in expected} == expected
    for key in ("learning_rate_scheduler", "resolution", "concept_file_name", "secrets", "optimizer.stochastic_rounding"):
        assert told[key] is Outcome.IMPOSSIBLE, key
    assert "hf_secret" not in repr(found)


def lora(path: Path, metadata: dict[str, str]) -> Path:
    head = json.dumps({"__metadata__": metadata, "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"\0\0\0\0")
    return path


def test_metadata_of_a_lora(tmp_path: Path) -> None:
    texts = {
        "ss_optimizer": "prodigyopt.prodigy.Prodigy(decouple=True,betas=(0.9, 0.99),note='a,b')",
        "ss_base_model_version": "sdxl_base_v1-0",
        "ss_resolution": "(1024, 1024)",
        "ss_learning_rate": "1.0",
        "ss_max_train_steps": "200",
        "ss_num_epochs": "4",
        "ss_network_args": '{"conv_dim": "4"}',
        "ss_full_fp16": "False",
        "ss_seed": "None",
        "ss_sd_model_name": "m.safetensors",
        "ss_steps": "200",
        "ss_brand_new": "7",
        "modelspec.title": "x",
    }
    found = read_file(lora(tmp_path / "a.safetensors", texts), CATALOGUE)
    told = outcomes(found)
    assert set(told) == set(texts)
    assert found.job.script == "sdxl_train_network.py"
    assert dict(found.job.options) == {
        "optimizer_type": "prodigy",
        "optimizer_args": ["decouple=True", "betas=(0.9, 0.99)", "note='a,b'"],
        "resolution": "1024,1024",
        "learning_rate": 1.0,
        "max_train_steps": 200,
        "network_args": ["conv_dim=4"],
    }
    assert told["ss_brand_new"] is Outcome.UNKNOWN
    assert told["ss_steps"] is told["ss_sd_model_name"] is Outcome.IMPOSSIBLE


@pytest.mark.parametrize(
    "start", [b"", b"\x01", struct.pack("<Q", 2**63), struct.pack("<Q", 99_000_000), struct.pack("<Q", 2) + b"[]"]
)
def test_hostile_headers_are_refused(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(start)
    with pytest.raises(CaddieError, match="damaged"):
        read_file(path, CATALOGUE)


BAT = r"""@echo off
rem 学習
set "OUT=D:\学習 結果"
set LR=1e-4
set CUDA_VISIBLE_DEVICES=0
cd /d %~dp0
call venv\Scripts\activate
python tag_images.py --all
accelerate launch --num_cpu_threads_per_process 1 train_network.py ^
  --output_dir="%OUT%" --learning_rate %LR% ^
  --optimizer_type Prodigy --optimizer_args "d_coef=2" "weight_decay=true" --brand_new 3
pause
"""
SH = r"""#!/bin/bash
OUT="/data/my loras"   # where to
NAME=test
export HF_HOME=/cache
source venv/bin/activate
accelerate launch --num_cpu_threads_per_process=1 \
  sdxl_train_network.py --output_dir "$OUT/${NAME}" \
  --output_name '$NAME' --learning_rate=1e-4
"""
PS1 = r"""# settings
$out = "D:\out put"   # folder
$lr = 1e-4
$Env:HF_HOME = 'huggingface'
.\venv\Scripts\activate
accelerate launch --num_cpu_threads_per_process=8 "./sd-scripts/train_network.py" `
  --output_dir=$out --learning_rate $lr `
  --output_name "run $lr" --training_comment '$lr'
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_bat_in_every_encoding(encoding: str, ends: str) -> None:
    found = read_bytes(BAT.replace("\n", ends).encode(encoding), "train.bat", CATALOGUE, folder=r"C:\sd")
    told = outcomes(found)
    assert dict(found.job.options) == {
        "output_dir": r"D:\学習 結果",
        "learning_rate": 1e-4,
        "optimizer_type": "Prodigy",
        "optimizer_args": ["d_coef=2", "weight_decay=True"],
        "brand_new": "3",
    }
    assert dict(found.job.accelerate) == {"num_cpu_threads_per_process": 1}
    assert told["brand_new"] is Outcome.UNKNOWN
    assert told["cuda_visible_devices"] is told["command"] is Outcome.IMPOSSIBLE
    assert told["optimizer_args"] is Outcome.TRANSLATED


def test_sh() -> None:
    found = read_text(SH, ".sh", CATALOGUE)
    assert found.job.script == "sdxl_train_network.py"
    assert dict(found.job.options) == {"output_dir": "/data/my loras/test", "output_name": "$NAME", "learning_rate": 1e-4}
    assert outcomes(found)["HF_HOME"] is Outcome.IMPOSSIBLE


def test_ps1_as_utf16() -> None:
    found = read_bytes(PS1.replace("\n", "\r\n").encode("utf-16"), "train.ps1", CATALOGUE)
    assert dict(found.job.options) == {
        "output_dir": r"D:\out put",
        "learning_rate": 1e-4,
        "output_name": "run 1e-4",
        "training_comment": "$lr",
    }
    assert outcomes(found)["env:hf_home"] is Outcome.IMPOSSIBLE


def test_sd_scripts_toml_flat_and_sectioned() -> None:
    flat = read_text("learning_rate = 1.0\nbrand_new = 3\n", ".toml", CATALOGUE)
    assert outcomes(flat) == {"learning_rate": Outcome.TAKEN, "brand_new": Outcome.UNKNOWN}
    assert not flat.names_script
    sections = read_text("[model]\nv2 = true\n[train]\nseed = 1\n", ".toml", CATALOGUE)
    assert dict(sections.job.options) == {"v2": True, "seed": 1}
    assert outcomes(sections) == {"model.v2": Outcome.TRANSLATED, "train.seed": Outcome.TRANSLATED}


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("{}", ".json"),
        ("[1]", ".json"),
        ("[" * 100_000, ".json"),
        ("echo hello", ".bat"),
        ("a = 1", ".toml"),
        ('"', ".sh"),
        ("", ""),
    ],
)
def test_what_holds_no_training_says_so(text: str, ending: str) -> None:
    with pytest.raises(CaddieError):
        read_text(text, ending, CATALOGUE)
