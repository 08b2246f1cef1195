"""Draws a job's sample pictures with the model as it stands, and leaves the training as it was."""

from __future__ import annotations

import gc
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from core.files import write_atomically
from core.training.machine import Machine
from core.training.models.load import Components
from core.training.models.text import TextStates
from core.training.randomness import seed_for
from core.training.reporting import Reporter
from core.training.sampling.conditions import encode_prompts, joined
from core.training.sampling.modes import evaluating, visiting
from core.training.sampling.picture import NotANumberError, decode, draw_latents, generator_on
from core.training.sampling.prompts import SamplePrompt
from core.training.sampling.schedulers import build_scheduler
from core.training.sampling.times import file_name, unused
from core.training.state import Place

_FOLDER = "sample"
_SEEDS = 1 << 32
"""Seeds that are drawn here stay in the range that every other program can be given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerSettings:
    """What a sampler has to know of the job.

    Attributes:
        folder, name: `output_dir` and `output_name`, "" for no name.
        sampler: `sample_sampler`, for prompts that name none.
        seed: of the training; prompts without a seed of their own get one from it, the same each time.
        clip_skip, max_token_length: of the job.
        trains_text: the text encoders change, so that prompts have to be encoded each time.
    """

    folder: Path
    name: str
    sampler: str
    seed: int
    clip_skip: int | None = None
    max_token_length: int | None = None
    trains_text: bool = False


class Sampler:
    """Draws pictures.

    Nothing of the training changes by it: it draws from generators of its own, holds no gradients, and gives the models'
    modes and places back. What goes wrong with a picture is told as a warning, and the training goes on.

    Args:
        prompts: of the prompt file.
        components: the model, with the LoRA attached.
        network: the LoRA, whose dropout rests meanwhile; None where there is none.
        settings: of the job.
        machine: where, and how precisely.
        reporter: hears of each picture.
        stop: asked between two steps of a sampler; where it says yes, the rest is left out.
    """

    def __init__(
        self,
        prompts: Sequence[SamplePrompt],
        components: Components,
        network: nn.Module | None,
        *,
        settings: SamplerSettings,
        machine: Machine,
        reporter: Reporter,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._prompts = tuple(prompts)
        self._components = components
        self._network = network
        self._settings = settings
        self._machine = machine
        self._reporter = reporter
        self._stop = stop
        self._remembered: list[TextStates] | None = None

    def remember(self) -> None:
        """Encodes all prompts now and keeps that, where the text encoders are not trained: they may be gone later."""
        if self._remembered is None and not self._settings.trains_text:
            self._remembered = self._encode()

    def sample(self, place: Place) -> None:
        """Draws all pictures.

        Args:
            place: where the training stands.
        """
        if not self._prompts:
            return
        parts = [self._components.unet, self._components.vae, *self._components.text_encoders]
        parts += [] if self._network is None else [self._network]
        failed = ""
        try:
            with evaluating(*parts), visiting(self._machine.device, self._components.vae):
                self.remember()
                encoded = self._remembered or self._encode()
                for prompt, states in zip(self._prompts, encoded, strict=True):
                    if self._stop():
                        break
                    self._try(prompt, states, place)
        except Exception as error:  # noqa: BLE001 -- whatever it is, hours of training are worth more than a picture
            failed = _words(error)
        if failed:
            self._reporter.warned("sample-failed", failed)
        self._free()

    def _try(self, prompt: SamplePrompt, states: TextStates, place: Place) -> None:
        failed = ""
        try:
            self._picture(prompt, states, place)
        except NotANumberError:
            self._reporter.warned("sample-nan", f"prompt {prompt.number + 1}")
        except Exception as error:  # noqa: BLE001 -- as above; the next prompt may be a smaller one
            failed = _words(error)
        # Outside the handler: there the error would still hold the memory that has to be freed.
        if failed:
            self._reporter.warned("sample-failed", f"prompt {prompt.number + 1}: {failed}")
            self._free()

    def _picture(self, prompt: SamplePrompt, states: TextStates, place: Place) -> None:
        settings, device = self._settings, self._machine.device
        seed = seed_for(settings.seed, "sample", prompt.number) % _SEEDS if prompt.seed is None else prompt.seed
        scheduler = build_scheduler(prompt.sampler or settings.sampler, self._components.facts.prediction)
        here = joined([states], device)
        generator = generator_on(device, seed)
        latents = draw_latents(
            self._components,
            here,
            prompt,
            scheduler=scheduler,
            generator=generator,
            machine=self._machine,
            stop=self._stop,
        )
        if latents is None:
            return
        stream = io.BytesIO()
        decode(self._components, latents).save(stream, "PNG")
        # Whole, since whoever is told its name may load it from another process.
        path = unused(settings.folder.absolute() / _FOLDER / file_name(settings.name, place, prompt.number, seed))
        write_atomically(path, stream.getvalue())
        self._reporter.sampled(path)

    @torch.no_grad()
    def _encode(self) -> list[TextStates]:
        """Each prompt's states on the CPU, the negative prompt's before them where it guides."""
        settings, found = self._settings, []
        encoders = self._components.text_encoders
        with evaluating(*encoders), visiting(self._machine.device, *encoders), self._machine.computing():
            for prompt in self._prompts:
                texts = [prompt.negative, prompt.text] if prompt.scale > 1 else [prompt.text]
                states = encode_prompts(
                    self._components, texts, clip_skip=settings.clip_skip, max_token_length=settings.max_token_length
                )
                found.append(joined(states, torch.device("cpu")))
        return found

    def _free(self) -> None:
        if self._machine.device.type == "cuda":
            # A picture's sizes are not the training's: what was kept for them would be missing there.
            gc.collect()
            torch.cuda.empty_cache()


def _words(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:500]
