"""What a job's options of `accelerate launch` mean for the built-in trainer. Without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.options.model import OptionValue
from core.text import Text
from core.training.options import OptionReader

LAUNCHER: Final = ("-m", "accelerate.commands.launch")
_NO_EFFECT: Final = (
    "mixed_precision",  # the job's own decides, as in sd-scripts, which hands it to Accelerator by name
    "dynamo_backend",
    "dynamo_mode",
    "num_cpu_threads_per_process",
    "enable_cpu_affinity",
    "quiet",
    "debug",
    "config_file",
    "module",
    "no_python",
    "downcast_bf16",
)
_HANDED_ON: Final = (
    "main_process_ip",
    "main_process_port",
    "same_network",
    "rdzv_backend",
    "rdzv_conf",
    "max_restarts",
    "monitor_interval",
    "role",
    "tee",
    "log_dir",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSettings:
    """How many processes train together, and on what.

    Attributes:
        processes: of all machines; None for one on each GPU.
        machines: how many there are.
        machine: the number of this one, 0-based.
        gpus: `gpu_ids`, the numbers of the GPUs to use; empty for any.
        cpu: nothing but the CPU is used.
        handed_on: further options of the launcher, as the job has them.
    """

    processes: int | None = 1
    machines: int = 1
    machine: int = 0
    gpus: tuple[str, ...] = ()
    cpu: bool = False
    handed_on: Mapping[str, OptionValue]

    @property
    def several(self) -> bool:
        """Whether more than one process trains, so that accelerate's launcher has to start them."""
        return self.machines > 1 or self.processes is None or self.processes > 1

    @property
    def device(self) -> str:
        """The device of a training in one process, in torch's words; "" for the best there is."""
        if self.cpu:
            return "cpu"
        return f"cuda:{self.gpus[0]}" if self.gpus else ""

    def words(self) -> list[str]:
        """The launcher's options. All that its own default configuration might decide otherwise is said."""
        words = ["--multi_gpu", "--mixed_precision", "no", "--dynamo_backend", "no"]
        if self.processes is not None:
            words += ["--num_processes", str(self.processes)]
        words += ["--num_machines", str(self.machines), "--machine_rank", str(self.machine)]
        if self.gpus:
            words += ["--gpu_ids", ",".join(self.gpus)]
        if self.machines == 1 and "main_process_port" not in self.handed_on:
            words += ["--main_process_port", "0"]  # a free one: two trainings at once must not meet
        for name, value in self.handed_on.items():
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        return words


def read_launch(accelerate: Mapping[str, OptionValue], problems: list[Text]) -> LaunchSettings:
    """Reads a job's options of the launcher.

    Args:
        accelerate: their names and values.
        problems: gets what will not do.
    """
    options = OptionReader(accelerate)
    options.ignore(*_NO_EFFECT)
    text = options.value("gpu_ids")
    gpus = () if text is None or text == "all" else tuple(part.strip() for part in str(text).split(",") if part.strip())
    if any(not gpu.isdecimal() for gpu in gpus):
        options.refuse("gpu_ids", text, Text("is no list of numbers", "は GPU 番号の一覧ではありません"))
    processes, machines = options.maybe_integer("num_processes", least=1), options.integer("num_machines", 1, least=1)
    every_gpu = options.flag("multi_gpu")
    settings = LaunchSettings(
        processes=processes or (len(gpus) or None if every_gpu or len(gpus) > 1 else 1),
        machines=machines,
        machine=options.integer("machine_rank", 0, least=0),
        gpus=gpus,
        cpu=options.flag("cpu"),
        handed_on={name: value for name in _HANDED_ON if (value := options.value(name)) not in (None, False)},
    )
    if machines > 1 and processes is None:
        why = Text("needs num_processes, of all machines together", "には全マシンの合計の num_processes が必要です")
        options.refuse("num_machines", machines, why)
    problems += options.problems
    for name in options.unread():
        en = f"{name} is an option of accelerate that the built-in trainer does not have."
        problems.append(Text(en, f"{name} は内蔵トレーナーが対応していない accelerate のオプションです。"))
    return settings
