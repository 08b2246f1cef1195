"""What a job asks of the built-in trainer: read and checked as a whole, before torch is imported and anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import CaddieError
from core.job.model import Job
from core.text import Text
from core.training.data.settings import DataSettings
from core.training.data.settings import read_settings as read_data
from core.training.launch import LaunchSettings, read_launch
from core.training.lora.blocks import read_blocks
from core.training.lora.settings import FileSettings, NetworkSettings, read_file_settings
from core.training.lora.settings import read_settings as read_network
from core.training.models.settings import ModelSettings
from core.training.models.settings import read_settings as read_models
from core.training.objective.settings import ObjectiveSettings
from core.training.objective.settings import read_settings as read_objective
from core.training.options import OptionReader
from core.training.rates.settings import RateSettings
from core.training.rates.settings import read_settings as read_rates
from core.training.settings import (
    LogSettings,
    LoopSettings,
    SampleSettings,
    SaveSettings,
    ValidationSettings,
    read_log,
    read_loop,
    read_samples,
    read_saves,
    read_validation,
)

SCRIPTS = ("train_network.py", "sdxl_train_network.py")
"""The scripts of sd-scripts whose jobs the built-in trainer can run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A job, as each room of the trainer understands it.

    Attributes:
        isolated: a window starts it in a process of its own instead of training it itself.
    """

    job: Job
    models: ModelSettings
    network: NetworkSettings
    files: FileSettings
    data: DataSettings
    objective: ObjectiveSettings
    rates: RateSettings
    loop: LoopSettings
    saves: SaveSettings
    samples: SampleSettings
    validation: ValidationSettings
    log: LogSettings
    warnings: tuple[Text, ...] = ()  # what sd-scripts would warn of, too
    launch: LaunchSettings
    isolated: bool = False


def plan_of(job: Job) -> Plan:
    """Reads a job.

    Raises:
        Problems: all that the built-in trainer cannot do or understand, each by its name.
    """
    own = {f"caddie_{name}": value for name, value in job.builtin.items()}
    options = OptionReader({**job.options, **own})
    if job.script not in SCRIPTS:
        known = ", ".join(SCRIPTS)
        options.refuse(
            "script", job.script, Text(f"is no training that it can do ({known})", f"には対応していません (対応: {known})")
        )
    if job.script.startswith("sdxl_") and options.has("clip_skip"):
        options.warn(
            Text(
                "clip_skip has no effect with SDXL, which always takes the last layer but one.",
                "SDXL では clip_skip は効果がありません。常に最後から 2 番目の層を使います。",
            )
        )
    plan = Plan(
        job=job,
        models=read_models(options),
        network=read_network(options),
        files=read_file_settings(options),
        data=read_data(options),
        objective=read_objective(options),
        rates=read_rates(options),
        loop=read_loop(options),
        saves=read_saves(options),
        samples=read_samples(options),
        validation=read_validation(options),
        log=read_log(options),
        warnings=tuple(options.warnings),  # after all that may warn
        launch=read_launch(job.accelerate, options.problems),
        isolated=options.flag("caddie_isolated"),
    )
    if not plan.saves.folder:
        options.refuse("output_dir", "", Text("is needed", "を指定してください"))
    if plan.data.caches_text and plan.network.train_text:
        why = Text("needs network_train_unet_only", "には network_train_unet_only が必要です")
        options.refuse("cache_text_encoder_outputs", True, why)
    try:
        read_blocks(plan.network, sdxl=job.script.startswith("sdxl_"))
    except CaddieError as error:
        options.problems.append(error.text)
    options.finish()
    return plan
