"""The demo: what it draws, how its model is made, what the shipped model can do, and the job over it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file

from core.catalogue.loader import load_catalogue
from core.job.check import job_faults
from core.job.demo import MODEL, PICTURES, PROMPTS, demo_job, write_demo
from core.job.engine import engine_hindrances
from core.job.missing import missing_faults
from core.job.store import load_job
from core.options.snapshot import snapshot_for
from core.runs.events import Event, Sample, Warned
from core.training.demo.compare import write_comparison
from core.training.demo.make import Recipe, make_model
from core.training.demo.pictures import COLOURS, CONCEPT, SHAPES, SIZE, caption, draw_flags, draw_scene, draw_shape
from core.training.demo.vae import build_vae, latents_of, to_pixels
from core.training.demo.words import WORDS
from core.training.models.family import inspect_model
from core.training.models.load import load_components
from core.training.models.settings import ModelSettings
from core.training.models.tokens import load_tokenizers
from tests.helpers.tiny_training import trainer_of

CPU = torch.device("cpu")
CATALOGUE = load_catalogue()


def facts_of(model: Path):
    return inspect_model(model, v2=False, v_parameterization=False, script="train_network.py")


# --- pictures and words ------------------------------------------------------------------------------------------


def test_the_same_seed_draws_the_same() -> None:
    one, other, third = (draw_shape(random.Random(seed)) for seed in (3, 3, 4))
    assert one[0].tobytes() == other[0].tobytes() and one[1] == other[1]
    assert one[0].tobytes() != third[0].tobytes()
    assert draw_scene(random.Random(3), 64).tobytes() == draw_scene(random.Random(3), 64).tobytes()


def test_the_shipped_pictures_are_what_the_script_draws() -> None:
    (folder,) = PICTURES.iterdir()
    shipped = sorted(folder.glob("*.png"))
    for path, (picture, words) in zip(shipped, draw_flags(), strict=True):
        assert path.with_suffix(".txt").read_text(encoding="utf-8") == words + "\n"
        with Image.open(path) as opened:
            difference = np.asarray(opened.convert("RGB"), dtype=int) - np.asarray(picture, dtype=int)
        # Another Pillow may put an edge's pixel elsewhere.
        assert np.abs(difference).mean() < 0.5


def test_the_model_never_saw_what_the_demo_teaches() -> None:
    rng = random.Random(0)
    assert not any(CONCEPT in draw_shape(rng)[1] for _ in range(200))
    captions = [words for _, words in draw_flags()]
    assert PROMPTS[0] in captions, "one prompt asks for what is shown"
    assert PROMPTS[1] not in captions and not any("yellow" in words or "purple" in words for words in captions)


def test_every_word_has_tokens_of_its_own_and_any_text_comes_back() -> None:
    (ours,) = load_tokenizers(facts_of(MODEL), ModelSettings())
    told_apart = {tuple(ours.encode(word)) for word in WORDS}
    assert len(told_apart) == len(WORDS) and max(map(len, told_apart)) <= 4
    pipeline_words = StableDiffusionPipeline.from_pretrained(MODEL, unet=None, vae=None, text_encoder=None).tokenizer
    for text in (caption("red", "circle", "blue"), "Ünknown wörds, 旗!"):
        tokens = ours.encode(text.lower())
        assert pipeline_words(text).input_ids == [ours.bos, *tokens, ours.eos]
    assert pipeline_words.decode(ours.encode("a purple star")).strip() == "a purple star"


# --- the script --------------------------------------------------------------------------------------------------


def test_an_untrained_vae_already_stores_blocks() -> None:
    pixels = to_pixels([np.asarray(draw_shape(random.Random(seed))[0]) for seed in range(4)])
    vae = build_vae()
    with torch.no_grad():
        drawn = vae.decode(latents_of(vae, pixels) / 0.18215).sample  # type: ignore[union-attr]
    blocks = torch.nn.functional.avg_pool2d(pixels, 8).flatten()
    found = torch.nn.functional.avg_pool2d(drawn, 8).flatten()
    assert torch.corrcoef(torch.stack([blocks, found]))[0, 1] > 0.9


def test_the_script_makes_a_model_that_the_trainer_loads(tmp_path: Path) -> None:
    recipe = Recipe(pictures=3, scenes=3, measured=3, vae_steps=2, vae_batch=2, unet_steps=2, unet_batch=2)
    make_model(tmp_path, recipe)
    found = load_components(facts_of(tmp_path), ModelSettings(), dtype=torch.float32, device=CPU)
    assert found.facts.family == "sd1" and found.latent_scale == pytest.approx(0.18215)
    first = load_file(tmp_path / "unet" / "diffusion_pytorch_model.safetensors")
    make_model(tmp_path, recipe)
    again = load_file(tmp_path / "unet" / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(value, again[name]) for name, value in first.items())


# --- what is shipped ---------------------------------------------------------------------------------------------


def test_the_model_is_small() -> None:
    assert sum(file.stat().st_size for file in MODEL.rglob("*") if file.is_file()) < 8e6


def test_the_model_draws_what_it_is_told_in_diffusers_own_pipeline() -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(MODEL).to(torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    told = [caption("red", "circle", "white"), caption("blue", "square", "white")]
    pictures = pipeline(
        told, height=SIZE, width=SIZE, num_inference_steps=12, guidance_scale=4.0, output_type="np",
        generator=[torch.Generator().manual_seed(1) for _ in told],
    ).images  # fmt: skip
    red_circle, blue_square = (_mean_of_shape(picture) for picture in pictures)
    assert red_circle[0] > 0.5 and red_circle[0] > red_circle[2] + 0.2
    assert blue_square[2] > 0.5 and blue_square[2] > blue_square[0] + 0.2
    for picture in pictures:
        corners = picture[[3, 3, -4, -4], [3, -4, 3, -4]]
        assert np.median(corners) > 0.8, "the ground is white"


def _mean_of_shape(picture: np.ndarray) -> np.ndarray:
    """The mean colour of all that is not the white ground, which has to be a good part of the picture."""
    shape = picture[picture.min(axis=2) < 0.6]
    assert len(shape) > 0.05 * SIZE * SIZE
    return shape.mean(axis=0)


# --- the job -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Prodigy", "AdamW", "Lion"])
def test_the_job_has_no_problems(tmp_path: Path, name: str) -> None:
    spec = CATALOGUE.get(name)
    assert spec is not None
    job = load_job(write_demo(tmp_path, CATALOGUE, optimizer=spec))
    assert job == demo_job(tmp_path, spec)
    known = snapshot_for(job.script)
    assert known is not None
    assert engine_hindrances(job) == [] and missing_faults(job, known) == []
    assert list(job_faults(job, known, CATALOGUE)) == []


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers' Euler with numpy 2
def test_a_short_demo_leaves_a_lora_and_pictures_of_both_ends(tmp_path: Path) -> None:
    job = load_job(write_demo(tmp_path, CATALOGUE, steps=2))
    (tmp_path / "prompts.txt").write_text(
        "".join(f"{prompt} --w 64 --h 64 --s 4 --d 7\n" for prompt in PROMPTS), encoding="utf-8"
    )
    events: list[Event] = []
    trainer_of(job, events).run()
    samples = [event for event in events if isinstance(event, Sample)]
    assert samples, [event for event in events if isinstance(event, Warned)]
    before, after = ([Path(event.path) for event in samples if event.step == step] for step in (0, 2))
    assert len(before) == len(after) == len(PROMPTS)
    write_comparison(tmp_path / "both.png", PROMPTS, before, after)
    with Image.open(tmp_path / "both.png") as sheet:
        assert sheet.width > sheet.height > 400
    assert any(name.startswith("lora_unet_") for name in load_file(tmp_path / "demo.safetensors"))


def test_colours_and_shapes_can_be_told_apart() -> None:
    assert len({caption(front, shape, "white") for front in COLOURS for shape in SHAPES}) == len(COLOURS) * len(SHAPES)
