"""What a job lacks, said before the start."""

from __future__ import annotations

from types import MappingProxyType

from core.job.missing import missing_faults
from core.job.model import Job
from core.options.model import OptionSet
from core.options.snapshot import snapshot_for


def names(**options: object) -> list[str]:
    known = snapshot_for("train_network.py")
    assert known is not None
    return [fault.name for fault in missing_faults(Job(options=MappingProxyType(options)), known)]  # type: ignore[arg-type]


def test_an_empty_job_lacks_model_images_output_and_network() -> None:
    assert names() == ["pretrained_model_name_or_path", "train_data_dir", "output_dir", "network_module"]


def test_each_way_to_name_images_will_do() -> None:
    whole = {"pretrained_model_name_or_path": "m", "output_dir": "o", "network_module": "networks.lora"}
    assert names(**whole) == ["train_data_dir"]
    for name in ("train_data_dir", "dataset_config", "in_json"):
        assert names(**whole, **{name: "x"}) == []
    assert names(**{**whole, "output_dir": ""}, train_data_dir="x") == ["output_dir"]


def test_a_config_file_may_hold_it_and_other_scripts_need_none_of_it() -> None:
    assert names(config_file="mine.toml") == []
    assert missing_faults(Job(), OptionSet(script="other.py", options={}, source="checkout")) == []
