"""A job to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core.catalogue.catalogue import Catalogue
from core.catalogue.spec import DEFAULT_OPTIMIZER, LrMethod, OptimizerSpec
from core.job.model import Job
from core.options.model import OptionValue


def new_job(spec: OptimizerSpec | None, catalogue: Catalogue | None = None) -> Job:
    """A job for a LoRA of Stable Diffusion 1.5 with one optimizer: what is missing is the model, the images, the output.

    The values suit a GPU of 8 GB and hold nothing that any optimizer refuses.

    Args:
        spec: the optimizer; None for sd-scripts' default.
        catalogue: where the default is looked up.
    """
    if spec is None and catalogue is not None:
        spec = catalogue.get(DEFAULT_OPTIMIZER)
    options: dict[str, OptionValue] = {
        "output_name": "lora",
        "save_model_as": "safetensors",
        "save_precision": "fp16",
        "save_every_n_epochs": 1,
        "caption_extension": ".txt",
        "resolution": "512",
        "enable_bucket": True,
        "network_module": "networks.lora",
        "network_dim": 16,
        "network_alpha": 8.0,
        "train_batch_size": 1,
        "max_train_epochs": 10,
        "seed": 42,
        # bf16 is the better one where the GPU has it, fp16 the one that every NVIDIA GPU has.
        "mixed_precision": "fp16",
        "gradient_checkpointing": True,
        "sdpa": True,
        "cache_latents": True,
        # On Windows starting a loader process takes seconds, and the default starts eight anew in each epoch.
        "max_data_loader_n_workers": 2,
        "persistent_data_loader_workers": True,
    }
    if spec is not None:
        options["optimizer_type"] = spec.optimizer_type
        options.update(options_for(spec, options))
    return Job(options=MappingProxyType(options), accelerate=MappingProxyType({"num_cpu_threads_per_process": 1}))


def options_for(spec: OptimizerSpec, options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """What goes with an optimizer, so that the advice has nothing to say of a new job (a test holds it).

    Args:
        spec: the optimizer.
        options: of the job; its `network_dim` decides the alpha of the emo series.
    """
    found: dict[str, OptionValue] = {}
    if not (spec.lr_method is LrMethod.AUTOMATIC and spec.schedulers.ignored_when):
        found["learning_rate"] = spec.learning_rate.start  # AdaFactor's relative_step finds its own
    scheduler = _scheduler(spec)
    if scheduler is not None:
        found["lr_scheduler"] = scheduler
    if spec.category.id == "emo":
        found["network_alpha"] = float(str(options.get("network_dim", 4)))
    if spec.category.id == "prodigy-schedulefree":
        found["max_grad_norm"] = 0.0  # it limits its updates itself
    if spec.category.id == "sgd":
        found["optimizer_args"] = ["momentum=0.9"]  # what sd-scripts takes, with a warning, where nothing is said
    return found


def _scheduler(spec: OptimizerSpec) -> str | None:
    if spec.schedulers.ignored:
        return None
    return spec.schedulers.fits[0] if spec.schedulers.fits else "cosine"
