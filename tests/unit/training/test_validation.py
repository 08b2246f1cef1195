"""The validation loss: the same images, noise and timesteps each time, and a training that does not notice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.runs.events import Event, Validated, Warned
from core.training.data.check import check_data
from core.training.data.dataset import Dataset
from core.training.data.settings import DatasetSettings, DataSettings, SubsetSettings
from core.training.forward import Forward
from core.training.lora.network import LoraNetwork, build_network
from core.training.lora.settings import NetworkSettings
from core.training.machine import Machine
from core.training.models.family import inspect_model
from core.training.models.load import Components, load_components
from core.training.models.settings import ModelSettings
from core.training.objective.objective import Objective
from core.training.objective.settings import ObjectiveSettings
from core.training.randomness import generator_for
from core.training.reporting import Reporter
from core.training.settings import ValidationSettings
from core.training.state import Place
from core.training.validation import ValidationTimes, Validator, steady, validation_timesteps
from tests.helpers import tiny_models

CPU = torch.device("cpu")
MACHINE = Machine(
    device=CPU, weights=torch.float32, unet=torch.float32, network=torch.float32, autocast=None, scales_gradients=False
)
OBJECTIVE = ObjectiveSettings()


@pytest.fixture(scope="module")
def components(tmp_path_factory: pytest.TempPathFactory) -> Components:
    path = tiny_models.write(tmp_path_factory.mktemp("model"), "sd1")
    facts = inspect_model(path, v2=False, v_parameterization=False, script="")
    return load_components(facts, ModelSettings(), dtype=torch.float32, device=CPU)


@pytest.fixture
def network(components: Components):
    found = build_network(components.unet, components.text_encoders, NetworkSettings(dim=2, dropout=0.5), family="sd1")
    with torch.no_grad():
        for lora in found.loras:
            lora.up.fill_(0.02)
    yield found.train()
    found.detach()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images")
    for number, size in enumerate([(64, 64), (64, 64), (64, 64), (64, 128), (64, 64)]):
        path = root / "2_cat" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        path.with_suffix(".txt").write_text("a, cat, red, dog")
    return root


def held_out(folder: Path, components: Components, *, batch_size: int = 2, **subset: object) -> Dataset:
    settings = DataSettings(
        train_data_dir=str(folder),
        dataset=DatasetSettings(
            resolution=(64, 64),
            batch_size=batch_size,
            enable_bucket=True,
            min_bucket_reso=64,
            max_bucket_reso=128,
            validation_split=0.999,
        ),
        subset=SubsetSettings(caption_extension=".txt", **subset),  # type: ignore[arg-type]
    )
    report = check_data(settings, is_sdxl=False, seed=1)
    return Dataset(steady(report.held_out), settings, seed=1, tokenizers=components.tokenizers, workers=1)


class Bench:
    """A validator and what it told."""

    def __init__(
        self,
        dataset: Dataset,
        components: Components,
        network: LoraNetwork,
        objective: ObjectiveSettings = OBJECTIVE,
        **said: int,
    ) -> None:
        self.events: list[Event] = []
        chosen = Objective(objective, components.alphas_cumprod, "epsilon")
        self.objective = chosen
        self.forward = Forward(components, chosen, MACHINE, clip_skip=None, trains_text=True, checkpointing=False)
        self.validator = Validator(
            dataset,
            forward=self.forward,
            objective=chosen,
            network=network,
            settings=ValidationSettings(split=0.5, **said),  # type: ignore[arg-type]
            seed=7,
            device=CPU,
            batches_per_epoch=4,
            reporter=Reporter(self.events.append),
        )

    def loss(self, step: int = 1) -> float:
        self.events.clear()
        self.validator.validate(Place(step=step, epoch=1, batch=2))
        (event,) = self.events
        assert isinstance(event, Validated)
        assert (event.step, event.epoch) == (step, 1.5)
        return event.loss


def test_the_loss_is_the_mean_of_each_image_alone(folder: Path, components: Components, network: LoraNetwork) -> None:
    dataset = held_out(folder, components)
    assert len(dataset.images) == 5
    bench = Bench(dataset, components, network)
    found = bench.loss()
    network.eval()
    losses: list[float] = []
    with torch.no_grad():
        for batch in held_out(folder, components, batch_size=1).batches(0):
            name = f"2_cat/{Path(batch.keys[0]).name}"
            latents = bench.forward.latents(batch, generator_for(CPU, 7, "validation", "latents", name))
            for timestep in (200, 400, 600, 800):
                drawn = bench.objective.draw(
                    latents, generator_for(CPU, 7, "validation", name, timestep), torch.tensor([timestep])
                )
                losses.append(float(bench.forward.loss_of(batch, latents, drawn, trains=False)))
    assert len(losses) == 20
    assert found == pytest.approx(float(np.mean(losses)), rel=1e-5)


def test_it_comes_again_and_changes_with_the_weights_alone(folder: Path, components: Components, network: LoraNetwork) -> None:
    huber = replace(OBJECTIVE, loss_type="huber", noise_offset=0.1)
    bench = Bench(held_out(folder, components), components, network, huber)
    first = bench.loss(1)
    assert bench.loss(2) == first
    with torch.no_grad():
        for lora in network.loras:
            lora.up.fill_(0.1)
    assert bench.loss(3) != first
    assert Bench(held_out(folder, components), components, network, huber, seed=8).loss(3) != bench.loss(4)


def test_what_changes_captions_and_pixels_at_random_rests(folder: Path, components: Components, network: LoraNetwork) -> None:
    changed = {"shuffle_caption": True, "caption_dropout_rate": 0.9, "flip_aug": True, "caption_tag_dropout_rate": 0.9}
    restless = held_out(folder, components, **changed)
    assert Bench(restless, components, network).loss() == Bench(held_out(folder, components), components, network).loss()


def test_the_training_does_not_notice(folder: Path, components: Components, network: LoraNetwork) -> None:
    bench = Bench(held_out(folder, components), components, network)
    for lora in network.loras:
        lora.requires_grad_(True)
    before = torch.get_rng_state()
    bench.loss()
    assert torch.equal(torch.get_rng_state(), before)
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())


def test_only_so_many_batches_and_once_a_step(folder: Path, components: Components, network: LoraNetwork) -> None:
    dataset = held_out(folder, components)
    bench = Bench(dataset, components, network, most_batches=1)
    assert bench.loss(1) != Bench(dataset, components, network).loss(1)
    bench.events.clear()
    bench.validator.validate(Place(step=1, epoch=2))
    assert bench.events == []


def test_what_goes_wrong_is_told(
    folder: Path, components: Components, network: LoraNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(held_out(folder, components), components, network)

    def short_of_memory(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with monkeypatch.context() as patch:
        patch.setattr(components.unet, "forward", short_of_memory)
        bench.validator.validate(Place(step=1))
    (event,) = bench.events
    assert isinstance(event, Warned)
    assert (event.key, event.detail) == ("validation-failed", "OutOfMemoryError: CUDA out of memory.")
    assert network.training
    assert bench.loss(1) > 0  # it was not measured, so it may be tried again


def test_times_and_timesteps_are_those_of_sd_scripts() -> None:
    usual = ValidationTimes(ValidationSettings(split=0.1))
    assert [epoch for epoch in range(1, 5) if usual.validates_at(Place(step=9, epoch=epoch), True)] == [1, 2, 3, 4]
    assert not any(usual.validates_at(Place(step=step, batch=1), False) for step in range(1, 30))
    both = ValidationTimes(ValidationSettings(split=0.1, every_steps=10, every_epochs=3))
    assert [step for step in range(1, 31) if both.validates_at(Place(step=step, batch=1), False)] == [10, 20, 30]
    assert [epoch for epoch in range(1, 8) if both.validates_at(Place(step=9, epoch=epoch), True)] == [3, 6]
    assert validation_timesteps(OBJECTIVE) == (200, 400, 600, 800)
    assert validation_timesteps(replace(OBJECTIVE, min_timestep=100, max_timestep=600)) == (200, 300, 400, 500)
