"""The options of accelerate's launcher, as the built-in trainer understands them."""

from __future__ import annotations

from typing import Any

import pytest

from core.text import Text
from core.training.launch import LaunchSettings, read_launch


def read(**options: Any) -> LaunchSettings:
    problems: list[Text] = []
    settings = read_launch(options, problems)
    assert not problems, problems
    return settings


def test_a_job_of_one_process_needs_no_launcher() -> None:
    for options in ({}, {"num_cpu_threads_per_process": 1, "mixed_precision": "bf16"}, {"num_processes": 1}, {"gpu_ids": "1"}):
        assert not read(**options).several


@pytest.mark.parametrize(
    ("options", "device"), [({}, ""), ({"gpu_ids": "1"}, "cuda:1"), ({"cpu": True}, "cpu"), ({"gpu_ids": "all"}, "")]
)
def test_where_one_process_trains(options: dict[str, Any], device: str) -> None:
    assert read(**options).device == device


@pytest.mark.parametrize(
    ("options", "processes"),
    [
        ({"num_processes": 2}, 2),
        ({"gpu_ids": "0,2,3"}, 3),
        ({"multi_gpu": True}, None),  # one on each GPU: the launcher counts them
        ({"multi_gpu": True, "gpu_ids": "0,1"}, 2),
    ],
)
def test_several_processes_are_started_by_the_launcher(options: dict[str, Any], processes: int | None) -> None:
    settings = read(**options)
    assert settings.several and settings.processes == processes
    words = settings.words()
    assert words[words.index("--main_process_port") + 1] == "0"
    assert ("--num_processes" in words) == (processes is not None)


def test_what_belongs_to_several_machines_is_handed_on() -> None:
    words = read(num_processes=4, num_machines=2, machine_rank=1, main_process_ip="10.0.0.1", main_process_port=29500).words()
    assert "--main_process_ip 10.0.0.1 --main_process_port 29500" in " ".join(words)
    assert "--num_machines 2 --machine_rank 1" in " ".join(words)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"use_deepspeed": True}, "use_deepspeed"),
        ({"gpu_ids": "0;1"}, "gpu_ids"),
        ({"num_machines": 2}, "num_machines"),
        ({"num_processes": 0}, "num_processes"),
    ],
)
def test_what_cannot_be_done_is_named(options: dict[str, Any], named: str) -> None:
    problems: list[Text] = []
    read_launch(options, problems)
    (problem,) = problems
    assert problem.en.startswith(named)
