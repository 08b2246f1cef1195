"""Jobs as the trainer understands them: everything that is wrong is said at once, and without torch."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from core.errors import Problems
from core.job.model import Job
from core.paths import PROJECT_ROOT
from core.training.plan import plan_of

WHOLE: dict[str, Any] = {
    "pretrained_model_name_or_path": "model.safetensors",
    "train_data_dir": "images",
    "output_dir": "out",
    "network_module": "networks.lora",
    "resolution": "512,512",
}


def _problems(job: Job) -> str:
    with pytest.raises(Problems) as caught:
        plan_of(job)
    return "\n".join(problem.en for problem in caught.value.problems)


def test_a_whole_job_is_understood() -> None:
    plan = plan_of(Job(options=WHOLE | {"optimizer_type": "Prodigy", "optimizer_args": ["d_coef=2"], "network_dim": 16}))
    assert (plan.network.dim, plan.rates.optimizer.name, plan.loop.steps) == (16, "Prodigy", 1600)


def test_all_rooms_tell_their_problems_together() -> None:
    options = WHOLE | {
        "network_dim": 0,
        "mixed_precision": "fp99",
        "loss_type": "l3",
        "network_module": "networks.dylora",
        "deepspeed": True,
        "output_dir": "",
    }
    said = _problems(Job(options=options))
    assert all(name in said for name in options if name not in set(WHOLE) - {"network_module", "output_dir"})


@pytest.mark.parametrize(
    ("script", "options", "name"),
    [
        ("train_network.py", {"zero_terminal_snr": True}, "zero_terminal_snr"),
        ("train_network.py", {"v2": True, "clip_skip": 2}, "clip_skip"),
        ("sdxl_train_network.py", {"clip_skip": 2}, "clip_skip"),
    ],
)
def test_what_sd_scripts_warns_of_is_warned_of(script: str, options: dict[str, Any], name: str) -> None:
    needed = {"pretrained_model_name_or_path": "m", "train_data_dir": "d", "output_dir": "o"}
    (warning,) = plan_of(Job(script=script, options=needed | options)).warnings
    assert warning.en.startswith(name)
    assert plan_of(Job(script=script, options=needed | {"zero_terminal_snr": True, "v_parameterization": True})).warnings == ()


def test_another_script_is_named() -> None:
    assert "flux_train_network.py" in _problems(Job(script="flux_train_network.py", options=WHOLE))


def test_text_that_is_trained_cannot_be_kept() -> None:
    said = _problems(Job(script="sdxl_train_network.py", options=WHOLE | {"cache_text_encoder_outputs": True}))
    assert "network_train_unet_only" in said


def test_a_plan_needs_neither_torch_nor_pillow() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'PIL', 'diffusers', 'transformers'): sys.modules[name] = None\n"
        "from core.job.model import Job\nfrom core.training.plan import plan_of\n"
        f"print(plan_of(Job(options={WHOLE!r})).network.dim)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_ROOT, check=False)
    assert done.stdout.strip() == "4", done.stderr
