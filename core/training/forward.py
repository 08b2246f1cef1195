"""One batch through the models, to its loss."""

from __future__ import annotations

import torch
from torch import Tensor

from core.training.data.batch import Batch
from core.training.lora.casts import Casts
from core.training.machine import Machine
from core.training.models.load import Components
from core.training.models.text import TextStates, added_conditions, encode
from core.training.objective.objective import Drawn, Objective


class Forward:
    """What the training computes for a batch. Nothing in it waits for the device.

    Args:
        components: the model, with the LoRA attached.
        objective: what is minimised.
        machine: where, and how precisely.
        clip_skip: of the job.
        trains_text: gradients flow into the text encoders.
        checkpointing: activations are computed again in the backward pass.
        casts: of the LoRA's weights; taken with each `loss`, and given back by whoever goes backward. None for no autocast.
    """

    def __init__(
        self,
        components: Components,
        objective: Objective,
        machine: Machine,
        *,
        clip_skip: int | None,
        trains_text: bool,
        checkpointing: bool,
        casts: Casts | None = None,
    ) -> None:
        self._components = components
        self.objective = objective
        self._machine = machine
        self._clip_skip = clip_skip
        self.trains_text = trains_text
        self._checkpointing = checkpointing
        self._casts = casts
        self._is_sdxl = components.facts.family == "sdxl"

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The mean loss of a batch, shape ().

        Args:
            batch: on the CPU.
            generator: on the device; draws noise, timesteps and the VAE's sample.
        """
        latents = self.latents(batch, generator)
        if self._casts is not None:
            self._casts.take()
        return self.loss_of(batch, latents, self.objective.draw(latents, generator), trains=True)

    def loss_of(self, batch: Batch, latents: Tensor, drawn: Drawn, *, trains: bool) -> Tensor:
        """The mean loss of what was drawn.

        Args:
            batch: captions, sizes, weights.
            latents: shape (B, 4, h, w).
            drawn: noise and timesteps for them.
            trains: False where no gradients are wanted (validation).
        """
        states = self.text_states(batch, trains=trains)
        prediction = self._predict(batch, drawn, states)
        weights = self._here(batch.loss_weights)
        masks = None if batch.masks is None else self._here(batch.masks)
        return self.objective.loss(prediction, drawn, weights, masks)

    @torch.no_grad()
    def latents(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """A batch's latents, from the cache or from the VAE, scaled; shape (B, 4, h, w), float32."""
        if batch.latents is not None:
            return self._here(batch.latents)
        assert batch.images is not None
        vae = self._components.vae
        images = self._here(batch.images).to(vae.dtype)
        sample = vae.encode(images).latent_dist.sample(generator)  # pyright: ignore[reportAttributeAccessIssue]
        return sample.float() * self._components.latent_scale

    def text_states(self, batch: Batch, *, trains: bool) -> TextStates:
        """What the text encoders say about a batch's captions."""
        if batch.text_hidden is not None:
            pooled = None if batch.text_pooled is None else self._here(batch.text_pooled)
            return TextStates(self._here(batch.text_hidden), pooled)
        assert batch.token_ids is not None
        ids = tuple(map(self._here, batch.token_ids))
        weights = None if batch.token_weights is None else tuple(map(self._here, batch.token_weights))
        with torch.set_grad_enabled(trains and self.trains_text), self._machine.computing():
            return encode(self._components, ids, clip_skip=self._clip_skip, weights=weights)

    def _predict(self, batch: Batch, drawn: Drawn, states: TextStates) -> Tensor:
        noisy = drawn.noisy
        if self._checkpointing and torch.is_grad_enabled():
            noisy = noisy.requires_grad_()  # checkpoints without an input that needs gradients would give none
        added = None
        if self._is_sdxl:
            assert states.pooled is not None
            sizes = map(self._here, (batch.original_sizes, batch.crop_top_lefts, batch.target_sizes))
            added = added_conditions(states.pooled, *sizes)
        with self._machine.computing():
            output = self._components.unet(noisy, drawn.timesteps, states.hidden, added_cond_kwargs=added, return_dict=False)
        return output[0]

    def _here(self, tensor: Tensor) -> Tensor:
        if self._machine.device.type == "cuda":
            tensor = tensor.pin_memory()  # from other memory the GPU's queue would be waited for
        return tensor.to(self._machine.device, non_blocking=True)
