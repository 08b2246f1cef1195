"""Pictures come from the model as it trains, and the training does not notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from PIL import Image

from core.runs.events import Event, Sample, Warned
from core.training.lora.network import LoraNetwork, build_network
from core.training.lora.settings import NetworkSettings
from core.training.machine import Machine
from core.training.models.family import inspect_model
from core.training.models.load import Components, load_components
from core.training.models.settings import ModelSettings
from core.training.reporting import Reporter
from core.training.sampling.conditions import encode_prompts, joined
from core.training.sampling.modes import evaluating, visiting
from core.training.sampling.picture import draw_latents, picture_size
from core.training.sampling.prompts import SamplePrompt
from core.training.sampling.sampler import Sampler, SamplerSettings
from core.training.sampling.schedulers import build_scheduler
from core.training.state import Place
from tests.helpers import tiny_models
from tests.helpers.tiny_models import KINDS, Kind

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers and numpy 2

CPU = torch.device("cpu")
MACHINE = Machine(
    device=CPU, weights=torch.float32, unet=torch.float32, network=torch.float32, autocast=None, scales_gradients=False
)
PROMPT = SamplePrompt(
    number=0, text="a photo of a (cat:1.3)", negative="the dog", width=68, height=80, steps=3, seed=1, sampler="euler_a"
)
AT_STEP, AT_EPOCH = Place(step=20, epoch=1, batch=3), Place(step=20, epoch=2)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Components]:
    found: dict[Kind, Components] = {}
    for kind in KINDS:
        path = tiny_models.write(tmp_path_factory.mktemp(kind), kind)
        is_v2 = kind == "sd2-v"
        facts = inspect_model(path, v2=is_v2, v_parameterization=is_v2, script="")
        found[kind] = load_components(facts, ModelSettings(), dtype=torch.float32, device=CPU)
    return found


def lora_on(components: Components, settings: NetworkSettings) -> LoraNetwork:
    return build_network(components.unet, components.text_encoders, settings, family=components.facts.family)


class Studio:
    """A sampler and what it told."""

    def __init__(
        self, folder: Path, components: Components, *prompts: SamplePrompt, network: Any = None, **settings: Any
    ) -> None:
        self.events: list[Event] = []
        self.folder = folder / "sample"
        reporter = Reporter(self.events.append)
        reporter.step = 20
        said = SamplerSettings(**{"folder": folder, "name": "demo", "sampler": "ddim", "seed": 3, **settings})
        self.stop: Callable[[], bool] = lambda: False
        self.sampler = Sampler(prompts, components, network, settings=said, machine=MACHINE, reporter=reporter, stop=self._asked)

    def _asked(self) -> bool:
        return self.stop()

    def sample(self, place: Place = AT_STEP) -> list[Image.Image]:
        self.events.clear()
        self.sampler.sample(place)
        return [Image.open(event.path).convert("RGB") for event in self.events if isinstance(event, Sample)]

    @property
    def warnings(self) -> list[Warned]:
        return [event for event in self.events if isinstance(event, Warned)]


@pytest.mark.filterwarnings(
    "ignore:.*steps_offset.*:FutureWarning", "ignore:.*The configuration file of this scheduler:FutureWarning"
)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [7.5, 1.0])
def test_latents_are_those_of_diffusers_pipelines(models: dict[Kind, Components], kind: Kind, scale: float) -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline

    components = models[kind]
    prompt = replace(PROMPT, scale=scale)
    texts = [prompt.negative, prompt.text] if scale > 1 else [prompt.text]
    states = encode_prompts(components, texts, clip_skip=None, max_token_length=None)
    found = draw_latents(
        components,
        joined(states, CPU),
        prompt,
        scheduler=build_scheduler("euler_a", components.facts.prediction),
        generator=torch.Generator().manual_seed(1),
        machine=MACHINE,
    )
    common: dict[str, Any] = {"vae": components.vae, "unet": components.unet, "tokenizer": None, "text_encoder": None}
    common["scheduler"] = build_scheduler("euler_a", components.facts.prediction)
    width, height = picture_size(prompt)
    more: dict[str, Any] = {"prompt_embeds": states[-1].hidden, "pooled_prompt_embeds": states[-1].pooled}
    if scale > 1:
        more |= {"negative_prompt_embeds": states[0].hidden, "negative_pooled_prompt_embeds": states[0].pooled}
    if kind == "sdxl":
        pipeline: Any = StableDiffusionXLPipeline(text_encoder_2=None, tokenizer_2=None, add_watermarker=False, **common)  # type: ignore[arg-type]
    else:
        pipeline = StableDiffusionPipeline(safety_checker=None, feature_extractor=None, requires_safety_checker=False, **common)  # type: ignore[arg-type]
        more = {name: value for name, value in more.items() if "pooled" not in name}
    pipeline.set_progress_bar_config(disable=True)
    expected = pipeline(
        width=width,
        height=height,
        num_inference_steps=prompt.steps,
        guidance_scale=scale,
        generator=torch.Generator().manual_seed(1),
        output_type="latent",
        **more,
    ).images
    assert found is not None
    assert found.shape == (1, 4, 10, 8)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_files_with_sd_scripts_names_and_come_again(
    models: dict[Kind, Components], tmp_path: Path, kind: Kind
) -> None:
    prompts = (PROMPT, SamplePrompt(number=1, text="a dog", width=64, height=64, steps=2))
    studio = Studio(tmp_path, models[kind], *prompts)
    first = studio.sample()
    assert studio.warnings == []
    assert [picture.size for picture in first] == [(64, 80), (64, 64)]
    names = [Path(cast("Sample", event).path) for event in studio.events]
    assert names[0].parent == studio.folder
    assert names[0].name.startswith("demo_000020_00_")
    assert names[0].name.endswith("_1.png")
    assert names[1].name.startswith("demo_000020_01_")
    # The seed that the prompt does not say is in the name, so that the picture can be had elsewhere.
    seed = int(names[1].stem.rpartition("_")[2])
    again = studio.sample(AT_EPOCH)
    assert Path(cast("Sample", studio.events[1]).path).name.startswith("demo_e000002_01_")
    assert [picture.tobytes() for picture in first] == [picture.tobytes() for picture in again]
    (told,) = Studio(tmp_path / "b", models[kind], replace(prompts[1], seed=seed)).sample()
    assert told.tobytes() == first[1].tobytes()
    (other,) = Studio(tmp_path / "c", models[kind], replace(prompts[1], seed=seed + 1)).sample()
    assert other.tobytes() != first[1].tobytes()
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".png"}


def test_what_the_prompt_and_the_job_say_counts(models: dict[Kind, Components], tmp_path: Path) -> None:
    plain = replace(PROMPT, text="a photo of a cat", sampler=None)
    wished = {
        "as it is": (plain, {}),
        "weighted": (PROMPT, {}),
        "other negative": (replace(plain, negative=""), {}),
        "less guided": (replace(plain, scale=2.0), {}),
        "clip skip": (plain, {"clip_skip": 2}),
        "more steps": (replace(plain, steps=5), {}),
        "sampler of the job": (plain, {"sampler": "euler"}),
    }
    pictures: dict[str, bytes] = {}
    for name, (prompt, settings) in wished.items():
        (picture,) = Studio(tmp_path / name, models["sd1"], prompt, **settings).sample()
        pictures[name] = picture.tobytes()
    assert len(set(pictures.values())) == len(wished)
    long = replace(plain, text="a " * 80 + "cat")
    (cut,) = Studio(tmp_path / "75", models["sdxl"], long).sample()
    (whole,) = Studio(tmp_path / "150", models["sdxl"], long, max_token_length=150).sample()
    assert cut.tobytes() != whole.tobytes()


def test_the_training_does_not_notice(models: dict[Kind, Components], tmp_path: Path) -> None:
    components = models["sd1"]
    network = lora_on(components, NetworkSettings(dim=2, dropout=0.5))
    try:
        components.unet.train()
        components.unet.enable_gradient_checkpointing()
        network.train()
        modes = [module.training for module in (*components.unet.modules(), *network.modules())]
        for lora in network.loras:
            lora.requires_grad_(True)
        studio = Studio(tmp_path, components, PROMPT, replace(PROMPT, number=1, sampler="ddpm"), network=network)
        before = torch.get_rng_state()
        first = studio.sample()
        assert torch.equal(torch.get_rng_state(), before)
        assert [module.training for module in (*components.unet.modules(), *network.modules())] == modes
        assert all(parameter.grad is None for parameter in network.parameters())
        assert len(first) == 2
        assert studio.warnings == []
        # Dropout rests: two walks give the same picture. And the LoRA counts.
        assert [picture.tobytes() for picture in studio.sample()] == [picture.tobytes() for picture in first]
        with torch.no_grad():
            for lora in network.loras:
                lora.up.fill_(0.05)
        assert studio.sample()[0].tobytes() != first[0].tobytes()
    finally:
        network.detach()
        components.unet.disable_gradient_checkpointing()
        components.unet.eval()


def test_prompts_are_encoded_again_only_where_the_text_encoder_learns(
    models: dict[Kind, Components], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    components = models["sd1"]
    encoder = components.text_encoders[0]
    calls = 0

    def counted(*_: object) -> None:
        nonlocal calls
        calls += 1

    handle = encoder.register_forward_pre_hook(counted)
    try:
        for trains_text, expected in ((False, 2), (True, 4)):
            calls = 0
            studio = Studio(tmp_path / str(trains_text), components, PROMPT, trains_text=trains_text)
            assert len(studio.sample()) == len(studio.sample()) == 1
            assert calls == expected
        kept = Studio(tmp_path / "gone", components, PROMPT)
        kept.sampler.remember()
        monkeypatch.setattr(components, "text_encoders", ())
        assert len(kept.sample()) == 1
    finally:
        handle.remove()


def test_a_picture_that_fails_is_told_and_the_others_come(
    models: dict[Kind, Components], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    components = models["sd1"]
    large = replace(PROMPT, width=128)
    forward = components.unet.forward

    def short_of_memory(sample: torch.Tensor, *rest: Any, **more: Any) -> Any:
        if sample.shape[-1] == 16:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")
        return forward(sample, *rest, **more)

    monkeypatch.setattr(components.unet, "forward", short_of_memory)
    studio = Studio(tmp_path, components, large, replace(PROMPT, number=1))
    assert len(studio.sample()) == 1
    (warned,) = studio.warnings
    assert (warned.key, warned.step) == ("sample-failed", 20)
    assert warned.detail == "prompt 1: OutOfMemoryError: CUDA out of memory. Tried to allocate 9 GiB."


def test_a_picture_of_nan_is_told_and_not_written(
    models: dict[Kind, Components], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    components = models["sd1"]
    monkeypatch.setattr(components.vae, "decode", lambda latents, **_: (torch.full((1, 3, 8, 8), torch.nan),))
    studio = Studio(tmp_path, components, PROMPT)
    assert studio.sample() == []
    assert [(warned.key, warned.detail) for warned in studio.warnings] == [("sample-nan", "prompt 1")]
    assert not studio.folder.exists()


def test_a_folder_that_cannot_be_written_is_told(models: dict[Kind, Components], tmp_path: Path) -> None:
    (tmp_path / "sample").write_text("a file where the folder should be")
    studio = Studio(tmp_path, models["sd1"], PROMPT)
    assert studio.sample() == []
    assert [warned.key for warned in studio.warnings] == ["sample-failed"]


def test_a_stop_does_not_wait_for_the_pictures(models: dict[Kind, Components], tmp_path: Path) -> None:
    steps = 0

    def counted(*_: object) -> None:
        nonlocal steps
        steps += 1

    handle = models["sd1"].unet.register_forward_pre_hook(counted)
    studio = Studio(tmp_path, models["sd1"], replace(PROMPT, steps=50), replace(PROMPT, number=1))
    asked = iter([False, False, False])  # before the picture, and before its first two steps
    studio.stop = lambda: next(asked, True)
    assert studio.sample() == []
    handle.remove()
    assert steps == 2
    assert studio.warnings == []


class Traveller(torch.nn.Linear):
    """A module that lies on another device ("meta" stands for it) and notes where it is sent."""

    def __init__(self) -> None:
        super().__init__(1, 1, device="meta")
        self.moves: list[str] = []

    def to(self, device: torch.device) -> Any:  # type: ignore[override]
        self.moves.append(str(device))
        return self


def test_models_go_back_where_they_were_whatever_happens() -> None:
    away, here = Traveller(), torch.nn.Linear(1, 1)
    here.to = None  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="walk"), visiting(CPU, away, here):
        assert away.moves == ["cpu"]
        raise RuntimeError("walk")
    assert away.moves == ["cpu", "meta"]


def test_each_part_gets_its_own_mode_back() -> None:
    module = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Dropout()).train()
    module[1].eval()
    with pytest.raises(RuntimeError, match="walk"), evaluating(module):
        assert not any(part.training for part in module.modules())
        raise RuntimeError("walk")
    assert [part.training for part in module.modules()] == [True, True, False]
