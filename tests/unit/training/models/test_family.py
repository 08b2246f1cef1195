"""What a file is, told from its header; and everything that is no model to train, refused by name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.errors import CaddieError
from core.training.models.family import ModelFacts, inspect_model
from core.training.models.settings import read_settings
from core.training.options import OptionReader
from tests.helpers import tiny_models
from tests.helpers.tiny_models import KINDS, Kind
from tests.helpers.tiny_single_files import write_single_file

FAMILIES = {"sd1": "sd1", "sd2-v": "sd2", "sdxl": "sdxl"}
SCRIPTS = {"sd1": "train_network.py", "sd2-v": "train_network.py", "sdxl": "sdxl_train_network.py"}
X = torch.zeros(2, 4, 1, 1)
UNET = {"model.diffusion_model.input_blocks.0.0.weight": X}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    for kind in KINDS:
        model = tiny_models.build(kind)
        tiny_models.save(model, root / kind, dtype=torch.float16)
        write_single_file(root / f"{kind}.safetensors", model)
    return root


def _inspect(path: Path, *, v2: bool = False, v: bool = False, script: str = "") -> ModelFacts:
    return inspect_model(path, v2=v2, v_parameterization=v, script=script)


def _refused(path: Path, **flags: bool | str) -> CaddieError:
    with pytest.raises(CaddieError) as caught:
        _inspect(path, **flags)  # type: ignore[arg-type]
    assert str(path) in caught.value.text.en
    assert str(path) in caught.value.text.ja
    return caught.value


def _write(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> Path:
    save_file({name: value.clone() for name, value in tensors.items()}, path, metadata=metadata)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["diffusers", "single-file"])
def test_every_family_is_known_in_both_layouts(kind: Kind, layout: str, folder: Path) -> None:
    path = folder / (kind if layout == "diffusers" else f"{kind}.safetensors")
    is_second = kind == "sd2-v"
    facts = _inspect(path, v2=is_second, v=is_second, script=SCRIPTS[kind])
    assert facts == ModelFacts(
        path=path,
        layout=layout,  # type: ignore[arg-type]
        family=FAMILIES[kind],  # type: ignore[arg-type]
        prediction="v_prediction" if is_second else "epsilon",
        dtype="float16" if layout == "diffusers" else "float32",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_for_another_family_is_refused(kind: Kind, folder: Path) -> None:
    path, is_second = folder / f"{kind}.safetensors", kind == "sd2-v"
    assert "v2" in _refused(path, v2=not is_second, v=True).text.en
    other = "train_network.py" if kind == "sdxl" else "sdxl_train_network.py"
    assert SCRIPTS[kind] in _refused(path, v2=is_second, v=True, script=other).text.ja


def test_a_folder_that_predicts_v_needs_v_parameterization(folder: Path) -> None:
    assert "v_parameterization" in _refused(folder / "sd2-v", v2=True).text.en
    # A single file of 2.x does not say it; there the job decides.
    assert _inspect(folder / "sd2-v.safetensors", v2=True).prediction == "epsilon"
    assert _inspect(folder / "sd2-v.safetensors", v2=True, v=True).prediction == "v_prediction"


def test_an_epsilon_model_may_be_trained_to_predict_v(folder: Path) -> None:
    assert _inspect(folder / "sd1", v=True).prediction == "v_prediction"


@pytest.mark.parametrize("way", ["key", "metadata"])
def test_a_file_that_says_v_needs_v_parameterization(way: str, tmp_path: Path) -> None:
    tensors = UNET | {"conditioner.embedders.0.transformer.x": X, "conditioner.embedders.1.model.x": X, "ztsnr": torch.zeros(0)}
    if way == "key":
        tensors["v_pred"] = torch.zeros(0)
    metadata = {"modelspec.prediction_type": "v"} if way == "metadata" else None
    path = _write(tmp_path / "v.safetensors", tensors, metadata)
    assert "v_parameterization" in _refused(path).text.ja
    facts = _inspect(path, v=True)
    assert (facts.prediction, facts.zero_terminal_snr, facts.has_vae) == ("v_prediction", True, False)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("model.diffusion_model.joint_blocks.0.x", "Stable Diffusion 3"),
        ("model.diffusion_model.double_blocks.0.x", "FLUX"),
        ("double_blocks.0.x", "FLUX"),
        ("lora_unet_down_blocks_0.lora_down.weight", "LoRA"),
        ("unet.down_blocks.0.to_q.lora_A.weight", "LoRA"),
        ("control_model.input_hint_block.0.weight", "ControlNet"),
        ("decoder.up.0.block.0.weight", "VAE"),
        ("anything", "something else"),
    ],
)
def test_what_is_no_stable_diffusion_is_named(name: str, kind: str, tmp_path: Path) -> None:
    assert kind in _refused(_write(tmp_path / "other.safetensors", {name: X})).text.en


def test_the_refiner_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path / "refiner.safetensors", UNET | {"conditioner.embedders.0.model.x": X})
    assert "refiner" in _refused(path).text.en


def test_a_unet_without_text_encoder_is_refused(tmp_path: Path) -> None:
    assert "text encoder" in _refused(_write(tmp_path / "unet.safetensors", UNET)).text.en


def test_an_inpainting_model_is_refused(tmp_path: Path) -> None:
    tensors = {next(iter(UNET)): torch.zeros(2, 9, 1, 1), "cond_stage_model.transformer.x": X}
    assert "9" in _refused(_write(tmp_path / "inpaint.safetensors", tensors)).text.ja


@pytest.mark.parametrize("name", ["model.ckpt", "model.pt", "model.bin", "renamed.safetensors"])
def test_pickled_files_are_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / name)
    assert "pickle" in _refused(tmp_path / name).text.en


@pytest.mark.parametrize("keep", [0, 5, 100, -1000, -1])
def test_a_file_that_was_cut_short_is_refused(keep: int, folder: Path, tmp_path: Path) -> None:
    content = (folder / "sd1.safetensors").read_bytes()
    path = tmp_path / "short.safetensors"
    path.write_bytes(content[:keep])
    error = _refused(path)
    assert "cut short" in error.text.en or "damaged" in error.text.en


@pytest.mark.parametrize(
    "content", [b"\x10" + b"\0" * 7 + b"[1, 2, 3, 4, 5 ]", b"\x02" + b"\0" * 7 + b"{}", b"no model at all, but a text"]
)
def test_a_file_that_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "text.safetensors"
    path.write_bytes(content)
    _refused(path)


def test_a_damaged_entry_is_refused(tmp_path: Path) -> None:
    header = json.dumps({"x": {"dtype": "F32", "shape": [1]}}).encode()
    path = tmp_path / "odd.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    assert "damaged" in _refused(path).text.en


def test_nothing_there_is_said(tmp_path: Path) -> None:
    assert "not downloaded" in _refused(tmp_path / "runwayml" / "stable-diffusion-v1-5").text.en


@pytest.mark.parametrize("part", ["model_index.json", "unet/config.json", "vae/diffusion_pytorch_model.safetensors"])
def test_a_folder_with_a_hole_is_refused(part: str, tmp_path: Path) -> None:
    folder = tiny_models.write(tmp_path / "model", "sd1")
    (folder / part).unlink()
    with pytest.raises(CaddieError, match="model"):
        _inspect(folder)


def test_a_folder_with_pickled_weights_is_refused(tmp_path: Path) -> None:
    folder = tiny_models.write(tmp_path / "model", "sd1")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(CaddieError, match="pickle"):
        _inspect(folder)


def test_a_folder_of_another_pipeline_is_named(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "FluxPipeline"}', encoding="utf-8")
    assert "FluxPipeline" in _refused(tmp_path).text.en


def test_settings_are_sd_scripts_own() -> None:
    options = OptionReader({"pretrained_model_name_or_path": "m", "v2": True, "vae": "v", "clip_skip": 2, "no_half_vae": True})
    settings = read_settings(options)
    options.finish()
    assert (settings.pretrained_model_name_or_path, settings.v2, settings.vae) == ("m", True, "v")
    assert (settings.clip_skip, settings.no_half_vae, settings.v_parameterization) == (2, True, False)


def test_a_job_without_a_model_is_refused() -> None:
    options = OptionReader({"clip_skip": 0})
    read_settings(options)
    assert len(options.problems) == 2


def test_finding_out_needs_no_torch() -> None:
    script = "import sys; import core.training.models.family, core.training.models.settings; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, cwd=Path(__file__).parents[4]).returncode == 0
