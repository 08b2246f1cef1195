"""Tokens, weights and hidden states are those of sd-scripts' own functions (tests/golden/make_text.py)."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from core.errors import CaddieError
from core.training.models.family import Family, ModelFacts
from core.training.models.load import Components, training_alphas
from core.training.models.settings import ModelSettings
from core.training.models.text import added_conditions, encode
from core.training.models.tokens import Tokenizer, load_tokenizers
from core.training.models.weighting import weighted_pieces
from tests.golden.make_text import LENGTHS, LONG, TEXTS, fill, shortened
from tests.helpers import tiny_models

GOLDEN: dict[str, Any] = json.loads(gzip.decompress((Path(__file__).parents[3] / "golden" / "text.json.gz").read_bytes()))
FAMILIES: tuple[Family, ...] = ("sd1", "sd2", "sdxl")


@pytest.fixture(scope="module")
def tiny_cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("tokenizers")
    tiny_models.save_tokenizer(root / "openai_clip-vit-large-patch14", tiny_models.EOS)
    return str(root)


def _facts(family: Family) -> ModelFacts:
    return ModelFacts(Path("model.safetensors"), "single-file", family, "epsilon", "float32")


def _tokenizers(family: Family, cache: str) -> tuple[Tokenizer, ...]:
    return load_tokenizers(_facts(family), ModelSettings(tokenizer_cache_dir=cache))


def _assert_tokens(kind: str, family: Family, tokenizers: tuple[Tokenizer, ...]) -> None:
    for length in LENGTHS:
        for number, text in enumerate(TEXTS):
            expected = GOLDEN["tokens"][f"{kind} {family} {length} {number}"]
            weighted = [tokenizer.weighted_token_ids(text, length) for tokenizer in tokenizers]
            assert [shortened(tokenizer.token_ids(text, length)) for tokenizer in tokenizers] == expected["plain"], text
            assert [shortened(ids) for ids, _ in weighted] == expected["weighted"], text
            assert [shortened(weights) for _, weights in weighted] == expected["weights"], text


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_sd_scripts_with_a_vocabulary_from_a_folder(family: Family, tiny_cache: str) -> None:
    _assert_tokens("tiny", family, _tokenizers(family, tiny_cache))


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_sd_scripts_with_the_vocabulary_of_the_package(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("instant_clip_tokenizer")
    monkeypatch.setattr("core.training.models.tokens._stored_folder", lambda _: None)
    tokenizers = _tokenizers(family, str(tmp_path))
    assert {tokenizer.source for tokenizer in tokenizers} == {"instant-clip-tokenizer"}
    _assert_tokens("full", family, tokenizers)


def test_a_folder_with_tokenizer_json_alone_gives_the_same_tokens(tiny_cache: str, tmp_path: Path) -> None:
    vocabulary, merges = tiny_models.tiny_vocabulary()
    folder = tmp_path / "openai_clip-vit-large-patch14"
    folder.mkdir()
    model = {"type": "BPE", "vocab": vocabulary, "merges": [" ".join(pair) for pair in merges]}
    (folder / "tokenizer.json").write_text(json.dumps({"model": model}), encoding="utf-8")
    (ours,), (other,) = _tokenizers("sd1", str(tmp_path)), _tokenizers("sd1", tiny_cache)
    assert torch.equal(ours.token_ids(LONG, 225), other.token_ids(LONG, 225))


def test_a_damaged_vocabulary_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "openai_clip-vit-large-patch14"
    folder.mkdir()
    (folder / "vocab.json").write_text("{", encoding="utf-8")
    (folder / "merges.txt").write_text("", encoding="utf-8")
    with pytest.raises(CaddieError, match="openai_clip"):
        _tokenizers("sd1", str(tmp_path))


def test_no_vocabulary_anywhere_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.models.tokens._stored_folder", lambda _: None)
    monkeypatch.setitem(sys.modules, "instant_clip_tokenizer", None)
    with pytest.raises(CaddieError, match="tokenizer_cache_dir"):
        _tokenizers("sd1", str(tmp_path))


def test_weights_that_are_no_numbers_stay_text() -> None:
    # sd-scripts fails at float("1.2.3").
    assert weighted_pieces("(a:1.2.3) b") == [("a:1.2.3) b", 1.1)]


def _components(family: Family, cache: str) -> Components:
    kind: tiny_models.Kind = "sd2-v" if family == "sd2" else family
    encoders: tuple[torch.nn.Module, ...] = (fill(CLIPTextModel(tiny_models.text_config(kind, layers=12))),)
    if family == "sdxl":
        encoders += (fill(CLIPTextModelWithProjection(tiny_models.text_config("sdxl", second=True, layers=3))),)
    unused: Any = None
    return Components(_facts(family), unused, unused, encoders, _tokenizers(family, cache), training_alphas(), 1.0)


def _assert_states(found: torch.Tensor, expected: dict[str, Any]) -> None:
    assert list(found.shape) == expected["shape"]
    flat = found.double().flatten()
    some = flat[:: max(1, flat.numel() // 24)][:24]
    torch.testing.assert_close(some, torch.tensor(expected["some"], dtype=torch.float64), rtol=1e-5, atol=1e-5)
    assert flat.norm().item() == pytest.approx(expected["norm"], rel=1e-6)
    assert flat.sum().item() == pytest.approx(expected["sum"], abs=1e-5 * expected["norm"] * flat.numel() ** 0.5)


@pytest.mark.parametrize("family", FAMILIES)
def test_hidden_states_are_sd_scripts(family: Family, tiny_cache: str) -> None:
    components = _components(family, tiny_cache)
    texts = [TEXTS[1], LONG, TEXTS[10], ""]
    for length in LENGTHS:
        ids = [torch.stack([each.token_ids(text, length) for text in texts]) for each in components.tokenizers]
        pairs = [[each.weighted_token_ids(text, length) for text in texts] for each in components.tokenizers]
        heavy = [torch.stack([tokens for tokens, _ in pair]) for pair in pairs]
        weights = [torch.stack([numbers for _, numbers in pair]) for pair in pairs]
        for skip in (None,) if family == "sdxl" else (None, 1, 2, 5):
            expected = GOLDEN["states"][f"{family} {length} {skip}"]
            for way, states in (
                ("plain", encode(components, ids, clip_skip=skip)),
                ("weighted", encode(components, heavy, clip_skip=skip, weights=weights)),
            ):
                _assert_states(states.hidden, expected[way][0])
                if family == "sdxl":
                    assert states.pooled is not None
                    _assert_states(states.pooled, expected[way][1])
                else:
                    assert states.pooled is None


def test_gradients_reach_the_text_encoder_through_weights_and_chunks(tiny_cache: str) -> None:
    components = _components("sdxl", tiny_cache)
    for encoder in components.text_encoders:
        encoder.requires_grad_(True)
    pairs = [each.weighted_token_ids(LONG, 150) for each in components.tokenizers]
    states = encode(components, [ids[None] for ids, _ in pairs], weights=[weights[None] for _, weights in pairs])
    assert states.pooled is not None
    (states.hidden.square().mean() + states.pooled.square().mean()).backward()
    for encoder in components.text_encoders:
        gradient = next(encoder.parameters()).grad
        assert gradient is not None
        assert bool(gradient.abs().sum() > 0)


def test_sizes_are_embedded_as_sd_scripts_embeds_them() -> None:
    pairs = [torch.tensor(values) for values in GOLDEN["sizes"]]
    added = added_conditions(torch.zeros(2, 64), *pairs)
    assert added["time_ids"].tolist() == torch.cat(pairs, dim=1).tolist()
    # diffusers' U-Net embeds each of the six numbers with this module, for SDXL with 256 channels.
    from diffusers.models.embeddings import Timesteps

    embed = Timesteps(256, flip_sin_to_cos=True, downscale_freq_shift=0)
    _assert_states(embed(added["time_ids"].flatten()).reshape(2, -1), GOLDEN["size embedding"])


def test_half_precision_keeps_the_sizes_exact() -> None:
    sizes = torch.tensor([[2049, 4001]])
    assert added_conditions(torch.zeros(1, 8, dtype=torch.bfloat16), sizes, sizes, sizes)["time_ids"].tolist() == [
        [2049, 4001] * 3
    ]
