"""All LoRAs of a model: which there are, their rates, their norms, and their way into a file and back.

Source: sd-scripts networks/lora.py, LoRANetwork and create_network.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import CaddieError
from core.text import Text
from core.training.lora.blocks import Blocks, block_of, read_blocks
from core.training.lora.files import LoraFile, Weights, tensors_of
from core.training.lora.module import Dropouts, LoRAModule
from core.training.lora.names import Family, Target, text_targets, unet_targets
from core.training.lora.settings import NetworkSettings


@dataclass(frozen=True, slots=True)
class Groups:
    """What an optimizer is given.

    Attributes:
        groups: `{"params": [...], "lr": ...}`, in sd-scripts' order.
        names: sd-scripts' names for them: "textencoder", "unet", "unet_block3", each also with " plus".
    """

    groups: list[dict[str, Any]]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Norms:
    """The LoRAs' norms after `scale_norms`, still on the device: reading them waits for it.

    Attributes:
        scaled: how many were too large, ().
        mean, greatest: of all, ().
    """

    scaled: Tensor
    mean: Tensor
    greatest: Tensor


class LoraNetwork(nn.Module):
    """The LoRAs of a model, in sd-scripts' order: text encoders first.

    Its state dict is for resuming; `tensors` is for files.

    Args:
        loras: not yet attached.
        settings: of the job.
        sdxl: whether the model is one.
        blocks: what differs by block; None where nothing does.
    """

    def __init__(self, loras: Sequence[LoRAModule], settings: NetworkSettings, *, sdxl: bool, blocks: Blocks | None) -> None:
        super().__init__()
        self.loras = tuple(loras)
        self._settings = settings
        self._sdxl = sdxl
        self._blocks = blocks
        for lora in self.loras:
            self.add_module(lora.name, lora)

    def attach(self) -> None:
        """Puts all LoRAs into their layers."""
        for lora in self.loras:
            lora.attach()

    def detach(self) -> None:
        """Gives all layers back as they were."""
        for lora in self.loras:
            lora.detach()

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """The model computes as if there were no LoRA."""
        for lora in self.loras:
            lora.is_on = False
        try:
            yield
        finally:
            for lora in self.loras:
                lora.is_on = True

    def parameter_groups(self, learning_rate: float) -> Groups:
        """The parameters by learning rate; those that have a rate of 0 are frozen, and are saved as they are.

        Args:
            learning_rate: the job's, where it has none for a part.

        Raises:
            CaddieError: every rate is 0.
        """
        groups: list[dict[str, Any]] = []
        names: list[str] = []
        self.requires_grad_(False)
        for name, loras, rate, ratio in self._rated(learning_rate):
            # A ratio of 0 freezes lora_up, as in sd-scripts.
            plain = [p for lora in loras for p in ((lora.down, lora.up) if ratio is None else (lora.down,))]
            plus = [] if ratio is None else [lora.up for lora in loras]
            for parameters, lr, suffix in ((plain, rate, ""), (plus, rate * (ratio or 0), " plus")):
                if parameters and lr:
                    groups.append({"params": parameters, "lr": lr})
                    names.append(name + suffix)
                    for parameter in parameters:
                        parameter.requires_grad_(True)
        if not groups:
            raise CaddieError(
                Text(
                    "Every learning rate is 0: nothing would be trained. Set learning_rate, unet_lr or text_encoder_lr.",
                    "学習率がすべて 0 なので何も学習されません。learning_rate、unet_lr、text_encoder_lr のいずれかを設定してください。",
                )
            )
        return Groups(groups, tuple(names))

    @torch.no_grad()
    def scale_norms(self, limit: float) -> Norms:
        """Scales down every LoRA whose norm is above a limit (`scale_weight_norms`); waits for nothing.

        Args:
            limit: the greatest Frobenius norm of alpha / rank * up @ down.
        """
        norms = _norms(self.loras)
        floored = norms.clamp(min=limit / 2)
        ratios = floored.clamp(max=limit) / floored
        factors = ratios.sqrt().to(self.loras[0].up.dtype).unbind()
        ups: list[Tensor] = [lora.up for lora in self.loras]
        downs: list[Tensor] = [lora.down for lora in self.loras]
        for side in (ups, downs):
            torch._foreach_mul_(side, factors)  # pyright: ignore[reportPrivateImportUsage]
        scaled = norms * ratios
        return Norms((ratios != 1).sum(), scaled.mean(), scaled.max())

    def tensors(self, dtype: torch.dtype | None) -> dict[str, Tensor]:
        """Copies of everything that belongs into the file, under kohya's keys, on the CPU.

        Args:
            dtype: of the file; None keeps the type of the LoRA.
        """
        found: dict[str, Tensor] = {}
        for lora in self.loras:
            down, up = lora.down, lora.up
            if lora.target.file_kind != lora.target.kind:
                down, up = down[:, :, None, None], up[:, :, None, None]
            found.update(tensors_of(lora.name, down, up, lora.alpha, dtype))
        return found

    @torch.no_grad()
    def load(self, file: LoraFile) -> tuple[str, ...]:
        """Takes the weights of a file (`network_weights`).

        Args:
            file: what was read.

        Returns:
            Names of the LoRAs that the file does not have; they stay as they are.

        Raises:
            CaddieError: the file has LoRAs that are not trained here, or of another rank, alpha or shape.
        """
        given = _by_name(file, [lora.target for lora in self.loras])
        problems = [problem for lora in self.loras if lora.name in given for problem in _misfits(lora, given[lora.name])]
        if problems:
            raise _does_not_fit(file, problems)
        for lora in self.loras:
            if lora.name in given:
                weights = given[lora.name]
                lora.down.copy_(weights.down.reshape(lora.down.shape))
                lora.up.copy_(weights.up.reshape(lora.up.shape))
        return tuple(lora.name for lora in self.loras if lora.name not in given)

    def _rated(self, learning_rate: float) -> Iterator[tuple[str, list[LoRAModule], float, float | None]]:
        settings = self._settings
        text = [lora for lora in self.loras if lora.target.part == "text"]
        unet = [lora for lora in self.loras if lora.target.part == "unet"]
        text_rate = learning_rate if settings.text_encoder_lr is None else settings.text_encoder_lr
        unet_rate = learning_rate if settings.unet_lr is None else settings.unet_lr
        yield "textencoder", text, text_rate, settings.lora_plus_text or settings.lora_plus
        ratio = settings.lora_plus_unet or settings.lora_plus
        if self._blocks is None or self._blocks.rates is None:
            yield "unet", unet, unet_rate, ratio
            return
        by_block: dict[int, list[LoRAModule]] = {}
        for lora in unet:
            by_block.setdefault(block_of(lora.name, sdxl=self._sdxl), []).append(lora)
        for block, loras in by_block.items():
            yield f"unet_block{block}", loras, unet_rate * self._blocks.rates[block], ratio


def build_network(
    unet: nn.Module,
    text_encoders: Sequence[nn.Module],
    settings: NetworkSettings,
    *,
    family: Family,
    file: LoraFile | None = None,
    generator: torch.Generator | None = None,
) -> LoraNetwork:
    """Makes the LoRAs of a model, attached and with their first weights: random, or those of a file.

    With the same state of torch's generator the random weights are those of sd-scripts' create_network.

    Args:
        unet: of diffusers.
        text_encoders: of transformers, one or two.
        settings: of the job.
        family: of the model.
        file: the job's `network_weights`, read; None where it has none.
        generator: draws the weights, on the CPU; None for torch's own.

    Raises:
        CaddieError: the settings do not fit the model, or the file does not fit the settings.
    """
    assert (file is not None) == bool(settings.weights), "network_weights has to be read before"
    sdxl = family == "sdxl"
    blocks = read_blocks(settings, sdxl=sdxl)
    from_file = file if settings.dim_from_weights else None
    with_residual = (
        from_file is not None or settings.conv_dim is not None or (blocks is not None and blocks.conv_dims is not None)
    )
    targets = [*text_targets(text_encoders), *unet_targets(unet, family, with_residual=with_residual)]
    given = None if from_file is None else _by_name(from_file, targets)
    dropouts = Dropouts(settings.dropout, settings.rank_dropout, settings.module_dropout)
    wanted = (("unet", settings.train_unet), ("text", settings.train_text))
    parts = frozenset(part for part, is_wanted in wanted if is_wanted)
    loras: list[LoRAModule] = []
    for target in targets:
        dim, alpha = _rank(target, settings, blocks, given, sdxl=sdxl)
        if dim:
            # Made even where it is not trained: it draws from the generator, as it does in sd-scripts.
            lora = LoRAModule(target, dim, alpha, dropouts=dropouts, generator=generator)
            if target.part in parts:
                loras.append(lora)
    network = LoraNetwork(loras, settings, sdxl=sdxl, blocks=blocks)
    if file is not None:
        network.load(_only_parts(file, parts))
    network.attach()
    return network


@torch.no_grad()
def merge_lora(unet: nn.Module, text_encoders: Sequence[nn.Module], file: LoraFile, factor: float, *, family: Family) -> None:
    """Adds a LoRA to the weights of a model for good (`base_weights`).

    Args:
        unet, text_encoders: of the model; in any floating type.
        file: the LoRA.
        factor: that it is multiplied with.
        family: of the model.

    Raises:
        CaddieError: it has LoRAs for layers that this model does not have.
    """
    targets = [*text_targets(text_encoders), *unet_targets(unet, family, with_residual=True)]
    by_name = {target.name: target for target in targets}
    for name, weights in _by_name(file, targets).items():
        layer = by_name[name].module
        product = weights.up.flatten(1).float() @ weights.down.flatten(1).float()
        if product.numel() != layer.weight.numel():
            raise _does_not_fit(file, [f"{name} {tuple(weights.down.shape)}"])
        delta = product.view(layer.weight.shape).to(layer.weight.device) * (factor * weights.alpha / weights.dim)
        layer.weight.copy_(layer.weight.float() + delta)


def _rank(
    target: Target, settings: NetworkSettings, blocks: Blocks | None, given: Mapping[str, Weights] | None, *, sdxl: bool
) -> tuple[int, float]:
    if given is not None:
        weights = given.get(target.name)
        return (weights.dim, weights.alpha) if weights else (0, 0.0)
    is_conv = target.kind == "conv"
    if blocks is None or target.part == "text":
        return (settings.conv_dim or 0, settings.conv_alpha) if is_conv else (settings.dim, settings.alpha)
    block = block_of(target.name, sdxl=sdxl)
    if not is_conv:
        return blocks.dims[block], blocks.alphas[block]
    if blocks.conv_dims is None or blocks.conv_alphas is None:
        return 0, 0.0
    return blocks.conv_dims[block], blocks.conv_alphas[block]


def _norms(loras: Sequence[LoRAModule]) -> Tensor:
    """The Frobenius norm of every LoRA, (loras,); LoRAs of the same shapes are taken together."""
    alike: dict[tuple[torch.Size, torch.Size], list[int]] = {}
    for place, lora in enumerate(loras):
        alike.setdefault((lora.up.shape, lora.down.shape), []).append(place)
    found: list[Tensor] = []
    for places in alike.values():
        up = torch.stack([loras[place].up for place in places]).flatten(2).float()
        down = torch.stack([loras[place].down for place in places]).flatten(2).float()
        # The norm of a product of two thin matrices from their two small Gram matrices: |UD|² = sum(UᵀU * DDᵀ).
        squares = ((up.mT @ up) * (down @ down.mT)).sum(dim=(1, 2))
        found += squares.clamp(min=0).sqrt().unbind()
    ordered = [place for places in alike.values() for place in places]
    by_place = dict(zip(ordered, found, strict=True))
    return torch.stack([by_place[place] * loras[place].scale for place in range(len(loras))])


def _by_name(file: LoraFile, targets: Sequence[Target]) -> dict[str, Weights]:
    names = {target.other_name: target.name for target in targets} | {target.name: target.name for target in targets}
    unknown = [name for name in file.loras if name not in names]
    if unknown:
        raise _does_not_fit(file, unknown)
    return {names[name]: weights for name, weights in file.loras.items()}


def _misfits(lora: LoRAModule, weights: Weights) -> Iterator[str]:
    if weights.dim != lora.dim:
        yield f"{lora.name}: network_dim = {weights.dim} != {lora.dim}"
    elif not math.isclose(weights.alpha, lora.alpha, rel_tol=0.01):  # bfloat16 rounds by up to 0.4 %
        # sd-scripts trains with the job's alpha and writes the file's, so that the saved LoRA is not the trained one.
        yield f"{lora.name}: network_alpha = {weights.alpha:g} != {lora.alpha:g}"
    elif weights.down.numel() != lora.down.numel() or weights.up.numel() != lora.up.numel():
        yield f"{lora.name}: {tuple(weights.down.shape)} != {tuple(lora.down.shape)}"


def _only_parts(file: LoraFile, parts: frozenset[str]) -> LoraFile:
    prefixes = {"unet": "lora_unet_", "text": "lora_te"}
    wanted = tuple(prefixes[part] for part in parts)
    return LoraFile(file.path, {name: one for name, one in file.loras.items() if name.startswith(wanted)}, file.metadata)


def _does_not_fit(file: LoraFile, problems: Sequence[str]) -> CaddieError:
    shown = "; ".join(problems[:3]) + (f"; … ({len(problems)})" if len(problems) > 3 else "")
    return CaddieError(
        Text(
            f"The LoRA {file.path} does not fit this model or these settings: {shown}. "
            "Where it is for this kind of model, dim_from_weights takes its ranks, alphas and layers.",
            f"LoRA {file.path} はこのモデルまたは設定に合いません: {shown}。"
            "この種類のモデル用であれば、dim_from_weights を使うとファイルの rank・alpha・対象層に合わせられます。",
        )
    )
