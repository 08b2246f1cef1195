"""The estimate of a GPU's memory, against peaks that were traced (`tests/benchmarks/memory_trace.py`, docs/effective.md)."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from core.catalogue.loader import load_catalogue
from core.effective.memory import Estimate, estimate, estimate_of, facts_of
from core.job.model import Job
from core.network.shapes import lora_shapes
from core.options.model import OptionValue
from tests.unit.core.test_network_shapes import model

CATALOGUE = load_catalogue()
USUAL: dict[str, OptionValue] = {
    "optimizer_type": "AdamW",
    "network_dim": 16,
    "mixed_precision": "bf16",
    "sdpa": True,
    "cache_latents": True,
    "resolution": "512",
}
_STATE = 8
"""Bytes that AdamW keeps for each number."""


def _of(family="sd1", **options) -> Estimate:
    job = Job(options=MappingProxyType({**USUAL, **options}))
    known = model(family)
    return estimate(job, known, lora_shapes(job, known), CATALOGUE.find_for_options(job.options))


def _parts(found: Estimate) -> dict[str, int]:
    return {part.name.en: part.bytes for part in found.parts}


@pytest.mark.parametrize(
    ("family", "side", "batch", "text", "checkpointing", "peak", "numbers"),
    [
        ("sd1", 512, 1, False, False, 2998866952, 27131904),
        ("sd1", 512, 4, False, False, 6714610312, 27131904),
        ("sd1", 768, 2, False, True, 3037077056, 27131904),
        ("sd1", 512, 2, True, True, 2658964424, 37748736),
        ("sdxl", 1024, 1, False, False, 13885478312, 170229760),
        ("sdxl", 1024, 2, True, False, 24748097616, 228032512),
        ("sdxl", 1024, 2, False, True, 7179176160, 170229760),
        ("sdxl", 768, 1, False, True, 5902353928, 170229760),
        ("sdxl", 1024, 2, True, True, 9217626888, 228032512),
    ],
)
def test_the_peak_that_was_traced_is_met_within_four_percent(*, family, side, batch, text, checkpointing, peak, numbers) -> None:
    text_cached = {} if text else {"network_train_unet_only": True, "cache_text_encoder_outputs": True}
    found = _of(family, resolution=str(side), train_batch_size=batch, gradient_checkpointing=checkpointing, **text_cached)
    assert found.why is None
    parts = _parts(found)
    # The trace was of the first step, in which the optimizer keeps nothing yet.
    traced = peak + numbers // 4 * _STATE
    said = found.total - parts["CUDA itself (assumed)"]
    assert said == pytest.approx(traced, rel=0.04)
    assert parts["optimizer state"] == pytest.approx(numbers // 4 * _STATE, rel=0.02)


def test_what_is_cached_is_not_resident_and_fp8_halves_the_weights() -> None:
    plain = _parts(_of(cache_latents=None))
    assert "VAE" in plain
    assert "VAE" not in _parts(_of())
    assert _parts(_of(fp8_base=True))["U-Net"] * 2 == plain["U-Net"]
    assert "text encoders" not in _parts(_of(cache_text_encoder_outputs=True, network_train_unet_only=True))
    small = _of(optimizer_type="AdamW8bit")
    assert _parts(small)["optimizer state"] < _parts(_of())["optimizer state"] / 2
    assert _of(full_bf16=True).total < _of().total


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mixed_precision": "no"}, "fp16 and bf16"),
        ({"sdpa": None}, "sdpa"),
        ({"dataset_config": "a.toml"}, "dataset config"),
        ({"resolution": "large"}, "resolution"),
        ({"network_module": "lycoris.kohya"}, "lycoris.kohya"),
        ({"optimizer_type": "my.Optimizer"}, "not measured"),
    ],
)
def test_what_was_not_measured_is_not_guessed(options, words) -> None:
    found = _of(**options)
    assert found.parts == ()
    assert found.why is not None
    assert words in found.why.en
    (line,) = facts_of(found)
    assert line.value == found.why


def test_a_job_without_a_model_says_so() -> None:
    found = estimate_of(Job(options=MappingProxyType(USUAL)), CATALOGUE.get("AdamW"))
    assert found.why is not None
    assert facts_of(_of())[0].value.en.endswith(" GB")
    assert "more than the 1.00 GB" in facts_of(_of(), 1024**3)[0].value.en
    assert "of the GPU's 24.00 GB" in facts_of(_of(), 24 * 1024**3)[0].value.en
