"""What a job for sd-scripts lacks. sd-scripts itself finds out after half a minute, and of `output_dir` at the first save."""

from __future__ import annotations

from core.job.check import ValueFault
from core.job.model import Job
from core.options.model import OptionSet
from core.text import Text

_IMAGES = ("train_data_dir", "dataset_config", "in_json")
_NEEDED = {
    "pretrained_model_name_or_path": Text("no base model is given.", "ベースモデルが指定されていません。"),
    "output_dir": Text("no folder for the trained weights is given.", "学習した重みの保存先が指定されていません。"),
    "network_module": Text(
        "no network module is given (networks.lora, say).", "ネットワークモジュールが指定されていません (例: networks.lora)。"
    ),
}


def missing_faults(job: Job, options: OptionSet) -> list[ValueFault]:
    """What has to be given before the script can train, for scripts of sd-scripts (others may need none of it).

    Args:
        job: the job. A `config_file` of its own may hold what is missing; then nothing is said.
        options: what its script accepts; all of sd-scripts' training scripts have `dataset_config`.
    """
    if "dataset_config" not in options.options or "config_file" in job.options:
        return []
    faults = [
        ValueFault("option", name, text)
        for name, text in _NEEDED.items()
        if name in options.options and not job.options.get(name)
    ]
    if not any(job.options.get(name) for name in _IMAGES):
        text = Text(
            "no images are given: a folder, or a dataset config.", "教師画像のフォルダーもデータセット設定も指定されていません。"
        )
        faults.insert(1, ValueFault("option", "train_data_dir", text))
    return faults
