"""Makes sampling.json.gz: prompts, samplers' walks and samples' text states by sd-scripts' own functions.

Run with the Python that sd-scripts is installed in (diffusers and transformers as its requirements say); offline:

    python make_sampling.py --checkout PATH_OF_SD_SCRIPTS
"""

import argparse
import gzip
import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import torch

try:
    from tests.golden.make_text import fill, sample
except ImportError:
    from make_text import fill, sample

LINES = [
    "1girl, (red hair:1.2) --n bad hands, low quality --w 768 --H 1024 --d 42 --s 20 --l 5.5 --ss euler_a",
    "two cats -- sitting",
    "a -b --n with -- inside --w 512",
    "赤い髪 --n 低品質 --g 3.5",
]
"""The second and the third one hold what sd-scripts drops; it is an error here."""

LONG = "a photo of a red cat, smile, (blue hair:1.3), " * 12
PROMPTS = [
    ["a photo of a (red:1.4) cat", ""],
    ["a photo of a cat", "[dog], (blue circle:0.5)"],
    [LONG, "a dog"],
    ["a dog", "the red square " * 25 + "a"],
    ["girl " * 75, ""],
    [LONG * 3, "((a)) cat"],
]
SKIPS = [None, 1, 2]
STEPS = [4, 5]


def model(latents, timestep):
    """Stands for a U-Net: smooth, and different at each timestep."""
    return torch.sin(1.7 * latents + float(timestep) / 300.0)


def start(scheduler):
    noise = torch.randn((1, 4, 4, 6), generator=torch.Generator().manual_seed(11))
    return noise * scheduler.init_noise_sigma


def walk(scheduler, steps, generator):
    """Samples with guidance, as the pipelines do; `generator` None draws from torch's own, seeded before."""
    scheduler.set_timesteps(steps)
    latents = start(scheduler)
    more = {"generator": generator} if generator is not None else {}
    for timestep in scheduler.timesteps:
        latents = scheduler.step(model(scheduler.scale_model_input(latents, timestep), timestep), timestep, latents, **more)
        latents = latents.prev_sample
    return latents


def make():
    root = Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(root))
    from library import train_util
    from library.lpw_stable_diffusion import get_weighted_text_embeddings
    from library.strategy_sd import SdTokenizeStrategy
    from transformers import CLIPTextModel

    from tests.helpers import tiny_models

    # Read as text: importing it would need what is installed beside Caddie.
    path = root / "core" / "training" / "sampling" / "prompts.py"
    words = path.read_text(encoding="utf-8").split("SAMPLERS: Final = (")[1].split(")")[0]
    samplers = [word.strip().strip('"') for word in words.split(",") if word.strip()]
    result = {"prompts": [train_util.line_to_prompt_dict(line) for line in LINES], "walks": {}, "states": {}}
    for word in samplers:
        if word in ("lms", "k_lms") and importlib.util.find_spec("scipy") is None:
            continue
        for predicts_v in (False, True):
            for steps in STEPS:
                try:
                    scheduler = train_util.get_my_scheduler(sample_sampler=word, v_parameterization=predicts_v)
                except ValueError as error:
                    result["walks"][f"{word} {predicts_v} {steps}"] = str(error)
                    continue
                torch.manual_seed(5)
                latents = walk(scheduler, steps, torch.Generator().manual_seed(5) if "_a" in word or word == "ddpm" else None)
                result["walks"][f"{word} {predicts_v} {steps}"] = latents.flatten().tolist()
    with tempfile.TemporaryDirectory() as folder:
        for name, pad in (("openai_clip-vit-large-patch14", tiny_models.EOS), ("stabilityai_stable-diffusion-2", "!")):
            tiny_models.save_tokenizer(Path(folder) / name, pad)
        for kind, is_v2 in (("sd1", False), ("sd2-v", True)):
            encoder = fill(CLIPTextModel(tiny_models.text_config(kind, layers=12)))
            tokenizer = SdTokenizeStrategy(is_v2, None, folder).tokenizer
            pipe = SimpleNamespace(tokenizer=tokenizer, text_encoder=encoder, device=torch.device("cpu"))
            for number, (text, negative) in enumerate(PROMPTS):
                for skip in SKIPS:
                    found = get_weighted_text_embeddings(
                        pipe=pipe, prompt=text, uncond_prompt=negative, max_embeddings_multiples=3, clip_skip=skip
                    )
                    result["states"][f"{kind} {number} {skip}"] = [sample(states) for states in found]
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkout", required=True)
    arguments = parser.parse_args()
    target = Path(__file__).resolve().with_name("sampling.json.gz")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.chdir(arguments.checkout)
    sys.path.insert(0, arguments.checkout)
    torch.set_num_threads(1)
    content = json.dumps(make(), ensure_ascii=False, separators=(",", ":"))
    target.write_bytes(gzip.compress(content.encode(), mtime=0))


if __name__ == "__main__":
    main()
