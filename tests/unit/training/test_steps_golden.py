"""A step of the built-in trainer against sd-scripts' own: same job, same weights, same noise, timesteps and captions.

steps.json holds what sd-scripts' `process_batch` and Accelerate's backward pass gave (tests/golden/make_steps.py).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.job.model import Job
from core.training.control import Control
from core.training.data.batch import Batch
from core.training.forward import Forward
from core.training.loop import Length
from core.training.lora.network import LoraNetwork, build_network
from core.training.models.load import Components, load_components
from core.training.plan import plan_of
from core.training.prepare import Preparation
from core.training.reporting import Reporter
from core.training.steps import Stepper
from tests.helpers import golden_steps as recipe
from tests.helpers import tiny_training
from tests.helpers.golden_steps import Case

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "golden" / "steps.json").read_text(encoding="utf-8"))
OTHER = {"resolution": "64,64", "caption_extension": ".txt", "optimizer_type": "SGD", "learning_rate": 1e-3, "seed": 1}
LOSS_CLOSE = 1e-6
"""Measured on the same CPU, torch 2.13 on both sides: equal bits."""
CLOSE = 5e-5
"""Of each gradient's norm. Measured there: at most 2.2e-6 with SD 1 and 2, and 8.3e-6 with SDXL, in attentions where the
gradient is next to nothing."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The models are so small that several threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for kind in recipe.TEXT_LAYERS:
        recipe.write_model(folder / kind, kind)
    tiny_training.draw_pictures(folder / "pictures", repeats=1)
    return folder


@pytest.fixture(scope="module")
def loaded() -> dict[str, Components]:
    """Models by kind, as they come from the disk; each case takes a copy."""
    return {}


class Step:
    """The trainer's own parts, put together for a case as `Preparation.trainer` does it."""

    def __init__(self, case: Case, models: Path, folder: Path, loaded: dict[str, Components]) -> None:
        self.case = case
        model, lora = models / case.kind, folder / "lora.safetensors"
        script = "sdxl_train_network.py" if case.kind == "sdxl" else "train_network.py"
        options = {
            **recipe.job_options(case, model, lora),
            **OTHER,
            "train_data_dir": str(models / "pictures"),
            "output_dir": str(folder),
        }
        plan = plan_of(Job(script=script, engine="builtin", options=options))
        preparation = Preparation(plan, Reporter(lambda event: None), Control(), "cpu")
        if case.kind not in loaded:
            loaded[case.kind] = load_components(
                preparation.facts, preparation.plan.models, dtype=torch.float32, device=torch.device("cpu")
            )
        self.components = copy.deepcopy(loaded[case.kind])
        recipe.write_lora(lora, blank_lora(preparation, self.components))
        self.digest = recipe.digest_of(*recipe.weights_in(model), lora)
        self.network: LoraNetwork = preparation._network(self.components)
        self.stepper: Stepper = preparation._stepper(self.network, Length(1, 1, 1, 1))
        self.forward: Forward = preparation._forward(self.components)
        self.data = preparation.plan.data

    def losses(self) -> list[float]:
        """Runs each micro-batch forward and backward."""
        found: list[float] = []
        for number in range(len(self.case.loss_weights)):
            loss = self.forward.loss(self.batch(number), torch.Generator().manual_seed(recipe.seed_of(number)))
            self.stepper.backward(loss)
            found.append(loss.item())
        return found

    def batch(self, number: int) -> Batch:
        case = self.case
        texts = [
            tokenizer.weighted_token_ids(caption, self.data.max_token_length)
            if self.data.weighted_captions
            else (tokenizer.token_ids(caption, self.data.max_token_length), None)
            for tokenizer in self.components.tokenizers
            for caption in recipe.CAPTIONS
        ]
        pairs = [texts[at : at + 2] for at in range(0, len(texts), 2)]
        sizes = recipe.sizes_of()
        return Batch(
            images=recipe.images_of(number) if case.has_images else None,
            latents=None if case.has_images else recipe.latents_of(case.kind, number) * self.components.latent_scale,
            captions=recipe.CAPTIONS,
            token_ids=tuple(torch.stack([ids for ids, _ in pair]) for pair in pairs),
            token_weights=tuple(torch.stack([w for _, w in pair if w is not None]) for pair in pairs)
            if self.data.weighted_captions
            else None,
            text_hidden=None,
            text_pooled=None,
            loss_weights=torch.tensor(case.loss_weights[number]),
            masks=recipe.masks_of(number) if case.has_masks else None,
            original_sizes=sizes[0],
            crop_top_lefts=sizes[1],
            target_sizes=sizes[2],
            keys=("one", "two"),
            flipped=(False, False),
        )

    def gradients(self) -> dict[str, Tensor | None]:
        """By kohya's keys."""
        found: dict[str, Tensor | None] = {}
        for lora in self.network.loras:
            for name, parameter in (("lora_down", lora.down), ("lora_up", lora.up)):
                found[f"{lora.name}.{name}.weight"] = parameter.grad
        return found


def blank_lora(preparation: Preparation, components: Components) -> dict[str, Tensor]:
    """Keys and shapes of a LoRA of the whole model."""
    settings = replace(preparation.plan.network, weights="", train_text=True)
    network = build_network(components.unet, components.text_encoders, settings, family=preparation.facts.family)
    network.detach()
    return network.tensors(None)


@pytest.mark.parametrize("name", recipe.CASES)
def test_a_step_has_the_loss_and_the_gradients_of_sd_scripts(
    name: str, models: Path, loaded: dict[str, Components], tmp_path: Path
) -> None:
    golden = GOLDEN[name]
    step = Step(recipe.CASES[name], models, tmp_path, loaded)
    assert step.digest == golden["weights"], "not the weights that sd-scripts trained: run tests/golden/make_steps.py again"

    assert step.losses() == pytest.approx(golden["losses"], rel=LOSS_CLOSE)

    gradients = step.gradients()
    assert len(gradients) == len(golden["gradients"])
    for key, wanted in zip(sorted(gradients), golden["gradients"], strict=True):
        gradient = gradients[key]
        if gradient is None or wanted is None:  # of a text encoder's layers behind the one whose states are taken
            assert gradient is None, key
            assert wanted is None, key
            continue
        norm = wanted[0]
        assert norm > 1e-7, f"the golden gradient of {key} says nothing"
        root = gradient.numel() ** 0.5  # a sum with signs is that much larger than the norm, at most
        norm_off, sum_off, element_off = (abs(a - b) for a, b in zip(recipe.summary(key, gradient), wanted, strict=True))
        assert norm_off < CLOSE * norm, key
        assert sum_off < CLOSE * norm * root, key
        assert element_off < CLOSE * norm, key


def test_every_golden_case_is_compared() -> None:
    assert GOLDEN.keys() == recipe.CASES.keys()
