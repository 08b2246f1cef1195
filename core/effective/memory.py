"""How much memory of the GPU a training takes, part by part, from the checkpoint's header and the job.

What stays (weights, LoRA, gradients, optimizer state) is counted. What comes and goes within a step is a line in batch times pixels, whose
two numbers were measured by tracing the built-in trainer's own step on tensors without numbers (`tests/benchmarks/memory_trace.py`,
docs/effective.md). No allocator of a real GPU was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.catalogue.spec import OptimizerSpec
from core.effective.model import Fact
from core.errors import CaddieError
from core.job.model import Job
from core.network.shapes import Model, Shapes, lora_shapes, model_of
from core.text import Text

_CONTEXT = 600 * 1024**2
"""CUDA's context with cuBLAS and cuDNN: an assumption, it differs by GPU and driver."""
_HALF, _WHOLE = 2, 4
_PRECISIONS = ("fp16", "bf16")


@dataclass(frozen=True, slots=True)
class Line:
    """Bytes within a step: `start` + `each` for a picture of 64 x 64 latent pixels (512 x 512)."""

    start: float
    each: float


LINES: Mapping[tuple[str, bool, bool], Line] = {
    ("sd1", False, False): Line(3.9e6, 1235.2e6),
    ("sd1", False, True): Line(0.7e6, 1272.9e6),
    ("sd1", True, False): Line(0.4e6, 283.9e6),
    ("sd1", True, True): Line(0.3e6, 318.4e6),
    ("sdxl", False, False): Line(47.5e6, 2115.5e6),
    ("sdxl", False, True): Line(3.0e6, 2204.1e6),
    ("sdxl", True, False): Line(0.1e6, 223.6e6),
    ("sdxl", True, True): Line(0.8e6, 263.0e6),
}
"""(family, gradient checkpointing, text encoders trained) -> what a step adds."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part and its bytes."""

    name: Text
    bytes: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a training takes.

    Attributes:
        parts: the largest first; empty where nothing can be said.
        why: nothing can be said; None where it can.
    """

    parts: tuple[Part, ...]
    why: Text | None = None

    @property
    def total(self) -> int:
        """All parts together, in bytes."""
        return sum(part.bytes for part in self.parts)


def estimate(job: Job, model: Model, shapes: Shapes, spec: OptimizerSpec | None) -> Estimate:
    """The memory of the GPU at the peak of a step.

    Args:
        job: the job.
        model: its checkpoint, from the header.
        shapes: its LoRA.
        spec: its optimizer; None for a class that the catalogue does not know.
    """
    why = _why_not(job, model, shapes, spec)
    if why is not None or spec is None or shapes.tensors is None:
        return Estimate((), why)
    parts = [*_resident(job, model), *_trained(job, shapes, spec), *_step(job, model)]
    parts.append(Part(Text("CUDA itself (assumed)", "CUDA 自体 (仮定)"), _CONTEXT))
    return Estimate(tuple(sorted((part for part in parts if part.bytes), key=lambda part: -part.bytes)))


def _why_not(job: Job, model: Model, shapes: Shapes, spec: OptimizerSpec | None) -> Text | None:
    options = job.options
    if shapes.tensors is None:
        return shapes.why
    if spec is None or spec.measured is None:
        return Text(
            "How much this optimizer keeps was not measured.",
            "このオプティマイザーが保持するデータの大きさは測定していません。",
        )
    if options.get("dataset_config"):
        return Text(
            "Resolution and batch size stand in the dataset config, which is not read here.",
            "解像度とバッチサイズはデータセット設定にあり、ここでは読みません。",
        )
    if options.get("mixed_precision") not in _PRECISIONS:
        return Text("Only fp16 and bf16 were measured.", "測定したのは fp16 と bf16 だけです。")
    if job.engine != "builtin" and not (options.get("sdpa") or options.get("xformers")):
        return Text(
            "Without sdpa or xformers attention takes far more memory than was measured.",
            "sdpa も xformers も使わない場合、アテンションのメモリは測定した値よりはるかに多くなります。",
        )
    if _pixels(job) is None:
        return Text("The resolution cannot be read.", "解像度を読み取れません。")
    if _key(job, model) not in LINES:
        return Text(f"A step of {model.family} was not measured.", f"{model.family} のステップは測定していません。")
    return None


def _key(job: Job, model: Model) -> tuple[str, bool, bool]:
    return model.family, bool(job.options.get("gradient_checkpointing")), _trains_text(job)


def _trains_text(job: Job) -> bool:
    return not (job.options.get("network_train_unet_only") or job.options.get("cache_text_encoder_outputs"))


def _resident(job: Job, model: Model) -> Iterator[Part]:
    options = job.options
    small = bool(options.get("fp8_base"))
    yield Part(Text("U-Net", "U-Net"), model.counts["unet"] * (1 if small or options.get("fp8_base_unet") else _HALF))
    if not options.get("cache_text_encoder_outputs"):
        yield Part(Text("text encoders", "テキストエンコーダー"), model.counts["text"] * (1 if small else _HALF))
    if not options.get("cache_latents") and not options.get("cache_latents_to_disk"):
        yield Part(Text("VAE", "VAE"), model.counts["vae"] * (_WHOLE if options.get("no_half_vae") else _HALF))


def _trained(job: Job, shapes: Shapes, spec: OptimizerSpec) -> Iterator[Part]:
    numbers = sum(tensor.count for tensor in shapes.tensors or ())
    full = bool(job.options.get("full_bf16") or job.options.get("full_fp16"))
    size = _HALF if full else _WHOLE
    # Beside float32 weights autocast keeps a copy in half precision while a step lasts.
    yield Part(Text("LoRA and its gradients", "LoRA とその勾配"), numbers * (2 * size + (0 if full else _HALF)))
    # Measured on float32 weights; most optimizers keep their state in the weights' own type, and an 8-bit one does not shrink.
    state = _state_bytes(spec)
    yield Part(
        Text("optimizer state", "オプティマイザーの状態"), int(numbers * state * (0.5 if full and state >= _WHOLE else 1.0))
    )


def _state_bytes(spec: OptimizerSpec) -> float:
    sides = (spec.measured.reference, spec.measured.fast) if spec.measured is not None else ()
    return next((side.state_bytes for side in sides if side is not None), 0.0)


def _step(job: Job, model: Model) -> Iterator[Part]:
    line, pixels = LINES[_key(job, model)], _pixels(job) or 0
    batch = job.options.get("train_batch_size", 1)
    pictures = (batch if isinstance(batch, int) else 1) * pixels / (512 * 512)
    yield Part(Text("within a step", "ステップ中の一時データ"), int(line.start + line.each * pictures))


def _pixels(job: Job) -> int | None:
    said = job.options.get("resolution")
    words = [word.strip() for word in str(said).replace("x", ",").split(",")] if said is not None else []
    if not words or len(words) > 2 or not all(word.isdecimal() for word in words):
        return None
    return int(words[0]) * int(words[-1])


def facts_of(found: Estimate, present: int | None = None) -> tuple[Fact, ...]:
    """The estimate as lines of the view: the sum, then its parts.

    Args:
        found: the estimate.
        present: bytes that the GPU has, where that is known.
    """
    label = Text("GPU memory, estimated", "GPU メモリ (推定)")
    if found.why is not None:
        return (Fact(label, found.why, "default"),)
    lines = [Fact(label, _beside(found.total, present), "default")]
    lines += [Fact(Text(f"– {part.name.en}", f"– {part.name.ja}"), _gigabytes(part.bytes), "default") for part in found.parts]
    return tuple(lines)


def estimate_of(job: Job, spec: OptimizerSpec | None) -> Estimate:
    """Reads the header of the job's checkpoint and estimates. Some 100 ms, so in no thread that draws a window."""
    try:
        model = model_of(job)
    except (CaddieError, OSError) as error:
        return Estimate((), error.text if isinstance(error, CaddieError) else Text(str(error), str(error)))
    return estimate(job, model, lora_shapes(job, model), spec)


def _beside(total: int, present: int | None) -> Text:
    said = _gigabytes(total)
    if present is None:
        return said
    there = _gigabytes(present)
    if total > present:
        return Text(f"{said.en}: more than the {there.en} of the GPU", f"{said.ja}: GPU の {there.ja} を超えます")
    return Text(f"{said.en} of the GPU's {there.en}", f"{said.ja} (GPU は {there.ja})")


def _gigabytes(size: int) -> Text:
    words = f"{size / 1024**3:.2f} GB"
    return Text(words, words)
