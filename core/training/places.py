"""A plan with whole paths: what is relative in a job starts from a folder, and the process's own folder means nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.training.models.hub import is_hub_name
from core.training.plan import Plan


def at(plan: Plan, base: Path) -> Plan:
    """The plan with every path made whole. A model's name on Hugging Face's hub stays one, unless there is such a folder.

    Args:
        plan: of a job.
        base: what relative paths start from; absolute.
    """

    def whole(path: str) -> str:
        return str(base / path) if path else ""

    def model(name: str) -> str:
        return name if is_hub_name(name) and not (base / name).exists() else whole(name)

    models, network, data = plan.models, plan.network, plan.data
    return replace(
        plan,
        models=replace(
            models,
            pretrained_model_name_or_path=model(models.pretrained_model_name_or_path),
            vae=model(models.vae),
            tokenizer_cache_dir=whole(models.tokenizer_cache_dir),
        ),
        network=replace(
            network,
            weights=whole(network.weights),
            base_weights=tuple((whole(path), factor) for path, factor in network.base_weights),
        ),
        data=replace(
            data,
            train_data_dir=whole(data.train_data_dir),
            reg_data_dir=whole(data.reg_data_dir),
            dataset_config=whole(data.dataset_config),
            base=str(base),
        ),
        saves=replace(plan.saves, folder=whole(plan.saves.folder), resume=whole(plan.saves.resume)),
        samples=replace(plan.samples, prompts=whole(plan.samples.prompts)),
        log=replace(plan.log, folder=whole(plan.log.folder)),
    )
