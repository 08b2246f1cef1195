"""What happens in a training beside its steps: sample pictures, the loss on held-out images, limits on weights."""

from __future__ import annotations

from pathlib import Path

from core.training.control import Control
from core.training.data.dataset import Dataset
from core.training.forward import Forward
from core.training.loop import Length, Moments
from core.training.lora.network import LoraNetwork
from core.training.machine import Machine
from core.training.models.load import Components
from core.training.plan import Plan
from core.training.reporting import Reporter
from core.training.sampling.prompts import PromptFile
from core.training.sampling.sampler import Sampler, SamplerSettings
from core.training.sampling.times import SampleTimes
from core.training.state import Place
from core.training.validation import ValidationTimes, Validator


def build_moments(
    plan: Plan,
    *,
    prompts: PromptFile,
    held_out: Dataset | None,
    components: Components,
    network: LoraNetwork,
    forward: Forward,
    machine: Machine,
    start: Place,
    length: Length,
    reporter: Reporter,
    control: Control,
    tells: bool = True,
) -> Moments:
    """Puts together what the loop calls between steps.

    Args:
        plan: of the job.
        prompts: for the sample pictures.
        held_out: images that are not trained on; None where there are none.
        components, network, forward, machine: what trains.
        start: where the training begins, with its seed.
        length: of the training.
        reporter: hears of pictures and losses.
        control: may ask for the end in the middle of them.
        tells: False in a process that has no pictures to draw and no losses to tell, only the same pauses to make.
    """
    sampler = _sampler(
        plan,
        prompts=prompts,
        components=components,
        network=network,
        forward=forward,
        machine=machine,
        start=start,
        reporter=reporter,
        control=control,
    )
    if prompts.prompts and plan.data.caches_text and tells:
        sampler.remember()  # the text encoders rest in the computer's memory from here on
    limit = plan.network.scale_weight_norms
    validator = held_out and Validator(
        held_out,
        forward=forward,
        objective=forward.objective,
        network=network,
        settings=plan.validation,
        seed=start.seed,
        device=machine.device,
        batches_per_epoch=length.batches,
        reporter=reporter,
        stop=control.is_stopping,
    )
    return Moments(
        sample=sampler.sample if tells else lambda place: None,
        validate=validator.validate if validator and tells else lambda place: None,
        samples_at=SampleTimes(plan.samples, start.step).samples_at,
        validates_at=ValidationTimes(plan.validation).validates_at if validator else lambda place, after_epoch: False,
        after_step=(lambda: network.scale_norms(limit)) if limit else lambda: None,
    )


def _sampler(
    plan: Plan,
    *,
    prompts: PromptFile,
    components: Components,
    network: LoraNetwork,
    forward: Forward,
    machine: Machine,
    start: Place,
    reporter: Reporter,
    control: Control,
) -> Sampler:
    return Sampler(
        prompts.prompts,
        components,
        network,
        settings=SamplerSettings(
            folder=Path(plan.saves.folder).absolute(),
            name=str(plan.job.options.get("output_name") or ""),  # not the "last" of the weights, as in sd-scripts
            sampler=plan.samples.sampler,
            seed=start.seed,
            clip_skip=plan.models.clip_skip,
            max_token_length=plan.data.max_token_length,
            trains_text=forward.trains_text,
        ),
        machine=machine,
        reporter=reporter,
        stop=control.is_stopping,
    )
