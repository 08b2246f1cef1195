"""Prompts, samplers' walks and prompts' states are those of sd-scripts' own functions (tests/golden/make_sampling.py)."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.training.models.family import ModelFacts
from core.training.models.load import Components, training_alphas
from core.training.models.settings import ModelSettings
from core.training.models.tokens import load_tokenizers
from core.training.sampling.conditions import encode_prompts
from core.training.sampling.prompts import SAMPLERS, read_prompts
from core.training.sampling.schedulers import build_scheduler
from tests.golden.make_sampling import LINES, PROMPTS, SKIPS, STEPS, fill, walk
from tests.helpers import tiny_models
from tests.helpers.tiny_models import Kind

pytestmark = pytest.mark.filterwarnings(  # diffusers' own
    "ignore:__array__ implementation:DeprecationWarning",
    "ignore:__array_wrap__ must:DeprecationWarning",
    "ignore:.*algorithm_type:FutureWarning",
)

GOLDEN: dict[str, Any] = json.loads(gzip.decompress((Path(__file__).parents[3] / "golden" / "sampling.json.gz").read_bytes()))
_NAMES = {"prompt": "text", "negative_prompt": "negative", "sample_steps": "steps", "sample_sampler": "sampler"}


@pytest.mark.parametrize("number", [0, 3])
def test_lines_are_read_as_there(tmp_path: Path, number: int) -> None:
    path = tmp_path / "p.txt"
    path.write_text(LINES[number], encoding="utf-8")
    (found,) = read_prompts(path).prompts
    expected = {str(_NAMES.get(key, key)): value for key, value in GOLDEN["prompts"][number].items() if key != "guidance_scale"}
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize("word", [word for word in SAMPLERS if "lms" not in word])
@pytest.mark.parametrize("predicts_v", [False, True])
def test_samplers_walk_as_there(word: str, predicts_v: bool) -> None:
    for steps in STEPS:
        expected = GOLDEN["walks"][f"{word} {predicts_v} {steps}"]
        scheduler = build_scheduler(word, "v_prediction" if predicts_v else "epsilon")
        generator = torch.Generator().manual_seed(5) if "_a" in word or word == "ddpm" else None
        found = walk(scheduler, steps, generator).flatten()
        if isinstance(expected, str):
            # There this sampler cannot even be built.
            assert word == "dpmsolver"
            assert "final_sigmas_type" in expected
            assert found.isfinite().all()
        else:
            torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["sd1", "sd2-v"])
def test_prompts_are_encoded_as_there(tmp_path: Path, kind: Kind) -> None:
    from transformers import CLIPTextModel

    model = tiny_models.build(kind)
    encoder = fill(CLIPTextModel(tiny_models.text_config(kind, layers=12)))
    folder = tmp_path / "openai_clip-vit-large-patch14"
    tiny_models.save_tokenizer(folder, tiny_models.EOS)
    facts = ModelFacts(tmp_path, "single-file", "sd2" if kind == "sd2-v" else "sd1", "epsilon", "float32")
    (tokenizer,) = load_tokenizers(facts, ModelSettings(tokenizer_cache_dir=str(tmp_path)))
    if kind == "sd2-v":
        # There samples of 2.x are filled up otherwise than the training's captions; all else is the same.
        assert tokenizer.pad == 0
        tokenizer = replace(tokenizer, pad=tokenizer.eos)
    components = Components(facts, model.unet, model.vae, (encoder,), (tokenizer,), training_alphas(), 0.18215)
    for number, texts in enumerate(PROMPTS):
        for skip in SKIPS:
            found = encode_prompts(components, texts, clip_skip=skip, max_token_length=None)
            for states, expected in zip(found, GOLDEN["states"][f"{kind} {number} {skip}"], strict=True):
                assert list(states.hidden.shape) == expected["shape"]
                flat = states.hidden.double().flatten()
                some = flat[:: max(1, flat.numel() // 24)][:24]
                torch.testing.assert_close(some, torch.tensor(expected["some"]).double(), rtol=1e-4, atol=1e-4)
                assert float(flat.norm()) == pytest.approx(expected["norm"], rel=1e-5)
