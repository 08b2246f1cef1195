"""What a window may not show, and what a run cannot say itself."""

from __future__ import annotations

from core.runs.judge import Evidence, judge
from core.runs.log_errors import hide_secrets_in
from core.runs.outcome import Ending

LAUNCHER = (
    "subprocess.CalledProcessError: Command '['python', 'train_network.py', '--wandb_api_key', 'SECRETKEY']' "
    "returned non-zero exit status 1.\n"
)


def test_the_live_log_shows_no_key_and_keeps_everything_else() -> None:
    log = f"steps done\n{LAUNCHER}Namespace(huggingface_token='hush', seed=1)\n"
    shown = hide_secrets_in(log)
    assert "SECRETKEY" not in shown and "hush" not in shown
    assert shown.count("\n") == 3 and shown.startswith("steps done\n") and "exit status 1" in shown
    plain = "epoch 1/2\nsaving checkpoint: /a/b.safetensors\n"
    assert hide_secrets_in(plain) is plain


def test_a_full_disk_explains_an_end_without_words() -> None:
    outcome = judge(Evidence(exit_code=1, steps=45, total_steps=100, disk_full=True))
    assert outcome.ending is Ending.FAILED
    assert outcome.explanation is not None and "full" in outcome.explanation.en
    known = judge(Evidence(exit_code=1, steps=0, disk_full=True, lines=("ModuleNotFoundError: No module named 'x'",)))
    assert known.explanation is not None and "full" not in known.explanation.en
    assert judge(Evidence(exit_code=1, steps=45)).explanation is None
