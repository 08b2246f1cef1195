"""Which model a file or a folder holds, told from its names, shapes and configs alone. No torch is needed for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from core.errors import CaddieError
from core.text import Text
from core.training.models.header import Header, read_header
from core.training.models.weight_files import weights_of

Family = Literal["sd1", "sd2", "sdxl"]
Layout = Literal["single-file", "diffusers"]
Prediction = Literal["epsilon", "v_prediction"]

FAMILY_NAMES: dict[Family, str] = {"sd1": "Stable Diffusion 1.x", "sd2": "Stable Diffusion 2.x", "sdxl": "SDXL"}
UNET, VAE = "model.diffusion_model.", "first_stage_model."
TEXT: dict[Family, tuple[str, ...]] = {
    "sd1": ("cond_stage_model.transformer.",),
    "sd2": ("cond_stage_model.model.",),
    "sdxl": ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."),
}
"""Where the parts lie in a single file: names of the LDM (1.x, 2.x) and the sgm (SDXL) layout."""

_FIRST_CONVOLUTION = "input_blocks.0.0.weight"
_NEEDED_SCRIPT: dict[str, str] = {"sdxl": "sdxl_train_network.py", "sd1": "train_network.py", "sd2": "train_network.py"}
_OTHERS: tuple[tuple[str, str], ...] = (
    ("joint_blocks.", "Stable Diffusion 3"),
    ("double_blocks.", "FLUX"),
    ("double_stream_modulation_img.", "FLUX"),
    ("cap_embedder.", "Lumina"),
    ("llm_adapter.", "Anima"),
    ("conditioner.embedders.0.model.", "the SDXL refiner"),
    ("control_model.", "a ControlNet"),
    ("input_hint_block.", "a ControlNet"),
    ("lora_unet_", "a LoRA"),
    ("lora_te", "a LoRA"),
    ("unet.down_blocks.", "a LoRA"),
    ("emb_params", "an embedding"),
    ("decoder.up", "a VAE"),
    ("down_blocks.", "a U-Net alone, out of a diffusers folder"),
)
_PIPELINES: dict[str, tuple[Family, ...]] = {"StableDiffusion": ("sd1", "sd2"), "StableDiffusionXL": ("sdxl",)}
_TYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64", "F8_E4M3": "float8_e4m3fn"}


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model before it is loaded.

    Attributes:
        path: the file or the folder.
        layout: which of both it is.
        family: what it is.
        prediction: what its U-Net predicts. A single file seldom says; then it is as the job says.
        dtype: the type that most of the U-Net's weights are stored in, in torch's words; "" where it is an unusual one.
        has_vae: whether it brings a VAE; some single files do not.
        zero_terminal_snr: the file says that it was trained with a zero terminal signal-to-noise ratio.
    """

    path: Path
    layout: Layout
    family: Family
    prediction: Prediction
    dtype: str
    has_vae: bool = True
    zero_terminal_snr: bool = False


def inspect_model(path: Path, *, v2: bool, v_parameterization: bool, script: str) -> ModelFacts:
    """Finds out what a model is, and whether the job means that model.

    Args:
        path: a .safetensors file or a diffusers folder.
        v2: the job's flag.
        v_parameterization: the job's flag. It decides where the model does not say what it predicts. A job may train an
            epsilon model to predict v, as people do to convert it; a model known to predict v cannot be trained otherwise.
        script: the job's script; "" to leave that unchecked.

    Raises:
        CaddieError: nothing there, pickled, cut short, not a model, of another family, or contradicting the job.
    """
    facts = look_at_model(path, v_parameterization=v_parameterization)
    _check_flags(facts, v2=v2, v_parameterization=v_parameterization, script=script)
    return facts


def look_at_model(path: Path, *, v_parameterization: bool = False) -> ModelFacts:
    """What a model is, whatever the job says of it: what `inspect_model` returns, without its last check.

    Raises:
        CaddieError: nothing there, pickled, cut short, not a model, or of another family.
    """
    if path.is_dir():
        return _inspect_folder(path, v_parameterization)
    if not path.is_file():
        raise CaddieError(
            Text(
                f"There is no model file or folder at {path}. Models are not downloaded: name a .safetensors file or a diffusers "
                "folder on this computer.",
                f"{path} にモデルファイルもフォルダーもありません。モデルのダウンロードは行いません。"
                "このコンピューターにある .safetensors ファイルか diffusers 形式のフォルダーを指定してください。",
            )
        )
    return _inspect_file(path, v_parameterization)


def _inspect_file(path: Path, v_parameterization: bool) -> ModelFacts:
    header = read_header(path)
    family = _family_of(path, header)
    channels = header.shapes[UNET + _FIRST_CONVOLUTION][1]
    _refuse_other_inputs(path, channels)
    stored = header.metadata.get("modelspec.prediction_type", "")
    says_v = "v_pred" in header.shapes or stored == "v"
    return ModelFacts(
        path=path,
        layout="single-file",
        family=family,
        prediction="v_prediction" if says_v or v_parameterization else "epsilon",
        dtype=_TYPES.get(header.most_common_type(UNET), ""),
        has_vae=header.starts(VAE),
        zero_terminal_snr="ztsnr" in header.shapes,
    )


def _family_of(path: Path, header: Header) -> Family:
    if UNET + _FIRST_CONVOLUTION not in header.shapes:
        raise _not_trainable(path, header)
    for family, prefixes in TEXT.items():
        if all(header.starts(prefix) for prefix in prefixes):
            return family
    if header.starts("cond_stage_model.embeddings.") or header.starts("cond_stage_model.encoder."):
        return "sd1"
    if header.starts("conditioner.embedders.0.model."):
        raise _not_trainable(path, header)
    raise CaddieError(
        Text(
            f"{path} holds a U-Net but no text encoder that belongs to Stable Diffusion 1.x, 2.x or SDXL. Use the full checkpoint.",
            f"{path} には U-Net がありますが、Stable Diffusion 1.x、2.x、SDXL のいずれのテキストエンコーダーも含まれていません。"
            "すべての構成要素を含むチェックポイントを使ってください。",
        )
    )


def _not_trainable(path: Path, header: Header) -> CaddieError:
    names = [name.removeprefix(UNET) for name in header.shapes]
    for beginning, kind in _OTHERS:
        if any(name.startswith(beginning) for name in names):
            return _other_family(path, kind)
    if any(".lora_" in name for name in names):
        return _other_family(path, "a LoRA")
    return _other_family(path, "something else")


def _other_family(path: Path, kind: str) -> CaddieError:
    return CaddieError(
        Text(
            f"{path} is {kind}. The built-in trainer trains LoRAs for Stable Diffusion 1.x, 2.x and SDXL; "
            "other base models can be trained with sd-scripts.",
            f"{path} の種類は「{_IN_JAPANESE.get(kind, kind)}」です。内蔵トレーナーが LoRA を学習できるのは Stable Diffusion 1.x、2.x、SDXL です。"
            "それ以外のベースモデルは sd-scripts で学習してください。",
        )
    )


_IN_JAPANESE = {
    "the SDXL refiner": "SDXL リファイナー",
    "a ControlNet": "ControlNet",
    "a LoRA": "LoRA",
    "an embedding": "埋め込み (Textual Inversion)",
    "a VAE": "VAE",
    "a U-Net alone, out of a diffusers folder": "diffusers フォルダーの U-Net のみ",
    "something else": "その他",
}


def _refuse_other_inputs(path: Path, channels: int) -> None:
    if channels != 4:
        raise CaddieError(
            Text(
                f"{path} takes {channels} channels, as models for inpainting or depth do; LoRAs are trained on models that take 4.",
                f"{path} の入力は {channels} チャンネルで、インペイントや深度用のモデルです。LoRA の学習には 4 チャンネルのモデルを使ってください。",
            )
        )


def _inspect_folder(path: Path, v_parameterization: bool) -> ModelFacts:
    index = read_config(path / "model_index.json")
    name = str(index.get("_class_name", ""))
    pipeline = name.removesuffix("Pipeline").removesuffix("Img2Img").removesuffix("Inpaint")
    if pipeline not in _PIPELINES:
        raise _other_family(path, name or "something else")
    unet = read_config(path / "unet" / "config.json")
    _refuse_other_inputs(path, int(unet.get("in_channels", 4)))
    header = weights_of(path / "unet").header()
    for part in ("text_encoder", *(("text_encoder_2",) if pipeline == "StableDiffusionXL" else ()), "vae"):
        weights_of(path / part).header()
    schedule = path / "scheduler" / "scheduler_config.json"
    stored = read_config(schedule).get("prediction_type", "epsilon") if schedule.is_file() else "epsilon"
    if stored not in {"epsilon", "v_prediction"}:
        raise CaddieError(
            Text(
                f'{schedule} says prediction_type = "{stored}", which is unknown.',
                f"{schedule} の prediction_type = {stored!r} は不明です。",
            )
        )
    return ModelFacts(
        path=path,
        layout="diffusers",
        family="sdxl" if pipeline == "StableDiffusionXL" else _first_or_second(unet),
        prediction="v_prediction" if v_parameterization else cast(Prediction, stored),
        dtype=_TYPES.get(header.most_common_type(), ""),
    )


def _first_or_second(unet: dict[str, Any]) -> Family:
    # The public models differ in the text's width; models of other widths tell by how they project, which 2.x changed.
    by_width: dict[object, Family] = {768: "sd1", 1024: "sd2"}
    return by_width.get(unet.get("cross_attention_dim"), "sd2" if unet.get("use_linear_projection") else "sd1")


def read_config(path: Path) -> dict[str, Any]:
    """Reads a JSON file of a diffusers folder.

    Raises:
        CaddieError: it is not there, or no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise CaddieError(
            Text(
                f"{path.parent} is no diffusers folder, or not a whole one: {path.name} is missing or cannot be read.",
                f"{path.parent} は diffusers 形式のフォルダーではないか、不完全です。{path.name} がないか、読み込めません。",
            )
        ) from problem
    except ValueError as problem:
        content = problem
    if not isinstance(content, dict):
        raise CaddieError(Text(f"{path} is damaged.", f"{path} が壊れています。"))
    return content


def _check_flags(facts: ModelFacts, *, v2: bool, v_parameterization: bool, script: str) -> None:
    name, model = FAMILY_NAMES[facts.family], facts.path
    needed = _NEEDED_SCRIPT[facts.family]
    if script and Path(script).name != needed:
        raise CaddieError(
            Text(
                f"{model} is {name}, which is trained with {needed}, but the job's script is {script}.",
                f"{model} は {name} で、学習には {needed} を使いますが、ジョブのスクリプトは {script} です。",
            )
        )
    if v2 != (facts.family == "sd2"):
        does, japanese = ("is set", "オン") if v2 else ("is not set", "オフ")
        raise CaddieError(
            Text(f"{model} is {name}, but v2 {does} in the job.", f"{model} は {name} ですが、ジョブの v2 は{japanese}です。")
        )
    if facts.prediction == "v_prediction" and not v_parameterization:
        raise CaddieError(
            Text(
                f"{model} predicts v, so the job has to set v_parameterization; trained otherwise it would be spoilt.",
                f"{model} は v 予測のモデルです。ジョブで v_parameterization をオンにしてください。オフのままでは正しく学習できません。",
            )
        )
