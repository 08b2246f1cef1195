"""The tensors of a job's LoRA, group by group, from the checkpoint's header: no weight is read and no torch is needed.

Source: sd-scripts networks/lora.py (create_network, LoRAModule, prepare_optimizer_params).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import CaddieError
from core.job.model import Job
from core.network.layers import Layer, Sizes, text_layers, unet_layers
from core.text import Text
from core.training.lora.blocks import Blocks, block_of, read_blocks
from core.training.lora.settings import NETWORK_MODULE, NetworkSettings, read_settings
from core.training.models.family import UNET, VAE, Family, ModelFacts, look_at_model
from core.training.models.header import Header, read_header
from core.training.models.hub import find_model
from core.training.models.weight_files import weights_of
from core.training.options import OptionReader

ENCODERS = ("text_encoder", "text_encoder_2")


@dataclass(frozen=True, slots=True)
class Model:
    """A checkpoint as its headers describe it.

    Attributes:
        facts: what it is.
        layers: that can get a LoRA, in sd-scripts' order.
        counts: numbers in the weights of "unet", "text" and "vae".
    """

    facts: ModelFacts
    layers: tuple[Layer, ...]
    counts: Mapping[str, int]

    @property
    def family(self) -> Family:
        """What it is."""
        return self.facts.family


@dataclass(frozen=True, slots=True)
class LoraTensor:
    """One matrix of a LoRA.

    Attributes:
        name: as in its file, without `.weight`: `lora_unet_…_to_q.lora_down`.
        sizes: (rank, in[, height, width]) or (out, rank[, 1, 1]).
        part: "unet" or "text".
        is_up: the half that starts at zero.
        encoder: 1 or 2 for a text encoder's, 0 for the U-Net's.
    """

    name: str
    sizes: Sizes
    part: str
    is_up: bool
    encoder: int

    @property
    def count(self) -> int:
        """Its numbers."""
        product = 1
        for size in self.sizes:
            product *= size
        return product


@dataclass(frozen=True, slots=True)
class Shapes:
    """The tensors of a LoRA, or why they are not known.

    Attributes:
        tensors: in sd-scripts' order; None where they are not known.
        why: they are not known; None where they are.
    """

    tensors: tuple[LoraTensor, ...] | None
    why: Text | None = None

    def of_group(self, name: str) -> tuple[LoraTensor, ...]:
        """Those of a parameter group, by sd-scripts' name for it: "unet", "text_encoder", "text_encoder1", without " plus"."""
        number = name.removeprefix("text_encoder").strip(" _")
        if not name.startswith("text_encoder"):
            return tuple(one for one in self.tensors or () if one.part == "unet")
        return tuple(
            one for one in self.tensors or () if one.part == "text" and (not number.isdigit() or one.encoder == int(number))
        )


def read_model(path: Path) -> Model:
    """Reads the headers of a checkpoint: some milliseconds, so in no thread that draws a window.

    Raises:
        CaddieError: nothing there, damaged, or no Stable Diffusion 1, 2 or SDXL.
    """
    facts = look_at_model(path)
    if facts.layout == "single-file":
        return model_from_header(facts, read_header(path))
    encoders = [weights_of(path / part).header() for part in ENCODERS[: 2 if facts.family == "sdxl" else 1]]
    unet, vae = weights_of(path / "unet").header(), weights_of(path / "vae").header()
    layers = [
        *text_layers(encoders, facts.family, single_file=False),
        *unet_layers(unet, facts.family, single_file=False),
    ]
    text = sum(_numbers(header) for header in encoders)
    return Model(facts, tuple(layers), {"unet": _numbers(unet), "text": text, "vae": _numbers(vae)})


def model_from_header(facts: ModelFacts, header: Header) -> Model:
    """A single file's model, from its header."""
    layers = [
        *text_layers([header], facts.family, single_file=True),
        *unet_layers(header, facts.family, single_file=True),
    ]
    text = sum(_numbers(header, prefix) for prefix in ("cond_stage_model.", "conditioner."))
    return Model(facts, tuple(layers), {"unet": _numbers(header, UNET), "text": text, "vae": _numbers(header, VAE)})


def model_of(job: Job) -> Model:
    """The checkpoint that a job names.

    Raises:
        CaddieError: it names none, or as of `read_model`.
    """
    name = job.options.get("pretrained_model_name_or_path")
    if not isinstance(name, str) or not name:
        raise CaddieError(Text("No model is chosen.", "モデルが選ばれていません。"))
    return read_model(find_model(name))


def lora_shapes(job: Job, model: Model) -> Shapes:
    """The tensors of the LoRA that sd-scripts' networks.lora makes for a job."""
    module = job.options.get("network_module", NETWORK_MODULE)
    if module != NETWORK_MODULE:
        return Shapes(
            None,
            Text(
                f"The shapes of {module} are not known; only those of {NETWORK_MODULE} are.",
                f"{module} の形状は不明です。分かるのは {NETWORK_MODULE} だけです。",
            ),
        )
    options = OptionReader(dict(job.options))
    settings = read_settings(options)
    if options.problems:
        return Shapes(None, options.problems[0])
    if settings.dim_from_weights:
        return Shapes(
            None,
            Text(
                "The ranks come from network_weights (dim_from_weights).",
                "ランクは network_weights のファイルで決まります (dim_from_weights)。",
            ),
        )
    sdxl = model.family == "sdxl"
    try:
        blocks = read_blocks(settings, sdxl=sdxl)
    except CaddieError as error:
        return Shapes(None, error.text)
    return Shapes(tuple(_tensors(model, settings, blocks)))


def _tensors(model: Model, settings: NetworkSettings, blocks: Blocks | None) -> Iterator[LoraTensor]:
    sdxl = model.family == "sdxl"
    residual = settings.conv_dim is not None or (blocks is not None and blocks.conv_dims is not None)
    wanted = {"unet": settings.train_unet, "text": settings.train_text}
    for layer in model.layers:
        if not wanted[layer.part] or (layer.is_residual and not residual):
            continue
        rank = _rank(layer, settings, blocks, sdxl=sdxl)
        if rank:
            out, inputs, *window = layer.sizes
            yield LoraTensor(f"{layer.name}.lora_down", (rank, inputs, *window), layer.part, False, layer.encoder)
            yield LoraTensor(f"{layer.name}.lora_up", (out, rank, *([1, 1] if window else [])), layer.part, True, layer.encoder)


def _rank(layer: Layer, settings: NetworkSettings, blocks: Blocks | None, *, sdxl: bool) -> int:
    if blocks is None or layer.part == "text":
        return (settings.conv_dim or 0) if layer.is_large_convolution else settings.dim
    block = block_of(layer.name, sdxl=sdxl)
    if layer.is_large_convolution:
        return blocks.conv_dims[block] if blocks.conv_dims is not None else 0
    return blocks.dims[block]


def _numbers(header: Header, prefix: str = "") -> int:
    total = 0
    for name, sizes in header.shapes.items():
        if name.startswith(prefix):
            product = 1
            for size in sizes:
                product *= size
            total += product
    return total
